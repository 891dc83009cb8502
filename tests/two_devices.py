"""Code on a processor that is two devices, which is fixed before TensorFlow starts."""

import pathlib
import subprocess
import sys

_DIVIDE = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""


def run(code):
    """Runs Python code in a process of its own; what it asserts is asserted here."""
    done = subprocess.run(
        [sys.executable, "-c", _DIVIDE + code],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr[-3000:]

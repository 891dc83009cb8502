"""Measures what the project costs on this machine, in units of the machine itself.

    python -m tools.benchmark --output=benchmark.json
    python -m tools.benchmark --rows=generate,attention

Times differ between machines, and with what else runs on them; ratios within one run vary less. So
the machine is measured first: t0, the time of a float32 product of two 4096 x 4096 matrices, and
the rates of matrix products and of convolutions. Each row then has

    its median time, after warming up, measured in turns with t0 and with what it is compared with;
    the operations of its convolutions and matrix products, and their rate as a share of the
    machine's (the higher one of matrix products and convolutions);
    its time in t0;
    the highest memory that the process reached.

Groups of rows, for --rows
    generate    each system's generator as `tfinpaint.load(RUN).generate` calls it: one photograph,
                centre hole
    train       each system's training step with all its losses: per image, batch 4
    memory      highest resident memory of a process that trains the multistage network, batch 6
    attention   each attention layer, forward and with gradients, compared with the released
                formulation (benchmarks/released_formulations.py)
    layers      partial convolution, compared with a plain one
    holes       holes per second of each kind, compared with the same strokes drawn with OpenCV
    pipeline    photographs per second of the input pipeline
    photo       `fill` without detail of a photograph of 12 megapixels, and of one twice as large
                with the same hole
    windows     `fill` of a photograph of 12 megapixels whose hole is strokes, a hatch, a mesh,
                specks or letters, compared with one square of the same area: processor time, number
                of windows (benchmarks/window_rows.py)
    detail      texture for a hole of 300 x 240 in a window of 900 x 900; `fill` with detail of a
                photograph of 12 megapixels
    command     `inpaint` started from the shell: one photograph, compared with `import tensorflow`;
                a folder of 100, compared with the network alone (benchmarks/command_rows.py)
    tflite      each system as a TFLite file, compared with TensorFlow, 256 px: time, bytes, PSNR
                between the fills (benchmarks/tflite_rows.py)
"""

import json
import os
import sys
import tempfile

if not __package__:  # run as python tools/benchmark.py, where only tools/ is on the module path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.settings import SettingsError
from tools.benchmarks.command_rows import command_rows
from tools.benchmarks.data_rows import holes_rows, pipeline_rows
from tools.benchmarks.layer_rows import attention_rows, layers_rows
from tools.benchmarks.measuring import Bench, free, peak_memory
from tools.benchmarks.photo_rows import detail_rows, photo_rows
from tools.benchmarks.system_rows import generate_rows, memory_rows, train_rows
from tools.benchmarks.tflite_rows import tflite_rows
from tools.benchmarks.window_rows import window_rows

settings.define_flags("rows", "repeats", "device", output="File (.json) for the figures.")

GROUPS = {
    "generate": generate_rows,
    "train": train_rows,
    "memory": memory_rows,
    "attention": attention_rows,
    "layers": layers_rows,
    "holes": holes_rows,
    "pipeline": pipeline_rows,
    "photo": photo_rows,
    "windows": window_rows,
    "detail": detail_rows,
    "command": command_rows,
    "tflite": tflite_rows,
}


def main():
    values = flags.FLAGS
    groups = values.rows.split(",") if values.rows else GROUPS
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        raise SettingsError(f"--rows is some of {','.join(GROUPS)}. Got {unknown[0]!r}")
    if values.output and os.path.isdir(values.output):
        raise SettingsError(
            f"--output={values.output} is a folder: a file for the figures is needed, such as "
            "benchmark.json"
        )
    if values.output and not os.access(os.path.dirname(os.path.abspath(values.output)), os.W_OK):
        raise SettingsError(
            f"--output={values.output}: its folder does not exist or cannot be written to"
        )
    command.choose_device(values.device)
    bench = Bench(values.repeats)
    machine = bench.machine()
    print(
        f"t0 {machine.t0:.3f} s; products {machine.product_rate / 1e9:.0f}, convolutions "
        f"{machine.convolution_rate / 1e9:.0f} GFLOP/s"
    )
    print(f"\n{'':44s}{'time':>10s}{'GFLOP':>9s}{'of rate':>9s}{'t0':>9s}{'memory':>9s}  ")
    rows = []
    for group in groups:
        for row in GROUPS[group](bench):
            row = row._replace(memory=row.memory or peak_memory(), t0=row.t0 or bench.t0)
            rows.append(row)
            print(_line(row, machine), flush=True)
            free()
    if values.output:
        found = {
            "machine": machine._asdict(),
            "about": _about(),
            "rows": [row._asdict() for row in rows],
        }
        atomic.write_text(values.output, json.dumps(found, indent=1) + "\n")


def _about():
    import platform

    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "cores": os.cpu_count(),
        "devices": [d.name for d in tf.config.list_physical_devices()],
        "scratch": tempfile.gettempdir(),
    }


def _line(row, machine):
    name = f"{row.name:44s}"
    seconds = (
        f"{row.seconds * 1e3:8.1f}ms" if row.seconds >= 1e-3 else f"{row.seconds * 1e6:8.1f}us"
    )
    rate = max(machine.product_rate, machine.convolution_rate)
    count = (
        f"{row.operations / 1e9:9.1f}{row.operations / row.seconds / rate:9.0%}"
        if row.operations
        else " " * 18
    )
    ratio = f"{row.ratio:.1f}x {row.beside}" if row.ratio else ""
    return (
        f"{name}{seconds:>10s}{count}{row.seconds / row.t0:9.3f}{row.memory / 2**30:8.1f}G  "
        f"{ratio} {row.note}"
    ).rstrip()


if __name__ == "__main__":
    command.run(main)

"""The precision that a run computes in, and whether the processor has instructions for it.

    with precision(settings):
        ...
    line = slow(settings)  # None, or why a step will take long

Without such instructions TensorFlow computes in software, several times slower than in float32.
"""

import contextlib
from typing import Iterator, Optional

import tensorflow as tf

from tfinpaint.processor import described
from tfinpaint.settings import TrainSettings

# {policy: (its flag, the features in /proc/cpuinfo any of which makes it fast)}. Names without
# avx512 or amx are Arm's.
_QUICK = {
    "mixed_bfloat16": ("bfloat16", {"avx512_bf16", "amx_bf16", "bf16"}),
    "mixed_float16": ("mixed_precision", {"avx512_fp16", "amx_fp16", "fphp", "asimdhp"}),
}


@contextlib.contextmanager
def precision(settings: TrainSettings) -> Iterator[None]:
    """A context in which Keras computes as `mixed_precision` and `bfloat16` of the settings say."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(_policy(settings))
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def slow(settings: TrainSettings) -> Optional[str]:
    """A warning that the processor lacks the instructions; None if it has them.

    It is also None if there is a GPU, or if the operating system does not list the features of the
    processor.
    """
    policy = _policy(settings)
    has = set(described("flags", "Features").split())  # the second name is Arm's
    if policy not in _QUICK or not has or tf.config.list_logical_devices("GPU"):
        return None
    flag, quick = _QUICK[policy]
    if has & quick:
        return None
    kind = policy.removeprefix("mixed_")
    return (
        f"this processor has no {kind} instructions: a step takes several times as long as with "
        f"`{flag}=False`"
    )


def _policy(settings: TrainSettings) -> str:
    if settings.mixed_precision:
        return "mixed_float16"
    return "mixed_bfloat16" if settings.bfloat16 else "float32"

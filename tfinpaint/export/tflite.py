"""Writes a trained system as one TFLite file that has only built-in operations.

    OUTPUT/<system>.tflite    signature "fill": image uint8 [1, H, W, 3], mask uint8 [1, H, W, 1]
                              (above 127 = hole) -> filled uint8 [1, H, W, 3]
    OUTPUT/model_card.json

The whole photograph is filled at its own size. A side that is no multiple of the stride is extended
by mirroring, inside the model. Known pixels keep their values. The file has the network's own fill,
without the texture of painting/detail/.

A file for one fixed size is fast. With a file for any size, time and memory depend on the
photograph, and TFLite cannot use its fastest kernels.
"""

import os
from typing import Iterable, Optional, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated

from tfinpaint import atomic, temporary
from tfinpaint.export.model_card import CARD, write_card
from tfinpaint.layers import PartialConv2D, tracing
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.painting.filling import arrays, blended, check, check_blend, hole_of
from tfinpaint.painting.painter import Painter
from tfinpaint.photo import THRESHOLD
from tfinpaint.settings import SettingsError, first_line, os_reason

SIGNATURE = "fill"

# The operations that "int8" computes in 8 bits; all others stay in float32. 8 bits are too coarse
# for holes, attention and the counts of partial convolutions. Besides, TFLite's int8 kernels for
# comparisons end the whole program if the quantization step of a tensor is larger than 1.
_IN_INT8 = {"CONV_2D", "FULLY_CONNECTED", "RELU", "LEAKY_RELU", "ELU"}
_IN_FLOAT = sorted(
    name
    for name in vars(schema_py_generated.BuiltinOperator)
    if name.isupper() and name not in _IN_INT8
)


def export(
    painter: Painter,
    output: str,
    card: dict,
    quantize: str = "none",
    size: Optional[Tuple[int, int]] = None,
    pairs: Iterable = (),
) -> str:
    """Writes `output`/<system>.tflite and the card beside it; returns the file's path.

    painter:   that of a run.
    output:    the folder.
    card:      see model_card.py; it has at least "system".
    quantize:  "none" (float32), "float16" (weights), "dynamic" (weights in 8 bits) or "int8"
               (activations too, if TFLite has a kernel for them).
    size:      height and width of the photographs that the file takes, pixels; None: any.
    pairs:     for "int8": (photo uint8 [H, W, 3], mask uint8 [H, W]), from which TFLite finds the
               ranges of activations.

    Raises: SettingsError if TFLite cannot convert the system (it names the operations that stop
        it), if "int8" is asked for partial convolutions, or if the file cannot be written.
    """
    path = os.path.join(output, f"{card['system']}.tflite")
    content = convert(painter, quantize, size, pairs)
    try:
        paths = [path, os.path.join(output, CARD)]
        with atomic.folder(output), atomic.replacing_all(paths) as (beside, card_beside):
            with open(beside, "wb") as f:
                f.write(content)
            write_card(
                card_beside,
                {
                    **card,
                    "format": "tflite",
                    "quantize": quantize,
                    "size": size or "any",
                    "stride": painter.stride,
                    "detail": "off",
                    "bytes": len(content),
                    "signature": SIGNATURE,
                },
            )
    except OSError as error:
        raise SettingsError(f"`output={output!r}` cannot be written: {os_reason(error)}") from error
    return path


def convert(
    painter: Painter,
    quantize: str = "none",
    size: Optional[Tuple[int, int]] = None,
    pairs: Iterable = (),
) -> bytes:
    """The content of the file; see `export`."""
    if quantize == "int8" and any(
        isinstance(layer, PartialConv2D) for layer in painter.system.generator.submodules
    ):
        # If one pixel in a window of thousands is known, the layer multiplies its convolution by
        # thousands, and the 8-bit steps with it.
        raise SettingsError(
            "`quantize='int8'` is not for partial convolutions, which divide the output of "
            "CONV_2D by the share of known pixels and so enlarge its 8-bit steps: "
            "`quantize='dynamic'` makes as small a file"
        )
    specification = getattr(painter.system, "specification", None)
    if quantize == "int8" and specification and not specification.eight_bits:
        raise SettingsError(
            f"`quantize='int8'` is not for {specification.name}, because TFLite cannot find the "
            "ranges of its activations: `quantize='dynamic'` makes as small a file"
        )
    height, width = size or (None, None)
    module = tf.Module()
    module.weights = list(painter.system.generator.variables)

    @tf.function(
        input_signature=[
            tf.TensorSpec([1, height, width, channels], tf.uint8) for channels in (3, 1)
        ],
        autograph=False,
    )
    def fill(image, mask):
        # In float32, because TFLite can neither compare nor select uint8.
        filled = painter.fill_whole(
            tf.cast(image[0], tf.float32), tf.cast(mask[0], tf.float32) > THRESHOLD
        )
        return {"filled": tf.expand_dims(tf.cast(filled, tf.uint8), 0)}

    module.fill = fill
    with temporary.folder("tfinpaint-") as folder:
        _save(module, folder)
        try:
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if quantize != "none":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantize == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if quantize == "int8":
                pairs = list(pairs)
                converter.representative_dataset = lambda: (
                    (SIGNATURE, _inputs(*pair)) for pair in pairs
                )
                options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=_IN_FLOAT)
                return tf.lite.experimental.QuantizationDebugger(
                    converter=converter, debug_options=options
                ).get_nondebug_quantized_model()
            return converter.convert()
        except Exception as error:  # the converter's own exception classes are private
            if type(error).__name__ != "ConverterError":
                raise
            raise SettingsError(
                f"TFLite has no operation for {_culprits(str(error))} (`format='tflite'`, "
                f"`quantize={quantize!r}`)"
            ) from error


def _save(module, folder):
    """Writes the SavedModel that is converted."""
    with tracing.static_sizes():
        signatures = {SIGNATURE: module.fill.get_concrete_function()}
        try:
            tf.saved_model.save(module, folder, signatures=signatures)
        except (OSError, tf.errors.OpError) as error:
            raise SettingsError(
                f"{temporary.place()} cannot be written: {os_reason(error)}"
            ) from error


class TFLitePainter(BasePainter):
    """Fills photographs of the size that a TFLite file takes, with the network's own fill.

    `feather` must be 0, because the file fills nothing beyond the hole. `detail` has no effect.

    content: the file.
    threads: threads that TFLite may use.
    """

    def __init__(self, content: bytes, threads: int = 2):
        self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
        # A signature runner alone does not use TFLite's fast kernels (XNNPACK).
        self._interpreter.allocate_tensors()
        self._runner = self._interpreter.get_signature_runner(SIGNATURE)

    def _fill(self, photo, mask, options):
        if options.feather:
            raise ValueError(
                "`feather` is 0 for a TFLite file, which fills the hole and nothing beyond it. "
                f"Got {options.feather}"
            )
        photo, mask = arrays(photo, mask)
        check(photo, mask, options.grow)
        check_blend(options.blend)
        hole = hole_of(mask, options.grow)
        filled = self._runner(**_inputs(photo, 255 * hole))["filled"][0]
        return blended(filled, hole, options.blend)


def _inputs(photo, mask):
    return {"image": photo[np.newaxis], "mask": mask[np.newaxis, ..., np.newaxis]}


def _culprits(message):
    """The operations that a converter's error lists."""
    lines = [
        line.strip().split("(")[0]
        for line in message.splitlines()
        if line.strip().startswith("tf.")
    ]
    return ", ".join(dict.fromkeys(lines)) or first_line(ValueError(message))

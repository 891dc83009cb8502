"""The signatures of an exported model, as TensorFlow Serving calls them.

    serving_default   image_bytes string [B], mask_bytes string [B] -> filled_bytes string [B], PNG.
                      A batch may mix sizes.
    tensors           image uint8 [B, H, W, 3], mask uint8 [B, H, W, 1] -> filled uint8 [B, H, W, 3]
    sample            only for systems that have several fills for one hole: as serving_default, but
                      with seed int32 [B], at least 0, which chooses a fill. The other signatures
                      return the fill of seed 0.

Photographs and masks are JPEG, PNG, BMP or the first picture of a GIF, and are turned upright. In a
mask, white (above 127) is hole. decoding.py reads them, and refuses files that it cannot read
correctly.

Photographs are filled one after another, each by itself. One window holds all holes of a photograph
and their context. `Painter.fill_window` fills it, and the fill is pasted back. All known pixels
keep their values.

An error ends the whole request: bytes that are no such picture, a file that is refused, a mask of
another size than its photograph, or a mask without a hole.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.export.decoding import decode_image, decode_mask
from tfinpaint.painting.boxes import Context
from tfinpaint.photo import THRESHOLD

_FILES = tf.TensorSpec([None], tf.string)


def servable(painter: Any, detail: str = "auto") -> tf.Module:
    """The module to be saved by tf.saved_model.save.

    It has the signatures, the weights and `fill_window` of the painter, and nothing else; and also
    `fill_sample` if the system has several fills for one hole.

    painter: a `Painter`.
    detail: "auto" or "off", for the signatures.
    """
    exported = tf.Module()
    exported.weights = list(painter.system.generator.variables)
    exported.fill_window = painter.fill_window

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, c], tf.uint8) for c in (3, 1)], autograph=False
    )
    def fill_photo(photo, mask):
        return _fill_photo(painter, photo, mask, detail == "auto")

    @tf.function(input_signature=[_FILES, _FILES], autograph=False)
    def serving_default(image_bytes, mask_bytes):
        _check_batch("image_bytes", image_bytes, "mask_bytes", mask_bytes)
        filled = tf.map_fn(
            lambda files: tf.io.encode_png(
                fill_photo(decode_image(files[0]), decode_mask(files[1]))
            ),
            (image_bytes, mask_bytes),
            fn_output_signature=tf.string,
            parallel_iterations=1,
        )
        return {"filled_bytes": filled}

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, c], tf.uint8) for c in (3, 1)],
        autograph=False,
    )
    def tensors(image, mask):
        _check_batch("image", image, "mask", mask)
        filled = tf.cond(
            tf.shape(image)[0] > 0,
            lambda: tf.map_fn(
                lambda pair: fill_photo(*pair),
                (image, mask),
                fn_output_signature=tf.TensorSpec(image.shape[1:], tf.uint8),
                parallel_iterations=1,
            ),
            lambda: image,  # map_fn cannot stack no pictures of unknown size
        )
        return {"filled": filled}

    exported.serving_default, exported.tensors = serving_default, tensors
    if "seed" in painter.fill_inputs:
        exported.fill_sample = painter.fill_sample
        exported.sample = _sample(painter, detail == "auto")
    return exported


def names(exported: tf.Module) -> tuple:
    """The names of a module's signatures."""
    return ("serving_default", "tensors") + (("sample",) if hasattr(exported, "sample") else ())


def _sample(painter, with_detail):
    @tf.function(input_signature=[_FILES, _FILES, tf.TensorSpec([None], tf.int32)], autograph=False)
    def sample(image_bytes, mask_bytes, seed):
        _check_batch("image_bytes", image_bytes, "mask_bytes", mask_bytes)
        _check_batch("image_bytes", image_bytes, "seed", seed)
        filled = tf.map_fn(
            lambda one: tf.io.encode_png(
                _fill_photo(painter, decode_image(one[0]), decode_mask(one[1]), with_detail, one[2])
            ),
            (image_bytes, mask_bytes, seed),
            fn_output_signature=tf.string,
            parallel_iterations=1,
        )
        return {"filled_bytes": filled}

    return sample


def _fill_photo(painter, photo, mask, with_detail, seed=None):
    """photo uint8 [H, W, 3], mask uint8 [H, W, 1] -> uint8 [H, W, 3].

    seed: chooses a fill of a system that has several; None for one that has not.
    """
    size, mask_size = tf.shape(photo)[:2], tf.shape(mask)[:2]
    hole = mask > THRESHOLD  # [H, W, 1]
    fits = _checked(
        tf.reduce_all(size == mask_size),
        "A mask has the size of its photograph, {} (height, width). Got {}",
        size,
        mask_size,
    )
    with tf.control_dependencies([fits]):
        some = _checked(
            tf.reduce_any(hole),
            f"The mask has no hole: no pixel is above {THRESHOLD}. Got {{}} as the brightest",
            tf.reduce_max(mask),
        )
    with tf.control_dependencies([some]):  # the message must come before any other error
        hole = tf.identity(hole)
    rows, columns = (tf.reduce_any(hole, axis=axes) for axes in ((1, 2), (0, 2)))
    top, bottom, height = _extent(rows, painter.stride, painter.context, columns)
    left, right, width = _extent(columns, painter.stride, painter.context, rows)
    hole_here = tf.cast(hole[top:bottom, left:right], tf.uint8)  # [h, w, 1]
    fill, which = (painter.fill_window, []) if seed is None else (painter.fill_sample, [seed])
    window = fill(
        photo[top:bottom, left:right], hole_here, hole_here, with_detail, *which
    )  # [h, w, 3]
    pasted = tf.pad(window, [[top, height - bottom], [left, width - right], [0, 0]])  # [H, W, 3]
    return tf.where(hole, pasted, photo)


def _extent(missing, stride, context=Context(), other=None):
    """The window around all holes along one axis, as in `boxes.window_around`.

    missing: bool [N], whether a row or column of this axis has a missing pixel.
    other: the same for the other axis, [M]; it is used only if the context is centred.

    Returns: the first position, the last + 1, and N.
    """
    (first, last), limit = _ends(missing), tf.size(missing)
    side = last - first
    if context.centred:
        begin, end = _ends(other)
        side = tf.maximum(side, end - begin)
    share = tf.cast(tf.math.ceil(context.share * tf.cast(side, tf.float32)), tf.int32)
    wanted = side + 2 * tf.maximum(context.least, share)
    side = tf.minimum((wanted + stride - 1) // stride * stride, limit)
    begin = tf.clip_by_value((first + last - side) // 2, 0, limit - side)
    return begin, begin + side, limit


def _ends(missing):
    """bool [N] -> the first missing position, and the last + 1."""
    places = tf.cast(tf.where(missing)[:, 0], tf.int32)
    return places[0], places[-1] + 1


def _check_batch(name, one, other_name, other):
    sizes = tf.shape(one)[0], tf.shape(other)[0]
    _checked(
        sizes[0] == sizes[1],
        f"{name} and {other_name} have one entry for each photograph. Got {{}} and {{}}",
        *sizes,
    )


def _checked(condition, message, *values):
    """An operation that ends the request with a message unless the condition holds."""
    return tf.debugging.Assert(condition, [tf.strings.format(message, values)])

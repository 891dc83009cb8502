"""Decodes picture files inside an exported graph: correctly, or not at all.

    decode_image   bytes -> uint8 [H, W, 3]
    decode_mask    bytes -> uint8 [H, W, 1], brightness, to which `THRESHOLD` is applied

TensorFlow's decoders read some files wrongly, without an error. They take the indices of a palette
BMP for grey values, ignore a BMP's colour masks, do not blend a transparent GIF, drop the low byte
of 16 bits, use a fast and inexact transform for JPEG, and ignore the orientation. So the headers of
a file are read first, with operations of TensorFlow alone. Each kind of file is then read as
`tfinpaint.photo` reads it, or refused with a line that says what it is (InvalidArgumentError).
Pictures are turned upright.

Positions are int64 scalars that count bytes of the file. Bytes beyond its end are zeros.
"""

import tensorflow as tf

from tfinpaint.photo import THRESHOLD

_ENDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP", b"GIF8": "GIF"}
_BEYOND = 64  # zeros after the end of a file, so that reading a broken one fails nowhere
_XMP_ORIENTATION = r'(?s)^.*?tiff:Orientation(?:="|>)([0-9]).*$'
_TYPES = {3: 2, 4: 4}  # {type of a TIFF tag with an orientation, short or long: its bytes}


def decode_image(contents: tf.Tensor) -> tf.Tensor:
    """A photograph, string [] -> uint8 [H, W, 3]. Its alpha channel is ignored."""
    with tf.name_scope("image_bytes"):
        return tf.ensure_shape(_decode(contents, "image_bytes", 3), [None, None, 3])


def decode_mask(contents: tf.Tensor) -> tf.Tensor:
    """A mask, string [] -> uint8 [H, W, 1].

    The result is its luminance or, for strokes painted on a transparent layer, its alpha channel,
    as in `read_hole`.
    """
    with tf.name_scope("mask_bytes"):
        mask = _decode(contents, "mask_bytes", 0)  # [H, W, 1 to 4]
        channels = tf.shape(mask)[2]
        luminance = tf.cond(channels < 3, lambda: mask[..., :1], lambda: _luminance(mask))
        return tf.cond(channels % 2 == 0, lambda: _strokes(mask, luminance), lambda: luminance)


def _luminance(mask):
    """Luminance (ITU-R 601) as Pillow computes it: uint8 [H, W, 3 or 4] -> uint8 [H, W, 1]."""
    weighed = tf.cast(mask[..., :3], tf.int32) * [19595, 38470, 7471]
    return tf.cast((tf.reduce_sum(weighed, -1, keepdims=True) + 0x8000) // 0x10000, tf.uint8)


def _strokes(mask, luminance):
    """The alpha channel [H, W, 1] if it varies and all visible pixels have the same colour.

    Otherwise the luminance.
    """
    alpha = mask[..., -1:]
    visible = tf.cond(
        tf.reduce_any(alpha > THRESHOLD), lambda: alpha > THRESHOLD, lambda: alpha > 0
    )[..., 0]  # [H, W]
    colours = tf.boolean_mask(mask[..., :-1], visible)  # [visible pixels, 1 or 3]
    spread = tf.reduce_max(colours, axis=0) - tf.reduce_min(colours, axis=0)
    varies = tf.reduce_max(alpha) > tf.reduce_min(alpha)
    return tf.cond(
        tf.logical_and(varies, tf.reduce_all(spread <= 8)), lambda: alpha, lambda: luminance
    )


def _decode(contents, name, channels):
    """Decodes a file to uint8 [H, W, channels], upright.

    name: that of the input, for messages. channels: 0 for as many as the file has.
    """
    file = _File(contents, name)
    kinds = [file.begins(end) for end in _ENDS]
    known = file.check(
        tf.reduce_any(kinds), "no JPEG, PNG, BMP or GIF, or an empty file: no other kind is read"
    )
    with tf.control_dependencies([known]):
        kind = tf.argmax(kinds, output_type=tf.int32)
    readers = (_read_jpeg, _read_png, _read_bmp, _read_gif)
    pixels, turn = tf.switch_case(
        kind, [lambda read=read: read(file, channels) for read in readers]
    )
    return _turned(tf.ensure_shape(pixels, [None, None, channels or None]), turn)


class _File:
    """The bytes of a file as numbers, and the name of the input in messages."""

    def __init__(self, contents, name):
        self.contents, self._name = contents, name
        raw = tf.io.decode_raw(contents, tf.uint8)
        self.size = tf.size(raw, out_type=tf.int64)
        self.bytes = tf.pad(raw, [[0, _BEYOND]])  # [size + _BEYOND]

    def number(self, at, count, little=False):
        """The number of `count` bytes at a position, int64 [], or at several, [N]."""
        at = tf.clip_by_value(tf.cast(at, tf.int64), 0, self.size)[..., tf.newaxis]
        digits = tf.cast(tf.gather(self.bytes, at + tf.range(count, dtype=tf.int64)), tf.int64)
        weights = [256**k for k in range(count)]
        return tf.reduce_sum(
            digits * tf.constant(weights if little else weights[::-1], tf.int64), -1
        )

    def has(self, at, text):
        """Whether the file has these bytes at a position. text: at most `_BEYOND` bytes."""
        at = tf.clip_by_value(tf.cast(at, tf.int64), 0, self.size)
        return tf.reduce_all(self.bytes[at : at + len(text)] == list(text))

    def begins(self, text):
        return self.has(0, text)

    def check(self, condition, what, *values):
        """An operation that refuses the file with a message unless the condition holds."""
        message = tf.strings.format(f"{self._name}: {what}", values)
        return tf.debugging.Assert(condition, [message])


def _int(value):
    return tf.constant(value, tf.int64)


def _number(text):
    """Four characters as a big-endian number."""
    return int.from_bytes(text, "big")


def _read_jpeg(file, channels):
    def goes_on(at, *_):
        marker = file.number(at, 2)
        return (at + 4 <= file.size) & (marker >= 0xFF01) & (marker != 0xFFDA) & (marker != 0xFFD9)

    def step(at, exif, xmp, xmp_size, components):
        marker = file.number(at + 1, 1)
        size = file.number(at + 2, 2)
        filling = marker == 0xFF
        bare = (marker == 1) | ((marker >= 0xD0) & (marker <= 0xD8))
        is_exif = (marker == 0xE1) & file.has(at + 4, b"Exif\0\0") & (exif == 0)
        is_xmp = (marker == 0xE1) & file.has(at + 4, b"http://ns.adobe.com/xap/1.0/\0")
        is_frame = (marker >= 0xC0) & (marker <= 0xCF)
        is_frame &= (marker != 0xC4) & (marker != 0xC8) & (marker != 0xCC)
        return (
            at + tf.where(filling, _int(1), tf.where(bare, _int(2), 2 + size)),
            tf.where(is_exif, at + 10, exif),
            tf.where(is_xmp, at + 4, xmp),
            tf.where(is_xmp, size - 2, xmp_size),
            tf.where(is_frame, file.number(at + 9, 1), components),
        )

    _, exif, xmp, xmp_size, components = tf.while_loop(
        goes_on, step, tuple(map(_int, (2, 0, 0, 0, 0)))
    )
    fit = [
        file.check(components > 0, "Invalid JPEG: its header is damaged or incomplete"),
        file.check(
            components != 4,
            "a JPEG in four colours (CMYK), whose colours depend on its profile: convert it to RGB",
        ),
    ]
    with tf.control_dependencies(fit):
        # The exact transform, as everywhere else. The fast one changes pixels by up to 4 levels.
        pixels = tf.io.decode_jpeg(file.contents, channels, dct_method="INTEGER_ACCURATE")
    return pixels, _orientation(file, exif, xmp, xmp_size)


def _read_png(file, channels):
    bits, colour = file.number(24, 1), file.number(25, 1)

    def goes_on(at, *_):
        return (at + 12 <= file.size) & (file.number(at + 4, 4) != _number(b"IEND"))

    def step(at, exif, xmp, xmp_size, hidden, clear):
        size, kind = file.number(at, 4), file.number(at + 4, 4)
        is_exif = kind == _number(b"eXIf")
        is_text = kind == _number(b"iTXt")
        is_xmp = is_text & file.has(at + 8, b"XML:com.adobe.xmp\0")
        packed = is_xmp & (file.number(at + 26, 1) != 0)
        is_text |= (kind == _number(b"tEXt")) | (kind == _number(b"zTXt"))
        return (
            at + 12 + size,
            tf.where(is_exif, at + 8, exif),
            tf.where(is_xmp & ~packed, at + 8, xmp),
            tf.where(is_xmp & ~packed, size, xmp_size),
            hidden | packed | (is_text & file.has(at + 8, b"Raw profile type exif\0")),
            clear | (kind == _number(b"tRNS")),
        )

    _, exif, xmp, xmp_size, hidden, clear = tf.while_loop(
        goes_on,
        step,
        (*map(_int, (8, 0, 0, 0)), tf.constant(False), tf.constant(False)),
    )
    turn = _orientation(file, exif, xmp, xmp_size)
    fit = [
        file.check(
            (turn > 0) | ~hidden,
            "a PNG whose orientation may stand in a compressed text: save it again without that "
            "text",
        )
    ]
    if not channels:  # a mask: of a photograph, transparency is ignored
        fit.append(
            file.check(
                ~clear | (colour == 3),
                "a PNG in which one colour is transparent (tRNS): save it with an alpha channel",
            )
        )
    with tf.control_dependencies(fit):
        pixels = tf.cond(
            bits == 16,
            lambda: _rounded(tf.io.decode_png(file.contents, channels, tf.uint16)),
            lambda: tf.io.decode_png(file.contents, channels),
        )
    return pixels, turn


def _rounded(pixels):
    """uint16 -> uint8, rounded to the nearest."""
    return tf.cast((tf.cast(pixels, tf.int32) + 128) // 257, tf.uint8)


def _read_bmp(file, channels):
    header, bits = file.number(14, 4, True), file.number(28, 2, True)
    packing, colours = file.number(30, 4, True), file.number(46, 4, True)
    width, height = file.number(18, 4, True), file.number(22, 4, True)
    height = tf.minimum(height, 2**32 - height)  # it is negative if the first row is the top one
    end = file.number(10, 4, True) + height * ((width * bits + 31) // 32 * 4)
    fit = [
        file.check(
            (header >= 40) & (header <= 124),
            "a BMP of an old kind, with a header of {} bytes",
            header,
        ),
        file.check(
            (bits == 8) | (bits == 24) | (bits == 32),
            "a BMP with {} bits per pixel: those with 8, 24 and 32 are read",
            bits,
        ),
        file.check(packing == 0, "a BMP that is compressed or has colour masks (kind {})", packing),
        file.check(
            (bits != 8) | (colours <= 256), "Invalid BMP: it has {} colours in its palette", colours
        ),
        file.check(end <= file.size, "Invalid BMP: it ends before its pixels do"),
    ]
    with tf.control_dependencies(fit):
        # The decoder does not accept bytes after the pixels.
        whole = tf.strings.substr(file.contents, _int(0), end)
        pixels = tf.io.decode_bmp(whole)  # [H, W, 1, 3 or 4]
    # Without colour masks, the fourth byte of a 32-bit pixel has no meaning.
    rgb = tf.cond(
        bits == 8,
        lambda: _of_palette(file, tf.cast(pixels, tf.int64), 14 + header, colours),
        lambda: pixels[..., :3],
    )
    return rgb, _int(1)


def _of_palette(file, indices, at, colours):
    """The colours of palette indices [H, W, 1], uint8 [H, W, 3]. Missing entries are black."""
    colours = tf.where(colours == 0, _int(256), colours)
    places = tf.range(256, dtype=tf.int64)[:, tf.newaxis]  # [256, 1]
    entries = tf.clip_by_value(at + 4 * places + [2, 1, 0], 0, file.size)  # stored blue first
    palette = tf.where(places < colours, tf.gather(file.bytes, entries), tf.constant(0, tf.uint8))
    return tf.gather(palette, indices[..., 0])


def _read_gif(file, channels):
    del channels  # always three
    flags = file.number(10, 1)
    table = tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), _int(0))

    def goes_on(at, in_block, *_):
        return (at < file.size) & (in_block | (file.number(at, 1) == 0x21))

    def step(at, in_block, clear):
        # An extension is 0x21, a label, and blocks that begin with their size; size 0 ends them.
        size = file.number(at, 1)
        control = ~in_block & (file.number(at + 1, 1) == 0xF9)
        return (
            tf.where(in_block, at + 1 + size, at + 2),
            ~in_block | (size > 0),
            clear | (control & (file.number(at + 3, 1) % 2 == 1)),
        )

    at, _, clear = tf.while_loop(
        goes_on, step, (13 + table, tf.constant(False), tf.constant(False))
    )
    whole = (file.number(at + 1, 4) == 0) & (file.number(at + 5, 4) == file.number(6, 4))
    fit = [
        file.check(file.number(at, 1) == 0x2C, "Invalid GIF: it is damaged or has no picture"),
        file.check(whole, "a GIF whose first picture does not cover all of it"),
        file.check(~clear, "a GIF with transparent parts: save it as PNG"),
    ]
    with tf.control_dependencies(fit):
        return tf.io.decode_image(file.contents, 3, expand_animations=False), _int(1)


def _orientation(file, exif, xmp, xmp_size):
    """The orientation in a file's metadata: 1 to 8, or 0 if it has none.

    exif: the position of the TIFF header of its EXIF data. xmp: the position of its XMP data. Both
        are 0 if there is none.
    """
    exif = tf.where(file.has(exif, b"Exif\0\0"), exif + 6, exif)
    little = file.has(exif, b"II")
    there = (exif > 0) & (little | file.has(exif, b"MM"))

    def number(at, count):
        return tf.where(little, file.number(at, count, True), file.number(at, count))

    directory = exif + number(exif + 4, 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))  # [tags]
    kinds = number(entries + 2, 2)
    values = tf.zeros_like(kinds)
    for kind, count in _TYPES.items():
        values = tf.where(kinds == kind, number(entries + 8, count), values)
    fits = (number(entries, 2) == 0x0112) & (values >= 1) & (values <= 8) & there
    of_exif = tf.reduce_max(tf.where(fits, values, tf.zeros_like(values)))
    of_exif = tf.maximum(of_exif, 0)  # without tags, the maximum is the least int64

    def of_xmp():
        text = tf.strings.substr(file.contents, xmp, tf.minimum(xmp_size, file.size - xmp))
        digit = tf.strings.regex_replace(text, _XMP_ORIENTATION, r"\1")
        is_digit = tf.strings.regex_full_match(digit, "[1-8]")
        return tf.strings.to_number(tf.where(is_digit, digit, "0"), tf.int64)

    return tf.cond((of_exif == 0) & (xmp > 0) & (xmp < file.size), of_xmp, lambda: of_exif)


def _turned(pixels, orientation):
    """Turns [H, W, C] upright, by the orientation of EXIF, 1 to 8 (0 is as 1)."""

    def is_one_of(*values):
        return tf.reduce_any(orientation == tf.constant(values, tf.int64))

    pixels = tf.cond(orientation >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
    for axis, values in ((0, (3, 4, 7, 8)), (1, (2, 3, 6, 7))):
        pixels = tf.cond(
            is_one_of(*values),
            lambda pixels=pixels, axis=axis: tf.reverse(pixels, [axis]),
            lambda pixels=pixels: pixels,
        )
    return pixels

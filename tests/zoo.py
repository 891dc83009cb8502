"""A zoo of picture files, each with the array that it was made from.

`animals()` yields an `Animal` for each: formats x modes x bits x orientations x profiles x damage.
TIFF, PNG and BMP are written here, byte by byte, so that kinds exist that no library writes.
"""

import io
import itertools
import struct
import zlib
from typing import NamedTuple, Optional

import cv2
import numpy as np
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
HEIGHT, WIDTH = 19, 23


class Animal(NamedTuple):
    """A file, what must be read of it, and by how many levels that may be off.

    refused: the words of the message instead.
    """

    name: str
    content: bytes
    colour: Optional[np.ndarray] = None  # uint8 [H, W, 3], upright
    alpha: Optional[np.ndarray] = None  # uint8 [H, W]
    off: int = 0
    refused: str = ""


def smooth(channels=3, top=255):
    """A ramp in each direction, [H, W, C], 0 to top: each rotation is a different picture."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / np.array([HEIGHT, WIDTH]).reshape(2, 1, 1)
    ramps = [rows, columns, (rows + columns) / 2, 1 - rows * columns, (1 - rows) * columns]
    found = np.round(np.stack(ramps[:channels], axis=-1) * top)
    return found.astype(np.uint8 if top < 256 else np.uint16)


def noise(channels=3, top=255, seed=0):
    found = np.random.default_rng(seed).integers(0, top + 1, (HEIGHT, WIDTH, channels))
    return found.astype(np.uint8 if top < 256 else np.uint16)


def rgb(grey):
    return np.repeat(grey.reshape(HEIGHT, WIDTH, 1), 3, axis=2)


def stored(upright, orientation):
    """The way that a camera stores it: the inverse of what the tag asks for."""
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    return np.ascontiguousarray(turned)


# ------------------------------------------------------------------------------------------- EXIF


def exif_block(orientation, damage="", order="<", prefix=b"Exif\0\0"):
    """An EXIF block with an orientation, a camera's name and GPS, damaged in a way.

    damage: "", "type" (a GPS tag of a wrong type), "pointer" (GPS lies beyond the end), "cut" (the
        block ends in the camera's name), "count" (more entries are announced than there are),
        "long" (the orientation is written as LONG).
    """
    mark = b"II" if order == "<" else b"MM"
    make = b"A camera\0"
    start, entries = 8, 3
    text_at = start + 2 + entries * 12 + 4
    gps_at = text_at + len(make) + 1
    kind, value = (
        (4, struct.pack(order + "I", orientation))
        if damage == "long"
        else (
            3,
            struct.pack(order + "HH", orientation, 0),
        )
    )
    pointer = 2**31 if damage == "pointer" else gps_at
    count = 90 if damage == "count" else entries
    block = mark + struct.pack(order + "HI", 42, start) + struct.pack(order + "H", count)
    block += struct.pack(order + "HHII", 0x010F, 2, len(make), text_at)
    block += struct.pack(order + "HHI", 0x0112, kind, 1) + value
    block += struct.pack(order + "HHII", 0x8825, 4, 1, pointer)
    block += struct.pack(order + "I", 0) + make + b"\0"
    wrong = struct.pack(order + "HHII", 0, 3 if damage == "type" else 1, 4, 0x00000302)
    block += struct.pack(order + "H", 1) + wrong + struct.pack(order + "I", 0)
    return prefix + (block[: text_at + 3] if damage == "cut" else block)


DAMAGES = ("", "type", "pointer", "cut", "count", "long")


# -------------------------------------------------------------------------------------------- TIFF


def pack_bits(data):
    """PackBits, literal runs alone."""
    return b"".join(
        bytes([len(data[at : at + 128]) - 1]) + data[at : at + 128]
        for at in range(0, len(data), 128)
    )


def _packed_rows(samples, bits, order):
    """Rows of [rows, n] as bytes, the highest bit first; a row begins at a byte."""
    if bits == 8:
        return samples.astype(np.uint8).tobytes()
    if samples.dtype.kind == "f":
        return samples.astype(f"{order}f{bits // 8}").tobytes()
    if bits == 16:
        return samples.astype(order + "u2").tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    ones = (samples[..., np.newaxis].astype(np.int64) >> shifts) & 1
    return np.packbits(ones.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


def _differences_of_bytes(data, rows, size, channels):
    """TIFF's predictor 3, of big-endian numbers of `size` bytes."""
    numbers = np.frombuffer(data, np.uint8).reshape(rows, -1, size)  # [rows, numbers, bytes]
    numbers = numbers.swapaxes(1, 2).reshape(rows, -1, channels).copy()
    numbers[:, 1:] = numbers[:, 1:] - numbers[:, :-1]
    return numbers.tobytes()


def tiff(
    samples,
    photometric,
    bits=8,
    order="<",
    apart=False,
    compression=1,
    predictor=1,
    tile=None,
    rows_per_strip=None,
    backwards=False,
    tags=(),
    big=False,
):
    """A TIFF file of samples [H, W, C] of `bits` bits. tags: more of them, (tag, type, values)."""
    height, width, channels = samples.shape
    pack = {1: bytes, 8: zlib.compress, 32773: pack_bits}[compression]
    planes = [samples[..., k : k + 1] for k in range(channels)] if apart else [samples]
    strips = []
    for plane in planes:
        if tile:
            down, across = tile
            padded = np.pad(
                plane, ((0, -height % down), (0, -width % across), (0, 0)), constant_values=1
            )
            blocks = [
                padded[row : row + down, column : column + across]
                for row in range(0, height, down)
                for column in range(0, width, across)
            ]
        else:
            step = rows_per_strip or height
            blocks = [plane[row : row + step] for row in range(0, height, step)]
        for block in blocks:
            if predictor == 2:
                block = block.copy()
                block[:, 1:] = block[:, 1:] - block[:, :-1]  # modulo 2^bits
            data = _packed_rows(block.reshape(len(block), -1), bits, order)
            if predictor == 3:  # of floating-point numbers
                data = _differences_of_bytes(data, len(block), bits // 8, plane.shape[2])
            if backwards:
                data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in pack(data))
            strips.append(data if backwards else pack(data))
    word, letter = (16, "Q") if big else (4, "I")
    head = 16 if big else 8
    offsets = list(itertools.accumulate([head] + [len(strip) for strip in strips]))
    all_tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * channels),
        259: (3, [compression]),
        262: (3, [photometric]),
        266: (3, [2 if backwards else 1]),
        277: (3, [channels]),
        284: (3, [2 if apart else 1]),
        317: (3, [predictor]),
    }
    where, sizes = (324, 325) if tile else (273, 279)
    all_tags[where], all_tags[sizes] = (word, offsets[:-1]), (word, [len(s) for s in strips])
    if tile:
        all_tags[322], all_tags[323] = (3, [tile[1]]), (3, [tile[0]])
    else:
        all_tags[278] = (4, [rows_per_strip or height])
    all_tags.update({tag: (kind, values) for tag, kind, values in tags})
    entries, rest, at = b"", b"".join(strips), offsets[-1]
    letters = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
    for tag, (kind, values) in sorted(all_tags.items()):
        content = struct.pack(f"{order}{len(values)}{letters[kind]}", *values)
        if len(content) > (8 if big else 4):
            rest += content
            place, at = struct.pack(order + letter, at), at + len(content)
        else:
            place = content.ljust(8 if big else 4, b"\0")
        entries += struct.pack(order + "HH" + letter, tag, kind, len(values)) + place
    mark = b"II" if order == "<" else b"MM"
    start = struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, at) if big else (42, at)))
    count = struct.pack(order + ("Q" if big else "H"), len(all_tags))
    return mark + start + rest + count + entries + bytes(8 if big else 4)


def _eight(samples, bits):
    """Samples as they are to be read: what has more than 8 bits is rounded."""
    top = 2**bits - 1
    if bits <= 8:
        return (samples.astype(int) * 255 // top).astype(np.uint8)
    wide = (samples.astype(np.int64) * 65535 + top // 2) // top
    return ((wide + 128) // 257).astype(np.uint8)


def tiffs():
    for bits, order, inverted in itertools.product((1, 2, 4, 8, 10, 12, 14, 16), "<>", (0, 1)):
        grey = noise(1, 2**bits - 1)
        shown = rgb(_eight(grey, bits))
        for k, how in enumerate(
            (
                {},
                {"compression": 8, "rows_per_strip": 5},
                {"compression": 32773, "tile": (16, 16)},
            )
        ):
            numbers = 2**bits - 1 - grey if inverted else grey
            yield Animal(
                f"grey{bits}{order}{inverted}{k}.tif",
                tiff(numbers, 1 - inverted, bits, order, **how),
                shown,
                off=inverted and bits > 8,
            )
    for bits, order, apart, channels in itertools.product((4, 8, 12, 16), "<>", (0, 1), (3, 4)):
        picture = noise(channels, 2**bits - 1)
        shown = _eight(picture, bits)
        extra = [(338, 3, [2])] if channels == 4 else []
        hows = [
            {},
            {"compression": 8, "tile": (16, 32)},
            {"rows_per_strip": 4, "compression": 32773},
        ]
        if bits in (8, 16):
            hows += [
                {"compression": 8, "predictor": 2, "rows_per_strip": 7},
                {"compression": 8, "predictor": 2, "tile": (16, 16)},
            ]
        for k, how in enumerate(hows):
            yield Animal(
                f"rgb{bits}{order}{apart}{channels}{k}.tif",
                tiff(picture, 2, bits, order, bool(apart), tags=extra, **how),
                shown[..., :3],
                shown[..., 3] if channels == 4 else None,
            )
    for bits, wide in itertools.product((1, 2, 4, 8), (257, 1)):
        table = np.random.default_rng(1).integers(0, 256, (3, 2**bits))
        table[:, 0] = 255
        indices = noise(1, 2**bits - 1)
        yield Animal(
            f"palette{bits}{wide}.tif",
            tiff(indices, 3, bits, tags=[(320, 3, list((table * wide).reshape(-1)))]),
            table.T.astype(np.uint8)[indices[..., 0]],
        )
    yield Animal("bits1.tif", tiff(noise(1, 1), 1, 1, backwards=True), rgb(noise(1, 1) * 255))
    yield Animal("big.tif", tiff(noise(), 2, big=True), noise())
    yield Animal("big_end.tif", tiff(noise(), 2, order=">", big=True), noise())
    both = noise(2, 65535)
    yield Animal(
        "grey_alpha16.tif",
        tiff(both, 1, 16, tags=[(338, 3, [2])]),
        rgb(_eight(both[..., 0], 16)),
        _eight(both[..., 1], 16),
    )
    five = noise(5)
    yield Animal(
        "rgb_and_two.tif",
        tiff(five, 2, tags=[(338, 3, [0, 2])]),
        five[..., :3],
        five[..., 4],
    )
    alpha = noise(1, seed=2)
    straight = noise()
    premultiplied = (straight.astype(int) * alpha // 255).astype(np.uint8)
    visible = np.where(alpha > 100, straight, 0).astype(np.uint8)
    premultiplied = np.where(alpha > 100, premultiplied, 0).astype(np.uint8)
    alpha = np.where(alpha > 100, alpha, 0).astype(np.uint8)
    yield Animal(
        "premultiplied.tif",
        tiff(np.dstack([premultiplied, alpha]), 2, tags=[(338, 3, [1])]),
        visible,
        alpha[..., 0],
        off=3,
    )
    for order, apart in itertools.product("<>", (False, True)):
        for bits in (8, 16):
            yield Animal(
                f"cmyk{bits}{order}{apart}.tif",
                tiff(noise(5, 2**bits - 1), 5, bits, order, apart, tags=[(338, 3, [2])]),
                refused="valid TIFF.*CMYK with no colour profile",
            )
    for bits, order, channels, inverted in itertools.product((16, 32, 64), "<>", (1, 3, 4), (0, 1)):
        if inverted and channels > 1:
            continue
        levels = noise(channels)
        numbers = (levels / 255).astype(f"f{bits // 8}")
        tags = [(339, 3, [3] * channels)] + [(338, 3, [2])] * (channels == 4)
        kind = 2 if channels > 1 else 1 - inverted
        shown = 255 - levels if inverted else levels
        for k, how in enumerate(({}, {"compression": 8, "tile": (16, 32)}, {"apart": True})):
            yield Animal(
                f"float{bits}{order}{channels}{inverted}{k}.tif",
                tiff(numbers, kind, bits, order, tags=tags, **how),
                shown[..., :3] if channels > 1 else rgb(shown),
                shown[..., 3] if channels == 4 else None,
            )
        if order == ">":
            how = {"compression": 8, "predictor": 3, "rows_per_strip": 7}
            yield Animal(
                f"float{bits}{channels}{inverted}_predictor.tif",
                tiff(numbers, kind, bits, order, tags=tags, **how),
                shown[..., :3] if channels > 1 else rgb(shown),
                shown[..., 3] if channels == 4 else None,
            )
    refusals = {
        "bright": ((noise(1) / 100.0, 1, 32), [(339, 3, [3])], "from 0 to 2.55, of which 0 to 1"),
        "nan": ((noise(1) / np.float32("nan"), 1, 32), [(339, 3, [3])], "from nan to nan"),
        "signed": ((noise(1, 65535), 1, 16), [(339, 3, [2])], "signed pixels"),
        "cfa": ((noise(1, 65535), 32803, 16), [], "camera raw"),
        "dng": ((noise(), 2), [(50706, 1, [1, 4, 0, 0])], "camera raw"),
        "mask": ((noise(1, 1), 4, 1), [], "transparency mask"),
        "inks": ((noise(4), 5), [(332, 3, [2])], "inks other than CMYK"),
        "uneven": ((noise(), 2), [(258, 3, [5, 6, 5])], "different numbers of bits"),
        "ycbcr": ((noise(), 6), [], "YCbCr, uncompressed"),
    }
    for name, (how, tags, words) in refusals.items():
        content = tiff(*how, tags=tags)
        yield Animal(f"{name}.tif", content, refused=f"valid TIFF.*not supported: .*{words}")
    tiles = [(322, 4, [2**16]), (323, 4, [2**16])]
    content = tiff(noise(), 2, compression=8, tile=(16, 16), tags=tiles)
    yield Animal("tiles.tif", content, refused="larger than the picture")
    for name, tags in (("short", [(257, 4, [40])]), ("lost", [(273, 4, [10**6])])):
        yield Animal(f"{name}.tif", tiff(noise(), 2, tags=tags), refused="damaged or incomplete")
    for channels, dtype, ending in itertools.product(
        (1, 3, 4), (np.uint8, np.uint16), ("tif", "png")
    ):
        picture = noise(channels, np.iinfo(dtype).max)  # OpenCV: LZW with a predictor
        good, content = cv2.imencode(
            f".{ending}", picture[..., [2, 1, 0, 3][:channels]] if (channels > 1) else picture
        )
        assert good
        shown = _eight(picture, 8 * np.dtype(dtype).itemsize)
        yield Animal(
            f"opencv{channels}{np.dtype(dtype).name}.{ending}",
            content.tobytes(),
            shown[..., :3] if channels > 1 else rgb(shown),
            shown[..., 3] if channels == 4 else None,
        )
    for packed in (
        "tiff_lzw",
        "tiff_deflate",
        "packbits",
        "lzma",
        "zstd",
        "group3",
        "group4",
        "jpeg",
    ):
        modes = {"group3": "1", "group4": "1", "jpeg": "RGB L"}.get(packed, "1 L RGB RGBA P LAB")
        for mode in modes.split():
            image = Image.fromarray(smooth() if packed == "jpeg" else noise()).convert(mode)
            shown = np.asarray(image.convert("RGB")) if mode != "LAB" else None
            buffer = io.BytesIO()
            options = {"quality": 95} if packed == "jpeg" else {}
            if mode == "LAB":
                image = Image.frombytes("LAB", (WIDTH, HEIGHT), bytes([128, 0, 0] * HEIGHT * WIDTH))
                shown = np.full((HEIGHT, WIDTH, 3), 119, np.uint8)  # L* = 50
            image.save(buffer, "TIFF", compression=packed, **options)
            yield Animal(
                f"{packed}{mode}.tif",
                buffer.getvalue(),
                shown,
                np.full((HEIGHT, WIDTH), 255, np.uint8) if mode == "RGBA" else None,
                off=14 if packed == "jpeg" else 2 * (mode == "LAB"),
            )


# --------------------------------------------------------------------------------------------- PNG


def chunk(kind, content, wrong=False):
    check = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(samples, kind, bits=8, before=(), after=()):
    """A PNG file of samples [H, W, C]; more chunks before and after the pixels."""
    height, width, _ = samples.shape
    rows = _packed_rows(samples.reshape(height, -1), bits, ">")
    step = len(rows) // height
    raw = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(raw))
    start = b"\x89PNG\r\n\x1a\n" + head + b"".join(before)
    return start + pixels + b"".join(after) + chunk(b"IEND", b"")


def pngs():
    for bits, clear in itertools.product((1, 2, 4, 8, 16), (False, True)):
        grey = noise(1, 2**bits - 1)
        key = int(grey[3, 3, 0])
        shown = rgb(_eight(grey, bits))
        alpha = np.where(grey[..., 0] == key, 0, 255).astype(np.uint8)
        yield Animal(
            f"grey{bits}{clear}.png",
            png(grey, 0, bits, [chunk(b"tRNS", struct.pack(">H", key))] if clear else []),
            shown,
            alpha if clear else None,
        )
    for kind, channels in ((2, 3), (4, 2), (6, 4)):
        for bits in (8, 16):
            picture = noise(channels, 2**bits - 1)
            shown = _eight(picture, bits)
            yield Animal(
                f"kind{kind}{bits}.png",
                png(picture, kind, bits),
                shown[..., :3] if channels > 2 else rgb(shown[..., 0]),
                shown[..., -1] if channels in (2, 4) else None,
            )
    for bits in (8, 16):
        picture = noise(3, 2**bits - 1)
        key = [int(level) for level in picture[2, 5]]
        alpha = np.where((picture == picture[2, 5]).all(-1), 0, 255).astype(np.uint8)
        yield Animal(
            f"rgb_key{bits}.png",
            png(picture, 2, bits, [chunk(b"tRNS", struct.pack(">HHH", *key))]),
            _eight(picture, bits),
            alpha,
        )
    for bits in (1, 2, 4, 8):
        table = np.random.default_rng(2).integers(0, 256, (2**bits, 3), dtype=np.uint8)
        indices = noise(1, 2**bits - 1)
        yield Animal(
            f"palette{bits}.png",
            png(indices, 3, bits, [chunk(b"PLTE", table.tobytes()), chunk(b"tRNS", b"\x40")]),
            table[indices[..., 0]],
            np.where(indices[..., 0] == 0, 0x40, 255).astype(np.uint8),
        )
    large = zlib.compress(bytes(30 * 2**20))
    around = {
        "text": chunk(b"zTXt", b"workflow\0\0" + large),
        "texts": chunk(b"zTXt", b"workflow\0\0" + large) * 9,
        "international": chunk(b"iTXt", b"workflow\0\1\0\0\0" + large),
        "profile": chunk(b"iCCP", b"a profile\0\0" + large),
        "checksum": chunk(b"tEXt", b"Comment\0words", wrong=True),
        "nonsense": chunk(b"zTXt", b"workflow\0\0 no zlib"),
        "bad_profile": chunk(b"iCCP", b"a profile\0\0 no zlib"),
        "short": chunk(b"gAMA", b"") + chunk(b"pHYs", b"\0") + chunk(b"cHRM", b"\0"),
        "private": chunk(b"prVt", bytes(99)),
        "animation": chunk(b"acTL", struct.pack(">II", 3, 0)),
    }
    for name, more in around.items():
        yield Animal(f"{name}.png", png(noise(), 2, before=[more]), noise())
        yield Animal(f"{name}_after.png", png(noise(), 2, after=[more]), noise())
    whole = png(noise(), 2)
    yield Animal("no_end.png", whole[:-12], noise())
    yield Animal("cut.png", whole[:-60], refused="damaged or incomplete")
    head = bytearray(whole)
    head[20] ^= 1
    yield Animal("head.png", bytes(head), refused="IHDR has a wrong checksum")


# --------------------------------------------------------------------------------------------- BMP


def bmp(rows, bits, table=b"", used=0, masks=b"", size=40, upside_up=False, compression=None):
    """A BMP file of packed rows, the upper first."""
    rows = rows[::1] if upside_up else rows[::-1]
    rows = [row + bytes(-len(row) % 4) for row in rows]
    if compression is None:
        compression = 3 if masks else 0
    start = 14 + size + (len(masks) if size == 40 else 0) + len(table)
    if size == 12:
        head = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height = -HEIGHT if upside_up else HEIGHT
        head = struct.pack(
            "<IiiHHIIiiII", size, WIDTH, height, 1, bits, compression, 0, 0, 0, used, 0
        )
    content = head + masks
    content = content.ljust(size, b"\0") if size > 40 else content
    return b"BM" + struct.pack("<IHHI", start, 0, 0, start) + content + table + b"".join(rows)


def bmps():
    for bits, used, up in itertools.product((1, 4, 8), (0, 2), (False, True)):
        colours = used or 2**bits
        for which in ("noise", "inverted", "grey"):
            table = np.random.default_rng(3).integers(0, 256, (colours, 3), dtype=np.uint8)
            if which == "inverted":
                table = np.linspace(255, 0, colours).astype(np.uint8)[:, np.newaxis].repeat(3, 1)
            if which == "grey":
                table = np.linspace(0, 255, colours).astype(np.uint8)[:, np.newaxis].repeat(3, 1)
            indices = noise(1, colours - 1)
            rows = [_packed_rows(row.reshape(1, -1), bits, "<") for row in indices[..., 0]]
            entries = b"".join(bytes([b, g, r, 0]) for r, g, b in table)
            yield Animal(
                f"palette{bits}{used}{up}{which}.bmp",
                bmp(rows, bits, entries, used, upside_up=up),
                table[indices[..., 0]],
            )
    picture = noise(4)
    blue_first = picture[..., [2, 1, 0, 3]]
    rows24, rows32 = [
        [np.ascontiguousarray(r).tobytes() for r in a]
        for a in (
            blue_first[..., :3],
            blue_first,
        )
    ]
    four = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield Animal("24.bmp", bmp(rows24, 24), picture[..., :3])
    yield Animal("24up.bmp", bmp(rows24, 24, upside_up=True), picture[..., :3])
    yield Animal("24core.bmp", bmp(rows24, 24, size=12), picture[..., :3])
    yield Animal("32.bmp", bmp(rows32, 32), picture[..., :3])
    yield Animal("32masks.bmp", bmp(rows32, 32, masks=four[:12]), picture[..., :3])
    for size in (56, 108, 124):
        content = bmp(rows32, 32, masks=four, size=size)
        yield Animal(f"32v{size}.bmp", content, picture[..., :3], picture[..., 3])
    for name, widths in (("555", (5, 5, 5)), ("565", (5, 6, 5))):
        levels = np.stack([noise(1, 2**w - 1, seed=w)[..., 0] for w in widths], axis=-1).astype(int)
        number = (
            (levels[..., 0] << sum(widths[1:])) | (levels[..., 1] << widths[2]) | levels[..., 2]
        )
        rows = [row.astype("<u2").tobytes() for row in number]
        masks = b"" if name == "555" else struct.pack("<III", 0xF800, 0x7E0, 0x1F)
        shown = levels * 255 // (2 ** np.array(widths) - 1)
        yield Animal(f"{name}.bmp", bmp(rows, 16, masks=masks), shown.astype(np.uint8))
    yield Animal("cut.bmp", bmp(rows24, 24)[:-5], refused="ends before its pixels do")


# ------------------------------------------------------------------------ orientation, others


def turned():
    """Each orientation in each format, with an EXIF block that is damaged in each way."""
    upright = smooth()
    for orientation, damage in itertools.product(range(1, 9), DAMAGES):
        pixels = stored(upright, orientation)
        order = "<>"[orientation % 2]
        block = exif_block(orientation, damage, order)
        image = Image.fromarray(pixels)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=100, subsampling=0)
        segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        plain = buffer.getvalue()
        yield Animal(f"{orientation}{damage}.jpg", plain[:2] + segment + plain[2:], upright, off=3)
        bare = chunk(b"eXIf", block[6:])
        places = {"before": [bare]} if orientation % 2 else {"after": [bare]}
        yield Animal(f"{orientation}{damage}.png", png(pixels, 2, **places), upright)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=True, exif=block, icc_profile=SRGB)
        yield Animal(f"{orientation}{damage}.webp", buffer.getvalue(), upright)
    for orientation, order, apart in itertools.product(range(1, 9), "<>", (False, True)):
        tags = [(274, 3, [orientation]), (34853, 4, [2**31]), (700, 1, list(b"<no xmp"))]
        content = tiff(stored(upright, orientation), 2, order=order, apart=apart, tags=tags)
        yield Animal(f"{orientation}{order}{apart}.tif", content, upright)
        deep = smooth(top=65535)
        content = tiff(stored(deep, orientation), 2, 16, order, apart, tags=tags[:1])
        yield Animal(f"{orientation}{order}{apart}_16.tif", content, _eight(deep, 16))
    packet = '<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
    for orientation in range(1, 9):
        text = packet.replace("%d", str(orientation)).encode()
        content = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)
        yield Animal(
            f"xmp{orientation}.png", png(stored(upright, orientation), 2, before=[content]), upright
        )
        block = exif_block(orientation)
        text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
        content = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
        yield Animal(
            f"magick{orientation}.png",
            png(stored(upright, orientation), 2, before=[content]),
            upright,
        )


def others():
    picture = smooth()
    for ending, options, off in (
        ("GIF", {}, 60),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 6),
        ("JPEG2000", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 100}, 24),
        ("JPEG", {"quality": 100, "subsampling": 0}, 3),
        ("JPEG", {"quality": 100, "subsampling": 0, "progressive": True}, 3),
        ("PNG", {"icc_profile": SRGB}, 0),
        ("BMP", {}, 0),
    ):
        if ending not in Image.registered_extensions().values():
            continue
        if ending not in Image.SAVE:
            continue
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, ending, **options)
        name = f"{ending}{'_'.join(options)}.picture"
        yield Animal(name, buffer.getvalue(), picture, off=off)
    for start, words in (
        (b"FUJIFILMCCD-RAW ", "camera raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns=", "SVG"),
        (b"", "damaged"),
        (b"not a picture", "damaged"),
    ):
        yield Animal(f"{len(start)}{words}.jpg", start + bytes(100 if start else 0), refused=words)


def with_jxl_orientation(data, orientation):
    """A bare codestream of `_jxl` with an orientation in its header (ISO/IEC 18181-1, Annex D)."""
    bits = np.unpackbits(np.frombuffer(data[2:], np.uint8), bitorder="little").tolist()
    at = 0

    def take(count):
        nonlocal at
        at += count
        return sum(bit << k for k, bit in enumerate(bits[at - count : at]))

    def side():
        take((9, 13, 18, 30)[take(2)])

    assert not take(1)
    side()
    if not take(3):
        side()
    assert take(2) == 0  # not all default, no extra fields
    start = at - 1
    assert take(3) == 0  # whole numbers of 8 bits
    take(1)
    assert take(2) == 0  # no alpha
    take(1)
    assert take(1) == 1  # sRGB
    end = at
    take(3)
    turn = [(orientation - 1) >> k & 1 for k in range(3)]
    head = bits[:start] + [1] + turn + [0, 0, 0] + bits[start + 1 : end] + [1] + bits[end:at]
    head += [0] * (-len(head) % 8)
    return data[:2] + np.packbits(head, bitorder="little").tobytes() + data[2 + (at + 7) // 8 :]


def jxls():
    """JPEG XL: turned by its own header, by EXIF of a JPEG file inside, and not by EXIF else."""
    try:
        import pillow_jxl
    except ImportError:
        return
    upright = smooth()
    for orientation in range(1, 9):
        pixels = stored(upright, orientation)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JXL", lossless=True)
        content = with_jxl_orientation(buffer.getvalue(), orientation)
        yield Animal(f"{orientation}.jxl", content, upright)
        block = bytes(4) + exif_block(orientation)[6:]
        buffer = io.BytesIO()
        Image.fromarray(upright).save(buffer, "JXL", lossless=True, exif=block)
        yield Animal(f"{orientation}exif.jxl", buffer.getvalue(), upright)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(
            buffer, "JPEG", quality=100, subsampling=0, exif=exif_block(orientation)
        )
        encoder = pillow_jxl.Encoder(mode="RGB", lossless=True, quality=100, num_threads=1)
        height, width = pixels.shape[:2]
        content = encoder(buffer.getvalue(), width, height, jpeg_encode=True)
        yield Animal(f"{orientation}jpeg.jxl", content, upright, off=3)
    for mode in ("L", "LA", "RGBA"):
        picture = noise(len(mode))
        buffer = io.BytesIO()
        image = Image.fromarray(picture[..., 0] if mode == "L" else picture, mode)
        image.save(buffer, "JXL", lossless=True)
        yield Animal(
            f"{mode}.jxl",
            buffer.getvalue(),
            picture[..., :3] if mode == "RGBA" else rgb(picture[..., 0]),
            None if mode == "L" else picture[..., -1],
        )


def avifs():
    """Each orientation, which Pillow writes as AVIF's own turns."""
    if "AVIF" not in Image.SAVE:
        return
    upright = smooth()
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        image = Image.fromarray(stored(upright, orientation))
        image.save(buffer, "AVIF", quality=100, subsampling="4:4:4", speed=8, exif=exif)
        yield Animal(f"{orientation}.avif", buffer.getvalue(), upright, off=3)


def animals():
    yield from tiffs()
    yield from pngs()
    yield from bmps()
    yield from turned()
    yield from others()
    yield from avifs()
    yield from jxls()

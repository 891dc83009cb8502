"""TIFF as a container: tags of the first picture, its strips, and small files made of them.

Inputs: the bytes of a TIFF or BigTIFF file, in either byte order.
"""

import io
import struct
from typing import Dict, List, Optional, Sequence, Set, Tuple

from PIL import Image, TiffImagePlugin

from tfinpaint.photo.decoded import Damaged, Unsupported

_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_SIZES = {**{kind: struct.calcsize(t) for kind, t in _TYPES.items()}, 5: 8, 10: 8, 11: 4, 12: 8}


class Directory:
    """The tags of a TIFF file's first picture. Values are read only when they are asked for.

    Raises: Damaged if there is no usable table of tags.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[data[:2]]
        self._big = struct.unpack(self.order + "H", data[2:4])[0] == 43
        try:
            self.tags, self._next = self._read(self._offset(8 if self._big else 4))
        except struct.error:
            raise Damaged("it has no table of tags") from None
        if not self.tags:
            raise Damaged("its table of tags is empty")

    def _offset(self, at: int) -> int:
        form = "Q" if self._big else "I"
        return struct.unpack_from(self.order + form, self.data, at)[0]

    def _read(self, start: int):
        """{tag: (type, count, where its value is)}, and where the next directory is."""
        head, size = ("Q", 20) if self._big else ("H", 12)
        (count,) = struct.unpack_from(self.order + head, self.data, start)
        at = start + struct.calcsize(head)
        if count > 65535:
            raise Damaged("its table of tags is too long")
        tags: Dict[int, Tuple[int, int, int]] = {}
        for entry in range(at, at + count * size, size):
            tag, kind = struct.unpack_from(self.order + "HH", self.data, entry)
            length, place = self._offset(entry + 4), entry + (12 if self._big else 8)
            if _SIZES.get(kind, 1) * length > (8 if self._big else 4):
                place = self._offset(place)
            tags.setdefault(tag, (kind, length, place))
        try:
            following = self._offset(at + count * size)
        except struct.error:  # cut off after the first picture
            following = 0
        return tags, following

    @property
    def places(self) -> Dict[int, int]:
        """The offset of each tag's entry, in bytes; for classic TIFF only, not BigTIFF."""
        start = self._offset(4)
        (count,) = struct.unpack_from(self.order + "H", self.data, start)
        entries = range(start + 2, start + 2 + 12 * count, 12)
        return {struct.unpack_from(self.order + "H", self.data, at)[0]: at for at in entries}

    def pictures(self) -> int:
        """How many pictures the file holds, as far as its chain of directories is whole."""
        seen: Set[int] = set()
        at = self._next
        while at and at not in seen and len(seen) < 100_000:
            seen.add(at)
            try:
                at = self._following(at)
            except struct.error:
                break
        return 1 + len(seen)

    def _following(self, start: int) -> int:
        """The offset of the directory after the one at `start`. No tags are read, to save time."""
        head, size = ("Q", 20) if self._big else ("H", 12)
        (count,) = struct.unpack_from(self.order + head, self.data, start)
        return self._offset(start + struct.calcsize(head) + count * size)

    def __contains__(self, tag: int) -> bool:
        return tag in self.tags

    def values(self, tag: int, default: Optional[Sequence[int]] = None) -> Tuple[int, ...]:
        """The whole numbers of a tag.

        Raises: Damaged if the tag is missing and has no default, or is damaged.
        """
        if tag not in self.tags:
            if default is None:
                raise Damaged(f"its tag {tag} is missing")
            return tuple(default)
        kind, count, place = self.tags[tag]
        if kind not in _TYPES:
            raise Damaged(f"its tag {tag} is of type {kind}")
        try:
            return struct.unpack_from(f"{self.order}{count}{_TYPES[kind]}", self.data, place)
        except (struct.error, MemoryError, OverflowError):
            raise Damaged(f"its tag {tag} points beyond the end of the file") from None

    def value(self, tag: int, default: Optional[int] = None) -> int:
        found = self.values(tag, None if default is None else [default])
        if not found:
            raise Damaged(f"its tag {tag} is empty")
        return found[0]

    def optional_bytes(self, tag: int) -> Optional[bytes]:
        """The content of a tag that pixels do not depend on; None if it is missing or damaged."""
        if tag not in self.tags:
            return None
        kind, count, place = self.tags[tag]
        size = _SIZES.get(kind, 0) * count
        return self.data[place : place + size] if 0 < size <= len(self.data) - place else None

    def ratio(self, tag: int) -> Optional[float]:
        content = self.optional_bytes(tag)
        if content is None or len(content) != 8 or self.tags[tag][0] != 5:
            return None
        above, below = struct.unpack(self.order + "II", content)
        return above / below if above and below else None


def strips_of(tags: Directory, tiled: bool) -> List[bytes]:
    """The packed bytes of each strip or tile. Raises Damaged."""
    offsets = tags.values(324 if tiled else 273)
    if not tiled and len(offsets) == 1 and not any(tags.values(279, ())):
        return [tags.data[offsets[0] :]]
    counts = tags.values(325 if tiled else 279)
    if len(offsets) != len(counts):
        raise Damaged(f"it names {len(offsets)} strips and the sizes of {len(counts)}")
    end = len(tags.data)
    if any(offset + count > end for offset, count in zip(offsets, counts)):
        raise Damaged("its pixels go beyond the end of the file")
    return [tags.data[offset : offset + count] for offset, count in zip(offsets, counts)]


def make_file(tags, strips: List[bytes], tiled: bool, order: str) -> bytes:
    """A classic TIFF file of the given tags, {tag: (type, values)}, and strips or tiles.

    order: byte order, "<" or ">".

    Raises: Unsupported if it were larger than 4 GB.
    """
    tags = {tag: value for tag, value in tags.items() if tag not in (273, 279, 324, 325)}
    content, offsets = [], []
    at = 8
    for strip in strips:
        offsets.append(at)
        content.append(strip)
        at += len(strip)
    tags[324 if tiled else 273] = (4, offsets)
    tags[325 if tiled else 279] = (4, [len(strip) for strip in strips])
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        kind = {16: 4, 18: 4, 13: 4, 2: 7}.get(kind, kind)
        packed = struct.pack(f"{order}{len(values)}{_TYPES[kind]}", *values)
        if len(packed) > 4:
            content.append(packed)
            where, at = struct.pack(order + "I", at), at + len(packed)
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + where
    if at > 2**32 - 2**20:
        raise Unsupported("more than 4 GB of compressed pixels")
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, at)
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return b"".join([head, *content, directory])


def open_file(data: bytes) -> Image.Image:
    """The decoded picture of a file that `make_file` made."""
    # the class itself, because Image.open has its own limit on the number of pixels
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.load()
    return image

"""What is to be filled: photographs with one hole each, in blocks that become those of a table.

Two kinds of data:
    squares   folder:PATH, tfds:NAME[:SPLIT], samples:
              Every photograph becomes a centred square. Holes are a centred square, fixed sets by
              share of missing pixels (strokes: data/evaluation_holes.py; objects: those of training
              with seed 0, photograph k's of step k), or mask files, sorted into the same bins.
    pairs     pairs:PATH, NAME.png beside NAME_mask.png
              Photographs of any size with their own holes, in one block.
Nothing is left out silently. What cannot be read is an error (pairs), or is named in a warning and
counted in the table (squares).
"""

import dataclasses
import functools
import itertools
import logging
import os
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from tfinpaint import photo
from tfinpaint.data import hole_files
from tfinpaint.data.batches import named_squares
from tfinpaint.data.evaluation_holes import evaluation_holes, fingerprint
from tfinpaint.data.holes import holes as made_holes
from tfinpaint.data.photos import open_photos
from tfinpaint.metrics.protocols import Protocol
from tfinpaint.settings import EvaluationSettings, HoleSettings, SettingsError

_ANY = (1e-9, 1 - 1e-9)  # bounds on the shares of mask files, which are sorted into bins later
_log = logging.getLogger("tfinpaint")


@dataclasses.dataclass(frozen=True)
class Block:
    """Photographs with one hole each.

    title:        "center", "10-20 %", "objects, 10-20 %", "pairs": the key of the block in files.
    about:        the holes in words.
    names:        of the photographs.
    photos:       uint8 [H, W, 3] each; squares are all of one size.
    holes:        uint8 [H, W] each, 1 = hole.
    unread:       number of photographs that could not be read and are not among these.

    Attributes:
        shares: of missing pixels, 0 to 1.
        fingerprint: of the holes, pixel by pixel. It tells whether two tables filled the same ones.
    """

    title: str
    about: str
    names: Sequence[str]
    photos: Sequence[np.ndarray]
    holes: Sequence[np.ndarray]
    unread: int = 0

    @functools.cached_property
    def shares(self) -> List[float]:
        return [float(np.mean(hole)) for hole in self.holes]

    @functools.cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.holes)


class _Packed(Sequence):
    """Holes [S, S] with one bit per pixel.

    The holes of all bins for twenty thousand photographs take one gigabyte, not eight.
    """

    def __init__(self, holes):
        self._size = holes[0].shape[0]
        self._bits = [np.packbits(hole) for hole in holes]

    def __len__(self):
        return len(self._bits)

    def __getitem__(self, k):
        return np.unpackbits(self._bits[k], count=self._size**2).reshape(self._size, self._size)


def read_blocks(
    settings: EvaluationSettings, protocol: Protocol, image_size: Optional[int]
) -> List[Block]:
    """Reads the photographs and makes their holes.

    image_size: side of the squares; None for pairs, which keep their own size.

    Raises: SettingsError if there is nothing to read, a mask does not fit, or no mask falls into a
        bin.
    """
    if image_size is None or settings.data.startswith("pairs:"):
        return [_read_pairs(settings.data[len("pairs:") :], settings)]
    kind = settings.holes or protocol.holes
    if kind == "center" and settings.ratio_bins:
        raise SettingsError(
            "`ratio_bins` goes with `holes='strokes'`, objects or files:PATH; the centred hole "
            "has one size"
        )
    source = open_photos(settings.data, "data", settings.max_megapixels)
    found = list(itertools.islice(named_squares(source, image_size), settings.count or None))
    names, photos, unread = (
        [name for name, _ in found],
        [square for _, square in found],
        len(source.unreadable),
    )
    if kind == "center":
        side = round(protocol.center * image_size / 256)
        hole = np.zeros((image_size, image_size), np.uint8)
        start = (image_size - side) // 2
        hole[start : start + side, start : start + side] = 1
        about = f"a centred square of {side} px, {100 * hole.mean():.1f} % of the picture"
        return [Block("center", about, names, photos, [hole] * len(photos), unread)]
    bins = settings.ratio_bins or protocol.bins
    if kind == "strokes":
        return [
            Block(
                _title(b),
                f"fixed strokes over {_title(b)} of the picture",
                names,
                photos,
                _Packed(
                    evaluation_holes(b, len(photos), image_size, argument="ratio_bins")[..., 0]
                ),
                unread,
            )
            for b in bins
        ]
    if kind == "objects":
        return [
            Block(
                f"objects, {_title(b)}",
                f"smooth blobs over {_title(b)} of the picture",
                names,
                photos,
                _Packed(_objects(b, len(photos), image_size)),
                unread,
            )
            for b in bins
        ]
    return _blocks_of_files(kind, settings, bins, names, photos, unread)


def _objects(ratio, count, size):
    """uint8 [count, size, size]."""
    low, high = ratio
    if high - low < 1 / size:
        raise SettingsError(
            f"`ratio_bins={low:g}-{high:g}` is too narrow for objects of {size} x {size} pixels: "
            f"HI - LO is at least 1/{size}"
        )
    settings = HoleSettings("objects", (max(low, _ANY[0]), high))
    return [
        made_holes(0, k, 1, size, settings).numpy()[0, ..., 0].astype(np.uint8)
        for k in range(count)
    ]


def _blocks_of_files(kind, settings, bins, names, photos, unread):
    """Blocks in which each photograph takes the next mask of the bin.

    A bin without masks is left out with a warning, or is an error if it was asked for.
    """
    size = photos[0].shape[0]
    packed = hole_files.read_masks(
        HoleSettings(kind=kind, ratio=_ANY, mask_is=settings.mask_is), size, "ratio_bins"
    )
    masks = np.unpackbits(packed, axis=1, count=size**2).reshape(-1, size, size)
    shares = masks.mean(axis=(1, 2))
    blocks = []
    for low, high in bins:
        chosen = masks[(shares > low) & (shares <= high)]
        if len(chosen):
            holes = [chosen[k % len(chosen)] for k in range(len(photos))]
            title = _title((low, high))
            blocks.append(
                Block(
                    title,
                    f"{len(chosen)} mask files over {title} of the picture",
                    names,
                    photos,
                    holes,
                    unread,
                )
            )
        elif not settings.ratio_bins:
            _log.warning(
                "`holes=%r`: no mask for the bin of %s, which is left out",
                kind,
                _title((low, high)),
            )
        else:
            raise SettingsError(
                f"`holes={kind!r}`: no mask has a share of holes above {low:g} and at most "
                f"{high:g} (`ratio_bins`); they have {shares.min():.3g} to {shares.max():.3g}"
            )
    if not blocks:
        raise SettingsError(
            f"`holes={kind!r}`: no mask falls into the bins of the protocol; the masks' shares "
            f"are {shares.min():.3g} to {shares.max():.3g}. Name others with `ratio_bins`"
        )
    unused = len(masks) - sum(
        np.count_nonzero((shares > low) & (shares <= high)) for low, high in bins
    )
    if unused:
        _log.warning(
            "`holes=%r`: %d of %d masks fall into none of the bins and are not used",
            kind,
            unused,
            len(masks),
        )
    return blocks


def _read_pairs(folder: str, settings: EvaluationSettings) -> Block:
    given = f"`data={settings.data!r}`"
    paths: Dict[str, str] = {}
    for path in photo.list_photos(folder) if os.path.isdir(folder) else ():
        other = paths.setdefault(os.path.splitext(path)[0], path)
        if other != path:
            raise SettingsError(
                f"{given}: {other} and {path} have one name: which of them is meant?"
            )
    stems = [stem for stem in sorted(paths) if f"{stem}_mask" in paths]
    if not stems:
        raise SettingsError(f"{given}: no photograph NAME.png with its mask NAME_mask.png in it")
    for stem, path in paths.items():
        if stem not in stems and stem.removesuffix("_mask") not in stems:
            lacks = (
                f"photograph {os.path.basename(stem)[:-5]}.png"
                if stem.endswith("_mask")
                else f"mask {os.path.basename(stem)}_mask.png"
            )
            raise SettingsError(f"{given}: {path} has no {lacks} beside it")
    names, photos, holes = [], [], []
    for stem in stems[: settings.count or None]:
        pixels, (mask, notes) = (
            photo.read_photo(paths[stem], settings.max_megapixels).pixels,
            photo.read_hole(paths[f"{stem}_mask"], settings.mask_is, settings.max_megapixels),
        )
        if mask.shape != pixels.shape[:2]:
            raise SettingsError(
                f"{given}: {paths[stem]} is {pixels.shape[1]}x{pixels.shape[0]} and its mask "
                f"{mask.shape[1]}x{mask.shape[0]}"
            )
        if not mask.any():
            raise SettingsError(f"{given}: {paths[f'{stem}_mask']} has no hole ({notes[0]})")
        for note in notes:
            if note.startswith("warning: "):
                _log.warning("%s: %s", paths[f"{stem}_mask"], note.removeprefix("warning: "))
        names.append(os.path.relpath(stem, folder))
        photos.append(pixels)
        holes.append((mask > 0).astype(np.uint8))
    return Block("pairs", "each photograph's own", names, photos, holes)


def _title(ratio: Tuple[float, float]) -> str:
    low, high = (f"{100 * share:g}" for share in ratio)
    return f"{low}-{high} %"

"""The cases of an evaluation: photographs with one hole each, in the blocks of the table.

Two kinds of data:
    squares   folder:PATH, shards:PATH, tfds:NAME[:SPLIT], samples:
              Every photograph becomes a centred square. The hole is a centred square; or one of a
              fixed set for each bin of shares of missing pixels (strokes: data/evaluation_holes.py;
              objects: the hole of photograph k is that of training with seed 0 at step k); or a
              mask file, which falls into one of these bins.
    pairs     pairs:PATH, NAME.png beside NAME_mask.png
              Photographs of any size with their own holes, in one block.
Nothing is left out silently. A photograph that cannot be read, or whose mask does not fit (pairs),
is named in a warning and counted in the table; the others are still measured.
"""

import dataclasses
import functools
import logging
import os
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from tfinpaint import photo
from tfinpaint.data import hole_files, left_out
from tfinpaint.data.batches import named_squares
from tfinpaint.data.evaluation_holes import evaluation_holes, fingerprint
from tfinpaint.data.holes import holes as made_holes
from tfinpaint.data.photos import open_photos, spread
from tfinpaint.metrics.protocols import Protocol
from tfinpaint.photo.folders import stem as stem_of
from tfinpaint.settings import EvaluationSettings, HoleSettings, SettingsError

_ANY = (1e-9, 1 - 1e-9)  # bounds on the shares of mask files, which are sorted into bins later
_log = logging.getLogger("tfinpaint")


@dataclasses.dataclass(frozen=True)
class Block:
    """Photographs with one hole each.

    title:        the name of the block in files: "center", "10-20 %", "objects, 10-20 %" or
                  "pairs".
    about:        the holes in words.
    names:        the names of the photographs.
    photos:       uint8 [H, W, 3] each; squares are all of one size.
    holes:        uint8 [H, W] each, 1 = hole.
    unread:       number of photographs that were left out because they could not be read.
    unfilled:     names of the photographs that were left out because a method could not fill them.

    Attributes:
        shares: the share of missing pixels of each hole, 0 to 1.
        fingerprint: a hash of all pixels of the holes. Two tables have the same one if they filled
            the same holes.
    """

    title: str
    about: str
    names: Sequence[str]
    photos: Sequence[np.ndarray]
    holes: Sequence[np.ndarray]
    unread: int = 0
    unfilled: Sequence[str] = ()

    @functools.cached_property
    def shares(self) -> List[float]:
        return [float(np.mean(hole)) for hole in self.holes]

    @functools.cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.holes)


class _Packed(Sequence):
    """A sequence of holes, uint8 [S, S], stored with one bit per pixel.

    So the holes of all bins for twenty thousand photographs take one gigabyte, not eight.
    """

    def __init__(self, bits: Sequence[np.ndarray], size: int):
        self._bits, self._size = bits, size

    def __len__(self):
        return len(self._bits)

    def __getitem__(self, k):
        if isinstance(k, slice):
            return _Packed(self._bits[k], self._size)
        return np.unpackbits(self._bits[k], count=self._size**2).reshape(self._size, self._size)


def _packed(holes) -> _Packed:
    return _Packed([np.packbits(hole) for hole in holes], holes[0].shape[0])


def read_blocks(
    settings: EvaluationSettings, protocol: Protocol, image_size: Optional[int]
) -> List[Block]:
    """Reads the photographs and makes their holes.

    image_size: side of the squares; None for pairs, which keep their own size.

    Raises: SettingsError if no photograph can be read, if a photograph has no mask beside it
        (pairs), if no mask falls into a bin, or if a mask file vanishes meanwhile.
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
    found = list(named_squares(source, image_size, settings.count or None))
    if not found:
        raise SettingsError(f"`data={settings.data!r}`: none of its photographs can be read")
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
                _packed(
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
                _packed(_objects(b, len(photos), image_size)),
                unread,
            )
            for b in bins
        ]
    return _blocks_of_files(kind, settings, bins, names, photos, unread)


def _objects(ratio, count, size):
    """Holes of the kind "objects": a list of `count` arrays uint8 [size, size]."""
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
    """Blocks in which each photograph gets the next mask of the bin; masks are reused if need be.

    If a bin has more masks than there are photographs, masks are chosen evenly from it. A bin
    without masks is left out with a warning, or is an error if `ratio_bins` names it.
    """
    size = photos[0].shape[0]
    files = hole_files.MaskFiles(
        HoleSettings(
            kind=kind,
            ratio=_ANY,
            mask_is=settings.mask_is,
            max_megapixels=settings.max_megapixels,
        ),
        size,
        "ratio_bins",
    )
    # The masks of a large set are only measured here. The chosen ones are read again below.
    masks = files.read_all(keep=len(files.paths) <= hole_files.READ_WHOLE)
    files.check()
    usable = [k for k in range(len(files.paths)) if files.in_bounds(k)]
    shares = files.shares[usable]
    blocks = []
    for low, high in bins:
        chosen = [k for k, share in zip(usable, shares) if low < share <= high]
        if chosen:
            taken = [chosen[k] for k in spread(len(chosen), len(photos))]
            bits = [_still_there(files, k) if masks[k] is None else masks[k] for k in taken]
            holes = _Packed([bits[k % len(bits)] for k in range(len(photos))], size)
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
    used = [any(low < share <= high for low, high in bins) for share in shares]
    unused = used.count(False)
    if unused:
        _log.warning(
            "`holes=%r`: %d of %d masks fall into none of the bins and are not used",
            kind,
            unused,
            len(usable),
        )
    return blocks


def _still_there(files, number):
    """A mask that was measured before, read again: packed. Raises SettingsError if it is gone.

    Another mask in its place would not be the set of holes that the table names.
    """
    mask = files.read(number)
    if mask is None:
        raise SettingsError(
            f"{files.given}: one of its masks cannot be read any more ({files.broken[number]})"
        )
    return mask


def _read_pairs(folder: str, settings: EvaluationSettings) -> Block:
    given = f"`data={settings.data!r}`"
    paths: Dict[str, str] = {}
    for path in photo.list_photos(folder) if os.path.isdir(folder) else ():
        other = paths.setdefault(stem_of(path), path)
        if other != path:
            raise SettingsError(
                f"{given}: {other} and {path} have one name: which of them is meant?"
            )
    stems = [stem for stem in sorted(paths) if f"{stem}_mask" in paths]
    paired = {*stems, *(f"{stem}_mask" for stem in stems)}
    if not stems:
        raise SettingsError(f"{given}: no photograph NAME.png with its mask NAME_mask.png in it")
    for stem, path in paths.items():
        if stem not in paired:
            lacks = (
                f"photograph {os.path.basename(stem)[:-5]}.png"
                if stem.endswith("_mask")
                else f"mask {os.path.basename(stem)}_mask.png"
            )
            raise SettingsError(f"{given}: {path} has no {lacks} beside it")
    names, photos, holes, faults = [], [], [], []
    wanted = spread(len(stems), settings.count or len(stems))
    for k in wanted:
        stem = stems[k]
        try:
            pixels, hole = _read_pair(paths[stem], paths[f"{stem}_mask"], settings)
        except Exception as error:  # whatever it is, it concerns only this photograph
            if not isinstance(error, SettingsError):
                error = SettingsError(f"{paths[stem]}: {type(error).__name__}: {error}")
            faults.append(SettingsError(f"{given}: {error}"))
            left_out.tell("photograph", len(faults), len(faults), len(wanted), str(error))
            continue
        names.append(os.path.relpath(stem, folder))
        photos.append(pixels)
        holes.append(hole)
    if not photos:
        raise faults[0]
    return Block("pairs", "each photograph's own", names, photos, holes, len(faults))


def _read_pair(path: str, mask_path: str, settings: EvaluationSettings):
    """The photograph uint8 [H, W, 3] and its hole uint8 [H, W], 1 = hole."""
    pixels = photo.read_photo(path, settings.max_megapixels).pixels
    mask, notes = photo.read_hole(mask_path, settings.mask_is, settings.max_megapixels)
    if mask.shape != pixels.shape[:2]:
        raise SettingsError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]} and its mask "
            f"{mask.shape[1]}x{mask.shape[0]}"
        )
    if not mask.any():
        raise SettingsError(f"{mask_path} has no hole: {photo.warnings_of(notes)}")
    if mask.all():
        raise SettingsError(
            f"{mask_path}: all of the photograph is hole: {photo.warnings_of(notes)}"
        )
    for note in notes:
        if note.startswith("warning: "):
            _log.warning("%s: %s", mask_path, note.removeprefix("warning: "))
    return pixels, (mask > 0).astype(np.uint8)


def _title(ratio: Tuple[float, float]) -> str:
    low, high = (f"{100 * share:g}" for share in ratio)
    return f"{low}-{high} %"

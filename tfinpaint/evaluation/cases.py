"""What is to be filled: photographs with one hole each, in blocks that become the blocks of a table.

Two kinds of data:
    squares   folder:PATH, tfds:NAME[:SPLIT], samples:  Every photograph becomes a centred square; holes are a centred square, the fixed
              sets by share of missing pixels (data/evaluation_holes.py), or mask files, sorted into the same bins.
    pairs     pairs:PATH, NAME.png beside NAME_mask.png: photographs of any size with their own holes, in one block.
Nothing is left out in silence: what cannot be read is an error (pairs), or named in a warning and counted (squares).
"""

import dataclasses
import hashlib
import itertools
import os
from typing import List, Sequence, Tuple

import numpy as np

from tfinpaint import photo
from tfinpaint.data import hole_files
from tfinpaint.data.batches import named_squares
from tfinpaint.data.evaluation_holes import evaluation_holes
from tfinpaint.metrics.protocols import Protocol
from tfinpaint.settings import EvaluationSettings, HoleSettings, SettingsError

_SHARES = (0.0001, 0.9999)  # of mask files; which bin one belongs to is asked later


@dataclasses.dataclass(frozen=True)
class Block:
    """Photographs with one hole each.

    title:        "center", "10-20 %", "pairs": the key of the block in files.
    about:        the holes in words.
    names:        of the photographs.
    photos:       uint8 [H, W, 3] each; of one size in squares.
    holes:        uint8 [H, W] each, 1 = hole.
    fingerprint:  of the holes, pixel by pixel: tells whether two tables filled the same.
    """

    title: str
    about: str
    names: Sequence[str]
    photos: Sequence[np.ndarray]
    holes: Sequence[np.ndarray]

    @property
    def shares(self) -> List[float]:
        """Of missing pixels, 0 to 1."""
        return [float(np.mean(hole)) for hole in self.holes]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.holes)


def fingerprint(holes: Sequence[np.ndarray]) -> str:
    """Twelve hexadecimal digits of holes [H, W] of any sizes."""
    digest = hashlib.sha256()
    for hole in holes:
        digest.update(repr(hole.shape).encode() + np.packbits(hole > 0).tobytes())
    return digest.hexdigest()[:12]


def read_blocks(settings: EvaluationSettings, protocol: Protocol, image_size: int) -> List[Block]:
    """Reads the photographs and makes their holes.

    image_size: side of the squares; pairs keep their own.

    Raises: SettingsError where there is nothing to read, a mask does not fit, or no mask falls into a bin.
    """
    if settings.data.startswith("pairs:"):
        return [_read_pairs(settings.data[len("pairs:"):], settings)]
    found = list(itertools.islice(named_squares(settings.data, image_size, "data"), settings.count or None))
    names, photos = [name for name, _ in found], np.stack([square for _, square in found])
    kind = settings.holes or protocol.holes
    if kind == "center":
        side = round(protocol.center * image_size / 256)
        hole = np.zeros((image_size, image_size), np.uint8)
        start = (image_size - side) // 2
        hole[start:start + side, start:start + side] = 1
        return [Block("center", f"a centred square of {side} px, {hole.mean():.1%} of the picture", names, photos, [hole] * len(photos))]
    bins = settings.ratio_bins or protocol.bins
    if kind == "strokes":
        return [Block(_title(b), f"fixed strokes over {_title(b)} of the picture", names, photos,
                      evaluation_holes(b, len(photos), image_size)[..., 0]) for b in bins]
    return _blocks_of_files(kind, settings, bins, names, photos)


def _blocks_of_files(kind, settings, bins, names, photos):
    """Each photograph takes the next mask of the bin; a bin without masks is left out, unless it was asked for."""
    size = photos.shape[1]
    packed = hole_files.read_masks(HoleSettings(kind=kind, ratio=_SHARES, mask_is=settings.mask_is), size)
    masks = np.unpackbits(packed, axis=1, count=size**2).reshape(-1, size, size)
    shares = masks.mean(axis=(1, 2))
    blocks = []
    for low, high in bins:
        chosen = masks[(shares > low) & (shares <= high)]
        if len(chosen):
            holes = [chosen[k % len(chosen)] for k in range(len(photos))]
            title = _title((low, high))
            blocks.append(Block(title, f"{len(chosen)} mask files over {title} of the picture", names, photos, holes))
        elif settings.ratio_bins:
            raise SettingsError(f"--holes={kind}: no mask has a share of holes above {low:g} and at most {high:g} (--ratio_bins); they "
                                f"have {shares.min():.3g} to {shares.max():.3g}")
    if not blocks:
        raise SettingsError(f"--holes={kind}: no mask falls into the bins of the protocol; the masks' shares are {shares.min():.3g} to "
                            f"{shares.max():.3g}. Name others with --ratio_bins")
    return blocks


def _read_pairs(folder: str, settings: EvaluationSettings) -> Block:
    given = f"--data=pairs:{folder}"
    paths = {os.path.splitext(path)[0]: path for path in photo.list_photos(folder)} if os.path.isdir(folder) else {}
    stems = [stem for stem in sorted(paths) if f"{stem}_mask" in paths]
    if not stems:
        raise SettingsError(f"{given}: no photograph NAME.png with its mask NAME_mask.png in it")
    lacking = [stem for stem in paths if not stem.endswith("_mask") and stem not in stems]
    if lacking:
        raise SettingsError(f"{given}: {paths[lacking[0]]} has no {os.path.basename(lacking[0])}_mask.png beside it")
    names, photos, holes = [], [], []
    for stem in stems[:settings.count or None]:
        pixels, (mask, notes) = photo.read_photo(paths[stem]).pixels, photo.read_hole(paths[f"{stem}_mask"], settings.mask_is)
        if mask.shape != pixels.shape[:2]:
            raise SettingsError(f"{given}: {paths[stem]} is {pixels.shape[1]}x{pixels.shape[0]} and its mask "
                                f"{mask.shape[1]}x{mask.shape[0]}")
        if not mask.any():
            raise SettingsError(f"{given}: {paths[f'{stem}_mask']} has no hole ({notes[0]})")
        names.append(os.path.relpath(stem, folder))
        photos.append(pixels)
        holes.append((mask > 0).astype(np.uint8))
    return Block("pairs", "each photograph's own", names, photos, holes)


def _title(ratio: Tuple[float, float]) -> str:
    low, high = (f"{100 * share:g}" for share in ratio)
    return f"{low}-{high} %"

"""Fixed holes for evaluation: a set for each bin of the share of missing pixels.

Purpose: figures are comparable only if everybody fills the same holes, so the sets are identical on
    every machine. Nothing depends on how a device rounds: corners, brushes and the test whether a
    brush covers a pixel use whole numbers. Random numbers are the raw output of PCG64, which NumPy
    promises to keep unchanged.
Output: uint8 [N, S, S, 1] of 0 and 1, 1 = hole. A larger set begins with the holes of a
    smaller one.
Reference: bins as in Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions,
    ECCV 2018.
"""

import hashlib
import math
from fractions import Fraction
from typing import Sequence, Tuple, Union

import numpy as np

from tfinpaint.settings import SettingsError

RATIO_BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))

_PATIENCE = 8  # failures (segments that would cover too much) after which the brush is halved


def evaluation_holes(
    ratio: Tuple[float, float], count: int, size: int, seed: int = 0, argument: str = "ratio"
) -> np.ndarray:
    """A fixed set of free-form holes.

    Args:
        ratio: LO, HI; every hole's share of missing pixels is above LO and at most HI, so that a
            share belongs to one bin only.
        count, size: number of holes and their side in pixels.
        seed: different seeds give different sets.
        argument: the caller's name for `ratio`, for messages.

    Returns:
        uint8 [count, size, size, 1], 1 = hole.

    Raises:
        SettingsError: the bounds are not 0 <= LO < HI < 1, or no number of pixels lies in the bin.
    """
    low, high = (Fraction(str(share)) for share in ratio)  # as written: 0.1 is one tenth here
    fewest, most = math.floor(low * size**2) + 1, math.floor(high * size**2)
    if not (0 <= low < high < 1 and fewest <= most):
        raise SettingsError(
            f"`{argument}` is two shares LO,HI with 0 <= LO < HI < 1, far enough apart for a hole "
            f"of {size}x{size} pixels. Got {ratio[0]:g},{ratio[1]:g}"
        )
    return np.stack(
        [_hole(_Numbers(seed, index, size, fewest), size, fewest, most) for index in range(count)]
    )[..., np.newaxis]


def fingerprint(holes: Union[Sequence[np.ndarray], np.ndarray]) -> str:
    """Twelve hexadecimal digits that identify a set of holes: the start of a SHA-256.

    holes: [H, W] or [H, W, 1] each, above 0 = hole.
    """
    shapes = {tuple(hole.shape[:2]) for hole in holes}
    digest = hashlib.sha256()
    if len(shapes) == 1:
        digest.update(repr((len(holes), *shapes.pop(), 1)).encode())
        for k in range(0, len(holes), 8):  # eight holes fill whole bytes
            digest.update(
                np.packbits(
                    np.stack([holes[i] for i in range(k, min(k + 8, len(holes)))]) > 0
                ).tobytes()
            )
    else:
        for hole in holes:
            digest.update(repr(hole.shape[:2]).encode() + np.packbits(hole > 0).tobytes())
    return digest.hexdigest()[:12]


def _hole(numbers: "_Numbers", size: int, fewest: int, most: int) -> np.ndarray:
    """Strokes, segment by segment, until a share drawn from the bin is reached. [S, S]."""
    wanted = numbers(fewest, most)
    # half the brush width; a small hole gets a small brush
    widest = min(20 * size // 256, math.isqrt(wanted) // 3)
    hole = np.zeros((size, size), np.uint8)
    failures = left = x = y = half_width = 0
    while np.count_nonzero(hole) < wanted:
        # in the end the brush has shrunk to one pixel, which always fits
        shrink = 2 ** (failures // _PATIENCE)
        if left == 0:  # a new stroke
            left = numbers(3, 8)
            x, y = numbers(0, size - 1), numbers(0, size - 1)
            half_width = numbers(min(6 * size // 256, widest), widest) // shrink
        step = max(1, size // 4) // shrink
        to_x = min(max(x + numbers(-step, step), 0), size - 1)
        to_y = min(max(y + numbers(-step, step), 0), size - 1)
        more = hole.copy()
        _paint(more, x, y, to_x, to_y, half_width)
        if np.count_nonzero(more) <= most:
            hole, x, y, left = more, to_x, to_y, left - 1
        else:  # too much: this stroke ends here and another is tried
            failures += 1
            left = 0
    return hole


def _paint(painted: np.ndarray, x: int, y: int, to_x: int, to_y: int, half_width: int) -> None:
    """Sets the pixels whose distance to the segment is at most `half_width`.

    Computed without rounding.
    """
    left, right = max(min(x, to_x) - half_width, 0), max(x, to_x) + half_width + 1
    top, bottom = max(min(y, to_y) - half_width, 0), max(y, to_y) + half_width + 1
    window = painted[top:bottom, left:right]
    along_x, along_y = to_x - x, to_y - y
    squared = along_x**2 + along_y**2
    from_x = np.arange(left, left + window.shape[1], dtype=np.int64)[np.newaxis, :] - x
    from_y = np.arange(top, top + window.shape[0], dtype=np.int64)[:, np.newaxis] - y
    along = from_x * along_x + from_y * along_y
    across = from_x * along_y - from_y * along_x
    near_start = from_x**2 + from_y**2 <= half_width**2
    near_end = (from_x - along_x) ** 2 + (from_y - along_y) ** 2 <= half_width**2
    beside = (
        (along >= 0) & (along <= squared) & (across**2 <= half_width**2 * squared) & (squared > 0)
    )
    window |= near_start | near_end | beside


class _Numbers:
    """Whole numbers from `low` to `high`, both included."""

    def __init__(self, *seeds: int):
        self._raw = np.random.PCG64(np.random.SeedSequence(seeds)).random_raw

    def __call__(self, low: int, high: int) -> int:
        return low + int(self._raw()) % (high - low + 1)

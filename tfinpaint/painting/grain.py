"""Grain for thin holes: the noise of film or sensor, which a smooth fill lacks.

    filled = added(picture, hole, part)     # float32 [h, w, 3], 0 to 255

A network gives the mean of all likely fills, and that has no grain. In a photograph that is grainy
everywhere, a filled scratch then shows as a smooth line. Thick holes take their grain from the
photograph, together with their texture (detail/). In the thin part of a hole, random grain is
added: as much as the fill lacks of the grain around it. Where texture is left out to save time,
thick parts get grain too.

Grain is measured in two bands, from pixel to pixel and somewhat coarser, for brightness and for
colour. Its strength at a place is the geometric mean of the absolute values near it, which edges
hardly raise. Texture would still count as grain. So no more is added than the smoothest FLOOR of
the photograph has: grain is everywhere in a photograph, and texture is not.

This file is for fills to which `fill_window` has not added grain (filling.py). window_grain.py
computes the same in the graph that fills a window.
"""

from typing import List, Sequence, Tuple

import cv2
import numpy as np

FLOOR = 0.2  # share of the photograph that is no more grainy than the grain that is added
# The strength at a place is a mean over squares of NEAR cells, taken twice. A cell is a square of
# CELL pixels.
CELL, NEAR = 4, 5
REACH = 3  # pixels: how far away what a band depends on may be
ROUNDING = 0.5  # grey levels: weaker grain hardly counts, because bytes are rounded
LEAST = 1e-3  # shares of what is near that are smaller count as none
# Grey levels of cells: grain is cut off in darker and in brighter ones. No floor comes from there.
DARK, BRIGHT = 8.0, 247.0
SIDE = 128  # pixels: the random numbers are repeated after as many
# float32 [SIDE, SIDE, 3], in grey levels. NumPy keeps the numbers of this generator for ever.
NOISE = np.random.RandomState(0).normal(0.0, 8.0, (SIDE, SIDE, 3)).astype(np.float32)


def added(
    picture: np.ndarray, hole: np.ndarray, part: np.ndarray, numbers: np.ndarray = NOISE
) -> np.ndarray:
    """The picture with grain in a part of its hole: float32 [h, w, 3].

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole a fill.
    hole:     bool [h, w]. What is in it does not count as the photograph's grain.
    part:     bool [h, w], the part of the hole that gets grain.
    numbers:  float32 [SIDE, SIDE, 3], the random numbers.

    The same picture always gets the same grain.
    """
    height, width = hole.shape
    square = np.ones((2 * REACH + 1,) * 2, np.uint8)
    known = cv2.dilate(hole.astype(np.uint8), square) == 0
    logs = _logs(bands(picture))
    there, is_there = _strengths(logs, known)
    brightness = _cells(_mean(picture)[..., np.newaxis])
    clipped = ((brightness < DARK) | (brightness > BRIGHT)).astype(np.float64)
    floor = _floor(there[is_there & (_near(clipped)[..., 0] < LEAST)])
    there = np.where(is_there[..., np.newaxis], np.minimum(there, floor), floor)
    lack = np.sqrt(np.maximum(there**2 - _strengths(logs, part)[0] ** 2, 0.0))

    noise = bands(numbers)
    strength = np.exp(_logs(noise).mean((0, 1))) - ROUNDING  # [4]
    shares = cv2.resize((lack / strength).astype(np.float32), (width, height))  # [h, w, 4]
    rows, columns = np.nonzero(part)
    grained = picture.copy()
    for k, band in enumerate(noise):
        grained[rows, columns] += (
            shares[rows, columns, k : k + 1] * band[rows % SIDE, columns % SIDE]
        )
    return grained


def bands(picture: np.ndarray) -> List[np.ndarray]:
    """Fine brightness, fine colour, coarse brightness, coarse colour.

    float32 [h, w, 3] -> float32 [h, w, 1], [h, w, 3], and the same again.
    """
    found, low = [], _blurred(picture)
    for band in (picture - low, low - _blurred(_blurred(low))):
        brightness = _mean(band)[..., np.newaxis]
        found += [brightness, band - brightness]
    return found


def _mean(picture):
    """The mean over the channels, [h, w, n] -> [h, w]: several times faster than NumPy's."""
    channels = picture.shape[-1]
    return cv2.transform(picture, np.full((1, channels), 1 / channels, np.float32)).reshape(
        picture.shape[:2]
    )


def _blurred(picture):
    weights = np.float32([0.25, 0.5, 0.25])
    return cv2.sepFilter2D(picture, -1, weights, weights, borderType=cv2.BORDER_REFLECT)


def _logs(found: Sequence[np.ndarray]) -> np.ndarray:
    """The logarithm of how large each band is at each place, [h, w, 4]."""
    return np.log(np.stack([_mean(np.abs(band)) for band in found], -1) + ROUNDING)


def _strengths(logs: np.ndarray, counted: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The strength of each band near each cell, and whether anything near it was counted.

    logs: [h, w, 4].   counted: bool [h, w].
    Returns: [H, W, 4], 0 where nothing was counted; bool [H, W].
    """
    counted = counted[..., np.newaxis]
    sums = _near(_cells(np.concatenate([logs * counted, counted], -1)))
    sums, counts = sums[..., :4], sums[..., 4]
    is_there = counts > LEAST
    found = np.exp(sums / np.maximum(counts, LEAST)[..., np.newaxis]) - ROUNDING
    return np.where(is_there[..., np.newaxis], np.maximum(found, 0.0), 0.0), is_there


def _near(cells):
    """Means over squares of NEAR cells, twice. Only cells inside the picture count."""

    def totals(values):
        return cv2.boxFilter(
            values, -1, (NEAR, NEAR), normalize=False, borderType=cv2.BORDER_CONSTANT
        ).reshape(values.shape)

    counts = totals(np.ones((*cells.shape[:2], 1)))
    for _ in range(2):
        cells = totals(cells) / counts
    return cells


def _floor(strengths: np.ndarray) -> np.ndarray:
    """The strength that FLOOR of the cells do not exceed, [c, 4] -> [4]; 0 if there are none."""
    if not len(strengths):
        return np.zeros(4)
    return np.sort(strengths, 0)[int(FLOOR * len(strengths))]


def _cells(maps):
    """Means over cells, [h, w, n] -> [H, W, n]. At the border, cells are smaller."""
    size = np.array(maps.shape[:2])
    more = -size % CELL
    margins = [(rest // 2, rest - rest // 2) for rest in more]
    rows, columns = (size + more) // CELL

    def totals(values):
        padded = np.pad(values, [*margins, (0, 0)])  # [CELL * H, CELL * W, n]
        return padded.reshape(rows, CELL, columns, CELL, -1).sum((1, 3))

    return totals(maps) / totals(np.ones((*size, 1)))

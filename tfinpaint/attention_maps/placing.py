"""Converts the attention maps of `System.attention_maps` to maps of the photograph.

The map of an attention layer covers a window of the photograph, which may have been reduced, and
its padding by reflection. The padding is folded back into the window here: each cell counts as the
one that it mirrors. pictures.py draws the result.
"""

from typing import Any, Iterable, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from tfinpaint.layers.mirroring import mirrored
from tfinpaint.painting.boxes import Box, bounding_box
from tfinpaint.settings import SettingsError


class AttentionMap(NamedTuple):
    """The attention of one layer.

    name:       the layer and the size of its map, "stage_2 32x32": rows x columns of the map in the
                network, padding included.
    window:     the part of the photograph that the map covers.
    cell:       height and width of a cell of the map, in pixels of the photograph.
    matches:    int32 [h, w, 2], row and column of each cell's best match: the cell with the largest
                weight.
    weights:    float32 [h, w], the attention weights of the cell at `at`, for each cell.
    at:         row and column of the chosen pixel in the photograph.
    is_flow:    whether the layer's authors draw it as a flow.
    """

    name: str
    window: Box
    cell: Tuple[float, float]
    matches: np.ndarray
    weights: np.ndarray
    at: Tuple[int, int]
    is_flow: bool

    @property
    def layer(self) -> str:
        """The name without the size, for use in a file name."""
        return self.name.split()[0]


def place_maps(
    system: Any,
    found: Iterable,
    window: Box,
    size: Tuple[int, int],
    padded: Tuple[int, int],
    at: Tuple[int, int],
) -> List[AttentionMap]:
    """An `AttentionMap` for each attention layer of a system.

    found:   what the system's `attention_maps` returned for one image with `weights_at`: pairs of
             int32 [1, h', w', 2] and float32 [1, h', w'].
    window:  the part of the photograph that the system saw.
    size:    height and width of the image before it was padded.
    padded:  the same after it was padded.
    at:      row and column of the chosen pixel in the photograph.
    """

    def placed(name, matches, weights):
        matches, weights = np.asarray(matches)[0], np.asarray(weights)[0]
        rows, columns = (_sources(*sides) for sides in zip(weights.shape, size, padded))
        folded = np.zeros((rows.max() + 1, columns.max() + 1), np.float32)
        np.add.at(folded, (rows[:, np.newaxis], columns), weights)
        h, w = folded.shape
        matches = np.stack([rows[matches[:h, :w, 0]], columns[matches[:h, :w, 1]]], -1)
        cell = tuple(
            pixels / count * of / reduced
            for pixels, count, of, reduced in zip(padded, weights.shape, window.size, size)
        )
        name = f"{name} {weights.shape[0]}x{weights.shape[1]}"
        return AttentionMap(
            name, window, cell, matches.astype(np.int32), folded, at, system.attention_is_flow
        )

    return [placed(name, *pair) for name, pair in zip(system.attention_layers, found)]


def choose_pixel(hole: np.ndarray, at: Optional[Tuple[int, int]] = None) -> Tuple[int, int]:
    """Row and column of a pixel of the hole, uint8 [H, W], above 0 = hole.

    at: the pixel; by default the one farthest from all known pixels and from the photograph's
        border.

    Raises: SettingsError if `at` is not in the hole.
    """
    if at is None:
        box = bounding_box(hole)
        inside = np.pad(np.uint8(hole[box.slices] > 0), 1)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        innermost = np.unravel_index(distance.argmax(), distance.shape)
        return int(innermost[0]) - 1 + box.top, int(innermost[1]) - 1 + box.left
    row, column = (int(place) for place in at)
    if not (0 <= row < hole.shape[0] and 0 <= column < hole.shape[1]):
        raise SettingsError(
            f"`at` is ROW,COLUMN of a pixel in the hole, in a photograph of {hole.shape[0]} rows "
            f"and {hole.shape[1]} columns. Got {row},{column}"
        )
    if not hole[row, column]:
        inner = ",".join(map(str, choose_pixel(hole)))
        raise SettingsError(
            f"`at=({row}, {column})` is no pixel of the hole; its innermost pixel is {inner}"
        )
    return row, column


def _sources(cells: int, side: int, padded: int) -> np.ndarray:
    """Along one axis, the cell inside the image that each cell of a map shows: int [cells].

    side, padded:  of the image before and after padding, in pixels.
    """
    cell = padded // cells
    centres = np.arange(cells) * cell + cell // 2
    shown = mirrored(side, 0, padded).numpy()  # the padding of `Painter`
    return np.where(centres - cell // 2 < side, np.arange(cells), shown[centres] // cell)

"""Draws an attention map above a legend. Pictures are uint8 RGB and show the map's window.

    places   each missing pixel in the colour that stands for the place of its best match;
             Fig. 8 and 9 of the multistage attention paper
    weights  the attention weights of one pixel, as a heat map over the photograph;
             Fig. 4 of the coherent semantic attention paper
    flow     the offset from each missing pixel to its best match: direction as hue, length as
             saturation (DeepFill)

Small windows are enlarged and large ones reduced, so that the longer side has 512 to 1024 pixels.
"""

import cv2
import numpy as np

from tfinpaint.attention_maps.placing import AttentionMap
from tfinpaint.pictures import faded, position_colors

_SMALLEST, _LARGEST = 512, 1024  # pixels of the longer side
_NARROWEST = 480  # pixels of width, for the legend
_LEGEND, _MARGIN = 64, 8  # pixels: height of the legend, and the margin around its contents


def pictures(map_: AttentionMap, photo: np.ndarray, hole: np.ndarray) -> dict:
    """Draws all pictures of a map, at one size.

    photo:  uint8 [H, W, 3], the whole photograph.
    hole:   [H, W], above 0 = missing.

    Returns: {"places": picture, "weights": picture}, uint8 [h, w, 3], and "flow" if the layer's
        authors draw one.
    """
    window = map_.window.slices
    photo, hole = photo[window], (hole[window] > 0).astype(np.uint8)
    longest = max(hole.shape)
    scale = -(-_SMALLEST // longest) if longest < _SMALLEST else min(_LARGEST / longest, 1.0)
    size = tuple(max(round(side * scale), 1) for side in hole.shape[::-1])  # width, height
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    hole = cv2.resize(hole, size, interpolation=cv2.INTER_NEAREST) > 0
    found = {"places": places(map_, photo, hole), "weights": weights(map_, photo, hole)}
    if map_.is_flow:
        found["flow"] = flow(map_, photo, hole)
    return found


def places(map_: AttentionMap, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Colours each missing pixel by the place of its best match: uint8 [h, w, 3].

    photo, hole:  uint8 [H, W, 3] and bool [H, W], the map's window at the size of the drawing.
    """
    h, w = map_.weights.shape
    colors = position_colors(h, w)[map_.matches[..., 0], map_.matches[..., 1]]  # [h, w, 3]
    picture = np.where(hole[..., np.newaxis], _spread(colors, map_, hole.shape), faded(photo))
    height = _LEGEND - 2 * _MARGIN
    mark = position_colors(height, int(np.clip(height * hole.shape[1] / hole.shape[0], 16, 160)))
    return _with_legend(
        picture,
        mark,
        f"{map_.name}: a missing pixel has",
        "the colour of the place it looks at most",
    )


def weights(map_: AttentionMap, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Draws the attention weights of one pixel. Arguments and result are as for `places`.

    A cross marks the pixel. A line leads from it to the place with the largest weight, which has
    the last colour of the scale.
    """
    most = max(float(map_.weights.max()), 1e-12)
    level = _spread(np.clip(map_.weights / most, 0, 1), map_, hole.shape)  # [H, W]
    grey = np.where(hole, np.uint8(255), np.uint8(90 + 0.55 * photo.mean(-1)))
    picture = _heated(grey, level)
    edge = cv2.morphologyEx(np.uint8(hole), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    picture[edge & (level < 0.02)] = 120
    # Both places are rows and columns of pixels in the window.
    best = (np.array(np.unravel_index(map_.weights.argmax(), map_.weights.shape)) + 0.5) * map_.cell
    asked = np.array(map_.at) + 0.5 - map_.window[:2]
    (row, column), end = (
        [int(p * side / of) for p, side, of in zip(place, hole.shape, map_.window.size)]
        for place in (asked, best)
    )
    cv2.line(picture, (column, row), end[::-1], (0, 0, 0), 1, cv2.LINE_AA)
    for color, thickness in ((255, 5), (0, 2)):
        cv2.drawMarker(
            picture, (column, row), (color, color, color), cv2.MARKER_CROSS, 21, thickness
        )
    mark = _heated(
        np.full((20, 80), 255, np.uint8), np.broadcast_to(np.linspace(0, 1, 80), (20, 80))
    )
    return _with_legend(
        picture,
        mark,
        f"{map_.name}: what the cross takes from where",
        f"row {map_.at[0]}, column {map_.at[1]}; the bar ends at weight {most:.2g}",
    )


def flow(map_: AttentionMap, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Draws the offset from each missing pixel to its best match; see `places`."""
    offsets = flow_offsets(map_)
    inside = _spread(offsets, map_, hole.shape)  # [H, W, 2]
    longest = max(float(np.hypot(*inside[hole].T).max(initial=0)), 1e-12)
    picture = np.where(hole[..., np.newaxis], flow_colors(inside / longest), faded(photo))
    reach = (_LEGEND - 2 * _MARGIN) // 2
    # Offsets on the legend's wheel, rows and columns; at its rim their length is 1.
    wheel = np.moveaxis(np.mgrid[-reach : reach + 1, -reach : reach + 1], 0, -1) / reach
    disc = np.hypot(*np.moveaxis(wheel, -1, 0))[..., np.newaxis] <= 1
    mark = np.where(disc, flow_colors(wheel), np.uint8(255))
    return _with_legend(
        picture,
        mark,
        f"{map_.name}: the way to the place it looks at most",
        f"from the wheel's centre; its rim is {longest:.0f} pixels away",
    )


def flow_offsets(map_: AttentionMap) -> np.ndarray:
    """Offsets from each cell to its best match: float [h, w, 2], rows and columns.

    The unit is pixels of the photograph.
    """
    return (map_.matches - np.moveaxis(np.indices(map_.weights.shape), 0, -1)) * np.array(map_.cell)


def flow_colors(offsets: np.ndarray) -> np.ndarray:
    """Colours of offsets [..., 2], rows (down) and columns (right): uint8 [..., 3].

    Offsets have a length of at most 1. The hue is red to the right; then follow, clockwise, yellow,
    green (down and left), cyan (left), blue and magenta. An offset of 0 is white.
    """
    down, right = offsets[..., 0], offsets[..., 1]
    hue = np.degrees(np.arctan2(down, right)) % 360
    hsv = np.stack([hue, np.clip(np.hypot(down, right), 0, 1), np.ones_like(hue)], -1).astype(
        np.float32
    )  # [..., 3]
    rgb = cv2.cvtColor(hsv.reshape(1, -1, 3), cv2.COLOR_HSV2RGB).reshape(hsv.shape)
    return np.rint(255 * rgb).astype(np.uint8)


def _spread(values: np.ndarray, map_: AttentionMap, size) -> np.ndarray:
    """Enlarges values of cells, [h, w, ...], to the pixels of the picture, `size`: [H, W, ...]."""
    index = [
        np.minimum((np.arange(side) + 0.5) * of / side / cell, count - 1).astype(int)
        for side, of, cell, count in zip(size, map_.window.size, map_.cell, values.shape)
    ]
    return values[index[0]][:, index[1]]


def _heated(grey: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Paints levels from 0 to 1 over a grey picture, both [H, W]: uint8 [H, W, 3].

    The scale runs from light blue through yellow to dark red.
    """
    stops = np.array(
        [[150, 210, 255], [90, 200, 190], [250, 220, 60], [235, 90, 30], [130, 0, 0]], np.float32
    )
    at = np.linspace(0, 1, len(stops))
    colors = np.stack([np.interp(level, at, stops[:, k]) for k in range(3)], -1)
    share = np.sqrt(level)[..., np.newaxis]  # most weights are small: the root keeps them visible
    return np.rint(grey[..., np.newaxis] * (1 - share) + colors * share).astype(np.uint8)


def _with_legend(picture, mark, *lines):
    """The picture above its legend, on white. The legend is a mark and two lines of text."""
    height, width = picture.shape[:2]
    sheet = np.full((height + _LEGEND, max(width, _NARROWEST), 3), 255, np.uint8)
    sheet[:height, :width] = picture
    top = height + (_LEGEND - mark.shape[0]) // 2
    sheet[top : top + mark.shape[0], _MARGIN : _MARGIN + mark.shape[1]] = mark
    for k, line in enumerate(lines):
        place = (mark.shape[1] + 2 * _MARGIN, height + 27 + 20 * k)
        cv2.putText(sheet, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet

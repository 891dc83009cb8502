"""Pictures for viewing: grids of a batch, and the matches of attention maps in colours.

All are uint8 RGB.
"""

from typing import Any, List, Sequence

import cv2
import numpy as np

# [2, 2, 3]. Green at the top left and pink at the bottom right are from Fig. 8 of the multistage
# attention paper. The other two corners are our choice.
_CORNERS = np.array([[[60, 180, 75], [250, 200, 60]], [[60, 110, 230], [245, 90, 170]]], np.float32)
_GAP = 4  # pixels between the pictures of a grid


def to_uint8(images: Any) -> np.ndarray:
    """Images float [..., 3] in [-1, 1] -> uint8, clipped and rounded."""
    return np.clip(np.rint((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def to_float(photos: Any) -> np.ndarray:
    """Photographs uint8 [..., 3] -> float32 in [-1, 1]."""
    return np.asarray(photos, np.float32) / 127.5 - 1


def position_colors(height: int, width: int) -> np.ndarray:
    """The colours that stand for the positions of a map: uint8 [height, width, 3]."""
    y, x = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    top, bottom = (row[0] * (1 - x) + row[1] * x for row in _CORNERS)
    return np.rint(top * (1 - y) + bottom * y).astype(np.uint8)


def matches_in_colors(matches: np.ndarray, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each missing pixel in the colour that stands for the position of its best match.

    Known pixels show the photograph, faded.

    Args:
        matches: int [h, w, 2], row and column of the best match of each cell. The cells cover the
            photograph.
        photo: uint8 [H, W, 3].
        hole: [H, W], 1 where missing.

    Returns:
        uint8 [H, W, 3].
    """
    h, w = matches.shape[:2]
    height, width = photo.shape[:2]
    colors = position_colors(h, w)[matches[..., 0], matches[..., 1]]  # [h, w, 3]
    colors = cv2.resize(colors, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(hole[..., None] > 0, colors, faded(photo))


def faded(photo: np.ndarray) -> np.ndarray:
    """The photograph, uint8 [H, W, 3], lightened as a background: uint8 [H, W, 3]."""
    return (photo.astype(np.float32) * 0.35 + 255 * 0.65).astype(np.uint8)


def blanked(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The photograph, uint8 [H, W, 3], with its hole [H, W] in white."""
    return np.where(hole[..., None] > 0, np.uint8(255), photo)


def composite(photo: np.ndarray, output: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """`output` where the hole [H, W] is, `photo` elsewhere; both uint8 [H, W, 3]."""
    return np.where(hole[..., None] > 0, output, photo)


def sample_row(
    photo: np.ndarray, hole: np.ndarray, output: np.ndarray, matches: Sequence[np.ndarray] = ()
) -> List[np.ndarray]:
    """One row of a sample grid, uint8 [H, W, 3] each.

    It shows the input, hole, output, composite, original, and the map of each attention layer.

    Args:
        photo, output: uint8 [H, W, 3].
        hole: [H, W], 1 where missing.
        matches: int [h, w, 2] for each attention layer.
    """
    hole_picture = np.repeat(np.uint8(255) * (hole[..., None] > 0), 3, axis=-1)
    maps = [matches_in_colors(found, photo, hole) for found in matches]
    return [
        blanked(photo, hole),
        hole_picture,
        output,
        composite(photo, output, hole),
        photo,
        *maps,
    ]


def grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of pictures of one size, uint8 [H, W, 3] each -> one picture with white gaps."""
    height, width = rows[0][0].shape[:2]
    sheet = np.full(
        (len(rows) * (height + _GAP) - _GAP, len(rows[0]) * (width + _GAP) - _GAP, 3), 255, np.uint8
    )
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            sheet[i * (height + _GAP) :, j * (width + _GAP) :][:height, :width] = picture
    return sheet

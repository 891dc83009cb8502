"""Holes that cover a tenth of a photograph in many pieces or in one, and their windows.

The benchmark's group `windows` counts them: the time of a fill is that of its windows.
"""

from typing import Dict, Tuple

import cv2
import numpy as np

from tfinpaint import windows

STRIDE, WORKING_SIZE = 8, 512  # of the default model


def holes(height: int = 3000, width: int = 4000) -> Dict[str, np.ndarray]:
    """{name: uint8 [H, W], 1 = hole}, each a tenth of the photograph."""
    found = {name: np.zeros((height, width), np.uint8) for name in ("hatch", "lines", "mesh")}
    for x in range(-height, width, 60):
        cv2.line(found["hatch"], (x, 0), (x + height, height), 1, 4)
    for y in range(30, height, 60):
        found["lines"][y : y + 6, 10:-10] = 1
    for start in range(30, max(height, width), 60):
        found["mesh"][start : start + 3] = 1
        found["mesh"][:, start : start + 3] = 1
    found["dust"] = dust(height, width, 10_000 * height * width // 12_000_000)
    side = round((height * width / 10) ** 0.5)
    found["blob"] = np.zeros((height, width), np.uint8)
    found["blob"][(height - side) // 2 :, (width - side) // 2 :][:side, :side] = 1
    return found


def dust(height: int, width: int, specks: int) -> np.ndarray:
    """Specks of 13 pixels at random places, uint8 [H, W]."""
    hole = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(0)
    for y, x in zip(rng.integers(0, height, specks), rng.integers(0, width, specks)):
        cv2.circle(hole, (int(x), int(y)), 6, 1, cv2.FILLED)
    return hole


def count(hole: np.ndarray) -> Tuple[int, float]:
    """The number of windows, and the pixels in them, of photographs, as the network gets them."""
    sizes = [
        window.size for _, window, _ in windows.plan(hole, STRIDE, WORKING_SIZE, windows.Context())
    ]
    pixels = sum(min(h * w, WORKING_SIZE**2) for h, w in sizes)
    return len(sizes), pixels / hole.size

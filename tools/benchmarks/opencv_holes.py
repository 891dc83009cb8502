"""Draws brush strokes with OpenCV, one hole at a time. The benchmark compares the project's own
generator of strokes with this.
"""

import math

import cv2
import numpy as np

from tfinpaint.settings import HoleSettings


def draw_strokes(generator: np.random.Generator, size: int, settings: HoleSettings) -> np.ndarray:
    """One hole of strokes like those of `tfinpaint.data.strokes`: uint8 [S, S, 1], 1 is hole.

    Segments are drawn one after the other until the wanted share of the square is covered. Random
    numbers are taken from `generator` as they are needed.

    size: side of the square, pixels.
    """
    low, high = settings.bounds
    wanted = generator.uniform(low, high) * size**2
    unit = size / 256
    hole = np.zeros((size, size), np.uint8)
    while hole.sum() < wanted:
        corners = generator.integers(settings.stroke_vertices[0], settings.stroke_vertices[1] + 1)
        width = round(generator.uniform(*settings.stroke_width) * unit)
        x, y = generator.uniform(0, size, 2)
        heading, side = generator.uniform(0, 2 * math.pi), generator.choice([-1, 1])
        for corner in range(corners - 1):
            mean, spread = settings.stroke_angle
            heading += (
                side * (-1) ** corner * math.radians(mean + spread * generator.uniform(-1, 1))
            )
            length = generator.uniform(0, settings.stroke_length * unit) + generator.uniform(
                0, settings.stroke_length * unit
            )
            to = (
                abs(x + length * math.cos(heading)) % (2 * size),
                abs(y + length * math.sin(heading)) % (2 * size),
            )
            to = tuple(min(place, 2 * size - 1 - place) for place in to)
            start, end = (round(x), round(y)), (round(to[0]), round(to[1]))
            cv2.line(hole, start, end, 1, width)
            cv2.circle(hole, end, width // 2, 1, -1)
            x, y = to
            if hole.sum() >= wanted:
                break
    return hole[..., np.newaxis]

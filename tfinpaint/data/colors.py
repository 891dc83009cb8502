"""Colour jitter: a training square a little brighter or darker, with more or less contrast and
colour, by given numbers.

Input and output: uint8 [S, S, 3]. The three factors lie within 1 +- `amount`; brightness multiplies
all values, contrast the distance of each from the square's mean grey, saturation the distance of
each from its own pixel's grey, in this order. Rounded once, at the end.
"""

import numpy as np

# ITU-R BT.601: what red, green and blue add to how bright a pixel looks
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def jittered(square: np.ndarray, numbers: np.ndarray, amount: float) -> np.ndarray:
    """uint8 [S, S, 3] -> the same.

    `numbers` are three in [0, 1): brightness, contrast, saturation; at 0.5 they change nothing.
    """
    brightness, contrast, saturation = (1 + amount * (2 * numbers.astype(np.float32) - 1)).astype(
        np.float32
    )
    pixels = square.astype(np.float32) * brightness
    grey = pixels @ _GREY  # [S, S]
    mean = grey.mean()
    grey = (mean + (grey - mean) * contrast)[..., np.newaxis]  # [S, S, 1]
    pixels = mean + (pixels - mean) * contrast
    return np.clip(np.round(grey + (pixels - grey) * saturation), 0, 255).astype(np.uint8)

"""Colour jitter: changes the brightness, contrast and saturation of a training square.

Input and output: uint8 [S, S, 3]. The three factors lie within 1 +- `amount`. In this order,
brightness multiplies all values, contrast scales the distance of each value from the square's mean
grey, and saturation scales its distance from its own pixel's grey. Values are rounded once, at the
end.
"""

import numpy as np

# weights of red, green and blue in the luma of ITU-R BT.601
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def jittered(square: np.ndarray, numbers: np.ndarray, amount: float) -> np.ndarray:
    """The square, uint8 [S, S, 3], with jittered colours.

    numbers: float [3] in [0, 1): brightness, contrast, saturation. 0.5 changes nothing.
    amount: the factors lie in 1 - amount to 1 + amount.
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

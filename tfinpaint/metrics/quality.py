"""Image quality of a filled photograph against the original, on the bytes that a viewer sees.

Inputs are uint8 RGB [H, W, 3]: the composited result and the original. Nothing is converted to grey, cropped or scaled
before measuring. A hole is [H, W] or [H, W, 1], any number but 0 is hole. Every function gives one Python float per
photograph; `average` is the mean over photographs, which is not the same as the PSNR of a mean error.

Papers mean different things by the same word (window, grey or colour, whole image or hole), so each docstring here says
which definition it is. `psnr`, `ssim` and `l1` are those of MUSICAL's tables (whole image, RGB, window 7).

Raises ValueError where shapes or dtypes are others than these.
"""
from typing import Dict, Sequence

import numpy as np
from skimage.metrics import structural_similarity

_SSIM_WINDOW = 7


def psnr(output: np.ndarray, original: np.ndarray) -> float:
    """Peak signal-to-noise ratio over the whole image and all three channels, dB, peak 255. Equal images: inf."""
    return _decibels(np.square(_difference(output, original)))


def psnr_in_hole(output: np.ndarray, original: np.ndarray, hole: np.ndarray) -> float:
    """Peak signal-to-noise ratio, dB, peak 255, with the squared error averaged over the hole's pixels and three channels
    only: it does not rise with the share of known pixels. Equal in the hole: inf. No hole: nan, nothing was measured."""
    difference = _difference(output, original)
    return _decibels(np.square(difference[_inside(hole, difference)]))


def ssim(output: np.ndarray, original: np.ndarray) -> float:
    """Structural similarity as scikit-image defines it: uniform 7 x 7 window, sample covariance, data range 255, mean over
    the three RGB channels, over windows wholly inside the image. At most 1. A side below 7 pixels is mirrored out to 7."""
    _difference(output, original)
    missing = [max(0, _SSIM_WINDOW - side) for side in output.shape[:2]]
    output, original = (np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), "symmetric") for image in (output, original))
    return float(structural_similarity(output, original, win_size=_SSIM_WINDOW, channel_axis=-1, data_range=255))


def l1(output: np.ndarray, original: np.ndarray) -> float:
    """Mean absolute difference over the whole image and all three channels, as a share of the range 255: 0 to 1."""
    return float(np.abs(_difference(output, original)).mean() / 255)


def l1_in_hole(output: np.ndarray, original: np.ndarray, hole: np.ndarray) -> float:
    """Mean absolute difference over the hole's pixels and three channels only, as a share of the range 255. No hole: nan."""
    difference = _difference(output, original)
    inside = np.abs(difference[_inside(hole, difference)])
    return float(inside.mean() / 255) if inside.size else float("nan")


def measure(output: np.ndarray, original: np.ndarray, hole: np.ndarray) -> Dict[str, float]:
    """All of the above for one photograph: psnr, psnr_in_hole, ssim, l1, l1_in_hole."""
    return {
        "psnr": psnr(output, original),
        "psnr_in_hole": psnr_in_hole(output, original, hole),
        "ssim": ssim(output, original),
        "l1": l1(output, original),
        "l1_in_hole": l1_in_hole(output, original, hole),
    }


def average(measured: Sequence[Dict[str, float]]) -> Dict[str, float]:
    """Mean of each figure over photographs. A photograph in which a figure is nan (no hole) does not count for that figure;
    an infinite PSNR makes its mean infinite. At least one photograph, all with the same figures."""
    if not measured:
        raise ValueError("average needs at least one photograph's figures")
    means = {}
    for name in measured[0]:
        values = [m[name] for m in measured if not np.isnan(m[name])]
        means[name] = float(np.mean(values)) if values else float("nan")
    return means


def _difference(output: np.ndarray, original: np.ndarray) -> np.ndarray:
    """output - original in float64, where uint8 would wrap around."""
    for name, image in (("output", output), ("original", original)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
            raise ValueError(f"{name} is uint8 [H, W, 3]. Got {image.dtype} {list(image.shape)}")
    if output.shape != original.shape:
        raise ValueError(f"output and original have one shape. Got {list(output.shape)} and {list(original.shape)}")
    return output.astype(np.float64) - original.astype(np.float64)


def _inside(hole: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The hole as bool [H, W]."""
    if hole.shape not in (image.shape[:2], image.shape[:2] + (1,)):
        raise ValueError(f"hole is [H, W] or [H, W, 1] of {list(image.shape[:2])}. Got {list(hole.shape)}")
    return hole.reshape(image.shape[:2]) != 0


def _decibels(squared_error: np.ndarray) -> float:
    if squared_error.size == 0:
        return float("nan")
    mean = squared_error.mean()
    return float(10 * np.log10(255.0**2 / mean)) if mean > 0 else float("inf")

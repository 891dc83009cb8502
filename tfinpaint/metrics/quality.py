"""Image quality of filled photographs against the originals, by the definitions of all the papers.

Inputs: the results and the originals, uint8 RGB [B, H, W, 3]; holes [B, H, W] or [B, H, W, 1],
    where any number but 0 is hole. They are measured in batches, on any device.

Nothing is cropped or scaled before measuring. Every figure is computed for each photograph.
`averages` computes their mean. The mean of PSNRs is not the PSNR of the mean error.

Papers use the same word for different figures (window, grey or colour, whole picture or hole). A
`Measure` is one definition, and its property `definition` puts it in words. PSNR and SSIM equal
scikit-image's.

References:
    [1] Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE
        Transactions on Image Processing 2004.
    [2] Nazeri et al., EdgeConnect, 2019: SSIM with windows of 51 and the L1 that is divided by the
        sum of both pictures.
    [3] Yu et al., Generative image inpainting with contextual attention, CVPR 2018: relative
        errors.
"""

import dataclasses
import functools
from typing import TYPE_CHECKING, Dict, Optional, Sequence

import numpy as np
import tensorflow as tf

from tfinpaint.layers.mirroring import mirrored
from tfinpaint.metrics.metric import Column, Metric

if TYPE_CHECKING:
    from tfinpaint.metrics.protocols import Protocol

# weights of red, green and blue with which scikit-image turns colour into grey (Rec. 709)
_LUMINANCE = (0.2125, 0.7154, 0.0721)
_AT_ONCE = 2**21  # pixels in a batch up to which all measures are computed together
_SIGMA, _RADIUS = 1.5, 5  # of the Gaussian window, 11 pixels wide [1]

_KINDS = {  # kind: (label, unit, whether more is better, what it is)
    "psnr": ("PSNR", "dB", True, "peak signal-to-noise ratio"),
    "ssim": ("SSIM", "", True, "structural similarity"),
    "l1": ("L1", "%", False, "mean absolute difference, as a share of the range"),
    "l2": ("L2", "%", False, "mean squared difference, as a share of the squared range"),
    "l1_of_sum": ("L1", "", False, "sum of absolute differences over the sum of both pictures"),
    "l1_relative": (
        "relative L1",
        "%",
        False,
        "sum of absolute differences over the sum of the original",
    ),
    "l2_relative": (
        "relative L2",
        "%",
        False,
        "sum of squared differences over the sum of the original's squares",
    ),
    "variation": (
        "TV",
        "%",
        False,
        "mean absolute difference of neighbours, across plus down, of the result, as a "
        "share of the range",
    ),
}
_COLOURS = {
    "rgb": "RGB",
    "grey": "grey (Rec. 709)",
    "grey_bgr": "grey with the weights of red and blue exchanged, as released",
}
_WINDOWS = {
    "7": "7 x 7 uniform window",
    "51": "51 x 51 uniform window",
    "gauss11": "11 x 11 Gaussian window, sigma 1.5",
}


@dataclasses.dataclass(frozen=True)
class Measure:
    """One definition of one figure.

    name:     its name in tables and files.
    kind:     "psnr", "ssim", "l1", "l2", "l1_of_sum" [2], "l1_relative", "l2_relative" [3] or
              "variation".
    region:   "whole" picture, or "hole": over the pixels of the hole alone, so that the figure
              does not depend on the share of known pixels; nan without a hole.
    colour:   "rgb" (mean over the channels), "grey", or "grey_bgr": grey as [2] computes it from
              pictures read by OpenCV, with the weights of red and blue exchanged.
    window:   of SSIM: "7" or "51" (uniform, with sample covariance: scikit-image's default except
              for the size), or "gauss11" [1]. A side smaller than the window is extended to it by
              mirroring. Over the whole picture, SSIM is the mean over the windows that lie wholly
              inside. In the hole, it is the mean over the windows centred on the hole's pixels,
              with the picture mirrored beyond its borders.

    Raises: ValueError for a kind, region, colour or window that there is not, or for "variation"
        in the hole.
    """

    name: str
    kind: str
    region: str = "whole"
    colour: str = "rgb"
    window: str = "7"

    def __post_init__(self) -> None:
        regions = ("whole",) if self.kind == "variation" else ("whole", "hole")
        for argument, allowed in (
            ("kind", tuple(_KINDS)),
            ("region", regions),
            ("colour", tuple(_COLOURS)),
            ("window", tuple(_WINDOWS)),
        ):
            value = getattr(self, argument)
            if value not in allowed:
                raise ValueError(
                    f"`{argument}` of the measure {self.name!r} is one of {', '.join(allowed)}. "
                    f"Got {value!r}"
                )

    @property
    def column(self) -> Column:
        """The column for its figures. What the column shows in %, `measure` returns as a share."""
        label, unit, more_is_better, _ = _KINDS[self.kind]
        if self.colour != "rgb" and self.name.endswith("_grey"):
            label += " grey"
        return Column(self.name, label, self.definition, unit, more_is_better, self.region)

    @property
    def definition(self) -> str:
        """One line: what is computed, over which range, colours, window and region."""
        region = "whole picture" if self.region == "whole" else "the hole's pixels alone"
        window = ""
        if self.kind == "ssim":
            window = f", {_WINDOWS[self.window]} (smaller pictures are mirrored out to it)"
            region = region if self.region == "whole" else "windows centred on the hole's pixels"
        return f"{_KINDS[self.kind][3]}{window}, range 0-255, {_COLOURS[self.colour]}, {region}"


DEFAULT = (
    Measure("psnr", "psnr"),
    Measure("ssim", "ssim"),
    Measure("l1", "l1"),
    Measure("l2", "l2"),
    Measure("psnr_in_hole", "psnr", "hole"),
    Measure("ssim_in_hole", "ssim", "hole"),
    Measure("l1_in_hole", "l1", "hole"),
    Measure("l2_in_hole", "l2", "hole"),
)


class ImageQuality(Metric):
    """The metric of these measures, which need no trained network. Each is a column."""

    def __init__(self, measures: Sequence[Measure] = DEFAULT):
        self.measures = tuple(measures)
        self.columns = tuple(measure.column for measure in self.measures)

    @classmethod
    def open(cls, protocol: "Protocol", weights: Optional[str]) -> "ImageQuality":
        """See the base class: the measures of the protocol."""
        del weights
        return cls(protocol.measures)

    def measure(
        self, fills: np.ndarray, photos: np.ndarray, holes: np.ndarray
    ) -> Dict[str, np.ndarray]:
        """See the base class."""
        return measure(fills, photos, holes, self.measures)


def measure(
    outputs: np.ndarray,
    originals: np.ndarray,
    holes: np.ndarray,
    measures: Sequence[Measure] = DEFAULT,
) -> Dict[str, np.ndarray]:
    """Measures a batch of pictures.

    Inputs as in the module's docstring.

    Returns: {name: float64 [B]}. The PSNR of equal pictures is inf. A figure over the hole of a
        picture without one is nan.

    Raises: ValueError for other shapes and dtypes.
    """
    outputs, originals, holes = np.asarray(outputs), np.asarray(originals), np.asarray(holes)
    for name, images in (("outputs", outputs), ("originals", originals)):
        if (
            images.dtype != np.uint8
            or images.ndim != 4
            or images.shape[-1] != 3
            or images.size == 0
        ):
            raise ValueError(
                f"`{name}` is uint8 [B, H, W, 3]. Got {images.dtype} {list(images.shape)}"
            )
    if outputs.shape != originals.shape:
        raise ValueError(
            f"`outputs` and `originals` have one shape. Got {list(outputs.shape)} and "
            f"{list(originals.shape)}"
        )
    if holes.shape not in (outputs.shape[:3], outputs.shape[:3] + (1,)):
        raise ValueError(
            f"`holes` is [B, H, W] or [B, H, W, 1] of {list(outputs.shape[:3])}. Got "
            f"{list(holes.shape)}"
        )
    holes = holes.reshape(outputs.shape[:3] + (1,)) != 0
    # One after the other if computing all at once would take gigabytes.
    groups = [tuple(measures)] if holes.size <= _AT_ONCE else [(m,) for m in measures]
    return {
        name: value.numpy()
        for group in groups
        for name, value in _measure(group, outputs, originals, holes).items()
    }


def averages(measured: Dict[str, np.ndarray]) -> Dict[str, float]:
    """Mean of each figure over photographs.

    A photograph in which a figure is nan does not count for that figure.
    """
    means = {}
    for name, values in measured.items():
        values = np.asarray(values)[~np.isnan(values)]
        means[name] = float(np.mean(values)) if values.size else float("nan")
    return means


@functools.lru_cache(maxsize=None)
def _function():
    """The compiled `_figures`, made on first use. TensorFlow then chooses the device it runs on."""
    return tf.function(_figures, reduce_retracing=True, autograph=False)


def _measure(measures, outputs, originals, holes):
    return _function()(measures, tf.constant(outputs), tf.constant(originals), tf.constant(holes))


def _figures(measures, outputs, originals, holes):
    # In float64, sums of squares of uint8 over a whole picture are exact.
    outputs, originals, inside = (tf.cast(x, tf.float64) for x in (outputs, originals, holes))
    figures = {}
    for m in measures:
        a, b = _coloured(outputs, m.colour), _coloured(originals, m.colour)  # [B, H, W, C]
        over = inside if m.region == "hole" else tf.ones_like(inside)
        figures[m.name] = (
            _similarity(a, b, over, m) if m.kind == "ssim" else _error(a, b, over, m.kind)
        )
    return figures


def _coloured(images, colour):
    """[B, H, W, 3] -> [B, H, W, 3] or [B, H, W, 1]."""
    if colour == "rgb":
        return images
    weights = _LUMINANCE if colour == "grey" else _LUMINANCE[::-1]
    return tf.reduce_sum(images * tf.constant(weights, tf.float64), axis=-1, keepdims=True)


def _error(a, b, over, kind):
    """Every figure but SSIM: float64 [B]. `over` is 1 where pixels count, [B, H, W, 1]."""

    def total(x):
        return tf.reduce_sum(x * over, axis=[1, 2, 3])

    count = tf.reduce_sum(over, axis=[1, 2, 3]) * tf.cast(tf.shape(a)[-1], tf.float64)
    if kind == "variation":
        across, down = tf.abs(a[:, :, 1:] - a[:, :, :-1]), tf.abs(a[:, 1:] - a[:, :-1])
        return (tf.reduce_mean(across, [1, 2, 3]) + tf.reduce_mean(down, [1, 2, 3])) / 255
    if kind == "l1":
        return total(tf.abs(a - b)) / count / 255
    if kind == "l1_of_sum":
        return _share(total(tf.abs(a - b)), total(a + b))
    if kind == "l1_relative":
        return _share(total(tf.abs(a - b)), total(b))
    squared = total(tf.square(a - b))
    if kind == "l2_relative":
        return _share(squared, total(tf.square(b)))
    mean = squared / count
    return (
        mean / 255**2
        if kind == "l2"
        else 10 * tf.math.log(255.0**2 / mean) / tf.math.log(tf.constant(10.0, tf.float64))
    )


def _share(error, of):
    """error / of; nan where `of` is 0: to a black picture, no error is relative."""
    return tf.where(of > 0, error / of, tf.constant(np.nan, tf.float64))


def _similarity(a, b, over, m):
    """SSIM [1] of [B, H, W, C]: float64 [B]."""
    blur, size = (
        (_gaussian, 2 * _RADIUS + 1)
        if m.window == "gauss11"
        else (_uniform(int(m.window)), int(m.window))
    )
    # As scikit-image: sample covariances for uniform windows, not for the Gaussian one.
    unbiased = 1.0 if m.window == "gauss11" else size**2 / (size**2 - 1)
    if m.region == "hole":
        a, b = (_extended(x, size // 2, size // 2) for x in (a, b))
    else:
        a, b = (_extended(x, 0, tf.maximum(size - tf.shape(x)[1:3], 0)) for x in (a, b))
    mean_a, mean_b = blur(a), blur(b)
    variance_a = unbiased * (blur(a * a) - mean_a**2)
    variance_b = unbiased * (blur(b * b) - mean_b**2)
    covariance = unbiased * (blur(a * b) - mean_a * mean_b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    # [B, H', W', C]
    similarity = (
        (2 * mean_a * mean_b + c1)
        * (2 * covariance + c2)
        / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
    )
    similarity = tf.reduce_mean(similarity, axis=-1, keepdims=True)
    if m.region == "whole":
        return tf.reduce_mean(similarity, axis=[1, 2, 3])
    return tf.reduce_sum(similarity * over, axis=[1, 2, 3]) / tf.reduce_sum(over, axis=[1, 2, 3])


def _uniform(size):
    """A function to the means of all windows that lie wholly inside, by differences of sums.

    It takes as long for 51 pixels as for 7, and its sums of whole numbers are exact.
    """

    def blur(x):
        for axis in (1, 2):
            x = tf.cumsum(tf.concat([tf.zeros_like(tf.gather(x, [0], axis=axis)), x], axis), axis)
            last = tf.shape(x)[axis]
            x = tf.gather(x, tf.range(size, last), axis=axis) - tf.gather(
                x, tf.range(last - size), axis=axis
            )
        return x / size**2

    return blur


def _gaussian(x):
    """Gaussian means of all windows that lie wholly inside."""
    weights = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        count = tf.shape(x)[axis] - 2 * _RADIUS
        x = tf.add_n(
            [w * tf.gather(x, tf.range(k, k + count), axis=axis) for k, w in enumerate(weights)]
        )
    return x


def _extended(x, before, after):
    """Extends [B, H, W, C] by mirroring at its borders.

    before: pixels to add at the top and at the left. after: at the bottom and at the right, a
        number or [2].
    """
    after = tf.broadcast_to(after, [2])
    for axis in (1, 2):
        side = tf.shape(x)[axis]
        x = tf.gather(x, mirrored(side, -before, side + after[axis - 1]), axis=axis)
    return x

"""Fills a hole in several ways, and says which of them the critic finds most real.

The critic is that of generated pictures, as training left it. A run without it has no scores.
"""

import functools
from typing import List, NamedTuple, Optional

import numpy as np
import tensorflow as tf

from tfinpaint import filling, windows
from tfinpaint.painter import Painter
from tfinpaint.photo import THRESHOLD
from tfinpaint.settings import SettingsError


class Sample(NamedTuple):
    """One fill of a photograph.

    pixels: uint8 [H, W, 3].
    seed: `fill` with this seed gives the same.
    score: the critic's, where a real picture has 1; None without a critic.
    """

    pixels: np.ndarray
    seed: int
    score: Optional[float]


class PluralisticPainter(Painter):
    """See the top of the file. Everything else is as in `Painter`."""

    def fill_samples(
        self,
        photo: np.ndarray,
        mask: np.ndarray,
        count: int,
        seed: int = 0,
        grow: int = 0,
        feather: int = 0,
        detail: str = "auto",
    ) -> List[Sample]:
        """Several fills of one photograph, of which the critic's favourite is the first.

        Without a critic they come in the order of their seeds.

        count:  how many, at least 1. Their seeds are `seed`, `seed` + 1 and so on.
        Other arguments and errors are those of `fill`.
        """
        if count < 1 or count != int(count):
            raise SettingsError(f"`samples` is a whole number, at least 1. Got {count}")
        samples = []
        for one in range(seed, seed + count):
            pixels = self.fill(photo, mask, grow, feather, detail, one)
            samples.append(Sample(pixels, one, self.score(pixels, mask, grow)))
        if samples[0].score is None:
            return samples
        return sorted(samples, key=lambda sample: -sample.score)

    def score(self, photo: np.ndarray, mask: np.ndarray, grow: int = 0) -> Optional[float]:
        """The critic's mean score of the window around all holes of a filled photograph.

        The window is reduced and padded as the network's is. None if there is no critic.

        photo, mask, grow:  as `fill` returned and took them.
        """
        if self.critic is None:
            return None
        photo, mask = np.asarray(photo), np.asarray(mask)
        filling.check(photo, mask, grow)
        hole = filling.grown((mask > THRESHOLD).astype(np.uint8), grow)
        window = windows.window_around(windows.bounding_box(hole), photo.shape, self.stride)
        return float(self._scored(tf.constant(photo[window.slices])))

    def check_samples(self) -> None:
        """There are samples."""

    @functools.cached_property
    def critic(self) -> Optional[tf.keras.Model]:
        """The critic of generated pictures, or None if the run has none."""
        if self.run is None:
            return None
        weights = {**self.system.default_loss_weights, **dict(self.run.settings.loss_weights)}
        critics = self.system.make_critics(weights)
        if critics is None or not self.run.load_critic(critics):
            return None
        return getattr(critics, "generated", None)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)], autograph=False)
    def _scored(self, window):
        """uint8 [h, w, 3] -> float32 []."""
        size = tf.shape(window)[:2]
        nothing = tf.zeros_like(window[..., :1], tf.bool)
        pixels = tf.cond(
            tf.reduce_max(size) > self.working_size,
            lambda: self._reduce(window, nothing, self._reduced_size(size))[0],
            lambda: tf.cast(window, tf.float32),
        )
        images = self._pad(pixels, tf.zeros_like(pixels[..., :1]))[0]  # [1, H', W', 3]
        return tf.reduce_mean(self.critic(images))

"""Says which of several fills of a hole the critic finds most real.

The critic is that of generated pictures, as training left it. A run without it has no scores.
"""

import functools
from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint import filling, windows
from tfinpaint.painter import Painter
from tfinpaint.photo import THRESHOLD


class PluralisticPainter(Painter):
    """`Painter` with scores."""

    def score(self, photo: np.ndarray, mask: np.ndarray, grow: int = 0) -> Optional[float]:
        """The critic's mean score of the window around all holes of a filled photograph.

        A real picture is to have 1. The window is reduced and padded as the network's is. None if
        there is no critic.

        photo, mask, grow:  as `fill` returned and took them.
        """
        if self.critic is None:
            return None
        photo, mask = np.asarray(photo), np.asarray(mask)
        filling.check(photo, mask, grow)
        hole = filling.grown((mask > THRESHOLD).astype(np.uint8), grow)
        window = windows.window_around(windows.bounding_box(hole), photo.shape, self.stride)
        pixels = photo[window.slices]
        # A critic needs three cells of its last map. A photograph that is smaller is mirrored.
        missing = [max(3 * self.stride - side, 0) for side in pixels.shape[:2]]
        pixels = np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)], "symmetric")
        return float(self._scored(tf.constant(pixels)))

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
        images, _ = self._pad(pixels, tf.zeros_like(pixels[..., :1]))  # [1, H', W', 3]
        return tf.reduce_mean(self.critic(images))

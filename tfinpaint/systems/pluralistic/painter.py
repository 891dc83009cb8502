"""Scores several fills of a hole by how real they look to the critic.

It is the trained critic of generated pictures. A run without this critic has no scores.
"""

import functools
from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.layers.mirroring import mirrored
from tfinpaint.painting import boxes, filling
from tfinpaint.painting.painter import Painter
from tfinpaint.systems.inputs import checked_inputs


class PluralisticPainter(Painter):
    """`Painter` with scores."""

    def generate(  # type: ignore[override]  # names what the base class takes as **inputs
        self,
        images: tf.Tensor,
        holes: tf.Tensor,
        latent: Optional[tf.Tensor] = None,
        seed: int = 0,
    ) -> tf.Tensor:
        """See `Painter.generate`.

        latent:  float32 [B, H/2^depth, W/2^depth, 4 * width], from which to make the pictures. None
                 takes it from the prior.
        seed:    of the sample from the prior. 0 takes its mean.

        Raises: ValueError as `Painter.generate` does, or for a `latent` of another shape.
        """
        images, holes = checked_inputs(images, holes)  # before the shape of `latent` follows
        if latent is not None:
            batch, height, width, _ = images.shape
            channels = 4 * self.system.generator.width
            shape = [batch, height // self.stride, width // self.stride, channels]
            if list(np.shape(latent)) != shape:
                raise ValueError(f"`latent` is {shape}. Got {list(np.shape(latent))}")
        return super().generate(images, holes, latent=latent, seed=seed)

    def score(self, photo: np.ndarray, mask: np.ndarray, grow: int = 0) -> Optional[float]:
        """The critic's mean score of the window around all holes of a filled photograph.

        The critic was trained to score real pictures 1. The window is reduced and padded as for
        filling. Returns None if there is no critic.

        photo:       the photograph that `fill` returned.
        mask, grow:  the arguments of `fill`.
        """
        if self.critic is None:
            return None
        photo, mask = filling.arrays(photo, mask)
        filling.check(photo, mask, grow)
        hole = filling.hole_of(mask, grow)
        window = boxes.window_around(boxes.bounding_box(hole), photo.shape, self.stride)
        return float(self._scored(tf.constant(photo[window.slices])))

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
        pixels = self._large_enough(pixels)
        images, _ = self._pad(pixels, tf.zeros_like(pixels[..., :1]))  # [1, H', W', 3]
        return tf.reduce_mean(self.critic(images))

    def _large_enough(self, pixels):
        """Extends [h, w, 3] by mirroring to the least size for the critic, three cells a side."""
        for axis in (0, 1):
            side = tf.shape(pixels)[axis]
            index = mirrored(side, 0, tf.maximum(side, 3 * self.stride))
            pixels = tf.gather(pixels, index, axis=axis)
        return pixels

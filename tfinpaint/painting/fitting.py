"""How a window of any size becomes what a network takes, and its output the size of the window.

A window larger than the working size is reduced to it, and the fill is enlarged. Sides that are not
multiples of the stride are extended by mirroring. Bytes become numbers in [-1, 1].
"""

import tensorflow as tf

from tfinpaint.layers.mirroring import mirrored

_KNOWN = 1e-4  # the share of a cell from which on it counts as known; less is rounding


class Fitting:
    """A part of `Painter`.

    Attributes:
        stride: height and width of what the network takes are multiples of it, in pixels.
        smallest: its least height and width, in pixels.
        working_size: side of the largest window that is not reduced, in pixels.
    """

    stride: int
    smallest: int
    working_size: int

    def _enlarged(self, filled, pixels, shown, size):
        """The fill of a reduced window at the size of the window: float32 [h, w, 3]."""
        # It is composited before it is enlarged, so that the fill meets the photograph's own
        # colours at the edge of the hole.
        return tf.image.resize(tf.where(shown, filled, pixels)[tf.newaxis], size, method="bicubic")[
            0
        ]

    def _reduced_size(self, size):
        """Height and width of a window that is reduced to the working size."""
        scale = tf.cast(self.working_size, tf.float32) / tf.cast(tf.reduce_max(size), tf.float32)
        return tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32), 1)

    def _reduce(self, blanked, maps, small):
        """Reduces pixels and maps to the size `small`, by area averaging.

        Pixels [h, w, 3] and maps bool [h, w, n] -> float32 [h', w', 3] and bool [h', w', n].
        """
        pixels = tf.image.resize(blanked[tf.newaxis], small, method="area")[0]
        shares = tf.image.resize(tf.cast(maps, tf.uint8)[tf.newaxis], small, method="area")[0]
        # A cell with any missing pixel counts as hole, because its mean is wrong. If that leaves
        # nothing known, as where only a frame of few pixels is, the means of known pixels count.
        known = 1.0 - shares[..., :1]
        alone = tf.reduce_all(shares[..., :1] > 0) & (known > _KNOWN)  # bool [h', w', 1]
        pixels = tf.where(alone, pixels / tf.maximum(known, _KNOWN), pixels)
        return pixels, tf.concat([(shares[..., :1] > 0) & ~alone, shares[..., 1:] > 0], -1)

    def _fill_padded(self, pixels, hole, generate):
        """The generator's output at the size of the pixels, clipped to 0 .. 255.

        pixels: float32 [h, w, 3] from 0 to 255.   hole: bool [h, w, 1].
        """
        height, width = tf.shape(pixels)[0], tf.shape(pixels)[1]
        raw = generate(*self._pad(pixels, hole))[0]  # [H', W', 3]
        return tf.clip_by_value((raw[:height, :width] + 1.0) * 127.5, 0.0, 255.0)  # [h, w, 3]

    def _pad(self, pixels, hole):
        """The network's inputs: float32 [1, H', W', 3] in [-1, 1], float32 [1, H', W', 1].

        The arguments are those of `_fill_padded`.
        """
        pixels = self._extended(pixels)  # [H', W', 3]
        hole = self._extended(tf.cast(hole, tf.float32))  # [H', W', 1]
        # A product, not a division: TensorFlow's graph optimizer turns the division into this
        # product. Written so, a fill is the same with and without the optimizer.
        return (pixels * (1 / 127.5) - 1.0)[tf.newaxis], hole[tf.newaxis]

    def _extended(self, array):
        """[h, w, n], mirrored below and to the right: [H', W', n], multiples of the stride."""
        for axis in (0, 1):
            side = tf.shape(array)[axis]
            padded = (side + self.stride - 1) // self.stride * self.stride
            padded = tf.maximum(padded, self.smallest)
            array = tf.gather(array, mirrored(side, 0, padded), axis=axis)
        return array

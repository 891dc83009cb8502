"""Contextual attention: rebuilds a feature map from its own known patches.

Source: Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018, section 4, and
the code that its authors released, which decides where the text leaves a choice. DeepFill v1 and
v2 share the layer.

Queries and keys are compared on the map reduced by `rate`; patches of 2 * rate pixels are copied on
the full map. There are n = H / rate * W / rate positions. For the position q of a query and k of a
key:

    score    s(q, k) = <p(q), p(k) / max(|p(k)|, 1e-4)>, where p is the 3x3 neighbourhood. Queries
             are not normalised.
    fuse     s'(q, k) = sum over d of s(q + d, k + d), where positions are numbered row by row; then
             the same with positions numbered column by column. So neighbours in the output tend to
             come from neighbours. The end of a row continues into the next row, as released.
    weights  softmax over k of scale * s'(q, k) * known(k), then multiplied by known(k). A key is
             known if its whole neighbourhood is.
    output   the sum of the weighted patches, which overlap, divided by 4. The whole map is rebuilt,
             known positions too. Near borders fewer than 4 patches overlap, so features are smaller
             there, as released. If no key is known, the output is 0.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import arguments, contextual_attention_by_pixels, formulations, tracing
from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.custom_gradient import self_adjoint
from tfinpaint.layers.patches import extract, products, unit
from tfinpaint.layers.shapes import Size, flat, shape


class ContextualAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        patch_size: odd side of the patches that are compared.
        rate: factor by which queries and keys are reduced.
        fuse: odd number of diagonal neighbours whose scores are added; 1 switches fusing off.
        softmax_scale: factor of the scores; the larger it is, the more the best patch dominates.

    Call arguments: `[features, hole]`
        features: [B, H, W, C], H and W multiples of `rate`.
        hole: [B, any, any, 1], 1 where missing, one per picture. It is resized to H x W by nearest
            neighbours with aligned corners.

    Returns: [B, H, W, C]. With `with_attention_maps=True` also the attention maps (the paper's
        flow), of H / rate x W / rate, see attention_map.py. Weights sum to at most 1: a missing key
        takes part in the softmax, and its weight is then set to 0.

    Raises: ValueError for another shape, or if H or W is not a multiple of `rate`.
    """

    def __init__(self, patch_size=3, rate=2, fuse=3, softmax_scale=10.0, **kwargs):
        super().__init__(**kwargs)
        arguments.check_odd(patch_size=patch_size, fuse=fuse)
        arguments.check_whole(rate=rate)
        arguments.check_finite(softmax_scale=softmax_scale)
        self.patch_size = patch_size
        self.rate = rate
        self.fuse = fuse
        self.softmax_scale = softmax_scale

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        arguments.check_features_and_hole(*inputs)
        if tracing.weights_only():
            return tf.cast(inputs[0], self.compute_dtype)
        # Softmax and norms need at least float32, even if the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features, hole = (tf.cast(x, dtype) for x in inputs)
        height, width = shape(features)[1:3]
        self._check_size(height, width)
        h, w = height // self.rate, width // self.rate
        reduced = aligned_nearest(features, h, w)  # [B, h, w, C]
        known = self._known_keys(hole, height, width)  # [B, 1, n]

        if formulations.contextual_by_patches():
            scores_of, paste = scores_by_patches, paste_by_patches
        else:
            scores_of = contextual_attention_by_pixels.scores
            paste = contextual_attention_by_pixels.paste
        scores = scores_of(reduced, self.patch_size)  # [B, n, n]
        if self.fuse > 1:
            scores = _fuse_both_ways(scores, h, w, self.fuse)
        weights = tf.nn.softmax(scores * (known * self.softmax_scale)) * known
        pasted = _from_cells(paste(weights, _to_cells(features, self.rate)), self.rate)
        filled = tf.cast(pasted / 4, self.compute_dtype)  # [B, H, W, C]
        if not with_attention_maps:
            return filled
        return filled, attention_maps(weights, h, w, inputs[1], weights_at)

    def _check_size(self, height, width):
        if any(isinstance(side, int) and side % self.rate for side in (height, width)):
            raise ValueError(
                "height and width of the features are multiples of `rate`, "
                f"{self.rate}. Got {height}x{width}"
            )

    def _known_keys(self, hole, height, width):
        """1 where a key is known, 0 elsewhere: [B, any, any, 1] -> [B, 1, n]."""
        h, w = height // self.rate, width // self.rate
        hole = aligned_nearest(aligned_nearest(hole, height, width), h, w)  # [B, h, w, 1]
        # Pixels beyond the border count as known.
        missing = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")
        return tf.reshape(tf.cast(missing <= 0, hole.dtype), [shape(hole)[0], 1, h * w])

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "rate": self.rate,
            "fuse": self.fuse,
            "softmax_scale": self.softmax_scale,
        }


def scores_by_patches(features: tf.Tensor, patch_size: int) -> tf.Tensor:
    """The scores of all pairs of query and key: [B, h, w, C] -> [B, n, n]."""
    patches = extract(features, patch_size)  # [B, h, w, P]
    return products(flat(patches), unit(patches))


def paste_by_patches(weights: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """The sum of the weighted patches of 2 x 2 cells at their places.

    weights [B, n, n], cells [B, h + 1, w + 1, D] -> [B, h + 1, w + 1, D].
    """
    b, h, w, depth = shape(cells)
    h, w = h - 1, w - 1
    places = [(i, j) for i in (0, 1) for j in (0, 1)]
    corners = [tf.slice(cells, [0, i, j, 0], [b, h, w, depth]) for i, j in places]
    patches = tf.matmul(weights, flat(tf.concat(corners, axis=-1)))  # [B, n, 4 D]
    corners = tf.split(tf.reshape(patches, [b, h, w, 4 * depth]), 4, axis=-1)
    return tf.add_n(
        [
            tf.pad(corner, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]])
            for corner, (i, j) in zip(corners, places)
        ]
    )


def _to_cells(features, rate):
    """Cuts the map, with TensorFlow's 'SAME' padding around it, into cells of rate x rate pixels.

    A patch of 2 * rate pixels is 2 x 2 cells, and patches are `rate` pixels apart. So along each
    axis there is one more cell than there are patches: [B, H, W, C] -> [B, h + 1, w + 1, rate^2 C].
    """
    around = [rate // 2, rate - rate // 2]
    padded = tf.pad(features, [[0, 0], around, around, [0, 0]])
    return tf.nn.space_to_depth(padded, rate) if rate > 1 else padded


def _from_cells(cells, rate):
    """The adjoint of `_to_cells`: [B, h + 1, w + 1, rate^2 C] -> [B, H, W, C]."""
    b, h, w, _ = shape(cells)
    padded = tf.nn.depth_to_space(cells, rate) if rate > 1 else cells  # [B, H + rate, W + rate, C]
    size = [b, (h - 1) * rate, (w - 1) * rate, shape(padded)[3]]
    return tf.slice(padded, [0, rate // 2, rate // 2, 0], size)


def aligned_nearest(x: tf.Tensor, height: Size, width: Size) -> tf.Tensor:
    """Nearest neighbours with corners aligned: [B, H, W, C] -> [B, height, width, C].

    Pixel i comes from i (H - 1) / (height - 1).
    """
    for axis, size in ((1, height), (2, width)):
        full = shape(x)[axis]
        if isinstance(full, int) and isinstance(size, int) and full == size:
            continue
        # Halves round up. With size 1 the first pixel is taken, as in TensorFlow 1.
        place = (2 * tf.range(size) * (full - 1) + (size - 1)) // tf.maximum(2 * (size - 1), 1)
        x = tf.gather(x, tf.minimum(place, full - 1), axis=axis)
    return x


def _fuse_both_ways(scores, h, w, taps):
    """Fuses along rows, then along columns: [B, n, n] -> [B, n, n]."""
    scores = _fuse(scores, taps)
    scores = _fuse(_by_columns(scores, h, w), taps)
    return _by_columns(scores, w, h)


@self_adjoint
def _fuse(scores, taps):
    """Sum over d of scores[q + d, k + d], 0 beyond the matrix: [B, n, n] -> [B, n, n]."""
    reach, (b, n, _) = taps // 2, shape(scores)
    padded = tf.pad(scores, [[0, 0], [reach, reach], [reach, reach]])
    return tf.add_n([tf.slice(padded, [0, i, i], [b, n, n]) for i in range(taps)])


def _by_columns(scores, h, w):
    """Renumbers queries and keys column by column instead of row by row: [B, n, n] -> [B, n, n]."""
    b, n, _ = shape(scores)
    scores = tf.transpose(tf.reshape(scores, [b, h, w, h, w]), [0, 2, 1, 4, 3])
    return tf.reshape(scores, [b, n, n])

"""Coherent semantic attention: fills the hole of a feature map cell by cell, each from what is known and from the cell before it.

Source: Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019, equations (1)-(3) and algorithm 1.

The missing cells m_1, m_2, ... of a map are visited row by row; "before" means the missing cell visited before, also across the ends
of rows and between separate holes. k_i is the known cell most like m_i, o_i what the layer puts in its place:

    o_1 = k_1,  o_i = a_i o_(i-1) + (1 - a_i) k_i,  a_i = Dad_i / (Dad_i + Dmax_i)                                          (3)

with a_i = 0 where both are 0. So all of it is a weighted mean of known cells. The m_(i-1) of (2) is read as the one just generated,
o_(i-1).

What the variants settle
  paper     Dmax (1) and Dad (2) are cosines, taken as 0 where they are negative; where both are, o_i = k_i. Gradients flow through
            all but the choice of k_i. A cell of the hole is missing when any of its pixels is. Without a known cell all stays.
  official  what the authors released: Dmax = <m_i, k_i / |k_i|>, Dad = <m_i / |m_i|, o_(i-1)>, neither bounded (weights from -10 to 13
            occur); the gradient takes a_i as constants and adds the output's to the input's. The hole is reduced by halves, three
            for a factor of 8, each a mean over 4x4 cells (zeros beyond the border); missing is what then exceeds 5/16.
"""

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.looks import looked
from tfinpaint.layers.making import left_out
from tfinpaint.layers.patches import products, shape, unit
from tfinpaint.layers.rows import converting

_NO_SCORE = -1e9  # of a key that is missing itself


class CoherentSemanticAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official".

    Call arguments: `[features, hole]`
        features: [B, H, W, C].
        hole: [B, r * H, r * W, 1], 1 where missing, for a whole r (`official`: a power of 2); taken as it is where r = 1.

    Returns: [B, H, W, C], equal to `features` where known. With `return_attention=True` also the attention maps [B, H W, H W]: output =
        maps x features, a known cell's row being itself (large: N^2 numbers per picture). With `return_strongest=True` instead
        where each position looks, see looks.py: with `weights_at`, a row of the maps, which sums to 1.

    Raises: ValueError where the sizes of hole and features do not fit.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        if variant not in ("paper", "official"):
            raise ValueError(f"`variant` is paper or official. Got {variant!r}")
        self.variant = variant

    def call(self, inputs, return_attention=False, return_strongest=False, weights_at=None):
        if left_out():
            return tf.cast(inputs[0], self.compute_dtype)
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32  # norms need it under half precision
        features = tf.cast(inputs[0], dtype)
        b, h, w, c = shape(features)
        n = h * w
        hole = tf.reshape(reduce_hole(tf.cast(inputs[1], dtype), h, w, self.variant), [b, n])  # [B, N] bool
        cells = tf.reshape(features, [b, n, c])
        units = unit(cells)
        queries = units if self.variant == "paper" else cells

        # Searching: the known cell most like each cell. The choice has no gradient.
        scores = tf.stop_gradient(products(queries, tf.reshape(units, [b, h, w, c])))  # [B, N, N]
        found = tf.argmax(scores + _NO_SCORE * tf.cast(hole, dtype)[:, tf.newaxis], axis=-1, output_type=tf.int32)  # [B, N]

        # Generating: the missing cells of each picture first, in their order; what follows them is computed in vain.
        count = tf.reduce_sum(tf.cast(hole, tf.int32), axis=1)  # [B]
        order = tf.argsort(tf.cast(hole, tf.int32), axis=1, direction="DESCENDING", stable=True)  # [B, N]

        def in_order(x):
            return tf.gather(x, order, batch_dims=1)

        best = tf.gather(cells, in_order(found), batch_dims=1)  # [B, N, C]
        closeness = tf.reduce_sum(in_order(queries) * unit(best), -1)  # [B, N], Dmax  (1)
        if self.variant == "official":
            # Scaled by 2^14, which changes no bit: the released 1e-8 would become 0 where constants are stored in float16 (TFLite).
            units = tf.stop_gradient(cells * 2.0**14 / (tf.norm(cells, axis=-1, keepdims=True) * 2.0**14 + 1e-8 * 2.0**14))
        moving = [_time_major(x) for x in (in_order(units), best, closeness[..., tf.newaxis])]
        generated = _recursion(*moving, tf.reduce_max(count), self.variant)  # [N, B, C]
        back = tf.argsort(order, axis=1)
        filled = tf.gather(_time_major(generated), back, batch_dims=1)  # [B, N, C]

        possible = tf.reduce_any(tf.logical_not(hole), axis=1, keepdims=True)  # [B, 1]
        replaced = tf.logical_and(hole, possible)  # [B, N]
        output = tf.where(replaced[..., tf.newaxis], filled, cells)
        if self.variant == "official":
            output += cells - tf.stop_gradient(cells)  # adds nothing but its gradient
        output = tf.cast(tf.reshape(output, [b, h, w, c]), self.compute_dtype)
        if not (return_attention or return_strongest):
            return output

        previous = tf.pad(generated, [[1, 0], [0, 0], [0, 0]])[:-1]
        shares = _share(moving[0], previous, moving[2], self.variant)  # [N, B, 1]
        shares = tf.concat([tf.zeros_like(shares[:1]), shares[1:]], 0)
        chosen = tf.one_hot(tf.transpose(in_order(found)), n, dtype=dtype)  # [N, B, N]
        maps = tf.scan(lambda row, now: now[0] * row + (1 - now[0]) * now[1], (shares, chosen), tf.zeros_like(chosen[0]))
        maps = tf.gather(_time_major(maps), back, batch_dims=1)  # [B, N, N]
        maps = tf.where(replaced[..., tf.newaxis], maps, tf.eye(n, dtype=dtype)[tf.newaxis])
        if return_attention:
            return output, maps
        return output, looked(maps, h, w, inputs[1], weights_at)

    def get_config(self):
        return {**super().get_config(), "variant": self.variant}


def _recursion(queries, best, closeness, steps, variant):
    """Equation (3): o_t = a_t o_(t-1) + (1 - a_t) k_t from o_0 = k_0, a_t as `_share` says.

    Only one cell is carried from step to step, forward and backward, and only `steps` of them are taken (the rest is 0).

    Args: unit queries [N, B, C], best keys [N, B, C], closeness [N, B, 1], steps int. Returns: [N, B, C].
    """

    def generate(query, key, close, previous):
        share = _share(query, previous, close, variant)
        return share * previous + (1 - share) * key

    @custom_gradient
    def run(queries, best, closeness):
        outputs = tf.TensorArray(best.dtype, shape(best)[0], element_shape=best.shape[1:]).write(0, best[0])

        # TFLite's calibration (int8) dies of floats that a loop reads and hands on as they are; their bits may pass.
        read = [tf.bitcast(x, tf.int32) if converting() else x for x in (queries, best, closeness)]

        def forward(t, previous, outputs):
            new = generate(*(tf.bitcast(x[t], tf.float32) if converting() else x[t] for x in read), previous)
            return t + 1, new, outputs.write(t, new)

        outputs = tf.while_loop(lambda t, *_: t < steps, forward, (1, best[0], outputs))[2].stack()

        def gradient(upstream):
            arrays = [tf.TensorArray(x.dtype, shape(x)[0], element_shape=x.shape[1:]) for x in (queries, best, closeness)]

            def backward(t, carried, arrays):
                given = [queries[t], best[t], closeness[t], outputs[t - 1]]
                with tf.GradientTape() as tape:
                    tape.watch(given)
                    new = generate(*given)
                *slopes, carried = tape.gradient(new, given, upstream[t] + carried, tf.UnconnectedGradients.ZERO)
                return t - 1, carried, [array.write(t, slope) for array, slope in zip(arrays, slopes)]

            last = tf.maximum(steps, 1) - 1
            state = (last, tf.zeros_like(best[0]), arrays)
            _, carried, arrays = tf.while_loop(lambda t, *_: t > 0, backward, state)
            firsts = (tf.zeros_like(queries[0]), upstream[0] + carried, tf.zeros_like(closeness[0]))
            return [array.write(0, first).stack() for array, first in zip(arrays, firsts)]

        return outputs, gradient

    return run(queries, best, closeness)


def _share(query, previous, closeness, variant):
    """a = Dad / (Dad + Dmax): unit query and previous output [..., C], Dmax [..., 1] -> [..., 1]."""
    if variant == "official":
        likeness = tf.reduce_sum(query * previous, -1, keepdims=True)
        return tf.stop_gradient(tf.math.divide_no_nan(likeness, likeness + closeness))
    likeness = tf.nn.relu(tf.reduce_sum(query * unit(previous), -1, keepdims=True))  # (2)
    return tf.math.divide_no_nan(likeness, likeness + tf.nn.relu(closeness))


def reduce_hole(hole, h, w, variant):
    """[B, r * h, r * w, 1] -> bool [B, h, w, 1]."""
    b, full_h, full_w, _ = shape(hole)
    known = all(isinstance(side, int) for side in (h, w, full_h, full_w))
    if known and (full_h % h or full_w % w or full_h // h != full_w // w):
        raise ValueError(f"the hole's size is a whole multiple of the features'. Got {full_h}x{full_w} and {h}x{w}")
    if variant == "paper":
        return tf.expand_dims(tf.reduce_max(tf.reshape(hole, [b, h, full_h // h, w, full_w // w]), axis=(2, 4)), -1) > 0

    def halve(x):
        return tf.nn.avg_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 4, 2, "VALID")

    if not known:
        unknown = tf.TensorShape([hole.shape[0], None, None, 1])
        halved = tf.while_loop(lambda x: tf.shape(x)[1] > h, lambda x: (halve(x),), [hole], shape_invariants=[unknown])[0]
        return tf.reshape(halved > tf.where(full_h > h, tf.constant(5 / 16, hole.dtype), 0), [b, h, w, 1])
    times = (full_h // h).bit_length() - 1
    if 2**times != full_h // h:
        raise ValueError(f"the hole's size is the features' times a power of 2. Got {full_h}x{full_w} and {h}x{w}")
    for _ in range(times):
        hole = halve(hole)
    return hole > (5 / 16 if times else 0)


def _time_major(x):
    """[B, N, ...] <-> [N, B, ...]."""
    return tf.transpose(x, [1, 0, 2])

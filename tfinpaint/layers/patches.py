"""Neighbourhoods of positions as vectors, and what all attentions do with vectors.

By slices: no extract_patches, which neither TFLite nor an exported graph should need.
"""

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient


def shape(x):
    """The sizes of x: numbers where the graph knows them, tensors elsewhere."""
    if None not in x.shape:
        return list(x.shape)
    return [dynamic if n is None else n for dynamic, n in zip(tf.unstack(tf.shape(x)), x.shape)]


def fixed(arguments, **values):
    """Arguments of a layer some of which have one value only. Raises ValueError where another is given."""
    for name, value in values.items():
        given = arguments.get(name, value)
        if given not in (value, (value, value), [value, value]):
            raise ValueError(f"`{name}` is {value!r} here. Got {given!r}")
    return {**arguments, **values}


def flat(x):
    """[B, H, W, P] -> [B, N, P]."""
    b, h, w, p = shape(x)
    return tf.reshape(x, [b, h * w, p])


def extract(x, size, around=0.0):
    """The size x size neighbourhood of every position, `around` beyond the border: [B, H, W, C] -> [B, H, W, size^2 * C]."""
    if size == 1:
        return x

    @custom_gradient  # the slices' own would write a whole map for each of them
    def run(x):
        return _extract(x, size, around), lambda upstream: paste(upstream, size)

    return run(x)


def _extract(x, size, around):
    reach, (_, h, w, _) = size // 2, shape(x)
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], constant_values=around)
    return tf.concat([padded[:, i:i + h, j:j + w] for i in range(size) for j in range(size)], axis=-1)


def paste(patches, size):
    """Adds overlapping patches up at their places, the adjoint of `extract`: [B, H, W, size^2 * C] -> [B, H, W, C]."""
    if size == 1:
        return patches

    @custom_gradient
    def run(patches):
        return _paste(patches, size), lambda upstream: extract(upstream, size)

    return run(patches)


def _paste(patches, size):
    reach, (_, h, w, _) = size // 2, shape(patches)
    parts = tf.split(patches, size * size, axis=-1)
    padded = [tf.pad(p, [[0, 0], [reach, reach], [reach, reach], [0, 0]]) for p in parts]
    # Element (i, j) of the patch centred at x lies at x + (i, j) - reach.
    places = [(i, j) for i in range(size) for j in range(size)]
    return tf.add_n([p[:, size - 1 - i:size - 1 - i + h, size - 1 - j:size - 1 - j + w] for p, (i, j) in zip(padded, places)])


def box_sum(x, size, around=0.0):
    """Sum over a size x size window, `around` beyond the border: [B, H, W, C] -> [B, H, W, C]."""
    if size == 1:
        return x
    reach = size // 2
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], constant_values=around)
    return tf.nn.avg_pool2d(padded, size, 1, "VALID") * size**2


def products(queries, keys):
    """Each query's product with each place of a map of keys: [B, N, P], [B, H, W, P] -> [B, N, H W].

    The keys are turned over before they are listed; TFLite is five times as slow where the product does it.
    """
    b, h, w, p = shape(keys)
    return tf.matmul(queries, tf.reshape(tf.transpose(keys, [0, 3, 1, 2]), [b, p, h * w]))


def double(x):
    """Repeats rows and columns: [B, H, W, C] -> [B, 2H, 2W, C]. A resize would say the same, but its gradient does not compile.

    A row beside itself is two rows, and a pixel beside itself two pixels. (tf.repeat takes many more operations to say it.)
    """
    b, h, w, c = shape(x)
    columns = tf.reshape(tf.concat([x, x], -1), [b, h, 2 * c * w])
    return tf.reshape(tf.concat([columns, columns], -1), [b, 2 * h, 2 * w, c])


def unit(x):
    """x over its norm along the last axis; a zero vector stays zero."""
    return x * one_over_norm(x)


def one_over_norm(x, size=1):
    """One over the norm of each size x size patch, [B, H, W, C] -> [B, H, W, 1] (of vectors of any shape where size is 1).

    The floor of 1e-4 bounds the gradient where features vanish.
    """
    squares = box_sum(tf.reduce_sum(x**2, -1, keepdims=True), size)
    # Scaled by 2^14 and back, which changes no bit: 1e-8 would become 0 where constants are stored in float16 (TFLite).
    return tf.math.rsqrt(tf.maximum(squares * 2.0**14, 1e-8 * 2.0**14)) * 2.0**7

"""Attention layers as their authors formulated them in the released code, written anew. The
benchmark compares the project's layers with them.

Each computes one picture at a time. Patches of the background are cut out and used as the filters
of a convolution, and again of a transposed convolution that pastes them. The coherent layer goes
over its cells in a Python loop. The results are those of our layers' `official` variant.
"""

import numpy as np
import tensorflow as tf


def patch_attention(features, hole, patch_size):
    """The attention of the multistage network (patch size 1) and of MUSICAL (1 and 3).

    features [B, H, W, C], hole [B, H, W, 1] -> [B, H, W, C].
    """
    pictures = []
    for k in range(features.shape[0]):
        f, m = features[k : k + 1], hole[k : k + 1]
        _, h, w, c = f.shape
        p, n = patch_size, h * w
        filters = tf.image.extract_patches(
            f * (1 - m), [1, p, p, 1], [1] * 4, [1] * 4, "SAME"
        )  # [1, H, W, p p C]
        filters = tf.reshape(filters, [n, p, p, c]) + 1e-7
        filters /= tf.sqrt(tf.reduce_sum(filters**2, axis=(1, 2, 3), keepdims=True))
        filters = tf.transpose(filters, [1, 2, 3, 0])  # [p, p, C, N]
        scores = tf.nn.conv2d(f, filters, 1, "SAME")  # [1, H, W, N]
        scores = tf.nn.depthwise_conv2d(scores, tf.ones([3, 3, n, 1]), [1] * 4, "SAME")
        weights = tf.nn.softmax(scores)
        pasted = tf.nn.conv2d_transpose(weights, filters, [1, h, w, c], 1, "SAME") / p**2
        pictures.append(pasted * m + f * (1 - m))
    return tf.concat(pictures, 0)


def contextual_attention(features, hole):
    """DeepFill's attention: patches of 3, rate 2, fused.

    features [B, H, W, C], hole [B, H, W, 1] -> [B, H, W, C].
    """
    pictures = []
    for k in range(features.shape[0]):
        f = features[k : k + 1]
        _, height, width, c = f.shape
        h, w = height // 2, width // 2
        n = h * w
        rows = tf.constant(np.floor(np.arange(h) * (height - 1) / (h - 1) + 0.5), tf.int32)
        columns = tf.constant(np.floor(np.arange(w) * (width - 1) / (w - 1) + 0.5), tf.int32)
        small = tf.gather(tf.gather(f, rows, axis=1), columns, axis=2)  # [1, h, w, C]
        small_hole = tf.gather(tf.gather(hole[k : k + 1], rows, axis=1), columns, axis=2)
        values = tf.image.extract_patches(f, [1, 4, 4, 1], [1, 2, 2, 1], [1] * 4, "SAME")
        values = tf.transpose(tf.reshape(values, [n, 4, 4, c]), [1, 2, 3, 0])  # [4, 4, C, n]
        keys = tf.reshape(
            tf.image.extract_patches(small, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME"), [n, 3, 3, c]
        )
        keys /= tf.maximum(tf.sqrt(tf.reduce_sum(keys**2, axis=(1, 2, 3), keepdims=True)), 1e-4)
        known = tf.reshape(
            tf.cast(tf.nn.max_pool2d(small_hole, 3, 1, "SAME") <= 0, tf.float32), [1, 1, 1, n]
        )
        scores = tf.nn.conv2d(small, tf.transpose(keys, [1, 2, 3, 0]), 1, "SAME")  # [1, h, w, n]
        diagonal = tf.reshape(tf.eye(3), [3, 3, 1, 1])
        scores = tf.nn.conv2d(tf.reshape(scores, [1, n, n, 1]), diagonal, 1, "SAME")
        scores = tf.transpose(tf.reshape(scores, [1, h, w, h, w]), [0, 2, 1, 4, 3])
        scores = tf.nn.conv2d(tf.reshape(scores, [1, n, n, 1]), diagonal, 1, "SAME")
        scores = tf.transpose(tf.reshape(scores, [1, w, h, w, h]), [0, 2, 1, 4, 3])
        weights = tf.nn.softmax(tf.reshape(scores, [1, h, w, n]) * known * 10) * known
        pictures.append(
            tf.nn.conv2d_transpose(weights, values, [1, height, width, c], 2, "SAME") / 4
        )
    return tf.concat(pictures, 0)


def coherent_semantic_attention(features, hole):
    """Coherent semantic attention, without gradients, because it leaves TensorFlow at each cell.

    features [B, H, W, C], hole [B, H, W, 1], both NumPy -> [B, H, W, C].
    """
    outputs = features.copy()
    for output, f, m in zip(outputs, features, hole):
        known = f[m[..., 0] == 0]  # [K, C]
        filters = tf.constant(
            (known / np.maximum(np.linalg.norm(known, axis=-1, keepdims=True), 1e-8)).T[None, None]
        )  # [1, 1, C, K]
        scores = tf.nn.conv2d(f[None], filters, 1, "SAME")[0].numpy()  # [H, W, K]
        previous = None
        for y, x in zip(*np.nonzero(m[..., 0])):
            best = scores[y, x].argmax()
            new = known[best]
            if previous is not None:
                query = f[y, x] / (np.linalg.norm(f[y, x]) + 1e-8)
                near = (
                    tf.nn.conv2d(previous[None, None, None], query[None, None, :, None], 1, "SAME")
                    .numpy()
                    .item()
                )
                share = near / (near + scores[y, x, best])
                new = share * previous + (1 - share) * new
            output[y, x] = previous = new
    return outputs

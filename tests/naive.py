"""The layers again, as loops over pictures, positions and taps in float64.

They are read straight from the equations, slow and plain on purpose: the tests compare the fast
layers with them. Arrays are NHWC; `valid` is 1 where known, `hole` is 1 where missing. Nothing here
is shared with the project's own code.

References: Liu et al. 2018 (partial convolution; equations 1-5 of the multistage paper), Li et al.
2020 "Multistage attention network for image inpainting", equations 6-12, and for `official` the
description of the released code.
"""

import numpy as np


def partial_conv(features, valid, kernel, bias, strides=1):
    """Equations 1-5. features [B, H, W, C], valid [B, H, W, 1 or C], kernel [k, k, C, F], bias [F]
    -> ([B, h, w, F], [B, h, w, 1]). Zero padding of k // 2 on every side; padding counts as
    hole."""
    features, kernel, bias = (np.asarray(a, np.float64) for a in (features, kernel, bias))
    batch, height, width, channels = features.shape
    valid = np.broadcast_to(np.asarray(valid, np.float64), features.shape)
    k, pad, filters = kernel.shape[0], kernel.shape[0] // 2, kernel.shape[-1]
    out_height, out_width = (
        (height + 2 * pad - k) // strides + 1,
        (width + 2 * pad - k) // strides + 1,
    )
    output, valid_out = (
        np.zeros((batch, out_height, out_width, filters)),
        np.zeros((batch, out_height, out_width, 1)),
    )
    for b, i, j in np.ndindex(batch, out_height, out_width):
        count, total = 0.0, np.zeros(filters)
        for u, v in np.ndindex(k, k):
            y, x = i * strides + u - pad, j * strides + v - pad
            if 0 <= y < height and 0 <= x < width:
                count += valid[b, y, x].sum()
                total += (features[b, y, x] * valid[b, y, x]) @ kernel[u, v]
        if count > 0:
            output[b, i, j] = total * (k * k * channels / count) + bias
            valid_out[b, i, j] = 1
    return output, valid_out


def convolution(features, kernel, bias, strides=1):
    """An ordinary convolution with zero padding k // 2 on every side."""
    features = np.asarray(features, np.float64)
    k = kernel.shape[0]
    padded = np.pad(features, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    rows, columns = ((n - k) // strides + 1 for n in padded.shape[1:3])
    output = np.zeros((len(features), rows, columns, kernel.shape[-1])) + bias
    for i, j, u, v in np.ndindex(rows, columns, k, k):
        output[:, i, j] += padded[:, i * strides + u, j * strides + v] @ np.asarray(
            kernel[u, v], np.float64
        )
    return output


def squeeze_excite(features, w1, b1, w2, b2):
    """Equations 9-11: mean over positions, two dense layers (ReLU, sigmoid; weights are input x
    output), scaling."""
    features = np.asarray(features, np.float64)
    output = np.empty_like(features)
    for b in range(len(features)):
        squeezed = sum(features[b, y, x] for y, x in np.ndindex(features.shape[1:3])) / (
            features.shape[1] * features.shape[2]
        )
        hidden = np.maximum(squeezed @ w1 + b1, 0)
        output[b] = features[b] * (1 / (1 + np.exp(-(hidden @ w2 + b2))))
    return output


def reduce_hole(hole, height, width, variant):
    """A hole map at the features' size. `paper`: any hole pixel of a cell; `official`: its top left
    pixel."""
    hole = np.asarray(hole, np.float64)
    r = hole.shape[1] // height
    assert hole.shape[1] == r * height and hole.shape[2] == r * width
    output = np.zeros((len(hole), height, width, 1))
    for b, y, x in np.ndindex(len(hole), height, width):
        cell = hole[b, y * r : (y + 1) * r, x * r : (x + 1) * r, 0]
        output[b, y, x, 0] = cell.max() if variant == "paper" else cell[0, 0]
    return output


def patch_attention(features, hole, patch_size=1, propagation=3, variant="paper"):
    """Equations 6-8 and the reconstruction.

    features [B, H, W, C], hole [B, rH, rW, 1] -> [B, H, W, C].
    """
    features = np.asarray(features, np.float64)
    hole = reduce_hole(hole, features.shape[1], features.shape[2], variant)
    one = _paper_attention if variant == "paper" else _official_attention
    return np.stack([one(f, h[..., 0], patch_size, propagation) for f, h in zip(features, hole)])


def patch_weights(features, hole, patch_size=1, propagation=3, variant="paper"):
    """The softmax of equation 7, each query over all keys: [B, N, N]. All 0 if the paper's has no
    known key."""
    features = np.asarray(features, np.float64)
    hole = reduce_hole(hole, features.shape[1], features.shape[2], variant)
    one = _paper_weights if variant == "paper" else _official_weights
    grid = list(np.ndindex(*features.shape[1:3]))
    weights = [one(f, h[..., 0], patch_size, propagation) for f, h in zip(features, hole)]
    return np.array([[[w[q].get(k, 0.0) for k in grid] for q in grid] for w in weights])


def multistage_attention(
    features, hole, squeeze_weights, merge_kernel, merge_bias, variant="paper"
):
    """Equation 12: pixel-wise attention, [features, attended] through squeeze-excite with weights
    (w1, b1, w2, b2), 1 x 1 convolution."""
    attended = patch_attention(features, hole, 1, 3, variant)
    weighted = squeeze_excite(
        np.concatenate([np.asarray(features, np.float64), attended], -1), *squeeze_weights
    )
    return weighted @ np.asarray(merge_kernel, np.float64)[0, 0] + merge_bias


def _patch(picture, y, x, size):
    """The size x size patch around a position of [H, W, C], zeros outside the picture."""
    height, width, channels = picture.shape
    patch = np.zeros((size, size, channels))
    for u, v in np.ndindex(size, size):
        i, j = y + u - size // 2, x + v - size // 2
        if 0 <= i < height and 0 <= j < width:
            patch[u, v] = picture[i, j]
    return patch


def _softmax(logits):
    weights = {key: np.exp(value - max(logits.values())) for key, value in logits.items()}
    total = sum(weights.values())
    return {key: value / total for key, value in weights.items()}


def _window(y, x, size):
    """The positions y + i, x + j of a size x size window, each with its shift (i, j)."""
    for i in range(-(size // 2), size // 2 + 1):
        for j in range(-(size // 2), size // 2 + 1):
            yield y + i, x + j, (i, j)


def _paper_weights(features, hole, size, propagation):
    grid = list(np.ndindex(*hole.shape))
    background = features * (1 - hole)[..., None]
    keys = [k for k in grid if not _patch(hole[..., None], *k, size).any()]
    if not keys:
        return {q: {} for q in grid}
    unit_queries = {q: _unit(_patch(features, *q, size)) for q in grid}
    unit_keys = {k: _unit(_patch(background, *k, size)) for k in keys}
    # Equation 6.
    score = {(q, k): float((unit_queries[q] * unit_keys[k]).sum()) for q in grid for k in keys}
    weights = {}
    for q in grid:
        # Equation 8. A position outside the grid, or a key that is not known, is not in `score`.
        shifted = {
            k: sum(
                score.get(((y, x), (k[0] + i, k[1] + j)), 0.0)
                for y, x, (i, j) in _window(*q, propagation)
            )
            for k in keys
        }
        weights[q] = _softmax({k: 10 * s for k, s in shifted.items()})  # equation 7
    return weights


def _paper_attention(features, hole, size, propagation):
    height, width, _ = features.shape
    grid = list(np.ndindex(height, width))
    background = features * (1 - hole)[..., None]
    weights = _paper_weights(features, hole, size, propagation)
    output = features.copy()
    if not weights[0, 0]:
        return output
    for y, x in grid:
        if hole[y, x]:
            total, covering = 0.0, 0
            # Every query position whose patch covers this pixel.
            for qy, qx, (i, j) in _window(y, x, size):
                if 0 <= qy < height and 0 <= qx < width:
                    covering += 1
                    total = total + sum(
                        w * _patch(background, *k, size)[size // 2 - i, size // 2 - j]
                        for k, w in weights[qy, qx].items()
                    )
            output[y, x] = total / covering
    return output


def _unit(patch):
    return patch / max(np.sqrt(np.square(patch).sum()), 1e-8)


def _official_keys(features, hole, size):
    background = features * (1 - hole)[..., None]
    keys = {k: _patch(background, *k, size) + 1e-7 for k in np.ndindex(*hole.shape)}
    return {k: key / np.sqrt(np.square(key).sum()) for k, key in keys.items()}


def _official_weights(features, hole, size, propagation):
    keys = _official_keys(features, hole, size)
    score = {
        q: {k: float((_patch(features, *q, size) * keys[k]).sum()) for k in keys} for q in keys
    }
    return {
        q: _softmax(
            {
                k: sum(score[y, x][k] for y, x, _ in _window(*q, propagation) if (y, x) in score)
                for k in keys
            }
        )
        for q in keys
    }


def _official_attention(features, hole, size, propagation):
    height, width, channels = features.shape
    keys, weights = (
        _official_keys(features, hole, size),
        _official_weights(features, hole, size, propagation),
    )
    half = size // 2
    canvas = np.zeros((height + 2 * half, width + 2 * half, channels))
    for q in keys:
        recovered = sum(w * keys[k] for k, w in weights[q].items())
        canvas[q[0] : q[0] + size, q[1] : q[1] + size] += recovered
    recovered = canvas[half : half + height, half : half + width] / size**2
    return np.where(hole[..., None] > 0, recovered, features)

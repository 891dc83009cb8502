"""The layers of DeepFill, MUSICAL, coherent semantic attention and Shift-Net as loops in float64.

tests/naive.py does the same for the multistage network's. Arrays are NHWC; `hole` is 1 where
missing, one map per picture. Nothing here is shared with the project's own code.

References: Yu et al. 2018 (DeepFill v1) and its released code; Liu et al. 2019 "Coherent semantic
attention for image inpainting", equations 1-3; Wang et al. 2019 (MUSICAL); Yu et al. 2019 (gated
convolution). `official` is what the released code does.
"""

import naive
import numpy as np

# ------------------------------------------------------ pluralistic completion's attention


def short_long_attention(features, seen, hole, query, query_bias, gamma, alpha, convolutions):
    """-> output [B, H, W, C], weights [B, queries, keys].

    query: [C, C / 4]; convolutions: (kernel, bias) of the block's two 3x3 ones and of its 1x1 one.
    """
    features, seen, hole = (np.asarray(x, np.float64) for x in (features, seen, hole))
    b, h, w, c = features.shape
    grid = list(np.ndindex(h, w))
    outputs, all_weights = [], []
    for x, p, missing in zip(features, seen, hole):
        queries = np.array([x[place] @ query + query_bias for place in grid])
        weights = np.zeros((h * w, h * w))
        for i, one in enumerate(queries):
            scores = np.array([one @ other for other in queries])
            exponentials = np.exp(scores - scores.max())
            weights[i] = exponentials / exponentials.sum()
        known = 1 - _aligned_bilinear(missing[..., 0], h, w)
        joined = np.zeros((h, w, 2 * c))
        for i, place in enumerate(grid):
            of_features = sum(a * x[key] for a, key in zip(weights[i], grid))
            of_seen = sum(a * p[key] for a, key in zip(weights[i], grid))
            joined[place][:c] = gamma * of_features + x[place]
            joined[place][c:] = alpha * (1 - known[place]) * of_seen + known[place] * p[place]
        inner = _convolved(_leaky(joined, 0.01), *convolutions[0])
        inner = _convolved(_leaky(inner, 0.01), *convolutions[1])
        outputs.append(inner + _convolved(joined, *convolutions[2]))
        all_weights.append(weights)
    return np.stack(outputs), np.stack(all_weights)


def _aligned_bilinear(x, height, width):
    """[h, w] -> [height, width], from the four around each place."""
    h, w = x.shape
    result = np.zeros((height, width))
    for i, j in np.ndindex(height, width):
        y, z = i * (h - 1) / max(height - 1, 1), j * (w - 1) / max(width - 1, 1)
        top, left = int(y + 1e-9), int(z + 1e-9)
        bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
        a, b = y - top, z - left
        result[i, j] = (1 - a) * ((1 - b) * x[top, left] + b * x[top, right]) + a * (
            (1 - b) * x[bottom, left] + b * x[bottom, right]
        )
    return result


def _convolved(x, kernel, bias):
    """[H, W, C] -> [H, W, F], zeros beyond the border."""
    reach = kernel.shape[0] // 2
    padded = np.pad(x, [(reach, reach), (reach, reach), (0, 0)])
    size = kernel.shape[0]
    result = np.zeros((*x.shape[:2], kernel.shape[3]))
    for i, j in np.ndindex(*x.shape[:2]):
        result[i, j] = np.einsum("uvc,uvcf->f", padded[i : i + size, j : j + size], kernel) + bias
    return result


def _leaky(x, slope):
    return np.where(x > 0, x, slope * x)


# ------------------------------------------------------------------ DeepFill's contextual attention


def aligned_corners(array, height, width):
    """Nearest sampling of [B, h, w, C] with the centres of the corner pixels aligned: position i of
    m takes i (n - 1) / (m - 1) of n. A half is rounded away from zero."""
    rows, columns = (_aligned_indices(n, m) for n, m in zip(array.shape[1:3], (height, width)))
    return np.asarray(array, np.float64)[:, rows][:, :, columns]


def _aligned_indices(n, m):
    # In whole numbers: floor(x + 1/2).
    return [0] if m == 1 else [(2 * i * (n - 1) + (m - 1)) // (2 * (m - 1)) for i in range(m)]


def contextual_attention(features, hole, patch_size=3, rate=2, fuse=3, softmax_scale=10.0):
    """-> output [B, H, W, C], best matches [B, H / rate, W / rate, 2] (row, column), weights
    [B, queries, keys]."""
    features = np.asarray(features, np.float64)
    _, height, width, _ = features.shape
    assert height % rate == 0 and width % rate == 0
    rows, columns = height // rate, width // rate
    small = aligned_corners(features, rows, columns)
    small_hole = aligned_corners(aligned_corners(hole, height, width), rows, columns)
    grid = list(np.ndindex(rows, columns))
    outputs, matches, all_weights = [], [], []
    for picture, sampled, missing in zip(features, small, small_hole):
        queries = np.array([naive._patch(sampled, *q, patch_size).ravel() for q in grid])
        keys = np.array([k / max(np.sqrt(np.square(k).sum()), 1e-4) for k in queries])
        known = np.array(
            [0.0 if naive._patch(missing, *k, patch_size).any() else 1.0 for k in grid]
        )
        weights = _masked_softmax(
            fused(queries @ keys.T, rows, columns, fuse), known, softmax_scale
        )
        outputs.append(_paste(picture, weights, grid, rate))
        matches.append(np.array([grid[k] for k in weights.argmax(1)]).reshape(rows, columns, 2))
        all_weights.append(weights)
    return np.stack(outputs), np.stack(matches), np.stack(all_weights)


def fused(score, rows, columns, taps):
    """Diagonal sums over [queries, keys], both numbered row by row, and then over both numbered
    column by column."""
    # by_column[new number] = old number.
    by_column = [y * columns + x for x in range(columns) for y in range(rows)]
    score = _diagonal_sum(score, taps)
    turned = _diagonal_sum(score[np.ix_(by_column, by_column)], taps)
    result = np.empty_like(turned)
    result[np.ix_(by_column, by_column)] = turned
    return result


def _diagonal_sum(score, taps):
    size = len(score)
    result = np.zeros_like(score)
    for q in range(size):
        for d in range(-(taps // 2), taps // 2 + 1):
            if 0 <= q + d < size:
                for_keys = range(max(0, -d), min(size, size - d))  # k with k + d inside
                result[q, for_keys.start : for_keys.stop] += score[
                    q + d, for_keys.start + d : for_keys.stop + d
                ]
    return result


def _masked_softmax(score, known, scale):
    """Unknown keys have a score of 0, keep their exp(0) in the sum, and lose their weight
    afterwards."""
    result = np.empty_like(score)
    for q, row in enumerate(score):
        logits = row * known * scale
        exponentials = np.exp(logits - logits.max())
        result[q] = exponentials / exponentials.sum() * known
    return result


def _paste(picture, weights, grid, rate):
    """Weighted raw patches of 2 rate, one every rate pixels, with rate // 2 pixels of padding
    before. They are added up where they were taken from, and divided by 4."""
    size, before = 2 * rate, rate // 2
    padded = np.pad(picture, ((before, size), (before, size), (0, 0)))
    patches = np.array(
        [padded[y * rate : y * rate + size, x * rate : x * rate + size] for y, x in grid]
    )
    canvas = np.zeros_like(padded)
    for (y, x), row in zip(grid, weights):
        canvas[y * rate : y * rate + size, x * rate : x * rate + size] += np.tensordot(
            row, patches, 1
        )
    height, width, _ = picture.shape
    return canvas[before : before + height, before : before + width] / 4


# ---------------------------------------------------------------------- coherent semantic attention


def coherent_hole(hole, height, width, variant):
    """A hole map at the features' size. `paper`: any hole pixel of a cell; `official`: averaged by
    halves, then > 5/16."""
    hole = np.asarray(hole, np.float64)
    if hole.shape[1:3] == (height, width):
        return hole
    if variant == "paper":
        return naive.reduce_hole(hole, height, width, "paper")
    while hole.shape[1] > height:
        hole = halved(hole)
    assert hole.shape[1:3] == (height, width)
    return (hole > 5 / 16).astype(np.float64)


def halved(hole):
    """A 4 x 4 window every 2 pixels, with 1 pixel of zeros around; each weight is 1/16."""
    padded = np.pad(hole, ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.zeros((len(hole), hole.shape[1] // 2, hole.shape[2] // 2, 1))
    for y, x in np.ndindex(result.shape[1:3]):
        result[:, y, x, 0] = padded[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4, 0].sum((1, 2)) / 16
    return result


def coherent_semantic_attention(features, hole, variant="paper"):
    """-> output [B, H, W, C], attention [B, H W, H W], whose rows are the queries. output =
    attention @ features."""
    features = np.asarray(features, np.float64)
    hole = coherent_hole(hole, *features.shape[1:3], variant)
    outputs, attention = zip(*(_coherent(f, h[..., 0], variant) for f, h in zip(features, hole)))
    return np.stack(outputs), np.stack(attention)


def _coherent(features, hole, variant):
    height, width, _ = features.shape
    number = {cell: i for i, cell in enumerate(np.ndindex(height, width))}
    known = [cell for cell in number if not hole[cell]]
    attention = np.eye(height * width)
    output = features.copy()
    if not known:
        return output, attention
    previous = None
    for cell in number:  # in raster order
        if not hole[cell]:
            continue
        here = features[cell]  # the original one
        similar = [
            here @ features[k] / norm if (norm := _norms(here, features[k], variant)) else 0.0
            for k in known
        ]
        best = known[int(np.argmax(similar))]
        share = 0.0
        if previous is not None:
            to_known, to_previous = max(similar), _to_previous(here, output[previous], variant)
            if variant == "paper":
                to_known, to_previous = max(to_known, 0.0), max(to_previous, 0.0)
            share = to_previous / (to_previous + to_known) if to_previous + to_known else 0.0
        one_hot = np.zeros(height * width)
        one_hot[number[best]] = 1
        attention[number[cell]] = (1 - share) * one_hot + (
            share * attention[number[previous]] if previous else 0
        )
        output[cell] = (1 - share) * features[best] + (share * output[previous] if previous else 0)
        previous = cell
    return output, attention


def _length(vector):
    return float(np.sqrt(vector @ vector))


def _norms(here, key, variant):
    return _length(key) * (_length(here) if variant == "paper" else 1)


def _to_previous(here, previous, variant):
    if variant == "official":
        return here @ previous / (_length(here) + 1e-8)
    norms = _length(here) * _length(previous)
    return here @ previous / norms if norms else 0.0


def coherent_gradient(attention, upstream):
    """The released backward pass: the upstream gradient itself, plus the attention's transpose
    applied to it."""
    flat = np.asarray(upstream, np.float64).reshape(len(attention), attention.shape[1], -1)
    return np.stack([g + w.T @ g for w, g in zip(attention, flat)]).reshape(np.shape(upstream))


# -------------------------------------------------------------------------- Shift-Net's shift layer


def shift_layer(features, hole, variant="paper"):
    """features [B, H, W, 2C], hole [B, r H, r W, 1] -> output [B, H, W, 3C], and index [B, N], the
    cell that each missing cell takes, -1 elsewhere."""
    features = np.asarray(features, np.float64)
    batch, height, width, channels = features.shape
    holes = naive.reduce_hole(hole, height, width, variant)
    shifted = np.zeros((batch, height, width, channels // 2))
    index = np.full((batch, height * width), -1)
    for k in range(batch):
        cells = features[k].reshape(height * width, channels)
        decoder, encoder = cells[:, : channels // 2], cells[:, channels // 2 :]
        missing = holes[k].ravel() > 0
        for p in np.flatnonzero(missing):
            best = None
            for q in np.flatnonzero(~missing):
                length = np.sqrt((decoder[p] ** 2).sum() * (encoder[q] ** 2).sum())
                cosine = (decoder[p] * encoder[q]).sum() / length if length else -np.inf
                if best is None or cosine > best:
                    best, index[k, p] = cosine, q
            if best is not None:
                shifted[k, p // width, p % width] = encoder[index[k, p]]
    return np.concatenate([features, shifted], -1), index


# ------------------------------------------------------- MUSICAL's block, and the gated convolution


def multi_scale_attention(
    features, hole, squeeze_weights, merge_kernel, merge_bias, variant="paper"
):
    """Patches of 1 and of 3, squeeze-excite (w1, b1, w2, b2), 1 x 1 convolution. The paper weights
    the features together with them."""
    features = np.asarray(features, np.float64)
    maps = [features] if variant == "paper" else []
    maps += [naive.patch_attention(features, hole, size, 3, variant) for size in (1, 3)]
    weighted = naive.squeeze_excite(np.concatenate(maps, -1), *squeeze_weights)
    return weighted @ np.asarray(merge_kernel, np.float64)[0, 0] + merge_bias


ACTIVATIONS = {
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}


def gated_conv(features, kernel, bias, strides=1, dilation_rate=1, activation="elu"):
    """features [B, H, W, C], kernel [k, k, C, 2 F], bias [2 F] -> [B, ceil(H / s), ceil(W / s), F].

    Zeros around: as many as the last window needs, half of them (rounded down) before.
    """
    features, kernel, bias = (np.asarray(a, np.float64) for a in (features, kernel, bias))
    batch, height, width, _ = features.shape
    k, filters, reach = (
        kernel.shape[0],
        kernel.shape[-1] // 2,
        (kernel.shape[0] - 1) * dilation_rate + 1,
    )
    rows, columns = -(-height // strides), -(-width // strides)
    top, left = (
        max((m - 1) * strides + reach - n, 0) // 2 for m, n in ((rows, height), (columns, width))
    )
    output = np.zeros((batch, rows, columns, filters))
    for i, j in np.ndindex(rows, columns):
        total = np.zeros((batch, 2 * filters)) + bias
        for u, v in np.ndindex(k, k):
            y, x = i * strides + u * dilation_rate - top, j * strides + v * dilation_rate - left
            if 0 <= y < height and 0 <= x < width:
                total += features[:, y, x] @ kernel[u, v]
        output[:, i, j] = ACTIVATIONS[activation](total[:, :filters]) / (
            1 + np.exp(-total[:, filters:])
        )
    return output


# ------------------------------------------------------------- what the tests of these layers share


def hole_map(height, width, *boxes):
    """[1, height, width, 1], 1 in the boxes (top, left, bottom, right)."""
    hole = np.zeros((1, height, width, 1), np.float32)
    for top, left, bottom, right in boxes:
        hole[0, top:bottom, left:right] = 1
    return hole


def random_features(seed, *shape, dtype=np.float32):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def largest_difference(got, want):
    """Relative to the largest wanted value; what was got must be finite and of the same shape."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape and np.isfinite(got).all()
    return np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)

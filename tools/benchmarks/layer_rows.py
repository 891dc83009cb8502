"""Rows about layers: each attention, compared with its released formulation, and PartialConv2D."""

from functools import partial

from tools.benchmarks.measuring import Row, both_ways, center


def attention_rows(bench):
    """The rows of the group `attention`."""
    import tensorflow as tf

    from tfinpaint import layers
    from tools.benchmarks import released_formulations as released

    features, hole = tf.random.normal([2, 64, 64, 128]), center(2, 64)
    for size in (1, 3):
        yield from _beside(
            bench,
            f"PatchAttention {size}x{size}, official",
            partial(_call, layers.PatchAttention(size, 3, "official")),
            partial(released.patch_attention, patch_size=size),
            features,
            hole,
        )
        for title, call in zip(
            ("", ", with gradient"),
            both_ways(partial(_call, layers.PatchAttention(size, 3)), features, hole),
        ):
            yield Row(f"PatchAttention {size}x{size}, paper{title}", bench.time(call))
    yield from _beside(
        bench,
        "ContextualAttention",
        partial(_call, layers.ContextualAttention()),
        released.contextual_attention,
        features,
        hole,
    )
    for share in (0.1, 0.4):
        layer, hole = layers.PatchAttention(1, 3), center(1, 64, share)
        any_size = tf.function(
            partial(_call, layer),
            input_signature=[tf.TensorSpec([None] * 3 + [c]) for c in (128, 1)],
        )
        yield Row(
            f"PatchAttention 1x1, any size, {share:.0%} hole",
            bench.time(partial(any_size, features[:1], hole)),
        )
    for batch in (1, 8):
        features, hole = tf.abs(tf.random.normal([batch, 32, 32, 512])), center(batch, 32, 0.5)
        layer = layers.CoherentSemanticAttention()
        forward, backward = both_ways(partial(_call, layer), features, hole)
        if batch == 1:
            official = tf.function(partial(_call, layers.CoherentSemanticAttention("official")))
            beside = partial(released.coherent_semantic_attention, features.numpy(), hole.numpy())
            seconds, other = bench.time(partial(official, features, hole), beside)
            yield Row(
                "CoherentSemanticAttention, official, half hole",
                seconds,
                beside="released",
                ratio=other / seconds,
            )
        for title, call in (("", forward), (", with gradient", backward)):
            yield Row(
                f"CoherentSemanticAttention, batch {batch}, half hole{title}", bench.time(call)
            )
    features, hole = tf.abs(tf.random.normal([1, 32, 32, 512])), center(1, 32)
    for title, call in zip(
        ("", ", with gradient"),
        both_ways(partial(_call, layers.ShiftLayer()), features, hole),
    ):
        yield Row(f"ShiftLayer{title}", bench.time(call))


def layers_rows(bench):
    """The rows of the group `layers`."""
    import tensorflow as tf

    from tfinpaint.layers import PartialConv2D

    features, valid = tf.random.normal([4, 128, 128, 64]), 1 - center(4, 128)
    known, plain = PartialConv2D(128, 3), tf.keras.layers.Conv2D(128, 3, padding="same")
    known([features, valid])
    plain(features)
    _, ours = both_ways(lambda f, v: known([f, v])[0], features, valid, known)
    _, other = both_ways(lambda f, v: plain(f), features, valid, plain)
    seconds, beside = bench.time(ours, other)
    yield Row(
        "PartialConv2D 64 -> 128, with gradient", seconds, beside="Conv2D", ratio=beside / seconds
    )


def _beside(bench, name, ours, other, features, hole):
    """Two rows of a layer, forward and with gradients, each compared with `other`."""
    for title, way in (("", 0), (", with gradient", 1)):
        seconds, beside = bench.time(
            both_ways(ours, features, hole)[way], both_ways(other, features, hole)[way]
        )
        yield Row(name + title, seconds, beside="released", ratio=beside / seconds)


def _call(layer, features, hole):
    return layer([features, hole])

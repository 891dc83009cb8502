"""Systems without one of their parts, or with another in its place, as in their papers' ablations.

That the part is gone and the rest is as it was; parameters; and that such systems train and fill.
What replaces coherent semantic attention is in replacements_test.py.
"""

import numpy as np
import pytest
import tensorflow as tf
from set_back import assign, values
from small import SMALL, TERMS_LEFT_OUT

import tfinpaint
from tfinpaint import layers
from tfinpaint.painting.painter import Painter

SIZE = 64
STRIDED = {"bottom": "strided", "depth": 5}
ABLATIONS = [
    ("musical", {"attention_kind": "none"}),
    ("musical", {"attention_kind": "1"}),
    ("musical", {"attention_kind": "3"}),
    ("musical", {"squeeze_excite": False}),
    ("musical", {"attention_kind": "1", "squeeze_excite": False}),
    ("musical", {"attention_kind": "3", "squeeze_excite": False}),
    ("musical", STRIDED),
    ("musical", {"attention_kind": "none", **STRIDED}),
    ("multistage", {"stages": 0}),
    ("multistage", {"stages": 1}),
    ("coherent_semantic", {"attention_kind": "contextual"}),
    ("coherent_semantic", {"attention_kind": "shift"}),
    ("coherent_semantic", {"attention_kind": "convolution"}),
    ("coherent_semantic", {"attention_kind": "none"}),
    ("contextual_attention", {"attention_kind": "none"}),
]
made = {}


def named(cases, but=()):
    """The cases, all slow but some, by the names of their systems and settings."""
    return [
        pytest.param(
            *case,
            id="-".join(map(str, [case[0], *case[1].values()])),
            marks=pytest.mark.slow if but and case[:2] not in but else [],
        )
        for case in cases
    ]


# These run among the fast tests.
FAST = [ABLATIONS[k] for k in (5, 9)]
TRAINED = [
    *((*case, "paper") for case in FAST),
    *(
        pytest.param(*case, variant, marks=pytest.mark.slow)
        for variant in ("paper", "official")
        for case in ABLATIONS
        if variant == "official" or case not in FAST
    ),
]
ablations = pytest.mark.parametrize("name, settings", named(ABLATIONS))
quick_ablations = pytest.mark.parametrize("name, settings", named(ABLATIONS, but=FAST))


def create(name, settings=None, variant="paper"):
    """A small system; built once, and each test leaves its weights as they were."""
    key = name, variant, tuple((settings or {}).items())
    if key not in made:
        tf.keras.utils.set_random_seed(1)
        made[key] = tfinpaint.create(name, variant, **{**SMALL[name], **(settings or {})})
    return made[key]


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (2, SIZE, SIZE, 3)).astype(np.float32)
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:44, 16:40] = holes[1, 8:24, 32:60] = holes[1, 50:56, 4:30] = 1
    return tf.constant(images), tf.constant(holes)


def shapes(system):
    """{name of a variable in the generator: its shape}."""
    return {v.name.split("/", 1)[1]: tuple(v.shape) for v in system.generator.variables}


# ------------------------------------------------------------------------------ the part is gone


# The attentions of each system, and which of its layers are gone, and see or make another number of
# channels.
SQUEEZE_EXCITE = {"squeeze", "excite"}
KINDS = (
    "PatchAttention 1",
    "PatchAttention 3",
    "CoherentSemanticAttention",
    "ContextualAttention",
    "ShiftLayer",
    "SqueezeExcite",
)
# fmt: off
PARTS = [
    ("musical", {}, "PatchAttention 1, PatchAttention 3, SqueezeExcite", set(), set()),
    ("musical", {"attention_kind": "none"}, "", SQUEEZE_EXCITE | {"merge"}, set()),
    ("musical", {"attention_kind": "1"}, "PatchAttention 1, SqueezeExcite",
     set(), SQUEEZE_EXCITE | {"merge"}),
    ("musical", {"attention_kind": "3"}, "PatchAttention 3, SqueezeExcite",
     set(), SQUEEZE_EXCITE | {"merge"}),
    ("musical", {"squeeze_excite": False}, "PatchAttention 1, PatchAttention 3",
     SQUEEZE_EXCITE, set()),
    ("musical", {"attention_kind": "3", "squeeze_excite": False}, "PatchAttention 3",
     SQUEEZE_EXCITE, {"merge"}),
    ("multistage", {}, "PatchAttention 1, SqueezeExcite", set(), set()),
    ("multistage", {"stages": 0}, "", SQUEEZE_EXCITE | {"merge"}, set()),
    ("multistage", {"stages": 1}, "PatchAttention 1, SqueezeExcite",
     SQUEEZE_EXCITE | {"merge"}, set()),
    ("coherent_semantic", {}, "CoherentSemanticAttention", set(), set()),
    ("coherent_semantic", {"attention_kind": "contextual"}, "ContextualAttention", set(), set()),
    ("coherent_semantic", {"attention_kind": "shift"}, "ShiftLayer", set(), set()),
    ("coherent_semantic", {"attention_kind": "convolution"}, "", set(), set()),
    ("coherent_semantic", {"attention_kind": "none"}, "", set(), set()),
    ("contextual_attention", {}, "ContextualAttention", set(), set()),
    ("contextual_attention", {"attention_kind": "none"}, "",
     {f"attend_{k}" for k in (1, 2, 3, 4, 5, 6, 9, 10)}, {"merge_11"}),
]
# fmt: on
parts = pytest.mark.parametrize(
    "name, settings, uses, gone, changed", named(PARTS, but=[*FAST, ("musical", {})])
)
variants = pytest.mark.parametrize(
    "variant", ["paper", pytest.param("official", marks=pytest.mark.slow)]
)


def spoil(monkeypatch, kinds):
    """Makes these kinds of layers give something else. -> a list that gets each call's kind."""
    calls = []
    for name in sorted({kind.split()[0] for kind in kinds}):
        layer = getattr(layers, name)

        def spoiled(self, inputs, call=layer.call, **arguments):
            size = getattr(self, "patch_size", "") if "Patch" in type(self).__name__ else ""
            kind, output = f"{type(self).__name__} {size}".strip(), call(self, inputs, **arguments)
            if kind not in kinds:
                return output
            calls.append(kind)
            return output * 1.5 + 0.5

        monkeypatch.setattr(layer, "call", spoiled)
    return calls


@pytest.mark.slow
@variants
@parts
def test_attentions_that_are_there_reach_the_output_and_the_others_are_not_asked(
    name, settings, uses, gone, changed, variant, batch, monkeypatch
):
    system = create(name, settings, variant)
    output = system.generate(*batch)
    for kind in filter(None, uses.split(", ")):
        calls = spoil(monkeypatch, [kind])
        assert np.abs(system.generate(*batch) - output).max() > 1e-6
        assert calls == [kind] * (2 if (name, settings) == ("multistage", {}) else 1)
        monkeypatch.undo()
    calls = spoil(monkeypatch, [kind for kind in KINDS if kind not in uses])
    np.testing.assert_array_equal(system.generate(*batch), output)
    assert calls == []


@variants
@pytest.mark.parametrize(
    "name, settings, uses, gone, changed",
    named([row for row in PARTS if row[1]], but=FAST),
)
def test_the_other_layers_are_those_of_the_whole_system(
    name, settings, uses, gone, changed, variant
):
    """With the same names, in the same order."""
    part, whole = (shapes(create(name, s, variant)) for s in (settings, {}))
    both = [variable for variable in part if variable in whole]
    assert both == [variable for variable in whole if variable in part]

    def layers_of(variables):
        return {variable.split("/")[-2] for variable in variables}

    if (name, variant, settings.get("attention_kind")) == ("musical", "official", "none"):
        gone = gone | {"combine"}
    assert layers_of(set(whole) - set(part)) == gone
    assert layers_of(v for v in both if part[v] != whole[v]) == changed
    new = {"attention"} if settings.get("attention_kind") == "convolution" else set()
    assert layers_of(set(part) - set(whole)) == new
    if settings == {"stages": 1}:
        assert all(v.startswith("attention_2/") for v in set(whole) - set(part))


@variants
def test_a_strided_bottom_halves_to_the_end(variant, batch):
    """Its blocks are as the fourth one, and nothing is dilated."""
    settings = {"width": 4, "depth": 6, "bottom": "strided"}
    system = create("musical", settings, variant)
    assert system.stride == 64 and create("musical", {}, variant).stride == 16
    net, sides = system.generator, []
    assert not net.dilated and list(net.decoders) == ["6", "5", "4", "3", "2", "1"]
    for k in "123456":
        assert net.encoders[k].kernel.shape[:2] == net.decoders[k].kernel.shape[:2] == (4, 4)
    x = tf.concat([batch[0], 1 - batch[1]], -1)
    for k in "123456":
        x = net.encoders[k](x)
        sides.append(int(x.shape[1]))
    assert sides == [32, 16, 8, 4, 2, 1] and system.generate(*batch).shape == (2, SIZE, SIZE, 3)
    with pytest.raises(ValueError, match="multiples of 64. Got 32 x 32"):
        system.generate(batch[0][:, :32, :32], batch[1][:, :32, :32])


def test_a_shallow_dilated_bottom_has_fewer_of_the_same_blocks():
    shallow, deep = shapes(create("musical", {"depth": 6})), shapes(create("musical"))
    # decode_6 is the innermost one, which sees no skip
    assert {n for n in shallow if shallow[n] != deep[n]} == {"decode_6/kernel:0"}
    assert {n.split("/")[0] for n in deep if n not in shallow} == {
        f"{name}_{k}{end}"
        for name, ends in (("encode", ("", "_norm", "_dilated")), ("decode", ("", "_norm")))
        for k in (6, 7, 8)
        for end in ends
    } - {"encode_6", "encode_6_dilated", "encode_8_norm", "decode_6", "decode_6_norm"}


# ------------------------------------------------------------------------------------- parameters


def count(name, variant="paper", **settings):
    generator = tfinpaint.create(name, variant, **settings).generator
    return sum(v.shape.num_elements() for v in generator.trainable_variables)


def conv(size, seen, made):
    return size * size * seen * made + made


def squeeze_excite(channels):
    return 2 * (channels * channels + channels)


def test_parameters_of_deepfill_without_its_attention(no_numbers):
    """Less the branch of eight convolutions and half of what the first merging one sees."""
    branch = conv(5, 5, 32) + conv(3, 32, 32) + conv(3, 32, 64) + conv(3, 64, 128)
    branch += 4 * conv(3, 128, 128)
    assert count("contextual_attention", attention_kind="none") == 2_758_118
    assert 3_601_542 - branch - 9 * 128 * 128 == 2_758_118


@pytest.mark.slow
def test_parameters_of_multistage_by_stages(no_numbers):
    """Of the paper's 33,686,356: fusions of 256 and 128 channels; none is partial convolutions."""
    first, second = (squeeze_excite(2 * c) + conv(1, 2 * c, c) for c in (256, 128))
    assert (first, second) == (656_640, 164_480)
    for stages, wanted in ((0, 32_865_236), (1, 32_865_236 + first)):
        assert count("multistage", stages=stages) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant, maps, combine", [("paper", 1, 0), ("official", 0, 9 * 256 * 128 + 128)]
)
def test_parameters_of_musical_by_parts(no_numbers, variant, maps, combine):
    """The U-Net has 43,674,627. n maps of 128 channels are weighed and merged."""
    assert count("musical", variant, attention_kind="none") == 43_674_627
    for kind, n in (("both", maps + 2), ("1", maps + 1), ("3", maps + 1)):
        rest = 43_674_627 + combine + conv(1, 128 * n, 128)
        assert count("musical", variant, attention_kind=kind, squeeze_excite=False) == rest
        assert count("musical", variant, attention_kind=kind) == rest + squeeze_excite(128 * n)


@pytest.mark.slow
def test_parameters_of_musical_by_bottom(no_numbers):
    """A dilated block has 3x3 down, 3x3 dilated and 3x3 up, a strided one 4x4 down and 4x4 up. The
    innermost one sees no skip on the way up."""
    more = 4 * (2 * 16 - 3 * 9) * 512 * 512 + 3 * (16 - 9) * 512 * 512 - 4 * 512
    assert count("musical", bottom="strided") == 44_019_587 + more == 54_765_443
    assert count("musical", bottom="strided", depth=7) == 42_179_459
    assert count("musical", "official", bottom="strided", depth=7) == 42_294_019


@pytest.mark.slow
def test_parameters_of_coherent_semantic_by_layer(no_numbers):
    whole = 54_419_459 + 77_692_291
    for kind in ("contextual", "shift", "none"):
        assert count("coherent_semantic", attention_kind=kind) == whole
    convolution = count("coherent_semantic", attention_kind="convolution")
    assert convolution == whole + conv(3, 512, 512) == 134_471_558


# ----------------------------------------------------------------------------- they train and fill


@pytest.mark.slow
@pytest.mark.parametrize("name, settings, variant", TRAINED)
def test_a_step_is_finite_and_moves_every_weight_and_the_fill_keeps_what_is_known(
    name, settings, variant, batch, eager
):
    system = create(name, settings, variant)
    start = values(system.generator.variables)
    try:
        check_that_it_trains_and_fills(name, system, batch)
    finally:
        assign(start)
        system.restart_average()


def check_that_it_trains_and_fills(name, system, batch):
    system.compile(perceptual_weights="none", loss_weights=TERMS_LEFT_OUT[name], image_size=SIZE)
    before = [v.numpy() for v in system.generator.trainable_variables]
    logs = system.step(*batch)
    assert all(np.isfinite(value) for value in logs.values())
    if name == "contextual_attention":  # whose generator takes every fifth step
        logs = [system.step(*batch) for _ in range(4)][-1]
        assert np.isfinite(logs["loss"])
    for variable, old in zip(system.generator.trainable_variables, before, strict=True):
        assert np.isfinite(variable).all()
        # a bias before an instance norm does nothing, so that rounding may move it or not
        assert variable.name.endswith("bias:0") or np.abs(variable - old).max() > 0, variable.name

    photo = np.random.default_rng(3).integers(0, 256, (70, 64, 3), np.uint8)
    mask = np.zeros((70, 64), np.uint8)
    mask[20:45, 30:60] = 255
    filled = Painter.of(system, SIZE).fill(photo, mask)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] != photo[mask > 0]).mean() > 0.9


@pytest.mark.slow
@ablations
def test_eager_graph_and_compiled_fills_are_the_same(name, settings, batch):
    system = create(name, settings)
    eager = system.generate(*batch)
    for compiled in (False, True):
        # The Python function: a trace outside of compiled code would not compile.
        graph = tf.function(
            lambda x, h: system.generate(x, h), autograph=False, jit_compile=compiled
        )
        np.testing.assert_allclose(graph(*batch), eager, atol=2e-5)


@quick_ablations
def test_maps_are_of_the_attentions_that_are_there(name, settings, batch):
    system = create(name, settings)
    output, maps = system.attention_maps(*batch, np.array([(20, 30), (12, 40)]))
    np.testing.assert_allclose(output, system.generate(*batch), atol=1e-5)
    wanted = {
        ("musical", "1"): ("patches_1x1",),
        ("musical", "3"): ("patches_3x3",),
        ("musical", None): ("patches_1x1", "patches_3x3"),
        ("multistage", 1): ("stage_1",),
        ("coherent_semantic", "contextual"): ("contextual",),
        ("coherent_semantic", "shift"): ("shift",),
    }.get((name, settings.get("attention_kind", settings.get("stages"))), ())
    assert system.attention_layers == wanted and len(maps) == len(wanted)
    side = {"musical": 16, "multistage": 8, "coherent_semantic": 8}.get(name)
    for matches, weights in maps:
        assert matches.shape == (2, side, side, 2) and weights.shape == (2, side, side)

"""The tables of released tensors name what was released, and `fill` refuses what does not fit.

tests/tools/import_weights_test.py compares outputs.
"""

import functools
import json

import numpy as np
import pytest
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint.networks import deepfill_release
from tfinpaint.settings import SettingsError
from tfinpaint.systems import all_systems
from tfinpaint.weights import places, releases, state_dicts

NAMES = SHARED / "golden"


@functools.lru_cache(maxsize=None)
def small(name):
    return tfinpaint.create(name, "official", width=4)


def pytorch_names(file):
    names = json.loads((NAMES / f"networks/net_{file}_weights.json").read_text())
    return list(names.values()) if "rough" in names or "generator" in names else [names]


@needs_shared
@pytest.mark.parametrize(
    "name, file",
    [
        ("multistage", "manet"),
        ("musical", "musical"),
        pytest.param("coherent_semantic", "csa", marks=pytest.mark.slow),
        ("shift_net", "shift"),
    ],
)
def test_names_of_pytorch_releases(name, file):
    tables, listed = releases.tables_of(small(name)), pytorch_names(file)
    assert [set(table) for table in tables] == [
        set(state_dicts.plain_names(names)) for names in listed
    ]
    assert all(
        len(place.shape) == len(names[key])
        for table, names in zip(tables, listed)
        for key, place in table.items()
    )


@needs_shared
@pytest.mark.parametrize(
    "name, file",
    [
        ("contextual_attention", "deepfill_v1/official_places2_index.txt"),
        pytest.param("gated_conv", "deepfill_v2/snap-0.index.txt", marks=pytest.mark.slow),
    ],
)
def test_names_and_shapes_of_deepfill(name, file):
    rows = [
        line.split("\t")
        for line in (NAMES / file).read_text().splitlines()
        if not line.startswith("#")
    ]
    (table,) = releases.tables_of(tfinpaint.create(name, "official"))
    assert {key: list(place.shape) for key, place in table.items()} == {
        row[0]: json.loads(row[2]) for row in rows
    }


# Three to seven seconds each.
LARGE = {"coherent_semantic", "edge_connect", "pluralistic", "gated_conv"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LARGE else [])
        for name, system in all_systems().items()
        if system.release
    ],
)
def test_every_variable_takes_its_own_tensor(name):
    system = small(name)
    # tables_of itself raises an error if a variable has no tensor, or two.
    for table in releases.tables_of(system):
        tensors = {key: made_weight(key, place.shape) for key, place in table.items()}
        places.fill(table, tensors, "tensors")
        for key, place in table.items():
            assert np.sum(place.variable.numpy(), dtype=np.float64) == pytest.approx(
                np.sum(tensors[key], dtype=np.float64), abs=1e-4
            ), key


def test_layouts():
    system = small("coherent_semantic")
    table = releases.tables_of(system)[0]
    assert table["model.model.1.model.1.weight"].shape == (8, 4, 4, 4)  # out, in
    # A transposed convolution: in, out.
    assert table["model.model.1.model.5.weight"].shape == (16, 4, 4, 4)
    tensor = np.arange(16 * 4 * 4 * 4, dtype=np.float32).reshape(16, 4, 4, 4)
    kernel = table["model.model.1.model.5.weight"].ours(tensor)
    assert (
        kernel.shape == tuple(system.generator.rough.decoders["2"].kernel.shape)
        and kernel[1, 2, 3, 9] == tensor[9, 3, 1, 2]
    )
    dense = releases.tables_of(small("multistage"))[0]["CA_1.SqueezeExc.blocks.0.weight"]
    assert dense.ours(np.arange(32.0 * 32).reshape(32, 32))[5, 7] == 7 * 32 + 5


def test_deepfill_turns_colours_round():
    (table,) = releases.tables_of(small("contextual_attention"))
    for stage in ("conv1", "xconv1", "pmconv1"):
        place = table[f"inpaint_net/{stage}/kernel"]
        tensor = made_weight(stage, place.shape)
        np.testing.assert_array_equal(place.ours(tensor), tensor[:, :, [2, 1, 0, 3, 4]])
    for stage in ("conv17", "allconv17"):
        np.testing.assert_array_equal(
            table[f"inpaint_net/{stage}/bias"].ours(np.float32([1, 2, 3])), [3, 2, 1]
        )
        place = table[f"inpaint_net/{stage}/kernel"]
        tensor = made_weight(stage, place.shape)
        np.testing.assert_array_equal(place.ours(tensor), tensor[..., ::-1])
    place = table["inpaint_net/conv16/kernel"]
    np.testing.assert_array_equal(
        place.ours(made_weight("a", place.shape)), made_weight("a", place.shape)
    )


def test_fill_is_all_or_nothing():
    system = small("contextual_attention")
    (table,) = releases.tables_of(system)
    tensors = {key: made_weight(key, place.shape) for key, place in table.items()}
    for stage in ("conv3", "conv5", "conv6", "xconv3"):
        del tensors[f"inpaint_net/{stage}/bias"]
    tensors.update(
        {
            "inpaint_net/conv18/bias": np.zeros(3, np.float32),
            "inpaint_net/conv12/kernel": np.zeros((3, 3, 16, 8), np.float32),
            "inpaint_net/conv11/bias": np.zeros(16, np.int32),
        }
    )
    before = [v.numpy() for v in system.generator.variables]
    with pytest.raises(SettingsError) as error:
        places.fill(table, tensors, "--weights=A does not hold the generator")
    assert str(error.value) == (
        "--weights=A does not hold the generator, of its 84 tensors: "
        "4 missing (inpaint_net/conv3/bias, inpaint_net/conv5/bias, "
        "inpaint_net/conv6/bias and 1 more); 1 left over (inpaint_net/conv18/bias); "
        "1 of another shape (inpaint_net/conv12/kernel "
        "[3, 3, 16, 8] instead of [3, 3, 16, 16]); "
        "1 not of floating point (inpaint_net/conv11/bias int32)"
    )
    for old, variable in zip(before, system.generator.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def test_what_is_not_the_generators():
    assert deepfill_release.is_of_generator("inpaint_net/conv1/kernel")
    for name in (
        "inpaint_net/conv1/kernel/Adam",
        "inpaint_net/conv1/kernel/Adam_1",
        "inpaint_net/beta1_power",
        "beta2_power",
        "global_step",
        "discriminator/discriminator_local/conv1/kernel",
        "discriminator/inpaint_net/conv1/bias",
    ):
        assert not deepfill_release.is_of_generator(name), name
    state = {"module.enc_2.bn.weight": 1, "module.enc_2.bn.num_batches_tracked": 2}
    assert state_dicts.plain_names(state) == {"enc_2.bn.weight": 1}
    # DataParallel does not name weights like this.
    assert state_dicts.plain_names({"module.a": 1, "b": 2}) == {"module.a": 1, "b": 2}


def test_systems_without_a_release():
    with pytest.raises(
        SettingsError,
        match="`system='partial_conv'` has no released.*contextual_attention, edge_connect, "
        "gated_conv, global_local, multistage",
    ):
        releases.release_of("partial_conv")

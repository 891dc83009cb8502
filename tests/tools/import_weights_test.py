"""Importing released weights as a user does: outputs are those of the authors' own programs.

Each mistake is one line. Golden outputs come from weights that are made from their names, so each
test writes a "release" of its own and imports it.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import types

import numpy as np
import pluralistic_release
import pytest
import tensorflow as tf
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint import train
from tfinpaint.runs import read_run, read_settings
from tfinpaint.weights import releases
from tools import import_weights

GOLDEN = SHARED / "golden"
ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def run(command_line):
    """run(system, weights, output) -> exit status, stdout, stderr."""
    return lambda system, weights, output: command_line(
        import_weights.main, f"--system={system}", f"--weights={weights}", f"--output={output}"
    )


@pytest.fixture(scope="module")
def deepfill():
    """The tensors of the generator in a DeepFill v1 release."""
    (table,) = releases.tables_of(tfinpaint.create("contextual_attention", "official"))
    return {name: made_weight(name, place.shape) for name, place in table.items()}


def made(*keys):
    """The weights listed in golden networks/net_*_weights.json: made(file) or made(file, part)."""
    shapes = json.loads((GOLDEN / f"networks/net_{keys[0]}_weights.json").read_text())
    shapes = shapes[keys[1]] if len(keys) > 1 else shapes
    return {name: made_weight(name, shape) for name, shape in shapes.items()}


def write_checkpoint(prefix, tensors):
    """Writes a TensorFlow 1 checkpoint. -> prefix."""
    prefix.parent.mkdir(exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    return prefix


def one_line(err):
    lines = [line for line in err.splitlines() if line.startswith("tfinpaint: ")]
    assert len(lines) == 1, err
    return lines[0]


# ------------------------------------------------------------------------- as the released programs


@pytest.mark.slow
@pytest.mark.golden("contextual_attention")
@needs_shared
def test_deepfill_v1(run, tmp_path):
    status, out, _ = run("contextual_attention", GOLDEN / "deepfill_v1/snap-0", tmp_path / "run")
    assert (
        status == 0
        and "3,601,542 parameters from 84 tensors" in out
        and f"--model={tmp_path / 'run'}" in out
    )
    expected = np.load(GOLDEN / "deepfill_v1/center_256.npz")
    painter = tfinpaint.load(str(tmp_path / "run"))
    # [1, 256, 256, 3], in the order red, green, blue
    image = expected["image_bgr_u8"][None, ..., ::-1] / np.float32(127.5) - 1
    hole = np.float32(expected["mask_u8"][None, ..., :1] > 127)  # [1, 256, 256, 1]
    coarse, refined = painter.system.generator([image * (1 - hole), hole], with_stages=True)
    np.testing.assert_allclose(coarse[..., ::-1], expected["stage1"], atol=1e-4)
    np.testing.assert_allclose(refined[..., ::-1], expected["stage2"], atol=1e-4)
    np.testing.assert_allclose(
        painter.generate(image, hole)[..., ::-1], expected["stage2"], atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.golden("gated_conv")
@needs_shared
def test_deepfill_v2_from_its_folder(run, tmp_path):
    status, out, _ = run("gated_conv", GOLDEN / "deepfill_v2", tmp_path / "run")
    assert status == 0 and "4,052,478 parameters from 84 tensors" in out
    expected = np.load(GOLDEN / "deepfill_v2/places2_512x680.npz")
    image = expected["image_bgr_u8"][None, ..., ::-1] / np.float32(127.5) - 1  # [1, 512, 680, 3]
    output = tfinpaint.load(str(tmp_path / "run")).generate(
        image, np.float32(expected["mask_u8"][None] > 127)
    )
    np.testing.assert_allclose(output[..., ::-1], expected["stage2"].astype(np.float32), atol=1e-3)


@needs_shared
def test_multistage_from_safetensors(run, tmp_path):
    numpy_files = pytest.importorskip(
        "safetensors.numpy", reason="the package safetensors is not installed"
    )
    # The names are those that DataParallel writes.
    weights = {f"module.{name}": tensor for name, tensor in made("manet").items()}
    weights["module.enc_2.bn.num_batches_tracked"] = np.int64(3)[None]
    numpy_files.save_file(weights, tmp_path / "g.safetensors")
    status, out, _ = run("multistage", tmp_path / "g.safetensors", tmp_path / "run")
    assert status == 0 and "33,686,356 parameters from 100 tensors" in out
    expected = np.load(GOLDEN / "networks/net_manet.npz")
    output = tfinpaint.load(str(tmp_path / "run")).generate(
        2 * expected["image"] - 1, expected["hole"]
    )
    np.testing.assert_allclose((output + 1) / 2, expected["output"], atol=1e-3)


@needs_shared
@pytest.mark.slow
def test_context_encoder_from_npz(run, tmp_path):
    """The PyTorch version of its network, without biases. Each file says what it was sized for."""
    np.savez(tmp_path / "g.npz", **made("context_encoder", "generator"))
    status, out, _ = run("context_encoder", tmp_path / "g.npz", tmp_path / "run")
    assert status == 0 and "71,124,544 parameters from 58 tensors" in out
    expected = np.load(GOLDEN / "networks/net_context_encoder.npz")
    painter = tfinpaint.load(str(tmp_path / "run"))
    output = painter.generate(expected["image"], expected["hole"])
    np.testing.assert_allclose(output, expected["output"], atol=1e-5)
    assert painter.run.settings.photos.image_size == 128
    assert painter.run.settings.holes.kind == "center"
    # Training refuses other sizes and holes.
    flags = (tmp_path / "run/flags.txt").read_text().splitlines()
    assert flags[-2:] == ["--image_size=128", "--holes=center"]


@pytest.mark.golden("musical")
@needs_shared
@pytest.mark.slow
def test_musical_from_pth(run, tmp_path, monkeypatch):
    """PyTorch is a fake here.

    The numbers are those of a PyTorch network with these names and weights. It was written for
    this comparison from the description of the released network.
    """

    class Tensor:
        def __init__(self, value):
            self.detach, self.numpy = lambda: self, lambda: value

    def load(path, map_location, weights_only):
        assert path == str(tmp_path / "g.pth") and map_location == "cpu" and weights_only
        return {
            "n_iter": 3,
            "generator": {name: Tensor(value) for name, value in made("musical").items()},
            "optimizer_G": {"state": {}},
        }

    torch = types.SimpleNamespace(load=load, __version__="2.6.0+cpu")
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "g.pth").touch()
    status, out, _ = run("musical", tmp_path / "g.pth", tmp_path / "run")
    assert status == 0 and "44,134,147 parameters from 74 tensors" in out
    hole = np.zeros((1, 256, 256, 1), np.float32)
    hole[:, 64:192, 64:192] = 1
    output = tfinpaint.load(str(tmp_path / "run")).generate(
        np.load(GOLDEN / "networks/net_csa.npz")["image"], hole
    )
    assert output.shape == (1, 256, 256, 3) and np.isfinite(output).all()
    np.testing.assert_allclose(
        output[0, 32::64, 32::64, 0],
        [
            [0.2604, -0.1412, 0.1332, -0.2037],
            [-0.5434, -0.1280, -0.2005, -0.2720],
            [-0.0110, -0.1375, -0.1527, 0.0635],
            [-0.5004, -0.5497, -0.4788, -0.3073],
        ],
        atol=1e-3,
    )


@pytest.mark.golden("pluralistic")
@needs_shared
@pytest.mark.slow
def test_pluralistic_with_its_critic_and_without(run, tmp_path):
    """As PyTorch stores it: kernels before their division, u and v, and every convolution twice."""
    expected = np.load(GOLDEN / "networks/net_pic.npz")
    files = [tmp_path / f"{part}.npz" for part in "EGD"]
    for file, part in zip(files, ("encoder", "generator", "discriminator")):
        np.savez(file, **pluralistic_release.state(part))
    photo = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    mask = np.zeros((100, 120), np.uint8)
    mask[30:60, 40:90] = 255
    for count, output in ((3, tmp_path / "three"), (2, tmp_path / "two")):
        status, out, err = run("pluralistic", ",".join(map(str, files[:count])), output)
        assert status == 0 and "5,978,240 parameters from" in out, err
        painter = tfinpaint.load(str(output))
        filled = painter.generate(expected["image"], expected["hole"], latent=expected["latent"])
        np.testing.assert_allclose(filled, expected["output"], atol=1e-4)
        assert (painter.critic is not None) == (count == 3)
        score = painter.score(photo, mask)
        assert (score is not None) == (count == 3)
        if painter.critic is not None:
            composite = filled * expected["hole"] + expected["image"] * (1 - expected["hole"])
            np.testing.assert_allclose(painter.critic(composite), expected["score"], atol=1e-4)
    status, _, err = run("pluralistic", str(files[0]), tmp_path / "one")
    assert status == 1 and "the encoder and the generator, and after them the critic" in err


@pytest.mark.golden("coherent_semantic")
@pytest.mark.slow
@needs_shared
def test_coherent_semantic_from_two_npz(run, tmp_path):
    files = [tmp_path / "P.npz", tmp_path / "G.npz"]
    for file, part in zip(files, ("rough", "refine")):
        np.savez(file, **made("csa", part))
    status, out, _ = run("coherent_semantic", f"{files[0]},{files[1]}", tmp_path / "run")
    assert status == 0 and "132,111,750 parameters from 180 tensors" in out
    expected = np.load(GOLDEN / "networks/net_csa.npz")
    system, hole = read_run(str(tmp_path / "run")).load_system(), expected["hole"]
    rough, refined, _ = system.generator(
        [system.blanked(expected["image"], hole), hole], with_stages=True
    )
    np.testing.assert_allclose(rough, expected["rough"], atol=1e-3)
    np.testing.assert_allclose(refined, expected["output"], atol=1e-3)


@pytest.mark.slow
@needs_shared
def test_shift_net_with_statistics_of_its_norms(run, tmp_path):
    """Old files of PyTorch hold running statistics, which its instance norms do not use."""
    weights = made("shift", "generator")
    for name in [name for name in weights if name.endswith("model.2.weight")]:
        for statistic in ("running_mean", "running_var"):
            weights[name.replace("weight", statistic)] = 7 + weights[name]
    assert len(weights) == 58 + 2 * 6
    np.savez(tmp_path / "30_net_G.npz", **weights)
    status, out, _ = run("shift_net", tmp_path / "30_net_G.npz", tmp_path / "run")
    assert status == 0 and "54,944,771 parameters from 58 tensors" in out
    z = np.load(GOLDEN / "networks/net_shift.npz")
    output = tfinpaint.load(str(tmp_path / "run")).generate(z["image"], z["hole"])
    np.testing.assert_allclose(output, z["output"], atol=1e-4)


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("names", ["port", "modules"])
def test_global_local_of_both_releases(run, tmp_path, names):
    """The port's names bring the port's network, the authors' modules that of the authors."""
    weights = made("glcic", "completion")
    expected = np.load(GOLDEN / "networks/net_glcic.npz")
    if names == "modules":
        numbered = {}
        for name, tensor in weights.items():
            layer, _, kind = name.partition(".")
            k = int(re.sub(r"\D", "", layer))
            numbered[f"{3 * (k - 1) + layer.startswith('bn')}.{kind}"] = tensor
        weights = {**numbered, "mean": expected["mean_pixel"]}
    np.savez(tmp_path / "g.npz", **weights)
    status, out, _ = run("global_local", tmp_path / "g.npz", tmp_path / "run")
    variant, output = {"port": ("official", "output"), "modules": ("paper", "output_bn_first")}[
        names
    ]
    assert status == 0 and f"({variant}), 6,072,131 parameters from 99 tensors" in out
    painter = tfinpaint.load(str(tmp_path / "run"))
    assert painter.run.settings.variant == variant
    got = painter.generate(2 * expected["image"] - 1, expected["hole"])
    np.testing.assert_allclose((got + 1) / 2, expected[output], atol=1e-5)


# -------------------------------------------------------------------------------- the run directory


@pytest.mark.slow
@pytest.mark.parametrize(
    "written",
    ["snap-7.index", "", "snap-7", "snap-7.data-00000-of-00001", "snap-7.meta", "only"],
)
def test_names_of_a_checkpoint_and_what_is_in_it_besides(run, tmp_path, deepfill, written):
    others = {
        f"{name}/{slot}": value for name, value in deepfill.items() for slot in ("Adam", "Adam_1")
    }
    others.update(
        {
            "beta1_power": np.float32(0),
            "inpaint_net/beta2_power": np.float32(0),
            "global_step": np.int64(7),
            "discriminator/discriminator_local/conv1/kernel": np.zeros((5, 5, 3, 64), np.float32),
        }
    )
    prefix = write_checkpoint(tmp_path / "release/snap-7", {**deepfill, **others})
    if written != "only":  # the file `checkpoint` names the last one, by its path when written
        write_checkpoint(tmp_path / "release/snap-6", {"inpaint_net/conv1/kernel": np.float32(0)})
        (tmp_path / "release/checkpoint").write_text(
            'model_checkpoint_path: "/home/them/logs/snap-7"\n'
        )
    weights = prefix.parent / (written if written != "only" else "")
    status, out, err = run("contextual_attention", weights, tmp_path / "run")
    assert status == 0 and str(prefix) in out, err
    generator = read_run(str(tmp_path / "run")).load_system().generator
    np.testing.assert_array_equal(
        generator.coarse[0].kernel[:, :, 0], deepfill["inpaint_net/conv1/kernel"][:, :, 2]
    )
    np.testing.assert_array_equal(
        generator.merge[2].kernel,
        deepfill["inpaint_net/allconv13_upsample/allconv13_upsample_conv/kernel"],
    )


@pytest.mark.slow
def test_training_goes_on_from_it(run, command_line, tmp_path, deepfill):
    imported, tuned = tmp_path / "run", tmp_path / "tuned"
    imported.mkdir()  # an empty folder is accepted
    status, _, err = run(
        "contextual_attention", write_checkpoint(tmp_path / "snap-0", deepfill), imported
    )
    assert status == 0, err
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "run",
        "snap-0.data-00000-of-00001",
        "snap-0.index",
    ]
    settings = read_settings(str(imported))
    assert (settings.system, settings.variant, settings.steps, settings.photos.image_size) == (
        "contextual_attention",
        "official",
        0,
        256,
    )
    status, _, err = command_line(
        train.main,
        f"--flagfile={imported / 'flags.txt'}",
        "--train_data=samples:coffee",
        "--eval_count=1",
        "--image_size=64",
        "--batch_size=1",
        "--steps=0",
        f"--run_dir={tuned}",
    )
    assert status == 0, err
    assert read_settings(str(tuned)).variant == "official"
    for before, after in zip(
        *(read_run(str(run)).load_system().generator.variables for run in (imported, tuned))
    ):
        np.testing.assert_array_equal(before, after)


# ----------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "system, weights, words",
    [
        (
            "partial_conv",
            "a.npz",
            [
                "--system=partial_conv",
                "coherent_semantic, ",
                "multistage, musical, pluralistic, shift_net have",
            ],
        ),
        ("nothing", "a.npz", ["--system=nothing", "multistage"]),
        ("multistage", "", ["--weights is missing", "one file"]),
        ("multistage", "nowhere.npz", ["--weights=nowhere.npz is no file", ".safetensors"]),
        ("multistage", "text.npz,text.npz", ["one file", "Got 2"]),
        ("multistage", "text.txt", ["text.txt", ".npz, .safetensors, .pth, .pt"]),
        ("multistage", "text.npz", ["text.npz cannot be read as a PyTorch state dict in .npz"]),
        (
            "multistage",
            "text.safetensors",
            ["text.safetensors cannot be read as a PyTorch state dict in .safetensors"],
        ),
        pytest.param(
            "multistage",
            "other.npz",
            [
                "other.npz does not hold the generator of multistage",
                "100 missing",
                "1 left over (other)",
            ],
            marks=pytest.mark.slow,
        ),
        (
            "coherent_semantic",
            "text.npz",
            ["2 files", "the rough network and the refinement network", "Got 1"],
        ),
        (
            "contextual_attention",
            "nowhere/snap-0",
            ["--weights=nowhere/snap-0", "nowhere/snap-0.index"],
        ),
        ("contextual_attention", "text.npz", ["text.npz", "text.npz.index"]),
        ("contextual_attention", "empty", ["--weights=empty has 0"]),
        ("contextual_attention", "text", ["text cannot be read as a TensorFlow checkpoint"]),
        pytest.param(
            "gated_conv",
            "few",
            [
                "few/snap-0 does not hold the generator of gated_conv",
                "83 missing",
                "1 of another shape (inpaint_net/conv1/bias [2] instead of [48])",
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, system, weights, words):
    monkeypatch.chdir(tmp_path)
    for ending in ("npz", "txt", "safetensors", "index", "data-00000-of-00001"):
        (tmp_path / f"text.{ending}").write_text("not what its name says")
    np.savez("other.npz", other=np.zeros(3, np.float32))
    (tmp_path / "empty").mkdir()
    write_checkpoint(tmp_path / "few/snap-0", {"inpaint_net/conv1/bias": np.zeros(2, np.float32)})
    if weights.endswith(".safetensors"):
        pytest.importorskip("safetensors", reason="the package safetensors is not installed")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(system, weights, "run")
    line = one_line(err)
    assert status == 1 and not out and all(word in line for word in words), line
    assert sorted(tmp_path.rglob("*")) == before


def test_checkpoint_that_is_cut_short(run, tmp_path, deepfill):
    prefix = write_checkpoint(tmp_path / "snap-0", deepfill)
    data = tmp_path / "snap-0.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    status, _, err = run("contextual_attention", prefix, tmp_path / "run")
    assert (
        status == 1
        and f"--weights={prefix} cannot be read" in one_line(err)
        and not (tmp_path / "run").exists()
    )


@pytest.mark.parametrize(
    "ending, words",
    [
        ("safetensors", ["pip install safetensors"]),
        ("pt", ["pip install torch"]),
        ("pth", ["pip install torch", ".npz", "docs/released_weights.md"]),
    ],
)
def test_packages_that_are_not_there(run, tmp_path, monkeypatch, ending, words):
    for package in ("safetensors", "safetensors.numpy", "torch"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    file = tmp_path / f"g.{ending}"
    file.touch()
    status, _, err = run("multistage", file, tmp_path / "run")
    assert (
        status == 1
        and all(word in one_line(err) for word in (f"--weights={file}", *words))
        and not (tmp_path / "run").exists()
    )


def test_output_that_cannot_be_written(run, tmp_path, deepfill):
    prefix = write_checkpoint(tmp_path / "release/snap-0", deepfill)
    for output, words in (
        ("", "--output is missing"),
        (tmp_path / "release", "is not empty"),
        (f"{prefix}.index", "is a file"),
        ("/proc/run", "--output=/proc/run cannot be written: No such file or directory"),
    ):
        status, _, err = run("contextual_attention", prefix, output)
        assert status == 1 and words in one_line(err)
    assert len(list(prefix.parent.iterdir())) == 2


def test_it_is_a_script_too(tmp_path):
    """Neither the help nor a wrong flag needs TensorFlow."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")

    def script(*arguments):
        return subprocess.run(
            [sys.executable, ROOT / "tools/import_weights.py", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )

    shown = script("--help")
    assert shown.returncode == 0 and all(
        f"--{name}" in shown.stdout for name in ("system", "weights", "output")
    )
    wrong = script("--system=partial_conv", "--weights=a", "--output=b")
    assert wrong.returncode == 1 and "--system=partial_conv" in one_line(wrong.stderr)

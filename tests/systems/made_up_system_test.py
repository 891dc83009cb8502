"""A system that is added as a folder and a config, and by nothing else.

It trains, fills, exports and appears in `--help`. It also has what no system of a paper has yet: a
second part with an optimizer of its own, phases, and an extra input.
"""

import dataclasses
import importlib
import io
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint import systems
from tfinpaint.data.extra_inputs import distances_to_known
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.systems.specification import all_systems
from tfinpaint.training.loop import train

ROOT = pathlib.Path(__file__).parents[2]
SPECIFICATION = '''"""A made-up system."""

from tfinpaint.systems.specification import Setting, Specification, Term

SPECIFICATION = Specification(
    name="made_up",
    title="made-up system",
    paper="Nobody, Nowhere 2026",
    implementation="tfinpaint.systems.made_up.system:MadeUp",
    settings=(Setting("width", 4, 1, 16, "channels in the middle"),
              Setting("thickness", None, 0, 1, "a setting that no other system has")),
    terms=(Term("nearness", 2.0, "L1 in the hole, by the distance to what is known", "(1)",
                smallest=32),
           Term("tint", 1.0, "squared error of the mean color", official=3.0)),
    rates={"generator": 1e-2, "tinter": 1e-3},
    phases={"tinting": ("tinter",), "filling": ("generator",)},
    extra_inputs={"distances": "tfinpaint.data.extra_inputs:distances"},
    small={"width": 2},
)
'''

SYSTEM = '''"""Two convolutions fill; a dense layer guesses the mean color."""

import tensorflow as tf

from tfinpaint.losses import masked_l1
from tfinpaint.systems.base import System
from tfinpaint.systems.made_up import SPECIFICATION


class Fill(tf.keras.Model):
    def __init__(self, width):
        super().__init__()
        self.convolutions = [tf.keras.layers.Conv2D(width, 3, padding="same", activation="elu"),
                             tf.keras.layers.Conv2D(3, 3, padding="same")]
        self([tf.zeros([1, 8, 8, 3]), tf.zeros([1, 8, 8, 1])])

    def call(self, inputs, training=False):
        x = tf.concat(inputs, -1)
        for convolution in self.convolutions:
            x = convolution(x)
        return x


class MadeUp(System):
    specification = SPECIFICATION

    def __init__(self, width=4, thickness=None, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.thickness = width, thickness
        self.generator = self.make_generator()
        self.tinter = None
        self.built = True

    @property
    def stride(self):
        return 8

    def make_generator(self):
        return Fill(self.width)

    def compile_networks(self, perceptual_weights, critic_weights, image_size):
        self.tinter = tf.keras.layers.Dense(3)
        self.tinter.build([None, 3])

    def step(self, images, holes, distances=None):
        logs, known = {}, images * (1 - holes)
        if self.learns("tinter"):
            with tf.GradientTape() as tape:
                guess = self.tinter(tf.reduce_mean(known, [1, 2]))
                terms = {"tint": tf.reduce_mean((guess - tf.reduce_mean(images, [1, 2])) ** 2)}
            logs |= self.learn(tape, terms, part="tinter")
        if self.learns("generator"):
            with tf.GradientTape() as tape:
                weight = holes if distances is None else holes / (1 + distances)
                terms = {
                    "nearness": masked_l1(
                        self.generator([known, holes], training=True), images, weight
                    )
                }
            logs |= self.learn(tape, terms)
        return logs
'''

CONFIG = "--system=made_up\n--weight_nearness=5\n--image_size=32\n--holes=strokes\n"

DRIVER = """
import runpy, sys
from tfinpaint import systems
systems.__path__.append(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the made-up system's folder and its config."""
    (tmp_path / "more" / "made_up").mkdir(parents=True)
    (tmp_path / "more" / "made_up" / "__init__.py").write_text(SPECIFICATION)
    (tmp_path / "more" / "made_up" / "system.py").write_text(SYSTEM)
    (tmp_path / "made_up.flags").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def made_up(folder, monkeypatch):
    """Makes the system known in this process."""
    monkeypatch.setattr(systems, "__path__", [*systems.__path__, str(folder / "more")])
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.startswith("tfinpaint.systems.made_up")]:
        del sys.modules[name]


@pytest.mark.slow
def test_commands_know_it(folder):
    """One after another: --help, a training run, a fill, an export."""

    def run(module, *arguments):
        command = [sys.executable, "-c", DRIVER, str(folder / "more"), module, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    told = " ".join(run("tfinpaint.train", "--help").stdout.split())
    assert "--thickness: made_up: a setting that no other system has" in told
    assert (
        "--weight_nearness: Weight of the term nearness. made_up: "
        "L1 in the hole, by the distance to what is known" in told
    )
    trained = run(
        "tfinpaint.train",
        "--flagfile=made_up.flags",
        "--train_data=samples:astronaut",
        "--eval_data=samples:coffee",
        "--steps=2",
        "--batch_size=2",
        "--eval_count=1",
        "--run_dir=run",
    )
    assert trained.returncode == 0, trained.stderr
    assert "nearness" in trained.stdout and "PSNR" in trained.stdout
    photo = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    mask = np.zeros((40, 50, 1), np.uint8)
    mask[10:20, 10:20] = 255
    for name, pixels in (("photo.png", photo), ("mask.png", mask)):
        (folder / name).write_bytes(tf.io.encode_png(pixels).numpy())
    exported = run("tfinpaint.export", "--model=run", "--output=exported")
    assert exported.returncode == 0, exported.stderr
    for model in ("run", "exported/1"):
        filled = run(
            "tfinpaint.inpaint",
            f"--model={model}",
            "--image=photo.png",
            "--mask=mask.png",
            f"--output={model[:3]}.png",
        )
        assert filled.returncode == 0, filled.stderr
    pictures = [
        tf.io.decode_png((folder / name).read_bytes()).numpy() for name in ("run.png", "exp.png")
    ]
    np.testing.assert_array_equal(*pictures)
    np.testing.assert_array_equal(pictures[0][mask[..., 0] == 0], photo[mask[..., 0] == 0])
    assert (pictures[0] != photo).any()


def test_it_is_one_of_the_systems(made_up):
    assert "made_up" in tfinpaint.SYSTEMS and all_systems()["made_up"].weights("official") == {
        "nearness": 2.0,
        "tint": 3.0,
    }
    with pytest.raises(
        SettingsError,
        match="`width` is a whole number, at least 1 and at most 16 for made_up. Got 17",
    ):
        tfinpaint.create("made_up", width=17)
    with pytest.raises(SettingsError, match="has no setting depth; it has width, thickness"):
        tfinpaint.create("made_up", depth=3)


def values(network):
    return [v.numpy() for v in network.trainable_variables]


def moved(before, after):
    return any((a != b).any() for a, b in zip(before, after, strict=True))


def test_parts_learn_with_their_own_optimizers_and_in_their_phases(made_up):
    system = tfinpaint.create("made_up", width=2)
    images, holes = (
        tf.random.stateless_uniform([2, 32, 32, 3], (1, 2)),
        np.zeros((2, 32, 32, 1), np.float32),
    )
    holes[:, 8:24, 8:24] = 1
    for phase, learning in (
        (None, ("tinter", "generator")),
        ("tinting", ("tinter",)),
        ("filling", ("generator",)),
    ):
        system.compile(learning_rate=1e-3, phase=phase, image_size=32)
        assert float(system.parts["generator"].learning_rate) == pytest.approx(1e-3)
        # A tenth, as in the specification.
        assert float(system.parts["tinter"].learning_rate) == pytest.approx(1e-4)
        before = {part: values(getattr(system, part)) for part in system.parts}
        average = values(system.averaged_generator)
        logs = system.train_step(
            (images, tf.constant(holes), {"distances": distances_to_known(tf.constant(holes))})
        )
        for part in system.parts:
            assert moved(before[part], values(getattr(system, part))) == (part in learning), (
                phase,
                part,
            )
            assert int(system.parts[part].iterations) == (part in learning)
        assert moved(average, values(system.averaged_generator)) == ("generator" in learning)
        assert ("tint" in logs, "nearness" in logs) == (
            "tinter" in learning,
            "generator" in learning,
        )


@pytest.mark.slow
def test_a_run_goes_through_the_phases(made_up, tmp_path):
    def settings(steps):
        return TrainSettings(
            "made_up",
            PhotoSettings("samples:astronaut", 32),
            HoleSettings("center"),
            system_settings=(("width", 2),),
            phases=(("tinting", 3), ("filling", 0)),
            batch_size=1,
            steps=steps,
            eval_count=1,
            ema_decay=0.0,
        )

    said = []
    train(settings(5), str(tmp_path / "whole"), say=said.append, stream=io.StringIO())
    assert "step 3: phase filling" in said
    for steps in (2, 3, 5):  # in the first phase, at its end, in the second
        train(settings(steps), str(tmp_path / "parts"), resume=True, stream=io.StringIO())
    at = [
        tf.train.load_checkpoint(str(tmp_path / run / "checkpoints")) for run in ("whole", "parts")
    ]
    names = at[0].get_variable_to_shape_map()
    for name in names:
        if "save_counter" not in name and not name.startswith("_CHECKPOINTABLE"):
            np.testing.assert_array_equal(*(one.get_tensor(name) for one in at), err_msg=name)
    taken = {name: at[0].get_tensor(name) for name in names if "iteration" in name.lower()}
    assert sorted(taken.values()) == [2, 3]
    with pytest.raises(SettingsError, match="`phase='both'`: made_up has no such phase"):
        train(
            dataclasses.replace(settings(1), phases=(("both", 0),)),
            str(tmp_path / "other"),
            stream=io.StringIO(),
        )
    assert not (tmp_path / "other").exists()


def test_extra_inputs_arrive_by_name_and_others_are_refused(made_up):
    system = tfinpaint.create("made_up", width=2)
    system.compile(image_size=32)
    images, holes = tf.zeros([1, 32, 32, 3]), tf.ones([1, 32, 32, 1])
    start = [v.numpy() for v in system.variables]
    figures = []
    for extra in ({}, {"distances": 3 * holes}):
        for variable, value in zip(system.variables, start, strict=True):
            variable.assign(value)
        figures.append(float(system.train_step((images + 1, holes, extra))["nearness"]))
    assert figures[1] == pytest.approx(figures[0] / 4, rel=1e-6)
    with pytest.raises(ValueError, match="distances"):
        system.train_step((images, holes, {"edges": holes}))


def test_what_its_specification_forbids(made_up):
    system = tfinpaint.create("made_up")
    with pytest.raises(SettingsError, match="`image_size` is at least 32 .*'nearness'.=0.*Got 16"):
        system.compile(image_size=16)
    with pytest.raises(
        SettingsError,
        match="`phase='both'`: made_up has no such phase; its phases are tinting, filling",
    ):
        system.compile(image_size=32, phase="both")

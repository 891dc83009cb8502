"""Runs that are killed (kill -9) and resumed end as if they had never been stopped, bit by bit.

Weights, moving averages, optimizers, statistics of critics; photographs and holes, by the losses of
every step. docs/reliability.md has the figures.
"""

import dataclasses
import random
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from small import SIZES, SMALL, TERMS_LEFT_OUT
from training_processes import differences, killed_at, killed_in_a_write, run, start

from tfinpaint.checkpoint_files import is_whole, numbered
from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings
from tfinpaint.training import train


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Seven photographs of noise, and three mask files."""
    photos, masks = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("masks")
    for k in range(7):
        noise = np.random.default_rng(k).integers(0, 256, (6, 7, 3), np.uint8)
        Image.fromarray(noise).resize((150, 120), Image.Resampling.BICUBIC).save(
            photos / f"{k}.png"
        )
    for k in range(3):
        mask = np.zeros((64, 64), np.uint8)
        cv2.circle(mask, (20 + 10 * k, 30), 10 + 3 * k, 255, -1)
        Image.fromarray(mask).save(masks / f"{k}.png")
    return photos, masks


def settings_of(name, folders, data="folder", **changes):
    """Of a small version, all terms that it is trained with."""
    holes = "center" if name == "context_encoder" else "strokes"
    size = {"context_encoder": 64, "musical": 96}.get(name, SIZES.get(name, 32))
    settings = TrainSettings(
        system=name,
        photos=PhotoSettings(
            "tfds:celeb_a" if data == "tfds" else f"folder:{folders[0]}", image_size=size
        ),
        holes=HoleSettings(f"files:{folders[1]}" if data == "masks" else holes),
        eval_data="samples:coffee",
        system_settings=tuple(SMALL[name].items()),
        # musical's critic too
        loss_weights=() if name == "musical" else tuple(TERMS_LEFT_OUT[name].items()),
        critic_weights="random" if name == "musical" else None,
        batch_size=2,
        perceptual_weights="none",
        checkpoint_every=1000,
        log_every=1,
        sample_every=0,
        eval_count=1,
    )
    return dataclasses.replace(settings, **changes)


def check(tmp_path, settings, every, kill, eager, to_the_end=run):
    """Straight, and killed once after step `kill`, with a checkpoint every `every` steps.

    to_the_end: what runs the runs that are not killed.
    """
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    to_the_end(straight, settings, eager=eager)
    settings = dataclasses.replace(settings, checkpoint_every=every)
    run(killed, settings, hook=killed_at(kill), eager=eager)
    assert max(numbered(str(killed / "checkpoints"))) == kill // every * every
    said = to_the_end(killed, settings, resume=True, eager=eager)
    assert f"resumed at step {kill // every * every}" in said
    assert differences(straight, killed) == []


@pytest.mark.slow
def test_killed_and_resumed(tmp_path, folders, eager):
    """The run that is killed has a process of its own, the others this one."""

    def here(folder, settings, resume=False, eager=True):
        said = []
        train(settings, str(folder), resume=resume, say=said.append)
        return "\n".join(said)

    check(tmp_path, settings_of("partial_conv", folders, steps=4), 2, 3, True, here)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, data",
    [(name, "folder") for name in SMALL] + [("partial_conv", "tfds"), ("partial_conv", "masks")],
)
def test_40_steps_are_20_and_kill_and_20(tmp_path, folders, name, data):
    """In graphs, as users train; the kill comes five steps after the checkpoint."""
    check(tmp_path, settings_of(name, folders, data, steps=40), 20, 25, eager=False)


@pytest.mark.slow
def test_two_straight_runs_are_the_same_with_the_dense_critic(tmp_path, folders):
    settings = settings_of("musical", folders, steps=40)
    for name in ("first", "second"):
        run(tmp_path / name, settings, eager=False)
    assert differences(tmp_path / "first", tmp_path / "second") == []


@pytest.mark.slow
def test_two_runs_with_one_seed_are_the_same_and_with_another_not(tmp_path, folders):
    settings = settings_of("partial_conv", folders, steps=3)
    for name, seed in (("first", 5), ("second", 5), ("third", 6)):
        run(tmp_path / name, dataclasses.replace(settings, seed=seed))
    assert differences(tmp_path / "first", tmp_path / "second") == []
    assert differences(tmp_path / "first", tmp_path / "third")


@pytest.mark.slow
def test_20_kills_at_random_moments_and_within_writes(tmp_path, folders):
    """10 after a random time, 10 at each system call of a write in turn. One run, 60 steps."""
    settings = settings_of("partial_conv", folders, steps=60, checkpoint_every=1)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    run(straight, settings)
    chance = random.Random(0)
    for kill in range(20):
        if kill % 2:
            run(killed, settings, resume=True, hook=killed_in_a_write(11 + kill // 2))
        else:
            process = start(killed, settings, resume=True)
            for line in process.stdout:
                if line.startswith("step ") or "resumed" in line or "starts at 0" in line:
                    break
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            process.communicate()
        folder = str(killed / "checkpoints")
        assert all(is_whole(path) for path in numbered(folder).values())
    run(killed, settings, resume=True)
    assert differences(straight, killed) == []
    names = {path.name.partition(".")[0] for path in (killed / "checkpoints").iterdir()}
    assert len(names - {"checkpoint"}) <= 5  # nothing is left of what was cut off

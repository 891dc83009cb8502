"""Mask files as holes: polarity, resizing, bounds, and the effects of turning and enlarging."""

import logging
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfinpaint.data import hole_files
from tfinpaint.data.hole_files import MaskFiles, file_holes
from tfinpaint.settings import HoleSettings, SettingsError

CORNER = np.zeros((32, 32), np.uint8)
CORNER[2:20, 4:12] = 255  # no symmetry: all eight turned and mirrored copies differ


def save(path, hole):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole).save(path)
    return path


def plain(path, **changes):
    changes = {"mask_rotate": "none", "mask_flip": False, **changes}
    return HoleSettings(f"files:{path}", **changes)


def read_masks(settings, size):
    return MaskFiles(settings, size).within_bounds()


def unpacked(masks, size):
    return np.unpackbits(masks, axis=1, count=size**2).reshape(-1, size, size)


def test_polarity(tmp_path):
    path = save(tmp_path / "a.png", CORNER)
    np.testing.assert_array_equal(unpacked(read_masks(plain(path), 32), 32)[0], CORNER > 0)
    np.testing.assert_array_equal(
        unpacked(read_masks(plain(path, mask_is="known"), 32), 32)[0], CORNER == 0
    )


def test_masks_of_any_size_are_resized_and_binary(tmp_path):
    save(tmp_path / "deep/er/large.PNG", CORNER.repeat(3, 0).repeat(3, 1))
    save(tmp_path / "small.bmp", CORNER[::2, ::2])
    holes = unpacked(read_masks(plain(tmp_path), 32), 32)
    np.testing.assert_array_equal(holes[0], CORNER > 0)
    np.testing.assert_array_equal(holes[1], CORNER[::2, ::2].repeat(2, 0).repeat(2, 1) > 0)


def test_masks_outside_the_bounds_are_left_out_with_one_warning(tmp_path, caplog):
    save(tmp_path / "a.png", CORNER)  # 14 %
    save(tmp_path / "b.png", 255 - CORNER)
    save(tmp_path / "c.png", np.zeros_like(CORNER))
    (tmp_path / "d.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "tfinpaint"):
        assert len(read_masks(plain(tmp_path, ratio=(0.1, 0.6)), 32)) == 1
    assert len(caplog.messages) == 2
    assert (
        "1 of 4 masks left out that cannot be read" in caplog.messages[0]
        and "d.png" in caplog.messages[0]
    )
    assert (
        "2 of 3 masks left out, their share of holes is not within 0.1,0.6 (`ratio`)"
        in caplog.messages[1]
    )
    with pytest.raises(
        SettingsError, match="no mask has a share of holes within 0.3,0.4; they have 0 to 0.859"
    ):
        read_masks(plain(tmp_path, ratio=(0.3, 0.4)), 32)


def test_paths_that_cannot_be_used(tmp_path):
    with pytest.raises(
        SettingsError, match="`kind='files:.*nowhere'`: there is no such file or folder"
    ):
        read_masks(plain(tmp_path / "nowhere"), 32)
    with pytest.raises(SettingsError, match="no mask in it"):
        read_masks(plain(tmp_path), 32)
    (tmp_path / "d.png").write_bytes(b"no picture")
    with pytest.raises(SettingsError, match="none of its 1 masks can be read"):
        read_masks(plain(tmp_path), 32)


@pytest.mark.parametrize(
    "rotate, flip, count",
    [("none", False, 1), ("right", False, 4), ("none", True, 4), ("right", True, 8)],
)
def test_right_angles_and_mirroring(tmp_path, rotate, flip, count):
    made = file_holes(
        plain(save(tmp_path / "a.png", CORNER), mask_rotate=rotate, mask_flip=flip), 32
    )(0, 1, 200).numpy()
    assert made.shape == (200, 32, 32, 1) and made.dtype == np.float32
    hole = (CORNER > 0).astype(np.float32)
    turns = range(4) if rotate == "right" else [0]
    expected = [np.rot90(hole, k) for k in turns]
    if flip:
        expected += (
            [h[::-1] for h in expected]
            + [h[:, ::-1] for h in expected]
            + [h[::-1, ::-1] for h in expected]
        )
    expected = {np.ascontiguousarray(h).tobytes() for h in expected}
    assert {h.tobytes() for h in made} == expected and len(expected) == count


def test_any_angle_turns_about_the_centre_and_zoom_enlarges(tmp_path):
    disc = (
        (np.add.outer((np.arange(65) - 32) ** 2, (np.arange(65) - 32) ** 2) <= 100) * 255
    ).astype(np.uint8)
    path = save(tmp_path / "a.png", disc)
    turned = file_holes(plain(path, mask_rotate="any"), 65)(0, 1, 8).numpy()[..., 0]
    assert np.abs(turned - (disc > 0)).mean() < 0.01  # a disc about the centre stays the same
    larger = file_holes(plain(path, mask_zoom=(2.0, 2.0)), 65)(0, 1, 1).numpy()[0, ..., 0]
    assert larger.sum() == pytest.approx(4 * (disc > 0).sum(), rel=0.03)
    # It is enlarged about the centre. Nearest neighbour breaks ties to one side.
    np.testing.assert_allclose(np.mean(np.nonzero(larger), 1), 32, atol=0.6)
    path = save(tmp_path / "b.png", CORNER)
    assert (
        len({h.tobytes() for h in file_holes(plain(path, mask_rotate="any"), 32)(0, 1, 32).numpy()})
        > 28
    )


def test_the_ratio_holds_after_turning_and_enlarging(tmp_path):
    edge = np.zeros((64, 64), np.uint8)
    edge[:, :13] = 255  # turning moves part of it out of the picture, enlarging most of it
    path = save(tmp_path / "a.png", edge)
    settings = plain(
        path, mask_rotate="any", mask_flip=True, mask_zoom=(1.0, 2.0), ratio=(0.15, 0.25)
    )
    made = file_holes(settings, 64)(0, 3, 200).numpy()
    share = made.mean((1, 2, 3))
    assert share.min() >= 0.15 and share.max() <= 0.25
    assert set(np.unique(made)) == {0, 1}
    assert len({hole.tobytes() for hole in made}) > 20  # some stay turned, others fall back


def test_same_in_the_pipeline_and_repeatable(tmp_path):
    for index in range(5):
        save(tmp_path / f"{index}.png", np.roll(CORNER, 2 * index, 1))
    draw = file_holes(plain(tmp_path, mask_rotate="any", mask_zoom=(1.0, 1.5)), 32)
    steps = tf.data.Dataset.range(3).map(lambda step: draw(9, step, 6), num_parallel_calls=2)
    assert steps.element_spec.shape == (6, 32, 32, 1)
    for step, made in enumerate(steps):
        np.testing.assert_array_equal(made, draw(9, step, 6))
    assert not np.array_equal(draw(9, 0, 6), draw(9, 1, 6)) and not np.array_equal(
        draw(9, 0, 6), draw(8, 0, 6)
    )


# --------------------------------------------------------------------------------------- large sets


def save_large(folder, count=40):
    """Masks with 1, 2, ... rows of 32; their bounds 0.2 to 0.5 leave twelve."""
    for k in range(count):
        mask = np.zeros((32, 32), np.uint8)
        mask[: k % 32 + 1] = 255
        save(folder / f"{k:02d}.png", mask)
    (folder / "03.png").write_bytes(b"no picture")


def record_reads(monkeypatch):
    """The paths of masks that are read from now on."""
    read, real = [], hole_files.photo.read_hole
    monkeypatch.setattr(
        hole_files.photo, "read_hole", lambda path, *how: read.append(path) or real(path, *how)
    )
    return read


def test_a_large_set_is_read_as_it_is_drawn(tmp_path, monkeypatch, caplog):
    save_large(tmp_path)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    monkeypatch.setattr(hole_files, "_LOOKED_AT", 8)
    read = record_reads(monkeypatch)
    settings = plain(tmp_path, ratio=(0.2, 0.5))
    with caplog.at_level(logging.INFO, "tfinpaint"):
        draw = file_holes(settings, 32)
    assert len(read) == 8
    assert "2 of 8 masks looked at can be used" in caplog.messages[-1]
    made = draw(5, 0, 400).numpy()
    rows = made[..., 0].sum(axis=(1, 2)) / 32
    found, counts = np.unique(rows, return_counts=True)
    assert list(found) == list(range(7, 17)) and counts.min() > 15  # uniform: 33 of each file
    assert len(read) <= 41  # no file twice
    again = file_holes(settings, 32)
    for step in (3, 0):  # not what was drawn before, nor what is in memory
        np.testing.assert_array_equal(again(5, step, 20), draw(5, step, 20))
    np.testing.assert_array_equal(draw(5, 0, 400), made)


def test_memory_of_a_large_set_is_bounded(tmp_path, monkeypatch):
    save_large(tmp_path)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    draw = file_holes(plain(tmp_path, ratio=(0.2, 0.5)), 32)
    made = draw(5, 1, 50).numpy()
    monkeypatch.setattr(hole_files, "_CACHE_BYTES", 3 * (32 * 32 // 8 + 100))
    few = file_holes(plain(tmp_path, ratio=(0.2, 0.5)), 32)
    read = record_reads(monkeypatch)
    np.testing.assert_array_equal(few(5, 1, 50), made)
    assert len(read) > 2 * len(set(read))  # three masks fit, the others are read again


def test_a_large_set_without_a_mask_among_the_tries_takes_the_next_one(tmp_path, monkeypatch):
    """In the order of the files, from the last try on."""
    save_large(tmp_path)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    monkeypatch.setattr(hole_files._Drawn, "tries", 1)
    # Of the files, 6 to 15 have the rows 7 to 16 that the bounds allow; 38 and 39 have 7 and 8.
    drawn = hole_files._Drawn(MaskFiles(plain(tmp_path, ratio=(0.2, 0.5)), 32))
    numbers = np.float32([[0, 6 / 40, 15 / 40, 16 / 40, 39 / 40]]) + np.float32(1e-4)
    rows = drawn.pick(numbers)[..., 0].sum((1, 2)) / 32
    assert list(rows) == [7, 7, 16, 7, 8]


def test_a_large_set_that_is_deleted_while_it_is_drawn_from(tmp_path, monkeypatch):
    folder = tmp_path / "masks"
    save_large(folder)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    monkeypatch.setattr(hole_files, "_CACHE_BYTES", 32 * 32 // 8 + 100)  # of one mask
    draw = file_holes(plain(folder, ratio=(0.2, 0.5)), 32)
    assert draw(5, 0, 4).shape == (4, 32, 32, 1)
    shutil.rmtree(folder)
    with pytest.raises(SettingsError, match="none of its masks can be read any more"):
        draw(5, 1, 40)


def test_damaged_masks_of_a_large_set_are_told_when_they_are_drawn(tmp_path, monkeypatch, caplog):
    """Three by their names, and then 10, 100, ...; those that were looked at first in one line."""
    save_large(tmp_path, count=64)
    for k in range(0, 64, 3):  # 22 files, and 03.png is one of them
        (tmp_path / f"{k:02d}.png").write_bytes(b"no picture")
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    monkeypatch.setattr(hole_files, "_LOOKED_AT", 8)
    draw = file_holes(plain(tmp_path, ratio=(0.2, 0.5)), 32)
    (first,) = [line for line in caplog.messages if "cannot be read" in line]
    known = int(re.search(r": (\d+) of 8 masks looked at left out that cannot be read", first)[1])
    caplog.clear()
    draw(5, 0, 400)
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    *named, ten = told
    assert [re.search(r"mask left out \((\d+) of 64 so far\)", line)[1] for line in named] == [
        str(known + k) for k in (1, 2, 3)
    ]
    assert len({re.search(r"/\d\d\.png", line)[0] for line in named}) == 3
    assert ["verbosity" in line for line in named] == [False, False, True]
    assert known + 3 < 10 and ten.endswith(": 10 of 64 masks left out so far")
    caplog.clear()
    draw(5, 1, 400)  # none is told twice
    assert "so far" not in caplog.text


def test_a_large_set_of_which_few_can_be_used(tmp_path, monkeypatch, caplog):
    save_large(tmp_path)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 10)
    monkeypatch.setattr(hole_files, "_LOOKED_AT", 16)
    monkeypatch.setattr(hole_files, "_PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr(hole_files, "_PART", 20)
    with caplog.at_level(logging.INFO, "tfinpaint"):
        made = file_holes(plain(tmp_path, ratio=(0.9, 0.92)), 32)(0, 0, 8).numpy()
    assert (made.sum((1, 2, 3)) == 29 * 32).all()
    assert "20 of 40 masks read" in caplog.text and "40 of 40 masks read" in caplog.text
    with pytest.raises(SettingsError, match="no mask has a share of holes within 0.001,0.01"):
        file_holes(plain(tmp_path, ratio=(0.001, 0.01)), 32)


def test_the_limit_on_megapixels_is_that_of_the_settings(tmp_path):
    hole = np.zeros((1100, 1000), np.uint8)
    hole[:500] = 255
    save(tmp_path / "a.png", hole)
    with pytest.raises(SettingsError, match="1.1 megapixels: more than `max_megapixels=1`"):
        file_holes(plain(tmp_path, max_megapixels=1), 32)
    np.testing.assert_array_equal(
        file_holes(plain(tmp_path, max_megapixels=2), 32)(0, 0, 1).numpy()[0, ::8, 0, 0],
        [1, 1, 0, 0],
    )

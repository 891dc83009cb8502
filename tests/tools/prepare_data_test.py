"""tools.prepare_data, and training on what it makes.

Only the tests of the command itself need Apache Beam: a shard is made by a function.
"""

import csv
import dataclasses
import hashlib
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

import tfinpaint
from tfinpaint.big_jobs import shards, shards_finished
from tfinpaint.data.batches import named_squares, resized, training_batches
from tfinpaint.data.photo_shards import PhotoShards, shard_name
from tfinpaint.data.photos import open_photos
from tfinpaint.photo import folders, read_photo
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training import train
from tfinpaint.training.sanity_checks import check_photos
from tools import prepare_data

ROOT = pathlib.Path(__file__).resolve().parents[2]
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="Apache Beam (the extra `beam`) is not installed",
)


def photograph(path, seed, height=40, width=60, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Nine photographs, two of them damaged, one turned, one grey."""
    photos = tmp_path / "photos"
    for number in range(7):
        photograph(photos / f"{number}.png", number, 40 + 3 * number)
    (photos / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph(photos / "deep/turned.jpg", 8, exif=exif)
    (photos / "deep/broken.jpg").write_bytes(b"\xff\xd8\xff")
    Image.fromarray(np.full((50, 50), 99, np.uint8)).save(photos / "grey.webp", lossless=True)
    return photos


def made(folder, output, licences=None, **how):
    """Makes a data set without Beam."""
    plan = shards.begin(str(folder), str(output), shards.Preparing(**how))
    for shard in range(plan.shards):
        shards.make_shard(shard, plan)
    return shards_finished.finish(plan, licences or {})


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_shards_hold_what_a_folder_does_in_its_order(folder, tmp_path):
    assert made(folder, tmp_path / "made", per_shard=3) == {
        "stored": 8,
        "bad": 2,
        "unlicensed": 8,
    }
    photos = open_photos(f"shards:{tmp_path}/made")
    paths = [path for path in folders.list_photos(str(folder)) if "1.png" not in path]
    paths = [path for path in paths if "broken" not in path]
    assert photos.names == [folders.inside(path, str(folder)) for path in paths]
    for index, path in enumerate(paths):
        np.testing.assert_array_equal(photos.read(index), read_photo(path).pixels)
        assert photos.size(index) == photos.read(index).shape[1::-1]
    assert photos.read(photos.names.index("deep/turned.jpg")).shape == (60, 40, 3)


def test_a_folder_without_photographs_is_named_with_its_flag(tmp_path):
    (tmp_path / "empty").mkdir()
    for name, words in (("empty", " has no photographs"), ("nowhere", ": There is no folder ")):
        with pytest.raises(SettingsError, match=f"^`photographs='.*{name}'`{words}"):
            made(tmp_path / name, tmp_path / "made")
    assert not (tmp_path / "made.partial").exists()


def test_the_manifest_and_the_list_of_damaged_ones(folder, tmp_path):
    licences = {"0.png": {"author": "A. Author", "licence": "CC0", "from": "here", "path": "x"}}
    made(folder, tmp_path / "made", licences, per_shard=3)
    manifest = rows(tmp_path / "made/manifest.csv")
    for row in manifest:
        content = (folder / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert int(row["bytes"]) == len(content)
    assert manifest[0]["author"] == "A. Author" and manifest[0]["licence"] == "CC0"
    assert manifest[1]["licence"] == ""
    # photographs 0 to 2, less the damaged one, are in shard 0
    assert [row["shard"] for row in manifest] == [*"00", *"111", *"22", "3"]
    assert [row["record"] for row in manifest] == [*"01", *"012", *"01", "0"]
    bad = rows(tmp_path / "made/bad.csv")
    assert [row["file"] for row in bad] == ["1.png", "deep/broken.jpg"]
    assert all("cannot be read" in row["reason"] for row in bad)


def test_names_with_line_ends_keep_to_their_photographs(tmp_path):
    names = ["a\r1.png", "b\n2.png", "c\r\n3.png", 'd"4".png', "e.png"]
    for number, name in enumerate(names):
        photograph(tmp_path / "photos" / name, number)
    (tmp_path / "photos/x\ry.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    made(tmp_path / "photos", tmp_path / "made")
    photos = open_photos(f"shards:{tmp_path}/made")
    assert photos.names == names and len(photos) == 5
    for index, name in enumerate(names):
        pixels = read_photo(str(tmp_path / "photos" / name)).pixels
        np.testing.assert_array_equal(photos.read(index), pixels)
    assert [row["file"] for row in rows(tmp_path / "made/bad.csv")] == ["x\ry.png"]
    manifest = (tmp_path / "made/manifest.csv").read_bytes()
    assert manifest.startswith(b"file,author,") and manifest.count(b"\r") == 2
    (tmp_path / "made/manifest.csv").write_bytes(manifest + b"f.png\n")
    with pytest.raises(SettingsError, match="manifest.csv has 6 rows for 5 photographs"):
        list(open_photos(f"shards:{tmp_path}/made").names)


def test_a_stored_photograph_is_read_whatever_its_size(tmp_path, monkeypatch):
    photograph(tmp_path / "photos/a.png", 0)
    made(tmp_path / "photos", tmp_path / "made")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses twice as many, 40x60 too
    pixels = open_photos(f"shards:{tmp_path}/made").read(0)
    np.testing.assert_array_equal(pixels, read_photo(str(tmp_path / "photos/a.png")).pixels)


def test_tensorflow_datasets_reads_the_folder(folder, tmp_path):
    for name in ("2.png", "3.png", "4.png"):  # a shard without any
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    made(folder, tmp_path / "made", per_shard=3, shorter_side=20)
    builder = tfds.builder_from_directory(str(tmp_path / "made"))
    photos = open_photos(f"shards:{tmp_path}/made")
    read = list(tfds.as_numpy(builder.as_dataset(split="train", shuffle_files=False)))
    assert [example["file"].decode() for example in read] == photos.names
    for index, example in enumerate(read):
        np.testing.assert_array_equal(example["image"], photos.read(index))
    assert builder.info.splits["train"].num_examples == len(photos) == 5
    prepared = json.loads((tmp_path / "made/prepared.json").read_text())
    assert prepared["shorter_side"] == 20 and str(tmp_path) not in json.dumps(prepared)


def test_resized_as_training_does_it_and_none_enlarged(folder, tmp_path):
    made(folder, tmp_path / "made", shorter_side=45)
    photos = open_photos(f"shards:{tmp_path}/made")
    for name, index in zip(photos.names, range(len(photos))):
        pixels = read_photo(str(folder / name)).pixels
        small = min(pixels.shape[:2]) <= 45
        np.testing.assert_array_equal(photos.read(index), pixels if small else resized(pixels, 45))
    made(folder, tmp_path / "jpeg", encoding="jpeg")
    other = open_photos(f"shards:{tmp_path}/jpeg").read(0)
    difference = np.abs(other.astype(int) - read_photo(str(folder / "0.png")).pixels)
    assert 0 < difference.mean() < 10


@pytest.mark.slow
@pytest.mark.parametrize("shorter_side", [0, 36])
def test_training_sees_the_squares_of_the_folder(folder, tmp_path, shorter_side):
    """With the same photographs: batch for batch, and from any step on."""
    for name in ("1.png", "deep/broken.jpg"):  # a folder has others stand in for these
        (folder / name).unlink()
    made(folder, tmp_path / "made", per_shard=3, shorter_side=shorter_side)

    def batches(source, first, count):
        how = PhotoSettings(source, 32, resize=36)
        found = training_batches(how, HoleSettings("box"), 3, seed=5, start_step=first)
        return [(images.numpy(), holes.numpy()) for images, holes in found.take(count)]

    whole = batches(f"folder:{folder}", 0, 8)
    np.testing.assert_equal(batches(f"shards:{tmp_path}/made", 0, 8), whole)
    np.testing.assert_equal(batches(f"shards:{tmp_path}/made", 5, 3), whole[5:])
    side = shorter_side or 32
    evaluated = [
        list(named_squares(open_photos(source), side, 4))
        for source in (f"folder:{folder}", f"shards:{tmp_path}/made")
    ]
    np.testing.assert_equal(*evaluated)


@pytest.mark.slow
def test_a_resumed_run_on_shards_equals_one_that_was_not_stopped(folder, tmp_path):
    made(folder, tmp_path / "made", per_shard=3)
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings(f"shards:{tmp_path}/made", image_size=32),
        HoleSettings("box"),
        system_settings=(("width", 4), ("depth", 4)),
        batch_size=2,
        steps=4,
        perceptual_weights="none",
        eval_count=1,
        sample_every=0,
    )
    train(settings, str(tmp_path / "whole"))
    train(dataclasses.replace(settings, steps=2), str(tmp_path / "stopped"))
    train(settings, str(tmp_path / "stopped"), resume=True)
    whole, stopped = (
        tfinpaint.load(str(tmp_path / name)).system.generator.variables
        for name in ("whole", "stopped")
    )
    for one, other in zip(whole, stopped, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_changed_record_is_one_damaged_photograph(folder, tmp_path, caplog):
    made(folder, tmp_path / "made", per_shard=3)
    path = tmp_path / "made" / shard_name(1, 4)
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    photos = open_photos(f"shards:{tmp_path}/made")
    first, _, second, third = (photos.read(index) for index in (2, 2, 3, 4))
    np.testing.assert_array_equal(first, second)  # the next one stands in
    assert len(caplog.messages) == 1 and shard_name(1, 4) in caplog.messages[0]
    assert "its record is not the one written" in caplog.messages[0]
    assert photos.read_or_none(2) is None and third.shape != second.shape


@pytest.mark.parametrize("fault", ["cut", "missing", "index", "none", "unfinished"])
def test_a_folder_that_is_not_whole_is_refused(folder, tmp_path, fault):
    output, words = tmp_path / "made", "is missing or was cut off"
    if fault == "unfinished":
        shards.begin(str(folder), str(output), shards.Preparing())
        words = "it is not finished"
    elif fault == "none":
        words = "no such folder, or none that tools.prepare_data made"
    else:
        made(folder, output, per_shard=3)
        shard = output / shard_name(2, 4)
        if fault == "cut":
            shard.write_bytes(shard.read_bytes()[:-1])
        elif fault == "missing":
            shard.unlink()
        else:
            (output / "index.npz").write_bytes((output / "index.npz").read_bytes()[:-200])
            words = "index.npz cannot be read"
    with pytest.raises(SettingsError, match=words):
        open_photos(f"shards:{output}")


def test_photographs_of_validation_that_are_trained_on_are_found(folder, tmp_path):
    made(folder, tmp_path / "train")
    made(folder / "deep", tmp_path / "val")
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings(f"shards:{tmp_path}/train", image_size=32),
        HoleSettings("box"),
        eval_data=f"shards:{tmp_path}/val",
    )
    found = check_photos(settings, open_photos(settings.photos.source))
    assert any("1 of 1 photographs of `eval_data=" in line for line in found), found


def test_a_large_set_opens_at_once(tmp_path):
    """An index of a million photographs: nothing is read but the index."""
    count = 10**6
    (tmp_path / shard_name(0, 1)).write_bytes(b"")
    np.savez(
        tmp_path / "index.npz",
        version=1,
        shard=np.zeros(count, np.int32),
        offset=np.zeros(count, np.int64),
        length=np.zeros(count, np.int64),
        size=np.zeros((count, 2), np.int32),
        stored=np.zeros((count, 32), np.uint8),
        source=np.zeros((count, 32), np.uint8),
        shard_bytes=np.zeros(1, np.int64),
    )
    start = time.process_time()
    assert len(open_photos(f"shards:{tmp_path}")) == count
    assert time.process_time() - start < 2


# -------------------------------------------------------------------------------------- the command


@pytest.fixture
def run(command_line, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_data, "_BEAM", [])
    usual = [f"--photographs={folder}", f"--output={tmp_path}/made", "--per_shard=3"]
    return lambda *arguments: command_line(prepare_data.main, *usual, *arguments)


@needs_beam
def test_the_command(run, folder, tmp_path):
    (tmp_path / "licences.csv").write_text(
        "file,author,licence,from,path\n0.png,A,CC0,here,there\n"
    )
    status, out, err = run(f"--licences={tmp_path}/licences.csv")
    assert status == 0, err
    assert out.startswith("8 photographs in 4 shards in ") and "2 could not be read" in out
    assert err == "tfinpaint: warning: 7 photographs without a licence in the table\n"
    made(folder, tmp_path / "other", {"0.png": rows(tmp_path / "licences.csv")[0]}, per_shard=3)
    for path in (tmp_path / "other").iterdir():
        if path.suffix != ".npz":
            assert (tmp_path / "made" / path.name).read_bytes() == path.read_bytes(), path.name
    ours, theirs = (np.load(tmp_path / name / "index.npz") for name in ("made", "other"))
    np.testing.assert_equal(dict(ours), dict(theirs))
    status, _, err = run()
    assert status == 1 and "is there already" in err


@needs_beam
def test_what_was_begun_goes_on(run, folder, tmp_path):
    plan = shards.begin(str(folder), f"{tmp_path}/made", shards.Preparing(per_shard=3))
    shards.make_shard(1, plan)
    path = pathlib.Path(plan.partial) / shard_name(1, 4)
    before = path.stat().st_mtime_ns
    status, _, err = run("--shorter_side=20")
    assert status == 1 and "begun with other photographs or settings (shorter_side)" in err
    status, _, err = run()
    assert status == 0, err
    assert (tmp_path / "made" / shard_name(1, 4)).stat().st_mtime_ns == before
    assert not os.path.exists(plan.partial) and len(PhotoShards(f"{tmp_path}/made")) == 8


def test_a_name_that_a_manifest_cannot_hold_is_told_at_once(folder, tmp_path):
    os.link(folder / "0.png", os.fsencode(str(folder)) + b"/\xff.png")
    with pytest.raises(SettingsError, match="is no UTF-8, which a manifest needs: rename it"):
        made(folder, tmp_path / "made")
    assert sorted(os.listdir(tmp_path)) == ["photos"]


@needs_beam
@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--photographs="], "--photographs is missing"),
        (["--photographs=nowhere"], "no folder nowhere"),
        (["--licences=nowhere.csv"], "--licences=nowhere.csv cannot be read"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, arguments, words):
    status, _, err = run(*arguments)
    assert status == 1 and words in err and err.count("\n") == 1
    assert not (tmp_path / "made.partial").exists()


@needs_beam
def test_a_disk_that_cannot_be_written_ends_the_run_in_one_line(run, tmp_path, monkeypatch):
    def replacing(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.atomic, "replacing", replacing)
    status, _, err = run()
    assert status == 1 and err.count("\n") == 1 and "cannot be written: the disk is full" in err
    assert not (tmp_path / "made").exists()


@needs_beam
@pytest.mark.slow
def test_killed_half_way_and_started_again_by_two_processes(tmp_path):
    for number in range(60):
        photograph(tmp_path / f"photos/{number:02d}.png", number, 300, 400)

    def start(*beams):
        arguments = [
            *(sys.executable, "-m", "tools.prepare_data", f"--photographs={tmp_path}/photos"),
            *(f"--output={tmp_path}/made", "--per_shard=2", "--shorter_side=200", "--", *beams),
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(arguments, cwd=ROOT, **pipes)

    process, done = start(), tmp_path / "made.partial/done"
    while not done.is_dir() or len(list(done.glob("[0-9]*.json"))) < 8:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    times = {
        path.stem: (done.parent / shard_name(int(path.stem), 30)).stat().st_mtime_ns
        for path in done.glob("[0-9]*.json")
    }
    assert 8 <= len(times) < 30 and not (tmp_path / "made").exists()
    assert json.loads((done / "00000.json").read_text())
    process = start("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    out, err = process.communicate()
    assert process.returncode == 0 and out.startswith("60 photographs in 30 shards"), err
    for shard, when in times.items():
        assert (tmp_path / "made" / shard_name(int(shard), 30)).stat().st_mtime_ns == when
    photos = PhotoShards(str(tmp_path / "made"))
    for index in range(60):
        pixels = read_photo(str(tmp_path / f"photos/{index:02d}.png")).pixels
        np.testing.assert_array_equal(photos.read(index), resized(pixels, 200))

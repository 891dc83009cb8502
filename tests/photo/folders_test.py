"""Folders of photographs: what is found by content, what is passed over, and what is said of it."""

import logging
import os

import numpy as np
import pytest
from changed import changed
from PIL import Image

from tfinpaint.photo import folders
from tfinpaint.photo.folders import list_photos, look_through, stem
from tfinpaint.settings import SettingsError
from tfinpaint.wording import counted, shown


def save(path, kind="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 9, 3), 77, np.uint8)).save(path, kind, **options)
    return path


KINDS = ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "JPEG2000", "MPO"] + ["AVIF"] * (
    "AVIF" in Image.registered_extensions().values()
)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_without_an_ending_are_found_by_their_first_bytes(tmp_path, kind):
    for name in ("none", "a.2024", "b.txt"):
        save(tmp_path / name, kind)
    assert look_through(str(tmp_path)).paths == [
        str(tmp_path / name) for name in ("a.2024", "b.txt", "none")
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BM",
        b"BMW is a make of cars, and this is a text about them",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2mp41",
        b"\xff\xd8",
        b"%PDF-1.7",
        b"PK\x03\x04",
        bytes(40),
    ],
)
def test_other_files_are_not_pictures(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    found = look_through(str(tmp_path))
    assert found.paths == []
    assert found.passed_over == {folders.NO_PICTURE: [str(tmp_path / "x")]}


@pytest.mark.parametrize("name", ["a.JFIF", "b.jpe", "c.avif", "d.heic", "e.jp2", "f.jxl"])
def test_a_known_ending_is_not_looked_into(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"the reader decides")
    monkeypatch.setattr(folders, "_head", lambda path: pytest.fail(path))
    assert look_through(str(tmp_path)).paths == [str(tmp_path / name)]


def test_what_cannot_be_reached_is_named_and_the_rest_goes_on(tmp_path, monkeypatch, caplog):
    save(tmp_path / "a/1.png")
    save(tmp_path / "closed/2.png")
    save(tmp_path / "c/3.png")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "c/round").symlink_to(tmp_path)
    (tmp_path / "c/again.png").symlink_to(tmp_path / "a/1.png")
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    (tmp_path / "raw.NEF").write_bytes(b"MM\0*")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(folders, "os", changed(os, scandir=scandir))
    with caplog.at_level(logging.DEBUG, "tfinpaint"):
        paths = list_photos(str(tmp_path))
    assert paths == [str(tmp_path / name) for name in ("a/1.png", "c/3.png", "c/again.png")] or (
        paths == [str(tmp_path / name) for name in ("a/1.png", "c/again.png", "c/3.png")]
    )
    warnings = {r.getMessage() for r in caplog.records if r.levelno == logging.WARNING}
    begins = f"{tmp_path}: "
    assert warnings == {
        f"{begins}2 files left out (a link that leads nowhere): gone.jpg, itself",
        f"{begins}1 file left out (a folder that cannot be read): closed",
        f"{begins}1 file left out (a pipe or a device): pipe.png",
        f"{begins}1 file left out ({folders.RAW}): raw.NEF",
    }
    named = [r.getMessage() for r in caplog.records if r.levelno == logging.DEBUG]
    assert len(named) == 5 and any(line.endswith("/gone.jpg") for line in named)
    caplog.clear()
    assert list_photos(str(tmp_path)) == paths and not caplog.messages  # said once


def test_many_of_a_kind_are_one_line(tmp_path, caplog):
    for k in range(9):
        (tmp_path / f"{k}.txt").write_text("words")
    with caplog.at_level(logging.INFO, "tfinpaint"):
        assert list_photos(str(tmp_path)) == []
    assert caplog.messages == [
        f"{tmp_path}: 9 files left out (not a picture): 0.txt, 1.txt, 2.txt, ..."
    ]


def test_a_folder_that_cannot_be_used(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="There is no folder .*nowhere"):
        look_through(str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="is not a folder"):
        look_through(str(save(tmp_path / "a.png")))

    def scandir(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(folders, "os", changed(os, scandir=scandir))
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        look_through(str(tmp_path))


def test_names_of_any_bytes(tmp_path):
    for name in (b"caf\xe9.png", b"two\nlines.png", b"\xff"):
        save(tmp_path / os.fsdecode(name))
    paths = look_through(str(tmp_path)).paths
    assert {os.path.basename(os.fsencode(path)) for path in paths} == {
        b"caf\xe9.png",
        b"two\nlines.png",
        b"\xff",
    }
    assert all(shown(path).encode("utf-8") for path in paths)


def test_a_stem_is_without_the_ending_of_a_picture_alone():
    assert [stem(path) for path in ("a/b.JPG", "b.2024", "c", "d.tar.png", "e.jfif")] == [
        "a/b",
        "b.2024",
        "c",
        "d.tar",
        "e",
    ]


def test_words():
    assert (counted(1, "photograph"), counted(0, "photograph")) == ("1 photograph", "0 photographs")
    assert (counted(1, "entry"), counted(2, "entry")) == ("1 entry", "2 entries")
    assert shown("caf\udce9\n\x1b[1m \u00e9") == "caf\ufffd\ufffd\ufffd[1m \u00e9"


def test_a_large_folder_shows_how_far_it_is(tmp_path, monkeypatch, caplog):
    for k in range(3):
        save(tmp_path / f"{k}/a.png")
    monkeypatch.setattr(folders, "_PROGRESS_SECONDS", -1.0)
    with caplog.at_level(logging.INFO, "tfinpaint"):
        look_through(str(tmp_path))
    assert caplog.messages == [
        f"{tmp_path}: {count} so far"
        for count in ("0 photographs", "1 photograph", "2 photographs", "3 photographs")
    ]

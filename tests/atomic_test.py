"""Files are either whole or absent, whatever stops their writer."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

from tfinpaint import atomic


def test_text_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "settings.json"
    atomic.write_text(str(path), "old")
    atomic.write_text(str(path), "né\n")
    assert path.read_bytes() == "né\n".encode() and os.listdir(tmp_path) == ["settings.json"]


def test_what_is_written_is_not_there_before_it_is_whole(tmp_path):
    path = tmp_path / "a.png"
    with atomic.replacing(str(path)) as beside:
        assert os.path.dirname(beside) == str(tmp_path) and beside.endswith(".png")
        assert os.path.basename(beside).startswith(".")  # hidden from anyone who lists photographs
        with open(beside, "wb") as f:
            f.write(b"half")
            assert not path.exists()
            f.write(b" and half")
    assert path.read_bytes() == b"half and half"


def test_an_error_leaves_the_old_content(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.replacing_all(list(map(str, paths))) as places:
        for place in places:
            with open(place, "w") as f:
                f.write("new")
        raise ZeroDivisionError
    assert [path.read_text() for path in paths] == ["old", "old"]
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


def test_a_process_that_ends_in_the_middle_leaves_the_old_content(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    program = (
        "import os, sys; from tfinpaint import atomic\n"
        "with atomic.replacing(sys.argv[1]) as beside:\n"
        "    open(beside, 'w').write('half'); os._exit(9)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "a.txt")], check=False
        ).returncode
        == 9
    )
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_takes_the_place_of_an_empty_one_only(tmp_path):
    (tmp_path / "run").mkdir()
    with atomic.replacing(str(tmp_path / "run")) as beside:
        os.makedirs(beside)
        atomic.write_text(os.path.join(beside, "flags.txt"), "--a")
    assert os.listdir(tmp_path) == ["run"] and os.listdir(tmp_path / "run") == ["flags.txt"]
    with pytest.raises(OSError), atomic.replacing(str(tmp_path / "run")) as beside:
        os.makedirs(os.path.join(beside, "checkpoints"))
    assert os.listdir(tmp_path) == ["run"] and os.listdir(tmp_path / "run") == ["flags.txt"]


def test_names_may_be_as_long_as_names_can_be(tmp_path):
    for name in ("x" * 251 + ".txt", "ü" * 125 + ".txt"):
        atomic.write_text(str(tmp_path / name), name)
        assert (tmp_path / name).read_text() == name


def test_two_who_write_one_file_do_not_meet(tmp_path):
    path = str(tmp_path / "a.txt")
    with atomic.replacing(path) as one, atomic.replacing(path) as other:
        assert one != other
        for place, text in ((one, "one"), (other, "other")):
            with open(place, "w") as f:
                f.write(text)
    assert (tmp_path / "a.txt").read_text() == "one"  # it is renamed last


def test_folders_that_were_made_for_a_failure_are_gone_and_others_stay(tmp_path):
    (tmp_path / "old").mkdir()
    for place in ("old", "old/new", "old/new/deep"):
        with pytest.raises(ZeroDivisionError), atomic.folder(str(tmp_path / place)):
            assert (tmp_path / place).is_dir()
            raise ZeroDivisionError
        assert os.listdir(tmp_path) == ["old"] and os.listdir(tmp_path / "old") == []
    with pytest.raises(ZeroDivisionError), atomic.folder(str(tmp_path / "old" / "new" / "deep")):
        (tmp_path / "old" / "new" / "kept").touch()
        raise ZeroDivisionError
    assert os.listdir(tmp_path / "old" / "new") == ["kept"]
    with atomic.folder(str(tmp_path / "old" / "new" / "deep")):
        pass
    assert sorted(os.listdir(tmp_path / "old" / "new")) == ["deep", "kept"]
    with pytest.raises(OSError), atomic.folder(str(tmp_path / "old" / "new" / "kept" / "a")):
        pass


def test_a_folder_that_another_thread_is_about_to_use_stays(tmp_path):
    place = str(tmp_path / "new")
    with contextlib.ExitStack() as other:
        with pytest.raises(ZeroDivisionError), atomic.folder(place):
            other.enter_context(atomic.folder(place))
            raise ZeroDivisionError
        atomic.write_text(os.path.join(place, "a.txt"), "there")
    with pytest.raises(ZeroDivisionError), atomic.folder(str(tmp_path / "next")):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["new"] and os.listdir(place) == ["a.txt"]


def test_a_file_is_written_beside_its_place_behind_a_link(tmp_path):
    """link/.. is the folder that holds what the link points to."""
    (tmp_path / "disk/photos").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk/photos")
    path = str(tmp_path / "link/../a.txt")
    with atomic.replacing(path) as beside:
        assert os.path.dirname(beside) == str(tmp_path / "disk")
        pathlib.Path(beside).write_text("there")
    assert (tmp_path / "disk/a.txt").read_text() == "there"

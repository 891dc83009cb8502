"""Flagfiles in every encoding that editors write, and what is said of one that cannot be read."""

import os
import pathlib

import pytest

from tfinpaint import inpaint, train
from tfinpaint.settings import SettingsError, flagfiles

TEXT = "# a comment, äöü\r\n\r\n--steps=7\r\n  --run_dir=runs/été  \r\n// another\r\n--seed 5\r\n"
FLAGS = ["--steps=7", "--run_dir=runs/été", "--seed 5"]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"])
def test_encodings_and_line_ends(tmp_path, encoding, ends):
    path = tmp_path / "a.flags"
    path.write_bytes(TEXT.replace("\r\n", ends).encode(encoding))
    found, places = flagfiles.expand(["train", "--resume", f"--flagfile={path}", "--steps=9"])
    assert found == ["train", "--resume", *FLAGS, "--steps=9"]
    assert dict(places)["--run_dir=runs/été"] == f"{path}, line 4"


def test_both_byte_orders_with_their_mark(tmp_path):
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        (tmp_path / "a").write_bytes(mark + TEXT.encode(encoding))
        assert flagfiles.expand(["x", "-flagfile", str(tmp_path / "a")])[0] == ["x", *FLAGS]
    (tmp_path / "a").write_bytes(("\ufeff" + TEXT).encode("utf-16"))  # two marks
    assert flagfiles.expand(["x", "-flagfile", str(tmp_path / "a")])[0] == ["x", *FLAGS]


def test_files_within_files_and_where_flags_end(tmp_path):
    (tmp_path / "b").write_text("--seed=1\n")
    (tmp_path / "a").write_text(f"--steps=1\n--flagfile={tmp_path}/b\n--steps=2\n")
    found, places = flagfiles.expand(
        ["x", f"--flagfile={tmp_path}/a", "--", f"--flagfile={tmp_path}/a"]
    )
    assert found == [
        "x", "--steps=1", "--seed=1", "--steps=2", "--", f"--flagfile={tmp_path}/a"
    ]  # fmt: skip
    assert dict(places)["--seed=1"] == f"{tmp_path}/b, line 1"
    assert flagfiles.expand(["x", "word", "--flagfile=nix"])[0] == ["x", "word", "--flagfile=nix"]
    (tmp_path / "b").write_text(f"--flagfile={tmp_path}/a\n")
    with pytest.raises(SettingsError, match="names itself"):
        flagfiles.expand(["x", f"--flagfile={tmp_path}/a"])


def test_bytes_of_a_name_that_is_not_utf8_are_kept(tmp_path):
    (tmp_path / "a").write_bytes(b"--train_data=folder:caf\xe9\n")
    (argument,) = flagfiles.expand(["x", f"--flagfile={tmp_path}/a"])[0][1:]
    assert os.fsencode(argument) == b"--train_data=folder:caf\xe9"


@pytest.mark.parametrize(
    "content, words",
    [
        (b"\xff\xfe-\0-\0s", "UTF-16-LE, which its first bytes say"),
        (b"\x89PNG\0\0", "byte of zero"),
        (b"--a=1\n" * 400000, "larger than a megabyte"),
        (None, "No such file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, words):
    path = tmp_path / "a.flags"
    if content:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"--flagfile={path} .*{words}"):
        flagfiles.expand(["x", f"--flagfile={path}"])
    with pytest.raises(SettingsError, match=f"--flagfile={tmp_path} cannot be read: Is a dir"):
        flagfiles.expand(["x", f"--flagfile={tmp_path}"])


@pytest.mark.parametrize(
    "line, words",
    [
        ("--batch_size=many", "many"),
        ("--batchsize=3", "Unknown command line flag 'batchsize'"),
        ("--schedule=never", "never"),
        ("steps=3", "'steps=3' is not a flag"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_wrong_flag_is_named_with_its_file_and_line(
    tmp_path, command_line, line, words, encoding
):
    path = tmp_path / "a.flags"
    path.write_bytes(f"# of an editor\n--seed=1\n{line}\n".encode(encoding))
    status, out, err = command_line(train.main, f"--flagfile={path}", "--run_dir=x")
    assert status == 1 and out == "" and len(err.splitlines()) == 1
    assert words in err and f"({path}, line 3)" in err


def test_a_wrong_flag_of_the_command_line_names_no_file(tmp_path, command_line):
    (tmp_path / "a.flags").write_text("--feather=1\n")
    err = command_line(inpaint.main, f"--flagfile={tmp_path}/a.flags", "--fether=2")[2]
    assert "fether" in err and "a.flags" not in err


@pytest.mark.parametrize(
    "given, said, place",
    [
        (["--flagfile={a}", "--steps=abc"], "flag --steps=abc: a whole number is needed", ""),
        (["--flagfile={a}", "--steps", "abc"], "flag --steps=abc: a whole number is needed", ""),
        (["--flagfile={a}", "--steps"], "Missing value for flag --steps", ""),
        (["--flagfile={a}", "--flagfile={b}"], "flag --steps=b: a whole", " ({b}, line 2)"),
        (["--flagfile={b}", "--flagfile={a}"], "flag --steps=b: a whole", " ({b}, line 2)"),
        (["--flagfile={b}", "--steps=3"], "flag --steps=b: a whole", " ({b}, line 2)"),
        (["--flagfile={b}", "--steps=b"], "flag --steps=b: a whole", " ({b}, line 2)"),
        (["--steps=b", "--flagfile={b}"], "flag --steps=b: a whole", ""),
        (["--stepz=1", "--flagfile={c}"], "Unknown command line flag 'stepz'", ""),
        (["--flagfile={c}", "--stepz=1"], "Unknown command line flag 'stepz'", " ({c}, line 1)"),
    ],
)
def test_a_flag_that_is_given_twice_is_named_where_it_is_wrong(
    tmp_path, command_line, given, said, place
):
    names = {name: str(tmp_path / name) for name in "abc"}
    (tmp_path / "a").write_text("--steps=1\n")
    (tmp_path / "b").write_text("--seed=1\n--steps=b\n")
    (tmp_path / "c").write_text("--stepz=2\n")
    status, _, err = command_line(train.main, *(flag.format(**names) for flag in given))
    assert status == 1 and err.startswith(f"tfinpaint: {said}")
    assert err.endswith(f"{place.format(**names)} (--help lists the flags)\n")
    assert place or str(tmp_path) not in err


def test_a_mistake_on_the_command_line_is_not_blamed_on_a_config(command_line):
    config = pathlib.Path(__file__).parents[2] / "configs/default.flags"
    assert "\n--steps=" in config.read_text()
    err = command_line(train.main, f"--flagfile={config}", "--steps=abc")[2]
    assert "--steps=abc" in err and "default.flags" not in err

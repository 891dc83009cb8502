"""The list of photographs: one split, sorted, with all that an attribution needs.

What cannot be used is refused before anything is written.
"""

import csv
import pathlib
import subprocess
import sys

import pytest
from shared import SHARED, needs_shared

from tfinpaint.settings import SettingsError
from tools import attribution

HEAD = "file,split,licence,author,from,path,note\n"
ROWS = (
    "b.jpg,train,CC BY 2.0,,github:a/b,x/b.jpg,n\n"
    "a.jpg,train,CC0,Jos\u00e9 \u00c5,github:a/b,x/a.jpg,\n"
)
ROWS += "c.jpg,val,CC0,C,github:a/b,c.jpg,\n"
ROOT = pathlib.Path(__file__).parents[2]


def table(tmp_path, text):
    path = tmp_path / "SOURCES.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_command_lists_one_split_and_names_what_lacks_an_author(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.attribution",
            f"--sources={table(tmp_path, HEAD + ROWS)}",
            f"--output={tmp_path / 'list.csv'}",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "list.csv").read_text("utf-8") == (
        "file,author,licence,from,path\na.jpg,Jos\u00e9 \u00c5,CC0,github:a/b,x/a.jpg\n"
        "b.jpg,,CC BY 2.0,github:a/b,x/b.jpg\n"
    )
    assert "2 photographs of 1 named authors, 2 licences: CC BY 2.0, CC0" in done.stdout
    assert "1 photograph without an author" in done.stderr and "b.jpg" in done.stderr


@pytest.mark.parametrize("left_out", ["sources", "output"])
def test_what_is_missing_is_named(tmp_path, command_line, left_out):
    given = {"sources": table(tmp_path, HEAD + ROWS), "output": str(tmp_path / "list.csv")}
    flags = [f"--{name}={path}" for name, path in given.items() if name != left_out]
    status, out, err = command_line(attribution.main, *flags)
    assert (status, out) == (1, "")
    assert err == f"tfinpaint: --{left_out} is missing: a table (.csv) of photographs\n"
    assert not (tmp_path / "list.csv").exists()


def test_a_table_of_a_spreadsheet_is_read_and_any_name_is_written(tmp_path):
    """One with a byte-order mark; a carriage return in a name stays in its cell."""
    row = '"a\r1.jpg",train,CC0,A,github:a/b,x/a.jpg,\n'
    rows = attribution.listed(table(tmp_path, "\ufeff" + HEAD + row), "train")
    attribution.write(rows, str(tmp_path / "list.csv"))
    with open(tmp_path / "list.csv", newline="", encoding="utf-8") as file:
        (found,) = csv.DictReader(file)
    assert found["file"] == "a\r1.jpg" and found["author"] == "A"


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,split\n", "has no column author"),
        (HEAD + ROWS.replace("train", "rest"), "--split is one of rest, val. Got 'train'"),
        (HEAD + "a.jpg,train,,A,github:a/b,x,\n", "a.jpg has no licence"),
        (
            HEAD + "a.jpg,train,CC0,A,/home/me/a.jpg,x,\n",
            "names a place on somebody's machine, '/home/me/a.jpg'",
        ),
        (
            HEAD + "a.jpg,train,CC0,A,github:a/b,C:\\me\\a.jpg,\n",
            "names a place on somebody's machine",
        ),
    ],
)
def test_what_is_no_list_of_sources_is_refused(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        attribution.listed(table(tmp_path, text), "train")


def test_files_that_cannot_be_read_or_written_are_told(tmp_path):
    with pytest.raises(SettingsError, match="--sources=.*nothing.csv cannot be read"):
        attribution.listed(str(tmp_path / "nothing.csv"), "train")
    with pytest.raises(SettingsError, match="--output=.* cannot be written"):
        attribution.write([], str(tmp_path / "no/list.csv"))


def test_the_list_of_this_project_has_an_entry_for_each_photograph_and_none_of_a_machine():
    with open(ROOT / "docs/training_photographs.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert len({row["file"] for row in rows}) == len(rows) > 1000
    assert all(row["licence"] and row["from"].startswith(("github:", "debian:")) for row in rows)
    assert not any(
        "SA" in row["licence"] or "NC" in row["licence"] or "ND" in row["licence"] for row in rows
    )


@needs_shared
def test_the_list_of_this_project_is_what_the_tool_writes(tmp_path):
    attribution.write(
        attribution.listed(str(SHARED / "photos/free/SOURCES.csv"), "train"),
        str(tmp_path / "list.csv"),
    )
    assert (tmp_path / "list.csv").read_bytes() == (
        ROOT / "docs/training_photographs.csv"
    ).read_bytes()
    photographs = {path.name for path in (SHARED / "photos/free/train").iterdir()}
    with open(tmp_path / "list.csv", newline="", encoding="utf-8") as f:
        assert {row["file"] for row in csv.DictReader(f)} == photographs

"""What a run came to, from the reports of evaluate to a small file and back to paired figures."""

import json
import subprocess

import numpy as np
import pytest
from changed import changed

from tfinpaint.settings import SettingsError
from tools.studies import measuring, records, results
from tools.studies.measuring import BLOCKS, COLUMNS, REFERENCES
from tools.studies.plan import FULL
from tools.studies.records import Record

NAME = "facades-full-musical-1"


def report(folder, models, names, steps=None, photos="photos"):
    """What evaluate writes, as far as the study reads it. models: {name: {column: values}}."""
    for kind, blocks in (("center", BLOCKS[:1]), ("strokes", BLOCKS[1:])):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        content = {
            "settings": {"data": f"folder:{photos}/free/val"},
            "versions": {"commit": None, "made": "2026-11-01T10:00:00+00:00", "tensorflow": "2.15"},
            "models": {name: {"steps": steps, "parameters": 2_500_000} for name in models},
            "blocks": [
                {
                    "title": title,
                    "photographs": names,
                    "models": {
                        name: {column: {"each": values} for column, values in columns.items()}
                        for name, columns in models.items()
                    },
                }
                for title in blocks
            ],
        }
        (folder / kind / "report.json").write_text(json.dumps(content))


def test_a_result_is_read_back_as_it_was_written_but_rounded(tmp_path):
    values = [17.123456, 0.012345678, None, 100.0, -3.0000049]
    names = [f"ä{k}.png" for k in range(5)]
    report(tmp_path / "run", {"run": {"psnr_in_hole": values}}, names, steps=900)
    record = measuring.of_run(str(tmp_path / "run"), NAME, 40.0)
    records.write(str(tmp_path / "new" / "results"), record)
    found = records.read(str(tmp_path / "new" / "results"), NAME)
    rounded = {"psnr_in_hole": [17.123, 0.012346, None, 100.0, -3.0]}
    assert found == Record(
        run=NAME,
        commit=None,
        date="2026-11-01T10:00:00+00:00",
        tensorflow="2.15",
        photographs=names,
        figures={block: rounded for block in BLOCKS},
        minutes=40.0,
        steps=900,
        parameters=2_500_000,
    )
    records.write(str(tmp_path / "new" / "results"), found)
    assert records.read(str(tmp_path / "new" / "results"), NAME) == found
    assert len(list((tmp_path / "new" / "results").iterdir())) == 1


def test_files_are_small(tmp_path):
    """A run on a hundred photographs, with all columns."""
    draw = np.random.default_rng(0)
    columns = {column: list(draw.uniform(0.01, 30, 100)) for column in COLUMNS}
    names = [f"photograph_{k:04d}.jpg" for k in range(100)]
    report(tmp_path / "run", {"run": columns}, names, steps=900)
    records.write(str(tmp_path), measuring.of_run(str(tmp_path / "run"), NAME, 40.0))
    assert (tmp_path / f"{NAME}.json").stat().st_size < 25_000


def test_references_have_their_figures_by_name(tmp_path):
    models = {name: {"psnr_in_hole": [k + 0.5]} for k, name in enumerate(REFERENCES)}
    report(tmp_path / "r", models, ["a.png"])
    name = records.reference_name("free")
    records.write(str(tmp_path), measuring.of_references(str(tmp_path / "r"), name))
    content = json.loads((tmp_path / "free-references.json").read_text())
    assert not {"minutes", "steps", "parameters", "commit"} & set(content)
    assert content["figures"]["mean"] == {block: {"psnr_in_hole": [2.5]} for block in BLOCKS}


def test_there_is_no_result_and_one_that_is_none(tmp_path):
    assert records.read(str(tmp_path), NAME) is None
    for text in ("{", "[]", '{"run": "a"}'):
        (tmp_path / f"{NAME}.json").write_text(text)
        with pytest.raises(SettingsError, match=f"--results: .*{NAME}.json is no result"):
            records.read(str(tmp_path), NAME)


def test_a_measured_model_is_left_if_it_is_at_the_same_step(tmp_path, monkeypatch):
    calls = []
    step, photos = 0, "photos"

    def evaluate(words, **_):
        calls.append(words)
        model = {"run": {"psnr_in_hole": [1.0]}}
        report(tmp_path, model, ["a.png"], steps=step, photos=photos)

    monkeypatch.setattr(measuring, "subprocess", changed(subprocess, run=evaluate))

    def measure(steps):
        calls.clear()
        measuring.measure(["run"], photos, "free", str(tmp_path), "", 0, steps)
        return len(calls)

    step = 900
    measuring.forget(str(tmp_path))
    assert measure(900) == 1  # nothing was there; the stand-in writes the reports of both kinds
    assert measure(900) == 0 and measure(1800) == 2 and measure(None) == 0
    photos = "others"
    assert measure(None) == 1 and measure(None) == 0  # of other photographs


def test_photographs_are_paired_by_name(tmp_path):
    """One that a system could not fill is left out; in which order they are does not matter."""
    names = [f"{k:02d}.png" for k in range(12)]
    report(tmp_path / "r", {"telea": {"psnr_in_hole": [float(k) for k in range(12)]}}, names)
    reference = records.reference_name("facades")
    records.write(str(tmp_path), measuring.of_references(str(tmp_path / "r"), reference))
    values = {"psnr_in_hole": [float(k) + 2 for k in range(11, 0, -1)]}
    report(tmp_path / "m", {"run": values}, names[:0:-1], steps=900)
    assert results.read(str(tmp_path)).finished == 0
    records.write(str(tmp_path), measuring.of_run(str(tmp_path / "m"), NAME, 40.0))
    found = results.read(str(tmp_path))
    assert found.finished == 1 and found.photographs == {"facades": names}
    for block in BLOCKS:
        other = found.difference("facades", FULL, "musical", "telea", block, "psnr_in_hole")
        assert other.mean[:4] == (2, 2, 2, 11)
        assert found.mean("facades", FULL, "musical", block, "lpips") is None

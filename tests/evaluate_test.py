"""The evaluate command as a user meets it: models and data in, four files out, one line for each mistake."""

import csv
import html.parser
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tfinpaint import evaluate


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("some & <photos>")
    rng = np.random.default_rng(0)
    for k in range(11):
        ramp = np.linspace(0, 150, 300).reshape(1, 300, 1) + rng.normal(40, 8, (256, 300, 3)) + 3 * k
        Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8)).save(folder / f"p{k}.png")
    return str(folder)


@pytest.fixture
def run(command_line):
    """run("--flag=value", ...) -> exit status, stdout, stderr."""
    return lambda *arguments: command_line(evaluate.main, *arguments)


@pytest.fixture
def report(run, photos, tmp_path):
    status, out, err = run("--model=mean,telea", f"--data=folder:{photos}", "--image_size=256", "--protocol=multistage", "--noreferences",
                           f"--output={tmp_path / 'report'}", "--batch_size=4")
    assert status == 0, err
    return tmp_path / "report", out


def test_four_files_and_the_text_on_the_screen(report):
    folder, out = report
    assert sorted(os.listdir(folder)) == ["report.csv", "report.html", "report.json", "report.txt"]
    text = (folder / "report.txt").read_text()
    assert text in out and str(folder / "report.html") in out


def test_the_header_states_every_convention(report):
    text = (report[0] / "report.txt").read_text()
    for word in ("multistage", "256 px", "11 of folder:", "51 x 51 uniform window", "range 0-255", "red and blue exchanged",
                 "whole picture", "composites", "95 %", "sets ", "EdgeConnect", "tensorflow 2.15"):
        assert word in text, word


def test_the_papers_figures_stand_beside_ours(report):
    text = (report[0] / "report.txt").read_text()
    block = text[text.index("== 30-40 %"):text.index("== 50-60 %")]
    assert "published, Table 4: Paris StreetView" in block and "25.81" in block and "31.08" not in block
    assert "0.8355" in (report[0] / "report.html").read_text()


def test_the_three_tables_agree(report):
    folder, _ = report
    data = json.loads((folder / "report.json").read_text())
    rows = list(csv.DictReader((folder / "report.csv").open()))
    assert len(rows) == 3 * 2 * 3
    text = (folder / "report.txt").read_text()
    for row in rows:
        block = next(b for b in data["blocks"] if b["title"] == row["block"])
        figure = block["models"][row["model"]][row["column"]]
        assert float(row["mean"]) == pytest.approx(figure["mean"], rel=1e-5)
        assert figure["mean"] == pytest.approx(np.mean(figure["each"]))
        assert len(figure["each"]) == len(block["photographs"]) == len(block["hole_shares"]) == int(row["photographs"]) == 11
        assert figure["low"] < figure["mean"] < figure["high"]
        shown = f"{figure['mean']:.{2 if row['unit'] == 'dB' else 4}f}"
        assert shown in text
        if row["model"] == "telea":
            other = block["models"]["mean"][row["column"]]
            assert float(row["difference"]) == pytest.approx(figure["mean"] - other["mean"], rel=1e-4)
    assert data["first_model"] == "mean" and data["settings"]["protocol"] == "multistage" and data["image_size"] == 256


def test_the_page_needs_nothing_but_itself(report):
    class Parser(html.parser.HTMLParser):
        sources, open_tags = [], []

        def handle_starttag(self, tag, attributes):
            assert tag != "script"
            self.sources += [value for name, value in attributes if name in ("src", "href", "srcset")]
            if tag not in ("meta", "img", "path", "circle", "br"):
                self.open_tags.append(tag)

        def handle_startendtag(self, tag, attributes):
            pass

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    page = (report[0] / "report.html").read_text()
    parser = Parser()
    parser.feed(page)
    assert not parser.open_tags
    assert len(parser.sources) == 3 * 2 * 3 * 3 and all(source.startswith("data:image/jpeg;base64,") for source in parser.sources)
    assert "some &amp; &lt;photos&gt;" in page and "<photos>" not in page


def test_another_size_than_the_papers_shows_no_published_figures(run, photos, tmp_path):
    status, out, _ = run("--model=mean", f"--data=folder:{photos}", "--image_size=64", "--protocol=multistage", f"--output={tmp_path}/r",
                         "--count=2")
    assert status == 0 and "published" not in out
    assert "[" not in out[out.index("=="):out.index("made 2")]  # two photographs give no intervals


def test_the_same_flags_make_the_same_table(run, photos, tmp_path):
    tables = []
    for name in "ab":
        status, _, _ = run("--model=telea", f"--data=folder:{photos}", "--image_size=64", "--ratio_bins=0.2-0.3",
                           f"--output={tmp_path / name}")
        assert status == 0
        tables.append((tmp_path / name / "report.csv").read_text())
    assert tables[0] == tables[1] and "20-30 %" in tables[0]


@pytest.mark.parametrize("flags,message", [
    (["--data=samples:"], "--output is missing"),
    (["--output=OUT"], "--data is missing"),
    (["--data=samples:", "--output=OUT", "--noreferences"], "--model is missing"),
    (["--data=samples:", "--output=OUT", "--holes=box"], "--holes is center, strokes"),
    (["--data=samples:", "--output=OUT", "--ratio_bins=0.1,0.2"], "--ratio_bins are shares LO-HI"),
    (["--data=samples:", "--output=OUT", "--ratio_bins=0.3-0.2"], "--ratio_bins are shares"),
    (["--data=pairs:x", "--output=OUT", "--holes=center"], "brings its own holes"),
    (["--data=pairs:x", "--output=OUT"], "no photograph NAME.png"),
    (["--data=nothing", "--output=OUT"], "--data is folder:PATH"),
    (["--data=samples:", "--output=OUT", "--protocol=other"], "protocol"),
    (["--data=samples:", "--output=OUT", "--model=gone"], "--model=gone"),
    (["--data=samples:", "--output=OUT.txt/report"], "OUT.txt is a file"),
])
def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path, flags, message):
    out = tmp_path / "report"
    (tmp_path / "report.txt").touch()
    status, _, err = run(*(flag.replace("OUT", str(out)) for flag in flags))
    lines = [line for line in err.splitlines() if line.startswith("tfinpaint")]
    assert status == 1 and len(lines) == 1 and message.replace("OUT", str(out)) in lines[0]
    assert not out.exists()


def test_a_broken_photograph_is_told_and_not_counted(run, photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    (folder / "p3.png").write_bytes(b"broken")
    status, out, err = run("--model=mean", f"--data=folder:{folder}", "--image_size=64", "--holes=center", f"--output={tmp_path}/r")
    assert status == 0 and "10 of folder" in out and "p3.png" in err

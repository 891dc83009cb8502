"""The evaluate command as a user meets it.

Models and data go in, four files come out, and each mistake is one line.
"""

import base64
import csv
import html.parser
import importlib.metadata
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tfinpaint import evaluate
from tfinpaint.data.batches import named_squares
from tfinpaint.data.photos import open_photos
from tfinpaint.evaluation import methods
from tfinpaint.metrics import quality, references
from tfinpaint.settings import SettingsError


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("some & <photos>")
    rng = np.random.default_rng(0)
    for k in range(11):
        ramp = (
            np.linspace(0, 150, 300).reshape(1, 300, 1) + rng.normal(40, 8, (256, 300, 3)) + 3 * k
        )
        Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8)).save(folder / f"p{k}.png")
    return str(folder)


@pytest.fixture
def run(command_line):
    """run("--flag=value", ...) -> exit status, stdout, stderr."""
    return lambda *arguments: command_line(evaluate.main, *arguments)


@pytest.fixture(scope="module")
def report(command_for_all, photos, tmp_path_factory):
    """The folder of a report, and what the command printed."""
    folder = tmp_path_factory.mktemp("report") / "report"
    status, out, err = command_for_all(
        evaluate.main,
        "--model=mean,telea",
        f"--data=folder:{photos}",
        "--image_size=256",
        "--protocol=multistage",
        "--noreferences",
        f"--output={folder}",
        "--batch_size=4",
    )
    assert status == 0, err
    return folder, out


def test_four_files_and_the_text_on_the_screen(report):
    folder, out = report
    assert sorted(os.listdir(folder)) == ["report.csv", "report.html", "report.json", "report.txt"]
    text = (folder / "report.txt").read_text()
    assert text in out and str(folder / "report.html") in out


def test_the_header_states_every_convention(report):
    text = (report[0] / "report.txt").read_text()
    for word in (
        "multistage", "256 px", "11 of folder:", "51 x 51 uniform window", "range 0-255",
        "red and blue exchanged", "whole picture", "composites", "95 %", ", set ", "EdgeConnect",
        f"tensorflow {importlib.metadata.version('tensorflow')}"):  # fmt: skip
        assert word in text, word


def test_the_papers_figures_stand_beside_ours(report):
    text = (report[0] / "report.txt").read_text()
    block = text[text.index("== 30-40 %") : text.index("== 50-60 %")]
    assert (
        "published, Table 4: Paris StreetView" in block
        and "25.81" in block
        and "31.08" not in block
    )
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
        assert (
            len(figure["each"])
            == len(block["photographs"])
            == len(block["hole_shares"])
            == int(row["photographs"])
            == 11
        )
        assert figure["low"] < figure["mean"] < figure["high"]
        shown = f"{figure['mean']:.{2 if row['unit'] == 'dB' else 4}f}"
        assert shown in text
        if row["model"] == "telea":
            other = block["models"]["mean"][row["column"]]
            assert float(row["difference"]) == pytest.approx(
                figure["mean"] - other["mean"], rel=1e-4
            )
    assert (
        data["first_model"] == "mean"
        and data["settings"]["protocol"] == "multistage"
        and data["image_size"] == 256
    )


def test_the_page_needs_nothing_but_itself(report):
    class Parser(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.sources, self.open_tags = [], []

        def handle_starttag(self, tag, attributes):
            assert tag != "script"
            self.sources += [
                value for name, value in attributes if name in ("src", "href", "srcset")
            ]
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
    assert len(parser.sources) == 3 * 2 * 3 * 3 and all(
        source.startswith("data:image/jpeg;base64,") for source in parser.sources
    )
    assert "some &amp; &lt;photos&gt;" in page and "<photos>" not in page


def test_the_text_has_every_interval(report):
    data = json.loads((report[0] / "report.json").read_text())
    text = (report[0] / "report.txt").read_text()
    figure = data["blocks"][1]["models"]["telea"]
    assert (
        f"{figure['psnr']['mean']:.2f} [{figure['psnr']['low']:.2f}, {figure['psnr']['high']:.2f}]"
        in text
    )
    other = figure["ssim"]["difference"]
    assert f"{other['mean']:+.4f} [{other['low']:+.4f}, {other['high']:+.4f}]" in text


@pytest.fixture
def pairs(tmp_path):
    """Twelve blue photographs that get brighter to the right, and two flat ones, which are filled
    without error."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for k in range(14):
        ramp = np.zeros((48, 64 + k // 7, 3), np.uint8)
        ramp[..., 2] = 200 if k > 11 else np.linspace(60 + k, 250, ramp.shape[1])
        Image.fromarray(ramp).save(folder / f"é{k:02d}.png")
        mask = np.zeros(ramp.shape[:2], np.uint8)
        mask[10 : 20 + k, 12:40] = 255
        Image.fromarray(mask).save(folder / f"é{k:02d}_mask.png")
    return folder


def test_pairs_with_exact_fills(run, pairs, tmp_path):
    out = tmp_path / "report"
    status, printed, err = run(
        "--model=mean,telea", f"--data=pairs:{pairs}", f"--output={out}", "--noreferences"
    )
    assert status == 0, err

    def constant(name):
        raise AssertionError(f"{name} is no JSON")

    data = json.loads((out / "report.json").read_text(), parse_constant=constant)
    (block,) = data["blocks"]
    figure = block["models"]["mean"]["psnr"]
    assert (
        figure["infinite"] == 2
        and figure["photographs"] == 12
        and figure["each"][-2:] == [None, None]
    )
    assert figure["mean"] == pytest.approx(np.mean(figure["each"][:12]))
    assert "mean: 2 of 14 photographs have an infinite PSNR and are not in its means" in printed
    rows = {
        (row["model"], row["column"]): row for row in csv.DictReader((out / "report.csv").open())
    }
    mean, telea = (float(rows[m, "l1_in_hole"]["mean"]) for m in ("mean", "telea"))
    assert 0.2 < telea < mean and 2 < mean < 40  # per cent
    assert float(rows["telea", "l1_in_hole"]["difference"]) == pytest.approx(telea - mean, rel=1e-4)

    page = (out / "report.html").read_text()
    found = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)
        for text in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    ]
    assert len(found) == 2 * 3 * 3
    worst_input, worst_output, worst_original = found[6:9]  # of the mean fill
    # The hole is shown in white.
    assert np.abs(worst_input - 255).max(axis=-1)[12:18, 16:36].max() < 20
    inside = worst_output[12:18, 16:36]
    # The fill is one blue.
    assert np.ptp(inside[..., 2]) < 20 and inside[..., 2].min() > 100 and inside[..., 0].max() < 40
    assert np.ptp(worst_original[12:18, 16:36, 2]) > 40  # the ramp
    # Telea is better than the mean: green, both where more is better and where less is.
    cells = re.findall(r"<tr><td>telea</td>(.*?)</tr>", page)
    assert [c for row in cells for c in re.findall(r'<td class="(\w*)"', row)] == ["better"] * 8
    dots = re.findall(
        r'<circle cx="([\d.]+)" cy="([\d.]+)"',
        page[page.index("PSNR in the hole, dB") : page.index("</svg>")],
    )
    # Photographs that were filled exactly have no dot.
    assert len(dots) == 12 + sum(
        f is not None for f in block["models"]["telea"]["psnr_in_hole"]["each"]
    )
    shares, each = block["hole_shares"], block["models"]["mean"]["psnr_in_hole"]["each"]
    assert np.corrcoef([float(x) for x, _ in dots[:12]], shares[:12])[0, 1] > 0.999
    assert np.corrcoef([float(y) for _, y in dots[:12]], each[:12])[0, 1] < -0.99


def test_a_report_that_cannot_be_written_leaves_the_old_one(monkeypatch, tmp_path):
    evaluate.write(str(tmp_path), {"a": "old", "b": "old"})
    real = open

    def full(path, *arguments, **options):
        if ".b." in str(path):
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(
        SettingsError, match=f"--output={tmp_path} cannot be written: the disk is full$"
    ):
        evaluate.write(str(tmp_path), {"a": "new", "b": "new"})
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"] and (tmp_path / "a").read_text() == "old"


def test_another_size_than_the_papers_shows_no_published_figures(run, photos, tmp_path):
    status, out, _ = run(
        "--model=mean",
        f"--data=folder:{photos}",
        "--image_size=64",
        "--protocol=multistage",
        f"--output={tmp_path}/r",
        "--count=2",
    )
    assert status == 0 and "published" not in out
    # Two photographs give no intervals.
    assert "[" not in out[out.index("==") : out.index("made 2")]


@pytest.mark.slow
def test_the_same_flags_make_the_same_table(run, photos, tmp_path):
    tables = []
    for name in "ab":
        status, _, _ = run(
            "--model=telea",
            f"--data=folder:{photos}",
            "--image_size=64",
            "--ratio_bins=0.2-0.3",
            f"--output={tmp_path / name}",
        )
        assert status == 0
        tables.append((tmp_path / name / "report.csv").read_text())
    assert tables[0] == tables[1] and "20-30 %" in tables[0]


@pytest.mark.parametrize("flags,message", [
    (["--data=samples:"], "--output is missing"),
    (["--output=OUT"], "--data is missing"),
    (["--data=samples:", "--output=OUT", "--noreferences", "--model="], "--model is missing"),
    (["--data=samples:", "--output=OUT"],
     "--model=default is the model that comes with tfinpaint, and this copy has none"),
    (["--data=samples:", "--output=OUT", "--holes=box"], "--holes is center, strokes"),
    (["--data=samples:", "--output=OUT", "--ratio_bins=0.1,0.2"], "--ratio_bins are shares LO-HI"),
    (["--data=samples:", "--output=OUT", "--ratio_bins=0.3-0.2"], "--ratio_bins are shares"),
    (["--data=pairs:x", "--output=OUT", "--holes=center"], "brings its own holes"),
    (["--data=pairs:x", "--output=OUT", "--model=telea"], "no photograph NAME.png"),
    (["--data=nothing", "--output=OUT"], "--data is folder:PATH"),
    (["--data=samples:", "--output=OUT", "--protocol=other"], "protocol"),
    (["--data=samples:", "--output=OUT", "--model=gone"], "--model=gone"),
    (["--data=samples:", "--output=OUT", "--model=telea, telea"], "twice"),
    (["--data=samples:", "--output=OUT", "--ratio_bins=0.1-0.2,0.1-0.2"], "one bin twice"),
    (["--data=samples:", "--output=OUT.txt/report"], "OUT.txt is a file"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path, empty_box, flags, message):
    out = tmp_path / "report"
    (tmp_path / "report.txt").touch()
    status, _, err = run(*(flag.replace("OUT", str(out)) for flag in flags))
    lines = [line for line in err.splitlines() if line.startswith("tfinpaint")]
    assert status == 1 and len(lines) == 1 and message.replace("OUT", str(out)) in lines[0]
    assert not out.exists()


def test_a_broken_photograph_is_told_and_not_counted(run, photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    (folder / "p3.png").write_bytes(b"broken")
    status, out, err = run(
        "--model=mean",
        f"--data=folder:{folder}",
        "--image_size=64",
        "--holes=center",
        f"--output={tmp_path}/r",
    )
    assert (
        status == 1 and "10 of folder" in out and "1 could not be read" in out and "p3.png" in err
    )
    assert err.endswith(
        "tfinpaint: 1 photograph could not be read or filled; the figures are those of the others\n"
    )
    assert (tmp_path / "r/report.csv").is_file()


def test_names_that_are_no_utf8_lose_no_figure(run, photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    for k, name in ((0, b"caf\xe9.png"), (1, b"new\nline.png")):
        os.rename(folder / f"p{k}.png", folder / os.fsdecode(name))
    status, out, err = run(
        "--model=mean",
        "--noreferences",
        f"--data=folder:{folder}",
        "--image_size=64",
        "--holes=center",
        f"--output={tmp_path}/r",
    )
    assert status == 0, err
    names = json.loads((tmp_path / "r/report.json").read_text("utf-8"))["blocks"][0]["photographs"]
    assert "caf\ufffd.png" in names and "new\nline.png" in names and len(names) == 11
    assert "11 of folder" in out
    for name in evaluate.FILES:
        (tmp_path / "r" / name).read_text("utf-8")


def test_a_photograph_that_a_model_cannot_fill_is_its_own_loss(run, photos, tmp_path, monkeypatch):
    real = methods.REFERENCES["telea"]

    def fails_at_one(pixels, hole):
        if (pixels == square).all():
            raise MemoryError("too large")
        return real(pixels, hole)

    squares = dict(named_squares(open_photos(f"folder:{photos}"), 64))
    name, square = list(squares.items())[4]
    monkeypatch.setitem(methods.REFERENCES, "telea", fails_at_one)
    status, out, err = run(
        "--model=mean,telea",
        "--noreferences",
        f"--data=folder:{photos}",
        "--image_size=64",
        "--holes=center",
        f"--output={tmp_path}/r",
    )
    assert status == 1
    assert f"{name}: photograph left out, telea cannot fill it: MemoryError: too large" in err
    report = json.loads((tmp_path / "r/report.json").read_text("utf-8"))
    (block,) = report["blocks"]
    assert len(block["photographs"]) == 10 and name not in block["photographs"]
    each = {name: block["models"][name]["psnr"]["each"] for name in ("mean", "telea")}
    assert len(each["mean"]) == len(each["telea"]) == 10 and "10 of folder" in out
    hole = np.zeros((64, 64), np.uint8)
    hole[16:48, 16:48] = 1
    for method, fill in (("mean", references.mean_fill), ("telea", real)):  # each its own figure
        kept = np.stack([squares[name] for name in block["photographs"]])
        filled = np.stack([fill(pixels, hole) for pixels in kept])
        expected = quality.measure(filled, kept, np.stack([hole] * 10))["psnr"]
        np.testing.assert_allclose(each[method], expected)

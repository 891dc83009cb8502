"""The inpaint command as a user meets it.

Files go in, files come out, and each mistake is one line. The painter is a fake that paints red.
"""

import os
import pathlib
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from absl import flags
from PIL import Image

from tfinpaint import fill_file, inpaint, jobs, loading
from tfinpaint.attention_maps import placing
from tfinpaint.attention_maps.placing import AttentionMap
from tfinpaint.painting import filling
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.painting.boxes import Box
from tfinpaint.photo import read_photo
from tfinpaint.progress import photographs_bar
from tfinpaint.settings import SettingsError


class Red(BasePainter):
    """Paints the mask red and remembers what it was asked."""

    calls = []

    def fill(self, photo, mask, grow=0, feather=0, detail="auto", seed=0, blend="none"):
        self.calls.append((grow, feather, detail) + ((blend,) if blend != "none" else ()))
        return np.where(mask[..., np.newaxis] > 0, np.uint8([255, 0, 0]), photo)


class Several(Red):
    """The seed is how red a hole becomes. Odd ones have a score."""

    fill_inputs = ("seed",)

    def fill(self, photo, mask, grow=0, feather=0, detail="auto", seed=0, blend="none"):
        self.calls.append((grow, feather, detail, seed) + ((blend,) if blend != "none" else ()))
        return np.where(mask[..., np.newaxis] > 0, np.uint8([seed, 0, 0]), photo)

    def score(self, photo, mask, grow=0):
        return float(photo[mask > 0].max() % 3)


class Attending(Red):
    """Its best match is the top left cell everywhere in the hole, in a window of 16 x 24 with cells
    of 8 pixels."""

    def check_attention(self):
        pass

    def attention_maps(self, photo, mask, at=None):
        hole = mask > 127
        self.calls.append(("attention", int(hole.sum()), at))
        at = placing.choose_pixel(hole.astype(np.uint8), at)
        return [
            AttentionMap(
                name,
                Box(0, 0, 16, 24),
                (8.0, 8.0),
                np.zeros((2, 3, 2), np.int32),
                np.full((2, 3), 1 / 6),
                at,
                is_flow,
            )
            for name, is_flow in (("stage_1 2x3", False), ("stage_2 2x3", True))
        ]


class Guided(Red):
    """Paints edges in the hole blue, and shows the hole as one edge."""

    fill_inputs = ("edges",)

    def fill(self, photo, mask, grow=0, feather=0, detail="auto", seed=0, edges=None, blend="none"):
        red = super().fill(photo, mask, grow, feather, detail)
        if edges is None:
            return red
        assert edges.dtype == np.uint8 and edges.shape == mask.shape
        blue = (np.minimum(mask, edges) > 127)[..., np.newaxis]
        return np.where(blue, np.uint8([0, 0, 255]), red)

    def edges(self, photo, mask):
        return mask // 2


@pytest.fixture(autouse=True)
def fake_painter(monkeypatch):
    Red.calls = []
    monkeypatch.setattr(loading, "load", lambda path: Red())


@pytest.fixture
def run(command_line):
    """run("--flag=value", ...) -> exit status, stdout, stderr."""
    return lambda *arguments: command_line(inpaint.main, "--model=a_run", *arguments)


def _write(path, height=20, width=30, mode="RGB"):
    """Writes a photograph of noise, and its mask in masks/ beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(height)
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode).save(
        path
    )
    return path


def _mask(path, height=20, width=30, level=255):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((height, width), np.uint8)
    mask[5:10, 5:15] = level
    Image.fromarray(mask).save(path)
    return path


def _check(photo, filled):
    """Checks that the mask is red and that all other pixels keep the photograph's bytes."""
    before, after = read_photo(str(photo)).pixels, read_photo(str(filled)).pixels
    hole = np.zeros(before.shape[:2], bool)
    hole[5:10, 5:15] = True
    assert (after[hole] == [255, 0, 0]).all()
    np.testing.assert_array_equal(after[~hole], before[~hole])


# ----------------------------------------------------------------------------------- one photograph


def test_one_photograph(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    output = tmp_path / "deep/er/out.webp"
    status, out, err = run(
        f"--image={photo}",
        f"--mask={mask}",
        f"--output={output}",
        "--grow_hole=3",
        "--feather=2",
        "--detail=off",
    )
    assert status == 0 and err == ""
    assert (
        "a.png (30x20) ->" in out
        and "mask: white is hole (--mask_is=hole), 8.3 % of 30x20 pixels is hole" in out
    )
    assert Red.calls == [(3, 2, "off")]
    _check(photo, output)


def test_blending_is_asked_of_the_painter(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    arguments = (f"--image={photo}", f"--mask={mask}", f"--output={tmp_path / 'out.png'}")
    assert run(*arguments, "--blend=poisson")[0] == 0
    assert Red.calls == [(0, 0, "auto", "poisson")]


def test_all_samples_are_filled_with_the_options_of_one_fill(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Several())
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    arguments = (f"--image={photo}", f"--mask={mask}", f"--output={tmp_path / 'out.png'}")
    for flag, rest in (("--blend=poisson", (0, "off", "poisson")), ("--feather=3", (3, "off"))):
        assert run(*arguments, "--samples=2", "--grow_hole=1", "--detail=off", flag)[0] == 0
        feather, detail, *blend = rest
        assert Red.calls == [(1, feather, detail, seed, *blend) for seed in (0, 1)]
        Red.calls.clear()


def test_jpeg_output_says_that_it_is_not_exact(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    status, out, _ = run(f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.jpg")
    assert status == 0 and "output: JPEG cannot keep known pixels exact" in out


def test_what_holds_for_a_format_is_said_once_in_a_folder(tmp_path, run):
    for name in ("a.jpg", "b.jpg", "c.png"):
        _write(tmp_path / "photos" / name)
    mask = _mask(tmp_path / "m.png")
    status, out, _ = run(f"--image={tmp_path}/photos", f"--mask={mask}", f"--output={tmp_path}/out")
    assert status == 0 and out.count("JPEG cannot keep known pixels exact") == 1
    assert out.count("% of 30x20 pixels is hole") == 3  # what is of each photograph is said of each


def test_side_by_side_is_input_hole_and_output(tmp_path, run):
    photo = _write(tmp_path / "a.png", mode="RGBA")
    assert (
        run(
            f"--image={photo}",
            f"--mask={_mask(tmp_path / 'm.png')}",
            f"--output={tmp_path}/o.png",
            "--side_by_side",
        )[0]
        == 0
    )
    before, strip = read_photo(str(photo)).pixels, read_photo(str(tmp_path / "o.png"))
    assert strip.pixels.shape == (20, 90, 3) and strip.alpha.shape == (20, 90)
    np.testing.assert_array_equal(strip.pixels[:, :30], before)
    assert strip.pixels[6, 30 + 6].tolist() == [255] * 3 and strip.pixels[6, 60 + 6].tolist() == [
        255, 0, 0]  # fmt: skip


def test_a_share_that_looks_wrong_is_a_warning_on_stderr(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png", 300, 300), _mask(tmp_path / "m.png", 300, 300)
    status, out, err = run(
        f"--image={photo}", f"--mask={mask}", "--mask_is=known", f"--output={tmp_path}/o.png"
    )
    assert status == 0 and "white is known" in out
    assert re.fullmatch(
        r"tfinpaint: warning: \S+m.png: 99.9 % of the picture is hole: "
        r".* --mask_is=hole flips it\n",
        err,
    )


def test_samples_are_written_best_first(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Several())
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    output = tmp_path / "out/o.png"
    one = (f"--image={photo}", f"--mask={mask}", f"--output={output}", "--grow_hole=2")
    status, out, err = run(*one, "--samples=4", "--seed=3", "--side_by_side")
    assert status == 0 and err == ""
    assert sorted(path.name for path in output.parent.iterdir()) == [
        f"o_{k}.png" for k in (1, 2, 3, 4)
    ]
    for k, (seed, score) in enumerate([(5, 2), (4, 1), (3, 0), (6, 0)], 1):
        strip = read_photo(str(output.parent / f"o_{k}.png")).pixels
        assert strip.shape == (20, 90, 3) and strip[6, 60 + 6].tolist() == [seed, 0, 0]
        assert f"o_{k}.png: --seed={seed}, score {score}.000" in out
    assert "o_1.png to " in out and [call[3] for call in Red.calls] == [3, 4, 5, 6]
    # The same again, alone.
    assert run(*one, "--seed=5")[0] == 0 and Red.calls[-1] == (2, 0, "auto", 5)
    assert read_photo(str(output)).pixels[6, 6].tolist() == [5, 0, 0]


def test_samples_of_a_folder(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Several())
    for name in ("a.png", "b/c.jpg"):
        _write(tmp_path / "in" / name)
    mask, output = _mask(tmp_path / "m.png"), tmp_path / "out"
    status, out, _ = run(
        f"--image={tmp_path}/in", f"--mask={mask}", f"--output={output}", "--samples=2"
    )
    assert status == 0 and out.count("JPEG cannot keep") == 1
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*.*")) == [
        "a_1.png", "a_2.png", "b/c_1.jpg", "b/c_2.jpg"]  # fmt: skip


def test_samples_and_seeds_that_cannot_be(tmp_path, run, monkeypatch):
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "a_1.png")
    one = (f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.png")
    for given, words in (
        (["--samples=2"], "--samples: this model has one fill for each hole"),
        (["--seed=2"], "--seed: this model has one fill for each hole"),
        (["--samples=2", f"--output={photo}"], "--output would overwrite"),
    ):
        status, _, err = run(*one, *given)
        assert status == 1 and words in err, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_1.png"]


def test_attention_is_written_beside_the_output(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Attending())
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    plain, output = tmp_path / "plain.webp", tmp_path / "out/o.webp"
    assert run(f"--image={photo}", f"--mask={mask}", f"--output={plain}")[0] == 0
    status, out, err = run(
        f"--image={photo}",
        f"--mask={mask}",
        f"--output={output}",
        "--attention",
        "--attention_at=7,9",
    )
    assert status == 0 and err == ""
    assert output.read_bytes() == plain.read_bytes()  # asking changes nothing
    names = {
        f"o_attention_{name}.png"
        for name in (
            "stage_1_places",
            "stage_1_weights",
            "stage_2_places",
            "stage_2_weights",
            "stage_2_flow",
        )
    }
    assert {path.name for path in output.parent.iterdir()} == names | {"o.webp"}
    for name in names:
        assert f"attention: {output.parent / name}: " in out
        assert Image.open(output.parent / name).size == (528, 352 + 64)
    assert ("attention", 50, (7, 9)) in Attending.calls


def test_attention_of_a_folder_and_of_a_grown_hole(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Attending())
    for name in ("in/a.png", "in/b/c.jpg"):
        _write(tmp_path / name)
    mask = _mask(tmp_path / "m.png")
    status, out, _ = run(
        f"--image={tmp_path}/in",
        f"--mask={mask}",
        f"--output={tmp_path}/out",
        "--attention",
        "--grow_hole=1",
    )
    assert status == 0 and (tmp_path / "out/a_attention_stage_1_places.png").exists()
    assert (tmp_path / "out/b/c_attention_stage_2_flow.png").exists()
    assert Attending.calls[0] == ("attention", 50 + 2 * (5 + 10), None)
    # A pixel outside the hole gives one line for each photograph, which it names, and nothing is
    # written.
    status, _, err = run(
        f"--image={tmp_path}/in",
        f"--mask={mask}",
        f"--output={tmp_path}/none",
        "--attention",
        "--attention_at=0,0",
    )
    assert status == 1 and not (tmp_path / "none").exists()
    for line, name in zip(err.splitlines(), ("a.png", "b/c.jpg")):
        start = f"tfinpaint: {tmp_path}/in/{name}: --attention_at=0,0 is no pixel of the hole"
        assert line.startswith(start), line


def test_edges_are_shown_beside_the_output(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Guided())
    photo, mask = _write(tmp_path / "photos/a.png"), _mask(tmp_path / "m.png")
    status, out, _ = run(
        f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.jpg", "--edges"
    )
    assert status == 0 and f"edges: {tmp_path}/o_edges.png: known edges, and in the hole" in out
    shown = read_photo(str(tmp_path / "o_edges.png")).pixels
    assert shown[6, 6].tolist() == [127] * 3 and shown.sum() == 3 * 50 * 127
    folder = [f"--image={photo.parent}", f"--mask={mask}", f"--output={tmp_path}/out", "--edges"]
    assert run(*folder, "--grow_hole=1")[0] == 0
    grown = read_photo(str(tmp_path / "out/a_edges.png")).pixels
    assert grown.sum() == 3 * (50 + 30) * 127
    for off in ([], ["--noedges"]):
        run(f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/p.png", *off)
        assert not (tmp_path / "p_edges.png").exists()


def test_a_drawing_guides(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Guided())
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    drawing = np.zeros((20, 30), np.uint8)
    drawing[7, :] = 200
    Image.fromarray(drawing).save(tmp_path / "d.png")
    layer = np.zeros((20, 30, 4), np.uint8)  # green strokes on a transparent layer
    layer[drawing > 0] = [0, 90, 0, 255]
    Image.fromarray(layer).save(tmp_path / "layer.png")
    where = [f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.png"]
    for name in ("d.png", "layer.png"):
        status, out, err = run(*where, f"--edges={tmp_path}/{name}")
        assert status == 0 and "edges" not in out, err
        filled = read_photo(str(tmp_path / "o.png")).pixels
        assert (filled[7, 5:15] == [0, 0, 255]).all() and (filled[8, 5:15] == [255, 0, 0]).all()
    assert not (tmp_path / "o_edges.png").exists()


@pytest.mark.parametrize("arguments, words", [
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--edges"],
     "--edges: this model is not guided by edges"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--edges=m.png"],
     "--edges: this model is not guided by edges"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--edges=nix.png"],
     "--edges=nix.png is no file"),
    (["--mask=m.png", "--output=o", "--image=folder", "--edges=m.png"],
     "--edges=m.png is a drawing for one photograph. Got the folder --image=folder"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--attention_at=3,4"],
     "--attention_at=3,4 is for --attention"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--attention", "--attention_at=3"],
     "--attention_at is two whole numbers"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--blend=poisson", "--feather=3"],
     "--blend=poisson and --feather=3 cannot be combined"),
    (["--mask=m.png", "--output=o.png", "--image=a.png", "--blend=alpha"],
     "--blend=alpha: value should be one of"),
    (["--mask=m.png", "--output=o.png"],
     "--image is missing: the photograph to fill, or a folder of them$"),
    (["--image=a.png", "--mask=m.png"],
     "--output is missing: the file for the filled photograph, or a folder for those of a folder$"),
    (["--image=nix.png", "--mask=m.png", "--output=o.png"], "--image=nix.png does not exist"),
    (["--image=a.png", "--mask=nix.png", "--output=o.png"], "--mask=nix.png does not exist"),
    (["--image=half.jpg", "--mask=m.png", "--output=o.png"],
     "half.jpg cannot be read, it is damaged or incomplete$"),
    (["--image=a.png", "--mask=wide.png", "--output=o.png"],
     "a.png is 30x20 pixels, wide.png is 31x20"),
    (["--image=a.png", "--mask=black.png", "--output=o.png"],
     r"black.png has no hole to fill \(--mask\): no pixel is above 127, the brightest is 0; masks "
     r"are black \(0\) and white \(255\)$"),
    (["--image=a.png", "--mask=black.png", "--output=o.png", "--mask_is=known"],
     "black.png: all of the photograph is hole"),
    (["--image=a.png", "--mask=ones.png", "--output=o.png"],
     "ones.png has no hole .* the brightest is 1"),
    (["--image=a.png", "--mask=folder", "--output=o.png"], "Got the folder folder"),
    (["--image=a.png", "--mask=m.png", "--output=o.gif"], "--output ends in .jpg, .* Got o.gif"),
    (["--image=a.png", "--mask=m.png", "--output=folder"],
     "is a folder: give the name of a file, such as folder/filled.png"),
    (["--image=a.png", "--mask=m.png", "--output=m.png"], "would overwrite m.png"),
    (["--image=a.png", "--mask=m.png", "--output=a.png"], "would overwrite a.png"),
    (["--image=a.png", "--mask=m.png", "--output=a.png/o.png"], "a.png is a file"),
    (["--image=empty", "--mask=m.png", "--output=o"],
     "--image=empty has no photographs: no file in it is a picture"),
    (["--image=folder", "--mask=m.png", "--output=o.png"], "--output is a folder too. Got o.png"),
    (["--image=folder", "--mask=m.png", "--output=folder/filled"],
     "--output=folder/filled lies in --image=folder"),
    (["--image=folder", "--mask=m.png", "--output=a.png"], "Got a.png"),
    (["--image=a.png", "--mask=m.png", "--output=o.png", "--device=tpu"],
     "--device is cpu, gpu or gpu:N. Got 'tpu'"),
    (["--image=a.png", "--mask=m.png", "--output=o.png", "--feather=-1"],
     "--feather=-1: -1 is not an integer in the range"),
    (["--image=a.png", "--mask=m.png", "--output=o.png", "--mask_is=white"],
     "--mask_is=white: value should be one of"),
    (["--image=a.png", "--mask=m.png", "--output=o.png", "--feather=abc"],
     "--feather=abc: a whole number is needed"),
    (["--image=a.png", "--mask=m.png", "--output=o.png", "--fether=1"],
     "'fether'. Did you mean: feather"),
    (["--image=a.png", "--mask=m.png", "o.png"], "'o.png' is not a flag"),
    (["--flagfile=words.flags", "--image=a.png"], "'image is a.png' is not a flag"),
    (["--flagfile=nix.flags"], "nix.flags"),
])  # fmt: skip
def test_mistakes_end_with_one_line_and_write_nothing(tmp_path, run, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "a.png")
    _write(tmp_path / "folder/b.png")
    _mask(tmp_path / "m.png")
    _mask(tmp_path / "wide.png", width=31)
    _mask(tmp_path / "black.png", level=0)
    _mask(tmp_path / "ones.png", level=1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.flags").write_text("image is a.png\n")
    half = _write(tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(half[: len(half) // 2])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, out, err = run(*arguments)
    assert status == 1 and out == ""
    assert re.fullmatch(rf"tfinpaint: .*{words}.*\n", err)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# ------------------------------------------------------------------------------------------ folders


def test_folders_match_by_stem_at_any_depth(tmp_path, run):
    photos = ["a.png", "deep/b.TIFF", "deep/c.webp"]
    for name in photos:
        _write(tmp_path / "photos" / name)
    for name in ("a.png", "deep/b_mask.bmp", "deep/c.webp", "unused.png"):
        _mask(tmp_path / "masks" / name)
    Image.open(tmp_path / "photos/deep/c.webp").save(tmp_path / "photos/deep/c.webp", lossless=True)
    status, out, err = run(
        f"--image={tmp_path}/photos", f"--mask={tmp_path}/masks", f"--output={tmp_path}/out"
    )
    assert status == 0 and err == "3/3 photographs, 0:00 left\n"
    assert out.count(" -> ") == 3
    for name in photos:
        _check(tmp_path / "photos" / name, tmp_path / "out" / name)
    assert sum(len(names) for _, _, names in os.walk(tmp_path / "out")) == 3


def test_photographs_and_masks_in_one_folder(tmp_path, run):
    for name in ("a", "b"):
        _write(tmp_path / "pairs" / f"{name}.png")
        _mask(tmp_path / "pairs" / f"{name}_mask.png")
    assert (
        run(f"--image={tmp_path}/pairs", f"--mask={tmp_path}/pairs", f"--output={tmp_path}/out")[0]
        == 0
    )
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.png"]


def test_one_mask_for_a_folder_and_a_photograph_that_fails(tmp_path, run):
    _write(tmp_path / "photos/a.png")
    _write(tmp_path / "photos/b.png", 21, 30)  # another size than the mask's
    _write(tmp_path / "photos/c.png")
    (tmp_path / "photos/d.png").write_text("not a picture")
    status, out, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={_mask(tmp_path / 'm.png')}",
        f"--output={tmp_path}/out",
    )
    assert status == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "c.png"] and out.count(" -> ") == 2
    lines = err.splitlines()
    assert "b.png is 30x21 pixels" in lines[0] and "d.png is not a JPEG" in lines[1]
    assert lines[2:] == [
        "4/4 photographs, 0:00 left",
        "tfinpaint: 2 of 4 photographs could not be filled",
    ]


def test_an_error_of_the_painter_names_the_photograph(tmp_path, run, monkeypatch):
    class Refusing(Red):
        def fill(self, photo, mask, *args, **options):
            raise SettingsError("This hole is too long: try `mask='alpha'`")

    monkeypatch.setattr(loading, "load", lambda model: Refusing())
    for name in ("a.png", "b.png"):
        _erased(tmp_path / "photos" / name)
        _mask(tmp_path / "masks" / name)
    for mask in (f"{tmp_path}/masks", f"{tmp_path}/masks/a.png", "alpha"):
        status, _, err = run(
            f"--image={tmp_path}/photos", f"--mask={mask}", f"--output={tmp_path}/out"
        )
        line = f"tfinpaint: {tmp_path}/photos/{{}}: This hole is too long: try --mask=alpha"
        assert status == 1 and err.splitlines() == [
            line.format("a.png"),
            line.format("b.png"),
            "2/2 photographs, 0:00 left",
            "tfinpaint: 2 of 2 photographs could not be filled",
        ]


def test_missing_masks_are_listed_before_any_work(tmp_path, run):
    for k in range(8):
        _write(tmp_path / f"photos/{k}.png")
    _mask(tmp_path / "masks/0.png")
    status, out, err = run(
        f"--image={tmp_path}/photos", f"--mask={tmp_path}/masks", f"--output={tmp_path}/out"
    )
    assert status == 1 and not (tmp_path / "out").exists()
    assert "no mask for 7 of 8 photographs" in err and err.endswith(
        ": 1.png, 2.png, 3.png, 4.png, 5.png, ...\n"
    )


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("mask", ["caf\u00e9.png", "caf\u00e9_mask.png"])
def test_accents_may_be_written_in_either_way(tmp_path, forms, mask):
    photo, mask = (
        unicodedata.normalize(form, name) for form, name in zip(forms, ("caf\u00e9.jpg", mask))
    )
    _write(tmp_path / "photos" / photo)
    _mask(tmp_path / "masks" / mask)
    (job,) = jobs.find_jobs(*(str(tmp_path / part) for part in ("photos", "masks", "out")))
    assert job.mask == str(tmp_path / "masks" / mask)


def test_two_masks_of_one_name_are_an_error(tmp_path):
    _write(tmp_path / "photos/a.png")
    _mask(tmp_path / "masks/a.png")
    _mask(tmp_path / "masks/a.bmp")
    with pytest.raises(SettingsError, match="two masks for a: .*a.bmp and .*a.png"):
        jobs.find_jobs(str(tmp_path / "photos"), str(tmp_path / "masks"), str(tmp_path / "out"))


@pytest.mark.parametrize("forms", [("NFC", "NFC"), ("NFC", "NFD"), ("NFD", "NFC")])
def test_a_mask_with_and_one_without_mask_in_its_name_are_an_error(tmp_path, forms):
    own, marked = (unicodedata.normalize(form, "caf\u00e9") for form in forms)
    _write(tmp_path / "photos/deep/caf\u00e9.jpg")
    _mask(tmp_path / f"masks/deep/{own}.png")
    _mask(tmp_path / f"masks/deep/{marked}_mask.bmp")
    words = f"`mask` has two masks for deep/caf\u00e9: .*{own}.png and .*{marked}_mask.bmp$"
    with pytest.raises(SettingsError, match=words):
        jobs.find_jobs(str(tmp_path / "photos"), str(tmp_path / "masks"), str(tmp_path / "out"))


def test_a_photograph_whose_name_ends_like_a_masks_has_a_mask_of_its_own(tmp_path):
    for name in ("a", "a_mask"):
        _write(tmp_path / f"photos/{name}.jpg")
        _mask(tmp_path / f"masks/{name}.png")
    found = jobs.find_jobs(*(str(tmp_path / part) for part in ("photos", "masks", "out")))
    assert [job.mask for job in found] == [
        str(tmp_path / f"masks/a{end}.png") for end in ("", "_mask")
    ]


def test_in_one_folder_a_photograph_is_not_its_own_mask(tmp_path):
    for name in ("a.png", "a.jpg", "b.png"):
        _write(tmp_path / "pairs" / name)
    for name in ("a_mask.png", "b_mask.bmp", "a_mask_mask.png"):
        _mask(tmp_path / "pairs" / name)
    pairs = str(tmp_path / "pairs")
    found = jobs.find_jobs(pairs, pairs, str(tmp_path / "out"))
    assert [(os.path.basename(job.image), os.path.basename(job.mask)) for job in found] == [
        ("a.jpg", "a_mask.png"), ("a.png", "a_mask.png"), ("b.png", "b_mask.bmp"),
    ]  # fmt: skip


def test_the_bar_is_redrawn_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = photographs_bar(2)
    progress.step()
    progress.clear()
    progress.step()
    assert capsys.readouterr().err == (
        f"\r\033[K[{'#' * 15}{'.' * 15}] 1/2 photographs, 0:00 left\r\033[K"
        f"\r\033[K[{'#' * 30}] 2/2 photographs, 0:00 left\n"
    )


# -------------------------------------------------------------------------------------------- alpha


def _erased(path):
    """Writes a photograph whose object, where _mask has its hole, was erased to transparent."""
    _write(path)
    alpha = np.full((20, 30), 255, np.uint8)
    alpha[5:10, 5:15] = 0
    image = Image.open(path).convert("RGB")
    image.putalpha(Image.fromarray(alpha))
    image.save(path)
    return path


def test_an_opaque_photograph_has_no_hole_of_its_own(tmp_path, run):
    photo = _write(tmp_path / "a.png", mode="RGBA")
    status, _, err = run(f"--image={photo}", "--mask=alpha", f"--output={tmp_path}/o.png")
    assert status == 1
    assert err.endswith("a.png has no hole to fill (--mask): nothing in it is transparent\n")


def test_a_transparent_fill_is_warned_of_and_stays_as_it_was(tmp_path, run):
    photo, mask = _erased(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    status, _, err = run(f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.png")
    assert status == 0
    assert err.count("\n") == 1 and (
        "o.png: 100 % of the filled pixels are transparent and stay so: --opaque shows them; "
        "--mask=alpha takes what is transparent as the hole\n" in err
    )
    np.testing.assert_array_equal(
        read_photo(str(tmp_path / "o.png")).alpha, read_photo(str(photo)).alpha
    )
    _check(photo, tmp_path / "o.png")
    # JPEG has no alpha channel, so the fill is seen
    assert run(f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.jpg")[2] == ""


@pytest.mark.parametrize(
    "flags_, opaque",
    [
        (["--mask=alpha"], True),
        (["--mask=alpha", "--noopaque"], False),
        (["--mask=MASK", "--opaque"], True),
    ],
)
def test_alpha_as_the_mask_and_opaque_fills(tmp_path, run, flags_, opaque):
    photo, mask = _erased(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    status, out, err = run(
        f"--image={photo}",
        f"--output={tmp_path}/o.png",
        *(flag.replace("MASK", str(mask)) for flag in flags_),
    )
    assert status == 0 and "8.3 % of 30x20 pixels" in out
    assert (err == "") == opaque
    _check(photo, tmp_path / "o.png")
    alpha = read_photo(str(tmp_path / "o.png")).alpha
    expected = read_photo(str(photo)).alpha
    if opaque:
        expected[5:10, 5:15] = 255
    np.testing.assert_array_equal(alpha, expected)


def test_opaque_reaches_as_far_as_the_grown_hole_and_the_last_of_three(tmp_path, run):
    photo = _erased(tmp_path / "a.png")
    before = np.asarray(Image.open(photo).getchannel("A")).copy()
    before[before > 0] = 252  # what a lossy format may make of 255: opaque, but not quite
    image = Image.open(photo)
    image.putalpha(Image.fromarray(before))
    image.save(photo)
    status, _, _ = run(
        f"--image={photo}",
        "--mask=alpha",
        f"--output={tmp_path}/o.png",
        "--grow_hole=2",
        "--side_by_side",
    )
    alpha = read_photo(str(tmp_path / "o.png")).alpha
    assert status == 0 and alpha.shape == (20, 90)
    np.testing.assert_array_equal(alpha[:, :60], np.tile(before, (1, 2)))
    grown = filling.grown((before == 0).astype(np.uint8), 2) > 0
    np.testing.assert_array_equal(alpha[:, 60:], np.where(grown, 255, 252))


def test_each_photograph_of_a_folder_has_its_own_alpha(tmp_path, run):
    _erased(tmp_path / "photos/a.png")
    _erased(tmp_path / "photos/b.png")
    _write(tmp_path / "photos/c.png")
    status, _, err = run(
        f"--image={tmp_path}/photos", "--mask=alpha", f"--output={tmp_path}/filled"
    )
    assert status == 1 and "c.png has no alpha channel" in err
    for name in ("a.png", "b.png"):
        _check(tmp_path / "photos" / name, tmp_path / "filled" / name)
        assert (read_photo(str(tmp_path / "filled" / name)).alpha == 255).all()


def test_mask_is_goes_with_mask_files(tmp_path, run):
    photo = _erased(tmp_path / "a.png")
    status, _, err = run(
        f"--image={photo}", "--mask=alpha", "--mask_is=known", f"--output={tmp_path}/o.png"
    )
    assert status == 1 and "--mask_is=known is for mask files" in err


def test_16_bits_stay_outside_the_hole(tmp_path, run):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    arguments = (f"--image={tmp_path}/a.png", f"--mask={_mask(tmp_path / 'm.png')}", "--bits=16")
    for ending in ("png", "tif"):
        status, out, _ = run(*arguments, f"--output={tmp_path}/o.{ending}")
        assert status == 0 and "converted to 8" not in out
        assert "output: 16 bits per channel, the fill has 8, dithered" in out
        found = read_photo(f"{tmp_path}/o.{ending}", keep_deep=True).deep[..., 0]
        hole = np.zeros(deep.shape, bool)
        hole[5:10, 5:15] = True
        np.testing.assert_array_equal(found[~hole], deep[~hole])
        assert ((found[hole].astype(int) + 128) // 257 == 76).all()  # red, as grey
    Red.calls.clear()
    status, _, err = run(*arguments, f"--output={tmp_path}/o.jpg")
    assert status == 1 and "JPEG is written with 8 bits per channel, PNG and TIFF with 16" in err
    assert not Red.calls  # it is refused before the fill
    assert not (tmp_path / "o.jpg").exists()
    status, _, err = run(*arguments, f"--output={tmp_path}/o.png", "--side_by_side")
    assert status == 1 and "--side_by_side has 8 bits" in err


def test_megapixels_have_a_limit_that_a_flag_lifts(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png", 1001, 1000), _mask(tmp_path / "m.png", 1001, 1000)
    arguments = (f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/o.png")
    status, _, err = run(*arguments, "--max_megapixels=1")
    assert status == 1
    assert "a.png has 1000x1001 pixels, 1.0 megapixels: more than --max_megapixels=1" in err
    assert not (tmp_path / "o.png").exists()
    assert run(*arguments, "--max_megapixels=2")[0] == 0


# ------------------------------------------------------------------------------------------ process


def test_help_and_mistakes_from_a_shell_do_not_wait_for_tensorflow():
    script = """
import runpy, sys
try:
    runpy.run_module("tfinpaint.inpaint", run_name="__main__", alter_sys=True)
finally:
    assert "tensorflow" not in sys.modules and "cv2" not in sys.modules
"""
    shown = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0 and "--grow_hole" in shown.stdout and shown.stderr == ""
    missing = subprocess.run(
        [sys.executable, "-c", script, "--model=nix"], capture_output=True, text=True
    )
    assert missing.returncode == 1 and re.fullmatch(
        "tfinpaint: --image is missing: .*\n", missing.stderr
    )


def test_its_flags_are_those_of_the_design():
    names = {flag.name for flag in flags.FLAGS.get_key_flags_for_module("tfinpaint.inpaint")}
    # fmt: off
    assert names == {"model", "image", "mask", "output", "mask_is", "grow_hole", "feather",
                     "detail", "blend", "side_by_side", "samples", "seed", "attention",
                     "attention_at", "edges", "device", "server", "timeout", "opaque",
                         "max_megapixels", "bits"}
    # fmt: on


def test_the_share_is_told_again_after_growing(run, tmp_path):
    photo = _write(tmp_path / "a.png", 100, 100)
    mask = np.zeros((100, 100), np.uint8)
    mask[50, 50] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    arguments = (
        f"--image={photo}",
        f"--mask={tmp_path / 'm.png'}",
        f"--output={tmp_path / 'o.png'}",
    )
    _, out, err = run(*arguments, "--grow_hole=5")
    assert "grown by --grow_hole=5, 0.8 % is hole" in out
    _, out, err = run(*arguments, "--grow_hole=69")
    assert "warning" in err and "grown by --grow_hole=69, 99.9 % is hole" in err
    status, _, err = run(*arguments, "--grow_hole=100")
    assert status == 1 and "is hole, grown by --grow_hole=100; nothing is left to fill" in err


def test_a_photograph_that_is_all_hole_is_reported_and_the_others_go_on(run, tmp_path):
    for name, white in (("a", True), ("b", False)):
        _write(tmp_path / f"photos/{name}.png", 1, 2)
        mask = _mask(tmp_path / f"{name}.png", 1, 2)
        Image.fromarray(np.array([[255, 255 * white]], np.uint8)).save(mask)
        os.makedirs(tmp_path / "masks", exist_ok=True)
        os.rename(mask, tmp_path / f"masks/{name}.png")
    where = [f"--{name}={tmp_path}/{{}}" for name in ("image", "mask", "output")]
    names = ("photos", "masks", "out")
    status, _, err = run(*(flag.format(name) for flag, name in zip(where, names)))
    assert status == 1 and os.listdir(tmp_path / "out") == ["b.png"]
    reported = "a.png: all of the photograph is hole; nothing is left to fill it from (--mask)"
    assert reported in err and "1 of 2 photographs could not be filled" in err
    status, out, err = run(*(f"{flag.format(name)}/a.png" for flag, name in zip(where, names)))
    assert status == 1 and reported in err and err.count("\n") == 1 and out == ""


def test_a_mask_with_swapped_sides_names_the_likely_cause(run, tmp_path):
    photo = _write(tmp_path / "a.png", 20, 30)
    Image.fromarray(np.full((30, 20), 255, np.uint8)).save(tmp_path / "m.png")
    status, _, err = run(
        f"--image={photo}", f"--mask={tmp_path / 'm.png'}", f"--output={tmp_path / 'o.png'}"
    )
    assert status == 1 and "is 30x20 pixels" in err and "EXIF orientation" in err


# ------------------------------------------------------------------------------- names of all kinds


def test_a_name_that_is_not_utf8_is_shown_with_replacements_and_written_byte_for_byte(
    tmp_path, run
):
    names = [b"caf\xe9.png", b"a\nb.png", b"\x1b[31m.png", "ж.png".encode()]
    for name in names:
        _write(tmp_path / "photos" / os.fsdecode(name))
    status, out, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={_mask(tmp_path / 'm.png')}",
        f"--output={tmp_path}/out",
    )
    assert status == 0, err
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == sorted(names)
    assert "caf\ufffd.png" in out and "a\ufffdb.png" in out and "\ufffd[31m.png" in out
    assert "ж.png" in out and len(out.splitlines()) == 2 * len(names)
    (out + err).encode()


def test_any_exception_is_the_one_photographs_alone(tmp_path, run, monkeypatch):
    class Failing(Red):
        def fill(self, photo, mask, *args, **options):
            if photo.shape[0] == 22:
                raise RuntimeError("no such\nkernel")
            return super().fill(photo, mask, *args, **options)

    monkeypatch.setattr(loading, "load", lambda model: Failing())
    for name, height in ((b"a.png", 20), (b"b\xff.png", 22), (b"c.png", 20)):
        _write(tmp_path / "photos" / os.fsdecode(name), height)
        _mask(tmp_path / "masks" / os.fsdecode(name), height=height)
    real = fill_file.read_photo

    def read(path, *limits, **options):
        if path.endswith("c.png"):
            raise ZeroDivisionError("in a decoder")
        return real(path, *limits, **options)

    monkeypatch.setattr(fill_file, "read_photo", read)
    status, out, err = run(
        f"--image={tmp_path}/photos", f"--mask={tmp_path}/masks", f"--output={tmp_path}/out"
    )
    assert status == 1 and os.listdir(tmp_path / "out") == ["a.png"] and out.count(" -> ") == 1
    lines = err.splitlines()
    assert "b\ufffd.png could not be filled: RuntimeError: no such" in lines[0]
    assert "c.png could not be filled: ZeroDivisionError: in a decoder" in lines[1]
    assert lines[-1] == "tfinpaint: 2 of 3 photographs could not be filled"


def test_two_outputs_of_one_run_never_share_a_name(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda model: Attending())
    names = ["a.jpg", "a.png", "b.png", "c.png", "c_attention_stage_1_places.png", "D.png"]
    for name in names:
        _write(tmp_path / "photos" / name)
    status, out, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={_mask(tmp_path / 'm.png')}",
        f"--output={tmp_path}/out",
        "--attention",
    )
    assert status == 0, err
    made = sorted(os.listdir(tmp_path / "out"))
    kinds = {name.rpartition("_")[2] for name in made if name.startswith("b_attention")}
    assert len(kinds) > 1
    each = sum(name.startswith("b_attention") for name in made)
    assert len(made) == len(names) * (1 + each), made  # nothing replaced anything
    for beginning in ("a_jpg", "a_png", "b", "c_png", "D"):
        assert sum(name.startswith(f"{beginning}_attention") for name in made) == each
    _check(
        tmp_path / "photos" / names[4], tmp_path / "out" / names[4]
    )  # the photograph, not c's map


def test_a_picture_beside_the_output_never_replaces_an_input(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda model: Guided())
    photo = _write(tmp_path / "x_edges.png")
    before = photo.read_bytes()
    assert (
        run(
            f"--image={photo}",
            f"--mask={_mask(tmp_path / 'm.png')}",
            f"--output={tmp_path}/x.png",
            "--edges",
        )[0]
        == 0
    )
    assert photo.read_bytes() == before and (tmp_path / "x_png_edges.png").exists()


def test_an_output_that_is_the_mask_of_another_photograph_is_refused(tmp_path, run):
    _write(tmp_path / "photos/a.png")
    _write(tmp_path / "photos/a_mask.png")
    _mask(tmp_path / "masks/a_mask.png")  # of both
    before = (tmp_path / "masks/a_mask.png").read_bytes()
    status, _, err = run(
        f"--image={tmp_path}/photos", f"--mask={tmp_path}/masks", f"--output={tmp_path}/masks"
    )
    assert status == 1 and "would overwrite" in err and "a_mask.png" in err
    assert (tmp_path / "masks/a_mask.png").read_bytes() == before


def test_content_decides_which_files_of_a_folder_are_photographs(tmp_path, run):
    _write(tmp_path / "photos/a.png")
    for name in ("b.jfif", "c", "d.2024", "c.png"):
        _write(tmp_path / "photos/x.png").rename(tmp_path / "photos" / name)
    Image.open(tmp_path / "photos/a.png").convert("RGB").save(tmp_path / "j.jpg")
    (tmp_path / "j.jpg").rename(tmp_path / "photos/e.JPE")
    (tmp_path / "photos/notes.txt").write_text("BM, as a bitmap begins, but no bitmap at all....")
    (tmp_path / "photos/gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "photos/f.CR2").write_bytes(b"II*\0 raw")
    status, out, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={_mask(tmp_path / 'm.png')}",
        f"--output={tmp_path}/out",
    )
    assert status == 0, err
    assert sorted(os.listdir(tmp_path / "out")) == [
        "a.png",
        "b.png",
        "c.png",
        "c_2.png",
        "d.2024.png",
        "e.jpg",
    ]
    folder = f"tfinpaint: {{}}{tmp_path}/photos: 1 file left out "
    assert sorted(err.splitlines()) == [
        "6/6 photographs, 0:00 left",
        folder.format("") + "(not a picture): notes.txt",
        folder.format("warning: ") + "(a link that leads nowhere): gone.png",
        folder.format("warning: ")
        + "(camera raw, which is not read; develop it to TIFF, PNG or JPEG first): f.CR2",
    ]


def test_the_mask_of_a_photograph_without_an_ending(tmp_path, run):
    for name in ("a", "b.2024"):
        _write(tmp_path / "photos/x.png").rename(tmp_path / "photos" / name)
        _mask(tmp_path / f"masks/{name}.png")
    assert (
        run(f"--image={tmp_path}/photos", f"--mask={tmp_path}/masks", f"--output={tmp_path}/out")[0]
        == 0
    )
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.2024.png"]


def test_photographs_of_one_name_beside_their_mask(tmp_path, run):
    _write(tmp_path / "pairs/a.png")
    _write(tmp_path / "pairs/a.bmp")
    _mask(tmp_path / "pairs/a_mask.png")
    assert (
        run(f"--image={tmp_path}/pairs", f"--mask={tmp_path}/pairs", f"--output={tmp_path}/out")[0]
        == 0
    )
    assert sorted(os.listdir(tmp_path / "out")) == ["a.bmp", "a.png"]


def test_names_as_long_as_a_disk_takes(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda model: Attending())
    names = ["é" * 125 + ".png", "é" * 124 + "ab.png", "x" * 255]
    for name in names:
        _write(tmp_path / "photos/0.png").rename(tmp_path / "photos" / name)
    status, out, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={_mask(tmp_path / 'm.png')}",
        f"--output={tmp_path}/out",
        "--attention",
    )
    assert status == 0, err
    made = os.listdir(tmp_path / "out")
    assert len(made) == 3 + sum("_attention_" in name for name in made) == 3 * 6
    assert {names[0], names[1], "x" * 244 + ".png"} <= set(made)


def test_names_of_samples_are_shortened_where_they_would_be_too_long(tmp_path, run, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda model: Several())
    for letters in ("ab", "ac"):
        _write(tmp_path / "photos/0.png").rename(tmp_path / f"photos/{'x' * 249}{letters}.png")
    mask = _mask(tmp_path / "m.png")
    status, _, err = run(
        f"--image={tmp_path}/photos", f"--mask={mask}", f"--output={tmp_path}/out", "--samples=3"
    )
    assert status == 0, err
    assert len(os.listdir(tmp_path / "out")) == 6
    photo = _write(tmp_path / "a.png")
    arguments = (f"--image={photo}", f"--mask={mask}", f"--output={tmp_path}/{'x' * 252}.png")
    status, _, err = run(*arguments)
    assert status == 1 and "--output has a name of at most 255 bytes" in err
    assert Several.calls and not Red.calls[6:]


def test_a_drawing_is_not_overwritten(tmp_path, run):
    photo, mask = _write(tmp_path / "a.png"), _mask(tmp_path / "m.png")
    drawing = _mask(tmp_path / "drawing.png")
    before = (tmp_path / "drawing.png").read_bytes()
    status, _, err = run(
        f"--image={photo}", f"--mask={mask}", f"--edges={drawing}", f"--output={drawing}"
    )
    assert status == 1 and "--output would overwrite" in err and "drawing.png" in err
    assert (tmp_path / "drawing.png").read_bytes() == before


def test_one_mask_among_the_photographs_is_no_photograph(tmp_path, run):
    for name in "ab":
        _write(tmp_path / f"photos/{name}.png")
    mask = _mask(tmp_path / "photos/logo.png")
    status, *_ = run(f"--image={tmp_path}/photos", f"--mask={mask}", f"--output={tmp_path}/out")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_results_do_not_go_among_the_photographs(tmp_path, run):
    """Not under other names either: the next run would take them for photographs."""
    photo, mask = _write(tmp_path / "photos/a.png"), _mask(tmp_path / "m.png")
    before = pathlib.Path(photo).read_bytes()
    status, _, err = run(
        f"--image={tmp_path}/photos",
        f"--mask={mask}",
        f"--output={tmp_path}/photos",
        "--samples=2",
    )
    assert status == 1 and "the next run would take results for photographs" in err
    assert os.listdir(tmp_path / "photos") == ["a.png"]
    assert pathlib.Path(photo).read_bytes() == before

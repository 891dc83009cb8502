"""The train command as a user meets it.

What it prints, that its flagfile repeats the run, and one line for each mistake.
"""

import csv
import os
import pathlib
import re
import subprocess
import sys

import pytest
import small
from absl import flags
from PIL import Image

from tfinpaint import SYSTEMS, evaluate, inpaint, train

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
QUICK = (
    "--train_data=samples:astronaut,chelsea",
    "--eval_data=samples:coffee",
    "--image_size=32",
    "--batch_size=2",
    "--perceptual_weights=none",
    "--steps=2",
    "--log_every=1",
    "--eval_count=1",
)
SMALL_SYSTEM = {name: small.flags(name) for name in SYSTEMS}
SMALL_SYSTEM["context_encoder"] += ("--image_size=64",)  # it takes no other
SMALL = (*QUICK, "--system=partial_conv", *SMALL_SYSTEM["partial_conv"])
PATHS = sorted(CONFIGS.glob("*.flags"))


@pytest.fixture
def run(command_line):
    """run("--flag=value", ...) -> exit status, stdout, stderr."""
    return lambda *arguments: command_line(train.main, *arguments)


def losses(run_dir):
    with open(run_dir / "metrics.csv", newline="") as f:
        return [row["loss"] for row in csv.DictReader(f)]


@pytest.mark.slow
def test_a_run_and_its_repetition_from_its_flagfile(run, tmp_path, eager):
    status, out, err = run(
        *SMALL,
        "--nomirror",
        "--hole_ratio=0.2,0.3",
        "--learning_rate=3e-4",
        f"--run_dir={tmp_path / 'a'}",
    )
    assert status == 0
    table = out[out.index("Validation at step 2") :]
    for name in ("partial_conv", "mean fill", "Telea"):
        assert f"\n{name}" in table
    assert "PSNR in hole" in table and f"{tmp_path / 'a'}/samples/final.png" in table
    assert "step 2/2" in err
    again = tmp_path / "b"
    status, _, _ = run(f"--flagfile={tmp_path / 'a/flags.txt'}", f"--run_dir={again}")
    assert status == 0
    assert losses(again) == losses(tmp_path / "a")
    assert (again / "settings.json").read_text() == (tmp_path / "a/settings.json").read_text()


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--train_data=folder:/nowhere", ["--train_data=folder:/nowhere"]),
        ("--train_data=data", ["--train_data", "folder:PATH"]),
        pytest.param(
            "--train_data=tfds:no_such_set",
            ["--train_data=tfds:no_such_set", "folder:PATH"],
            marks=pytest.mark.slow,
        ),
        ("--system=nothing", ["--system", "multistage", "nothing"]),
        ("--variant=other", ["--variant", "paper", "official"]),
        ("--steps=-1", ["steps", "-1"]),
        ("--warn_after=-1", ["warn_after", "-1"]),
        ("--depth=12", ["depth", "12"]),
        ("--batch_size=many", ["batch_size", "many"]),
        ("--hole_ratio=0.1", ["--hole_ratio", "0.1"]),
        ("--hole_ratio=0.5,0.2", ["--hole_ratio", "0.5,0.2"]),
        ("--hole_ratio=a,b", ["--hole_ratio", "a,b"]),
        ("--stroke_width=5", ["--stroke_width", "5"]),
        ("--holes=rings", ["--holes", "rings", "strokes"]),
        ("--holes=files:/nowhere", ["--holes=files:/nowhere"]),
        ("--image_size=40", ["--image_size", "16", "40"]),
        ("--resize=20", ["--resize", "20"]),
        ("--learning_rate=2", ["--learning_rate", "2"]),
        ("--weight_style=-1", ["--weight_style", "-1"]),
        ("--ema_decay=1", ["--ema_decay", "1"]),
        ("--perceptual_weights=/nowhere.h5", ["--perceptual_weights", "/nowhere.h5"]),
        ("--init_from=/nowhere", ["--init_from=/nowhere"]),
        pytest.param("--run_dir=/proc/run", ["--run_dir=/proc/run"], marks=pytest.mark.slow),
        ("--run_dir=/dev/null/run", ["--run_dir=/dev/null/run"]),
        ("--device=tpu", ["--device", "tpu"]),
        ("--stepz=5", ["stepz", "steps"]),
        ("steps=5", ["steps=5"]),
    ],
)
def test_mistakes_are_one_line_that_names_the_flag(run, tmp_path, flag, words):
    status, _, err = run(*SMALL, f"--run_dir={tmp_path / 'run'}", flag)
    assert status == 1
    line = [
        text
        for text in err.splitlines()
        if text.startswith("tfinpaint: ") and "warning" not in text
    ]
    assert len(line) == 1 and all(word in line[0] for word in words), err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_readable_photograph(run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    status, _, err = run(*SMALL, f"--run_dir={tmp_path / 'run'}", f"--train_data=folder:{empty}")
    assert status == 1 and f"--train_data=folder:{empty}" in err
    (empty / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    status, _, err = run(*SMALL, f"--run_dir={tmp_path / 'run'}", f"--train_data=folder:{empty}")
    assert status == 1 and "broken.jpg" in err


def test_a_run_directory_whose_name_is_no_utf8_is_refused_in_a_line(run, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    status, _, err = run(*SMALL, f"--run_dir={folder}")
    assert status == 1 and "caf\ufffd: its name is no UTF-8" in err and not folder.exists()


@pytest.mark.slow
def test_photographs_in_a_folder_whose_name_is_no_utf8(run, tmp_path):
    """The flagfile of the run names the folder by its bytes."""
    photos = tmp_path / os.fsdecode(b"caf\xe9")
    photos.mkdir()
    Image.effect_noise((60, 50), 80).convert("RGB").save(photos / os.fsdecode(b"\xff"), "PNG")
    arguments = [*SMALL, f"--train_data=folder:{photos}", f"--run_dir={tmp_path}/run", "--steps=0"]
    status, out, err = run(*arguments)
    assert status == 0, err
    assert "caf\ufffd" in out
    assert (
        b"--train_data=folder:" + os.fsencode(photos) in (tmp_path / "run/flags.txt").read_bytes()
    )
    status, _, err = run(f"--flagfile={tmp_path}/run/flags.txt", "--resume")
    assert status == 0, err


@pytest.mark.parametrize("name", ["two\nlines", "space ", "\r"])
def test_a_folder_whose_name_no_flagfile_can_hold_is_refused_in_a_line(run, tmp_path, name):
    photos = tmp_path / name
    photos.mkdir()
    Image.effect_noise((60, 50), 80).convert("RGB").save(photos / "a.png")
    status, _, err = run(*SMALL, f"--train_data=folder:{photos}", f"--run_dir={tmp_path}/run")
    assert status == 1 and err.count("\n") == 1 and not (tmp_path / "run").exists()
    assert "--train_data has a line break or a space at its end, which flags.txt cannot hold" in err


@pytest.mark.slow
def test_a_truncated_photograph_is_named_and_skipped(run, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for k in range(3):
        Image.effect_noise((60, 50), 80).convert("RGB").save(photos / f"{k}.jpg")
    (photos / "1.jpg").write_bytes((photos / "1.jpg").read_bytes()[:400])
    status, out, err = run(
        *SMALL,
        f"--run_dir={tmp_path / 'run'}",
        f"--train_data=folder:{photos}",
        "--eval_data=samples:coffee",
    )
    assert status == 0
    assert err.count("warning") == 1 and "1.jpg" in err
    assert "1 photograph of" in out and "skipped" in out


def flags_of(path):
    """{flag: value} of a config."""
    lines = [line[2:] for line in path.read_text().splitlines() if line.startswith("--")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


# The others run with make test-all.
FEW = ("quickstart",)
OBTAIN = {
    "paris": "not public",
    "celeba": "tfds:celeb_a",
    "places2": "places365_small",
    "canyon": "Places365-Standard",
    "imagenet": "image-net.org",
    "free": "docs/training_photographs.csv",
}


# The first of those that name the same folder; those of coherent_semantic, which take seconds to
# build, count as the last.
FIRST = {
    flags_of(path)["train_data"]: path.stem
    for path in sorted(PATHS, key=lambda p: p.stem.startswith("coherent_semantic"))[::-1]
}.values()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem in FIRST else pytest.mark.slow)
        for path in PATHS
        if path.stem != "quickstart"
    ],
    ids=lambda p: p.stem,
)
def test_configs_say_how_to_obtain_their_data(run, tmp_path, monkeypatch, path):
    name = flags_of(path)["train_data"].split("/")[1]  # folder:data/NAME/train
    monkeypatch.chdir(tmp_path)
    status, _, err = run(f"--flagfile={path}", *SMALL_SYSTEM[flags_of(path)["system"]])
    assert (
        status == 1
        and f"data/{name}/train" in err
        and OBTAIN[name] in err
        and "--train_data=folder:PATH" in err
    )


@pytest.mark.parametrize(
    "path",
    [path if path.stem in FEW else pytest.param(path, marks=pytest.mark.slow) for path in PATHS],
    ids=lambda p: p.stem,
)
def test_configs_run(run, tmp_path, path):
    words = SMALL_SYSTEM[flags_of(path)["system"]]
    status, out, _ = run(
        f"--flagfile={path}",
        *QUICK,
        *words,
        f"--run_dir={tmp_path / 'run'}",
        "--resize=0",
        "--steps=0",
    )
    assert status == 0 and "Validation at step 0" in out


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_configs_begin_with_what_they_are(path):
    head, _, rest = path.read_text().partition("\n--")
    assert all(line.startswith("#") for line in head.splitlines())
    assert not any(line.startswith("#") for line in rest.splitlines())
    assert (
        f"--flagfile=configs/{path.name}" in head
        and flags_of(path)["run_dir"] == f"runs/{path.stem}"
    )
    labels = ("Paper", "Command", "Data", "Time", "Score") + (
        () if path.stem == "quickstart" else ("Holes", "Features")
    )
    assert [label for label in labels if f"\n# {label}:" not in head] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_flags_that_configs_name_exist_and_take_the_value_given(path):
    assert evaluate.main and inpaint.main and train.main  # they define the flags of these commands
    known = flags.FLAGS
    for name, value in re.findall(r"(?<![\w-])--(\w+)(?:=([^\s;)]+))?", path.read_text()):
        if name == "flagfile":
            continue
        if name.startswith("no") and name not in known:
            name, value = name[2:], ""
        assert name in known, name
        if value:
            known[name].parser.parse(value.rstrip(".,:"))


def test_configs_of_every_system():
    assert {flags_of(path)["system"] for path in PATHS} == set(SYSTEMS) == set(SMALL_SYSTEM)


def test_help_lists_the_flags_without_tensorflow():
    code = (
        "import sys; from tfinpaint import train\n"
        "try: train.cli()\n"
        "finally: print('tensorflow' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, cwd=CONFIGS.parent
    )
    assert shown.returncode == 0 and shown.stdout.rstrip().endswith("False")
    for name in ("--train_data", "--hole_ratio", "--freeze_batch_norm", "--[no]resume"):
        assert name in shown.stdout

"""The dry run: figures checked on data made by hand, warnings, and that it leaves nothing
behind."""

import csv
import dataclasses

import numpy as np
import pytest
from PIL import Image

import tfinpaint
from tfinpaint import train as train_command
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.systems.specification import all_systems
from tfinpaint.training import dry_run, sanity_checks, train
from tfinpaint.training.dry_run import DryRun


@pytest.fixture
def made(tmp_path):
    """Settings of a run on four photographs of one colour (51, which is -0.6) and one mask, 8 of
    whose 32 columns are white."""
    (tmp_path / "photos").mkdir()
    for k in range(4):
        Image.new("RGB", (40 + k, 50), (51, 51, 51)).save(tmp_path / f"photos/{k}.png")
    mask = np.zeros((32, 32), np.uint8)
    mask[:, :8] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    holes = HoleSettings(f"files:{tmp_path / 'mask.png'}", mask_rotate="none", mask_flip=False)
    return TrainSettings(
        system="partial_conv",
        photos=PhotoSettings(f"folder:{tmp_path / 'photos'}", image_size=32),
        holes=holes,
        eval_data="samples:coffee",
        system_settings=(("width", 4), ("depth", 4)),
        batch_size=2,
        steps=3,
        perceptual_weights="none",
        log_every=1,
        sample_every=2,
        eval_count=1,
    )


@pytest.mark.slow
def test_figures_of_data_made_by_hand(made, tmp_path):
    found = dry_run(made, str(tmp_path / "run"))
    figures = found.figures
    assert [figures[k] for k in ("minimum", "maximum", "mean")] == pytest.approx([-0.6] * 3)
    assert [figures[k] for k in ("share_minimum", "share_mean", "share_maximum")] == [0.25] * 3
    assert found.warnings == ()
    text = "\n".join(found.lines)
    for words in (
        "values -0.600 to -0.600, mean -0.600",
        "white in its files is hole (`mask_is`)",
        "0.250 to 0.250, mean 0.250",
        "no critic",
        "loss at step 1: ",
        "weight 6 x ",
        "s per step of 2 images",
        "3 steps to `steps=3`: about 0:",
    ):
        assert words in text, text
    # The input with the hole in red, the hole in white and the original, 4 pixels apart, in a row
    # for each of six squares.
    picture = found.picture
    assert picture.shape == (6 * 32 + 5 * 4, 3 * 32 + 2 * 4, 3)
    assert (picture[:32, :8] == [230, 30, 30]).all() and (picture[:32, 8:32] == 51).all()
    assert (
        (picture[:32, 36:44] == 255).all()
        and (picture[:32, 44:68] == 0).all()
        and (picture[:32, 72:] == 51).all()
    )
    assert not (tmp_path / "run").exists() and sorted(p.name for p in tmp_path.iterdir()) == [
        "mask.png",
        "photos",
    ]


@pytest.mark.slow
def test_the_terms_and_parameters_are_those_of_the_run(made, tmp_path, eager):
    found, said = dry_run(made, str(tmp_path / "run")), []
    train(made, str(tmp_path / "run"), say=said.append)
    with open(tmp_path / "run/metrics.csv", newline="") as file:
        first = next(csv.DictReader(file))
    assert set(found.figures["terms"]) == {"valid", "hole", "variation"}
    for name, value in found.figures["terms"].items():
        assert float(first[name]) == pytest.approx(value, rel=1e-5)
    trainable, everything = found.figures["parameters"]["generator"]
    generator = tfinpaint.create("partial_conv", width=4, depth=4).generator
    assert (trainable, everything) == (
        sum(v.shape.num_elements() for v in generator.trainable_variables),
        generator.count_params(),
    )
    assert any(f"{trainable:,} parameters" in line for line in said)


@pytest.mark.slow
def test_a_run_is_the_same_after_a_dry_run(made, tmp_path):
    losses = []
    for name in ("without", "with"):
        if name == "with":
            dry_run(made, str(tmp_path / name))
        train(made, str(tmp_path / name))
        with open(tmp_path / name / "metrics.csv", newline="") as file:
            losses.append([row["loss"] for row in csv.DictReader(file)])
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_it_goes_on_from_a_checkpoint_and_leaves_the_run_alone(made, tmp_path):
    train(made, str(tmp_path / "run"))
    before = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "run").rglob("*"))}
    found = dry_run(dataclasses.replace(made, steps=10), str(tmp_path / "run"), resume=True)
    assert any("loss at step 4: " in line for line in found.lines) and any(
        "7 steps to `steps=10`" in line for line in found.lines
    )
    assert {
        path: path.stat().st_mtime_ns for path in sorted((tmp_path / "run").rglob("*"))
    } == before
    dry_run(made, str(tmp_path / "run"))  # which is not empty


def warnings_of(settings):
    return " | ".join(
        sanity_checks.check_photos(
            settings, tfinpaint.data.photos.open_photos(settings.photos.source)
        )
    )


def test_suspicious_photographs(made, tmp_path):
    with_small = dataclasses.replace(made, photos=dataclasses.replace(made.photos, image_size=48))
    assert "4 of 4 photographs looked at are smaller than `image_size=48`" in warnings_of(
        with_small
    )
    assert "no `eval_data`" in warnings_of(dataclasses.replace(made, eval_data=None))
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies/other.png").write_bytes((tmp_path / "photos/1.png").read_bytes())
    Image.new("RGB", (41, 50), (52, 51, 51)).save(tmp_path / "copies/new.png")
    both = dataclasses.replace(made, eval_data=f"folder:{tmp_path}/copies", eval_count=2)
    assert "1 of 2 photographs of `eval_data='folder" in warnings_of(
        both
    ) and "other.png" in warnings_of(both)
    assert warnings_of(made) == ""


@pytest.mark.slow
def test_a_run_warns_of_validation_photographs_that_it_trains_on(made, tmp_path, eager):
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies/other.png").write_bytes((tmp_path / "photos/1.png").read_bytes())
    said = []
    both = dataclasses.replace(made, eval_data=f"folder:{tmp_path}/copies", steps=1)
    train(both, str(tmp_path / "run"), say=said.append)
    (warning,) = [line for line in said if line.startswith("warning: ")]
    assert "1 of 1 photographs of `eval_data='folder" in warning and "example other.png" in warning


def test_suspicious_holes():
    files = HoleSettings("files:masks", ratio=(0.1, 0.8))
    assert sanity_checks.check_holes(files, np.array([0.2, 0.4])) == []
    (polarity,) = sanity_checks.check_holes(files, np.array([0.6, 0.5]))
    assert "55% of the pixels are missing" in polarity and "`mask_is='known'` flips it" in polarity
    (beyond,) = sanity_checks.check_holes(
        HoleSettings("strokes", ratio=(0.1, 0.3)), np.array([0.05, 0.2, 0.31])
    )
    assert "2 of 3 holes" in beyond and "0.1,0.3 (`ratio`): 0.05 to 0.31" in beyond


def test_a_term_that_dominates():
    class Multistage:
        specification = all_systems()["multistage"]

    class GatedConv:
        specification = all_systems()["gated_conv"]

    check = sanity_checks.check_loss
    assert check(Multistage, {"hole": 100.0, "adversarial": -1.0}) == []
    (style,) = check(Multistage, {"hole": 1.0, "style": 99.0})
    assert "the style term is 99% of the loss" in style and "`loss_weights['style']`" in style
    assert check(Multistage, {"hole": 0.0, "style": 0.0}) == []
    # Only the system's own terms count: "hole" compares pixels, but not here.
    (hole,) = check(GatedConv, {"hole": 100.0, "adversarial": -1.0})
    assert "the hole term is 99% of the loss" in hole


def test_no_gpu_for_a_full_system(made):
    class Full:
        specification, width = all_systems()["partial_conv"], 64

    long = dataclasses.replace(made, steps=500_000)
    (days,) = sanity_checks.check_time(long, Full, 3.456, "CPU")
    assert "no GPU for partial_conv at its full width (64), and the run takes days" in days
    assert (
        sanity_checks.check_time(long, Full, 3.456, "GPU")
        == sanity_checks.check_time(made, Full, 3.456, "CPU")
        == []
    )


def test_the_command(command_line, tmp_path, eager):
    arguments = (
        "--train_data=samples:astronaut,chelsea",
        "--image_size=32",
        "--batch_size=2",
        "--perceptual_weights=none",
        "--steps=2",
        "--width=4",
        "--depth=4",
        "--weight_adversarial=0",
        f"--run_dir={tmp_path}/runs/a",
        "--dry_run",
    )
    status, out, err = command_line(train_command.main, *arguments)
    assert status == 0 and f"{tmp_path}/runs/a.dry_run.png" in out
    assert "tfinpaint: warning: no --eval_data" in err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a.dry_run.png"]
    assert Image.open(tmp_path / "runs/a.dry_run.png").size == (104, 6 * 36 - 4)
    status, _, err = command_line(train_command.main, *arguments, "--image_size=40")
    assert status == 1 and "--image_size is a multiple of 16" in err


def test_a_picture_that_cannot_be_written_is_told_before_the_steps(command_line, tmp_path):
    (tmp_path / "a.dry_run.png").mkdir()
    status, out, err = command_line(
        train_command.main, "--train_data=samples:", f"--run_dir={tmp_path}/a", "--dry_run"
    )
    assert status == 1 and out == ""
    assert err == (
        f"tfinpaint: --run_dir={tmp_path}/a: the picture of --dry_run cannot be written, "
        f"{tmp_path}/a.dry_run.png is a folder\n"
    )


def test_what_a_dry_run_found_is_printed_even_if_its_picture_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").touch()  # another program was quicker than the run
    found = DryRun(("images: ten", "loss: 3"), (), np.zeros((4, 4, 3), np.uint8), {})
    with pytest.raises(SettingsError, match="`run_dir=.*cannot be written: .*file is a file"):
        train_command.show(found, str(tmp_path / "file/a.dry_run.png"))
    assert capsys.readouterr().out == "images: ten\nloss: 3\n"


def test_links_that_lead_nowhere_and_files_that_vanish(made, tmp_path, monkeypatch):
    folder = tmp_path / "eval"
    folder.mkdir()
    for k in range(3):
        Image.new("RGB", (41, 50), (k, 51, 51)).save(folder / f"{k}.png")
    (folder / "3.png").symlink_to(tmp_path / "nowhere")
    settings = dataclasses.replace(made, eval_data=f"folder:{folder}", eval_count=9)
    assert "are in" not in warnings_of(settings)
    real = sanity_checks.open_photos

    def vanishing(*arguments):
        found = real(*arguments)
        (folder / "1.png").unlink()
        return found

    monkeypatch.setattr(sanity_checks, "open_photos", vanishing)
    assert "are in" not in warnings_of(settings)

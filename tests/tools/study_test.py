"""The command of the study: its flags, its plan, what it makes and what it leaves."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from changed import changed

from tfinpaint.photo import write_photo
from tools import study
from tools.studies import cost_measuring, costs, measuring, records, running, same_settings
from tools.studies.plan import Run, plan

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRAINER = str(ROOT / "tests" / "tools" / "studies" / "trainer.py")
MUSICAL = Run("facades", "reconstruction", "musical", 1)
EDGES = Run("facades", "reconstruction", "edge_connect", 1)
# seconds of a step: 120 of them are a step of `musical` in a minute of two cores
SECONDS = {
    **dict.fromkeys(costs.keys(MUSICAL), 12.0),
    **dict.fromkeys(costs.keys(EDGES), 6.0),
}


@pytest.fixture(autouse=True)
def sigterm():
    """The command changes how this process takes SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "costs.json"
    costs.Costs("a machine", SECONDS).write(str(path))
    return path


@pytest.fixture
def photos(tmp_path):
    """Twelve photographs of colour ramps in each folder."""
    ramp = np.linspace(0, 255, 160)[:, np.newaxis, np.newaxis]
    for data in ("facades", "free"):
        for part in ("train", "val"):
            for k in range(12):
                colour = np.array([k * 20, 120, 250 - k * 20])
                picture = np.broadcast_to((ramp + colour) / 2, (160, 160, 3)).astype(np.uint8)
                path = tmp_path / "photos" / data / part / f"{k:02d}.png"
                write_photo(str(path), np.rot90(picture, k).copy())
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--output is missing"),
        (["--output=o", "--minutes=0"], "--minutes is above 0. Got 0"),
        (["--output=o"], "--photos is missing"),
        (["--output=o", "--photos=nowhere"], "without facades/train"),
        (["--output=o", "--only=nothing"], "--only matches no run"),
        (["--output=o", "--only=(("], "--only is no regular expression"),
        (["--tables_only"], "--tables_only writes to --page, to --output, or to both"),
        (["--output=o", "--tables_only"], "--results=docs/study is no folder"),
        (["--results=.", "--tables_only", "--page=none.md"], "--page=none.md cannot be read"),
        (["--measure_costs"], "--photos is missing"),
    ],
)
def test_mistakes_are_one_line(command_line, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, err = command_line(study.main, *arguments)
    assert status == 1 and message in err and len(err.splitlines()) == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("flag", ["perceptual_weights", "lpips_weights"])
def test_weights_are_files(command_line, photos, tmp_path, flag):
    status, _, err = command_line(
        study.main, f"--output={tmp_path}/o", f"--photos={photos}", f"--{flag}=imagenet"
    )
    assert status == 1 and f"--{flag} is a file here. Got 'imagenet'" in err
    assert not os.path.exists(tmp_path / "o")


def test_all_terms_take_weights(command_line, photos, tmp_path):
    status, _, err = command_line(
        study.main, f"--output={tmp_path}/o", f"--photos={photos}", "--only=.*-full-musical-1"
    )
    assert status == 1 and "--perceptual_weights is missing" in err
    assert not os.path.exists(tmp_path / "o")


def test_only_takes_names_and_expressions():
    names = [run.name for run in plan()]
    assert [run.name for run in study.chosen(f"{names[3]},{names[1]}")] == [names[1], names[3]]
    found = study.chosen("facades-.*-musical.*-1")
    assert len(found) > 5 and all(run.system == "musical" for run in found)
    assert study.chosen("") == plan()


class Made:
    """The command with a trainer that trains nothing and figures that tell the step."""

    def __init__(self, command_line, photos, tmp_path, table, monkeypatch):
        self.results, self.output = tmp_path / "results", tmp_path / "output"
        self.measured, self.fails, self.loses = [], False, False
        self._command_line = command_line
        self._words = [
            *(f"--photos={photos}", f"--output={self.output}", f"--results={self.results}"),
            f"--costs={table}",
        ]
        monkeypatch.setattr(study, "_trainer", lambda run: [sys.executable, TRAINER, "0", "100"])
        monkeypatch.setattr(measuring, "subprocess", changed(subprocess, run=self._evaluate))
        monkeypatch.setattr("tools.studies.pictures.write", lambda *_: [])

    def __call__(self, *arguments, run=MUSICAL):
        status, out, err = self._command_line(
            study.main, *self._words, f"--only={run.name}", *arguments
        )
        assert status in (0, 1)
        return out, err

    def record(self, run=MUSICAL):
        return records.read(str(self.results), run.name)

    def log(self, run=MUSICAL):
        lines = (self.output / run.name / "train.log").read_text().splitlines()
        return [line for line in lines if line.startswith("phases")]

    def _evaluate(self, words, **_):
        """Writes the report that `evaluate` would write."""
        flags = dict(word[2:].split("=", 1) for word in words if "=" in word)
        kind, output = flags["holes"], pathlib.Path(flags["output"])
        steps = running.last_step(flags["model"]) or None  # references have none
        if steps and self.fails:
            return subprocess.CompletedProcess(words, 1, "it does not work")
        if kind == "center":
            self.measured.append(output.parent.name)
        blocks = measuring.BLOCKS[:1] if kind == "center" else measuring.BLOCKS[1:]
        model = {"psnr_in_hole": {"each": [steps or 10.0, 14 / 3]}}
        if "lpips_weights" in flags:
            model["lpips"] = {"each": [0.5, 0.25]}
        content = {
            "settings": {"data": flags["data"]},
            "versions": {"commit": "abc", "made": "today", "tensorflow": "2.15.1"},
            "models": {"run": {"steps": steps, "parameters": 7}},
            "blocks": [
                {"title": title, "photographs": ["a", "b"], "models": {"run": model}}
                for title in blocks
            ],
        }
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.json").write_text(json.dumps(content))
        return subprocess.CompletedProcess(words, 1 if self.loses else 0, "")


@pytest.fixture
def made(command_line, photos, tmp_path, table, monkeypatch):
    return Made(command_line, photos, tmp_path, table, monkeypatch)


def test_a_run_is_trained_for_the_steps_of_its_cost_and_measured(made):
    out, err = made("--minutes=2")
    assert not err and f"{MUSICAL.name}: trains\n{MUSICAL.name}: 2 minutes, 20 steps; PSNR" in out
    assert made.log() == ["phases ; from 0 to 20"]  # 240 seconds of 12 s
    record = made.record()
    assert (record.minutes, record.steps, record.parameters) == (2, 20, 7)
    assert record.figures["center"] == {"psnr_in_hole": [20, 4.6667]}
    assert made.measured == ["facades-references", MUSICAL.name]
    assert "1 of 116 planned runs" in (made.output / "tables.md").read_text()


def test_a_finished_result_is_not_made_again_wherever_its_run_directory_is(made):
    made("--minutes=2")
    shutil.rmtree(made.output)
    made("--minutes=2")
    made("--minutes=1")
    assert made.measured == ["facades-references", MUSICAL.name]
    assert not (made.output / MUSICAL.name / "run").exists()


@pytest.mark.slow
def test_with_more_minutes_a_run_goes_on_and_its_result_stays_until_then(made):
    made("--minutes=2")
    made.fails = True
    _, err = made("--minutes=5")
    assert "it cannot be measured: it does not work" in err and made.record().minutes == 2
    out, _ = made("--minutes=5", "--plan")
    assert f"{MUSICAL.name}: 2 minutes, 20 steps; PSNR in the hole: center 12.33 dB" in out
    assert out.endswith("; now 50 of 50 steps, not measured\n")
    made.fails = False
    out, err = made("--minutes=5")
    assert not err and "trains" not in out  # it was trained already
    assert made.log() == ["phases ; from 0 to 20", "phases ; from 20 to 50"]
    assert (made.record().minutes, made.record().steps) == (5, 50)


def test_a_photograph_that_evaluate_left_out_is_no_failure(made):
    """It ends with status 1 then, and its report is complete."""
    made.loses = True
    _, err = made("--minutes=2")
    assert not err and made.record().steps == 20


def test_a_failure_leaves_no_report_of_another_time(made):
    made("--minutes=2")
    report = made.output / MUSICAL.name / "center" / "report.json"
    content = json.loads(report.read_text())
    content["models"]["run"]["steps"] = 19
    report.write_text(json.dumps(content))
    (made.results / f"{MUSICAL.name}.json").unlink()
    made.fails = True
    _, err = made("--minutes=2")
    assert "it cannot be measured: it does not work" in err and not report.exists()


def test_results_without_lpips_get_it_when_its_weights_are_given(made, tmp_path):
    made("--minutes=2")
    (tmp_path / "alexnet.npz").touch()
    _, err = made("--minutes=2", f"--lpips_weights={tmp_path / 'alexnet.npz'}")
    assert not err and made.log() == ["phases ; from 0 to 20"]  # it was not trained again
    assert made.record().figures["center"]["lpips"] == [0.5, 0.25]
    made("--minutes=2", f"--lpips_weights={tmp_path / 'alexnet.npz'}")
    made("--minutes=2")
    assert made.measured == ["facades-references", MUSICAL.name] * 2


@pytest.mark.parametrize("is_there", [True, False])
def test_no_result_is_trained_again_for_lpips(made, tmp_path, is_there):
    """One of more minutes keeps its steps, one without its network stays as it is."""
    made("--minutes=2")
    if not is_there:
        shutil.rmtree(made.output / MUSICAL.name / "run")
    (tmp_path / "alexnet.npz").touch()
    _, err = made("--minutes=1", f"--lpips_weights={tmp_path / 'alexnet.npz'}")
    assert (made.record().minutes, made.record().steps) == (2, 20)
    assert ("lpips" in made.record().figures["center"]) == is_there
    assert ("stays without LPIPS" in err) != is_there
    assert made.log() == ["phases ; from 0 to 20"]


@pytest.mark.slow
def test_with_more_minutes_a_run_in_phases_begins_anew(made):
    made("--minutes=1", run=EDGES)
    made("--minutes=2", run=EDGES)
    assert made.log(EDGES) == [
        "phases edges:6,inpainting:10,edge_inpainting; from 0 to 20",
        "phases edges:12,inpainting:20,edge_inpainting; from 0 to 40",
    ]
    assert made.record(EDGES).steps == 40


def train_by_hand(made, steps, every):
    """Returns the folder of the checkpoints."""
    run_dir = made.output / MUSICAL.name / "run"
    words = [sys.executable, TRAINER, "0", str(every), f"--run_dir={run_dir}", f"--steps={steps}"]
    subprocess.run(words, check=True, capture_output=True)
    return run_dir / "checkpoints"


def test_a_run_directory_made_by_hand_is_only_measured_and_keeps_its_last_checkpoint(made):
    checkpoints = train_by_hand(made, steps=20, every=8)
    assert {path.stem for path in checkpoints.iterdir()} > {"ckpt-8", "ckpt-20"}
    out, err = made("--minutes=2")
    assert not err and "trains" not in out and made.record().steps == 20
    assert {path.name.split(".")[0] for path in checkpoints.iterdir()} == {"ckpt-20"}


def test_a_run_directory_beyond_its_steps_is_named_before_it_is_measured(made):
    checkpoints = train_by_hand(made, steps=30, every=10)
    before = sorted(checkpoints.iterdir())
    assert (checkpoints / "ckpt-20.index").exists()
    _, err = made("--minutes=2")
    assert "run is at step 30, beyond the 20 of this run: raise --minutes, or move it away" in err
    assert made.measured == ["facades-references"] and made.record() is None
    assert sorted(checkpoints.iterdir()) == before


def test_a_measurement_is_not_that_of_a_run_that_was_trained_anew(made):
    made("--minutes=2")
    shutil.rmtree(made.output / MUSICAL.name / "run")
    (made.results / f"{MUSICAL.name}.json").unlink()
    made("--minutes=2")
    assert made.log() == ["phases ; from 0 to 20"] * 2
    assert made.measured == ["facades-references", MUSICAL.name, MUSICAL.name]


def test_a_run_is_made_again_if_the_table_gives_it_other_steps(made, table):
    made("--minutes=2")
    costs.Costs("a machine", {**SECONDS, costs.keys(MUSICAL)[0]: 6.0}).write(str(table))
    made("--minutes=1")  # its result is of more minutes
    assert made.record().steps == 20
    out, _ = made("--minutes=2", "--plan")
    assert out.endswith("; now 20 of 40 steps\n")
    made("--minutes=2")
    assert made.log() == ["phases ; from 0 to 20", "phases ; from 20 to 40"]
    assert (made.record().minutes, made.record().steps) == (2, 40)
    table.unlink()  # without a cost there are no steps to compare
    _, err = made("--minutes=2")
    assert not err and made.record().steps == 40 and len(made.log()) == 2


def test_unreadable_settings_end_one_run_alone(made):
    run_dir = made.output / MUSICAL.name / "run"
    run_dir.mkdir(parents=True)
    (run_dir / "settings.json").write_text('{"steps": 2')
    _, err = made("--minutes=2", f"--only={MUSICAL.name},{EDGES.name}")
    assert f"{MUSICAL.name} failed: the settings of {run_dir} cannot be read: " in err
    assert made.record() is None and made.record(EDGES).steps == 40


@pytest.mark.parametrize(
    "error, message",
    [
        (PermissionError("no permission"), "run cannot be read: no permission"),
        (
            subprocess.CalledProcessError(1, "python", stderr="Traceback\n--seed is wrong\n"),
            "its flags cannot be read: --seed is wrong",
        ),
    ],
)
def test_settings_that_cannot_be_compared(made, monkeypatch, error, message):
    def differences(*_):
        raise error

    monkeypatch.setattr(same_settings, "differences", differences)
    _, err = made("--minutes=2")
    assert f"{MUSICAL.name} failed: " in err and message in err and made.record() is None


def test_a_table_that_cannot_be_written_is_found_before_anything_is_measured(
    made, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, *_: str(path) != str(tmp_path))
    monkeypatch.setattr(cost_measuring, "fill", lambda *_: pytest.fail("it is measured"))
    _, err = made("--measure_costs")
    assert "costs" in err and "cannot be written: no permission" in err


def test_a_run_directory_of_other_settings_is_left(made):
    run_dir = made.output / MUSICAL.name / "run"
    (run_dir / "checkpoints").mkdir(parents=True)
    (run_dir / "checkpoints" / "ckpt-20.index").touch()
    (run_dir / "settings.json").write_text('{"bfloat16": true, "steps": 20, "seed": 1}')
    _, err = made("--minutes=2")
    assert "run was made with another bfloat16: move it away" in err and made.record() is None


def test_a_run_whose_cost_is_not_known_is_refused(made):
    _, err = made("--minutes=2", run=Run("facades", "reconstruction", "shift_net", 1))
    assert "--costs lacks the cost of a step of facades-reconstruction-shift_net-1" in err
    assert "--measure_costs" in err and len(err.splitlines()) == 1
    assert not made.output.exists() and not made.results.exists()


def test_the_plan_says_how_far_each_run_is(command_line, tmp_path, table):
    folder = tmp_path / MUSICAL.name / "run" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "ckpt-7.index").touch()
    status, out, _ = command_line(
        study.main,
        *("--plan", f"--output={tmp_path}", f"--results={tmp_path}/r", f"--costs={table}"),
        "--minutes=2",
    )
    lines = out.splitlines()
    assert status == 0 and len(lines) == len(plan())
    assert f"{MUSICAL.name}: 7 of 20 steps" in lines
    assert "facades-full-musical-1: its cost is not measured" in lines
    assert f"{EDGES.name}: 0 of 40 steps" in lines


@pytest.mark.slow
def test_two_systems_from_end_to_end(photos, tmp_path):
    """Measured costs, trained, measured, shown; the second call makes nothing again and fills a
    page; the third goes on."""
    output, results, table = (tmp_path / name for name in ("study", "results", "costs.json"))
    words = [
        *(sys.executable, "-m", "tools.study", f"--photos={photos}", f"--output={output}"),
        *(f"--results={results}", f"--costs={table}"),
        "--only=facades-reconstruction-(shift_net|partial_conv)-1",
    ]

    def call(*more):
        return subprocess.run([*words, *more], cwd=ROOT, capture_output=True, text=True)

    costed = call("--measure_costs")
    assert costed.returncode == 0, costed.stderr
    seconds = costs.read(str(table)).seconds
    assert {design for _, design, _ in seconds} == {"multistage", "shift_net", "partial_conv"}
    assert all(0.01 < value < 10 for value in seconds.values())
    first = call("--minutes=0.02")
    assert first.returncode == 0, first.stderr
    for name in ("shift_net", "partial_conv"):
        name = f"facades-reconstruction-{name}-1"
        record = records.read(str(results), name)
        assert record.steps == max(
            1, round(2.4 / seconds["reconstruction", name.split("-")[2], ""])
        )
        assert 2_000_000 < record.parameters < 3_000_000
        assert (results / f"{name}.json").stat().st_size < 25_000
        assert f"{name}: trains\n{name}: " in first.stdout
    picture = output / "pictures" / "facades-reconstruction-center"
    assert picture.with_suffix(".png").stat().st_size > 1000
    lines = picture.with_suffix(".txt").read_text().splitlines()
    assert lines[1:3] == ["original", "hole"] and len(lines) == 5
    page = tmp_path / "page.md"
    page.write_text("<!-- study: facades reconstruction -->\n<!-- end -->\n")
    before = {path: path.stat().st_mtime_ns for path in output.rglob("report.json")}
    assert len(before) == 6  # of two runs and of the references, two kinds of hole each
    second = call("--minutes=0.02", f"--page={page}")
    assert second.returncode == 0 and "trains" not in second.stdout
    assert {path: path.stat().st_mtime_ns for path in output.rglob("report.json")} == before
    text = page.read_text()
    assert text.count("| `shift_net` | 1 | ") == 4 and "| Telea |  | " in text
    assert text.count("Not run yet: ") == 4 and text.count("`coherent_semantic`") == 4
    before = records.read(str(results), "facades-reconstruction-shift_net-1")
    third = call("--minutes=0.06", f"--only={before.run}")
    after = records.read(str(results), before.run)
    assert third.returncode == 0 and after.minutes == 0.06 and after.steps > before.steps
    log = (output / before.run / "train.log").read_text()
    assert f"resumed at step {before.steps}:" in log
    assert after.figures != before.figures

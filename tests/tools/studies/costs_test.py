"""Costs of steps: what follows from the table, and how it is measured."""

import json
import pathlib
import sys

import pytest

from tfinpaint.settings import SettingsError
from tools.studies import cost_measuring, costs, running
from tools.studies.costs import ANCHOR, Costs
from tools.studies.plan import FULL, RECONSTRUCTION, Run, plan

TRAINER = str(pathlib.Path(__file__).with_name("trainer.py"))
MUSICAL = Run("facades", RECONSTRUCTION, "musical", 1)
EDGES = Run("free", FULL, "edge_connect", 2)
TABLE = {
    (RECONSTRUCTION, "musical", ""): 0.8,
    (FULL, "edge_connect", "edges"): 0.25,
    (FULL, "edge_connect", "inpainting"): 1.5,
    (FULL, "edge_connect", "edge_inpainting"): 7.0,
}


@pytest.mark.parametrize("minutes", [40, 10, 0.3, 0.01])
def test_steps_follow_from_costs_and_minutes(minutes):
    """share of the phase * 120 s * minutes / seconds of a step, rounded, at least 1."""
    table = Costs("a machine", TABLE)
    assert table.steps(MUSICAL, minutes) == {"": max(1, round(120 * minutes / 0.8))}
    shares = {"edges": (0.3, 0.25), "inpainting": (0.5, 1.5), "edge_inpainting": (0.2, 7.0)}
    steps = table.steps(EDGES, minutes)
    assert list(steps) == list(shares)
    for phase, (share, seconds) in shares.items():
        assert steps[phase] == max(1, round(share * 120 * minutes / seconds))


def test_a_cost_that_lacks_is_named():
    table = Costs("a machine", {**TABLE})
    del table.seconds[FULL, "edge_connect", "inpainting"]
    assert table.lacks(EDGES) and not table.lacks(MUSICAL)
    with pytest.raises(
        SettingsError, match="lacks the cost of a step of free-full-edge.*-2: --mea"
    ):
        table.steps(EDGES, 40)
    with pytest.raises(SettingsError, match=f"{ANCHOR.name} and 1 more: --measure_costs"):
        table.check([MUSICAL, ANCHOR, EDGES])


def test_a_table_is_read_as_it_was_written(tmp_path):
    path = str(tmp_path / "new" / "costs.json")
    assert costs.read(path) == Costs("", {})
    Costs("a machine", TABLE).write(path)
    assert costs.read(path) == Costs("a machine", TABLE)
    content = json.loads((tmp_path / "new" / "costs.json").read_text())
    assert content["seconds"]["reconstruction"] == {"musical": 0.8}
    assert content["seconds"]["full"]["edge_connect"]["edges"] == 0.25


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": "", "seconds": {"full": {"a": 0}}}'])
def test_what_is_no_table(tmp_path, text):
    (tmp_path / "costs.json").write_text(text)
    with pytest.raises(SettingsError, match="--costs=.* is no table of costs"):
        costs.read(str(tmp_path / "costs.json"))


def test_the_table_of_the_project_names_its_machine_and_what_is_planned():
    table = costs.read(costs.COSTS)
    assert table.machine
    assert set(table.seconds) <= {key for run in plan() for key in costs.keys(run)}


def words(run):
    """The stand-in for training; a step takes 0.02 s, of a phase 0.06 s."""
    fail = ["--fail"] if run.design == "shift_net" else []
    return [sys.executable, TRAINER, "0.02", "1000", *fail]


@pytest.mark.slow
def test_a_step_is_measured_without_its_start():
    assert cost_measuring.seconds_per_step(words(MUSICAL)) == pytest.approx(0.02, rel=0.3)
    slow = [*words(MUSICAL), "--phases=slow"]
    assert cost_measuring.seconds_per_step(slow) == pytest.approx(0.06, rel=0.2)


def test_a_training_that_ends_has_no_cost():
    with pytest.raises(running.Failed, match="a loss is not finite"):
        cost_measuring.seconds_per_step([*words(MUSICAL), "--fail"])


@pytest.fixture
def measured(monkeypatch):
    """Makes every step cost as much as its words say; returns them in their order."""
    calls = []

    def seconds_per_step(command):
        calls.append(command)
        if command[0] == "shift_net":
            raise running.Failed("a loss is not finite")
        of = {"multistage": 2.0, "musical": 5.0, "edge_connect": 3.0}
        return of[command[0]]

    monkeypatch.setattr(cost_measuring, "seconds_per_step", seconds_per_step)
    return calls


def fill(path, *runs):
    said, warned = [], []
    cost_measuring.fill(str(path), list(runs), lambda r: [r.design], said.append, warned.append)
    return said, warned


def test_measured_costs_are_scaled_by_the_anchor(tmp_path, measured):
    """The machine of the table took 0.5 s for what this one takes 2 s for."""
    path = tmp_path / "costs.json"
    before = {(RECONSTRUCTION, "multistage", ""): 0.5, (RECONSTRUCTION, "musical", ""): 0.8}
    Costs("another machine", before).write(str(path))
    fill(path, MUSICAL, EDGES)
    table = costs.read(str(path))
    assert table.machine == "another machine"
    phases = {(FULL, "edge_connect", name): 0.75 for name, _ in EDGES.phases}
    assert table.seconds == {**before, **phases}
    assert measured == [
        ["multistage"],
        *(["edge_connect", f"--phases={name}"] for name, _ in EDGES.phases),
    ]


def test_the_first_machine_is_the_unit(tmp_path, measured):
    path = tmp_path / "costs.json"
    said, warned = fill(path, MUSICAL, ANCHOR)
    assert costs.read(str(path)) == Costs(
        cost_measuring.machine(),
        {(RECONSTRUCTION, "multistage", ""): 2.0, (RECONSTRUCTION, "musical", ""): 5.0},
    )
    assert measured == [["multistage"], ["musical"]] and len(said) == 2 and not warned
    assert fill(path, MUSICAL, ANCHOR) == (["no cost is missing"], []) and len(measured) == 2


def test_a_cost_that_cannot_be_measured_is_named_and_left(tmp_path, measured):
    path = tmp_path / "costs.json"
    _, warned = fill(path, Run("facades", FULL, "shift_net", 1), MUSICAL)
    assert warned == ["the cost of full shift_net cannot be measured: a loss is not finite"]
    assert len(costs.read(str(path)).seconds) == 2


def test_a_table_without_its_anchor_is_refused(tmp_path, measured):
    Costs("a machine", TABLE).write(str(tmp_path / "costs.json"))
    with pytest.raises(SettingsError, match="lacks the anchor, reconstruction multistage"):
        fill(tmp_path / "costs.json", ANCHOR)
    assert not measured

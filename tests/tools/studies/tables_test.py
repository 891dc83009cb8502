"""Tables of the study and verdicts, from made-up figures."""

import dataclasses

import numpy as np
import pytest

from tfinpaint.metrics import statistics
from tfinpaint.settings import SettingsError
from tools.studies import claims, summary, tables
from tools.studies.claims import CONTRADICTED, HOLDS, NO, NOT_RUN, NOT_TESTABLE
from tools.studies.measuring import BLOCKS
from tools.studies.plan import FULL, RECONSTRUCTION, plan
from tools.studies.records import Record
from tools.studies.results import Result, Results


def figures(psnr, lpips=0.3):
    """{block: {column: [20]}} around a mean; the photographs differ by the same for everybody."""
    spread = np.linspace(-3, 3, 20)
    return {
        block: {
            "psnr_in_hole": psnr + spread,
            "ssim_in_hole": 0.5 + spread / 100,
            "l1_in_hole": 10 - spread,
            "lpips": lpips - spread / 100,
        }
        for block in BLOCKS
    }


def made(regime=FULL, **designs):
    """Results on facades: {design: [figures of each seed]}."""
    return Results(
        {("facades", regime, d): dict(enumerate(seeds, 1)) for d, seeds in designs.items()},
        {
            ("facades", regime, d): {
                seed: Record("", None, "", "", [], {}, 40.0, 900, 2_500_000)
                for seed in range(1, len(seeds) + 1)
            }
            for d, seeds in designs.items()
        },
        {"facades": {"telea": figures(15.0), "mean": figures(12.0)}},
        {},
        plan(),
    )


def difference(values, **seeds):
    return Result(statistics.mean(values), seeds or {1: float(np.mean(values))})


AROUND = np.linspace(-1, 1, 20)


@pytest.mark.parametrize(
    "result, column, expected",
    [
        (difference(AROUND + 2), "psnr_in_hole", HOLDS),
        (difference(AROUND - 2), "psnr_in_hole", CONTRADICTED),
        (difference(AROUND + 0.01), "psnr_in_hole", NO),
        (difference(AROUND - 2), "lpips", HOLDS),  # less is better
        (difference(AROUND + 2), "lpips", CONTRADICTED),
        (difference(AROUND + 2, a=4.5, b=-0.5), "psnr_in_hole", NO),  # a seed says otherwise
        (difference(AROUND - 2, a=-4.5, b=0.5), "psnr_in_hole", NO),
        (difference(AROUND[:9] + 2), "psnr_in_hole", NOT_TESTABLE),  # too few photographs
        (None, "psnr_in_hole", NOT_RUN),
    ],
)
def test_verdict(result, column, expected):
    assert claims.verdict(result, column) == expected
    assert claims.verdict(result, column, "no weights") == NOT_TESTABLE


def test_a_photograph_counts_once_whatever_the_number_of_seeds():
    found_all = made(musical=[figures(16.0), figures(18.0)], shift_net=[figures(16.5)])
    found = found_all.mean("facades", FULL, "musical", "center", "psnr_in_hole")
    assert found.mean.mean == pytest.approx(17) and found.mean.count == 20
    assert found.of_seeds == pytest.approx({1: 16, 2: 18})
    # paired: the seed that both have
    other = found_all.difference("facades", FULL, "musical", "shift_net", "center", "psnr_in_hole")
    assert other.mean[:3] == pytest.approx((-0.5, -0.5, -0.5)) and list(other.of_seeds) == [1]
    # a reference has no seed
    other = found_all.difference("facades", FULL, "musical", "telea", "center", "psnr_in_hole")
    assert other.mean.mean == pytest.approx(2) and other.of_seeds == pytest.approx({1: 1, 2: 3})
    assert found_all.mean("free", FULL, "musical", "center", "psnr_in_hole") is None


def test_ours_is_compared_with_each_published_system_that_was_run():
    found = made(RECONSTRUCTION, residual=[figures(17.0)], musical=[figures(16.5)])
    row = next(
        line for line in tables.ours(found, "psnr_in_hole").splitlines() if "musical" in line
    )
    assert row.startswith("| `musical` | facades | reconstruction alone | 1 | +0.50 [+0.50, +0.50]")
    assert tables.ours(found, "psnr_in_hole").count("\n") == 2  # head, line, one system
    assert tables.ours(made(), "lpips") == "Not run yet."


def test_runs_of_another_cost_are_not_compared():
    found_all = made(musical=[figures(16.0)] * 2, shift_net=[figures(16.5)] * 2)
    records = found_all.records["facades", FULL, "musical"]
    records[1] = dataclasses.replace(records[1], minutes=10.0)
    pair = ("facades", FULL, "musical", "shift_net", "center", "psnr_in_hole")
    assert list(found_all.difference(*pair).of_seeds) == [2]
    records[2] = dataclasses.replace(records[2], minutes=10.0)
    assert found_all.difference(*pair) is None
    assert "Each had 10 or 40 minutes of two cores." in tables.progress(found_all)


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_systems_are_sorted_and_missing_ones_named():
    found_all = made(musical=[figures(16.0), figures(18.0)], multistage=[figures(17.5)])
    text, missing = tables.systems(found_all, "facades", FULL, "center").split("\n\n")
    found = rows(text)
    assert [row[0] for row in found[2:]] == ["`multistage`", "`musical`", "Telea", "mean colour"]
    assert found[3][1:5] == ["2", "17.00 dB", "16.00 to 18.00", "+2.00 [+2.00, +2.00]"]
    assert found[4][1:5] == ["", "15.00 dB", "", ""]
    assert missing.startswith("Not run yet: `partial_conv`; `shift_net`; ")
    assert missing.endswith("; Navier-Stokes.") and missing.count(";") == 10  # 11 names


def test_claims_table_has_a_row_for_each_case_that_was_run_and_names_the_others():
    found_all = made(musical=[figures(16.0)], shift_net=[figures(16.5)], multistage=[figures(16.0)])
    text, missing = tables.verdicts(found_all).split("\n\n")
    found = rows(text)
    about = "CSA, figure 10"  # what cannot be tested here is said once more, run or not
    assert [row[0] for row in found[2:]] == ["MUSICAL, table 1 (Paris, centre)", about]
    assert "0.57 dB" in found[2][1] and found[2][3:] == [
        "facades, centre, PSNR",
        "all terms",
        "1",
        "-0.50 [-0.50, -0.50]",
        CONTRADICTED,
    ]
    assert found[3][4:] == ["all terms", "", "", NOT_TESTABLE]
    groups = dict(part.split(": ", 1) for part in missing.removeprefix("Not run yet: ").split("; "))
    left = "facades, reconstruction alone"
    assert groups[left].startswith("`musical` - `shift_net`, `musical` - `global_local`, ")
    assert "`musical` - `shift_net`" not in groups["facades, all terms"]
    # each pair once, though several holes and claims look at it
    assert groups["facades, all terms"].count("`multistage` - `partial_conv`") == 1


def test_the_summary_has_the_claims_that_were_compared():
    found_all = made(
        musical=[figures(16.0)],
        shift_net=[figures(16.5)],
        context_encoder=[figures(15.0)],
        coherent_semantic=[figures(17.0)],
    )
    found = rows(tables.tables(found_all)["summary claims"])
    # what holds comes first, and a set without results is left out
    assert [row[0] for row in found[2:]] == [
        "MUSICAL beats the context encoder by 1.55 dB",
        "CSA beats Shift-Net by 0.16 dB",
        "MUSICAL beats Shift-Net by 0.57 dB",
    ]
    assert [row[1:] for row in found[2:]] == [
        ["facades", "all terms", verdict, "", "", ""] for verdict in (HOLDS, HOLDS, CONTRADICTED)
    ]
    assert tables.tables(made())["summary claims"] == "Not run yet."


def test_the_summary_counts_the_systems_that_ours_beats():
    found_all = made(
        RECONSTRUCTION,
        residual=[figures(17.0, 0.3)],
        musical=[figures(16.0, 0.4)],
        multistage=[figures(17.5, 0.2)],
        gated_conv=[figures(17.0, 0.4)],
    )
    found = rows(tables.tables(found_all)["summary ours"])
    assert found[2:] == [
        ["facades", "reconstruction alone", "PSNR", *["1 of 3, 1 better"] * 4],
        ["facades", "reconstruction alone", "LPIPS", *["2 of 3, 1 better"] * 4],
    ]
    assert tables.tables(made())["summary ours"] == "Not run yet."


@pytest.mark.parametrize(
    "design, regime, words",
    [
        ("musical.only_1x1", RECONSTRUCTION, "patches of 1x1 alone"),
        ("musical.no_adversarial", FULL, "no adversarial term"),
    ],
)
def test_ablations_are_differences_to_their_system(design, regime, words):
    systems = {"musical": [figures(16.0, 0.30)], design: [figures(15.0, 0.25)]}
    of = {
        column: {row[0]: row[1:] for row in rows(tables.ablations(made(regime, **systems), column))}
        for column in ("psnr_in_hole", "lpips")
    }
    terms = "all terms" if regime == FULL else "reconstruction alone"
    name = f"`musical`: {words}"
    assert of["psnr_in_hole"][name] == [terms, "1"] + ["-1.00 [-1.00, -1.00]"] * 4
    assert of["lpips"][name][2] == "-0.0500 [-0.0500, -0.0500]"
    found = made(regime, **systems)
    assert "; `multistage`: no style term; " in tables.ablations(found, "lpips")
    summary = rows(tables.tables(found)["summary parts"])
    assert summary[2:] == [[name, terms, *["worse / better"] * 4]]


def test_a_part_that_makes_no_difference_and_figures_that_are_not_there():
    design = "musical.only_1x1"
    same = np.linspace(-1, 1, 20)
    one, other = figures(16.0), figures(16.0)
    for block in BLOCKS:
        one[block]["psnr_in_hole"] = one[block]["psnr_in_hole"] + same
        del one[block]["lpips"]
    found = made(RECONSTRUCTION, **{"musical": [other], design: [one]})
    row = rows(tables.tables(found)["summary parts"])[2]
    assert row[2:] == ["same / -"] * 4
    assert tables.tables(made())["summary parts"] == "Not run yet."


def test_progress_and_cost():
    found_all = made(musical=[figures(16.0), figures(18.0)], multistage=[figures(17.5)])
    text = tables.progress(found_all)
    assert text.startswith(f"3 of {len(plan())} planned runs are finished. Each had 40 ")
    assert rows(text)[-4][:3] == ["facades", "all terms", "3"]
    row = rows(tables.cost(found_all))[2]
    assert row[0] == "`multistage`" and row[3:] == ["2,500,000", "40", "900", "7,200"]


@pytest.mark.parametrize(
    "partial, verdict",
    [
        (12.5, HOLDS),
        (11.9, f"{NOT_TESTABLE} (`partial_conv`)"),  # the mean colour has 12
        (12.0, f"{NOT_TESTABLE} (`partial_conv`)"),
    ],
)
def test_a_system_that_has_not_learned_to_fill_tests_no_claim(partial, verdict):
    found = made(multistage=[figures(16.0)], partial_conv=[figures(partial)])
    text = tables.verdicts(found).split("\n\n")[0]
    *verdicts, without_weights = [row[-1] for row in rows(text)[2:]]
    assert verdicts == [verdict] * 3 and without_weights == NOT_TESTABLE
    short = summary.of_claims(found, {FULL: "all"}, {block: block for block in BLOCKS})
    assert verdict.partition(" (")[0] in short
    alone = tables.verdicts(made(partial_conv=[figures(partial)])).split("\n\n")
    assert not any(NOT_TESTABLE + " (" in part for part in alone)


def test_without_the_references_no_claim_is_decided():
    """Whether a system has learned to fill is unknown then."""
    found = dataclasses.replace(
        made(multistage=[figures(18.0)], partial_conv=[figures(16.0)]), fixed={}
    )
    text = tables.verdicts(found)
    assert HOLDS not in text and "`multistage` - `partial_conv`" in text.split("\n\n")[-1]
    assert HOLDS not in summary.of_claims(found, {FULL: "all"}, {block: block for block in BLOCKS})


def test_a_term_that_cannot_be_tested_has_no_verdict():
    name = "coherent_semantic.consistency"
    found = made(**{"coherent_semantic": [figures(16.0)], name: [figures(17.0)]})
    holes = {block: block for block in BLOCKS}
    assert "consistency" not in summary.parts(found, {FULL: "all"}, holes)
    assert "with the consistency term | all terms | 1 | +1.00 [" in tables.ablations(
        found, "psnr_in_hole"
    )


def test_few_photographs_have_no_interval():
    def few(psnr):
        return {
            block: {column: values[:3] for column, values in columns.items()}
            for block, columns in figures(psnr).items()
        }

    found = made(residual=[few(18.0)], musical=[few(16.0)])
    (row,) = rows(tables.ours(found, "psnr_in_hole"))[2:]
    assert row[-4:] == ["+2.00"] * 4


def test_a_page_gets_its_regions(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n\n<!-- study: progress -->\nold\n<!-- end -->\n\nB\n")
    parts = tables.tables(made(musical=[figures(16.0)]))
    tables.fill(str(page), parts)
    text = page.read_text()
    assert "old" not in text and text.startswith("# A\n\n<!-- study: progress -->\n\n1 of ")
    assert text.endswith("|\n\n<!-- end -->\n\nB\n")
    tables.fill(str(page), parts)
    assert page.read_text() == text


@pytest.mark.parametrize(
    "text, message",
    [
        ("no region", "has no region"),
        ("<!-- study: other -->\n<!-- end -->\n", "has a region 'other'"),
        (None, "cannot be read"),
        (
            "<!-- study: progress -->\nold\n\nText.\n\n<!-- study: cost -->\n<!-- end -->\n",
            "a region has no end mark",
        ),
    ],
)
def test_pages_that_cannot_be_filled(tmp_path, text, message):
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    with pytest.raises(SettingsError, match=message):
        tables.fill(str(page), tables.tables(made()))
    assert text is None or page.read_text() == text

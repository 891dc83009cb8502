"""Each protocol's columns follow its paper's definitions; published tables are as printed."""

import re

import numpy as np
import pytest
import shared
from skimage import color, metrics

from tfinpaint import settings
from tfinpaint.metrics import quality
from tfinpaint.metrics.protocols import all_protocols, tables

PROTOCOLS = all_protocols()
PUBLISHED = {name: protocol.published for name, protocol in PROTOCOLS.items()}


@pytest.fixture(scope="module")
def pair():
    """An original and a result with a hole, uint8 [256, 256, 3], and the hole."""
    rng = np.random.RandomState(0)
    rows, columns = np.mgrid[:256, :256]
    ramp = np.stack([rows, columns, (rows + columns) // 2], -1)
    original = (ramp // 2 + rng.randint(0, 90, ramp.shape)).astype(np.uint8)
    hole = np.zeros((256, 256), np.uint8)
    hole[64:192, 64:192] = 1
    output = np.where(
        hole[..., None] > 0,
        np.clip(original.astype(int) + rng.randint(-60, 61, original.shape), 0, 255),
        original,
    )
    return original, output.astype(np.uint8), hole


def measured(name, pair):
    original, output, hole = pair
    figures = quality.measure(output[None], original[None], hole[None], PROTOCOLS[name].measures)
    return {key: float(value[0]) for key, value in figures.items()}


def test_the_flag_knows_every_protocol():
    assert set(settings.protocols()) == set(PROTOCOLS)


def test_musical(pair):
    original, output, _ = pair
    found = measured("musical", pair)
    assert found["psnr"] == pytest.approx(
        metrics.peak_signal_noise_ratio(original, output), abs=1e-4
    )
    assert found["ssim"] == pytest.approx(
        metrics.structural_similarity(original, output, channel_axis=-1), abs=1e-4
    )
    assert found["l1"] == pytest.approx(np.abs(original / 255 - output / 255).mean(), abs=1e-9)
    grey = [color.rgb2gray(i) for i in (original, output)]
    assert found["psnr_grey"] == pytest.approx(
        metrics.peak_signal_noise_ratio(*grey, data_range=1), abs=1e-4
    )
    assert found["ssim_grey"] == pytest.approx(
        metrics.structural_similarity(*grey, data_range=1), abs=1e-4
    )


def test_multistage_is_edge_connects_script_on_pictures_read_as_bgr(pair):
    original, output, _ = pair
    found = measured("multistage", pair)
    grey = [color.rgb2gray(i[..., ::-1]) for i in (original, output)]
    assert found["psnr"] == pytest.approx(
        metrics.peak_signal_noise_ratio(*grey, data_range=1), abs=1e-4
    )
    assert found["ssim"] == pytest.approx(
        metrics.structural_similarity(*grey, data_range=1, win_size=51), abs=1e-4
    )
    assert found["l1"] == pytest.approx(
        np.abs(grey[0] - grey[1]).sum() / (grey[0] + grey[1]).sum(), abs=1e-9
    )


def test_coherent_semantic(pair):
    original, output, _ = pair
    found = measured("coherent_semantic", pair)
    difference = original / 255 - output / 255
    assert found["l1"] == pytest.approx(np.abs(difference).mean(), abs=1e-9)
    assert found["l2"] == pytest.approx((difference**2).mean(), abs=1e-9)
    assert found["psnr"] == pytest.approx(-10 * np.log10((difference**2).mean()), abs=1e-4)
    gaussian = metrics.structural_similarity(
        original,
        output,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert found["ssim"] == pytest.approx(gaussian, abs=1e-4)
    assert not PROTOCOLS["coherent_semantic"].composited


def test_deepfill(pair):
    original, output, _ = pair
    found = measured("deepfill", pair)
    x, y = original.astype(float), output.astype(float)
    assert found["l1"] == pytest.approx(np.abs(x - y).sum() / x.sum(), abs=1e-9)
    assert found["l2"] == pytest.approx(((x - y) ** 2).sum() / (x**2).sum(), abs=1e-9)
    assert found["variation"] == pytest.approx(
        (np.abs(np.diff(y, axis=0)).mean() + np.abs(np.diff(y, axis=1)).mean()) / 255, abs=1e-9
    )


def test_the_default_ranks_by_the_hole_and_has_every_figure_in_both_regions():
    names = [m.name for m in PROTOCOLS["default"].measures]
    assert names[0] == "psnr_in_hole"
    assert set(names) == {
        "psnr",
        "ssim",
        "l1",
        "l2",
        "psnr_in_hole",
        "ssim_in_hole",
        "l1_in_hole",
        "l2_in_hole",
    }


def test_a_protocols_own_columns_differ_where_papers_do(pair):
    musical, multistage, deepfill = (
        measured(name, pair)["l1"] for name in ("musical", "multistage", "deepfill")
    )
    # The same pictures give three different numbers that are all called L1.
    assert deepfill > 1.5 * musical and multistage < deepfill
    assert musical != pytest.approx(multistage, rel=0.01)


@pytest.mark.parametrize("protocol,holes,source,block,method,expected", [
    ("musical", "center", "Table 1", "center", "MUSICAL", (0.8428, 24.42, 2.264)),
    ("musical", "center", "Table 3", "center", "Shift-Net", (0.8796, 25.13, 1.958)),
    ("multistage", "strokes", "Table 4", "10-20 %", "multistage", (0.9327, 31.08, 0.0089)),
    ("multistage", "strokes", "Table 4", "50-60 %", "EdgeConnect", (0.7111, 21.79, 0.04284)),
    ("coherent_semantic", "center", "Table 1", "center",
     "coherent semantic", (1.83, 0.27, 0.931, 26.54)),
    ("coherent_semantic", "strokes", "Table 2", "30-40 %",
     "gated convolution", (2.62, 0.44, 24.48, 0.910)),
])  # fmt: skip
def test_published_rows(protocol, holes, source, block, method, expected):
    table = next(t for t in tables(protocol, holes) if t.source == source)
    assert [row[2:] for row in table.rows if row[:2] == (method, block)][0] == expected


def test_published_figures_have_the_papers_digits():
    table = tables("musical", "center")[1]
    assert table.cells(table.rows[0]) == ["0.7794", "22.30", "3.157"]


@shared.needs_shared
@pytest.mark.parametrize(
    "protocol,paper",
    [
        ("musical", "musical-2019"),
        ("multistage", "multistage-attention-2020"),
        ("coherent_semantic", "coherent-semantic-attention-2019"),
    ],
)
def test_every_published_row_stands_in_the_papers_text(protocol, paper):
    """The text has each row of figures as one line (musical, Table 1 of CSA).

    If the paper has a row for each figure or bin, the text has that row as one line.
    """
    lines = [
        re.findall(r"\d+(?:\.\d+)?", line)
        for line in (shared.SHARED / "papers" / f"{paper}.txt").read_text().splitlines()
    ]
    numbers = {tuple(map(float, line)) for line in lines if line}
    for table in (t for kind in PUBLISHED[protocol].values() for t in kind):
        blocks, methods = (list(dict.fromkeys(row[k] for row in table.rows)) for k in (1, 0))
        grid = {(row[0], row[1]): row[2:] for row in table.rows}
        for c in range(len(table.columns)):
            whole = (
                [grid[m, blocks[0]] for m in methods]
                if len(blocks) == 1
                else [tuple(grid[m, b][c] for b in blocks) for m in methods]
                if protocol == "multistage"
                else [tuple(grid[m, b][c] for m in methods) for b in blocks]
            )
            for row in whole:
                assert any(line[-len(row) :] == row for line in numbers), (
                    table.source,
                    table.photographs,
                    row,
                )


def test_published_tables_are_whole():
    assert sum(len(t.rows) for t in PUBLISHED["multistage"]["strokes"]) == 3 * 3 * 4
    assert sum(len(t.rows) for t in PUBLISHED["musical"]["center"]) == 3 * 4
    for kinds in PUBLISHED.values():
        for t in (t for kind in kinds.values() for t in kind):
            assert all(len(row) == 2 + len(t.columns) for row in t.rows)
    assert tables("default", "strokes") == [] and tables("musical", "strokes") == []

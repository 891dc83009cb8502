"""`filling.fill` with the budget of thin holes: who fills what, and that known pixels stay."""

import numpy as np
import pytest

from tfinpaint.painting import budget, filling, rims, windows
from tfinpaint.painting.boxes import Context
from tfinpaint.painting.filling import Options
from tools.benchmarks import window_rows

SIZE = 256  # the working size of the network here
PHOTO = window_rows.photograph(900, 1200)
CASES = window_rows.cases(900, 1200)


class Counting:
    """A network that paints 7, and remembers what it was given."""

    def __init__(self):
        self.sizes, self.detail = [], []

    def __call__(self, window, hole, shown, with_detail, edges=None):
        self.sizes.append(window.shape[:2])
        self.detail.append(with_detail)
        return np.where(shown > 0, np.uint8(7), window)


def fill(hole, options=Options()):
    network = Counting()
    args = (network, 8, SIZE, Context(), PHOTO, 255 * hole, options)
    return filling.fill(*args), network


@pytest.mark.parametrize("name", ["hatch", "mesh", "dust", "letters"])
def test_each_missing_pixel_is_filled_and_the_others_stay(name):
    hole = CASES[name]
    filled, network = fill(hole, Options(detail="off"))  # without grain
    groups = budget.plan(PHOTO, hole, budget.Network(8, SIZE, detail=False))
    np.testing.assert_array_equal(filled[hole == 0], PHOTO[hole == 0])
    by_network = np.zeros(hole.shape, bool)
    by_lines = np.zeros(hole.shape, bool)
    for box, _, pixels, way, _ in groups:
        if way != "reduced":
            chosen = by_network if way == "network" else by_lines
            chosen[box.slices] |= pixels
    assert (filled[by_network] == 7).all()
    if by_lines.any():  # from the photograph around them
        assert (filled[by_lines] > 7).mean() > 0.9
    assert network.sizes == [group.window.size for group in groups if group.way != "smooth"]
    assert by_lines.any() == (name in ("hatch", "mesh"))  # the others are thicker than 6 pixels


def test_the_fill_is_the_same_whatever_lies_under_the_hole():
    hole = CASES["mesh"]
    network, other = Counting(), np.where(hole[..., None] > 0, 255 - PHOTO, PHOTO)
    again = filling.fill(network, 8, SIZE, Context(), other, 255 * hole)
    np.testing.assert_array_equal(again, fill(hole)[0])


def test_a_drawing_of_edges_is_followed_everywhere():
    hole = CASES["mesh"]
    filled, network = fill(hole, Options(edges=np.zeros(hole.shape, np.uint8)))
    assert (filled[hole > 0] == 7).all()
    assert len(network.sizes) == len(list(windows.plan(hole, 8, SIZE)))


def test_feather_and_growing_go_with_the_budget():
    hole = CASES["mesh"]
    filled, _ = fill(hole, Options(grow=1, feather=2))
    far = filling.grown(hole, 3) == 0
    np.testing.assert_array_equal(filled[far], PHOTO[far])
    for inner, outer in ((0, 1), (1, 3)):  # grown, feathered
        ring = (filling.grown(hole, outer) > 0) & (filling.grown(hole, inner) == 0)
        assert (filled[ring] != PHOTO[ring]).any(-1).mean() > 0.5


@pytest.mark.parametrize("detail", ["auto", "off"])
def test_detail_is_passed_on_for_ordinary_holes(detail):
    hole = window_rows.blob(900, 1200, 10_000)
    assert fill(hole, Options(detail=detail))[1].detail == [detail == "auto"]


def test_what_is_reduced_is_refined_by_as_much_as_it_was_reduced(monkeypatch):
    hole, asked, real = CASES["letters"], [], rims.refined

    def refined(filled, missing, reduction, with_detail):
        asked.append((filled.shape[:2], reduction, with_detail))
        return real(filled, missing, reduction, with_detail)

    monkeypatch.setattr(rims, "refined", refined)
    found = set()
    for detail in ("auto", "off"):
        fill(hole, Options(detail=detail))
        groups = budget.plan(PHOTO, hole, budget.Network(8, SIZE, detail=detail == "auto"))
        reduced = [group for group in groups if group.way == "reduced"]
        expected = [(g.window.size, max(g.window.size) / SIZE, g.detail) for g in reduced]
        assert asked == expected
        found |= {reduction > 1 for _, reduction, _ in asked}
        asked.clear()
    assert found == {True}

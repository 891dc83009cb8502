"""The fixed holes of evaluations lie in their bin and are the same on every machine."""

import numpy as np
import pytest

from tfinpaint.data.evaluation_holes import RATIO_BINS, evaluation_holes, fingerprint
from tfinpaint.settings import SettingsError


def test_the_set_is_the_same_on_every_machine():
    assert fingerprint(evaluation_holes((0.3, 0.4), 4, 64)) == "89fe58c5dec1"
    assert fingerprint(evaluation_holes((0.01, 0.1), 4, 256)) == "33dd1af652a8"


@pytest.mark.parametrize("ratio", RATIO_BINS)
def test_shares_lie_in_the_bin(ratio):
    holes = evaluation_holes(ratio, 8, 128)
    assert (
        holes.shape == (8, 128, 128, 1)
        and holes.dtype == np.uint8
        and set(np.unique(holes)) == {0, 1}
    )
    share = holes.mean((1, 2, 3))
    assert ratio[0] < share.min() and share.max() <= ratio[1]


@pytest.mark.parametrize("ratio", [(0.3, 0.3005), (0.985, 0.99), (0, 0.0005)])
def test_narrow_and_extreme_bins_end(ratio):
    share = evaluation_holes(ratio, 4, 64).mean((1, 2, 3))
    assert ratio[0] < share.min() and share.max() <= ratio[1]


def test_more_holes_begin_with_the_same_and_seeds_differ():
    many, few = evaluation_holes((0.3, 0.4), 6, 64), evaluation_holes((0.3, 0.4), 3, 64)
    np.testing.assert_array_equal(many[:3], few)
    assert len({hole.tobytes() for hole in many}) == 6
    assert fingerprint(few) != fingerprint(evaluation_holes((0.3, 0.4), 3, 64, seed=1))


def test_fingerprint_sees_one_pixel_and_the_shape():
    holes = evaluation_holes((0.3, 0.4), 2, 64)
    changed = holes.copy()
    changed[1, 5, 5, 0] ^= 1
    assert (
        len({fingerprint(holes), fingerprint(changed), fingerprint(holes.reshape(1, 128, 64, 1))})
        == 3
    )
    assert fingerprint(holes) == fingerprint(holes * 255)


def test_a_bin_without_a_pixel_count_is_refused():
    with pytest.raises(SettingsError, match="`ratio` is two shares"):
        evaluation_holes((0.3, 0.30001), 1, 64)

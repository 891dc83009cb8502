"""tfinpaint.metrics.realism against exact formulas for Gaussians and hand-made features.

Files that hold something else are refused.
"""

import hashlib
import itertools
import sys

import numpy as np
import pytest
import scipy.linalg

from tfinpaint.metrics import realism
from tfinpaint.metrics.realism import Inception, check_enough, fid, ids
from tfinpaint.settings import SettingsError

# ---------------------------------------------------------------------------------------------- FID


def gaussian(mean, deviations):
    """2^D points with the sample mean `mean` and the diagonal sample covariance deviations^2."""
    corners = np.array(list(itertools.product((-1, 1), repeat=len(mean))), np.float64)
    return np.array(mean) + corners * np.array(deviations) * np.sqrt(
        (len(corners) - 1) / len(corners)
    )


def test_fid_of_independent_gaussians_by_hand():
    # |(1, 2, 3) - (1, 0, 0)|^2 = 13. The deviations are 1, 2, 3 and 3, 2, 0.5; their squared
    # differences add up to 4 + 0 + 6.25.
    a, b = gaussian((1, 2, 3), (1, 2, 3)), gaussian((1, 0, 0), (3, 2, 0.5))
    assert fid(a, b) == pytest.approx(13 + 10.25, rel=1e-9)


def test_fid_of_turned_gaussians_by_hand():
    # S_a = diag(1, 4); S_b is diag(1, 4) turned by 90 degrees. S_a S_b = 4 I, so the traces are
    # 5 + 5 - 2 (2 + 2) = 2.
    a = gaussian((0, 0), (1, 2))
    assert fid(a, a[:, ::-1] * [1, -1]) == pytest.approx(2, rel=1e-9)
    # Turned by 45 degrees, S_b = [2.5, 1.5; 1.5, 2.5]. S_a S_b has the trace 12.5 and the
    # determinant 16. For 2 x 2 matrices
    # trace(M^(1/2)) = (trace M + 2 det(M)^(1/2))^(1/2) = 20.5^(1/2).
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    assert fid(a, a @ turn.T) == pytest.approx(10 - 2 * np.sqrt(20.5), rel=1e-9)


@pytest.mark.parametrize("n, m", [(60, 60), (25, 90)])
def test_fid_is_the_customary_square_root_of_the_product(n, m):
    rs = np.random.RandomState(0)
    a, b = rs.normal(0, 1, (n, 12)) @ rs.normal(0, 1, (12, 12)), rs.normal(0.3, 2, (m, 12))
    root = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(
        np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root
    )
    assert fid(a, b) == pytest.approx(expected, rel=1e-9)
    assert fid(b, a) == pytest.approx(fid(a, b), rel=1e-9)
    assert fid(a.astype(np.float32), b.astype(np.float32)) == pytest.approx(expected, rel=1e-5)


def test_fid_of_equal_sets_is_zero_and_the_order_does_not_matter():
    a = np.random.RandomState(1).normal(5, 2, (50, 8)).astype(np.float32)
    assert 0 <= fid(a, a[::-1]) < 1e-9
    assert 0 <= fid(a[:5], a[:5]) < 1e-9  # a singular covariance
    assert fid(a, a + np.float32(0.5)) == pytest.approx(8 * 0.25, rel=1e-4)


def test_fid_refuses_what_is_no_pair_of_sets():
    a = np.ones((5, 3))
    for other in (np.ones((5, 4)), np.ones(3), np.ones((1, 3)), np.full((5, 3), np.nan)):
        with pytest.raises(ValueError, match="sets of features"):
            fid(a, other)


# ---------------------------------------------------------------------------------------------- IDS


def test_ids_of_sets_that_a_line_separates_are_zero():
    rs = np.random.RandomState(2)
    real = rs.normal(0, 0.1, (40, 5))
    assert ids(real + 1, real - 1) == (0, 0)


def test_ids_of_equal_sets():
    real = np.random.RandomState(3).normal(0, 1, (40, 5))
    assert ids(real, real) == (0.5, 0)  # no photograph is more real than itself


def test_ids_of_equal_distributions_are_about_a_half():
    real, filled = np.random.RandomState(4).normal(0, 1, (2, 4000, 3))
    assert ids(real, filled) == pytest.approx((0.5, 0.5), abs=0.05)


def test_ids_on_a_line_by_hand():
    """Real photographs lie at 1, but two at -1; filled ones lie at -1, but one at 1.

    The machine cuts between the two, so 3 of 20 are misclassified. The filled photograph is
    further on the real side in one pair only: real -1, filled 1.
    """
    real, filled = np.ones((10, 1)), -np.ones((10, 1))
    real[:2], filled[0] = -1, 1
    assert ids(real, filled) == pytest.approx((3 / 20, 1 / 10))
    assert ids(real.tolist(), filled.tolist()) == ids(real, filled)
    # In another pairing the filled one at 1 is beside a real one at 1, and no filled one is ahead.
    # The share that is misclassified does not depend on the pairs.
    assert ids(real, filled[::-1]) == pytest.approx((3 / 20, 0))


def test_ids_refuses_what_is_no_set_of_pairs(monkeypatch):
    with pytest.raises(ValueError, match="pairs. Got 5 and 4"):
        ids(np.ones((5, 3)), np.ones((4, 3)))
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(
        SettingsError, match=r"`inception_weights`.*scikit-learn: pip install -e '.\[metrics\]'"
    ):
        ids(np.ones((5, 3)), np.ones((5, 3)))


def test_too_few_photographs_are_refused():
    check_enough(realism.FEWEST)
    with pytest.raises(
        SettingsError, match="`inception_weights` needs at least 2,049 photographs.* Got 2,048$"
    ):
        check_enough(2048)


# ---------------------------------------------------------------------------------------- Inception


@pytest.mark.parametrize(
    "name, loader, says",
    [
        ("g.pb", "from_frozen_graph", "published FID"),
        ("w.pth", "from_pytorch", "pytorch-fid"),
        ("w.npz", "from_pytorch", "pytorch-fid"),
        ("w.h5", "from_keras", "comparable only with itself"),
    ],
)
def test_the_ending_says_which_network_a_file_has(name, loader, says, monkeypatch, tmp_path):
    def network(images):
        assert images.dtype == np.float32 and images.max() == 255
        return images.mean(axis=(1, 2))

    kinds = [
        (endings, (lambda path: network) if function.__name__ == loader else None, text)
        for endings, function, text in realism._KINDS
    ]
    monkeypatch.setattr(realism, "_KINDS", kinds)
    (tmp_path / name).write_bytes(b"weights")
    inception = Inception(tmp_path / name)
    assert (
        says in inception.description
        and inception.fingerprint == hashlib.sha256(b"weights").hexdigest()[:12]
    )
    images = np.full((2, 4, 5, 3), 255, np.uint8)
    np.testing.assert_array_equal(inception.features(images), np.full((2, 3), 255, np.float32))
    for other in (images.astype(np.float32), images[0], images[..., :1], images[:0]):
        with pytest.raises(ValueError, match=r"images are uint8 \[B, H, W, 3\]"):
            inception.features(other)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "w.txt").write_text("no weights")
    for path in (None, "", "nowhere.pb", tmp_path, tmp_path / "w.txt"):
        with pytest.raises(
            SettingsError,
            match="^`inception_weights=.*classify_image_graph_def.pb.*Keras' InceptionV3",
        ) as error:
            Inception(path)
        assert "\n" not in str(error.value)

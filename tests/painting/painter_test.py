"""The painter: exact outside the hole, blind to what lies under it, for pictures of any size.

The systems are small fakes whose answers are known.
"""

import functools
import tracemalloc
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting import blending, filling, window_grain, windows
from tfinpaint.painting.boxes import Context
from tfinpaint.painting.painter import Painter
from tfinpaint.settings import SettingsError


class Constant(tf.Module):
    """Answers with one colour."""

    stride = 8

    def __init__(self, colour=(200, 100, 50), stride=8):
        super().__init__()
        self.stride = stride
        self.colour = tf.constant(colour, tf.float32) / 127.5 - 1.0

    def generate(self, images, holes):
        tf.debugging.assert_equal(tf.shape(images)[1:3] % self.stride, 0)
        return tf.zeros_like(images) + self.colour


class Guided(Constant):
    """Answers with the seed in red and the edges in green."""

    specification = types.SimpleNamespace(fill_inputs=("seed", "edges"), keeps_known=False)
    system_name = "guided"

    def generate(self, images, holes, seed=0, edges=None):
        edges = tf.zeros_like(holes) if edges is None else edges
        tf.debugging.assert_equal(tf.shape(edges), tf.shape(holes))
        seed = tf.cast(seed, tf.float32) / 127.5 - 1
        return tf.concat([tf.zeros_like(edges) + seed, 2 * edges - 1, -tf.ones_like(edges)], -1)


class Mean(Constant):
    """Answers with the mean of its whole input, blanked pixels included: whatever leaks from under
    the hole shows in it."""

    def generate(self, images, holes):
        sums = tf.reduce_sum(images, [1, 2], keepdims=True)
        return tf.zeros_like(images) + sums / (
            1.0 + tf.reduce_sum(1.0 - holes, [1, 2], keepdims=True)
        )


class Known(Constant):
    """Answers with the share of its window that is known, 255 if all of it is."""

    def generate(self, images, holes):
        return tf.zeros_like(images) + 2 * tf.reduce_mean(1 - holes, [1, 2], keepdims=True) - 1


class Missing(Constant):
    """Answers with white where its window is hole, with black elsewhere."""

    def generate(self, images, holes):
        return tf.zeros_like(images) + 2 * holes - 1


class Echo(Constant):
    """Answers with its input, in the hole too: there the input is 0, mid-grey."""

    def generate(self, images, holes):
        return images


def _photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _holes(height, width, seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(1, 6)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        mask[
            top : top + rng.integers(1, max(height // 2, 2)),
            left : left + rng.integers(1, max(width // 2, 2)),
        ] = 255
    return mask


class Alone(Painter):
    """The network's own fill; its answer is known."""

    fill = functools.partialmethod(Painter.fill, detail="off")


@pytest.fixture(scope="module")
def constant():
    return Alone(Constant())


@pytest.fixture(scope="module")
def mean():
    return Painter(Mean())


# fmt: off
SIZES = [(5, 700), (700, 5), (1, 30), (8, 8), (9, 7), (64, 64), (127, 333),
         *(pytest.param(*size, marks=pytest.mark.slow) for size in ((513, 640), (900, 1300)))]
# fmt: on


@pytest.mark.parametrize("height, width", SIZES)
def test_known_pixels_are_exact_and_the_hole_is_filled(constant, height, width):
    photo, mask = _photo(height, width), _holes(height, width, height + width)
    given = photo.copy(), mask.copy()
    filled = constant.fill(photo, mask)
    assert filled.dtype == np.uint8 and filled.shape == photo.shape
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    if max(height, width) < 512:  # no reduction: exactly the constant
        assert (filled[mask > 0] == [200, 100, 50]).all()
    else:
        assert (filled[mask > 0] != photo[mask > 0]).any(-1).all()
    np.testing.assert_array_equal(photo, given[0], "the photograph was written to")
    np.testing.assert_array_equal(mask, given[1], "the mask was written to")


@pytest.mark.parametrize("options", [{}, {"grow": 2}, {"feather": 2}, {"blend": "poisson"}])
def test_a_mask_may_be_bool(mean, options):
    photo, mask = _photo(40, 50), _holes(40, 50, 1)
    np.testing.assert_array_equal(
        mean.fill(photo, mask > 0, **options), mean.fill(photo, mask, **options)
    )


@pytest.mark.parametrize("height, width", SIZES)
def test_what_lies_under_the_hole_has_no_influence(mean, height, width):
    photo, mask = _photo(height, width), _holes(height, width, height * width)
    other = np.where(mask[..., np.newaxis] > 0, _photo(height, width, seed=1), photo)
    np.testing.assert_array_equal(
        mean.fill(photo, mask, grow=2, feather=3), mean.fill(other, mask, grow=2, feather=3)
    )


@pytest.mark.parametrize(
    "box",
    [(0, 0, 20, 30), (0, 180, 30, 200), (90, 0, 100, 200), (40, 60, 41, 61), (0, 0, 100, 199)],
)
def test_holes_at_borders_and_a_hole_that_is_nearly_everything(constant, box):
    mask = np.zeros((100, 200), np.uint8)
    mask[box[0] : box[2], box[1] : box[3]] = 255
    photo = _photo(100, 200)
    filled = constant.fill(photo, mask)
    assert (filled[mask > 0] == [200, 100, 50]).all()
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])


def test_a_hole_larger_than_the_working_size_is_filled_all_over(constant):
    photo = np.full((1200, 1500, 3), (200, 100, 50), np.uint8)
    mask = np.zeros((1200, 1500), np.uint8)
    mask[200:1000, 100:1400] = 255
    blackened = np.where(mask[..., np.newaxis] > 0, 0, photo).astype(np.uint8)
    # Reduced and enlarged, a flat colour stays.
    np.testing.assert_array_equal(constant.fill(blackened, mask), photo)


def test_reduction_keeps_the_place(constant):
    """A picture of two halves, echoed: known pixels pass through the reduction and return to their
    own place."""
    photo = np.zeros((600, 1024, 3), np.uint8)
    photo[:, 512:] = 255
    painter, size = Painter(Echo()), tf.constant([600, 1024])
    maps = tf.zeros([600, 1024, 2], tf.bool)
    pixels, maps = painter._reduce(tf.constant(photo), maps, painter._reduced_size(size))
    shown = maps[..., 1:]
    small = painter._enlarged(pixels, pixels, shown, size)
    assert (
        np.abs(small.numpy()[:, :508]).max() < 0.5
        and np.abs(small.numpy()[:, 516:] - 255).max() < 0.5
    )
    assert small.shape == (600, 1024, 3)


def test_a_thin_hole_survives_reduction(constant):
    mask = np.zeros((1500, 1500), np.uint8)
    mask[100:900, 100:900] = 255  # alone, the line would be cut into windows that fit
    cv2.line(mask, (900, 500), (1400, 510), 255, 1)
    assert max(next(windows.plan(mask, 8, 512))[1].size) > 512
    photo = np.full((1500, 1500, 3), (200, 100, 50), np.uint8)
    photo[mask > 0] = 0
    assert (constant.fill(photo, mask) == [200, 100, 50]).all()
    filled = Alone(Missing()).fill(np.full_like(photo, 255), mask)
    assert (filled == 255).all()  # a hole to the network as well


@pytest.mark.parametrize("stride", [1, 48, 256, 1024])
def test_any_stride(stride):
    photo, mask = _photo(300, 310), _holes(300, 310, 3)
    filled = Alone(Constant(stride=stride)).fill(photo, mask)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] == [200, 100, 50]).all()


def test_later_windows_see_what_earlier_ones_filled():
    """Two separate holes within each other's reach. The first fill counts as known in the second
    window and is blank in none."""
    photo = np.full((300, 640, 3), 100, np.uint8)
    mask = np.zeros((300, 640), np.uint8)
    mask[50:250, 60:280] = 255
    mask[50:250, 360:580] = 255  # the windows overlap, but one around both would be reduced
    photo[mask > 0] = 255
    filled = Painter(Mean()).fill(photo, mask)
    assert np.abs(filled.astype(int) - 100).max() <= 1
    (_, first, _), (_, second, _) = windows.plan(mask, 8, 512)
    assert first.right > 360 and second.left < 280
    filled = Alone(Known()).fill(photo, mask)
    known = 255 * (1 - 200 * 220 / np.prod(second.size))  # all but the second hole
    assert np.abs(filled[50:250, 360:580] - known).max() <= 3


def test_output_out_of_range_is_clipped():
    mask = np.full((40, 40), 255, np.uint8)
    mask[0] = 0
    filled = Alone(Constant((400, -300, 128))).fill(_photo(40, 40), mask)
    assert (filled[1:] == [255, 0, 128]).all()


@pytest.mark.parametrize("detail", ["auto", pytest.param("off", marks=pytest.mark.slow)])
def test_a_black_and_white_photograph_stays_so(monkeypatch, detail):
    """Networks tint a little. The tint of what lies under the hole does not matter."""
    photo, mask = np.repeat(_photo(60, 90)[..., :1], 3, -1), np.zeros((60, 90), np.uint8)
    mask[20:40, 30:60] = mask[50, :70] = 255  # thick and thin
    photo[mask > 0] = [255, 0, 0]
    filled = Painter(Constant()).fill(photo, mask, detail=detail)
    assert (filled == filled[..., :1]).all(), "with grain"
    # Without grain, for which noise such as this photograph is taken, the values are known.
    monkeypatch.setattr(window_grain, "added", lambda picture, hole, part: picture)
    painter = Painter(Constant())
    filled = painter.fill(photo, mask, detail=detail)
    assert (filled == filled[..., :1]).all() and (filled[50, :70] == 117).all()
    whole = painter.fill_whole(tf.constant(photo, tf.float32), tf.constant(mask[..., None] > 0))
    assert (whole.numpy()[mask > 0] == 117).all()
    photo[0, 0, 0] ^= 1
    filled = painter.fill(photo, mask, detail=detail)
    assert (filled[50, :70] == [200, 100, 50]).all()


def test_grow_is_a_disc(constant):
    photo = np.zeros((60, 60, 3), np.uint8)
    mask = np.zeros((60, 60), np.uint8)
    mask[30, 30] = 255
    rows, columns = np.mgrid[:60, :60] - 30
    changed = (constant.fill(photo, mask, grow=7) > 0).any(axis=-1)
    np.testing.assert_array_equal(changed, rows**2 + columns**2 <= 49)


def test_feather_falls_linearly_and_keeps_all_beyond(constant):
    photo = np.zeros((9, 80, 3), np.uint8)
    photo[..., 2] = 90  # not grey
    mask = np.zeros((9, 80), np.uint8)
    mask[:, 40:] = 255
    red = constant.fill(photo, mask, feather=4)[4, :, 0].tolist()
    assert red == [0] * 36 + [40, 80, 120, 160] + [200] * 40


def test_what_keeps_the_known_pixels_fills_what_fades(constant):
    """A network that returns the photograph outside the hole has nothing else to fade."""

    def red(window, hole, shown, with_detail):
        return np.where(hole > 0, np.uint8([200, 100, 50]), window)

    photo, mask = np.zeros((9, 80, 3), np.uint8), np.zeros((9, 80), np.uint8)
    mask[:, 42:] = 255
    how = (red, 1, 512, Context(), photo, mask, filling.Options(grow=2, feather=4))
    faded = filling.fill(*how, keeps_known=True)
    assert faded[4, :, 0].tolist() == [0] * 36 + [40, 80, 120, 160] + [200] * 40
    assert filling.fill(*how)[4, :, 0].tolist() == [0] * 40 + [200] * 40
    # A band that leaves nothing known is not filled.
    how = (*how[:-1], filling.Options(feather=90))
    np.testing.assert_array_equal(filling.fill(*how, keeps_known=True), filling.fill(*how))


def test_a_photograph_that_is_all_hole_is_refused(constant):
    mask = np.full((9, 9), 128, np.uint8)
    with pytest.raises(SettingsError, match="All of the photograph is hole: nothing is left"):
        constant.fill(_photo(9, 9), mask)
    mask[4, 4] = 127
    assert (constant.fill(_photo(9, 9), mask, feather=3)[mask > 127] == [200, 100, 50]).all()
    with pytest.raises(SettingsError, match="is hole, grown by `grow=1`: nothing is left"):
        constant.fill(_photo(9, 9), mask, grow=1)


@pytest.mark.slow
def test_the_window_function_has_one_trace_for_all_sizes(constant):
    for height, width in ((3, 5), (700, 40)):
        window, hole = _photo(height, width), np.ones((height, width, 1), np.uint8)
        assert constant.fill_window(window, hole, hole, height > 99).shape == (height, width, 3)
    assert constant.fill_window.experimental_get_tracing_count() == 1


def test_twelve_megapixels_with_a_small_hole_are_lean(constant):
    photo = np.zeros((3000, 4000, 3), np.uint8)
    photo[..., 2] = 90  # not grey
    mask = np.zeros((3000, 4000), np.uint8)
    mask[1500:1530, 2000:2040] = 255
    constant.fill(photo[:64, :64], mask[1480:1544, 1980:2044])  # the graph is traced
    filled = constant.fill(photo, mask, grow=4, feather=4)
    assert (filled[1500:1530, 2000:2040] == [200, 100, 50]).all()
    tracemalloc.start()
    constant.fill(photo, mask, grow=4, feather=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The result, the pixels under the feathered edge (36 MB each) and a few copies of the mask. A
    # single float copy would be 144 MB.
    assert peak < 120e6


# ------------------------------------------------------------------------------------------- detail


def _stripes(height, width):
    """Sharp vertical stripes, 16 px wide, uint8 [h, w, 3]."""
    return np.repeat(
        (np.arange(width) // 16 % 2 * 160 + 40).astype(np.uint8)[None, :, None], height, 0
    ).repeat(3, -1)


@pytest.fixture(scope="module")
def grey():
    return Painter(Constant((120, 120, 120)))


@pytest.mark.parametrize(  # as it is, and reduced
    "height, width", [(300, 320), pytest.param(900, 1100, marks=pytest.mark.slow)]
)
def test_a_thick_hole_gets_the_texture_of_the_photograph_and_known_pixels_keep_their_bytes(
    grey, height, width
):
    photo, mask = _stripes(height, width), np.zeros((height, width), np.uint8)
    mask[height // 3 : -height // 3, width // 3 : -width // 3] = 255
    blackened = np.where(mask[..., None] > 0, np.uint8(0), photo)
    filled = grey.fill(blackened, mask)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(
        grey.fill(blackened, mask), filled, "another result the second time"
    )
    alone = grey.fill(blackened, mask, detail="off")
    errors = [
        np.square(f[mask > 0].astype(float) - photo[mask > 0]).mean() for f in (filled, alone)
    ]
    assert errors[0] < 0.5 * errors[1], errors
    assert (alone[mask > 0] == 120).mean() > 0.9


def test_a_thin_stroke_is_the_networks_own(grey):
    photo, mask = _stripes(300, 320), np.zeros((300, 320), np.uint8)
    cv2.line(mask, (30, 40), (280, 250), 255, 8)
    filled = grey.fill(photo, mask)
    np.testing.assert_array_equal(filled, grey.fill(photo, mask, detail="off"))
    assert (filled[mask > 0] == 120).all()


@pytest.mark.parametrize("thickness", [9, pytest.param(40, marks=pytest.mark.slow)])
def test_the_graph_without_detail_gives_the_bytes_of_the_one_with_it(thickness):
    painter, photo = Painter(Mean(), 32), _photo(90, 120)
    hole = np.zeros((90, 120, 1), np.uint8)
    hole[20 : 20 + thickness, 20:100] = 1
    for shown in (hole, np.ones_like(hole)):
        whole = painter.fill_window(photo, hole, shown, False).numpy()
        np.testing.assert_array_equal(painter._fill_one(photo, hole, shown, False), whole)
        if thickness < 24:
            np.testing.assert_array_equal(
                painter._fill_one(photo, hole, shown, True),
                painter.fill_window(photo, hole, shown, True),
            )
    assert painter._fill_thin.experimental_get_tracing_count() == 1


def test_where_there_is_detail_nothing_fades_in_from_the_network(grey):
    photo, mask = _stripes(300, 320), np.zeros((300, 320), np.uint8)
    mask[100:200, 100:200] = 255
    filled = grey.fill(photo, mask, grow=3, feather=9)
    hole = filling.grown((mask > 0).astype(np.uint8), 3)
    np.testing.assert_array_equal(filled[hole == 0], photo[hole == 0])
    assert (
        grey.fill(photo, mask, grow=3, feather=9, detail="off")[hole == 0] != photo[hole == 0]
    ).any()


def test_a_feather_takes_no_texture_from_the_hole(grey):
    """The band around the hole is known, and texture may come from it, however wide it is."""
    photo, mask = _stripes(300, 320), np.zeros((300, 320), np.uint8)
    mask[100:200, 100:200] = 255
    for feather in (0, 150):
        filled = grey.fill(photo, mask, feather=feather)
        assert (filled[mask > 0] == 120).all(-1).mean() < 0.1


def test_a_feathered_stroke_keeps_the_guide_at_its_rim(grey):
    """The band does not make a stroke of 16 pixels wider than the 24 to which this holds."""
    photo, mask = _stripes(300, 320), np.zeros((300, 320), np.uint8)
    mask[140:156, 60:260] = 255
    for feather in (0, 5):
        filled = grey.fill(photo, mask, feather=feather)
        assert (filled[140, 70:250] == 120).all() and (filled[155, 70:250] == 120).all()
        assert (filled[145:151, 70:250] != 120).any()


def test_a_thin_stroke_is_feathered_wherever_a_thick_hole_is(grey):
    photo, hole = _stripes(300, 320), np.zeros((300, 320), np.uint8)
    hole[100:200, 100:200] = 255
    changed = []
    for row in (57, 240):  # 40 pixels above the thick hole, and 40 below it
        mask, stroke = hole.copy(), np.zeros_like(hole)
        mask[row : row + 3, 60:260] = stroke[row : row + 3, 60:260] = 255
        band = (filling.grown((stroke > 0).astype(np.uint8), 5) > 0) & (mask == 0)
        filled = grey.fill(photo, mask, feather=6)
        changed.append((filled != photo).any(-1)[band].mean())
    assert min(changed) > 0.9


def test_a_frame_of_few_pixels_is_known_where_a_window_is_reduced():
    photo, hole = np.full((40, 50, 3), (200, 40, 10), np.uint8), np.ones((40, 50, 1), bool)
    hole[:3], hole[-2:], hole[:, :1], hole[:, -3:] = False, False, False, False
    blanked = np.where(hole, np.uint8(0), photo)
    maps = tf.constant(np.concatenate([hole, hole], -1))
    pixels, maps = Painter(Echo())._reduce(tf.constant(blanked), maps, tf.constant([4, 5]))
    border = np.ones((4, 5), bool)
    border[1:3, 1:4] = False
    np.testing.assert_array_equal(maps[..., 0], ~border)
    assert maps.numpy()[..., 1].all()
    np.testing.assert_allclose(pixels.numpy()[border], [[200, 40, 10]] * border.sum(), rtol=1e-4)


@pytest.mark.slow
def test_seeds_and_edges_have_one_graph_each_for_all_sizes():
    painter = Painter(Guided())
    for height, width in ((40, 56), (64, 48), (50, 50)):
        photo, mask = _photo(height, width), _holes(height, width, 1)
        painter.fill(photo, mask, seed=3)
        painter.fill(photo, mask, edges=mask)
    assert painter.fill_sample.experimental_get_tracing_count() == 1
    assert painter._fill_along.experimental_get_tracing_count() == 1


def test_nothing_under_the_hole_reaches_the_texture():
    painter = Painter(Mean())
    photo, mask = _photo(260, 300), np.zeros((260, 300), np.uint8)
    mask[60:170, 80:210], mask[200:230, 20:60] = 255, 255
    other = np.where(mask[..., None] > 0, _photo(260, 300, seed=1), photo)
    filled = painter.fill(photo, mask)
    np.testing.assert_array_equal(painter.fill(other, mask), filled)
    assert (filled != painter.fill(photo, mask, detail="off")).any()


@pytest.mark.slow
def test_step_by_step_the_window_function_gives_the_same_bytes(grey):
    photo, hole = _stripes(200, 230), np.zeros((200, 230, 1), np.uint8)
    hole[50:140, 70:160] = 1
    graph = grey.fill_window(photo, hole, hole, True).numpy()
    tf.config.run_functions_eagerly(True)
    try:
        eager = grey.fill_window(*map(tf.constant, (photo, hole, hole, True))).numpy()
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_array_equal(eager, graph)


@pytest.mark.parametrize(
    "photo, mask, options, words",
    [
        (_photo(8, 8).astype(np.float32), np.zeros((8, 8), np.uint8), {}, "Got float32"),
        (_photo(8, 8)[..., 0], np.zeros((8, 8), np.uint8), {}, r"Got \[8, 8\]"),
        (_photo(8, 8), np.zeros((8, 8)), {}, "Got float64"),
        (_photo(8, 8), np.zeros((8, 8), bool), {}, "no hole.* Got 0 as"),
        (_photo(8, 8), np.zeros((8, 8, 1), np.uint8), {}, r"Got \[8, 8, 1\]"),
        (np.zeros((0, 8, 3), np.uint8), np.zeros((0, 8), np.uint8), {}, r"Got \[0, 8, 3\]"),
        (_photo(8, 9), np.zeros((9, 8), np.uint8), {}, r"9x8 \(width x height\). Got 8x9"),
        (_photo(8, 8), np.ones((8, 8), np.uint8), {}, "no hole.* Got 1 as"),
        (_photo(8, 8), np.full((8, 8), 255, np.uint8), {"grow": -1}, "`grow`.* Got -1"),
        (
            _photo(8, 8),
            np.full((8, 8), 255, np.uint8),
            {"detail": "on"},
            "`detail` is auto or off. Got 'on'",
        ),
        (_photo(8, 8), np.full((8, 8), 255, np.uint8), {"feather": 0.5}, "`feather`.* Got 0.5"),
        (_photo(8, 8), np.full((8, 8), 255, np.uint8), {"grow": 2.0}, "`grow`.* Got 2.0"),
        (_photo(8, 8), np.full((8, 8), 255, np.uint8), {"feather": np.inf}, "`feather`.* Got inf"),
        (
            _photo(8, 8),
            np.full((8, 8), 255, np.uint8),
            {"blend": "alpha"},
            "`blend` is none or poisson. Got 'alpha'",
        ),
    ],
)
def test_bad_arguments_are_named(constant, photo, mask, options, words):
    with pytest.raises(ValueError, match=words):
        constant.fill(photo, mask, **options)


def test_what_a_user_can_cause_is_a_settings_error(constant):
    with pytest.raises(SettingsError, match="no hole"):
        constant.fill(_photo(8, 8), np.zeros((8, 8), np.uint8))


def test_blending_comes_last_and_excludes_feathering(constant):
    """On the grown hole, of the whole fill: known pixels keep their bytes."""
    photo = _photo(90, 70)
    mask = np.zeros((90, 70), np.uint8)
    mask[20:45, 10:40], mask[60:90, 30:70] = 255, 255
    plain = constant.fill(photo, mask, grow=3)
    blended = constant.fill(photo, mask, grow=3, blend="poisson")
    hole = filling.grown((mask > 0).astype(np.uint8), 3)
    np.testing.assert_array_equal(blended, blending.poisson(plain, hole))
    np.testing.assert_array_equal(blended[hole == 0], photo[hole == 0])
    assert (blended != plain).any()
    with pytest.raises(SettingsError, match="`blend='poisson'` and `feather=2` cannot be combined"):
        constant.fill(photo, mask, feather=2, blend="poisson")


@pytest.mark.slow
def test_a_seed_and_edges_reach_the_system_and_others_refuse_them(constant):
    painter, photo = Painter(Guided()), _photo(61, 83)
    mask, edges = np.zeros((2, 61, 83), np.uint8)
    mask[5:15, 20:31], mask[40:61, 60:83] = 255, 200  # two windows, one at the border
    edges[::3] = 128
    fill = functools.partial(painter.fill, photo, mask, detail="off")
    for seed, given in ((0, None), (0, edges), (7, edges), (7, None)):
        filled = fill(seed=seed, edges=given)
        green = 0 if given is None else np.where(edges > 127, 255, 0)
        wanted = np.stack(np.broadcast_arrays(np.full_like(mask, seed), green, 0), -1)
        hole = mask[..., None] > 127
        np.testing.assert_array_equal(filled, np.where(hole, wanted, photo))
    large = Painter(Guided(), image_size=16)  # the window is reduced by 2.6
    whole = np.full_like(mask, 255)
    whole[0] = 0
    edges = np.zeros_like(mask)
    edges[::2] = 255  # a part of each cell, and edges stay edges
    filled = large.fill(photo, whole, detail="off", edges=edges)
    assert (filled[1:, :, 1] == 255).all()
    images, holes = np.zeros((2, 8, 8, 3), np.float32), np.ones((2, 8, 8, 1), np.float32)
    output = painter.generate(images, holes, seed=255, edges=holes)
    np.testing.assert_array_equal(output, np.stack([holes[..., 0]] * 2 + [-holes[..., 0]], -1))
    np.testing.assert_array_equal(
        painter.generate(images, holes, edges=None), painter.generate(images, holes)
    )
    with pytest.raises(ValueError, match="guided takes no `latent`"):
        painter.generate(images, holes, latent=1)
    with pytest.raises(SettingsError, match=r"`edges` has the size .*\[61, 83\]. Got \[83, 61\]"):
        fill(edges=edges.T)
    for refused in ({"seed": 1}, {"edges": edges}):
        with pytest.raises(SettingsError, match=f"`{next(iter(refused))}"):
            constant.fill(photo, mask, **refused)


def test_generate_blanks_the_hole_and_answers_as_the_system_does():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 24, 3)).astype(np.float32)
    holes = np.zeros((2, 16, 24, 1), np.float32)
    holes[0, :8], holes[1, :, 12:] = 1, 1  # one hole map per image
    images[0, 0, 0] = np.nan  # under a hole
    raw = Painter(Echo()).generate(images, holes)
    np.testing.assert_array_equal(raw, np.where(holes > 0, 0, images))


@pytest.mark.parametrize("images, holes, words", [
    (np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 1)), "Got uint8"),
    (np.zeros((8, 8, 3), np.float32), np.zeros((1, 8, 8, 1)), r"Got \[8, 8, 3\]"),
    (np.zeros((2, 8, 8, 3), np.float32), np.zeros((1, 8, 8, 1)),
     r"\[2, 8, 8, 1\].* Got \[1, 8, 8, 1\]"),
    (np.zeros((1, 8, 12, 3), np.float32), np.zeros((1, 8, 12, 1)),
     r"multiples of 8. Got \[8, 12\]"),
    (np.zeros((1, 8, 8, 3), np.float32), np.full((1, 8, 8, 1), 255.0),
     "`holes` is 0 or 1. Got 255 as the largest"),
    (np.zeros((1, 8, 8, 3), np.float32), np.full((1, 8, 8, 1), 0.5), "Got 0.5 as"),
])  # fmt: skip
def test_generate_names_bad_arguments(constant, images, holes, words):
    with pytest.raises(ValueError, match=words):
        constant.generate(images, holes)


def test_no_texture_is_copied_from_an_earlier_fill(grey):
    """The earlier fill here has just the colour that the network gives to the hole."""
    noise = np.random.default_rng(0).integers(-40, 40, (200, 260, 1))
    photo = np.clip(120 + noise + [0, 0, 1], 0, 255).astype(np.uint8)  # not grey
    photo[:, 130:] = (120, 120, 121)
    hole, shown = np.zeros((2, 200, 260, 1), np.uint8)
    hole[60:140, 40:120] = 1
    shown[:, 130:] = filling.OTHER
    shown[hole > 0] = filling.AIM
    roughness = []
    for other in (shown, np.where(shown == filling.OTHER, np.uint8(0), shown)):
        filled = grey.fill_window(photo, hole, other, True).numpy()
        roughness.append(filled[60:140, 100:120].astype(float).std())
    assert roughness[0] > 1.5 * roughness[1]

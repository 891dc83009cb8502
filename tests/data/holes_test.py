"""Random holes: all keep to the bounds and differ, and every way to run them gives equal pixels."""

import hashlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.data import distance_fields, objects, strokes
from tfinpaint.data.holes import check, holes
from tfinpaint.settings import HoleSettings, SettingsError

BOUNDS = [
    ("box", None, 64),
    ("box", (0.001, 0.02), 64),
    ("box", (0.9, 0.98), 64),
    ("box", (0.3, 0.3 + 1 / 64), 64),
    ("box", (0.3, 0.3 + 1 / 100), 100),
    ("strokes", None, 64),
    pytest.param("strokes", (0.001, 0.02), 64, marks=pytest.mark.slow),
    pytest.param("strokes", (0.9, 0.98), 64, marks=pytest.mark.slow),
    pytest.param("strokes", (0.3, 0.3 + 1 / 64), 64, marks=pytest.mark.slow),
    ("strokes", (0.1, 0.11), 100),
    ("strokes", (0.1, 0.6), 16),
    ("objects", None, 64),
    ("objects", (0.001, 0.02), 64),
    ("objects", (0.9, 0.98), 64),
    ("objects", (0.3, 0.3 + 1 / 64), 64),
    ("objects", (0.1, 0.11), 100),
    ("objects", (0.1, 0.6), 16),
    ("mixed", None, 64),
    ("mixed", (0.001, 0.02), 64),
    pytest.param("mixed", (0.97, 0.99), 64, marks=pytest.mark.slow),
    ("mixed", (0.5, 0.5 + 1 / 64), 64),
]


@pytest.mark.parametrize("kind, ratio, size", BOUNDS)
def test_every_hole_keeps_to_the_bounds(kind, ratio, size):
    settings = HoleSettings(kind, ratio)
    made = holes(0, 1, 96, size, settings).numpy()
    assert made.shape == (96, size, size, 1) and made.dtype == np.float32
    assert set(np.unique(made)) == {0.0, 1.0}
    share = made.astype(bool).mean((1, 2, 3))
    low, high = settings.bounds
    assert low <= share.min() and share.max() <= high
    assert share.max() - share.min() > (high - low) / 2, "the shares do not use the range"


@pytest.mark.parametrize(
    "brush",
    [
        # The first paints almost nothing, so the field has to grow.
        dict(stroke_width=(1.0, 1.0), stroke_length=1.0),
        dict(stroke_width=(500.0, 900.0), stroke_length=2000.0),
        dict(stroke_vertices=(2, 2), stroke_angle=(180.0, 180.0)),
        dict(stroke_vertices=(300, 400), stroke_angle=(0.0, 0.0)),
    ],
)
@pytest.mark.parametrize("ratio", [(0.02, 0.05), (0.93, 0.97)])
def test_bounds_hold_for_any_brush(brush, ratio):
    share = holes(3, 0, 16, 64, HoleSettings("strokes", ratio, **brush)).numpy().mean((1, 2, 3))
    assert ratio[0] <= share.min() and share.max() <= ratio[1]


@pytest.mark.parametrize(
    "kind",
    ["box", *(pytest.param(k, marks=pytest.mark.slow) for k in ("strokes", "objects", "mixed"))],
)
def test_eager_graph_and_compiled_give_the_same_pixels(kind):
    settings = HoleSettings(kind)

    def make(seed, step):
        return holes(seed, step, 8, 64, settings)

    arguments = tf.constant(5), tf.constant(7)
    eager = make(5, 7).numpy()
    np.testing.assert_array_equal(eager, tf.function(make)(*arguments).numpy())
    np.testing.assert_array_equal(eager, tf.function(make, jit_compile=True)(*arguments).numpy())


@pytest.mark.parametrize(
    "kind", ["box", "objects", "strokes", pytest.param("mixed", marks=pytest.mark.slow)]
)
def test_holes_are_different_and_repeat_for_the_same_seed_and_step(kind):
    settings = HoleSettings(kind)
    first = holes(1, 2, 24, 64, settings).numpy()
    np.testing.assert_array_equal(
        first, holes(tf.constant(1), tf.constant(2, tf.int64), 24, 64, settings).numpy()
    )
    others = [
        holes(seed, step, 24, 64, settings).numpy() for seed, step in ((1, 3), (2, 2), (2, 1))
    ]
    different = {hole.tobytes() for made in [first, *others] for hole in made}
    assert len(different) == 4 * 24


# SHA-256 of 8 holes of each kind, packed into bits. Papers' tables can be compared only if a seed
# means the same holes everywhere, on every version of TensorFlow and NumPy.
PIXELS = {
    "box": "bc45b7f5d7cf1338",
    "objects": "2f3e6a0cdd93c1f0",
    "strokes": "3fa4f292c078b864",
    "mixed": "c8ab6339ee7a4e97",
}


@pytest.mark.parametrize("kind", PIXELS)
def test_a_seed_gives_the_same_pixels_on_every_stack(kind):
    made = holes(0, 3, 8, 96, HoleSettings(kind)).numpy().astype(bool)
    assert hashlib.sha256(np.packbits(made).tobytes()).hexdigest().startswith(PIXELS[kind])


@pytest.mark.parametrize("kind", ["center", "box", "objects", "mixed"])
def test_a_part_of_a_batch_gets_the_holes_that_it_has_in_the_whole(kind):
    settings = HoleSettings(kind)
    whole = holes(3, 4, 6, 48, settings).numpy()
    np.testing.assert_array_equal(holes(3, 4, 6, 48, settings, part=(2, 3)), whole[2:5])


def test_center_is_half_the_side_or_the_nearest_that_fits():
    made = holes(0, 0, 3, 64, HoleSettings("center")).numpy()
    assert made[:, 16:48, 16:48].min() == 1 and made.sum() == 3 * 32 * 32
    made = holes(0, 0, 1, 64, HoleSettings("center", (0.5, 0.6))).numpy()
    assert np.ptp(np.nonzero(made[0])[0]) == 45  # 46 x 46 is the smallest square above one half
    np.testing.assert_array_equal(made, made[:, ::-1, ::-1])
    with pytest.raises(
        SettingsError, match=r"`ratio=\(0.3, 0.301\)`: no centred square of `image_size=64`"
    ):
        check(HoleSettings("center", (0.3, 0.301)), 64)


def test_boxes_are_rectangles_of_moderate_aspect():
    heights, widths, tops = [], [], []
    for hole in holes(0, 0, 200, 64, HoleSettings("box")).numpy()[..., 0]:
        rows, columns = np.nonzero(hole.any(1))[0], np.nonzero(hole.any(0))[0]
        heights.append(np.ptp(rows) + 1)
        widths.append(np.ptp(columns) + 1)
        tops.append(rows[0])
        assert hole.sum() == heights[-1] * widths[-1]
    aspect = np.array(heights) / np.array(widths)
    assert aspect.min() > 0.4 and aspect.max() < 2.5 and 0.9 < np.median(aspect) < 1.1
    assert min(tops) == 0 and max(tops) > 30


@pytest.mark.parametrize("size, ratio", [(64, (0.1, 0.2)), (256, (0.2, 0.25)), (128, (0.25, 0.26))])
def test_boxes_of_aspect_1_are_squares(size, ratio):
    settings = HoleSettings("box", ratio, box_aspect=1.0)
    found = holes(0, 0, 100, size, settings).numpy()[..., 0]
    heights, widths = found.any(2).sum(1), found.any(1).sum(1)
    np.testing.assert_array_equal(heights, widths)
    np.testing.assert_array_equal(found.sum((1, 2)), heights * widths)
    assert len(set(heights)) > 1 or ratio[1] - ratio[0] < 0.02
    assert ratio[0] <= found.mean((1, 2)).min() and found.mean((1, 2)).max() <= ratio[1]


def test_mixed_has_boxes_objects_and_strokes():
    made = holes(0, 0, 96, 64, HoleSettings("mixed")).numpy()[..., 0]
    boxes = np.array([hole.sum() == hole.any(1).sum() * hole.any(0).sum() for hole in made])
    assert 18 < boxes.sum() < 46  # a third
    # Half of the others are compact: a disc with a third of their area fits inside.
    compact = np.array([np.pi * largest_disc(hole) ** 2 > hole.sum() / 3 for hole in made[~boxes]])
    assert 0.3 < compact.mean() < 0.7


def largest_disc(hole):
    """Radius in pixels of the largest disc in the hole, [H, W]. All beyond the border is known."""
    return cv2.distanceTransform(np.pad(hole.astype(np.uint8), 1), cv2.DIST_L2, 5).max()


def test_objects_are_one_to_three_compact_blobs():
    ratio = (0.2, 0.25)
    made = {
        kind: holes(0, 0, 48, 128, HoleSettings(kind, ratio)).numpy()[..., 0]
        for kind in ("objects", "strokes")
    }
    radii = {kind: np.median([largest_disc(hole) for hole in some]) for kind, some in made.items()}
    assert radii["objects"] > 1.6 * radii["strokes"], radii
    pieces = [cv2.connectedComponents(hole.astype(np.uint8))[0] - 1 for hole in made["objects"]]
    assert set(pieces) == {1, 2, 3}
    assert all(
        cv2.connectedComponents((1 - hole).astype(np.uint8), connectivity=4)[0] - 1 <= 4
        for hole in made["objects"]
    )


def test_outlines_of_objects_vary():
    """Of one-piece holes off the border, some are nearly ellipses, some are not, some are long."""
    area, aspect = [], []
    for hole in (
        holes(1, 0, 200, 128, HoleSettings("objects", (0.05, 0.15)))
        .numpy()[..., 0]
        .astype(np.uint8)
    ):
        contours = cv2.findContours(hole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        border = hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any()
        if len(contours) == 1 and not border:
            (_, sides, _), (_, rectangle, _) = (
                cv2.fitEllipse(contours[0]),
                cv2.minAreaRect(contours[0]),
            )
            area.append(hole.sum() / (rectangle[0] * rectangle[1]))  # pi / 4 for an ellipse
            aspect.append(max(sides) / min(sides))
    assert len(area) > 40 and np.std(area) > 0.02 and 0.4 < min(area) and max(area) < 0.9
    assert min(aspect) < 1.2 and np.percentile(aspect, 90) > 1.8 and max(aspect) < 5


def test_objects_do_not_depend_on_those_beside_them():
    """From the same random numbers, a field is the same alone and in a batch."""
    draw = np.random.RandomState(0)
    drawn = [draw.rand(6, n).astype(np.float32) for n in (1, 3, 6, 3, 3, 3, 15, 15)]
    share = np.linspace(0.03, 0.5, 6).astype(np.float32)

    def fields_of(part):
        numbers = iter(drawn)

        def take(count):
            values = next(numbers)[part]
            assert values.shape[1] == count
            return tf.constant(values)

        return objects.random_objects_field(take, tf.constant(share[part])).numpy()

    whole = fields_of(slice(None))
    assert (
        whole.shape == (6, distance_fields.CELLS, distance_fields.CELLS)
        and (whole == np.round(whole)).all()
        and whole.max() <= 2000
    )
    for k in range(6):
        np.testing.assert_array_equal(fields_of(slice(k, k + 1))[0], whole[k])


def test_fields_of_objects_are_near_the_share_that_was_asked_for():
    """Since they are near it, cutting at the exact share changes outlines little.

    Overlaps and borders make the share smaller.
    """
    draw = np.random.RandomState(1)
    field = objects.random_objects_field(
        lambda n: tf.constant(draw.rand(200, n), tf.float32), tf.fill([200], 0.2)
    )
    share = (field.numpy() < 0).mean((1, 2))
    assert 0.15 < np.median(share) < 0.21 and share.min() > 0.08 and share.max() < 0.24


def test_strokes_have_the_width_that_was_asked_for():
    settings = HoleSettings("strokes", (0.2, 0.3), stroke_width=(20.0, 20.0))
    made = holes(0, 0, 16, 256, settings).numpy().astype(np.uint8)[..., 0]
    from skimage.morphology import medial_axis

    widths = []
    for hole in made:
        axis, distance = medial_axis(hole, return_distance=True)
        widths.append(2 * np.median(distance[axis]))
    assert 17 < np.median(widths) < 23, widths


def test_strokes_have_smooth_edges():
    """Compared with the same strokes painted at full resolution, only edge pixels differ."""
    settings = HoleSettings("strokes")
    draw = np.random.RandomState(0)
    chain = strokes.random_chain(
        lambda n: tf.constant(draw.rand(1, n), tf.float32), tf.constant([0.3]), settings
    )[:20]
    field = strokes.paint(
        tf.fill([1, distance_fields.CELLS, distance_fields.CELLS], distance_fields.FAR),
        chain,
        tf.constant([4096.0]),
    )
    coarse = distance_fields.enlarge(field, 256).numpy()[0] < 0
    y, x = np.mgrid[:256, :256] * float(distance_fields.UNIT) + distance_fields.UNIT / 2
    exact = np.full((256, 256), distance_fields.FAR)
    for left, top, along_x, along_y, per_length, half_width in chain.numpy()[:, 0]:
        part = np.clip(((x - left) * along_x + (y - top) * along_y) * per_length, 0, 1)
        exact = np.minimum(
            exact, np.hypot(x - left - part * along_x, y - top - part * along_y) - half_width
        )
    assert np.mean(coarse != (exact < 0)) < 0.01
    far_from_edge = np.abs(exact) > 1.5 * distance_fields.UNIT
    wrong = (coarse != (exact < 0)) & far_from_edge
    assert wrong.mean() < 0.0005


def test_bounds_that_no_hole_can_keep_are_refused():
    with pytest.raises(
        SettingsError,
        match=r"`ratio=\(0.3, 0.303\)` is too narrow for `image_size=64`: HI - LO is at least 1/64",
    ):
        holes(0, 0, 1, 64, HoleSettings("strokes", (0.3, 0.303)))
    with pytest.raises(
        SettingsError, match="`kind='files:masks'`: mask files are read in the input pipeline"
    ):
        check(HoleSettings("files:masks"), 64)

"""What repeats goes on through a wide hole; a guide that is like nothing known stays.

The parts are held against plain loops.
"""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting import detail
from tfinpaint.painting.detail import repetition


@pytest.fixture(scope="module")
def continued():
    pictures, maps = tf.TensorSpec([None, None, 3]), tf.TensorSpec([None, None, 1], tf.bool)
    traced = tf.function(
        repetition.continued, input_signature=[pictures, maps, maps], autograph=False
    )

    def call(picture, hole, part=None):
        """The picture alone."""
        return with_repeats(picture, hole, part)[0]

    def with_repeats(picture, hole, part=None):
        part = hole if part is None else part
        found, repeats = traced(
            tf.constant(picture, tf.float32), hole[..., np.newaxis], part[..., np.newaxis]
        )
        return found.numpy(), repeats.numpy()

    call.with_repeats = with_repeats
    return call


def _fence(height, width, period=(14, 20)):
    """Bright wires on a dark ground, float32 [h, w, 3]."""
    rows, columns = np.mgrid[:height, :width]
    wire = (rows % period[0] < 3) | (columns % period[1] < 3)
    return np.where(wire[..., np.newaxis], [200, 190, 150], [30, 40, 50]).astype(np.float32)


def _hole(height, width, top, left, bottom, right):
    hole = np.zeros((height, width), bool)
    hole[top:bottom, left:right] = True
    return hole


def _guided(picture, hole):
    """The picture with the mean colour of what is known in its hole."""
    return np.where(hole[..., np.newaxis], picture[~hole].mean(0), picture)


def _none(picture, *_):
    """What `continued` returns where there is nothing to do."""
    return picture, tf.zeros_like(picture[..., :1])


def _lively(known):
    """Brightness with so much energy that differences are relative to that near the hole."""
    return tf.constant(100.0 * known, tf.float32)


def _error(picture, filled, hole):
    return np.abs(picture - filled)[hole].mean()


@pytest.mark.parametrize("height, width, period", [(128, 160, (14, 20)), (210, 150, (9, 31))])
def test_a_pattern_goes_on_through_the_hole(continued, height, width, period):
    picture = _fence(height, width, period)
    hole = _hole(height, width, 35, 50, 90, 105)
    guided = _guided(picture, hole)
    filled = continued(guided, hole)
    assert _error(picture, filled, hole) < 0.1 * _error(picture, guided, hole)
    np.testing.assert_array_equal(filled[~hole], picture[~hole])


def test_a_larger_picture_is_reduced_and_its_own_pixels_are_moved(continued):
    small = _fence(110, 150)
    picture = np.kron(small, np.ones((4, 4, 1), np.float32))  # 440 x 600
    picture += np.random.default_rng(1).choice([-4.0, 4.0], picture.shape).astype(np.float32)
    hole = _hole(440, 600, 150, 200, 300, 380)
    guided = _guided(picture, hole)
    filled = continued(guided, hole)
    assert _error(picture, filled, hole) < 0.3 * _error(picture, guided, hole)
    # Fine noise survives: nothing was enlarged.
    rough = [np.abs(np.diff(each[160:290, 210:370], axis=1)).mean() for each in (picture, filled)]
    assert rough[1] > 0.8 * rough[0]


def test_the_texture_of_a_pattern_is_restored_in_step(monkeypatch):
    picture = _fence(150, 190)
    hole = _hole(150, 190, 45, 60, 105, 130)
    guided = tf.constant(_guided(picture, hole), tf.float32)
    maps = tf.constant(hole[..., np.newaxis])
    with_it = detail.restore(guided, maps, maps).numpy()
    monkeypatch.setattr(repetition, "continued", _none)
    without = detail.restore(guided, maps, maps).numpy()
    # Some of the fill is mixed into the texture, but not into what repeats.
    assert _error(picture, with_it, hole) < 0.1 * _error(picture, without, hole)


def test_only_wide_holes_are_continued(monkeypatch):
    asked = []

    def note(picture, hole, part):
        asked.append(part.numpy()[..., 0])
        return _none(picture)

    monkeypatch.setattr(repetition, "continued", note)
    picture = _fence(150, 190)
    hole = _hole(150, 190, 20, 20, 40, 170)  # a stroke of 20 pixels
    for wide in (False, True):
        if wide:
            hole |= _hole(150, 190, 60, 60, 120, 120)
        maps = tf.constant(hole[..., np.newaxis])
        detail.restore(tf.constant(_guided(picture, hole), tf.float32), maps, maps)
    assert not asked[0].any()
    np.testing.assert_array_equal(asked[1], hole & _hole(150, 190, 60, 60, 120, 120))


def test_where_the_guide_is_like_nothing_that_is_known_it_stays(continued):
    hole = _hole(128, 160, 35, 50, 90, 105)
    flat = np.full((128, 160, 3), 90.0, np.float32)
    flat[hole] = 140
    np.testing.assert_allclose(continued(flat, hole), flat, rtol=1e-5)  # nothing is compared
    fence = _fence(128, 160)
    fence[hole] = [20, 120, 250]
    inside = _hole(128, 160, 53, 68, 72, 87)  # near the rim, the fence goes on
    np.testing.assert_allclose(continued(fence, hole)[inside], fence[inside], rtol=1e-5)


def test_a_hole_leaves_no_outline_in_a_sky_above_rough_ground(continued):
    """The energy of the ground does not excuse pieces of sky that are some grey levels apart."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:200, :200]
    ground = (rows >= 150)[..., np.newaxis]
    sky = np.stack([60 + 0.9 * rows, 90 + 0.7 * rows, 140 + 0.3 * rows], -1)
    sky += 0.2 * columns[..., np.newaxis]
    photo = sky + rng.normal(0, 1, (200, 200, 1))
    photo = np.where(ground, 120 + rng.normal(0, 60, (200, 200, 1)), photo)
    hole = _hole(200, 200, 50, 60, 165, 130)
    guide = np.where(ground, 120.0, sky)
    filled = continued(np.where(hole[..., np.newaxis], guide, photo), hole)
    inside = hole & (rows < 144)
    apart = cv2.blur(np.where(inside[..., np.newaxis], filled - guide, 0.0), (9, 9))
    share = cv2.blur(inside.astype(float), (9, 9))
    apart = np.abs(apart / np.maximum(share, 1e-6)[..., np.newaxis])[inside]
    assert np.median(apart) < 1 and np.percentile(apart, 90) < 4


def test_only_the_part_changes_and_nothing_comes_from_the_hole(continued):
    picture = _fence(128, 160)
    hole = _hole(128, 160, 35, 40, 90, 115)
    part = hole & _hole(128, 160, 0, 0, 128, 90)
    guided = picture.copy()
    guided[hole] = [110, 110, 100]
    guided[part] = _guided(picture, hole)[part]
    filled = continued(guided, hole, part)
    np.testing.assert_array_equal(filled[~part], guided[~part])
    changed = part & (np.abs(filled - guided) > 1).any(-1)
    assert changed[part].mean() > 0.5
    np.testing.assert_array_equal(continued(guided, hole, ~hole & hole), guided)
    # Of the other part of the hole nothing was copied.
    assert not (np.abs(filled - [110, 110, 100]) < 1).all(-1)[changed].any()


@pytest.mark.parametrize(
    "height, width", [(1, 300), (9, 11), (33, 400), (300, 27), (97, 101), (1, 1)]
)
def test_any_size_and_holes_at_the_border(continued, height, width):
    rng = np.random.default_rng(height)
    picture = rng.uniform(0, 255, (height, width, 3)).astype(np.float32)
    hole = _hole(height, width, 0, 0, height, 1 + width // 2)
    filled = continued(picture, hole)
    assert filled.shape == picture.shape and np.isfinite(filled).all()
    assert filled.min() >= 0 and filled.max() <= 255
    np.testing.assert_array_equal(filled[~hole], picture[~hole])


def test_a_pattern_repeats_for_sure_and_less_so_in_noise(continued, monkeypatch):
    hole = _hole(128, 160, 35, 50, 90, 105)
    fence = _fence(128, 160)
    _, repeats = continued.with_repeats(_guided(fence, hole), hole)
    np.testing.assert_array_equal(repeats[~hole], 0)
    assert 0.8 < repeats[hole].mean() <= 1
    noise = np.random.default_rng(3).normal(0, 1, fence.shape).astype(np.float32)
    for deviation, low, high in ((40, 0.6, 0.95), (80, 0.1, 0.5)):
        guide = _guided(np.clip(fence + deviation * noise, 0, 255), hole)
        filled, less = continued.with_repeats(guide, hole)
        assert (np.abs(filled - guide) > 1).any(-1)[hole].mean() > 0.2  # moves are taken
        assert low < less[hole].mean() < high
    guide = _guided(fence, hole)
    maps = tf.constant(hole[..., np.newaxis])
    for sure, unsure, low, high in (
        (-2.0, -1.0, 0, 0),
        (90.0, 91.0, 1, 1),
        (-90.0, 92.0, 0.4, 0.6),
    ):
        monkeypatch.setattr(repetition, "SURE", sure)
        monkeypatch.setattr(repetition, "UNSURE", unsure)
        found, repeats = repetition.continued(tf.constant(guide, tf.float32), maps, maps)
        moved = (np.abs(found - guide) > 60).any(-1)
        assert moved.sum() > 200
        assert low <= repeats.numpy()[moved].mean() <= high


def test_the_same_picture_gives_the_same_result_eager_too(continued):
    picture = _fence(90, 120) + np.random.default_rng(5).normal(0, 8, (90, 120, 3))
    hole = _hole(90, 120, 25, 40, 60, 80)
    guided = _guided(picture.astype(np.float32), hole)
    once = continued(guided, hole)
    np.testing.assert_array_equal(once, continued(guided, hole))
    maps = tf.constant(hole[..., np.newaxis])
    eager, _ = repetition.continued(tf.constant(guided), maps, maps)
    np.testing.assert_allclose(eager, once, atol=1e-2)


def _some_cells(hole):
    return repetition._cells(tf.constant(hole))


def test_cells_are_those_that_the_part_touches():
    hole = _hole(40, 53, 11, 20, 19, 31)
    cells = _some_cells(hole)
    down, across = 7, 9  # of about 6 pixels
    assert cells.grid.numpy().tolist() == [down, across]
    expected = [
        [row, column]
        for row in range(down)
        for column in range(across)
        if hole[
            row * 40 // down : -(-(row + 1) * 40 // down),
            column * 53 // across : -(-(column + 1) * 53 // across),
        ].any()
    ]
    assert cells.places.numpy().tolist() == expected
    middles = [[(r + 0.5) * 40 / down, (c + 0.5) * 53 / across] for r, c in expected]
    assert np.abs(cells.middles.numpy() - middles).max() < 1


def test_the_moves_serve_all_cells(monkeypatch):
    rng = np.random.default_rng(6)
    hole = _hole(60, 80, 20, 25, 45, 60)
    cells, known = _some_cells(hole), (~hole).astype(np.float32)
    moves = rng.integers(-40, 40, (30, 2)).astype(np.int32)
    moves[10:14] = moves[3] + [[0, 0], [1, 0], [0, -1], [2, 0]]
    moves[20:26] = 200  # out of the picture from everywhere
    likeness = rng.uniform(0.2, 1, 30).astype(np.float32)
    tiles = rng.uniform(0, 60, (30, 2)).astype(np.float32)
    middles = cells.middles.numpy()
    apart = np.linalg.norm(middles - tiles[:, None], axis=-1)
    near = np.exp((apart.min(0) - apart) / repetition.FAR)
    good = np.zeros((30, len(middles)))
    for c in range(30):
        for n, middle in enumerate(middles):
            place = middle + moves[c]
            inside = (place >= 0).all() and (place < hole.shape).all()
            if inside and not hole[tuple(place)]:
                good[c, n] = likeness[c] ** 2 * near[c, n]
    same = (np.abs(moves[:, None] - moves) <= 1).all(-1)
    good = same @ good
    for most in (3, 40):
        monkeypatch.setattr(repetition, "MOVES", most)
        chosen, alike = repetition._chosen(
            *(tf.constant(x) for x in (moves, likeness, tiles, known)), cells
        )
        total, free, expected = np.full(len(middles), 1e-3), good.max(1) > 0, []
        while len(expected) < most and free.any():
            gains = np.where(free, (np.sqrt(total + good) - np.sqrt(total)).sum(1), -1)
            expected.append(gains.argmax())
            total, free = total + good[expected[-1]], free & ~same[expected[-1]]
        assert len(expected) == 3 or 10 < len(expected) < 24
        np.testing.assert_array_equal(chosen.numpy(), moves[expected])
        of_each = [(same[k][:, None] * likeness[:, None] * near).max(0) for k in expected]
        np.testing.assert_allclose(alike.numpy(), of_each, rtol=1e-4)


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_a_move_even_if_none_is_of_use(count):
    hole = _hole(60, 80, 20, 25, 45, 60)
    cells = _some_cells(hole)
    moves, alike = repetition._chosen(
        tf.fill([count, 2], 200),
        tf.fill([count], 0.5),
        tf.fill([count, 2], 30.0),
        tf.constant(~hole, tf.float32),
        cells,
    )
    assert moves.numpy().tolist() == [[200, 200] if count else [60, 80]]
    assert np.isfinite(alike.numpy()).all()


def test_differences_of_moves_are_those_of_the_pixels_that_both_have():
    rng = np.random.default_rng(7)
    hole = _hole(60, 80, 20, 25, 45, 60)
    cells, known = _some_cells(hole), (~hole).astype(np.float32)
    colours = rng.uniform(0, 255, (60, 80, 3)).astype(np.float32)
    moves = np.array([[0, 30], [-21, 3], [15, -38], [-59, 70]], np.int32)
    own, apart = repetition._costs(
        tf.constant(colours),
        _lively(known),
        tf.constant(known),
        cells,
        tf.constant(moves),
        tf.ones([4, len(cells.places)]),
        tf.constant(500.0),
    )
    around = [(i, j) for i in range(-4, 5, 2) for j in range(-4, 5, 2)]

    def moved(pixel, move):
        place = tuple(np.array(pixel) + move)
        inside = 0 <= place[0] < 60 and 0 <= place[1] < 80 and known[place]
        return colours[place] if inside else None

    for n, middle in enumerate(cells.middles.numpy()):
        seen = [[moved(middle + step, move) for step in around] for move in moves]
        for a in range(4):
            assert (own[n, a] >= repetition.MISSING) == any(s is None for s in seen[a])
            for b in range(4):
                pairs = [
                    (x, y) for x, y in zip(seen[a], seen[b]) if x is not None and y is not None
                ]
                expected = sum(((x - y) ** 2).sum() for x, y in pairs) / len(around) / 500
                assert float(apart[n, a, b]) == pytest.approx(expected, rel=1e-3, abs=0.02)


def test_differences_in_a_quiet_place_are_relative_to_its_own_energy():
    # The hole's surroundings are lively on the left, and on the right as quiet as `fine`.
    columns = np.mgrid[:60, :120][1]
    hole = _hole(60, 120, 18, 48, 42, 66)
    cells, known = _some_cells(hole), (~hole).astype(np.float32)
    fine, energy = 3.0, 900.0
    colours = np.repeat(100.0 + 4.0 * (columns >= 90)[..., np.newaxis], 3, -1)
    brightness = np.where(columns < 48, 100.0, fine) * known
    own, apart = repetition._costs(
        tf.constant(colours, tf.float32),
        tf.constant(brightness, tf.float32),
        tf.constant(known),
        cells,
        tf.constant([[0, -30], [0, 45]], tf.int32),
        tf.ones([2, len(cells.places)]),
        tf.constant(energy),
    )
    quiet = 10.0 + 2.0 * fine**2
    inside = known[cells.middles.numpy()[:, 0], cells.middles.numpy()[:, 1]] == 0
    deep = inside & (np.abs(cells.middles.numpy() - [30, 57]) <= 3).all(-1)  # sees no known pixel
    assert deep.any()
    difference = 3 * 4.0**2
    np.testing.assert_allclose(own.numpy()[deep, 0], 0.0, atol=1e-3)
    np.testing.assert_allclose(own.numpy()[deep, 1], 2.0 * difference / quiet, rtol=1e-2)
    # Where two moves meet, the mean of both counts.
    between = (energy + quiet) / 2
    np.testing.assert_allclose(apart.numpy()[deep, 0, 1], difference / between, rtol=1e-2)
    np.testing.assert_allclose(apart.numpy()[deep, 1, 0], difference / between, rtol=1e-2)


@pytest.mark.parametrize("step", [20.0, 100.0])
def test_a_move_costs_what_it_differs_by_in_known_pixels_and_in_colour_up_to_a_limit(step):
    # Brighter in the right half: a move across costs in both ways, one up in none.
    columns = np.mgrid[:108, :90][1]
    hole = _hole(108, 90, 42, 12, 72, 36)
    colours = np.repeat(100.0 + step * (columns >= 46)[..., np.newaxis], 3, -1)
    cells, known = _some_cells(hole), (~hole).astype(np.float32)
    energy = 900.0
    alike = np.random.default_rng(9).uniform(0, 1, (2, len(cells.places)))
    own, _ = repetition._costs(
        tf.constant(colours, tf.float32),
        _lively(known),
        tf.constant(known),
        cells,
        tf.constant([[-36, 0], [0, 40]], tf.int32),
        tf.constant(alike, tf.float32),
        tf.constant(energy),
    )
    own = own.numpy()
    unlike = 3.0 * (1 - alike)
    np.testing.assert_allclose(own[:, 0], unlike[0], atol=1e-3)
    cost = 2.0 * 3 * step**2 / energy
    seen = np.array(
        [  # the share of known pixels in a cell of 6 x 6 and those around it
            known[6 * (r - 1) : 6 * (r + 2), 6 * (c - 1) : 6 * (c + 2)].mean()
            for r, c in cells.places.numpy()
        ]
    )
    assert (seen < 1 / 3).any() and (seen > 1 / 3).any()
    expected = unlike[1] + np.minimum(3 * seen, 1) * min(cost, 6.0) + min(cost, 8.0)
    np.testing.assert_allclose(own[:, 1], expected, rtol=1e-3)
    np.testing.assert_array_equal(own[:, 2], 3.0)  # the guide


def test_what_repeats_does_so_for_little_and_in_many_cells():
    hole = _hole(120, 150, 20, 25, 110, 140)
    cells = _some_cells(hole)
    rng = np.random.default_rng(11)
    own = rng.uniform(0, 2.5, (len(cells.places), 4)).astype(np.float32)
    own[:, 3] = 0  # the guide, which repeats nothing
    labels = rng.integers(0, 4, len(own)).astype(np.int32)
    places = cells.places.numpy()
    labels[places[:, 1] > 15] = 3  # few in that part
    labels[(places == [10, 20]).all(1)] = 1
    sure = np.clip(1.8 - own[range(len(own)), labels], 0, 1) * (labels < 3)
    expected = []
    for n, place in enumerate(places):
        near = (np.abs(places - place) <= 5).all(1)
        expected.append(sure[n] * min(sure[near].mean() / 0.5, 1))
    found = repetition._repeating(tf.constant(own), tf.constant(labels), cells)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert max(expected) > 0.7


def test_neighbours_cost_what_their_pictures_differ_by_where_they_meet():
    rng = np.random.default_rng(10)
    apart = rng.uniform(0, 5, (3, 2, 2)).astype(np.float32)
    apart[0, 0, 1] = 90
    neighbour = [2, 3, 0]  # 3: none
    found = repetition._meeting(tf.constant(apart), tf.constant(neighbour)).numpy()
    assert found.shape == (3, 3, 3)
    for n, other in enumerate(neighbour):
        for a in range(3):
            for b in range(3):
                expected = 0.0
                if other < 3 and a != b:
                    seam = (apart[n, a, b] + apart[other, a, b]) / 2 if max(a, b) < 2 else 0
                    expected = 0.05 + min(3 * seam, 12) if max(a, b) < 2 else 0.35
                assert found[n, a, b] == pytest.approx(expected, rel=1e-5)


def test_a_pixel_is_the_mean_of_the_moves_of_the_four_nearest_cells():
    rng = np.random.default_rng(8)
    height, width = 45, 62
    hole = _hole(height, width, 12, 18, 33, 41)
    picture = rng.uniform(0, 255, (height, width, 3)).astype(np.float32)
    cells = _some_cells(hole)
    moves = np.array([[0, 25], [-14, 2], [20, -20]], np.int32)
    labels = rng.integers(0, 4, len(cells.places)).astype(np.int32)
    sure = np.where(labels < 3, rng.uniform(0, 1, len(labels)), 0).astype(np.float32)
    found, repeats = repetition._composed(
        tf.constant(picture),
        *[tf.constant(hole[..., None])] * 2,
        cells,
        tf.constant(labels),
        tf.constant(sure),
        tf.constant(moves),
    )
    found, repeats = found.numpy(), repeats.numpy()
    np.testing.assert_array_equal(repeats[~hole], 0)
    rows, columns = cells.grid.numpy()
    grid = np.full((rows, columns), -1)  # cells that the part does not touch
    grid[tuple(cells.places.numpy().T)] = labels
    sure_of = np.zeros((rows, columns))
    sure_of[tuple(cells.places.numpy().T)] = sure
    for i, j in np.argwhere(hole):
        y, x = (i + 0.5) * rows / height - 0.5, (j + 0.5) * columns / width - 0.5
        total, weight, surely = 0.0, 0.0, 0.0
        for r in (int(np.floor(y)), int(np.floor(y)) + 1):
            for c in (int(np.floor(x)), int(np.floor(x)) + 1):
                share = (1 - abs(y - r)) * (1 - abs(x - c))
                cell = np.clip(r, 0, rows - 1), np.clip(c, 0, columns - 1)
                label = grid[cell]
                place = (i, j) if label == 3 else (i + moves[label][0], j + moves[label][1])
                inside = 0 <= place[0] < height and 0 <= place[1] < width
                if label == 3 or (label >= 0 and inside and not hole[place]):
                    total, weight = total + share * picture[place], weight + share
                    surely += share * sure_of[cell]
        expected = total / weight if weight > 1e-3 else picture[i, j]
        np.testing.assert_allclose(found[i, j], expected, rtol=1e-3, atol=0.05)
        expected = surely / weight if weight > 1e-3 else 0
        assert repeats[i, j, 0] == pytest.approx(expected, abs=1e-3)

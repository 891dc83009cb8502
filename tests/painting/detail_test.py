"""Texture from the known part of the picture.

Its matches are those of a plain search, known pixels are exact, the result is the same every time,
and it is nearer to the picture than its guide.
"""

import os
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting import detail

_traced = []


@pytest.fixture(scope="module", autouse=True)
def traced():
    """detail.restore as a painter has it, traced once for all sizes."""
    pictures, maps = tf.TensorSpec([None, None, 3]), tf.TensorSpec([None, None, 1], tf.bool)
    signature = [pictures, maps, maps]
    _traced.append(tf.function(detail.restore, input_signature=signature, autograph=False))
    yield
    _traced.clear()  # or TensorFlow complains when Python ends


def _restore(picture, hole, part=None, restore=None):
    """With `restore=detail.restore`, what the test replaced is asked."""
    part = hole if part is None else part
    return (restore or _traced[0])(
        *(tf.constant(x) for x in (picture.astype(np.float32), hole[..., None], part[..., None]))
    ).numpy()


def _pattern(height, width):
    """A periodic texture of sharp bricks, uint8-like float32 [h, w, 3]."""
    y, x = np.mgrid[:height, :width]
    shifted = x + 8 * (y // 8 % 2)
    mortar = (y % 8 < 2) | (shifted % 16 < 2)
    brick = np.stack([150 + 0 * x, 60 + 30 * (shifted // 16 % 2), 40 + 0 * x], -1)
    return np.where(mortar[..., None], [210, 205, 200], brick).astype(np.float32)


def _guide(picture, hole):
    """The mean of the known pixels in the hole."""
    return np.where(hole[..., None], picture[~hole].mean(0), picture)


def _level(picture, hole):
    """The picture as it is, with all of its hole wanted."""
    maps = np.repeat(hole[np.newaxis, ..., np.newaxis], 2, -1).astype(np.uint8)
    rough = (
        detail.search.ROUGH
        * detail.roughness(tf.constant(picture), tf.constant(hole[..., np.newaxis])).numpy()
    )
    return detail.levels.level_of(
        tf.constant(np.concatenate([picture, rough], -1)[np.newaxis]),
        tf.constant(maps),
        tf.constant(hole.shape),
        0,
    )


def _box(height, width, top, left, bottom, right):
    hole = np.zeros((height, width), bool)
    hole[top:bottom, left:right] = True
    return hole


# ------------------------------------------------------------------------------------------- search


def test_the_basis_is_orthonormal():
    flat = detail.search.BASIS.reshape(-1, detail.search.BASIS.shape[-1]).astype(np.float64)
    np.testing.assert_allclose(flat.T @ flat, np.eye(flat.shape[1]), atol=1e-6)


def test_the_coarsest_matches_are_those_of_a_plain_search():
    """The plain search cuts out patches one by one and compares them in float64, pixel by pixel.
    Each missing pixel counts by how near it is to known ones."""
    rng = np.random.default_rng(0)
    picture, hole = rng.uniform(0, 255, (30, 37, 3)).astype(np.float32), _box(30, 37, 8, 10, 19, 24)
    level = _level(picture, hole)
    matches = detail.search.exhaustive(level, level.picture)
    picture = level.picture[0].numpy()

    y, x = np.mgrid[:30, :37]
    depth = np.where(hole, np.minimum(np.minimum(y - 7, 19 - y), np.minimum(x - 9, 24 - x)), 0)
    sure = np.maximum(0.5**depth, 0.05)
    np.testing.assert_allclose(level.sure[0, ..., 0], sure)
    middles = [(y, x) for y in range(3, 27) for x in range(3, 34)]
    patch = {(y, x): picture[y - 3 : y + 4, x - 3 : x + 4].astype(np.float64) for y, x in middles}
    touches = {(y, x): hole[y - 3 : y + 4, x - 3 : x + 4].any() for y, x in middles}
    targets, sources = [m for m in middles if touches[m]], [m for m in middles if not touches[m]]
    np.testing.assert_array_equal(level.targets, [y * 37 + x for y, x in targets])
    np.testing.assert_array_equal(np.flatnonzero(level.sources), [y * 37 + x for y, x in sources])
    for (y, x), match in zip(targets, matches.numpy()):
        weights = sure[y - 3 : y + 4, x - 3 : x + 4, None]
        means = [
            (weights * (patch[y, x] - patch[source]) ** 2).sum() / (5 * weights.sum())
            for source in sources
        ]
        costs = [
            mean + 1600 * ((y - v) ** 2 + (x - u) ** 2) / 37**2
            for mean, (v, u) in zip(means, sources)
        ]
        best = int(np.argmin(costs))
        assert match == sources[best][0] * 37 + sources[best][1]


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_the_search_finds_only_sources_and_gets_worse_by_its_tolerance_at_most(tolerance):
    rng = np.random.default_rng(1)
    picture, hole = (
        rng.uniform(0, 255, (60, 50, 3)).astype(np.float32),
        _box(60, 50, 20, 10, 45, 40),
    )
    level = _level(picture, hole)
    described = detail.search.features(level.picture)
    sources = np.flatnonzero(level.sources)
    before = tf.constant(rng.choice(sources, len(level.targets)), tf.int32)
    matches, distances = detail.search.search(level, described, before, False, tolerance, 7)
    wanted = described.numpy()[level.targets]

    def squares(places):
        return np.square(wanted - described.numpy()[places]).sum(-1)

    assert np.isin(matches, sources).all()
    np.testing.assert_allclose(distances, squares(matches), rtol=1e-5)
    assert (distances.numpy() <= (1 + tolerance) * squares(before) * (1 + 1e-5)).all()
    best = np.array([np.square(one - described.numpy()[sources]).sum(-1).min() for one in wanted])
    assert best.mean() <= distances.numpy().mean() < 0.8 * squares(before).mean()


def test_of_matches_that_are_about_as_near_those_go_together():
    """In noise every move fits equally well: whole pieces are copied, not one place from here and
    the next from there."""
    rng = np.random.default_rng(3)
    picture, hole = (
        rng.uniform(100, 130, (60, 50, 3)).astype(np.float32),
        _box(60, 50, 20, 10, 45, 40),
    )
    level = _level(picture, hole)
    nearest, described = (
        detail.search.exhaustive(level, level.picture),
        detail.search.features(level.picture),
    )

    def alone(matches):
        """The share of targets whose right neighbour is a target too but has another move."""
        moves = np.full(60 * 50, -(10**6))
        moves[level.targets] = matches - level.targets
        both = (moves[:-1] > -(10**6)) & (moves[1:] > -(10**6))
        return (moves[:-1] != moves[1:])[both].mean()

    assert alone(nearest) > 0.5
    kept, _ = detail.search.search(level, described, nearest, True, 0.0, 7)
    together, distances = detail.search.search(level, described, nearest, True, 1.0, 7)
    assert alone(together) < 0.35 and alone(kept) > 0.5
    wanted = described.numpy()[level.targets]
    assert (
        distances.numpy() <= 2 * np.square(wanted - described.numpy()[nearest]).sum(-1) * (1 + 1e-5)
    ).all()


def test_roughness_is_that_of_known_neighbours():
    stripes = np.zeros((80, 100, 3), np.float32)
    stripes[:, ::2] = 30.0  # horizontal neighbours differ by 30, vertical ones do not
    hole = _box(80, 100, 20, 30, 60, 70)
    rough = detail.roughness(tf.constant(stripes), tf.constant(hole[..., np.newaxis])).numpy()
    np.testing.assert_allclose(rough[..., 0], 30.0, rtol=1e-3)
    np.testing.assert_allclose(rough[..., 1], 0.0, atol=1e-3)


def test_roughness_at_a_border_is_that_of_the_ramp_there():
    """Not of the step from one side of the picture to the other."""
    ramp = np.linspace(40, 200, 101, dtype=np.float32)
    picture = np.broadcast_to(ramp[:, np.newaxis], (90, 101, 3)).copy()
    hole = _box(90, 101, 0, 0, 30, 30)
    for turned in (False, True):
        seen, here = (
            (x.swapaxes(0, 1).copy() if turned else x) for x in (picture, hole[..., np.newaxis])
        )
        rough = detail.roughness(tf.constant(seen), tf.constant(here)).numpy()
        across, down = (rough[..., 1], rough[..., 0]) if turned else (rough[..., 0], rough[..., 1])
        np.testing.assert_allclose(across, 1.6, rtol=1e-2)
        np.testing.assert_allclose(down, 0.0, atol=1e-3)


def test_the_hole_is_expected_as_rough_as_known_places_of_its_colour():
    """Dark stripes on the left, a bright wall on the right, and a guide that continues one of
    them."""
    picture, hole = np.full((80, 100, 3), 200.0, np.float32), _box(80, 100, 20, 40, 60, 60)
    picture[:, :50] = 40.0
    picture[:, :50:2] = 70.0
    for guide, expected in ((55.0, 30.0), (200.0, 0.0)):
        seen = np.where(hole[..., np.newaxis], np.float32(guide), picture)
        rough = detail.roughness(tf.constant(seen), tf.constant(hole[..., np.newaxis])).numpy()[
            hole, 0
        ]
        assert abs(np.median(rough) - expected) < 4


def test_votes_are_the_weighted_mean_of_the_patches_that_cover_a_pixel():
    rng = np.random.default_rng(2)
    height, width = 20, 23
    picture, hole = (
        rng.uniform(0, 255, (height, width, 3)).astype(np.float32),
        _box(height, width, 8, 0, 14, 9),
    )
    level = _level(picture, hole)
    targets = level.targets.numpy()
    matches = rng.choice(np.flatnonzero(level.sources), len(targets)).astype(np.int32)
    weights = rng.uniform(0.1, 1, len(targets)).astype(np.float32)
    voted = detail.votes.voted(
        level, level.picture, tf.constant(matches), tf.constant(weights)
    ).numpy()[0]

    known = level.picture[0].numpy()
    total, share = np.zeros((height, width, 5)), np.zeros((height, width, 1))
    for target, match, weight in zip(targets, matches, weights):
        (y, x), (v, u) = divmod(target, width), divmod(match, width)
        weight *= level.sure[0, y, x, 0]
        total[y - 3 : y + 4, x - 3 : x + 4] += weight * known[v - 3 : v + 4, u - 3 : u + 4]
        share[y - 3 : y + 4, x - 3 : x + 4] += weight
    np.testing.assert_allclose(voted[hole], (total / np.maximum(share, 1e-9))[hole], rtol=1e-4)
    np.testing.assert_array_equal(voted[~hole], known[~hole])


# ------------------------------------------------------------------------------------ what is thick


@pytest.mark.parametrize("width, is_thick", [(4, False), (8, False), (9, True), (60, True)])
def test_a_stroke_is_left_alone_and_an_object_is_not(width, is_thick):
    hole = _box(100, 300, 20, 30, 20 + width, 290)
    np.testing.assert_array_equal(
        detail.thick(tf.constant(hole[..., None]))[..., 0], hole & is_thick
    )


@pytest.mark.parametrize("box", [
    (20, 30, 28, 290), (20, 30, 29, 290), (0, 0, 8, 90), (0, 0, 9, 9), (92, 270, 100, 300),
    (91, 291, 100, 300)])  # fmt: skip
def test_whether_anything_is_thick_is_known_without_a_graph(box):
    hole = _box(100, 300, *box)
    assert detail.is_thick(hole[..., None].astype(np.uint8)) == bool(
        detail.thick(tf.constant(hole[..., None])).numpy().any()
    )


def test_a_stroke_that_leads_to_an_object_is_left_alone_but_for_its_beginning():
    hole = _box(120, 400, 30, 20, 90, 80) | _box(120, 400, 56, 80, 62, 390)
    part = detail.thick(tf.constant(hole[..., None])).numpy()[..., 0]
    assert (
        part[30:90, 20:80].all()
        and part[56:62, 80:84].all()
        and not part[:, 90:].any()
        and not part[~hole].any()
    )


# ----------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    "box",
    [(40, 50, 100, 120), (0, 50, 60, 120), (90, 0, 150, 70), (0, 0, 60, 60), (110, 0, 150, 200)],
)
def test_texture_is_restored_wherever_the_hole_is(box):
    picture, hole = _pattern(150, 200), _box(150, 200, *box)
    guide = _guide(picture, hole)
    restored = _restore(guide, hole)
    np.testing.assert_array_equal(restored[~hole], picture[~hole])
    error, before = (
        np.square(restored - picture)[hole].mean(),
        np.square(guide - picture)[hole].mean(),
    )
    # Corners, and a guide that says nothing about the pattern: bricks come back, some pixels off.
    most = {(90, 0, 150, 70): 0.9, (0, 0, 60, 60): 0.2}.get(box, 0.1)
    assert error < most * before, (error, before)


def test_the_same_photograph_gives_the_same_fill_as_a_graph_too():
    picture, hole = (
        np.random.default_rng(4).uniform(0, 255, (130, 90, 3)),
        _box(130, 90, 30, 20, 90, 70),
    )
    first = _restore(picture, hole, restore=detail.restore)
    np.testing.assert_array_equal(_restore(picture, hole, restore=detail.restore), first)
    graph = _restore(picture, hole)
    np.testing.assert_array_equal(_restore(picture, hole), graph)
    # In a graph, operations are merged, so the last digits of means differ.
    np.testing.assert_allclose(graph, first, atol=1e-3)


def test_a_graph_that_is_not_optimized_gives_the_same():
    """The command skips the optimizer, Python and exports do not."""
    rng = np.random.default_rng(12)
    picture = _pattern(150, 170) + rng.normal(0, 12, (150, 170, 3))
    hole = _box(150, 170, 40, 50, 100, 120)
    guide = np.where(hole[..., None], [250.0, 20.0, 90.0], picture)  # some of it gives way
    guide, maps = tf.constant(guide, tf.float32), tf.constant(hole[..., None])
    found = []
    for disabled in (False, True):
        before = tf.config.optimizer.get_experimental_options()
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": disabled})
        try:
            found.append(tf.function(detail.restore, autograph=False)(guide, maps, maps).numpy())
        finally:
            tf.config.optimizer.set_experimental_options(
                {"disable_meta_optimizer": False, **before}
            )
    assert np.abs(found[0] - guide)[hole].mean() > 3
    np.testing.assert_array_equal(found[1], found[0])


def test_nothing_is_taken_from_the_hole_and_only_the_part_changes():
    """The rest of the hole is black, and no black enters the part."""
    picture = np.full((120, 120, 3), 200.0)
    hole, part = _box(120, 120, 10, 10, 100, 100), _box(120, 120, 40, 40, 80, 80)
    picture[hole & ~part] = 0
    restored = _restore(picture, hole, part)
    np.testing.assert_array_equal(restored[~part], picture[~part])
    assert (restored[part] > 199).all()


def test_the_low_frequencies_are_the_guides():
    """The known pixels have a dark and a bright half; the guide says which of them continues in the
    hole."""
    rng = np.random.default_rng(5)
    picture = (
        rng.uniform(-30, 30, (160, 160, 3))
        + np.where(np.arange(160)[:, None] < 80, 60.0, 190.0)[..., None]
    )
    hole = _box(160, 160, 50, 50, 110, 110)
    for colour in (60, 190):
        restored = _restore(np.where(hole[..., None], colour, picture), hole)
        assert abs(restored[hole].mean() - colour) < 20 and restored[hole].std() > 8


def test_the_result_is_mixed_and_known_pixels_are_not(monkeypatch):
    picture, hole = _pattern(96, 96), _box(96, 96, 30, 30, 66, 66)
    guide = _guide(picture, hole)
    result, asked = _restore(guide, hole, restore=detail.restore), []

    def texture_alone(*given):
        asked.append(given)
        return given[2]

    mixed = detail.trust.mixed
    monkeypatch.setattr(detail.trust, "mixed", texture_alone)
    texture = _restore(guide, hole, restore=detail.restore)
    maps = tf.constant(hole[..., np.newaxis])
    sharp = detail.edges.sharpened(tf.constant(guide), maps, maps)
    better, repeats = detail.repetition.continued(sharp, maps, maps)
    np.testing.assert_array_equal(asked[0][0], guide)
    np.testing.assert_array_equal(asked[0][1], better)
    np.testing.assert_array_equal(asked[0][2], texture)
    np.testing.assert_array_equal(asked[0][3], detail.contrast(tf.constant(better), maps))
    assert not asked[0][4].numpy()[hole].any()  # no stroke
    np.testing.assert_array_equal(asked[0][5], repeats)
    assert np.abs(texture - guide)[hole].max() > 20
    np.testing.assert_allclose(result, mixed(*asked[0]), atol=1e-3)
    np.testing.assert_array_equal(result[~hole], guide[~hole])


def test_in_a_stroke_the_fill_is_certain_near_the_rim(monkeypatch):
    """Wholly in the first pixel, half in the second, and so on; in something wide nowhere."""
    asked = []

    def note(fill, guide, texture, contrast, certain, repeats):
        asked.append(certain.numpy()[..., 0])
        return texture

    monkeypatch.setattr(detail.trust, "mixed", note)
    stroke, wide = _box(64, 80, 24, 10, 40, 70), _box(64, 80, 18, 24, 46, 52)
    for hole, shares in ((stroke, (1.0, 0.5, 0.25, 0.125)), (wide, (0.0,) * 4)):
        picture = _pattern(64, 80)
        maps = tf.constant(hole[..., np.newaxis])
        detail.restore(tf.constant(_guide(picture, hole)), maps, maps)
        top = np.flatnonzero(hole.any(1))[0]
        for k, share in enumerate(shares):
            np.testing.assert_array_equal(asked[-1][top + k, 32:44], share)


@pytest.mark.parametrize(
    "height, width", [(1, 1), (6, 90), (90, 6), (7, 7), (8, 300), (40, 40), (513, 33)]
)
def test_any_size(height, width):
    picture = np.random.default_rng(6).uniform(0, 255, (height, width, 3)).astype(np.float32)
    hole = np.zeros((height, width), bool)
    hole[: max(height // 2, 1), : max(width // 2, 1)] = True
    restored = _restore(picture, hole)
    assert restored.shape == picture.shape and np.isfinite(restored).all()
    np.testing.assert_array_equal(restored[~hole], picture[~hole])


def test_without_a_known_patch_the_guide_stays():
    picture = np.random.default_rng(7).uniform(0, 255, (90, 120, 3)).astype(np.float32)
    hole = np.ones((90, 120), bool)
    np.testing.assert_array_equal(_restore(picture, hole), picture)
    hole[:6], hole[:, 60:66] = False, False  # no patch of seven pixels in either
    np.testing.assert_array_equal(_restore(picture, hole), picture)


@pytest.mark.slow
def test_a_few_known_patches_fill_a_huge_hole():
    picture = _pattern(400, 500)
    hole = ~_box(400, 500, 0, 0, 9, 500)
    hole[20:, 20:29] = False
    restored = _restore(np.where(hole[..., None], 90.0, picture), hole)
    assert np.isfinite(restored).all() and restored[hole].std() > 8
    np.testing.assert_array_equal(restored[~hole], picture[~hole])


def _coarsest(hole):
    """The first level by hand, with OpenCV's erosion and dilation."""
    height, width = hole.shape
    for number in range(max(round(np.log2(max(height, width) / 48)), 0), -1, -1):
        cell = 2**number
        rows, columns = -(-height // cell), -(-width // cell)
        missing = np.ones((rows * cell, columns * cell))
        missing[:height, :width] = hole
        missing = missing.reshape(rows, cell, columns, cell).mean((1, 3))
        square = np.ones((7, 7), np.uint8)
        middles = cv2.erode(np.uint8(missing == 0), square, borderType=0, borderValue=0)
        covered = cv2.dilate(middles, square, borderType=0, borderValue=0).sum()
        if covered and (number == 0 or covered >= 0.75 * (1 - missing).sum()):
            return number
    return -1


def test_the_first_level_is_the_coarsest_whose_patches_cover_what_is_known():
    rng, found = np.random.default_rng(9), []
    for _ in range(40):
        height, width = rng.integers(40, 700, 2)
        hole = np.ones((height, width), bool)
        for _ in range(rng.integers(1, 4)):  # known boxes, or known strips at a side
            top, left = rng.integers(-60, (height, width))
            rows, columns = rng.integers(5, 400, 2)
            hole[max(top, 0) : top + rows, max(left, 0) : left + columns] = False
        size = tf.constant([height, width], tf.int32)
        found.append(int(detail.levels.first_level(tf.constant(hole[..., None]), size)))
        assert found[-1] == _coarsest(hole)
    assert len(set(found)) >= 4


def test_ground_that_is_a_narrow_strip_beside_a_large_hole_is_not_filled_with_sky():
    """At a quarter of the size no patch of the ground is wholly known. The fill began there with
    patches of the sky, and ended with blue rims and spots."""
    rng = np.random.default_rng(10)
    sky, ground = np.array([60.0, 120.0, 210.0]), np.array([110.0, 80.0, 50.0])
    below = (np.arange(256) >= 110)[:, None, None]
    truth = np.where(below, ground + rng.normal(0, 12, (256, 256, 1)), sky)
    hole = _box(256, 256, 60, 24, 232, 232)
    restored = _restore(np.where(hole[..., None], np.where(below, ground, sky), truth), hole)
    part = restored[125:232, 24:232]
    assert (part[..., 0] > part[..., 2] + 20).all()  # red above blue, everywhere
    assert 6 < part.std(axis=(0, 1)).mean() < 18


# ------------------------------------------------------------------------------------------- bounds


@pytest.mark.slow
def test_a_level_that_is_too_large_to_search_goes_on_with_the_matches_that_it_gets(monkeypatch):
    """At 300 x 300 and 150 x 150 pixels nothing is described; the texture is there all the same."""
    described, features = [], detail.search.features
    monkeypatch.setattr(
        detail.search,
        "features",
        lambda picture: described.append(picture.shape[1]) or features(picture),
    )
    monkeypatch.setattr(detail, "_SEARCHED", 100**2)
    picture, hole = (
        np.random.default_rng(8).uniform(0, 255, (300, 300, 3)),
        _box(300, 300, 100, 100, 200, 200),
    )
    restored = _restore(_guide(picture, hole), hole, restore=detail.restore)
    assert described and max(described) <= 100 and restored[hole].std() > 15
    np.testing.assert_array_equal(restored[~hole], picture[~hole].astype(np.float32))


@pytest.mark.slow
def test_patches_are_compared_with_all_only_while_they_are_few(monkeypatch):
    pairs, exhaustive = [], detail.search.exhaustive

    def counted(level, estimate):
        pairs.append(int(tf.size(level.targets)) * int(tf.math.count_nonzero(level.sources)))
        return exhaustive(level, estimate)

    monkeypatch.setattr(detail.search, "exhaustive", counted)
    monkeypatch.setattr(detail, "_COMPARED", 2**20)
    picture, hole = (
        np.random.default_rng(9).uniform(0, 255, (200, 200, 3)),
        _box(200, 200, 60, 60, 140, 140),
    )
    _restore(picture, hole, restore=detail.restore)
    assert pairs and max(pairs) <= 2**20
    # The coarsest level starts from random places and is then searched.
    monkeypatch.setattr(detail, "_COMPARED", 0)
    pairs.clear()
    restored = _restore(picture, hole, restore=detail.restore)
    assert not pairs and restored[hole].std() > 15


@pytest.mark.slow
def test_memory_is_bounded():
    """A photograph of 12 megapixels as one window, a third of it hole. Patches are searched at half
    its size and below."""
    script = """
import numpy as np, tensorflow as tf
from tests import memory_use
from tfinpaint.painting import detail
tf.constant(1) + 1
memory_use.forget_most()
before = memory_use.most_megabytes()
hole = np.zeros((3000, 4000, 1), bool)
hole[500:2500, 1000:3000] = True
picture = np.random.default_rng(0).uniform(0, 255, (3000, 4000, 3)).astype(np.float32)
restore = tf.function(
    detail.restore,
    input_signature=[
        tf.TensorSpec([None, None, 3]),
        *[tf.TensorSpec([None, None, 1], tf.bool)] * 2,
    ],
)
assert np.isfinite(restore(picture, hole, hole).numpy()).all()
print((memory_use.most_megabytes() - before) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert float(done.stdout) < 3.0, done.stdout  # GB


@pytest.mark.parametrize("above, reduction", [(0, 1), (1, 1), (2, 2)])
def test_the_low_frequencies_of_an_estimate_are_replaced_by_the_guides(above, reduction):
    """Means over 5 x 5 pixels taken twice; from the third level on, those of half the size."""
    rng = np.random.default_rng(4)
    picture = rng.uniform(0, 255, (48, 56, 3)).astype(np.float32)
    hole = _box(48, 56, 12, 16, 36, 44)
    level = _level(picture, hole)
    estimate = rng.uniform(0, 255, (1, 48, 56, 5)).astype(np.float32)
    found = detail.votes.with_lows(level, tf.constant(estimate), tf.constant(above))[0].numpy()
    apart = np.where(hole[..., None], level.picture[0].numpy() - estimate[0], 0).astype(float)
    small = apart.reshape(48 // reduction, reduction, 56 // reduction, reduction, 5).mean((1, 3))
    for _ in range(2):
        small = np.stack(
            [
                [
                    small[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean((0, 1))
                    for x in range(small.shape[1])
                ]
                for y in range(small.shape[0])
            ]
        )
    lows = cv2.resize(small, (56, 48), interpolation=cv2.INTER_LINEAR)
    expected = np.where(hole[..., None], estimate[0] + lows, estimate[0])
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_in_a_smooth_place_neighbours_that_agree_do_not_excuse_another_colour():
    """The tolerance is at most that of the roughness of the place, however far the nearest is."""
    rng = np.random.default_rng(5)
    ramp = np.linspace(60, 180, 50)[np.newaxis, :, np.newaxis] + np.zeros((60, 50, 3))
    hole = _box(60, 50, 20, 10, 45, 40)
    picture = (ramp + rng.normal(0, 0.5, ramp.shape)).astype(np.float32)
    picture[hole] += 40  # a guide that is unlike all that is known
    level = _level(picture, hole)
    nearest = detail.search.exhaustive(level, level.picture)
    described = detail.search.features(level.picture).numpy()
    _, distances = detail.search.search(level, tf.constant(described), nearest, True, 1.0, 7)
    wanted = described[level.targets]
    squares = np.square(wanted - described[nearest]).sum(-1)
    rough = level.picture[0, ..., 3:].numpy() / detail.search.ROUGH
    means = [
        rough[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1))
        for y, x in zip(*np.divmod(level.targets.numpy(), 50))
    ]
    most = squares + 49 * np.square(means).sum(-1)
    assert np.median(most) < 1.5 * np.median(squares)  # twice of it would be allowed otherwise
    assert (distances.numpy() <= most * (1 + 1e-4)).all()

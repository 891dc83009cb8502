"""Moves under which a photograph repeats itself: those of a plain search; none in what is flat."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting.detail import moves


def _noise(rng, height, width):
    """Noise with spots of some pixels, so that parts of it are a little alike."""
    return 8 * cv2.blur(rng.normal(0, 20, (height, width)), (9, 9))


def _found(brightness, known, near):
    given = (tf.constant(x, tf.float32) for x in (brightness, known, near))
    return [x.numpy() for x in moves.found(*given)]


def _likeness(brightness, known, near, tile, move):
    """How alike a tile (top, left) and the known pixels a move away are, pixel by pixel."""
    height, width = brightness.shape
    mean = (near * brightness**2).sum() / near.sum()
    product = squares = 0.0
    for row in range(tile[0], min(tile[0] + moves.TILE, height)):
        for column in range(tile[1], min(tile[1] + moves.TILE, width)):
            if near[row, column]:
                here, (i, j) = brightness[row, column], (row + move[0], column + move[1])
                inside = 0 <= i < height and 0 <= j < width and known[i, j]
                product += here * brightness[i, j] if inside else 0.0
                squares += here**2 + (brightness[i, j] ** 2 if inside else 4.0 * mean)
    return 2 * product / squares


@pytest.mark.parametrize("height, width", [(64, 96), (75, 53)])
def test_each_tile_gets_its_most_similar_places(height, width):
    rng = np.random.default_rng(height)
    known = np.ones((height, width), np.float32)
    known[20:45, 18:40] = 0
    brightness = known * _noise(rng, height, width)
    near = known * (rng.uniform(size=known.shape) < 0.7)
    found, likeness, middles = _found(brightness, known, near)
    assert len(found) > 20
    tiles = {tuple(int(side) for side in middle - moves.TILE / 2) for middle in middles}
    for move, alike, middle in list(zip(found, likeness, middles))[::5]:
        tile = (middle - moves.TILE / 2).astype(int)
        assert abs(move).max() >= moves.SHORTEST
        expected = _likeness(brightness, known, near, tile, move)
        assert alike == pytest.approx(expected, abs=2e-3) and alike > moves.LIKELY
    for tile in tiles:  # no place of all is more alike
        of_tile = likeness[(middles == np.array(tile) + moves.TILE / 2).all(1)]
        every = [
            _likeness(brightness, known, near, tile, (i, j))
            for i in range(-tile[0] - 8, height - tile[0], 3)
            for j in range(-tile[1] - 8, width - tile[1], 3)
            if max(abs(i), abs(j)) >= moves.SHORTEST
        ]
        assert of_tile.max() >= max(every) - 2e-3


def test_a_pattern_gives_its_periods():
    rows, columns = np.mgrid[:120, :160]
    brightness = 30 * np.sign(np.sin(2 * np.pi * columns / 20) * np.sin(2 * np.pi * rows / 14))
    known = np.ones((120, 160))
    known[40:90, 50:110] = 0
    found, likeness, _ = _found(known * brightness, known, known)
    best = found[likeness > 0.9]
    # A half period of both is a period, too.
    assert len(best) > 100
    assert not (best[:, 0] % 7).any() and not (best[:, 1] % 10).any()
    assert not ((best[:, 0] // 7 + best[:, 1] // 10) % 2).any()


def test_flat_places_and_places_far_from_the_hole_are_not_compared():
    rng = np.random.default_rng(3)
    known, near = np.ones((64, 96)), np.zeros((64, 96))
    brightness = _noise(rng, *known.shape)
    brightness[:, :32] = rng.normal(0, 1, (64, 32))  # flat
    near[:, :64] = 1
    _, _, middles = _found(brightness, known, near)
    assert set(middles[:, 1]) == {48.0}  # of the tile from 32 to 64
    assert not len(_found(0 * brightness, known, near)[0])
    assert not len(_found(brightness, known, 0 * near)[0])


def test_at_most_TILES_tiles_are_compared_those_with_the_most_pixels(monkeypatch):
    monkeypatch.setattr(moves, "TILES", 2)
    rng = np.random.default_rng(4)
    known = np.ones((32, 128))
    near = known * (rng.uniform(size=known.shape) < np.repeat([0.3, 0.9, 0.5, 0.8], 32))
    _, _, middles = _found(_noise(rng, *known.shape), known, near)
    assert set(middles[:, 1]) == {48.0, 112.0}


def test_a_tile_takes_one_place_of_each_block_and_the_highest_blocks():
    likeness = np.random.default_rng(5).uniform(0, 1, moves._SPREAD).astype(np.float32)
    likeness[16:24, 40:48] += 1  # a block whose every place is higher than all others
    places, values = (x.numpy() for x in moves._peaks(tf.constant(likeness)))
    blocks = likeness.reshape(40, 8, 40, 8).max((1, 3)).ravel()
    np.testing.assert_array_equal(values, np.sort(blocks)[::-1][: moves.PEAKS])
    np.testing.assert_array_equal(likeness[tuple(places.T)], values)
    assert len({(row // 8, column // 8) for row, column in places}) == moves.PEAKS

"""EdgeConnect's Canny in TensorFlow operations against scikit-image's."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shared import SHARED, needs_shared
from skimage import data, feature

from tfinpaint.layers.tracing import static_sizes
from tfinpaint.systems.edge_connect.canny import canny, luminance
from tfinpaint.systems.edge_connect.edge_inputs import edges_of, known_edges


def scikit_image(grey, known=None):
    """[B, H, W, 1], by scikit-image, picture by picture."""
    grey = np.asarray(grey, np.float64)
    masks = [None] * len(grey) if known is None else np.asarray(known)[..., 0] > 0.5
    found = [feature.canny(one[..., 0], sigma=2, mask=mask) for one, mask in zip(grey, masks)]
    return np.stack(found)[..., np.newaxis].astype(np.float32)


def grey_of(photo):
    """uint8 [H, W, 3] -> float32 [1, H, W, 1]."""
    return luminance(tf.constant(photo[np.newaxis], tf.float32) / 255).numpy()


def some_known(height, width, seed=0):
    """A box, strokes at the border and single pixels are missing: [1, H, W, 1]."""
    known = np.ones((1, height, width, 1), np.float32)
    known[:, height // 3 : height // 2, width // 4 : width // 2] = 0
    known[:, :3, width // 2 :] = known[:, 10:, :2] = 0
    numbers = np.random.default_rng(seed)
    known[:, numbers.integers(0, height, 9), numbers.integers(0, width, 9)] = 0
    return known


@pytest.mark.parametrize(
    "name",
    ["astronaut", *(pytest.param(n, marks=pytest.mark.slow) for n in ("coffee", "chelsea"))],
)
def test_all_pixels_of_photographs_are_scikit_images(name):
    grey = grey_of(getattr(data, name)())
    known = some_known(*grey.shape[1:3])
    for mask in (None, known):
        expected = scikit_image(grey, mask)
        assert 0.01 < expected.mean() < 0.2
        np.testing.assert_array_equal(canny(grey, mask), expected)


@pytest.mark.slow
@needs_shared
def test_share_of_equal_pixels_on_many_photographs():
    paths = sorted((SHARED / "photos/free/val").glob("*.*"))[:20]
    equal = total = 0
    for path in paths:
        with Image.open(path) as file:
            photo = np.asarray(file.convert("RGB").resize((320, 256)))
        grey = grey_of(photo)
        for mask in (None, some_known(256, 320)):
            equal += np.sum(np.asarray(canny(grey, mask)) == scikit_image(grey, mask))
            total += grey.size
    print(f"{equal} of {total} pixels are equal")
    assert total > 0 and equal == total


def test_pictures_that_tie():
    """Symmetric shapes, whose neighbours have equal magnitudes, noise, and nothing at all."""
    rows, columns = np.mgrid[:48, :40]
    disc = ((rows - 24) ** 2 + (columns - 20) ** 2 < 150).astype(np.float32)
    steps = np.repeat(np.repeat(np.eye(6, 5, dtype=np.float32), 8, 0), 8, 1)
    noise = np.random.default_rng(0).integers(0, 9, (48, 40)).astype(np.float32) / 8
    bars = (columns // 10 % 2).astype(np.float32)
    grey = np.stack([disc, steps, noise, bars, 0 * bars, 1 - disc])[..., np.newaxis]
    expected = scikit_image(grey)
    assert (expected.sum((1, 2, 3)) > 0).tolist() == [True, True, True, True, False, True]
    np.testing.assert_array_equal(canny(grey), expected)
    known = np.concatenate([some_known(48, 40, seed) for seed in range(6)])
    np.testing.assert_array_equal(canny(grey, known), scikit_image(grey, known))


@pytest.mark.slow
def test_batch_is_one_by_one_and_any_size_and_compiled():
    photo = data.astronaut()
    grey = np.concatenate([grey_of(photo[:128, :96]), grey_of(photo[200:328, 100:196])])
    known = np.concatenate([some_known(128, 96), np.ones((1, 128, 96, 1), np.float32)])
    expected = canny(grey, known).numpy()
    for k in range(2):
        np.testing.assert_array_equal(canny(grey[k : k + 1], known[k : k + 1])[0], expected[k])
    spec = tf.TensorSpec([None, None, None, 1])
    any_size = tf.function(canny, input_signature=[spec, spec])
    np.testing.assert_array_equal(any_size(grey, known), expected)
    compiled = tf.function(canny, jit_compile=True)(grey, known)
    assert np.mean(compiled.numpy() == expected) > 0.9999  # it may round otherwise


def test_in_single_precision_for_converters():
    grey = grey_of(data.astronaut()[:256, :256])
    with static_sizes():
        found = canny(grey).numpy()
        spec = tf.TensorSpec([1, 256, 256, 1])
        graph = tf.function(canny, autograph=False).get_concrete_function(spec).graph
    made = {output.dtype for operation in graph.get_operations() for output in operation.outputs}
    assert tf.float32 in made and tf.float64 not in made
    assert np.mean(found == canny(grey)) > 0.999


def test_what_is_missing_has_no_influence():
    grey, known = grey_of(data.coffee()[:128, :128]), some_known(128, 128)
    other = np.where(known > 0, grey, np.random.default_rng(0).uniform(size=grey.shape))
    np.testing.assert_array_equal(canny(grey, known), canny(other.astype(np.float32), known))
    assert not np.any(canny(grey, known) * (1 - known))
    assert not np.any(canny(grey, 0 * known))


def test_the_pipelines_edges_are_the_steps():
    images = np.stack([data.astronaut()[:64, 150:214], data.coffee()[200:264, 200:264]])
    images = tf.constant(images, tf.float32) / 127.5 - 1
    made = edges_of(images)
    assert made.shape == (2, 64, 64, 1) and 0 < np.mean(made) < 0.5
    np.testing.assert_array_equal(made, canny(luminance((images + 1) / 2)))
    photo = data.chelsea()
    hole = (some_known(*photo.shape[:2])[0, ..., 0] == 0).astype(np.uint8)
    expected = canny(grey_of(photo), 1.0 - hole[None, ..., None])[0, ..., 0]
    np.testing.assert_array_equal(known_edges(photo, hole), 255 * expected.numpy())

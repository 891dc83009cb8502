"""Filling with the context encoder: windows with the hole in the centre, of any size and place.

What is refused, and the same from a run, a SavedModel and a TFLite file.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small import SMALL

import tfinpaint
from tfinpaint.data.batches import evaluation_squares
from tfinpaint.data.evaluation_holes import RATIO_BINS, evaluation_holes
from tfinpaint.evaluation import methods
from tfinpaint.export import saved_model, tflite
from tfinpaint.painting import windows
from tfinpaint.painting.boxes import Context
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.systems.context_encoder.mirrored import Axis, cut, enlarge
from tfinpaint.systems.context_encoder.painter import CentrePainter
from tfinpaint.training import train

SIDE, HOLE = 64, 28  # of the small version: the network's input, and the hole in it


@pytest.fixture(scope="module")
def system():
    tf.keras.utils.set_random_seed(3)
    system = tfinpaint.create("context_encoder", **SMALL["context_encoder"])
    for variable in system.generator.trainable_variables:
        variable.assign(5 * variable)  # else the output is grey, whatever the picture
    return system


@pytest.fixture(scope="module")
def painter(system):
    return CentrePainter(system)


def smooth(height, width, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3))
    photo = tf.image.resize(small, (height, width), "bicubic")
    return np.clip(np.rint(photo), 0, 255).astype(np.uint8)


def boxes(height, width, *found):
    mask = np.zeros((height, width), np.uint8)
    for top, left, rows, columns in found:
        mask[top : top + rows, left : left + columns] = 255
    return mask


def by_hand(system, photo, mask):
    """The fill of one hole that is not reduced: a window of the mirrored photograph around it."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    top, left = ((line[0] + line[-1] + 1) // 2 - SIDE // 2 + 2 * SIDE for line in (rows, columns))
    pad = [(2 * SIDE, 2 * SIDE)] * 2
    window = np.s_[top : top + SIDE, left : left + SIDE]
    pixels = np.pad(photo, [*pad, (0, 0)], "symmetric")[window] / np.float32(127.5) - 1
    hole = np.pad(mask, pad, "symmetric")[window][..., None] > 127
    centre = np.asarray(system.generate(pixels[None], np.float32(hole[None])))[0]
    whole = np.pad(photo, [*pad, (0, 0)], "symmetric").astype(float)
    quarter = SIDE // 4
    whole[top + quarter : top + 3 * quarter, left + quarter : left + 3 * quarter] = (
        np.clip(centre, -1, 1) + 1
    ) * 127.5
    whole = whole[2 * SIDE : -2 * SIDE, 2 * SIDE : -2 * SIDE]
    return np.where(mask[..., None] > 0, np.rint(whole), photo)


# ------------------------------------------------------------------------------------------ windows


def mirrored_pixels(begin, scale, cells, side):
    """Cells of the mirrored line 0 .. side-1, integrated in steps of 1/1000: [cells, side]."""
    weights = np.zeros((cells, side))
    for k in range(cells):
        places = begin + scale * (k + (np.arange(1000) + 0.5) / 1000)
        index = np.floor(places).astype(int) % (2 * side)
        np.add.at(weights[k], np.minimum(index, 2 * side - 1 - index), 1e-3)
    return weights


@pytest.mark.parametrize(
    "height, width, rows, columns",
    [
        (40, 50, (5.0, 1.0), (-9.0, 1.0)),
        (7, 90, (-40.5, 2.75), (11.25, 2.75)),
        (1, 3, (-8.0, 1.0), (-50.0, 6.5)),
    ],
)
def test_cut_is_the_mean_of_areas_of_the_mirrored_photograph(height, width, rows, columns):
    photo = np.random.default_rng(height).uniform(0, 255, (height, width, 2)).astype(np.float32)
    vertical, horizontal = (
        mirrored_pixels(*axis, 16, side) for axis, side in ((rows, height), (columns, width))
    )
    wanted = np.einsum("ih,hwc,jw->ijc", vertical, photo.astype(float), horizontal)
    window = cut(tf.constant(photo), *(_axis(axis) for axis in (rows, columns)), 16)
    np.testing.assert_allclose(window, wanted, atol=0.3)
    if rows[1] == columns[1] == 1:
        assert np.isin(window, photo).all()  # pixels keep their values


def test_enlarging_inverts_cutting_where_nothing_is_reduced():
    photo = np.random.default_rng(1).integers(0, 256, (60, 45, 3)).astype(np.float32)
    rows, columns = _axis((10.0, 1.0)), _axis((-4.0, 1.0))
    back = np.asarray(enlarge(cut(photo, rows, columns, 32), rows, columns, (60, 45)))
    np.testing.assert_array_equal(back[10:42, :28], photo[10:42, :28])
    assert not back[46:].any() and not back[:, 34:].any()


def test_enlarging_is_tensorflows_bicubic():
    window = np.random.default_rng(2).uniform(0, 255, (16, 16, 3)).astype(np.float32)
    axis = _axis((0.0, 3.0))
    back = np.asarray(enlarge(tf.constant(window), axis, axis, (48, 48)))
    wanted = tf.image.resize(window, (48, 48), "bicubic")  # whose weights come from a table
    np.testing.assert_allclose(back[9:-9, 9:-9], wanted[9:-9, 9:-9], atol=0.3)


def _axis(pair):
    return Axis(*map(tf.constant, pair))


# -------------------------------------------------------------------------------------------- fills


@pytest.mark.parametrize(
    "height, width, hole",
    [
        (200, 240, (80, 100, 28, 28)),
        (200, 240, (0, 0, 20, 28)),  # at a corner: most of the window is mirrored
        (200, 240, (181, 97, 19, 7)),
        (64, 64, (18, 18, 28, 28)),
        (56, 33, (10, 11, 9, 13)),
    ],
)
def test_a_small_hole_is_the_centre_of_its_window(painter, system, height, width, hole):
    photo, mask = smooth(height, width), boxes(height, width, hole)
    filled = painter.fill(photo, mask, detail="off")
    np.testing.assert_allclose(filled, by_hand(system, photo, mask), atol=1)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] != photo[mask > 0]).mean() > 0.5


def test_a_larger_hole_is_filled_in_a_reduced_window(painter, system):
    """Of twice the size: that is the fill of the reduced photograph, enlarged."""
    photo, mask = smooth(256, 256), boxes(256, 256, (100, 100, 56, 56))
    filled = painter.fill(photo, mask, detail="off").astype(float)
    half = photo.reshape(128, 2, 128, 2, 3).mean((1, 3))
    reduced = by_hand(system, half, mask[::2, ::2])
    wanted = np.clip(tf.image.resize(reduced, (256, 256), "bicubic"), 0, 255)
    assert np.abs(filled - wanted)[mask > 0].max() < 1.5
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])


def test_each_hole_has_a_window_of_its_own(painter):
    """However far apart they are; two in one window are filled one after the other."""
    photo = smooth(300, 400)

    def fill(pixels, *holes):
        mask = boxes(300, 400, *holes)
        filled = painter.fill(pixels, mask, detail="off")
        np.testing.assert_array_equal(filled[mask == 0], pixels[mask == 0])
        return filled

    first = (10, 10, 30, 30)
    far, alone = fill(photo, first, (250, 350, 30, 40)), fill(photo, first)
    np.testing.assert_array_equal(far[:40, :40], alone[:40, :40])
    second = (10, 50, 30, 30)  # sees what the first one was filled with
    near = fill(photo, first, second)
    np.testing.assert_array_equal(near, fill(near, second))
    assert (near[10:40, 10:40] != photo[10:40, 10:40]).any(-1).mean() > 0.5


def test_a_long_thin_hole_is_cut_into_pieces(painter):
    photo, mask = smooth(150, 300), boxes(150, 300, (70, 5, 5, 290))
    filled = painter.fill(photo, mask)
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    assert (filled[mask > 0] != photo[mask > 0]).mean() > 0.5


@pytest.mark.slow
def test_a_long_hole_is_cut_where_each_piece_has_something_known_beside_it(painter, exported):
    """Also in an export, and in a photograph that is smaller than two pieces."""
    for height, width, hole in ((100, 160, (5, 2, 36, 150)), (30, 40, (3, 3, 18, 30))):
        photo, mask = smooth(height, width), boxes(height, width, hole)
        filled = painter.fill(photo, mask, detail="off")
        np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
        assert (filled[mask > 0] != photo[mask > 0]).mean() > 0.5
        np.testing.assert_array_equal(exported.fill(photo, mask), filled)
    with pytest.raises(SettingsError, match="or 37 pixels wide"):
        painter.fill(smooth(100, 160), boxes(100, 160, (5, 2, 40, 150)))


@pytest.mark.parametrize("ratio", RATIO_BINS)
def test_the_fixed_strokes_of_every_protocol_can_be_filled(ratio):
    """At the network's own size: no piece is longer than half of the photograph."""
    context, hole_size = Context(11 / 16, centred=True), 56
    for hole in evaluation_holes(ratio, 20, 128)[..., 0]:
        left = hole.copy()
        for box, _, pixels in windows.plan(hole, 1, 2 * hole_size, context):
            assert 2 * max(box.size) <= 128
            left[box.slices][pixels] = 0
        assert not left.any()


def test_what_lies_under_the_hole_has_no_influence(painter):
    photo = smooth(150, 150)
    mask = boxes(150, 150, (20, 20, 60, 50), (100, 20, 10, 10))
    other = np.where(mask[..., None] > 0, 255 - photo, photo)
    np.testing.assert_array_equal(painter.fill(photo, mask), painter.fill(other, mask))
    feathered = painter.fill(photo, mask, grow=2, feather=3)
    assert (feathered != photo).any(-1).sum() > (mask > 0).sum() * 0.9
    np.testing.assert_array_equal(feathered, painter.fill(other, mask, grow=2, feather=3))


def test_holes_that_are_too_large_are_refused_in_one_line(painter):
    photo = smooth(100, 160)
    painter.fill(photo, boxes(100, 160, (5, 40, 70, 80)))  # half of the longer side
    with pytest.raises(SettingsError) as error:
        painter.fill(photo, boxes(100, 160, (5, 40, 70, 81)))
    assert str(error.value) == (
        "Each hole of the mask is at most 80 pixels long (half of the photograph's longer side) or "
        "37 pixels wide for context_encoder. Got one of 81x70 (width x height)"
    )


def test_generate_takes_the_network_s_size_alone(painter, system):
    images = np.zeros((2, SIDE, SIDE, 3), np.float32)
    holes = np.float32(system.fixed_hole)[None, ..., None].repeat(2, 0)
    assert holes.sum() == 2 * HOLE**2
    assert painter.generate(images, holes).shape == (2, SIDE // 2, SIDE // 2, 3)
    with pytest.raises(ValueError, match="Got 96 x 64"):
        painter.generate(np.zeros((1, 96, 64, 3), np.float32), np.zeros((1, 96, 64, 1), np.float32))


# ------------------------------------------------------------------------------------------ exports


@pytest.fixture(scope="module")
def exported(painter, tmp_path_factory):
    card = {"system": "context_encoder", "image_size": SIDE}
    path = saved_model.export(painter, str(tmp_path_factory.mktemp("export")), card, detail="off")
    return saved_model.ExportedPainter(path)


@pytest.mark.slow
def test_an_export_fills_the_same(painter, exported):
    photo = smooth(230, 300)
    mask = boxes(230, 300, (5, 5, 20, 28), (60, 60, 90, 50), (200, 10, 4, 270))
    np.testing.assert_array_equal(
        exported.fill(photo, mask), painter.fill(photo, mask, detail="off")
    )


@pytest.mark.slow
def test_an_export_refuses_the_same(exported):
    photo = smooth(100, 160)
    with pytest.raises(SettingsError, match="^The holes of the mask.*Got 81 pixels of 160$"):
        exported.fill(photo, boxes(100, 160, (5, 40, 70, 81)))


@pytest.mark.slow
def test_a_signature_fills_all_holes_in_one_window(painter, exported):
    photo, mask = smooth(230, 300), boxes(230, 300, (60, 60, 90, 50))
    filled = exported._model.signatures["tensors"](image=photo[None], mask=mask[None, ..., None])[
        "filled"
    ][0]
    np.testing.assert_array_equal(filled, painter.fill(photo, mask, detail="off"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="The holes of the mask together"):
        far = boxes(230, 300, (0, 0, 9, 9), (220, 290, 9, 9))
        exported._model.signatures["tensors"](image=photo[None], mask=far[None, ..., None])


@pytest.mark.slow
@pytest.mark.parametrize("size", [None, (120, 90)])
def test_tflite_fills_the_same(painter, size):
    content = tflite.convert(painter, size=size)
    photo, mask = smooth(120, 90), boxes(120, 90, (20, 30, 50, 40))
    filled = tflite.TFLitePainter(content).fill(photo, mask)
    wanted = painter.fill(photo, mask, detail="off")
    assert np.abs(filled.astype(int) - wanted).max() <= 1
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])


# --------------------------------------------------------------------------- validation, evaluation


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("run") / "a")
    settings = TrainSettings(
        system="context_encoder",
        photos=PhotoSettings("samples:astronaut,chelsea", image_size=SIDE),
        holes=HoleSettings("center"),
        batch_size=2,
        steps=0,
        perceptual_weights="none",
        eval_count=2,
        system_settings=tuple(SMALL["context_encoder"].items()),
    )
    train(settings, path)
    return path


@pytest.mark.slow
def test_samples_show_the_fill_in_its_photograph(run_dir):
    """Each row of the grid: the input, its hole, the output, the composite, the original."""
    grid = np.asarray(Image.open(f"{run_dir}/samples/final.png").convert("RGB"))
    system = tfinpaint.load(run_dir).system
    photo = evaluation_squares("samples:astronaut,chelsea", SIDE, 2)[0]
    hole = system.fixed_hole[..., None]
    images, holes = photo[None] / np.float32(127.5) - 1, np.float32(hole[None])
    centre = np.rint((np.clip(system.generate(images, holes)[0], -1, 1) + 1) * 127.5)
    output = photo.copy()
    output[16:48, 16:48] = centre
    composite = np.where(hole > 0, output, photo)
    wanted = [np.where(hole > 0, 255, photo), 255 * hole, output, composite, photo]
    for k, picture in enumerate(wanted):
        left = k * (SIDE + 4)
        found = grid[:SIDE, left : left + SIDE].astype(int)
        assert np.abs(found - picture).max() <= 1, k


@pytest.mark.slow
def test_a_table_measures_what_inpaint_fills(run_dir):
    model = methods.Model("a", run_dir, composited=True, pairs=False)
    assert (model.stride, model.image_size, model.in_windows) == (1, SIDE, True)
    photos = np.stack([smooth(96, 96, 1), smooth(96, 96, 2)])
    holes = np.stack([boxes(96, 96, (24, 24, 48, 48)), boxes(96, 96, (9, 9, 20, 20))]) // 255
    wanted = [tfinpaint.load(run_dir).fill(p, 255 * h, detail="off") for p, h in zip(photos, holes)]
    np.testing.assert_array_equal(model(photos, holes), wanted)
    holes[1, :80, :80] = 1
    with pytest.raises(SettingsError, match="at most 48 pixels long .*Got one of 80x80"):
        model(photos, holes)


@pytest.mark.slow
def test_a_protocol_that_scores_known_pixels_refuses_it(run_dir):
    with pytest.raises(SettingsError, match="context_encoder fills only the hole"):
        methods.Model("a", run_dir, composited=False, pairs=False)

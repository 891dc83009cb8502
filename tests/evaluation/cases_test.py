"""The photographs and holes that a table is made of."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tfinpaint.data import hole_files
from tfinpaint.data.evaluation_holes import evaluation_holes, fingerprint
from tfinpaint.data.holes import holes
from tfinpaint.evaluation.cases import read_blocks
from tfinpaint.metrics.protocols import all_protocols
from tfinpaint.settings import EvaluationSettings, HoleSettings, SettingsError


def blocks(data, size=32, protocol="default", **options):
    return read_blocks(
        EvaluationSettings(("mean",), data, protocol=protocol, **options),
        all_protocols()[protocol],
        size,
    )


def test_squares_are_centred_and_resized_and_keep_their_names(photos):
    found = blocks(f"folder:{photos}", count=5)
    assert len(found) == 6 and all(
        list(b.names) == [f"p{k:02d}.png" for k in (0, 2, 4, 7, 9)] for b in found
    )
    # The photograph is 40 x 70 pixels.
    pixels = np.asarray(
        Image.open(os.path.join(photos, "p00.png")).resize((56, 32), Image.Resampling.BICUBIC)
    )
    np.testing.assert_array_equal(found[0].photos[0], pixels[:, 12:44])


def test_strokes_are_the_fixed_sets_of_the_protocols_bins(photos):
    found = blocks(f"folder:{photos}", protocol="multistage")
    assert [b.title for b in found] == ["10-20 %", "30-40 %", "50-60 %"]
    for b, (low, high) in zip(found, ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))):
        np.testing.assert_array_equal(b.holes, evaluation_holes((low, high), 12, 32)[..., 0])
        assert all(low < share <= high for share in b.shares)
    assert len({b.fingerprint for b in found}) == 3
    again = blocks(f"folder:{photos}", protocol="multistage")
    assert [b.fingerprint for b in again] == [b.fingerprint for b in found]


def test_objects_are_a_fixed_set_for_each_bin(photos):
    found = blocks(f"folder:{photos}", protocol="multistage", holes="objects", count=4)
    assert [b.title for b in found] == ["objects, 10-20 %", "objects, 30-40 %", "objects, 50-60 %"]
    for b, (low, high) in zip(found, ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))):
        assert (
            all(low < share <= high for share in b.shares)
            and len({hole.tobytes() for hole in b.holes}) == 4
        )
    (fewer,) = blocks(f"folder:{photos}", holes="objects", count=2, ratio_bins=((0.3, 0.4),))
    np.testing.assert_array_equal(fewer.holes, [found[1].holes[k] for k in range(2)])
    for k in range(2):  # that of training at step k with seed 0
        made = holes(0, k, 1, 32, HoleSettings("objects", (0.3, 0.4)))[0, ..., 0]
        np.testing.assert_array_equal(fewer.holes[k], made)
    (low,) = blocks(f"folder:{photos}", holes="objects", count=2, ratio_bins=((0, 0.1),))
    assert all(0 < share <= 0.1 for share in low.shares)
    with pytest.raises(
        SettingsError, match="`ratio_bins=0.3-0.31` is too narrow for objects of 32 x 32 pixels"
    ):
        blocks(f"folder:{photos}", holes="objects", ratio_bins=((0.3, 0.31),))


@pytest.mark.parametrize(
    "protocol,side,start", [("musical", 16, 8), ("deepfill", 16, 8), ("coherent_semantic", 15, 8)]
)
def test_centred_holes_have_the_papers_side(photos, protocol, side, start):
    (b,) = blocks(f"folder:{photos}", protocol=protocol)
    assert b.title == "center" and len(b.holes) == 12
    rows, columns = np.nonzero(b.holes[3])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (start, start + side - 1) * 2
    assert b.holes[3].sum() == side**2


def test_at_256_pixels_the_papers_centred_holes_are_128_and_120():
    for protocol, side in (("musical", 128), ("coherent_semantic", 120)):
        (b,) = blocks("samples:coffee", 256, protocol)
        assert b.holes[0].sum() == side**2 and b.holes[0][128 - side // 2, 128 - side // 2] == 1


def test_holes_and_bins_may_be_asked_for(photos):
    assert [
        b.title
        for b in blocks(
            f"folder:{photos}", protocol="musical", holes="strokes", ratio_bins=((0.25, 0.5),)
        )
    ] == ["25-50 %"]
    assert [b.title for b in blocks(f"folder:{photos}", holes="center")] == ["center"]


def test_mask_files_are_sorted_into_bins_and_go_round(photos, tmp_path, caplog):
    for k, rows in enumerate((5, 6, 12)):  # of 32: 16 %, 19 %, 38 % of the picture
        mask = np.zeros((64, 64), np.uint8)
        mask[: 2 * rows] = 255
        Image.fromarray(mask).save(tmp_path / f"m{k}.png")
    found = blocks(f"folder:{photos}", holes=f"files:{tmp_path}")
    assert [b.title for b in found] == ["10-20 %", "30-40 %"]
    assert "no mask for the bin of 50-60 %, which is left out" in caplog.text
    blocks(f"folder:{photos}", holes=f"files:{tmp_path}", ratio_bins=((0.1, 0.2),))
    assert "1 of 3 masks fall into none of the bins" in caplog.text
    caplog.clear()
    overlapping = ((0.1, 0.3), (0.12, 0.25))
    blocks(f"folder:{photos}", holes=f"files:{tmp_path}", ratio_bins=overlapping)
    assert "1 of 3 masks fall into none of the bins" in caplog.text
    assert [int(h.sum()) // 32 for h in found[0].holes[:4]] == [5, 6, 5, 6] and (
        len(found[0].holes) == 12
    )
    with pytest.raises(SettingsError, match="`ratio_bins`.*0.156 to 0.375"):
        blocks(f"folder:{photos}", holes=f"files:{tmp_path}", ratio_bins=((0.5, 0.6),))
    (known,) = blocks(
        f"folder:{photos}", holes=f"files:{tmp_path}", mask_is="known", ratio_bins=((0.6, 0.7),)
    )
    assert int(known.holes[0].sum()) // 32 == 20


@pytest.mark.slow
def test_more_masks_than_photographs_are_spread_over_the_bin(photos, tmp_path, monkeypatch):
    for k in range(36):  # 101 to 171 of 1024 pixels
        mask = np.zeros((32, 32), np.uint8)
        mask.flat[: 103 + 2 * k] = 255
        Image.fromarray(mask).save(tmp_path / f"m{k:02d}.png")

    def made():
        (block,) = blocks(f"folder:{photos}", holes=f"files:{tmp_path}", ratio_bins=((0.1, 0.2),))
        return [int(hole.sum()) for hole in block.holes]

    assert made() == [103 + 6 * k for k in range(12)]
    monkeypatch.setattr(hole_files, "READ_WHOLE", 5)
    assert made() == [103 + 6 * k for k in range(12)]


def test_a_mask_file_that_vanishes_before_it_is_used_is_named(photos, tmp_path, monkeypatch):
    """Masks of a large set are read twice: to be measured, and when they are used."""
    mask = np.zeros((32, 32), np.uint8)
    mask[:5] = 255
    for name in ("a", "b"):
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    measured = hole_files.MaskFiles.read_all

    def read_all(files, keep):
        found = measured(files, keep)
        (tmp_path / "b.png").unlink()
        return found

    monkeypatch.setattr(hole_files.MaskFiles, "read_all", read_all)
    monkeypatch.setattr(hole_files, "READ_WHOLE", 1)
    with pytest.raises(SettingsError, match="one of its masks cannot be read any more .*b.png"):
        blocks(f"folder:{photos}", holes=f"files:{tmp_path}", ratio_bins=((0.1, 0.2),))


def test_pairs_keep_their_sizes_and_holes(pairs):
    (b,) = blocks(f"pairs:{pairs}")
    assert list(b.names) == ["a", "c", "more/b"]
    assert [p.shape for p in b.photos] == [(40, 56, 3), (40, 56, 3), (64, 33, 3)]
    assert [int(h.sum()) for h in b.holes] == [120, 144, 132] and (
        set(np.unique(b.holes[0])) == {0, 1}
    )
    assert len(blocks(f"pairs:{pairs}", count=2)[0].photos) == 2


def test_what_is_wrong_with_pairs_is_told(pairs, tmp_path, caplog):
    def folder(name):
        return shutil.copytree(pairs, tmp_path / name)

    with pytest.raises(SettingsError, match="no photograph NAME.png"):
        blocks(f"pairs:{tmp_path}")
    with pytest.raises(SettingsError, match="no photograph NAME.png"):
        blocks("pairs:nowhere")
    one = folder("lacking")
    os.remove(one / "c_mask.png")
    with pytest.raises(SettingsError, match="c.png has no mask c_mask.png beside it"):
        blocks(f"pairs:{one}")
    os.rename(one / "c.png", one / "c_mask.png")
    with pytest.raises(SettingsError, match="c_mask.png has no photograph c.png beside it"):
        blocks(f"pairs:{one}")
    shutil.copy(one / "a.png", one / "a.jpg")
    with pytest.raises(SettingsError, match="a.jpg and .*a.png have one name"):
        blocks(f"pairs:{one}")
    two = folder("size")
    Image.fromarray(np.full((5, 5), 255, np.uint8)).save(two / "a_mask.png")
    (block,) = blocks(f"pairs:{two}")
    assert block.unread == 1 and list(block.names) == ["c", "more/b"]
    assert "56x40 and its mask 5x5" in caplog.text
    three = folder("empty")
    Image.fromarray(np.zeros((40, 56), np.uint8)).save(three / "a_mask.png")
    (three / "c.png").write_bytes(b"no picture")
    (block,) = blocks(f"pairs:{three}")
    assert block.unread == 2 and list(block.names) == ["more/b"]
    assert "a_mask.png has no hole" in caplog.text and "c.png is not a" in caplog.text
    shutil.rmtree(three / "more")
    with pytest.raises(SettingsError, match="a_mask.png has no hole"):
        blocks(f"pairs:{three}")


def test_bins_do_not_go_with_the_centred_hole(photos):
    with pytest.raises(SettingsError, match="`ratio_bins` goes with"):
        blocks(f"folder:{photos}", protocol="musical", ratio_bins=((0.1, 0.2),))
    with pytest.raises(SettingsError, match="`ratio_bins` is two shares"):
        blocks(f"folder:{photos}", ratio_bins=((0.1, 0.1001),))


def test_photographs_that_cannot_be_read_are_counted(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    (folder / "p03.png").write_bytes(b"broken")
    found = blocks(f"folder:{folder}")
    assert len(found) == 6
    assert all(b.unread == 1 and len(b.photos) == len(b.holes) == 11 for b in found)


def test_a_suspicious_mask_is_told(pairs, tmp_path, caplog):
    folder = shutil.copytree(pairs, tmp_path / "pairs")
    mask = np.full((40, 56), 255, np.uint8)
    mask[0] = 0
    Image.fromarray(mask).save(folder / "a_mask.png")
    blocks(f"pairs:{folder}")
    assert "a_mask.png" in caplog.text and "is the polarity right" in caplog.text
    Image.fromarray(mask | 255).save(folder / "a_mask.png")
    (block,) = blocks(f"pairs:{folder}")
    assert block.unread == 1 and "a_mask.png: all of the photograph is hole" in caplog.text


def test_a_fingerprint_tells_one_pixel():
    hole = np.zeros((9, 7), np.uint8)
    other = hole.copy()
    other[8, 6] = 1
    assert fingerprint([hole]) == fingerprint([hole.copy()]) != fingerprint([other])
    assert fingerprint([hole.reshape(7, 9)]) != fingerprint([hole])
    assert fingerprint([other * 255]) == fingerprint([other])
    assert fingerprint([hole, other[5:]]) != fingerprint([hole, hole[5:]])  # of several sizes
    assert (
        fingerprint([hole] * 20)
        == fingerprint(np.stack([hole] * 20)[..., None])
        != fingerprint([hole] * 19 + [other])
    )

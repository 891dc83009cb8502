"""Names of what a run writes."""

import os

import pytest

from tfinpaint import output_names
from tfinpaint.output_names import beginnings, numbered, outputs

WRITABLE = (".jpg", ".png")


def names(*photos):
    return outputs(photos, WRITABLE, lambda path: ".jpg" if "j" in path else ".png")


def test_an_output_keeps_the_name_of_its_photograph_if_it_can_be_written():
    assert names("a.jpg", "A.PNG", "b/c.png") == ["a.jpg", "A.PNG", "b/c.png"]
    assert names("a.jfif", "c", "d.gif", "e.2024") == ["a.jpg", "c.png", "d.png", "e.2024.png"]


def test_no_two_outputs_share_a_name():
    assert names("a.jfif", "a.jpg") == ["a.jfif.jpg", "a.jpg"]
    assert names("c", "c.png", "c.gif", "c.gif.png", "C.avif") == [
        "c_2.png", "c.png", "c.gif_2.png", "c.gif.png", "C.avif.png",
    ]  # fmt: skip


def test_pictures_beside_an_output_begin_with_its_name_where_there_is_no_clash():
    assert beginnings(["o/a.jpg", "o/b.png", "o/x/a.png"]) == ["o/a", "o/b", "o/x/a"]
    assert beginnings(["o/a.jpg", "o/a.png", "o/b.png"]) == ["o/a_jpg", "o/a_png", "o/b"]
    assert beginnings(["A.png", "a.png"]) == ["A_png", "a_png_2"]
    assert beginnings(["a.jpg", "a.png", "a_png.jpg"]) == ["a_jpg", "a_png_2", "a_png"]
    assert beginnings(["a.png", "a_edges.png"]) == ["a_png", "a_edges"]


def test_an_input_reserves_its_name_in_its_own_folder_alone():
    here = os.path.abspath("a_edges.png")
    assert beginnings(["a.png"], [here]) == beginnings(["a.png"], ["a_edges.png"]) == ["a_png"]
    assert beginnings(["a.png"], ["elsewhere/a_edges.png"]) == ["a"]


def test_fills_are_numbered_and_names_of_the_greatest_length_are_shortened():
    assert numbered(["o/a.png", "o/a_1.png"], 2) == [
        ["o/a_1.png", "o/a_2.png"], ["o/a_1_1.png", "o/a_1_2.png"],
    ]  # fmt: skip
    long = ["o/" + "é" * 120 + letters + ".png" for letters in ("abcdefghijk", "abcdefghijl")]
    found = [name for names in numbered(long, 12) for name in names]
    assert len(set(found)) == 24
    assert max(len(os.fsencode(os.path.basename(name))) for name in found) <= 255


def test_an_input_behind_a_link_reserves_its_name_too(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    mask = str(tmp_path / "photos/a_edges.png")
    assert beginnings([f"{tmp_path}/link/a.webp"], [mask]) == [f"{tmp_path}/link/a_webp"]


def slow_first_free(candidates, taken, ending=""):
    """As `_first_free`, but every search begins at 2."""
    for name in candidates:
        if output_names._key(name + ending) not in taken:
            return name + ending
    number = 2
    while output_names._key(f"{candidates[-1]}_{number}{ending}") in taken:
        number += 1
    return f"{candidates[-1]}_{number}{ending}"


def long_names(count):
    """Paths of photographs, 200 bytes each, that differ in case and after 190 bytes."""
    return ["o/" + "aA"[k % 2] * 190 + f"{k:06d}.png" for k in range(count)]


def longer(path, count):
    return path[:2] + "a" * count + path[2:]


NAMINGS = {
    "beginnings": beginnings,
    "numbered": lambda paths: [
        name for names in numbered([longer(path, 55) for path in paths], 2) for name in names
    ],
    "outputs": lambda paths: outputs(
        [longer(path, 59)[2:-4] for path in paths], WRITABLE, lambda path: ".jpg"
    ),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_many_long_names_with_one_beginning_are_as_the_slow_way_gives_them(monkeypatch, naming):
    paths = long_names(300)
    paths += [f"o/{'a' * 178}_{k}.png" for k in (2, 5, 6, 250)]  # are taken
    found = NAMINGS[naming](paths)
    monkeypatch.setattr(output_names, "_first_free", slow_first_free)
    assert found == NAMINGS[naming](paths)
    assert len(set(map(str.lower, found))) == len(found)


@pytest.mark.parametrize("naming", NAMINGS)
def test_the_work_for_long_names_with_one_beginning_is_in_proportion(monkeypatch, naming):
    count, calls, real = 20_000, [0], output_names._key

    def key(path):
        calls[0] += 1
        assert calls[0] < 20 * count, "every search begins anew"
        return real(path)

    monkeypatch.setattr(output_names, "_key", key)
    found = NAMINGS[naming](long_names(count))
    assert len(set(map(str.lower, found))) == len(found) >= count
    assert max(len(os.fsencode(os.path.basename(name))) for name in found) <= 255

"""Fills four holes in three photographs of scikit-image, and prints how close the fills are to the
originals, compared with OpenCV's Telea.

    python -m tools.first_fill --output=first             # with the model that comes with tfinpaint
    python -m tools.first_fill --output=first --model=runs/mine

For each hole, OUTPUT gets NAME_photo.png, NAME_mask.png (white is hole), NAME_filled.png and
NAME_telea.png. first_fill.png has a row for each hole: the hole in magenta, Telea's fill and the
model's. One hole removes an object. It has no figures, because nobody knows what is behind the
object. The photographs come with scikit-image: nothing is downloaded.
"""

import os
import time
from typing import Callable, NamedTuple

import cv2
import numpy as np
from absl import flags

from tfinpaint import command, settings
from tfinpaint.models import DEFAULT, locate
from tfinpaint.settings import SettingsError

settings.define_flags(
    "device",
    model="Model that fills: a run directory of `train`, an export, or default, the model that "
    "comes with tfinpaint. Default: default.",
    output="Folder for the pictures.",
)

_WIDTH, _HEIGHT = 450, 300  # largest size of a picture in first_fill.png, pixels
_GAP = 8  # pixels between two pictures
_MAGENTA = (255, 0, 255)


class Case(NamedTuple):
    """A hole as a person would paint it, in a photograph of scikit-image.

    name:      beginning of its files' names.
    photo:     the photograph's name in scikit-image.
    what:      the hole, in words.
    paint:     a function that paints the hole into a mask, uint8 [H, W], as 255.
    measured:  whether the fill should be the same as the original.
    """

    name: str
    photo: str
    what: str
    paint: Callable
    measured: bool = True


def _object(mask):
    """The object at the edge of the saucer, with a margin."""
    cv2.ellipse(mask, (150, 318), (62, 42), 20, 0, 360, 255, -1)


def _strokes(mask):
    """A scribble across the fur, in three strokes of a brush."""
    for points in (
        [(60, 70), (105, 38), (120, 92), (170, 50), (188, 104), (236, 62)],
        [(40, 190), (92, 168), (140, 205), (196, 172), (250, 216)],
        [(262, 120), (300, 152), (338, 118), (380, 160), (424, 128)],
    ):
        cv2.polylines(mask, [np.int32(points)], False, 255, 11)


def _scratch(mask):
    """A scratch from one corner to the other, as on an old print."""
    cv2.polylines(
        mask,
        [np.int32([(22, 490), (140, 372), (205, 300), (318, 201), (402, 118), (497, 14)])],
        False,
        255,
        4,
    )


def _shuttle(mask):
    """The model of a space shuttle, with a margin: edges left over would spread into the fill."""
    for points, brush in (
        ([(412, 2), (412, 60), (403, 80), (405, 130), (400, 180), (385, 215), (385, 230)], 60),
        ([(385, 230), (420, 240), (445, 245), (450, 210), (440, 150), (440, 60), (430, 2)], 60),
        ([(390, 40), (385, 60), (385, 100), (383, 150), (372, 195), (360, 225), (380, 232)], 30),
        ([(375, 262), (366, 278), (388, 280), (420, 280), (450, 275), (470, 265)], 30),
        ([(420, 190), (418, 215), (405, 255), (405, 268), (380, 270)], 30),
    ):
        cv2.polylines(mask, [np.int32(points)], False, 255, brush)


CASES = (
    Case("coffee", "coffee", "an object", _object),
    Case("chelsea", "chelsea", "strokes", _strokes),
    Case("astronaut", "astronaut", "a scratch", _scratch),
    Case("shuttle", "astronaut", "an object", _shuttle, measured=False),
)


def main():
    model, output = flags.FLAGS.model or DEFAULT, flags.FLAGS.output
    if not output:
        raise SettingsError("--output is missing: the folder for the pictures, for example first")
    path = locate(model)
    settings.check_writable("output", output)
    command.choose_device(flags.FLAGS.device)
    start = time.monotonic()

    from tfinpaint import load

    painter, figures, rows, filling = load(path), [], [], 0.0
    for case in CASES:
        photo, mask = read(case)
        begin = time.monotonic()
        filled = painter.fill(photo, mask)  # uint8 [H, W, 3]
        filling += time.monotonic() - begin
        telea = _telea(photo, mask)
        _write(
            output,
            case.name,
            photo=photo,
            mask=np.repeat(mask[..., np.newaxis], 3, -1),
            filled=filled,
            telea=telea,
        )
        if case.measured:
            title = f"{case.photo}, {case.what}, {(mask > 0).mean():.1%}"
            figures.append((title, _figures(filled, photo, mask), _figures(telea, photo, mask)))
        rows.append(
            _row([np.where(mask[..., np.newaxis] > 0, np.uint8(_MAGENTA), photo), telea, filled])
        )
    _write(output, "first", fill=np.concatenate(rows)[:-_GAP, :-_GAP])
    print("\n".join(table(figures, os.path.basename(os.path.normpath(model)))))
    print(
        "The last hole removes an object. What was behind it is not known, so nothing is measured."
    )
    print(
        f"Loaded, filled and measured in {time.monotonic() - start:.1f} s, of which the fills took "
        f"{filling:.1f} s; neither sees what lies under a hole."
    )
    print(f"Hole, Telea, {model}: {os.path.join(output, 'first_fill.png')}")


def read(case: Case):
    """The photograph uint8 [H, W, 3] and its mask uint8 [H, W], 255 is hole."""
    from tfinpaint.data.photos import open_photos

    photo = open_photos(f"samples:{case.photo}", "photo").read(0)
    mask = np.zeros(photo.shape[:2], np.uint8)
    case.paint(mask)
    return photo, mask


def table(figures, name):
    """The lines of the table, with the means at the end.

    figures: for each hole, its title, {"psnr", "ssim"} of the model and {"psnr", "ssim"} of Telea.
    name: that of the model.
    """
    means = [
        {key: float(np.mean([one[k][key] for one in figures])) for key in ("psnr", "ssim")}
        for k in (1, 2)
    ]
    width = max(10, len(name))
    lines = [
        f"{'':32s}{'PSNR in the hole':^{2 * width + 2}s}  {'SSIM in the hole':^{2 * width + 2}s}",
        f"{'':32s}" + "  ".join(2 * [f"{name:>{width}s}{'Telea':>{width + 2}s}"]),
    ]
    for title, ours, other in [*figures, ("mean", *means)]:
        lines.append(
            f"{title:32s}{ours['psnr']:{width - 3}.2f} dB{other['psnr']:{width - 1}.2f} dB"
            f"  {ours['ssim']:{width}.4f}{other['ssim']:{width + 2}.4f}"
        )
    return lines


def _telea(photo, mask):
    from tfinpaint.metrics.references import telea

    return telea(photo, mask)


def _figures(filled, photo, mask):
    from tfinpaint.metrics.quality import Measure, measure

    measures = Measure("psnr", "psnr", "hole"), Measure("ssim", "ssim", "hole")
    found = measure(filled[np.newaxis], photo[np.newaxis], mask[np.newaxis], measures)
    return {name: float(value[0]) for name, value in found.items()}


def _row(pictures):
    """Pictures uint8 [H, W, 3] of one size, side by side. Each is centred in a white cell."""
    height, width = pictures[0].shape[:2]
    scale = min(_WIDTH / width, _HEIGHT / height)
    size = round(width * scale), round(height * scale)
    left, top = (_WIDTH - size[0]) // 2, (_HEIGHT - size[1]) // 2
    row = np.full((_HEIGHT + _GAP, len(pictures), _WIDTH + _GAP, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        row[top : top + size[1], k, left : left + size[0]] = cv2.resize(
            picture, size, interpolation=cv2.INTER_AREA
        )
    return row.reshape(_HEIGHT + _GAP, -1, 3)


def _write(folder, name, **pictures):
    from tfinpaint.photo import write_photo

    for what, picture in pictures.items():
        write_photo(os.path.join(folder, f"{name}_{what}.png"), picture, argument="output")


if __name__ == "__main__":
    command.run(main)

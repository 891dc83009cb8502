"""Sets of windows: parts of photographs, with holes, chosen by a seed.

    folders = [PATHS of one folder, PATHS of another, ...]
    windows = make(folders, 60, seed=0)              # list of Window: blobs, ellipses and boxes
    windows = make_strokes(folders, 60, seed=0)      # list of Window: strokes
    windows = [with_noise(window, 8.0, seed=0) for window in windows]     # the same with film grain

Blobs, ellipses and boxes are 120 to 600 pixels across. Their window is the box of the hole and as
much again on each side, up to the photograph's border. Strokes are 9 to 24 pixels thick, or as
the caller says, with one thickness in each window, and cover at least a tenth of it. Their window
is 400 pixels high and wide, or as large as the photograph if that is smaller.

The folders take turns, and so do the photographs of a folder. A photograph whose longer side is
above 1,600 pixels is first reduced to a longer side that is drawn between 1,600 and 3,200, unless
it is smaller than that already. The same files and the same seed give the same windows.
"""

import hashlib
from typing import Iterator, List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from tfinpaint.photo import read_photo
from tfinpaint.settings import SettingsError

SHAPES = ("blob", "ellipse", "box")
_ACROSS = (120, 600)  # smallest and largest side of a hole's box, pixels
_SHARE = 0.45  # the largest side of a hole's box, as a share of the photograph's shorter side
# Photographs of many megapixels are reduced to a longer side between these, in pixels.
_LONGER = (1600, 3200)
_MARGIN = 24  # least distance between a hole and the photograph's border, pixels
_SIDE = 400  # side of a window with strokes, pixels
THICKNESS = (9, 24)  # smallest and largest thickness of strokes, pixels
_COVERED = 0.1  # least share of a window that strokes cover


class Window(NamedTuple):
    """A window: its name, photo uint8 [h, w, 3], and hole uint8 [h, w], 1 = hole."""

    name: str
    photo: np.ndarray
    hole: np.ndarray

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.photo.tobytes() + self.hole.tobytes()).hexdigest()[:12]


def make(folders: Sequence[Sequence[str]], count: int, seed: int = 0) -> List[Window]:
    """`count` windows with blobs, ellipses and boxes.

    folders: for each folder, the paths of its photographs.

    Raises: SettingsError if a photograph cannot be read or is too small for the smallest hole.
    """
    windows = []
    for number, (path, photo, rng) in enumerate(_photographs(folders, count, seed)):
        height, width = _sides(photo.shape, rng, path)
        kind = SHAPES[(number // len(folders) + number % len(folders)) % len(SHAPES)]
        top = rng.integers(_MARGIN, photo.shape[0] - height - _MARGIN, endpoint=True)
        left = rng.integers(_MARGIN, photo.shape[1] - width - _MARGIN, endpoint=True)
        hole = np.zeros(photo.shape[:2], np.uint8)
        hole[top : top + height, left : left + width] = draw(kind, height, width, rng)
        here = (
            slice(max(0, top - height), top + 2 * height),
            slice(max(0, left - width), left + 2 * width),
        )
        windows.append(
            Window(f"{number:02d}_{kind}_{width}x{height}", photo[here].copy(), hole[here].copy())
        )
    return windows


def make_strokes(
    folders: Sequence[Sequence[str]],
    count: int,
    seed: int = 0,
    thickness: Tuple[int, int] = THICKNESS,
) -> List[Window]:
    """As `make`, with strokes. Each stroke is three lines, one after the other.

    thickness: the smallest and the largest thickness, in pixels.

    Raises: SettingsError if a photograph cannot be read.
    """
    windows = []
    for number, (_, photo, rng) in enumerate(_photographs(folders, count, seed)):
        sides = [min(_SIDE, side) for side in photo.shape[:2]]
        top, left = (
            int(rng.integers(0, whole - side, endpoint=True))
            for whole, side in zip(photo.shape, sides)
        )
        hole = np.zeros(sides, np.uint8)
        thick = int(rng.integers(*thickness, endpoint=True))
        while hole.mean() < _COVERED:
            end, angle = rng.uniform(0, sides[::-1]), rng.uniform(0, 2 * np.pi)
            for _ in range(3):
                start, angle = end, angle + rng.uniform(-0.7, 0.7)
                end = start + rng.uniform(30, 90) * np.array([np.cos(angle), np.sin(angle)])
                corners = (tuple(map(int, corner)) for corner in (start, end))
                cv2.line(hole, *corners, 1, thick)
        here = slice(top, top + sides[0]), slice(left, left + sides[1])
        windows.append(Window(f"{number:02d}_strokes_{thick}", photo[here].copy(), hole))
    return windows


def with_noise(window: Window, deviation: float, seed: int) -> Window:
    """The window with grey noise like film grain: a little coarser than the pixels.

    deviation: its standard deviation in grey levels.
    """
    rng = np.random.default_rng([seed, int(window.fingerprint, 16)])
    noise = cv2.GaussianBlur(rng.normal(size=window.hole.shape).astype(np.float32), (0, 0), 0.7)
    noisy = window.photo + (deviation / noise.std() * noise)[..., np.newaxis]
    return window._replace(photo=np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _photographs(folders, count, seed) -> Iterator[Tuple[str, np.ndarray, np.random.Generator]]:
    """Yields the path and pixels of the photograph for each window, and its random generator."""
    for number in range(count):
        paths, turn = folders[number % len(folders)], number // len(folders)
        rng = np.random.default_rng([seed, number])
        # If a folder has more photographs than turns, they are chosen evenly.
        path = paths[turn * max(1, len(paths) * len(folders) // count) % len(paths)]
        yield path, _reduced(read_photo(path).pixels, rng), rng


def draw(kind: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A hole of one of the SHAPES, uint8 [height, width], 1 = hole.

    It touches all sides of its box. rng: draws the form of a blob.
    """
    if kind == "box":
        return np.ones((height, width), np.uint8)
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    radius = np.ones_like(angle)
    if kind == "blob":
        for waves in range(2, 6):
            radius += rng.uniform(0, 0.5 / waves) * np.cos(
                waves * angle + rng.uniform(0, 2 * np.pi)
            )
    # [256, 2], columns and rows
    points = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], -1)
    low, high = points.min(0), points.max(0)
    points = np.rint((points - low) / (high - low) * [width - 1, height - 1]).astype(np.int32)
    hole = np.zeros((height, width), np.uint8)
    cv2.fillPoly(hole, [points], 1)
    return hole


def _reduced(photo, rng):
    longer = max(photo.shape[:2])
    wanted = rng.uniform(*_LONGER)  # always drawn, so that later numbers do not depend on the size
    if longer <= _LONGER[0] or longer <= wanted:
        return photo
    size = [max(1, round(side * wanted / longer)) for side in photo.shape[1::-1]]
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)


def _sides(shape, rng, path):
    """Height and width of a hole's box, pixels."""
    most = min(_ACROSS[1], int(_SHARE * min(shape[:2])), min(shape[:2]) - 2 * _MARGIN)
    if most < _ACROSS[0]:
        raise SettingsError(
            f"`data`: {path} is too small: holes of {_ACROSS[0]} pixels need photographs of "
            f"{round(_ACROSS[0] / _SHARE)}. Got {shape[1]}x{shape[0]}"
        )
    longer = round(np.exp(rng.uniform(np.log(_ACROSS[0]), np.log(most))))
    sides = longer, max(_ACROSS[0], round(longer * rng.uniform(0.6, 1)))
    return sides if rng.integers(2) else sides[::-1]

"""The benchmark's rows about holes in many pieces, compared with one hole of the same area.

The group `windows` fills a photograph of 12 megapixels whose hole is strokes, a hatch, a mesh,
specks or letters, and then with one square hole of the same area. The cost of a fill is the
processor time of the process, so that other programs on the machine count less.
"""

import time
from collections import Counter
from typing import Dict, Iterator, NamedTuple, Tuple

import cv2
import numpy as np

from tfinpaint.painting import budget
from tools.benchmarks.measuring import Row

NETWORK = budget.Network(stride=64, working_size=512)  # that of the default model
SPECKS = 10_000  # in 12 megapixels


class Fill(NamedTuple):
    """The cost of one fill.

    seconds, of_blob: processor seconds, and those for a square hole of the same area.
    ways: {way: number of windows that are filled in it} (painting/budget.py).
    photographs: pixels that the network and detail were given, as a multiple of the photograph's
        (budget.cost).
    before: the same if every hole had the windows of painting/windows.py.
    """

    name: str
    share: float  # of the photograph that is missing
    seconds: float
    of_blob: float
    ways: Dict[str, int]
    photographs: float
    before: float


def holes(height: int = 3000, width: int = 4000) -> Dict[str, np.ndarray]:
    """{name: uint8 [H, W], 1 = hole}, each about a tenth of the photograph."""
    found = {name: np.zeros((height, width), np.uint8) for name in ("hatch", "lines", "mesh")}
    for x in range(-height, width, 60):
        cv2.line(found["hatch"], (x, 0), (x + height, height), 1, 4)
    for y in range(30, height, 60):
        found["lines"][y : y + 6, 10:-10] = 1
    for start in range(30, max(height, width), 60):
        found["mesh"][start : start + 3] = 1
        found["mesh"][:, start : start + 3] = 1
    found["dust"] = dust(height, width, SPECKS * height * width // 12_000_000)
    found["blob"] = blob(height, width, height * width // 10)
    return found


def sparse(height: int, width: int, thickness: int = 16) -> np.ndarray:
    """Diagonal strokes that are far apart, uint8 [H, W]. Every large square has some."""
    hole = np.zeros((height, width), np.uint8)
    for x in range(-height, width, 800):
        cv2.line(hole, (x, 0), (x + height, height), 1, thickness)
    return hole


def blob(height: int, width: int, area: int) -> np.ndarray:
    """A square in the middle, uint8 [H, W]."""
    hole, side = np.zeros((height, width), np.uint8), round(area**0.5)
    hole[(height - side) // 2 :, (width - side) // 2 :][:side, :side] = 1
    return hole


def dust(height: int, width: int, specks: int, radius: int = 6) -> np.ndarray:
    """Round specks at random places, uint8 [H, W]; 13 pixels across with a radius of 6."""
    hole = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(0)
    for y, x in zip(rng.integers(0, height, specks), rng.integers(0, width, specks)):
        cv2.circle(hole, (int(x), int(y)), radius, 1, cv2.FILLED)
    return hole


def letters(height: int, width: int, thickness: int = 20) -> np.ndarray:
    """Rows of letters 110 pixels high, uint8 [H, W]."""
    hole = np.zeros((height, width), np.uint8)
    text = "ROWS OF LETTERS THAT ARE CLOSE TO EACH OTHER " * (width // 3000 + 1)
    for row, y in enumerate(range(200, height, 300)):
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(hole, text[row % 9 :], (20, y), font, 5, 1, thickness)
    return hole


def cases(height: int = 3000, width: int = 4000) -> Dict[str, np.ndarray]:
    """{name: uint8 [H, W]}: the holes that are filled."""
    found = holes(height, width)
    del found["blob"]
    specks = SPECKS * height * width // 12_000_000
    found["dust, 3 pixels"] = dust(height, width, specks, 1)
    found["sparse"] = sparse(height, width)
    found["letters"] = letters(height, width)
    return found


def photograph(height: int = 3000, width: int = 4000) -> np.ndarray:
    """Noise that grows from left to right, uint8 [H, W, 3], so that some parts are rougher."""
    noise = np.random.default_rng(0).normal(0, 1, (height, width, 3)).astype(np.float32)
    noise *= np.linspace(1, 40, width, dtype=np.float32)[:, np.newaxis]
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


def spent(photo: np.ndarray, hole: np.ndarray, plan=budget.plan) -> Tuple[Dict[str, int], float]:
    """{way: number of windows that are filled in it}, and `Fill.photographs`."""
    groups = plan(photo, hole, NETWORK)
    ways = Counter(group.way for group in groups)
    pixels = sum(budget.cost(group, NETWORK.working_size) for group in groups)
    return dict(ways), pixels / hole.size


def window_rows(bench):
    """The rows of the group `windows`."""
    bench.time()
    for fill in fills():
        ways = ", ".join(f"{count} {way}" for way, count in sorted(fill.ways.items()))
        yield Row(
            f"fill, {fill.name}, {fill.share:.1%} of 12 megapixels",
            fill.seconds,
            beside="a square of that area",
            ratio=fill.of_blob / fill.seconds,
            note=f"processor time; windows: {ways}, of the pixels of "
            f"{fill.photographs:.2f} photographs (without a budget {fill.before:.2f})",
        )


def fills(height: int = 3000, width: int = 4000) -> Iterator[Fill]:
    """Fills each of the `cases`, and a square of its area, with the default model. Yields costs."""
    from tfinpaint import load

    painter, photo = load("default"), photograph(height, width)
    for hole in (blob(400, 400, 10_000), letters(400, 400, 4)):  # traces both functions
        painter.fill(photo[:400, :400], 255 * hole)
    for name, hole in cases(height, width).items():
        square = blob(height, width, int(hole.sum()))
        of_blob, seconds = (_processor_seconds(painter, photo, h) for h in (square, hole))
        ways, photographs = spent(photo, hole)
        before = spent(photo, hole, budget.unlimited)[1]
        yield Fill(name, float(hole.mean()), seconds, of_blob, ways, photographs, before)


def _processor_seconds(painter, photo, hole):
    start = time.process_time()
    painter.fill(photo, 255 * hole)
    return time.process_time() - start

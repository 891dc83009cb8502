"""What every painter does around its network, in NumPy.

    photo uint8 [H, W, 3], mask uint8 [H, W] (above 127 = hole) -> uint8 [H, W, 3]

It checks the arguments, grows the hole, fills it window by window (budget.py chooses the windows),
and blends. Known pixels keep the bytes of the photograph. The pixels under a hole have no
influence.
"""

import numbers
from typing import Callable, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from tfinpaint import settings
from tfinpaint.painting import blending, boxes, budget, grain, rims
from tfinpaint.photo import THRESHOLD
from tfinpaint.settings import SettingsError

# What `shown` says of a pixel: the band around a hole into which a fill fades; a hole that another
# window fills, or has filled; what the window is for.
BAND, OTHER, AIM = 1, 2, 3


class Options(NamedTuple):
    """How a photograph is filled: the arguments of `BasePainter.fill` after photo and mask."""

    grow: int = 0
    feather: int = 0
    detail: str = "auto"
    seed: int = 0
    edges: Optional[np.ndarray] = None
    blend: str = "none"


def fill(
    fill_window: Callable,
    stride: int,
    working_size: int,
    context: boxes.Context,
    photo: np.ndarray,
    mask: np.ndarray,
    options: Options = Options(),
    keeps_known: bool = False,
) -> np.ndarray:
    """Fills the holes of a photograph. Returns uint8 [H, W, 3].

    fill_window:           see `Painter.fill_window`: (window, hole, shown, with_detail) -> window.
    stride, working_size:  the network's stride, and the side of the largest window that it is
                           given, in pixels.
    context:               how much the network needs to see around a hole.
    photo, mask, options:  as for `BasePainter.fill`, with the same errors. If there are edges,
                           `fill_window` takes their part in the window as its last argument, uint8
                           [h, w, 1]. The seed is not used here: the caller gives it to
                           `fill_window`.
    keeps_known:           whether the network's output outside the hole is the photograph. Then the
                           band that fades is filled as a part of the hole.
    """
    photo, mask = arrays(photo, mask)
    grow, feather, detail, _, edges, blend = options
    check(photo, mask, grow, feather)
    check_blend(blend, feather)
    if detail not in settings.DETAIL:
        raise ValueError(f"`detail` is {' or '.join(settings.DETAIL)}. Got {detail!r}")
    hole = hole_of(mask, grow)
    shown = grown(hole, feather)  # where the system's output is seen
    if feather and keeps_known and not shown.all():
        wider = options._replace(grow=0, feather=0)
        faded = fill(fill_window, stride, working_size, context, photo, 255 * shown, wider)
        fade(faded, photo, hole, feather)
        return faded
    missing, filled = hole.copy(), photo.copy()
    # Feathering shows output beyond the hole. Later windows must see the photograph there.
    painted = photo.copy() if feather else filled
    # Drawn edges guide the network only, so the network fills every hole.
    plan = budget.plan if edges is None else budget.unlimited
    network = budget.Network(stride, working_size, context, detail == "auto")
    for box, window, here, way, with_detail in plan(photo, shown, network):
        # Other holes that reach into the window are missing in it as well. They are filled in
        # windows of their own.
        hole_here, shown_here, *guide_here = (
            m[window.slices][..., np.newaxis] for m in (missing, shown, edges) if m is not None
        )
        shown_here = np.where(hole[window.slices][..., np.newaxis], np.uint8(OTHER), shown_here)
        aim = here & ((missing[box.slices] > 0) | (hole[box.slices] == 0))
        shown_here[box.within(window).slices][aim] = AIM
        if way == "smooth":
            result = rims.continued(filled[window.slices], hole_here[..., 0])
        else:
            result = np.asarray(
                fill_window(filled[window.slices], hole_here, shown_here, with_detail, *guide_here)
            )
        if way == "reduced":
            reduction = max(*window.size, working_size) / working_size
            result = rims.refined(result, hole_here[..., 0], reduction, with_detail)
        # With detail, `fill_window` has added grain itself; `refined` has taken some of it away.
        if detail == "auto" and not (way == "network" and with_detail):
            holes = hole[window.slices] > 0, hole_here[..., 0] > 0
            result = _grained(result, filled[window.slices], *holes, with_detail)
        result = result[box.within(window).slices]
        painted[box.slices][here] = result[here]
        here &= missing[box.slices] > 0
        filled[box.slices][here] = result[here]
        missing[box.slices][here] = 0  # known from now on, for the windows that follow
    if feather:
        fade(painted, photo, hole, feather)
    return blended(painted, hole, blend)


def _grained(result, photo, hole, missing, with_detail):
    """The fill of a window, uint8 [h, w, 3], with the photograph's grain where it has no texture.

    result, photo: uint8 [h, w, 3], the fill, and the photograph as far as it is filled.
    hole, missing: bool [h, w], all holes, and those that were not filled before.
    with_detail: whether thick parts have texture.
    """
    part = missing & ~rims.thick(missing) if with_detail else missing
    # Other numbers than in `fill_window`: the same ones would add up to more than is wanted.
    numbers = grain.NOISE[::-1, ::-1]
    picture = np.where(missing[..., np.newaxis], result, photo).astype(np.float32)
    grained = np.clip(grain.added(picture, hole, part, numbers), 0, 255)
    return np.where(part[..., np.newaxis], np.rint(grained).astype(np.uint8), result)


def arrays(photo: np.ndarray, mask: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Photograph and mask as arrays. A bool mask becomes uint8; True, which is hole, is 255."""
    photo, mask = np.asarray(photo), np.asarray(mask)
    return photo, np.uint8(255) * mask if mask.dtype == bool else mask


def check(photo: np.ndarray, mask: np.ndarray, grow: int = 0, feather: int = 0) -> None:
    """Checks the arguments of `BasePainter.fill`.

    Raises: SettingsError for a mask of another size or without a hole. ValueError for arguments of
        another type, shape or range.
    """
    for name, array, shape, fits in (
        ("photo", photo, "[H, W, 3]", photo.ndim == 3 and photo.shape[-1] == 3),
        ("mask", mask, "[H, W]", mask.ndim == 2),
    ):
        if array.dtype != np.uint8:
            raise ValueError(f"`{name}` is uint8. Got {array.dtype}")
        if not fits or not array.size:
            raise ValueError(
                f"`{name}` is {shape} with at least one pixel. Got {list(array.shape)}"
            )
    if photo.shape[:2] != mask.shape:
        raise SettingsError(
            f"A mask has the size of its photograph, {_size(photo)} (width x height). Got "
            f"{_size(mask)}"
        )
    if not (mask > THRESHOLD).any():
        raise SettingsError(
            f"The mask has no hole: no pixel is above {THRESHOLD}. Got {mask.max()} as the "
            "brightest"
        )
    for name, value in (("grow", grow), ("feather", feather)):
        if not isinstance(value, numbers.Integral) or value < 0:
            raise ValueError(f"`{name}` is a whole number of pixels, at least 0. Got {value}")


def hole_of(mask: np.ndarray, grow: int = 0) -> np.ndarray:
    """The hole that is filled, uint8 [H, W], 1 = hole.

    mask: uint8 [H, W], above 127 = hole.   grow: pixels by which the hole is grown.

    Raises: SettingsError if no known pixel is left.
    """
    hole = grown((mask > THRESHOLD).astype(np.uint8), grow)
    if hole.all():
        by = "" if (mask > THRESHOLD).all() else f", grown by `grow={grow}`"
        raise SettingsError(f"All of the photograph is hole{by}: nothing is left to fill it from")
    return hole


def check_blend(blend: str, feather: int = 0) -> None:
    """Raises SettingsError for a blend together with a feather, ValueError for an unknown one."""
    if blend not in settings.BLENDS:
        raise ValueError(f"`blend` is {' or '.join(settings.BLENDS)}. Got {blend!r}")
    if blend != "none" and feather:
        raise SettingsError(
            f"`blend={blend!r}` and `feather={feather}` cannot be combined: each of them hides the "
            "edge of the fill"
        )


def blended(filled: np.ndarray, hole: np.ndarray, blend: str) -> np.ndarray:
    """The fill with its colours fitted to the surroundings of each hole, uint8 [H, W, 3].

    filled: uint8 [H, W, 3].   hole: uint8 [H, W], 1 = hole.
    blend: "none" (the fill is returned unchanged) or "poisson" (blending.py).
    """
    return blending.poisson(filled, hole) if blend == "poisson" else filled


def grown(hole: np.ndarray, pixels: int) -> np.ndarray:
    """The hole, uint8 [H, W], dilated by a disc of radius `pixels`; a new array.

    It uses distances, because the time of cv2.dilate grows with the area of the disc.
    """
    grown = hole.copy()
    if pixels and not hole.all():
        box, distance = _distance(hole, pixels)
        grown[box.slices] = distance <= pixels
    return grown


def fade(filled: np.ndarray, photo: np.ndarray, hole: np.ndarray, feather: int) -> None:
    """Fades `filled` into `photo` over `feather` pixels outside the hole. Changes `filled`.

    filled, photo: uint8 [H, W, 3].   hole: uint8 [H, W], 1 = hole.

    The share of `filled` falls linearly with the distance to the hole.
    """
    if hole.all():
        return
    box, distance = _distance(hole, feather)
    band = (distance > 0) & (distance <= feather)
    share = (1.0 - distance[band] / (feather + 1))[:, np.newaxis]  # [pixels, 1]
    mixed = photo[box.slices][band] * (1 - share) + filled[box.slices][band] * share  # [pixels, 3]
    filled[box.slices][band] = np.rint(mixed).astype(np.uint8)


def _distance(hole: np.ndarray, reach: int) -> Tuple[boxes.Box, np.ndarray]:
    """The box of all holes grown by `reach`, and the distance of its pixels to the hole, in pixels.

    Distances are computed in the box only, because float32 takes memory.
    """
    box = boxes.bounding_box(hole, reach)
    distance = cv2.distanceTransform(1 - hole[box.slices], cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return box, np.round(distance, 4)  # 7 pixels may come out as 7.0000005


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"

"""Fills photographs with the context encoder, which predicts only the centre of a square.

Every hole gets a square window, with the hole in its centre. A hole whose bounding box has sides of
up to 7/16 of the network's size (56 of 128 pixels) is filled at full resolution. For a larger hole
the window is larger by the same factor; it is reduced to the network's size, and the fill is
enlarged. Where a window extends beyond the photograph, the photograph is continued by mirroring.

Limit: a hole may be at most half as long as the longer side of the photograph. The window of such a
hole has 8/7 of that side, and a sixteenth of the window at either end is mirrored. (The centred
hole of half the side, which the papers' tables use, is that long.) In the window of a longer hole,
the mirrored parts would show the hole again. Such a hole is cut into pieces
(painting/thin_holes.py), each with its own window, if every window shows known pixels beside its
piece. Otherwise it is refused. Long thin holes are always cut.
"""

from typing import Any, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.painting import boxes
from tfinpaint.painting.painter import Painter
from tfinpaint.settings import SettingsError
from tfinpaint.systems.context_encoder.mirrored import Axis, cut, enlarge

_COVERED = 1e-3  # a cell is missing if more than this share of it is; less is rounding


class CentrePainter(Painter):
    """See the top of the file.

    Args:
        system, run: see the base class.
        image_size: ignored, since the network takes only squares of one size. It is here because
            all painters are made with the same arguments.

    Attributes:
        hole_size: side of the largest hole that is filled at its own scale, in pixels.
    """

    def __init__(self, system: Any, image_size: int = 0, run: Any = None):
        super().__init__(system, system.fixed_size, run)
        self.hole_size = system.fixed_size // 2 - 2 * system.rim
        self.stride = 1  # photographs and windows may have any size
        self.working_size = 2 * self.hole_size  # thin holes are cut into pieces of half this size
        # The network sees 9/14 of its hole's side around the hole. 11/16 is a little more, and
        # exact as a float.
        self.context = boxes.Context(11 / 16, centred=True)

    def generate(self, images: tf.Tensor, holes: tf.Tensor, **inputs: Any) -> tf.Tensor:
        """The predicted centre alone, float32 [B, S/2, S/2, 3]; see the base class.

        H and W of images and holes are the network's size S, 128 with the paper's settings.

        Raises: ValueError for another size.
        """
        images, holes = self.system.checked(images, holes)
        return super().generate(images, holes, **inputs)

    def _fill_one(self, window, hole, shown, with_detail):
        level = np.maximum(shown, hole > 0)[..., 0]
        box = boxes.bounding_box((level == level.max()).astype(np.uint8))
        (height, width), longest = box.size, max(level.shape) // 2
        if max(height, width) > longest:
            raise SettingsError(
                f"Each hole of the mask is at most {longest} pixels long (half of the photograph's "
                f"longer side) or {2 * self.working_size // 3} pixels wide for "
                f"{self.system.system_name}. Got one of {width}x{height} (width x height)"
            )
        return super()._fill_one(window, hole, shown, with_detail)

    def _filled(self, blanked, hole, shown, aim, seed=None, edges=None):
        rows, columns, length = self._window(aim)
        size = tf.shape(blanked)[:2]
        fits = tf.debugging.Assert(
            2 * length <= tf.cast(tf.reduce_max(size), tf.float32),
            [
                tf.strings.format(
                    "The holes of the mask together are at most half as long as the photograph's "
                    "longer side. Got {} pixels of {}",
                    (tf.cast(length, tf.int32), tf.reduce_max(size)),
                )
            ],
        )
        with tf.control_dependencies([fits]):
            pixels = tf.cast(blanked, tf.float32)
        filled = self._filled_in(pixels, hole, aim, rows, columns)
        # Other missing pixels get the mean colour of the known ones. The search for detail would
        # otherwise see black there.
        known = tf.cast(tf.logical_not(hole), tf.float32)
        mean = tf.reduce_sum(pixels, [0, 1]) / tf.maximum(tf.reduce_sum(known), 1.0)  # [3]
        return tf.where(tf.logical_and(hole, tf.logical_not(aim)), mean, filled)

    def fill_whole(self, photo: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """See the base class. All holes share one window, whatever their size."""
        blanked = tf.where(hole, tf.zeros_like(photo), photo)
        rows, columns, _ = self._window(hole)
        filled = self._filled_in(blanked, hole, hole, rows, columns)
        return tf.where(hole, tf.round(tf.clip_by_value(filled, 0.0, 255.0)), photo)

    def _window(self, aim) -> Tuple[Axis, Axis, tf.Tensor]:
        """The window around the pixels `aim`, bool [h, w, 1]: rows, columns, and their extent.

        The extent is the longer side of the bounding box of `aim` in pixels, float32 scalar.
        """
        (top, bottom), (left, right) = (
            _extent(tf.reduce_any(aim, axis)) for axis in ([1, 2], [0, 2])
        )
        length = tf.maximum(bottom - top, right - left)
        scale = tf.maximum(length / self.hole_size, 1.0)
        return (
            self._axis(top, bottom, scale),
            self._axis(left, right, scale),
            length,
        )

    def _axis(self, first, last, scale):
        begin = (first + last) / 2 - scale * (self.system.fixed_size / 2)
        # At scale 1, cells begin where pixels begin.
        return Axis(tf.where(scale > 1, begin, tf.floor(begin)), scale)

    def _filled_in(self, blanked, hole, aim, rows, columns):
        """The fill of one window, float32 [h, w, 3], 0 to 255.

        Args:
            blanked: float32 [h, w, 3], 0 to 255.
            hole: bool [h, w, 1], all missing pixels.
            aim: bool [h, w, 1], the missing pixels to fill.
            rows, columns: the window.
        """
        size, side = tf.shape(blanked)[:2], self.system.fixed_size
        maps = tf.cast(tf.concat([hole, aim], -1), tf.float32)
        window = cut(tf.concat([blanked, maps], -1), rows, columns, side)[tf.newaxis]
        pixels = window[..., :3]  # [1, S, S, 3]
        missing, wanted = (tf.cast(window[..., k : k + 1] > _COVERED, tf.float32) for k in (3, 4))
        images = (pixels * (1 / 127.5) - 1.0) * (1 - missing)
        centre = (self.system.generate(images, missing) + 1.0) * 127.5  # [1, S/2, S/2, 3]
        # The fill is composited before it is enlarged, so that interpolation meets the
        # photograph's colours at the edge of the hole. Missing cells outside of the centre are not
        # filled here.
        whole = self.system.with_centre(pixels, tf.clip_by_value(centre, 0.0, 255.0))
        inside = tf.maximum(missing, wanted)
        whole = whole * inside + pixels * (1 - inside)
        return enlarge(whole[0], rows, columns, (size[0], size[1]))


def _extent(marked):
    """bool [n] -> the first marked position and the last one + 1, float32; n and 0 without one."""
    positions = tf.range(tf.cast(tf.size(marked), tf.float32))
    count = tf.cast(tf.size(marked), tf.float32)
    return (
        tf.reduce_min(tf.where(marked, positions, count)),
        tf.reduce_max(tf.where(marked, positions + 1, 0.0)),
    )

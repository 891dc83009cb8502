"""Fills the holes of photographs of any size with a trained system (`tfinpaint.load` returns it).

    photo uint8 [H, W, 3], mask uint8 [H, W] (white = hole) -> uint8 [H, W, 3]

Known pixels keep the bytes of the photograph. The pixels under a hole have no influence. Each hole
is filled in a window of the photograph around it (windows.py, filling.py). `Painter.fill_window` is
the TensorFlow function that fills a window, including the texture of thick holes (detail/) and the
grain of thin ones (grain.py). An exported model contains it, and is a painter too
(export/saved_model.py).
"""

import functools
from typing import TYPE_CHECKING, Any, Optional, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.attention_maps import placing
from tfinpaint.painting import boxes, detail, filling, window_grain
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.painting.fitting import Fitting
from tfinpaint.photo import THRESHOLD
from tfinpaint.settings import SettingsError
from tfinpaint.systems.inputs import checked_inputs
from tfinpaint.systems.specification import imported

if TYPE_CHECKING:  # runs.py is a layer above this one
    from tfinpaint.runs import Run

# A window longer than this times the training size is reduced: training shows no larger holes.
WORKING_FACTOR = 2
# What the graphs take: a window, its hole, and what is shown; whether with detail; a seed.
_PHOTO = [tf.TensorSpec([None, None, channels], tf.uint8) for channels in (3, 1, 1)]
_WINDOW = [*_PHOTO, tf.TensorSpec([], tf.bool)]
_SAMPLE = [*_WINDOW, tf.TensorSpec([], tf.int32)]


class Painter(BasePainter, Fitting, tf.Module):
    """Fills holes with a system.

    system:      has `stride` (int), `generate(images, holes)` and optionally `smallest` (int), like
                 the systems that `tfinpaint.create` makes.
    image_size:  side of the square training images, in pixels.
    run:         the record of the system's run, if it has one.
    """

    def __init__(self, system, image_size: int = 256, run: Optional["Run"] = None):
        super().__init__(name="painter")
        self.system, self.run = system, run
        specification = getattr(system, "specification", None)
        self.fill_inputs = specification.fill_inputs if specification else ()
        self.keeps_known = bool(specification and specification.keeps_known)
        self.stride = int(system.stride)
        self.smallest = int(getattr(system, "smallest", 1))
        self.working_size = max(WORKING_FACTOR * image_size // self.stride, 1) * self.stride

    @classmethod
    def of(cls, system: Any, image_size: int = 256, run: Optional["Run"] = None) -> "Painter":
        """A painter of the class that the system's specification names, or else of this class.

        The arguments are those of the class.
        """
        own = system.specification.painter
        return (imported(own) if own else cls)(system, image_size, run)

    @classmethod
    def from_run(cls, run: "Run") -> "Painter":
        """A painter with the system of a `runs.Run`; see `of`.

        Raises: SettingsError if the system cannot be loaded.
        """
        return cls.of(run.load_system(), run.settings.photos.image_size, run)

    def generate(self, images: tf.Tensor, holes: tf.Tensor, **inputs: Any) -> tf.Tensor:
        """The generator's last output, float32 [B, H, W, 3] on the [-1, 1] scale.

        It is neither composited nor clipped.

        images:  float32 [B, H, W, 3] in [-1, 1]. H and W are multiples of `stride`, and at least
                 `smallest`. The pixels under the hole are blanked here.
        holes:   float32 [B, H, W, 1], 1 = hole: one hole map per image.
        inputs:  further inputs that the specification's `fill_inputs` names. None counts as not
                 given.

        Raises: ValueError for another type or shape, holes that are not 0 or 1, or an input that
            the system does not take.
        """
        unknown = sorted(set(inputs) - set(self.fill_inputs))
        if unknown:
            raise ValueError(f"{self.system.system_name} takes no `{unknown[0]}`")
        inputs = {name: self._tensor(name, value) for name, value in inputs.items()}
        images, holes = checked_inputs(images, holes)
        if not all(
            side and side % self.stride == 0 and side >= self.smallest for side in images.shape[1:3]
        ):
            at_least = f", at least {self.smallest}" if self.smallest > self.stride else ""
            raise ValueError(
                f"Height and width of `images` are multiples of {self.stride}{at_least}. Got "
                f"{images.shape.as_list()[1:3]}"
            )
        inputs = {name: value for name, value in inputs.items() if value is not None}
        return self._generate_sized(images, holes, inputs)

    @staticmethod
    def _tensor(name, value):
        return None if value is None else tf.cast(value, tf.int32 if name == "seed" else tf.float32)

    def attention_maps(
        self, photo: np.ndarray, mask: np.ndarray, at: Optional[Tuple[int, int]] = None
    ) -> list:
        """The attention maps of the system when it fills all holes of a photograph at once.

        photo, mask:  as for `fill`. The system sees them in one window around all holes. The window
                      is reduced if it is larger than the working size.
        at:           row and column of the hole pixel whose attention weights are returned; by
                      default the innermost pixel of the hole.

        Returns: an `AttentionMap` for each attention layer.
        Raises: SettingsError if the system has no attention, `at` is not in the hole, or the mask
            has another size, no hole or no known pixel. ValueError for another type or shape.
        """
        self.check_attention()
        photo, mask = filling.arrays(photo, mask)
        filling.check(photo, mask)
        hole = filling.hole_of(mask)  # [H, W]
        at = placing.choose_pixel(hole, at)
        window = boxes.window_around(boxes.bounding_box(hole), photo.shape, self.stride)
        # [h, w, 3], [h, w, 1]
        pixels, here = (
            tf.constant(photo[window.slices]),
            tf.constant(hole[window.slices][..., np.newaxis] > 0),
        )
        pixels = tf.cast(tf.where(here, tf.zeros_like(pixels), pixels), tf.float32)
        if max(window.size) > self.working_size:
            pixels, here = self._reduce(pixels, here, self._reduced_size(window.size))
        size = tuple(pixels.shape[:2])
        images, holes = self._pad(pixels, here)  # [1, H', W', 3], [1, H', W', 1]
        place = [
            [
                (p - first) * reduced // of
                for p, first, reduced, of in zip(at, window, size, window.size)
            ]
        ]
        _, found = self._attend(images, holes, tf.constant(place))
        return placing.place_maps(self.system, found, window, size, tuple(images.shape[1:3]), at)

    def check_attention(self) -> None:
        """Raises SettingsError if the system has no attention."""
        if not self.system.attention_layers:
            raise SettingsError(f"`attention`: {self.system.system_name} has no attention to show")

    def _fill_one(self, window, hole, shown, with_detail):
        """`fill_window` with the graph that the hole needs.

        Tracing the graph with detail takes seconds, and most strokes do not need it.
        """
        if with_detail and detail.is_thick(hole):
            return self.fill_window(window, hole, shown, True)
        return self._fill_thin(window, hole, shown, with_detail)

    def _fill_guided(self, window, hole, shown, with_detail, edges=None, seed=0):
        if edges is None:
            return self.fill_sample(window, hole, shown, with_detail, seed)
        return self._fill_along(window, hole, shown, with_detail, seed, edges)

    @tf.function(
        input_signature=[*_SAMPLE, tf.TensorSpec([None, None, 1], tf.uint8)], autograph=False
    )
    def _fill_along(self, window, hole, shown, with_detail, seed, edges):
        """`fill_sample` along edges, uint8 [h, w, 1]."""
        return self._fill_any(window, hole, shown, with_detail, seed, edges)

    @tf.function(input_signature=_WINDOW, autograph=False)
    def _fill_thin(self, window, hole, shown, with_detail):
        """`fill_window` without texture: of a hole without thick parts, or without detail."""
        earlier = shown == filling.OTHER
        hole, shown, aim = self._maps(hole, shown)
        blanked = tf.where(hole, tf.zeros_like(window), window)  # [h, w, 3]
        filled = self._filled(blanked, hole, shown, aim)
        filled = _grained(filled, blanked, hole, earlier, hole & aim & with_detail)
        return self._shown(_as_grey_as(blanked, filled), shown, window)

    @tf.function(input_signature=_WINDOW, autograph=False)
    def fill_window(
        self, window: tf.Tensor, hole: tf.Tensor, shown: tf.Tensor, with_detail: tf.Tensor
    ) -> tf.Tensor:
        """Fills a window of a photograph of any size: uint8 [h, w, 3] -> uint8 [h, w, 3].

        hole:         uint8 [h, w, 1], above 0 = hole.
        shown:        uint8 [h, w, 1], above 0 = where the output is wanted: the hole, and more
                      around it for feathering. If the window contains other holes as well, the
                      highest value marks the part that the window was chosen for. Where the value
                      is 2, other holes lie, perhaps filled already: neither texture nor grain is
                      taken from there (filling.py).
        with_detail:  bool [], whether texture is restored in the thick parts of the hole (detail/)
                      and grain is added in the others (grain.py). If texture is restored, the
                      output outside the hole is the photograph.

        A window larger than the working size is reduced to it, and its fill is enlarged. Sides that
        are not multiples of the stride are padded by reflection. Pixels that are not shown keep
        their bytes. If all known pixels are grey, so is the output.
        """
        return self._fill_any(window, hole, shown, with_detail)

    @tf.function(input_signature=_SAMPLE, autograph=False)
    def fill_sample(
        self,
        window: tf.Tensor,
        hole: tf.Tensor,
        shown: tf.Tensor,
        with_detail: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """`fill_window` for a system that has several fills for one hole.

        seed:  int32 [], which of the fills is returned.
        """
        return self._fill_any(window, hole, shown, with_detail, seed)

    def _fill_any(self, window, hole, shown, with_detail, seed=None, edges=None):
        earlier = shown == filling.OTHER  # neither texture nor grain is taken from earlier fills
        hole, shown, aim = self._maps(hole, shown)
        # Blanked at once, as bytes: no later step can see what was under the hole.
        blanked = tf.where(hole, tf.zeros_like(window), window)  # [h, w, 3]
        filled = self._filled(blanked, hole, shown, aim, seed, edges)
        part = tf.logical_and(detail.thick(hole), with_detail)  # [h, w, 1]
        picture = tf.where(hole, filled, tf.cast(blanked, tf.float32))
        filled = tf.cond(
            tf.reduce_any(tf.logical_and(part, aim)),  # other holes get texture in their own turn
            lambda: detail.restore(picture, tf.logical_or(hole, earlier), part),
            lambda: filled,
        )
        filled = _grained(filled, blanked, hole, earlier, hole & aim & ~part & with_detail)
        return self._shown(_as_grey_as(blanked, filled), shown, window)

    @staticmethod
    def _maps(hole, shown):
        """The hole, the shown part, and the part that the window is for: bool [h, w, 1] each."""
        level = tf.maximum(shown, tf.cast(hole > 0, tf.uint8))
        return hole > 0, level > 0, tf.logical_and(level > 0, level == tf.reduce_max(level))

    def _filled(self, blanked, hole, shown, aim, seed=None, edges=None):
        """The network's fill, float32 [h, w, 3], 0 to 255.

        blanked:           uint8 [h, w, 3], with blanked holes.
        hole, shown, aim:  bool [h, w, 1]; see `_maps`. A network that fills all holes at once
                           ignores `aim`.
        """
        size = tf.shape(blanked)[:2]
        maps = [hole, shown] + ([] if edges is None else [edges > THRESHOLD])
        maps = tf.concat(maps, -1)  # [h, w, 2 or 3]
        # Only the steps before and after the network branch, so that the graph contains the network
        # once: tracing and preparing it takes seconds.
        too_large = tf.reduce_max(size) > self.working_size
        pixels, maps = tf.cond(
            too_large,
            lambda: self._reduce(blanked, maps, self._reduced_size(size)),
            lambda: (tf.cast(blanked, tf.float32), maps),
        )
        generate, inputs = self._generate, {}
        if seed is not None and "seed" in self.fill_inputs:
            inputs["seed"] = seed
        if edges is not None:
            inputs["edges"] = self._extended(tf.cast(maps[..., 2:], tf.float32))[tf.newaxis]
        if inputs:
            generate = functools.partial(self._generate_any, **inputs)
        filled = self._fill_padded(pixels, maps[..., :1], generate)
        return tf.cond(
            too_large,
            lambda: self._enlarged(filled, pixels, maps[..., 1:2], size),
            lambda: filled,
        )

    def _shown(self, filled, shown, window):
        """The fill, rounded, where it is shown; the window elsewhere: [h, w, 3] -> uint8."""
        return tf.ensure_shape(
            tf.where(
                shown, tf.cast(tf.clip_by_value(tf.round(filled), 0.0, 255.0), tf.uint8), window
            ),
            [None, None, 3],
        )

    def fill_whole(self, photo: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """Like `fill_window`, but never reduced. The caller traces it, with static sizes if known.

        photo float32 [h, w, 3] from 0 to 255, hole bool [h, w, 1] -> float32 [h, w, 3]: whole
        numbers in the hole, the photograph elsewhere.
        """
        blanked = tf.where(hole, tf.zeros_like(photo), photo)
        filled = self._fill_padded(blanked, hole, self._generate_any)
        return tf.where(hole, tf.round(_as_grey_as(blanked, filled)), photo)

    # Sizes that stay the same are static in the graph, which is then 5 % faster. `inputs` is one
    # dict because TensorFlow cannot reduce retracing between calls with different keywords.
    @tf.function(reduce_retracing=True, autograph=False)
    def _generate_sized(self, images, holes, inputs):
        return self._generate_any(images, holes, **inputs)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3]),
            tf.TensorSpec([None, None, None, 1]),
        ],
        autograph=False,
    )
    def _generate(self, images, holes):
        return self._generate_any(images, holes)

    @tf.function(reduce_retracing=True, autograph=False)
    def _attend(self, images, holes, weights_at):
        return self.system.attention_maps(
            tf.where(holes > 0, tf.zeros_like(images), images), holes, weights_at
        )

    def _generate_any(self, images, holes, **inputs):
        """`system.generate` with the pixels under the holes blanked to 0."""
        return self.system.generate(
            tf.where(holes > 0, tf.zeros_like(images), images), holes, **inputs
        )


def _grained(filled, blanked, hole, earlier, part):
    """The fill, float32 [h, w, 3], with the photograph's grain in a part of the hole.

    blanked: uint8 [h, w, 3], the photograph with blanked holes.
    hole, earlier, part: bool [h, w, 1]. `earlier` are holes that may be filled already.
    """
    picture = tf.where(hole, filled, tf.cast(blanked, tf.float32))
    return tf.cond(
        tf.reduce_any(part),
        lambda: tf.where(
            part, window_grain.added(picture, tf.logical_or(hole, earlier), part), filled
        ),
        lambda: filled,
    )


def _as_grey_as(blanked, filled):
    """The fill, float32 [h, w, 3]; its means over the channels if the photograph is grey.

    Networks tint the fill of a black-and-white photograph, by up to some 20 grey levels.

    blanked: [h, w, 3], the photograph with blanked holes.
    """
    is_grey = tf.reduce_all(tf.equal(blanked, blanked[..., :1]))
    return tf.where(is_grey, tf.reduce_mean(filled, -1, keepdims=True), filled)

"""The validation pass: fills a fixed set of photographs and holes, measures and draws the fills.

The holes are fixed strokes or, for a system that can fill only one hole, that hole. The generator
that fills them has the moving average of the weights.

Every figure is computed for each photograph, on the uint8 composite, and then averaged
(metrics/quality.py). For comparison, the same holes are filled with the mean colour and by OpenCV's
Telea.
"""

from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.attention_maps import placing
from tfinpaint.attention_maps.pictures import pictures
from tfinpaint.data.batches import evaluation_squares
from tfinpaint.data.evaluation_holes import evaluation_holes, fingerprint
from tfinpaint.data.photos import spread
from tfinpaint.metrics import quality, references
from tfinpaint.painting.boxes import Box
from tfinpaint.pictures import composite, grid, sample_row, to_float, to_uint8
from tfinpaint.settings import TrainSettings
from tfinpaint.systems.base import System
from tfinpaint.wording import counted

_ROWS = 6  # photographs in a sample grid
_AT_ONCE = 2**20  # pixels that are measured together, which takes some 200 bytes for each


class Validation:
    """A validation set; see the module's docstring.

    Args:
        settings: those of the run. Without `eval_data` the training photographs are used.
        system: the compiled system.

    Attributes:
        description: one line that says what is measured.
        baselines: {"mean": figures, "telea": figures}, averages of `metrics.quality.measure`.
    """

    def __init__(self, settings: TrainSettings, system: System):
        size = settings.photos.image_size
        source = settings.eval_data or settings.photos.source
        self._system = system
        self._batch = settings.batch_size
        # uint8 [N, S, S, 3]
        self._photos = evaluation_squares(
            source, size, settings.eval_count, "eval_data", settings.photos.max_megapixels
        )
        # uint8 [N, S, S, 1]
        if system.fixed_hole is None:
            self._holes = evaluation_holes(
                settings.eval_ratio, len(self._photos), size, argument="eval_ratio"
            )
            low, high = settings.eval_ratio
            about = f"fixed strokes over {low:.0%}-{high:.0%}"
        else:
            self._holes = np.stack(len(self._photos) * [system.fixed_hole[..., np.newaxis]])
            about = f"a fixed hole of {system.fixed_hole.mean():.0%}"
        self._generate = tf.function(
            lambda images, holes: system.raw(system.averaged_generator, images, holes),
            autograph=False,
        )
        self._attention_maps = tf.function(system.attention_maps, autograph=False)
        self.description = (
            f"{counted(len(self._photos), 'photograph')} of {source}"
            + ("" if settings.eval_data else " (trained on: no `eval_data`)")
            + f", {size} px, {about} (set {fingerprint(self._holes)})"
        )
        self.baselines = {
            name: self._measure([fill(p, h[..., 0]) for p, h in zip(self._photos, self._holes)])
            for name, fill in (("mean", references.mean_fill), ("telea", references.telea))
        }

    def run(self) -> dict:
        """Returns the averaged figures of `metrics.quality.measure`."""
        return self._measure(
            [
                composite(p, o, h[..., 0])
                for p, o, h in zip(self._photos, self._outputs(), self._holes)
            ]
        )

    def hole_l1(self, figures: Optional[dict] = None) -> tuple:
        """L1 of the missing pixels alone, on composites in [0, 1].

        figures: what `run` returned for the present weights; None: `run` is called.

        Returns: two floats, the L1 of the system and that of the mean fill, on the same photographs
            and holes.
        """
        figures = self.run() if figures is None else figures
        return figures["l1_in_hole"], self.baselines["mean"]["l1_in_hole"]

    def picture(self) -> tuple:
        """The sample grid, and the attention maps of its first photograph.

        Returns: the grid, uint8 [h, w, 3], with a row (`pictures.sample_row`) for each of up to 6
            photographs, evenly chosen; and {layer: pictures of one size}
            (attention_maps/pictures.py).
        """
        rows, drawn = [], {}
        # One by one, because the maps of a whole batch would take too much memory.
        for k in spread(len(self._photos), _ROWS):
            photo, hole = self._photos[k], self._holes[k, ..., 0]
            at, size = placing.choose_pixel(hole), (hole.shape[0], hole.shape[1])
            output, found = self._attention_maps(
                to_float(photo[None]), hole[None, ..., None].astype(np.float32), tf.constant([at])
            )
            rows.append(
                sample_row(
                    photo,
                    hole,
                    to_uint8(output[0]),
                    [np.asarray(matches[0]) for matches, _ in found],
                )
            )
            if k == 0:
                maps = placing.place_maps(self._system, found, Box(0, 0, *size), size, size, at)
                drawn = {map_.layer: list(pictures(map_, photo, hole).values()) for map_ in maps}
        return grid(rows), drawn

    def _outputs(self):
        for k in range(0, len(self._photos), self._batch):
            part = slice(k, k + self._batch)
            yield from to_uint8(
                self._generate(to_float(self._photos[part]), self._holes[part].astype(np.float32))
            )

    def _measure(self, filled):
        """The averages for all fills, a list. They are measured in parts, to bound the memory."""
        number = max(1, _AT_ONCE // self._holes[0].size)
        parts = [
            quality.measure(np.stack(filled[part]), self._photos[part], self._holes[part])
            for part in (slice(k, k + number) for k in range(0, len(filled), number))
        ]
        return quality.averages(
            {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        )

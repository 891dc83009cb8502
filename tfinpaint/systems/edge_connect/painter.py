"""EdgeConnect's painter: fills photographs, completes and shows edges, and takes drawn edges.

painter.complete_edges(gray, edges, holes)   # the edge network alone
painter.generate(images, holes, edges)       # the inpainting network, guided by these edges
painter.edges(photo, mask)                   # a picture of the known and the completed edges
painter.fill(photo, mask, edges=drawing)     # guided by a drawing
"""

from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.painting import filling, windows
from tfinpaint.painting.painter import Painter
from tfinpaint.photo import THRESHOLD
from tfinpaint.systems.base import blanked
from tfinpaint.systems.edge_connect.edge_inputs import known_edges
from tfinpaint.systems.inputs import checked_inputs


class EdgeConnectPainter(Painter):
    """See the top of the file."""

    def generate(  # type: ignore[override]  # names what the base class takes as **inputs
        self, images: tf.Tensor, holes: tf.Tensor, edges: Optional[tf.Tensor] = None
    ) -> tf.Tensor:
        """See `Painter.generate`.

        edges:  float32 [B, H, W, 1], 1 on an edge. They guide the fill and are used unchanged.
                None: Canny's edges of the known pixels, completed by the edge network.

        Raises: ValueError as `Painter.generate` does, or for `edges` of another shape.
        """
        images, holes = checked_inputs(images, holes)  # so that only right holes are an example
        if edges is not None and list(np.shape(edges)) != list(np.shape(holes)):
            raise ValueError(
                f"`edges` is {list(np.shape(holes))}, as `holes`. Got {list(np.shape(edges))}"
            )
        return super().generate(images, holes, edges=edges)

    def complete_edges(self, gray: tf.Tensor, edges: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """The edge network's output for the whole picture, float32 [B, H, W, 1] in [0, 1].

        gray, edges:  float32 [B, H, W, 1] in [0, 1]. H and W are multiples of 4, and at least 12.
                      This method blanks pixels in the hole.
        holes:        float32 [B, H, W, 1], 1 = hole.

        Raises: ValueError for another shape.
        """
        inputs = {"gray": gray, "edges": edges, "holes": holes}
        inputs = {name: tf.cast(x, tf.float32) for name, x in inputs.items()}
        for name, x in inputs.items():
            if x.shape.rank != 4 or x.shape[3] != 1 or x.shape != inputs["gray"].shape:
                raise ValueError(
                    f"`{name}` is [B, H, W, 1], the same for all three. Got {x.shape.as_list()}"
                )
        self.system.check_images(inputs["gray"])
        gray, edges, holes = inputs.values()
        return self._complete(blanked(gray, holes), blanked(edges, holes), holes)

    def edges(self, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The edges that guide the fill of a photograph, as a picture uint8 [H, W].

        Known edges are 255. In the hole, values are the edge network's probability of an edge times
        255. The picture can be edited and passed to `fill` as `edges`. If there are several holes,
        all are missing here, whereas `fill` counts those that it has filled as known.

        photo, mask:  as for `fill`.
        """
        photo, mask = filling.arrays(photo, mask)
        filling.check(photo, mask)
        hole = filling.hole_of(mask)  # [H, W]
        shown = known_edges(photo, hole)
        for box, window, here in windows.plan(hole, self.stride, self.working_size):
            completed = self._edges_in_window(
                photo[window.slices], hole[window.slices][..., np.newaxis]
            )
            shown[box.slices][here] = completed.numpy()[box.within(window).slices][here]
        return shown

    def _fill(self, photo, mask, options):
        """`Painter._fill`. If `edges` has none outside the hole, the known edges are added there.

        So a user can draw the edges in the hole alone. Other edges are used unchanged.
        """
        photo, mask = filling.arrays(photo, mask)
        edges = options.edges
        if edges is not None and np.shape(edges) == np.shape(mask):
            edges = np.asarray(edges)
            hole = filling.hole_of(mask, options.grow)
            if not (edges[hole == 0] > THRESHOLD).any():
                edges = np.maximum(edges, known_edges(photo, hole))
        return super()._fill(photo, mask, options._replace(edges=edges))

    @tf.function(reduce_retracing=True, autograph=False)
    def _complete(self, gray, edges, holes):
        return self.system.edges([gray, edges, holes])

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, channels], tf.uint8) for channels in (3, 1)],
        autograph=False,
    )
    def _edges_in_window(self, window, hole):
        """What `edges` returns, for one window: uint8 [h, w].

        A window above the working size is reduced first.

        window: uint8 [h, w, 3].   hole: uint8 [h, w, 1], above 0 = hole.
        """
        hole, size = hole > 0, tf.shape(window)[:2]
        blanked = tf.where(hole, tf.zeros_like(window), window)
        pixels, hole = tf.cond(
            tf.reduce_max(size) > self.working_size,
            lambda: self._reduce(blanked, hole, self._reduced_size(size)),
            lambda: (tf.cast(blanked, tf.float32), hole),
        )

        def complete(images, holes):
            edges = self.system.generator.complete((images + 1) / 2, holes)  # [1, H', W', 1]
            return 2 * tf.repeat(edges, 3, -1) - 1  # as a picture in [-1, 1]

        shown = self._fill_padded(pixels, hole, complete)  # [h', w', 3] from 0 to 255
        shown = tf.image.resize(shown[..., :1], size)[..., 0]  # [h, w]
        return tf.cast(tf.round(shown), tf.uint8)

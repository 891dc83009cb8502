"""EdgeConnect's painter: fills, completes edges, shows them, and takes drawings of them.

painter.complete_edges(grey, edges, holes)   # the edge network alone
painter.edges(photo, mask)                   # a picture of the known and the completed edges
painter.fill(photo, mask, edges=drawing)     # guided by a drawing
"""

import numpy as np
import tensorflow as tf

from tfinpaint.painting import filling, windows
from tfinpaint.painting.painter import Painter
from tfinpaint.photo import THRESHOLD
from tfinpaint.systems.edge_connect.edge_inputs import known_edges


class EdgeConnectPainter(Painter):
    """See the top of the file."""

    def complete_edges(self, grey: tf.Tensor, edges: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """The edge network's output, float32 [B, H, W, 1] in [0, 1], in the hole and elsewhere.

        grey, edges:  float32 [B, H, W, 1] in [0, 1]. H and W are multiples of 4, and at least 12.
                      What lies in the hole is blanked here.
        holes:        float32 [B, H, W, 1], 1 = hole.

        Raises: ValueError for another shape.
        """
        inputs = {"grey": grey, "edges": edges, "holes": holes}
        inputs = {name: tf.cast(x, tf.float32) for name, x in inputs.items()}
        for name, x in inputs.items():
            if x.shape.rank != 4 or x.shape[3] != 1 or x.shape != inputs["grey"].shape:
                raise ValueError(
                    f"`{name}` is [B, H, W, 1], the same for all three. Got {x.shape.as_list()}"
                )
        self.system.check_images(inputs["grey"])
        grey, edges, holes = inputs.values()
        # Blanked as bytes are in a photograph: a product would keep what is not a number.
        grey, edges = (tf.where(holes > 0, tf.zeros_like(x), x) for x in (grey, edges))
        return self._complete(grey, edges, holes)

    def edges(self, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """A picture of the edges by which the holes of a photograph are filled, uint8 [H, W].

        Known edges are 255. In the hole it is how sure the edge network is of an edge: above 127
        for more likely than not. Edited, the picture can guide `fill`. Where there are several
        holes, `fill` itself takes those that it has filled as known; here all are missing.

        photo, mask:  as for `fill`.
        """
        photo, mask = np.asarray(photo), np.asarray(mask)
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
        """`Painter._fill`, and a drawing of what is to come into the hole gets the known edges.

        Edges guide as they are if there are any where the photograph is known.
        """
        edges = options.edges
        if edges is not None and np.shape(edges) == np.shape(mask):
            edges = np.asarray(edges)
            hole = filling.grown((np.asarray(mask) > THRESHOLD).astype(np.uint8), options.grow)
            if not (edges[hole == 0] > THRESHOLD).any():
                edges = np.maximum(edges, known_edges(np.asarray(photo), hole))
        return super()._fill(photo, mask, options._replace(edges=edges))

    @tf.function(reduce_retracing=True, autograph=False)
    def _complete(self, grey, edges, holes):
        return self.system.edges([grey, edges, holes])

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, channels], tf.uint8) for channels in (3, 1)],
        autograph=False,
    )
    def _edges_in_window(self, window, hole):
        """`edges` of a window, which is reduced if it is too large for the network: uint8 [h, w].

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
            return 2 * tf.repeat(edges, 3, -1) - 1  # as if it were a picture

        shown = self._fill_padded(pixels, hole, complete)  # [h', w', 3] from 0 to 255
        shown = tf.image.resize(shown[..., :1], size)[..., 0]  # [h, w]
        return tf.cast(tf.round(shown), tf.uint8)

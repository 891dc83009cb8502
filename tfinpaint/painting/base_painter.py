"""The base class of painters. A painter fills photographs with a trained system, export or server.

    photo uint8 [H, W, 3], mask uint8 [H, W] (white = hole) -> uint8 [H, W, 3]

    Painter            painter.py               a trained system
    ExportedPainter    export/saved_model.py    a SavedModel
    TFLitePainter      export/tflite.py         a TFLite file, at the size it takes
    RestClient, GrpcClient    serving/client.py    a server

This module does not import TensorFlow, because a client of a server does not need it.
"""

import functools
import numbers
from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np

from tfinpaint.painting import filling
from tfinpaint.painting.boxes import Context
from tfinpaint.painting.filling import Options
from tfinpaint.settings import SettingsError

_LAST_SEED = 2**31 - 1  # the largest int32, the type of the seed in an export
# Why a model refuses an input that is not in its `fill_inputs`.
_WITHOUT = {
    "seed": "this model has one fill for each hole, of seed 0",
    "edges": "this model is not guided by edges",
}


class Sample(NamedTuple):
    """One of several fills of a photograph.

    pixels: uint8 [H, W, 3].
    seed: `fill` with this seed gives the same pixels.
    score: its quality, the higher the better; None if the system has no score.
    """

    pixels: np.ndarray
    seed: int
    score: Optional[float]


class BasePainter:
    """Fills the holes of photographs.

    A subclass defines either `fill_window`, to which `_fill` passes the windows of a photograph,
    or `_fill` itself. A method that a painter does not support raises an error here.

    Attributes:
        system, run: the trained system and the record of its run (`runs.Run`); None in painters
            without a trained system.
        detail: "auto" or "off", as the export was made; None in other painters.
        fill_inputs: names of the inputs that the network takes besides the photograph and the hole:
            "seed", "edges", ...
        stride, working_size: the stride of the network behind `fill_window`, and the side of the
            largest window that it is given, in pixels.
        context: how much that network needs to see around a hole.
        keeps_known: whether its output outside the hole is the photograph.
    """

    system: Any = None
    run: Any = None
    detail: Optional[str] = None
    fill_inputs: Tuple[str, ...] = ()
    stride: int
    working_size: int
    context: Context = Context()
    keeps_known: bool = False

    def fill(
        self,
        photo: np.ndarray,
        mask: np.ndarray,
        grow: int = 0,
        feather: int = 0,
        detail: str = "auto",
        seed: int = 0,
        edges: Optional[np.ndarray] = None,
        blend: str = "none",
    ) -> np.ndarray:
        """Fills the holes of one photograph of any size.

        photo:    uint8 [H, W, 3], RGB.
        mask:     uint8 [H, W], above 127 = hole; or bool [H, W], True = hole.
        grow:     pixels (the radius of a disc) by which the hole is grown first.
        feather:  pixels outside the grown hole over which the network's output fades into the
                  photograph. A network that keeps what is known fills these pixels too, so that
                  there is something to fade. With 0, every pixel outside the grown hole keeps its
                  bytes.
        detail:   "auto": thick parts of the hole get their texture from the known part of the
                  photograph, guided by the network's fill (detail/), thin ones its grain
                  (grain.py). "off": the network's fill, unchanged.
        seed:     which fill is returned, if the system has several for one hole. 0 is its default
                  fill.
        edges:    uint8 [H, W], above 127 = edge. They guide a system that takes edges. None: the
                  system finds and completes the edges itself.
        blend:    "poisson": the fill keeps its texture, and its colours are fitted to the
                  surroundings of each hole (blending.py). "none": the fill, unchanged.

        Returns: uint8 [H, W, 3].
        Raises: SettingsError for a mask or edges of another size, a mask without a hole, a mask
            that (grown) leaves no known pixel, a seed or edges that the system does not take, or a
            blend together with a feather. ValueError for arrays of another type or shape, and for
            other values of the remaining arguments.
        """
        self._check_inputs(seed, edges, np.shape(photo))
        return self._fill(photo, mask, Options(grow, feather, detail, seed, edges, blend))

    def _fill(self, photo: np.ndarray, mask: np.ndarray, options: Options) -> np.ndarray:
        """`fill`, after the check that the model takes its inputs."""
        plain = not options.seed and options.edges is None
        return filling.fill(
            self._fill_one if plain else functools.partial(self._fill_guided, seed=options.seed),
            self.stride,
            self.working_size,
            self.context,
            photo,
            mask,
            options,
            self.keeps_known,
        )

    def fill_window(
        self, window: np.ndarray, hole: np.ndarray, shown: Any, with_detail: bool
    ) -> np.ndarray:
        """Fills a window of a photograph; see `Painter.fill_window`."""
        raise NotImplementedError

    def generate(self, images: Any, holes: Any) -> Any:
        """The network's own output; see `Painter.generate`.

        Raises: ValueError if there is no trained system.
        """
        raise ValueError("`generate` takes a run directory; an exported model has `fill`")

    def fill_samples(
        self,
        photo: np.ndarray,
        mask: np.ndarray,
        count: int,
        seed: int = 0,
        grow: int = 0,
        feather: int = 0,
        detail: str = "auto",
        blend: str = "none",
    ) -> List[Sample]:
        """Several fills of one photograph, by a system that has several for one hole.

        count:  how many fills, at least 1. Their seeds are `seed`, `seed` + 1 and so on.
        The other arguments are those of `fill`.

        Returns: the fills, the highest score first. Without scores, they are in the order of their
            seeds.
        Raises: SettingsError if the system has only one fill for each hole, or for another `count`;
            also the errors of `fill`.
        """
        self.check_takes("seed", "samples")
        if not isinstance(count, numbers.Integral) or count < 1:
            raise SettingsError(f"`samples` is a whole number, at least 1. Got {count}")
        self._check_inputs(seed, None, np.shape(photo))
        self._check_inputs(seed + count - 1, None, np.shape(photo))
        samples = []
        for one in range(seed, seed + count):
            pixels = self.fill(photo, mask, grow, feather, detail, one, blend=blend)
            samples.append(Sample(pixels, one, self.score(pixels, mask, grow)))
        return sorted(samples, key=lambda sample: -(sample.score or 0.0))  # stable

    def score(self, photo: np.ndarray, mask: np.ndarray, grow: int = 0) -> Optional[float]:
        """The quality of a filled photograph, to rank samples: the higher the better.

        photo:       uint8 [H, W, 3], as `fill` returned it.
        mask, grow:  as `fill` took them.

        Returns: the score, or None if the system has none.
        """
        return None

    def check_takes(self, name: str, argument: str) -> None:
        """Checks that the network takes the input `name`.

        name:      "seed" or "edges".
        argument:  what the error message calls it.

        Raises: SettingsError if `name` is not in `fill_inputs`.
        """
        if name not in self.fill_inputs:
            raise SettingsError(f"`{argument}`: {_WITHOUT[name]}")

    def attention_maps(
        self, photo: np.ndarray, mask: np.ndarray, at: Optional[Tuple[int, int]] = None
    ) -> list:
        """The attention maps of the system; see `Painter.attention_maps`.

        Raises: SettingsError if there is no trained system.
        """
        self.check_attention()
        return []

    def edges(self, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """A picture of the edges that guide the fill of a system that takes edges, uint8 [H, W].

        photo, mask:  as for `fill`.

        Raises: SettingsError if the system is not guided by edges.
        """
        self.check_takes("edges", "edges")
        raise NotImplementedError

    def check_attention(self) -> None:
        """Raises SettingsError if there are no attention maps."""
        raise SettingsError(
            "`attention` takes a run directory as `model`; an exported model has no attention to "
            "show"
        )

    def _check_inputs(self, seed, edges, shape):
        if seed:
            self.check_takes("seed", f"seed={seed}")
        if not isinstance(seed, numbers.Integral) or not 0 <= seed <= _LAST_SEED:
            raise SettingsError(f"`seed` is a whole number from 0 to {_LAST_SEED}. Got {seed}")
        if edges is None:
            return
        self.check_takes("edges", "edges")
        edges = np.asarray(edges)
        if edges.dtype != np.uint8:
            raise ValueError(f"`edges` is uint8. Got {edges.dtype}")
        if edges.shape != shape[:2]:
            raise SettingsError(
                f"`edges` has the size of the photograph, {list(shape[:2])}. Got "
                f"{list(edges.shape)}"
            )

    def _fill_guided(self, window, hole, shown, with_detail, edges=None, seed=0):
        """`_fill_one` with the inputs that `fill_inputs` names."""
        raise NotImplementedError

    def _fill_one(self, window, hole, shown, with_detail):
        """`fill_window`, as `fill` calls it."""
        return self.fill_window(window, hole, shown, with_detail)

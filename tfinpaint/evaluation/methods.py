"""The methods a table compares: trained systems, exported models, and classical references.

A method is called with photographs and holes of one size and returns the fills that are scored:

    method(photos uint8 [B, H, W, 3], holes uint8 [B, H, W], 1 = hole) -> uint8 [B, H, W, 3]

A network sees a whole square at once, as in the papers. Photographs with their own holes (pairs)
are filled as by `inpaint`, in a window around each hole. So are squares if the network can fill
only the centre of its input. No network sees what lies under a hole.
"""

import os
from typing import Callable, Dict, List, Optional

import numpy as np

from tfinpaint.export.version_folders import version_directory
from tfinpaint.loading import ACCEPTED, load
from tfinpaint.metrics import references
from tfinpaint.models import DEFAULT, locate
from tfinpaint.pictures import to_float, to_uint8
from tfinpaint.runs import is_run
from tfinpaint.settings import SettingsError

REFERENCES: Dict[str, Callable] = {
    "telea": references.telea,
    "navier_stokes": references.navier_stokes,
    "mean": references.mean_fill,
}
_ABOUT = {
    "telea": "Telea 2004, by OpenCV, radius 3",
    "navier_stokes": "Bertalmio et al. 2001, by OpenCV, radius 3",
    "mean": "the mean colour of the known pixels",
}


class Method:
    """Base class.

    Attributes:
        name: its name in the table.
        path: the model's path; None for a reference.
        about: what it is, as in report.json.
        stride: the side of a square must be a multiple of this, in pixels.
        image_size: side in pixels of the squares that it was trained on, or None.
        in_windows: whether squares, too, are filled in a window around each hole.
        largest: side in pixels above which a square is reduced before it is filled; None: it never
            is.
    """

    name: str
    path: Optional[str] = None
    about: dict
    stride: int = 1
    image_size: Optional[int] = None
    in_windows: bool = False
    largest: Optional[int] = None

    def __call__(self, photos: np.ndarray, holes: np.ndarray) -> np.ndarray:
        """Fills photographs; see the module's docstring."""
        raise NotImplementedError


class Reference(Method):
    """A fill that needs no learning, by its name in `REFERENCES`."""

    def __init__(self, name: str):
        self.name = name
        self.about = {"kind": "reference", "what": _ABOUT[name]}
        self._fill = REFERENCES[name]

    def __call__(self, photos: np.ndarray, holes: np.ndarray) -> np.ndarray:
        return np.stack([self._fill(p, h) for p, h in zip(photos, holes)])


class Model(Method):
    """A run directory, a packed model or the version directory of an export.

    name:        its name in the table.
    path:        its folder.
    composited:  whether known pixels are the photograph's. If not, the network's own output is
                 returned everywhere, which an export cannot do.
    pairs:       whether it gets photographs with their own holes.
    detail:      "off": the network alone. "auto": with texture in holes thicker than 8 pixels and
                 grain in thinner ones.

    Raises: SettingsError if the model cannot be loaded or cannot do what is asked.
    """

    def __init__(self, name: str, path: str, composited: bool, pairs: bool, detail: str = "off"):
        self.name, self.path = name, path
        self._painter = load(path)
        self._composited, self._pairs, self._detail = composited, pairs, detail
        self._runs = self._painter.system is not None
        self.stride = self._painter.stride
        self.in_windows = self._painter.context.centred
        self.about = self._card()
        self.image_size = self.about.get("image_size")
        if detail == "auto" and not self._runs and self._painter.detail != "auto":
            raise SettingsError(
                f"`model={path!r}` was exported without detail: give `detail='off'`, or the run "
                "directory"
            )
        if not composited and not self._runs:
            raise SettingsError(
                f"`model={path!r}` is an export, which composites; this protocol scores a "
                "network's own output: give the run directory"
            )
        if not composited and self.in_windows:
            raise SettingsError(
                f"`model={path!r}`: {self._painter.system.system_name} fills only the hole; this "
                "protocol scores a network's own output everywhere, known pixels too"
            )
        if not self._runs or detail == "auto":
            self.largest = self._painter.working_size

    def __call__(self, photos: np.ndarray, holes: np.ndarray) -> np.ndarray:
        if self._pairs or self.in_windows:
            return np.stack(
                [self._painter.fill(p, 255 * h, detail=self._detail) for p, h in zip(photos, holes)]
            )
        if not self._runs or self._detail == "auto":
            with_detail = self._detail == "auto"
            return np.stack(
                [
                    np.asarray(
                        self._painter.fill_window(p, h[..., None], h[..., None], with_detail)
                    )
                    for p, h in zip(photos, holes)
                ]
            )
        holes = np.asarray(holes)[..., np.newaxis]  # [B, H, W, 1]
        outputs = to_uint8(self._painter.generate(to_float(photos), holes.astype(np.float32)))
        return np.where(holes > 0, outputs, photos) if self._composited else outputs

    def _card(self):
        from tfinpaint.export.model_card import describe, read_card

        card = describe(self._painter) if self._runs else read_card(self.path)
        return {
            "kind": "run" if self._runs else "export",
            **{
                k: card.get(k)
                for k in (
                    "system",
                    "variant",
                    "steps",
                    "parameters",
                    "trained_on",
                    "image_size",
                    "weights_sha256",
                )
            },
        }


def open_methods(
    models: List[str], with_references: bool, composited: bool, pairs: bool, detail: str = "off"
) -> List[Method]:
    """The methods of `models`, in that order, then the references that are not among them.

    models: run directories, exports, "default", or names of references.
    with_references: whether to add the references.
    composited, pairs, detail: see `Model`.

    Raises: SettingsError if a model cannot be loaded or is named twice.
    """
    for model in models:
        if model not in (*REFERENCES, DEFAULT) and not os.path.isdir(model):
            raise SettingsError(
                f"`model={model!r}` is no folder: {ACCEPTED} is needed, or {', '.join(REFERENCES)}"
            )
    given = [model if model in REFERENCES else _located(model) for model in models]
    places = [model if model in REFERENCES else os.path.realpath(model) for model in given]
    if len(set(places)) < len(places):
        raise SettingsError(f"`models` names one model twice. Got {','.join(models)}")
    every = given + [name for name in REFERENCES if with_references and name not in given]
    return [
        Reference(model) if model in REFERENCES else Model(name, model, composited, pairs, detail)
        for name, model in zip(_names(every), every)
    ]


def _located(model):
    """The folder of a run, or the version directory of an export."""
    path = locate(model)
    return path if is_run(path) else version_directory(path) or path


def _names(paths):
    """A name for each path: its last part.

    It has more parts if two names would be equal, or if the last part is the number of an exported
    version.
    """
    parts = [
        [path] if path in REFERENCES else os.path.abspath(path).split(os.sep) for path in paths
    ]
    lengths = [2 if p[-1].isdecimal() and len(p) > 1 else 1 for p in parts]
    for _ in range(max(map(len, parts))):
        names = ["/".join(p[-n:]) for p, n in zip(parts, lengths)]
        lengths = [
            min(n + (names.count(name) > 1), len(p)) for n, name, p in zip(lengths, names, parts)
        ]
    return names

"""Loads what fills photographs from the place where a model lies."""

import os

from tfinpaint.base_painter import BasePainter
from tfinpaint.models import locate


def load(model: str = "default") -> BasePainter:
    """What fills photographs with the model at the path `model`.

    That is a `Painter` for a run directory (see `tfinpaint.runs`), and an `ExportedPainter` for the
    version directory of an exported SavedModel.

    "default" is the model that comes with the package (see `tfinpaint.models`); a folder of that
    name is "./default".
    """
    path = locate(model)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        from tfinpaint.export.saved_model import ExportedPainter

        return ExportedPainter(path)
    from tfinpaint.painter import Painter
    from tfinpaint.runs import read_run

    return Painter.from_run(read_run(path))

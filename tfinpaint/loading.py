"""Loads what fills photographs from the place where a model lies."""

import os

from tfinpaint.export.version_folders import exported_version
from tfinpaint.models import locate
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.settings import SettingsError

ACCEPTED = "a run directory of `train`, an export, or default"


def load(model: str = "default") -> BasePainter:
    """What fills photographs with the model at the path `model`.

    That is a `Painter` for a run directory (see `tfinpaint.runs`), and an `ExportedPainter` for an
    export: a version directory, or the folder of versions, whose highest is taken.

    "default" is the model that comes with the package (see `tfinpaint.models`); a folder of that
    name is "./default".

    Raises: SettingsError if there is no model.
    """
    path = locate(model)
    if not os.path.isdir(path):
        raise SettingsError(f"`model={model!r}` is no folder: {ACCEPTED} is needed")
    from tfinpaint.runs import is_run, read_run

    version = exported_version(path)
    if version:
        from tfinpaint.export.saved_model import ExportedPainter

        return ExportedPainter(version)
    if not is_run(path):
        raise SettingsError(
            f"`model={model!r}` is no run directory: it has no settings.json, nor a version of an "
            f"export; {ACCEPTED} is needed"
        )
    from tfinpaint.painting.painter import Painter

    return Painter.from_run(read_run(path))

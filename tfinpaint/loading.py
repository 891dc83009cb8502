"""Loads a model from its path, as a painter that fills photographs."""

import os

from tfinpaint.export.version_folders import exported_version
from tfinpaint.models import locate
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.settings import SettingsError

ACCEPTED = "a run directory of `train`, an export, or default"


def load(model: str = "default") -> BasePainter:
    """Loads the model at the path `model`.

    model:  a run directory (see `tfinpaint.runs`); an export, which is a version directory or the
            folder of versions, of which the highest is taken; or "default", the model that comes
            with the package (see `tfinpaint.models`). A folder of that name is "./default".

    Returns: a `Painter` for a run directory, an `ExportedPainter` for an export.
    Raises: SettingsError if there is no model, or it cannot be loaded.
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

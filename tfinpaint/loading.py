"""What fills photographs, from where a model lies."""

import os

from tfinpaint.models import locate


def load(model="default"):
    """What fills photographs with the model at this path: a `Painter` for a run directory (see `tfinpaint.runs.load_system`), an
    `ExportedPainter` for the version directory of an exported SavedModel.

    "default" is the model that comes with the package (see `tfinpaint.models`); a folder of that name is "./default".
    """
    path = locate(model)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        from tfinpaint.export.saved_model import ExportedPainter

        return ExportedPainter(path)
    from tfinpaint.painter import Painter
    from tfinpaint.runs import load_system, read_settings

    return Painter(load_system(path), read_settings(path).photos.image_size)

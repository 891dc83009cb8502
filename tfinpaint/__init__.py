"""tfinpaint fills holes in photographs with the published attention-based systems, in TensorFlow 2.

    painter = tfinpaint.load()                  # the model that comes with the package; "runs/paris": a run directory
    filled = painter.fill(photo, mask)          # uint8 [H, W, 3], uint8 [H, W] (white is hole) -> uint8 [H, W, 3]
    system = tfinpaint.create("multistage")     # an untrained tf.keras.Model

`import tfinpaint` is quick: TensorFlow is imported when something is first used.
"""

__version__ = "0.1.0"

SYSTEMS = ("contextual_attention", "musical", "multistage", "coherent_semantic", "partial_conv", "gated_conv", "residual")


def create(name, variant="paper", **settings):
    """An untrained system, a tf.keras.Model; see `tfinpaint.systems.create`."""
    from tfinpaint.systems import create as create_system

    return create_system(name, variant, **settings)


def load(path="default"):
    """What fills photographs with the model at `path`: a `Painter` for a run directory (see `tfinpaint.runs.load_system`), an
    `ExportedPainter` for the version directory of an exported SavedModel.

    "default" is the model that comes with the package (see `tfinpaint.models`); a folder of that name is "./default".
    """
    import os

    from tfinpaint.models import locate

    path = locate(path)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        from tfinpaint.export.saved_model import ExportedPainter

        return ExportedPainter(path)
    from tfinpaint.painter import Painter
    from tfinpaint.runs import load_system, read_settings

    return Painter(load_system(path), read_settings(path).photos.image_size)

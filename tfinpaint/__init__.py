"""tfinpaint fills holes in photographs with the published attention-based systems, in TensorFlow 2.

    painter = tfinpaint.load()                  # the model that comes with the package
    painter = tfinpaint.load("runs/paris")      # a run directory
    filled = painter.fill(photo, mask)          # uint8 [H, W, 3]
    system = tfinpaint.create("multistage")     # an untrained tf.keras.Model

`photo` is uint8 [H, W, 3]; `mask` is uint8 [H, W], where white is hole.

`import tfinpaint` is quick: TensorFlow is imported on first use.
"""

import os
from typing import TYPE_CHECKING, Any

from tfinpaint import addons
from tfinpaint.version import __version__  # noqa: F401

if not addons.there():
    # TensorFlow reads it when `tf.keras` is first used, and then takes Keras 2 (tf-keras).
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

if TYPE_CHECKING:
    from tfinpaint.painting.base_painter import BasePainter


def __getattr__(name):
    if name == "SYSTEMS":  # the folders of tfinpaint.systems
        from tfinpaint.systems.specification import all_systems

        return tuple(all_systems())
    raise AttributeError(f"module 'tfinpaint' has no attribute {name!r}")


def create(system: str, variant: str = "paper", **settings: Any) -> Any:
    """An untrained system, a tf.keras.Model.

    system:    one of `SYSTEMS`.
    variant:   "paper", or "official" for what the authors' code does.
    settings:  the system's settings, such as `width` and `depth`; `train --help` lists them.

    Its generator has random weights. Nothing is downloaded. `compile` builds critics and feature
    networks.

    Raises: SettingsError for an unknown system, variant or setting.
    """
    from tfinpaint.systems import create as create_system

    return create_system(system, variant, **settings)


def load(model: str = "default") -> "BasePainter":
    """A painter, which fills photographs with a model.

    model:  "default", the model that comes with the package; a run directory of `train`; or an
            export, which is a version directory or the folder of versions, of which the highest is
            taken. A folder of the name default is "./default".

    Returns: a painter. `painter.fill(photo, mask)` fills a photograph of any size: uint8 [H, W, 3],
        uint8 [H, W] (white = hole) -> uint8 [H, W, 3].
    Raises: SettingsError if there is no model, or it cannot be loaded.
    """
    from tfinpaint.loading import load as load_painter

    return load_painter(model)

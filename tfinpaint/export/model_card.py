"""model_card.json: describes an exported model for anyone who finds it later."""

import dataclasses
import datetime
import hashlib
import json
import os

import tensorflow as tf

from tfinpaint import atomic
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.settings import SettingsError, first_line
from tfinpaint.version import __version__, commit

CARD = "model_card.json"


def describe(painter: BasePainter) -> dict:
    """The card of a `Painter` that was loaded from a run.

    It names the system, the training data, the steps, the validation figures, a hash of the
    weights, the settings, and the versions of the software.
    """
    run, settings = painter.run, painter.run.settings
    weights = painter.system.generator.variables
    return {
        "system": settings.system,
        "variant": settings.variant,
        "parameters": sum(
            v.shape.num_elements() for v in painter.system.generator.trainable_variables
        ),
        "weights": "exponential moving average of the generator's",
        "weights_sha256": _hash(weights),
        # A packed model names a folder that is not here. The card of its maker says more.
        "trained_on": None if run.is_packed else settings.photos.source,
        "holes": settings.holes.kind,
        "image_size": settings.photos.image_size,
        "steps": run.step,
        "metrics": run.validation_figures(),
        "settings": dataclasses.asdict(settings),
        "git_commit": commit(),
        "tfinpaint": __version__,
        "tensorflow": tf.__version__,
        "exported": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "mask": "white (above 127) is hole",
    }


def write_card(path: str, card: dict) -> None:
    """Writes the card of an export to `path`, whose file name is CARD. Raises OSError."""
    atomic.write_text(path, json.dumps(card, indent=1) + "\n")


def read_card(folder: str) -> dict:
    """The card in the version directory of an export.

    Raises: SettingsError, which names `model`, if it cannot be read.
    """
    try:
        with open(os.path.join(folder, CARD), encoding="utf-8") as f:
            return dict(json.load(f))
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"`model={folder!r}`: its {CARD} cannot be read ({type(error).__name__}: "
            f"{first_line(error)}); `export` writes it"
        ) from error


def _hash(variables):
    digest = hashlib.sha256()
    for variable in variables:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()

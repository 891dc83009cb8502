"""model_card.json: what an exported model is, for whoever finds it later."""

import csv
import dataclasses
import datetime
import hashlib
import json
import os
import subprocess

import tensorflow as tf

from tfinpaint.runs import last_step, read_settings, replace_text
from tfinpaint.settings import SettingsError, first_line
from tfinpaint.version import __version__

CARD = "model_card.json"


def describe(run_dir: str, painter) -> dict:
    """The card of a run: system, data, steps, figures, weights, and what it was made with."""
    settings = read_settings(run_dir)
    weights = painter.system.generator.variables
    return {
        "system": settings.system,
        "variant": settings.variant,
        "parameters": sum(v.shape.num_elements() for v in painter.system.generator.trainable_variables),
        "weights": "exponential moving average of the generator's",
        "weights_sha256": _hash(weights),
        "trained_on": settings.photos.source,
        "holes": settings.holes.kind,
        "image_size": settings.photos.image_size,
        "steps": last_step(run_dir),
        "metrics": _metrics(os.path.join(run_dir, "metrics.csv")),
        "settings": dataclasses.asdict(settings),
        "git_commit": commit(),
        "tfinpaint": __version__,
        "tensorflow": tf.__version__,
        "exported": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "mask": "white (above 127) is hole",
    }


def write_card(folder: str, card: dict) -> None:
    replace_text(os.path.join(folder, CARD), json.dumps(card, indent=1) + "\n")


def read_card(folder: str, argument: str = "model") -> dict:
    """The card in the version directory of an export. Raises SettingsError, naming `argument`, where there is none."""
    try:
        with open(os.path.join(folder, CARD), encoding="utf-8") as f:
            return dict(json.load(f))
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"`{argument}={folder!r}`: its {CARD} cannot be read ({type(error).__name__}: {first_line(error)}); `export` "
                            "writes it") from error


def _hash(variables):
    digest = hashlib.sha256()
    for variable in variables:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


def _metrics(path):
    """The figures of the last validation pass, by name, with the step that they are of; None where there was none."""
    if not os.path.isfile(path):
        return None
    with open(path, newline="", encoding="utf-8") as f:
        rows = [row for row in csv.DictReader(f) if row.get("val_psnr")]
    if not rows:
        return None
    figures = {name.removeprefix("val_"): float(value) for name, value in rows[-1].items() if name.startswith("val_") and value}
    return {"step": int(rows[-1]["step"]), **figures}


def commit():
    """Of the checkout that this code runs from, "-dirty" at its end where files were changed; None where the code is installed."""
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        for command in (["ls-files", "--error-unmatch", os.path.basename(__file__)],
                        ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]):
            answer = subprocess.run(["git", "-C", folder, *command], capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        return answer
    except (OSError, subprocess.SubprocessError):
        return None

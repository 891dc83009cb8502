"""Compares the settings of a run directory with those of a run of the study.

    differences("runs/study/NAME/run", run.flags(photos, weights))      # ["bfloat16"]

The steps and phases, how often something is written, and the places of files may differ. running.py
checks steps and phases. The others do not change what is learned.
"""

import json
import os
import subprocess
import sys
from typing import Any, Dict, List

_MAY_DIFFER = {
    "steps",
    "phases",
    "checkpoint_every",
    "log_every",
    "sample_every",
    "eval_every",
    "eval_count",
    "warn_after",
    "source",
}
# Run in a process of its own, because the flags of train are not defined in this command.
_CODE = """
import sys
from absl import flags
import tfinpaint.train
from tfinpaint import settings
flags.FLAGS(sys.argv)
print(settings.to_json(settings.train_settings(flags.FLAGS)))
"""


def differences(run_dir: str, words: List[str]) -> List[str]:
    """The names of the settings in which a run directory differs from these flags of train.

    The list is empty if there is no run yet. Settings that are newer than the run are left out.

    words: the flags.

    Raises: OSError, ValueError or TypeError if the run's settings cannot be read;
        CalledProcessError, with `stderr`, if the flags are not valid.
    """
    try:
        with open(os.path.join(run_dir, "settings.json"), encoding="utf-8") as file:
            there = _flat(json.load(file))
    except FileNotFoundError:
        return []
    said = subprocess.run(
        [sys.executable, "-c", _CODE, *words], check=True, capture_output=True, text=True
    )
    expected = _flat(json.loads(said.stdout))
    return sorted(
        name
        for name in there.keys() & expected.keys() - _MAY_DIFFER
        if there[name] != expected[name]
    )


def _flat(settings: Dict[str, Any]) -> Dict[str, Any]:
    """{name: value} of all settings; for perceptual_weights, whether there are any."""
    flat = {**settings, **settings.get("photos", {}), **settings.get("holes", {})}
    if "perceptual_weights" in flat:
        flat["perceptual_weights"] = flat["perceptual_weights"] != "none"
    return {name: value for name, value in flat.items() if name not in ("photos", "holes")}

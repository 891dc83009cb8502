"""Whether a run directory was made with the settings of a run of the study.

    differences("runs/study/NAME/run", run.flags(photos, weights))      # ["bfloat16"]

Steps, how often something is written, and where files are may differ: all but the first change
nothing that is learnt, and the steps are looked at elsewhere.
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
# in a process of its own, because train's flags are not this command's
_CODE = """
import sys
from absl import flags
import tfinpaint.train
from tfinpaint import settings
flags.FLAGS(sys.argv)
print(settings.to_json(settings.train_settings(flags.FLAGS)))
"""


def differences(run_dir: str, words: List[str]) -> List[str]:
    """The settings of a run directory that are not those of these flags; [] if there is none yet.

    Settings that its code did not have yet are left out.

    Raises: OSError, ValueError or TypeError if its settings cannot be read; CalledProcessError,
    with `stderr`, if the flags cannot.
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
    """All settings by name. Of the feature network's weights, whether there are any."""
    flat = {**settings, **settings.get("photos", {}), **settings.get("holes", {})}
    if "perceptual_weights" in flat:
        flat["perceptual_weights"] = flat["perceptual_weights"] != "none"
    return {name: value for name, value in flat.items() if name not in ("photos", "holes")}

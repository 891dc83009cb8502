"""What a person sets: errors, the records that hold settings, and the flags that become records.

    errors.py       SettingsError, and the words of its messages
    records.py      PhotoSettings, HoleSettings, TrainSettings
    evaluation.py   EvaluationSettings
    table.py        every flag, described once
    flags.py        how commands take flags, make records of them, and say messages in flags

The library needs the first three, which import nothing but Python. Flags (and absl) are imported
when a command first asks for one.
"""

import importlib

from tfinpaint.settings.errors import SettingsError, check_writable, first_line
from tfinpaint.settings.evaluation import DETAIL, PROTOCOLS, EvaluationSettings
from tfinpaint.settings.records import (
    HoleSettings,
    PhotoSettings,
    TrainSettings,
    to_json,
    train_settings_from_json,
)

# Which commands alone need, and the module that has it.
_OF_COMMANDS = {
    **dict.fromkeys(("flags_of_systems", "system_settings", "terms"), "table"),
    **dict.fromkeys(("adopt", "evaluation_settings", "in_flags", "parse_range", "train_settings"),
                    "flags"),
}

__all__ = ["DETAIL", "PROTOCOLS", "EvaluationSettings", "HoleSettings", "PhotoSettings",
           "SettingsError", "TrainSettings", "check_writable", "first_line", "to_json",
           "train_settings_from_json"]


def __getattr__(name):
    if name in _OF_COMMANDS:
        return getattr(importlib.import_module(f"{__name__}.{_OF_COMMANDS[name]}"), name)
    raise AttributeError(f"module 'tfinpaint.settings' has no attribute {name!r}")

"""What a user sets: errors, the records that hold settings, and the flags that become records.

    errors.py       SettingsError, and the words of its messages
    records.py      PhotoSettings, HoleSettings, TrainSettings
    evaluation.py   EvaluationSettings
    table.py        every flag, described once
    flags.py        how commands take flags, turn them into records, and word messages in flags

The library needs the first three, which import nothing but Python. Flags (and absl) are imported
when a command first asks for one.
"""

from typing import Any

from tfinpaint.settings.errors import (
    SettingsError,
    check_utf8,
    check_writable,
    disk_is_full,
    first_line,
    os_reason,
)
from tfinpaint.settings.evaluation import BLENDS, DETAIL, EvaluationSettings, protocols
from tfinpaint.settings.records import (
    MAX_MEGAPIXELS,
    HoleSettings,
    PhotoSettings,
    TrainSettings,
    to_json,
    train_settings_from_json,
)

_OF_COMMANDS = (
    "define_flags",
    "evaluation_settings",
    "flags_of_systems",
    "in_flags",
    "parse_range",
    "parse_resume",
    "system_settings",
    "terms",
    "train_settings",
)

__all__ = [
    "BLENDS",
    "DETAIL",
    "EvaluationSettings",
    "HoleSettings",
    "MAX_MEGAPIXELS",
    "PhotoSettings",
    "SettingsError",
    "TrainSettings",
    "check_utf8",
    "check_writable",
    "disk_is_full",
    "first_line",
    "os_reason",
    "protocols",
    "to_json",
    "train_settings_from_json",
]


def __getattr__(name: str) -> Any:
    if name in _OF_COMMANDS:
        from tfinpaint.settings import flags

        return getattr(flags, name)
    raise AttributeError(f"module 'tfinpaint.settings' has no attribute {name!r}")

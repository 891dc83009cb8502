"""What a user can set: records that hold and check settings, their errors, and the flags.

    errors.py       SettingsError, and how its messages are worded
    records.py      PhotoSettings, HoleSettings, TrainSettings
    evaluation.py   EvaluationSettings
    table.py        every flag, described once
    flags.py        defines flags, turns them into records, and names them in messages
    flagfiles.py    reads flagfiles

The library needs the first three, which import only Python's standard library. Flags (and absl)
are imported when a command first uses them.
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

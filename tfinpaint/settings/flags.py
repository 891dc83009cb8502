"""Command-line flags: how a command takes them, and how they become the library's records.

A command calls `define_flags("system", "steps", ...)` for the flags it takes. Each is defined on
first use and becomes a key flag of that command, so that

  * `--help` of a command lists its own flags, with one text for all commands;
  * two commands can be imported into one program;
  * a program that uses tfinpaint as a library keeps its own flag names.

The library reads no flag and names none. Its records come from `train_settings` and
`evaluation_settings`; its messages name arguments, which `in_flags` turns into flags.
"""

import ast
import dataclasses
import re
from typing import Any, Optional, Sequence, Union

from absl import flags

from tfinpaint.metrics import weights_flags
from tfinpaint.settings.errors import SettingsError
from tfinpaint.settings.evaluation import EvaluationSettings
from tfinpaint.settings.records import HoleSettings, PhotoSettings, TrainSettings
from tfinpaint.settings.table import FLAGS, entry, flags_of_systems, system_settings, terms

flags.disclaim_key_flags()  # key flags belong to the command that takes them

# the flags of arguments that have another name
_OTHER_NAMES = {
    "source": "train_data",
    "kind": "holes",
    "ratio": "hole_ratio",
    "models": "model",
    "grow": "grow_hole",
    "at": "attention_at",
    "url": "server",
    "phase": "phases",
}


def define_flags(*names: str, **texts: str) -> None:
    """Defines the named flags (once in a program) and makes them key flags of the caller.

    texts: further flags by name, with the help that they have in this command.
    """
    for name in (*names, *texts):
        kind, default, text, *bounds = entry(name)
        text = texts.get(name, text)
        if name in flags.FLAGS:
            flags.declare_key_flag(name)
        elif kind == "str":
            flags.DEFINE_string(name, default, text)
        elif kind == "bool":
            flags.DEFINE_bool(name, default, text)
        elif kind == "bare or str":  # --NAME alone is --NAME=true
            parser: Any = flags.ArgumentParser()
            written: Any = flags.ArgumentSerializer()
            flags.DEFINE_flag(flags.Flag(parser, written, name, default, text, boolean=True))
        elif kind == "int":
            low, high = bounds
            flags.DEFINE_integer(name, default, text, lower_bound=low, upper_bound=high)
        elif kind == "float":
            flags.DEFINE_float(name, default, text)
        elif kind in ("range", "whole range"):
            words = None if default is None else [f"{value:g}" for value in default]
            flags.DEFINE_list(name, words, text)
        else:
            flags.DEFINE_enum(name, default, list(kind), text)
        if "Default: " in text:  # --help is not to name the table's beside it
            flags.FLAGS[name].default_as_str = ""


# ------------------------------------------------------------------------ from flags to records


def train_settings(values: Any) -> TrainSettings:
    """The settings of a run, from parsed absl flags or anything with the same attributes."""
    if not values.train_data:
        raise SettingsError(
            "`source` is missing: folder:PATH, shards:PATH, tfds:NAME[:SPLIT] or samples:"
        )
    sizes = {name: getattr(values, name) for name in system_settings()}
    weights = {term: getattr(values, f"weight_{term}") for term in terms()}
    return _record(
        TrainSettings,
        values,
        photos=_record(PhotoSettings, values),
        holes=_record(HoleSettings, values),
        system_settings=_given(sizes),
        loss_weights=_given(weights),
        phases=_phases(values.phases),
    )


def evaluation_settings(values: flags.FlagValues) -> EvaluationSettings:
    """The settings of a table, from parsed absl flags.

    If a flag also serves training, its default is training's and is not used here: only a given
    value counts.
    """

    def given(name):
        return values[name].value if values[name].present else None

    models = "default" if values.model is None else values.model
    weights = {name: getattr(values, name) for name in weights_flags()}
    return _record(
        EvaluationSettings,
        values,
        models=tuple(model.strip() for model in models.split(",") if model.strip()),
        holes=given("holes"),
        image_size=given("image_size"),
        ratio_bins=tuple(_bin(text) for text in (values.ratio_bins or "").split(",") if text),
        detail=given("detail") or EvaluationSettings.detail,
        metric_weights=_given(weights),
    )


def parse_range(name: str, words: Optional[Sequence[str]], number: type = float) -> Optional[tuple]:
    """The two numbers of a flag that is written LO,HI; None stays None."""
    if words is None:
        return None
    try:
        low, high = (number(word) for word in words)
    except ValueError:
        kind = "whole numbers" if number is int else "numbers"
        raise SettingsError(
            f"--{name} is two {kind} separated by a comma. Got {','.join(words)!r}"
        ) from None
    return low, high


def parse_resume(text: Optional[str]) -> Union[bool, int]:
    """What --resume means: whether to go on, or the step to go on from."""
    if text is None or text.lower() in ("false", "f"):
        return False
    if text.lower() in ("true", "t"):
        return True
    if text.isascii() and text.isdigit():
        return int(text)
    raise SettingsError(
        f"--resume stands alone, or is the step of a checkpoint, --resume=STEP. Got {text!r}"
    )


def _record(kind: type, values: Any, **known: Any) -> Any:
    """A record whose fields are `known`, or else come from the flags of their names."""
    fields = {
        field.name: _value(_flag_of(field.name), values)
        for field in dataclasses.fields(kind)
        if field.name not in known
    }
    return kind(**fields, **known)


def _value(name: str, values: Any) -> Any:
    value = getattr(values, name)
    kind = entry(name)[0]
    if kind in ("range", "whole range"):
        return parse_range(name, value, int if kind == "whole range" else float)
    return value


def _given(values: dict) -> tuple:
    return tuple((name, value) for name, value in values.items() if value is not None)


def _phases(text: Optional[str]) -> tuple:
    found = []
    for part in (text or "").split(","):
        name, _, steps = part.strip().partition(":")
        if name and (not steps or steps.isascii() and steps.isdigit()):
            found.append((name, int(steps or 0)))
        elif text:
            raise SettingsError(
                "--phases are NAME:STEPS with commas between; the last needs no steps, as "
                f"completion:90000,critics:10000,both. Got {text!r}"
            )
    return tuple(found)


def _bin(text: str) -> tuple:
    try:
        low, high = map(float, text.split("-"))
    except ValueError:
        raise SettingsError(
            f"--ratio_bins are shares LO-HI with commas between, as 0.1-0.2,0.3-0.4. Got {text!r}"
        ) from None
    return low, high


# ------------------------------------------------------------- from the library's words to flags

_ARGUMENT = re.compile(
    r"`(?P<name>[a-z]\w*)"
    r"(?:\['(?P<key>\w+)'\])?"
    r"(?:=(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^`'\"]+))?`"
)


def in_flags(message: str) -> str:
    """A message of the library in the words of a command.

    "`image_size` is at least 16" -> "--image_size is at least 16", "`kind='box'`" ->
    "--holes=box", "`loss_weights['style']=0`" -> "--weight_style=0". What is no flag's name stays
    as it is, such as `train` and `images`.
    """

    def flag(found: re.Match) -> str:
        name = _flag_of(found["name"])
        if found["key"]:
            name = f"weight_{found['key']}" if name == "loss_weights" else ""
        if not (name in FLAGS or name in flags_of_systems() or name in flags.FLAGS):
            return found[0]
        return f"--{name}" if found["value"] is None else f"--{name}={_written(found['value'])}"

    return _ARGUMENT.sub(flag, message)


def _flag_of(argument: str) -> str:
    return _OTHER_NAMES.get(argument, argument)


def _written(value: str) -> str:
    """A value in Python's notation, as written after a flag: 'a b' -> a b, (1, 2) -> 1,2."""
    if value[0] in "'\"":
        try:
            return ast.literal_eval(value)
        except (SyntaxError, ValueError):  # of a file's name that looks like an argument
            return value
    return value.strip("()").replace(", ", ",")

"""Command-line flags: how a command defines them, and how they become the library's records.

A command calls `define_flags("system", "steps", ...)` for the flags that it takes. Each flag is
defined on first use and becomes a key flag of that command, so that

  * `--help` of a command lists its own flags, with one text for all commands;
  * two commands can be imported into one program;
  * a program that uses tfinpaint as a library keeps its own flag names.

The library reads no flags and names none. `train_settings` and `evaluation_settings` make its
records from flags. Its messages name arguments, which `in_flags` turns into flags.
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

# {argument: its flag}, where the two have different names
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

    names: flags of the table.
    texts: further flags of the table, {name: the help that it has in this command}.

    Raises: KeyError for a flag that is not in the table.
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
        if "Default: " in text:  # --help would otherwise also name the default in the table
            flags.FLAGS[name].default_as_str = ""


# ------------------------------------------------------------------------ from flags to records


def train_settings(values: Any) -> TrainSettings:
    """The settings of a run, from parsed absl flags or an object with the same attributes.

    Raises: SettingsError for a value that is missing or not allowed.
    """
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
    """The settings of `evaluate`, from parsed absl flags.

    Flags that training also has are used only if they are given, because their defaults are those
    of training.

    Raises: SettingsError for a value that is missing or not allowed.
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
    """The two numbers of the flag `name`, written LO,HI; None stays None.

    Raises: SettingsError if they are not two numbers.
    """
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
    """The meaning of --resume: whether to go on, or the step to go on from.

    Raises: SettingsError for another text.
    """
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
    """Makes a record. Its fields are `known`, or come from the flags that belong to their names."""
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
                "--phases are NAME:STEPS, separated by commas; the last needs no steps, as in "
                f"completion:90000,critics:10000,both. Got {text!r}"
            )
    return tuple(found)


def _bin(text: str) -> tuple:
    try:
        low, high = map(float, text.split("-"))
    except ValueError:
        raise SettingsError(
            "--ratio_bins are shares LO-HI, separated by commas, as in 0.1-0.2,0.3-0.4. "
            f"Got {text!r}"
        ) from None
    return low, high


# ------------------------------------------------------------- from the library's words to flags

_ARGUMENT = re.compile(
    r"`(?P<name>[a-z]\w*)"
    r"(?:\['(?P<key>\w+)'\])?"
    r"(?:=(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^`'\"]+))?`"
)


def in_flags(message: str) -> str:
    """A message of the library, in which arguments are replaced by flags.

    "`image_size` is at least 16" -> "--image_size is at least 16", "`kind='box'`" ->
    "--holes=box", "`bfloat16=False`" -> "--nobfloat16", "`loss_weights['style']=0`" ->
    "--weight_style=0". Names that have no flag, such as `train` and `images`, stay unchanged.
    """

    def flag(found: re.Match) -> str:
        name = _flag_of(found["name"])
        if found["key"]:
            name = f"weight_{found['key']}" if name == "loss_weights" else ""
        if not (name in FLAGS or name in flags_of_systems() or name in flags.FLAGS):
            return found[0]
        if found["value"] in ("True", "False"):
            return f"--{name}" if found["value"] == "True" else f"--no{name}"
        return f"--{name}" if found["value"] is None else f"--{name}={_written(found['value'])}"

    return _ARGUMENT.sub(flag, message)


def _flag_of(argument: str) -> str:
    return _OTHER_NAMES.get(argument, argument)


def _written(value: str) -> str:
    """A value in Python's notation as one writes it after a flag: 'a b' -> a b, (1, 2) -> 1,2."""
    if value[0] in "'\"":
        try:
            return ast.literal_eval(value)
        except (SyntaxError, ValueError):  # a file's name that looks like an argument
            return value
    return value.strip("()").replace(", ", ",")

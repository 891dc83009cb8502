"""The result of a run, in RESULTS/NAME.json: a small file that is kept in the repository.

    record = read(folder, name)      # None if there is none
    write(folder, record)

The file of the references (facades-references.json) has their figures by name, and no cost.
"""

import dataclasses
import json
import os
from typing import Any, Dict, List, Optional

from tfinpaint import atomic
from tfinpaint.settings import SettingsError

_DIGITS = 5  # significant digits of a figure


@dataclasses.dataclass(frozen=True)
class Record:
    """The result of a run.

    run:          its name.
    commit:       the commit of the code that measured it; None if that was no repository.
    date:         when it was measured, in UTC.
    tensorflow:   the version of TensorFlow that measured it.
    photographs:  names, in the order of the figures.
    figures:      {block: {column: a value or None for each photograph}}; for references
                  {model: {block: {column: ...}}}.
    minutes:      its cost, in minutes of two cores of the machine in costs.json.
    steps:        the number of steps that it was trained for.
    parameters:   the number of parameters of its generator.

    References have no minutes, steps and parameters: these are 0.
    """

    run: str
    commit: Optional[str]
    date: str
    tensorflow: str
    photographs: List[str]
    figures: Dict[str, Any]
    minutes: float = 0
    steps: int = 0
    parameters: int = 0


def reference_name(data: str) -> str:
    """The name of the record of the references, which need no training, on a set of photographs."""
    return f"{data}-references"


def write(folder: str, record: Record) -> None:
    """Writes the file of a record. It replaces an older one in one step. Figures are rounded."""
    os.makedirs(folder, exist_ok=True)
    content = {k: v for k, v in dataclasses.asdict(record).items() if v is not None and v != 0}
    names, figures = content.pop("photographs"), content.pop("figures")
    content.update(photographs=names, figures=_rounded(figures))
    atomic.write_text(_path(folder, record.run), _text(content) + "\n")


def read(folder: str, name: str) -> Optional[Record]:
    """The record of a run; None if there is none.

    Raises: SettingsError if the file is not one that `write` has made.
    """
    path = _path(folder, name)
    try:
        with open(path, encoding="utf-8") as file:
            return Record(**{"commit": None, **json.load(file)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"--results: {path} is no result of the study: {error}") from None


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.json")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [None if v is None else float(f"{v:.{_DIGITS}g}") for v in value]


def _text(value: Any, indent: str = "") -> str:
    """JSON with a line for each entry of a dictionary, and each list on one line."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    lines = [f"{inner}{json.dumps(name)}: {_text(part, inner)}" for name, part in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"

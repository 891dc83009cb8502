"""Writes the list of photographs that a network was trained on: the author, licence and origin of
each.

    python -m tools.attribution --sources=photos/SOURCES.csv --output=docs/training_photographs.csv

Input:  a table with a row for each photograph and the columns file, split, licence, author, from
        and path (other columns are ignored).
Output: a table with the columns file, author, licence, from, path. It has only the photographs of
        --split, sorted by file. `from` is a public place ("github:OWNER/NAME", "debian:PACKAGE")
        and `path` a file in it. The author is empty if that place does not name one.
"""

import os

from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.big_jobs import tables
from tfinpaint.settings import SettingsError, os_reason
from tfinpaint.wording import counted
from tools.attribution_table import COLUMNS, table

settings.define_flags(output="Table of authors and licences (.csv) to write.")
_SOURCES = flags.DEFINE_string("sources", None, "Table of photographs (.csv) to read.")
_SPLIT = flags.DEFINE_string(
    "split", "train", "Photographs to list: those with this word in the column split."
)


def main():
    output = flags.FLAGS.output
    for name, value in (("sources", _SOURCES.value), ("output", output)):
        if not value:
            raise SettingsError(f"--{name} is missing: a table (.csv) of photographs")
    rows = listed(_SOURCES.value, _SPLIT.value)
    write(rows, output)
    unnamed = [row for row in rows if row["licence"].startswith("CC BY") and not row["author"]]
    if unnamed:
        command.warn(
            f"{counted(len(unnamed), 'photograph')} without an author, whom the licence requires "
            f"to be named ({unnamed[0]['file']}, from {unnamed[0]['from']})"
        )
    authors = {row["author"] for row in rows if row["author"]}
    licences = sorted({row["licence"] for row in rows})
    print(
        f"{counted(len(rows), 'photograph')} of {len(authors)} named authors, "
        f"{len(licences)} licences: {', '.join(licences)}"
    )


def listed(sources: str, split: str) -> list:
    """The rows of one split, {column: text} each, sorted by file.

    Raises: SettingsError if the table cannot be read or lacks a column, if no row belongs to the
        split, if a row has no file, licence or origin, or if a place is a path on somebody's
        machine.
    """
    rows = table(sources, "sources", ("split", *COLUMNS))
    chosen = [{name: row[name] for name in COLUMNS} for row in rows if row["split"] == split]
    if not chosen:
        raise SettingsError(
            f"--split is one of {', '.join(sorted({row['split'] for row in rows}))}. Got {split!r}"
        )
    for row in chosen:
        for name in ("file", "licence", "from"):
            if not row[name]:
                raise SettingsError(f"--sources={sources}: {row['file'] or 'a row'} has no {name}")
        for value in row.values():
            if os.path.isabs(value) or value.startswith(("~", "..")) or ":\\" in value:
                raise SettingsError(
                    f"--sources={sources}: {row['file']} names a place on somebody's machine, "
                    f"{value!r}"
                )
    return sorted(chosen, key=lambda row: row["file"])


def write(rows: list, path: str) -> None:
    """Writes the table under a temporary name and then renames it.

    Raises: SettingsError if it cannot be written.
    """
    try:
        with atomic.replacing(path) as beside, open(beside, "w", newline="", encoding="utf-8") as f:
            writer = tables.dict_writer(f, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SettingsError(f"--output={path} cannot be written: {os_reason(error)}") from error


if __name__ == "__main__":
    command.run(main)

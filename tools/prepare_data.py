"""Prepares a data set for training: reads and resizes each photograph, and stores it in shards.

    python -m tools.prepare_data --photographs=photos/ --output=prepared --shorter_side=350
    python -m tools.prepare_data --photographs=photos/ --output=prepared --licences=SOURCES.csv \\
        -- --direct_num_workers=4 --direct_running_mode=multi_processing
    python -m tfinpaint.train --train_data=shards:prepared --run_dir=runs/mine

The shards are TFRecord files in the form of TensorFlow Datasets. Beside them, manifest.csv has the
SHA-256, size, shard and licence of every photograph, and bad.csv lists those that cannot be read,
with the reason. Arguments after -- are Apache Beam's. If the command is interrupted, the same
command goes on where it ended; the folder gets its name when it is complete. It needs the extra
`beam`: pip install -e '.[beam]'.
"""

import contextlib
import os
import sys
import time
from typing import Dict, List

from absl import flags

from tfinpaint import command, settings
from tfinpaint.big_jobs.arguments import check_beam, split_arguments
from tfinpaint.progress import clock
from tfinpaint.settings import SettingsError
from tfinpaint.wording import counted
from tools import attribution_table

settings.define_flags("max_megapixels", output="Folder to make. It must not be there yet.")
FLAGS = flags.FLAGS
_PHOTOGRAPHS = flags.DEFINE_string("photographs", None, "Folder of photographs, at any depth.")
_SHORTER = flags.DEFINE_integer(
    "shorter_side",
    0,
    "Reduce the shorter side of larger photographs to this many pixels, as --resize of training "
    "does; 0: do not reduce photographs.",
    0,
    65536,
)
_ENCODING = flags.DEFINE_enum(
    "encoding", "png", ["png", "jpeg"], "png keeps every pixel; jpeg takes a third of the space."
)
_PER_SHARD = flags.DEFINE_integer("per_shard", 1000, "Photographs in a shard.", 1, 10**6)
_LICENCES = flags.DEFINE_string(
    "licences",
    None,
    "Table of photographs (.csv) with the columns file, author, licence, from, path, as "
    "tools.attribution writes it.",
)
_BEAM: List[str] = []  # Beam's arguments


def main() -> None:
    output = FLAGS.output
    for name, value in (("photographs", _PHOTOGRAPHS.value), ("output", output)):
        if not value:
            raise SettingsError(f"--{name} is missing: a folder")
    check_beam()
    from tfinpaint.big_jobs import running, shards, shards_finished

    options = running.options_of(_BEAM)
    table = attribution_table.table(_LICENCES.value, "licences") if _LICENCES.value else []
    settings.check_writable("output", os.path.dirname(os.path.abspath(output)))
    start = time.monotonic()
    plan = shards.begin(
        _PHOTOGRAPHS.value,
        output,
        shards.Preparing(_SHORTER.value, _ENCODING.value, _PER_SHARD.value, FLAGS.max_megapixels),
    )
    log = (
        running.workers_log(output) if running.processes(options) > 1 else contextlib.nullcontext()
    )
    with log:
        running.run(lambda pipeline: shards.prepare(pipeline, plan), options)
    found = shards_finished.finish(plan, _licences(table))
    seconds = time.monotonic() - start
    print(
        f"{counted(found['stored'], 'photograph')} in {counted(plan.shards, 'shard')} in "
        f"{clock(seconds)}; {found['bad']} could not be read ({output}/bad.csv)"
    )
    if found["unlicensed"] and table:
        command.warn(f"{counted(found['unlicensed'], 'photograph')} without a licence in the table")


def _licences(table: List[Dict[str, str]]) -> Dict[str, Dict[str, str]]:
    """The rows of a table as {file: {other column: text}}."""
    return {
        row["file"]: {name: row[name] for name in attribution_table.COLUMNS[1:]} for row in table
    }


if __name__ == "__main__":
    sys.argv, _BEAM[:] = split_arguments(sys.argv)
    command.run(main)

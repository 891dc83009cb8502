"""Completes a prepared data set: writes the files that describe its shards, and renames the folder.

    finish(plan, licences={"a.jpg": {"author": "A", "licence": "CC0", "from": "B", "path": "c"}})

Inputs:  a plan whose shards are all made (shards.py).
Outputs: manifest.csv, bad.csv, index.npz (data/photo_shards.py), prepared.json, and the metadata
    that TensorFlow Datasets needs.
"""

import dataclasses
import json
import os
import shutil
from typing import Dict, List

import numpy as np

from tfinpaint import atomic
from tfinpaint.big_jobs import tables
from tfinpaint.big_jobs.shards import DONE, LISTS, SETTINGS, Plan, features, part_path
from tfinpaint.data.photo_shards import INDEX, MANIFEST, SPLIT, VERSION, shard_name
from tfinpaint.settings import SettingsError, os_reason

LICENCE = ("author", "licence", "from", "path")
_COLUMNS = ("sha256", "bytes", "width", "height", "shard", "record", "stored_bytes")
_BAD, _PREPARED = "bad.csv", "prepared.json"


def finish(plan: Plan, licences: Dict[str, Dict[str, str]]) -> Dict[str, int]:
    """Writes the files that describe all shards, and gives the folder its final name.

    licences:  {file: {"author", "licence", "from", "path"}}.

    Returns: {"stored", "bad", "unlicensed": number of photographs}.
    Raises: SettingsError if none could be read, or the folder cannot be written.
    """
    rows: List[dict] = []
    bad: List[list] = []
    for shard in range(plan.shards):
        with open(part_path(plan, DONE, shard), encoding="utf-8") as file:
            part = json.load(file)
        rows += part["rows"]
        bad += part["bad"]
    if not rows:
        raise SettingsError(f"none of the {plan.total} photographs can be read: {bad[0][1]}")
    try:
        _write_manifest(plan, rows, bad, licences)
        _write_index(plan, rows)
        _write_tfds(plan, rows)
        settings = dataclasses.asdict(plan.preparing)
        atomic.write_text(os.path.join(plan.partial, _PREPARED), json.dumps(settings) + "\n")
        os.rename(plan.partial, plan.output)
        # Removed only now, because a process killed before the renaming needs them to continue.
        os.remove(os.path.join(plan.output, SETTINGS))  # it names a folder of this machine
        for name in (LISTS, DONE):
            shutil.rmtree(os.path.join(plan.output, name))
    except OSError as error:
        raise SettingsError(f"{plan.partial} cannot be written: {os_reason(error)}") from None
    unlicensed = sum(not licences.get(row["file"], {}).get("licence") for row in rows)
    return {"stored": len(rows), "bad": len(bad), "unlicensed": unlicensed}


def _write_manifest(plan: Plan, rows: list, bad: list, licences: Dict[str, Dict[str, str]]) -> None:
    columns = ("file", *LICENCE, *_COLUMNS)
    with _new(plan, MANIFEST) as file:
        writer = tables.dict_writer(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({**dict.fromkeys(LICENCE, ""), **licences.get(row["file"], {}), **row})
    with _new(plan, _BAD) as file:
        plain = tables.writer(file)
        plain.writerow(("file", "reason"))
        plain.writerows(bad)


def _new(plan: Plan, name: str):
    return open(os.path.join(plan.partial, name), "w", newline="", encoding="utf-8")


def _write_index(plan: Plan, rows: list) -> None:
    def digests(name):
        return np.frombuffer(bytes.fromhex("".join(row[name] for row in rows)), np.uint8)

    shards = [os.path.join(plan.partial, shard_name(k, plan.shards)) for k in range(plan.shards)]
    np.savez(
        os.path.join(plan.partial, INDEX),
        version=VERSION,
        shard=np.array([row["shard"] for row in rows], np.int32),
        offset=np.array([row["offset"] for row in rows], np.int64),
        length=np.array([row["stored_bytes"] for row in rows], np.int64),
        size=np.array([row["stored_size"] for row in rows], np.int32),  # [N, 2]
        stored=digests("stored").reshape(-1, 32),
        source=digests("sha256").reshape(-1, 32),
        shard_bytes=np.array([os.path.getsize(path) for path in shards], np.int64),
    )


def _write_tfds(plan: Plan, rows: list) -> None:
    """Writes the metadata that TensorFlow Datasets needs to read the folder."""
    import tensorflow_datasets as tfds

    lengths = np.bincount([row["shard"] for row in rows], minlength=plan.shards)
    split = tfds.core.SplitInfo(
        name=SPLIT,
        shard_lengths=lengths.tolist(),
        num_bytes=sum(row["stored_bytes"] for row in rows),
    )
    tfds.folder_dataset.write_metadata(
        data_dir=plan.partial,
        features=features(plan.preparing.encoding),
        split_infos=[split],
        check_data=False,
        description="Photographs, prepared for training by tfinpaint. manifest.csv lists them.",
    )

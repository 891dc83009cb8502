"""Makes a data set of photographs once, for training: verified, resized, in shards of TFRecord.

    plan = begin("photos", "prepared", Preparing(shorter_side=350))
    running.run(lambda pipeline: prepare(pipeline, plan), options)
    finish(plan, licences={})

Inputs:  a folder of photographs, found and read as everywhere in the project (photo/).
Outputs: a folder that TensorFlow Datasets reads (`tfds.builder_from_directory`) and that
    `PhotoShards` reads in any order (data/photo_shards.py has its index): shards, manifest.csv,
    bad.csv, index.npz, prepared.json (the settings).

Photographs are in the order of their names. Shard k has those from k * per_shard on, less the ones
that cannot be read, so the result does not depend on how many workers there are. Everything is made
in OUTPUT.partial, shard by shard; a shard that is there with its record is done. At the end the
folder is renamed. All workers must see the folders.
"""

import csv
import dataclasses
import hashlib
import io
import json
import os
import shutil
import struct
from typing import Any, Dict, Iterator, List, NamedTuple

import numpy as np
from PIL import Image

from tfinpaint import atomic, photo
from tfinpaint import photo_folders as folders
from tfinpaint.data.batches import resized
from tfinpaint.data.photo_shards import (
    INDEX,
    MANIFEST,
    SPLIT,
    UNFINISHED,
    VERSION,
    shard_name,
)
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError, first_line

ENCODINGS = ("png", "jpeg")
LICENCE = ("author", "licence", "from", "path")
_COLUMNS = ("sha256", "bytes", "width", "height", "shard", "record", "stored_bytes")
_QUALITY = 95  # of a JPEG, at full colour resolution
_BAD = "bad.csv"
_LISTS, _DONE, _SETTINGS = "lists", "done", "settings.json"
_PREPARED = "prepared.json"
_HEADER, _FOOTER = 12, 4  # bytes of a TFRecord around its content: length and its sum; a sum


@dataclasses.dataclass(frozen=True)
class Preparing:
    """How photographs are stored.

    shorter_side:    pixels to which the shorter side of a larger photograph is reduced, as training
                     does it; 0: as it is. None is enlarged.
    encoding:        "png" (every pixel kept) or "jpeg".
    per_shard:       photographs in a shard.
    max_megapixels:  of the largest file that is read.
    """

    shorter_side: int = 0
    encoding: str = "png"
    per_shard: int = 1000
    max_megapixels: float = MAX_MEGAPIXELS


class Plan(NamedTuple):
    """What is to be made.

    partial:  the folder in which it is made.
    shards:   how many there will be.
    count:    photographs, whether they can be read or not.
    """

    folder: str
    output: str
    partial: str
    preparing: Preparing
    shards: int
    count: int


def begin(folder: str, output: str, preparing: Preparing) -> Plan:
    """Lists the photographs, or finds the work that was begun.

    Raises: SettingsError if there is nothing to do, or other work was begun there.
    """
    output = output.rstrip("/")
    if os.path.lexists(output):
        raise SettingsError(f"`output={output!r}` is there already: choose another folder")
    names = [folders.inside(path, folder) for path in photo.list_photos(folder)]
    if not names:
        raise SettingsError(f"{folder} has no photographs, whatever their names end in")
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise SettingsError(f"{name} is no UTF-8, which a manifest needs: rename it") from None
    per = preparing.per_shard
    parts = [names[start : start + per] for start in range(0, len(names), per)]
    listing = hashlib.sha256("\n".join(names).encode("utf-8")).hexdigest()
    settings = {"folder": os.path.abspath(folder), "listing": listing}
    settings.update(dataclasses.asdict(preparing))
    partial = output + UNFINISHED
    plan = Plan(folder, output, partial, preparing, len(parts), len(names))
    try:
        if os.path.isfile(os.path.join(partial, _SETTINGS)):
            with open(os.path.join(partial, _SETTINGS), encoding="utf-8") as file:
                begun = json.load(file)
            if begun != settings:
                what = [name for name in settings if begun.get(name) != settings[name]]
                raise SettingsError(
                    f"{partial} was begun with other photographs or settings ({', '.join(what)}): "
                    "remove it, or choose another `output`"
                )
            return plan
        for name in (_LISTS, _DONE):
            os.makedirs(os.path.join(partial, name), exist_ok=True)
        for shard, part in enumerate(parts):
            atomic.write_text(_path(plan, _LISTS, shard), json.dumps(part))
        # the last: where it is, the lists are whole
        atomic.write_text(os.path.join(partial, _SETTINGS), json.dumps(settings))
    except OSError as error:
        raise SettingsError(f"{partial} cannot be written: {error.strerror}") from None
    return plan


def prepare(pipeline: Any, plan: Plan) -> None:
    """Adds the steps that make what is left of the shards."""
    import apache_beam as beam

    left = [k for k in range(plan.shards) if not os.path.isfile(_path(plan, _DONE, k))]
    _ = (
        pipeline
        | "Shards" >> beam.Create(left)
        | "Spread" >> beam.Reshuffle()
        | "Make" >> beam.Map(make_shard, plan)
    )


def finish(plan: Plan, licences: Dict[str, Dict[str, str]]) -> Dict[str, int]:
    """Writes what describes all shards, and gives the folder its name.

    licences:  {file: {"author", "licence", "from", "path"}}.

    Returns: numbers of photographs: "stored", "bad", "unlicensed".
    Raises: SettingsError if none could be read, or the folder cannot be written.
    """
    rows: List[dict] = []
    bad: List[list] = []
    for shard in range(plan.shards):
        with open(_path(plan, _DONE, shard), encoding="utf-8") as file:
            part = json.load(file)
        rows += part["rows"]
        bad += part["bad"]
    if not rows:
        raise SettingsError(f"none of the {plan.count} photographs can be read: {bad[0][1]}")
    try:
        _write_manifest(plan, rows, bad, licences)
        _write_index(plan, rows)
        _write_tfds(plan, rows)
        settings = dataclasses.asdict(plan.preparing)
        atomic.write_text(os.path.join(plan.partial, _PREPARED), json.dumps(settings) + "\n")
        os.rename(plan.partial, plan.output)
        # what the work needed, after that: one that is killed before is begun again
        os.remove(os.path.join(plan.output, _SETTINGS))  # it names a folder of this machine
        for name in (_LISTS, _DONE):
            shutil.rmtree(os.path.join(plan.output, name))
    except OSError as error:
        raise SettingsError(f"{plan.partial} cannot be written: {error.strerror}") from None
    unlicensed = sum(not licences.get(row["file"], {}).get("licence") for row in rows)
    return {"stored": len(rows), "bad": len(bad), "unlicensed": unlicensed}


def features(encoding: str) -> Any:
    """What TensorFlow Datasets is told of a record."""
    import tensorflow_datasets as tfds

    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format=encoding),
            "file": tfds.features.Text(),
        }
    )


def _path(plan: Plan, kind: str, shard: int) -> str:
    return os.path.join(plan.partial, kind, f"{shard:05d}.json")


def make_shard(shard: int, plan: Plan) -> None:
    """Makes one shard, and then the record that it is done.

    Raises: SettingsError if it cannot be written.
    """
    from tensorflow_datasets.core import ExampleWriter, example_serializer, file_adapters

    with open(_path(plan, _LISTS, shard), encoding="utf-8") as file:
        names = json.load(file)
    rows: List[dict] = []
    bad: List[list] = []
    described = features(plan.preparing.encoding)
    serializer = example_serializer.ExampleSerializer(described.get_serialized_info())

    def records() -> Iterator[tuple]:
        for name in names:
            try:
                row, image = _stored(os.path.join(plan.folder, name), plan.preparing)
            except Exception as error:  # whatever it is, it is this photograph's alone
                is_ours = isinstance(error, SettingsError)
                reason = str(error) if is_ours else f"{type(error).__name__}: {first_line(error)}"
                bad.append([name, reason])
                continue
            example = described.encode_example({"image": io.BytesIO(image), "file": name})
            content = serializer.serialize_example(example)
            row.update(file=name, shard=shard, record=len(rows), stored_bytes=len(content))
            row["stored"] = hashlib.sha256(content).hexdigest()
            rows.append(row)
            yield len(rows), content

    path = os.path.join(plan.partial, shard_name(shard, plan.shards))
    try:
        with atomic.replacing(path) as beside:
            ExampleWriter(file_adapters.FileFormat.TFRECORD).write(beside, records())
            for row, offset in zip(rows, _offsets(beside), strict=True):
                row["offset"] = offset
        done = {"rows": rows, "bad": bad}
        atomic.write_text(_path(plan, _DONE, shard), json.dumps(done))
    except Exception as error:  # of TensorFlow's writer too
        raise SettingsError(f"{path} cannot be written: {first_line(error)}") from error


def _stored(path: str, preparing: Preparing):
    """What the manifest says of a photograph, and the photograph as it is stored."""
    found = photo.read_photo(path, preparing.max_megapixels)
    with open(path, "rb") as file:
        content = file.read()
    pixels = found.pixels
    height, width = pixels.shape[:2]
    if 0 < preparing.shorter_side < min(height, width):
        pixels = resized(pixels, preparing.shorter_side)
    encoded = io.BytesIO()
    if preparing.encoding == "png":
        Image.fromarray(pixels).save(encoded, "PNG")
    else:
        Image.fromarray(pixels).save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    row = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "width": width,
        "height": height,
        "stored_size": list(pixels.shape[:2]),
    }
    return row, encoded.getvalue()


def _offsets(path: str) -> Iterator[int]:
    """Where the content of each record of a TFRecord file begins.

    A record is its length (uint64, little endian), a sum of that, the content and a sum of it:
    https://www.tensorflow.org/tutorials/load_data/tfrecord
    """
    with open(path, "rb") as file:
        while header := file.read(_HEADER):
            (length,) = struct.unpack_from("<Q", header)
            yield file.tell()
            file.seek(length + _FOOTER, os.SEEK_CUR)


def _write_manifest(plan: Plan, rows: list, bad: list, licences: Dict[str, Dict[str, str]]) -> None:
    columns = ("file", *LICENCE, *_COLUMNS)
    with _new(plan, MANIFEST) as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({**dict.fromkeys(LICENCE, ""), **licences.get(row["file"], {}), **row})
    with _new(plan, _BAD) as file:
        plain = csv.writer(file, lineterminator="\n")
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
    """What TensorFlow Datasets needs to read the folder."""
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

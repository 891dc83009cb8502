"""Prepares a data set of photographs for training: verified, resized, in shards of TFRecord.

    plan = begin("photos", "prepared", Preparing(shorter_side=350))
    running.run(lambda pipeline: prepare(pipeline, plan), options)
    finish(plan, licences={})                      # shards_finished.py

Inputs:  a folder of photographs, found and read by photo/.
Outputs: a folder that TensorFlow Datasets reads (`tfds.builder_from_directory`) and that
    `PhotoShards` reads in any order (data/photo_shards.py has its index): shards, manifest.csv,
    bad.csv, index.npz, prepared.json (the settings).

Photographs are in the order of their names. Shard k has the per_shard photographs from number
k * per_shard on, without those that cannot be read, so the result does not depend on the number of
workers. Everything is made in OUTPUT.partial, shard by shard. For each finished shard there is a
file in OUTPUT.partial/done. At the end the folder is renamed. All workers must see the folders.
"""

import dataclasses
import hashlib
import io
import json
import os
import struct
from typing import Any, Iterator, List, NamedTuple

from PIL import Image

from tfinpaint import atomic, photo
from tfinpaint.data.batches import resized
from tfinpaint.data.photo_shards import (
    UNFINISHED,
    shard_name,
)
from tfinpaint.photo import folders
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError, first_line, os_reason

ENCODINGS = ("png", "jpeg")
_QUALITY = 95  # of a JPEG, at full colour resolution
LISTS, DONE, SETTINGS = "lists", "done", "settings.json"
# bytes of a TFRecord before its content (the length and its checksum) and after it (a checksum)
_HEADER, _FOOTER = 12, 4


@dataclasses.dataclass(frozen=True)
class Preparing:
    """How photographs are stored.

    shorter_side:    pixels to which the shorter side of a larger photograph is reduced, in the same
                     way as in training; 0: photographs keep their size. None is enlarged.
    encoding:        "png" (every pixel kept) or "jpeg".
    per_shard:       photographs in a shard.
    max_megapixels:  of the largest file that is read.
    """

    shorter_side: int = 0
    encoding: str = "png"
    per_shard: int = 1000
    max_megapixels: float = MAX_MEGAPIXELS


class Plan(NamedTuple):
    """The data set that is to be made.

    folder:     of the photographs.
    output:     the folder of the data set.
    partial:    the folder in which it is made.
    preparing:  how photographs are stored.
    shards:     number of shards.
    total:      number of photographs, including those that cannot be read.
    """

    folder: str
    output: str
    partial: str
    preparing: Preparing
    shards: int
    total: int


def begin(folder: str, output: str, preparing: Preparing) -> Plan:
    """Lists the photographs and begins the work, or finds the work that was begun.

    folder: of the photographs.   output: the folder to make.

    Raises: SettingsError if `output` exists, there are no photographs, or work with other
        photographs or settings was begun there.
    """
    output = output.rstrip("/")
    if os.path.lexists(output):
        raise SettingsError(f"`output={output!r}` is there already: choose another folder")
    try:
        names = [folders.inside(path, folder) for path in photo.list_photos(folder)]
    except SettingsError as error:
        raise SettingsError(f"`photographs={folder!r}`: {error}") from None
    if not names:
        raise SettingsError(
            f"`photographs={folder!r}` has no photographs: no file in it is a picture"
        )
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
        if os.path.isfile(os.path.join(partial, SETTINGS)):
            with open(os.path.join(partial, SETTINGS), encoding="utf-8") as file:
                begun = json.load(file)
            if begun != settings:
                what = [name for name in settings if begun.get(name) != settings[name]]
                raise SettingsError(
                    f"{partial} was begun with other photographs or settings ({', '.join(what)}): "
                    "remove it, or choose another `output`"
                )
            return plan
        for name in (LISTS, DONE):
            os.makedirs(os.path.join(partial, name), exist_ok=True)
        for shard, part in enumerate(parts):
            atomic.write_text(part_path(plan, LISTS, shard), json.dumps(part))
        # Written last: if it exists, the lists are complete.
        atomic.write_text(os.path.join(partial, SETTINGS), json.dumps(settings))
    except OSError as error:
        raise SettingsError(f"{partial} cannot be written: {os_reason(error)}") from None
    return plan


def prepare(pipeline: Any, plan: Plan) -> None:
    """Adds the steps that make the shards which are not finished yet."""
    import apache_beam as beam

    left = [k for k in range(plan.shards) if not os.path.isfile(part_path(plan, DONE, k))]
    _ = (
        pipeline
        | "Shards" >> beam.Create(left)
        | "Spread" >> beam.Reshuffle()
        | "Make" >> beam.Map(make_shard, plan)
    )


def features(encoding: str) -> Any:
    """The description of a record for TensorFlow Datasets. encoding: one of `ENCODINGS`."""
    import tensorflow_datasets as tfds

    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format=encoding),
            "file": tfds.features.Text(),
        }
    )


def part_path(plan: Plan, kind: str, shard: int) -> str:
    return os.path.join(plan.partial, kind, f"{shard:05d}.json")


def make_shard(shard: int, plan: Plan) -> None:
    """Makes one shard, and then the file that marks it as finished.

    Raises: SettingsError if it cannot be written.
    """
    from tensorflow_datasets.core import ExampleWriter, example_serializer, file_adapters

    with open(part_path(plan, LISTS, shard), encoding="utf-8") as file:
        names = json.load(file)
    rows: List[dict] = []
    bad: List[list] = []
    described = features(plan.preparing.encoding)
    serializer = example_serializer.ExampleSerializer(described.get_serialized_info())

    def records() -> Iterator[tuple]:
        for name in names:
            try:
                row, image = _stored(os.path.join(plan.folder, name), plan.preparing)
            except Exception as error:  # any error affects this photograph only
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
        atomic.write_text(part_path(plan, DONE, shard), json.dumps(done))
    except Exception as error:  # TensorFlow's writer has its own classes
        raise SettingsError(f"{path} cannot be written: {os_reason(error)}") from error


def _stored(path: str, preparing: Preparing):
    """The row of the manifest for a photograph, and its encoded bytes."""
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
    """The offset of the content of each record in a TFRecord file.

    A record is its length (uint64, little endian), a checksum of that, the content and a checksum:
    https://www.tensorflow.org/tutorials/load_data/tfrecord
    """
    with open(path, "rb") as file:
        while header := file.read(_HEADER):
            (length,) = struct.unpack_from("<Q", header)
            yield file.tell()
            file.seek(length + _FOOTER, os.SEEK_CUR)

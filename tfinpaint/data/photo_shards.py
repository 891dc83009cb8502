"""Reads the photographs of a data set that `tools.prepare_data` made, in any order.

    photos = PhotoShards("prepared")       # as `open_photos("shards:prepared")`
    photos.read(7)                         # uint8 [H, W, 3]

The folder is a data set of TensorFlow Datasets in TFRecord files, the shards. TFRecord is made for
sequential reading. `index.npz` beside the shards holds the offset of each record, so that any
photograph is read with one seek. So a run sees the photographs in the same order as those of a
folder, and resuming costs nothing.

The index holds, for N photographs in the order of their names:
    shard int32 [N], offset int64 [N], length int64 [N]   of the record, a serialized tf.Example
    size int32 [N, 2]                                     height and width, pixels
    stored uint8 [N, 32]                                  SHA-256 of the record
    source uint8 [N, 32]                                  SHA-256 of the file that it was made from
    shard_bytes int64 [shards], version int

A record that has changed is a damaged photograph: it is named once, and the next one takes its
place.
"""

import csv
import functools
import hashlib
import os
from typing import List, Optional, Set, Tuple

import numpy as np

from tfinpaint import photo
from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.settings import SettingsError, first_line

DATA_SET, SPLIT = "photographs", "train"
INDEX, MANIFEST = "index.npz", "manifest.csv"
VERSION = 1
UNFINISHED = ".partial"  # after the name of a folder that is being made


def shard_name(shard: int, shards: int) -> str:
    """The name that TensorFlow Datasets gives a shard."""
    return f"{DATA_SET}-{SPLIT}.tfrecord-{shard:05d}-of-{shards:05d}"


class PhotoShards(IndexedPhotos):
    """The photographs of a prepared folder.

    folder: its path.   given: how messages name it; by default as a `source`.

    Raises: SettingsError if the folder was not prepared, is not finished, or a shard is missing or
        cut off.
    """

    def __init__(self, folder: str, given: str = ""):
        given = given or f"`source={'shards:' + folder!r}`"
        path = os.path.join(folder, INDEX)
        if not os.path.isfile(path):
            unfinished = os.path.isdir(folder + UNFINISHED) or folder.endswith(UNFINISHED)
            raise SettingsError(
                f"{given}: it is not finished; run the command that began it again to continue"
                if unfinished
                else f"{given}: no such folder, or none that tools.prepare_data made"
            )
        try:
            with np.load(path, allow_pickle=False) as found:
                self._index = {name: found[name] for name in found.files}
            version = int(self._index["version"])
        except MemoryError:
            raise
        except Exception as error:  # each kind of damage raises an exception of its own
            raise SettingsError(f"{given}: {path} cannot be read: {first_line(error)}") from None
        if version != VERSION:
            raise SettingsError(f"{given}: it was made by another version of tools.prepare_data")
        super().__init__(len(self._index["shard"]))
        self.folder = folder
        sizes = self._index["shard_bytes"]
        self._shards = [os.path.join(folder, shard_name(k, len(sizes))) for k in range(len(sizes))]
        for shard, size in zip(self._shards, sizes):
            if not os.path.isfile(shard) or os.path.getsize(shard) != size:
                raise SettingsError(f"{given}: {shard} is missing or was cut off")

    @functools.cached_property
    def names(self) -> List[str]:
        """The names of the original files, as paths in their folder.

        They are read on first use, because a training run does not need them.

        Raises: SettingsError if the manifest cannot be read.
        """
        path = os.path.join(self.folder, MANIFEST)
        try:
            with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
                names = [row["file"] for row in csv.DictReader(file)]
        except (OSError, KeyError, csv.Error) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from None
        if len(names) != len(self):
            raise SettingsError(f"{path} has {len(names)} rows for {len(self)} photographs")
        return names

    def where(self, index: int) -> str:
        """See IndexedPhotos."""
        return f"photograph {index} of {self._shards[self._index['shard'][index]]}"

    def size(self, index: int) -> Optional[Tuple[int, int]]:
        """See IndexedPhotos."""
        height, width = self._index["size"][index].tolist()
        return width, height

    def source(self, index: int) -> bytes:
        """SHA-256 of the file that the photograph was made from."""
        return self._index["source"][index].tobytes()

    def sources(self) -> Set[bytes]:
        """SHA-256 of the files that all photographs were made from."""
        return {digest.tobytes() for digest in self._index["source"]}

    def _pixels(self, index: int) -> np.ndarray:
        import tensorflow as tf

        with open(self._shards[self._index["shard"][index]], "rb", buffering=0) as file:
            length = int(self._index["length"][index])
            record = os.pread(file.fileno(), length, int(self._index["offset"][index]))
        if hashlib.sha256(record).digest() != self._index["stored"][index].tobytes():
            raise SettingsError(
                f"{self.where(index)} is damaged: its record is not the one written"
            )
        example = tf.train.Example.FromString(record)
        encoded = example.features.feature["image"].bytes_list.value[0]
        # The limit on size is the stored size, because it was checked when it was stored.
        size = int(self._index["size"][index].prod(dtype=np.int64))
        return photo.read_photo(self.where(index), (size + 0.5) / 10**6, content=encoded).pixels

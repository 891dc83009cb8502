"""Sources of photographs: a folder, a prepared set, TensorFlow Datasets, or samples.

Purpose: `open_photos("folder:PATH" | "shards:PATH" | "tfds:NAME[:SPLIT]" | "samples:[NAME,...]")`
    returns one of two kinds of object:
    IndexedPhotos photographs that can be read in any order: `len(photos)`, `photos.names`,
                  `photos.read(index)`. It is PhotoFiles for files, and PhotoShards
                  (photo_shards.py) for the shards that tools.prepare_data makes. The base class is
                  in indexed_photos.py.
    PhotoStream   a TFDS split, read from its beginning: `photos.stream(seed, skip)`. It has no
                  length.
Outputs: uint8 RGB, upright, of the size that they have in the file.
Errors: an unusable source raises a `SettingsError` that names the argument. One damaged photograph
    among good ones is no error: it is named once in a warning and recorded in `.unreadable`, and
    the next readable one takes its place.
"""

import importlib.util
import os
from typing import Any, Callable, FrozenSet, List, Optional, Tuple, Union

import numpy as np

from tfinpaint import photo
from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.photo import folders
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError, first_line

SAMPLES = {  # the colour photographs inside the scikit-image package; nothing is downloaded
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "ihc": "ihc.png",
    "motorcycle_left": "motorcycle_left.png",
    "motorcycle_right": "motorcycle_right.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
    "coffee": "coffee.png",
}
# left out of `samples:`, so that a system can be tried on a photograph that it has not seen
HELD_BACK = "coffee"

_KINDS = "folder:PATH, shards:PATH, tfds:NAME[:SPLIT] or samples:[NAME,...]"
_HOW_TO_OBTAIN = {
    "paris": (
        "Paris StreetView is not public: its authors (Context Encoders, Pathak et al. 2016) "
        "send it on request by e-mail"
    ),
    "celeba": (
        "CelebA is on its project page, mmlab.ie.cuhk.edu.hk/projects/CelebA.html; tfds:celeb_a "
        "reads it as well"
    ),
    "places2": (
        "Places2 is on places2.csail.mit.edu; tfds:places365_small reads its small photographs"
    ),
    "imagenet": (
        "ImageNet (ILSVRC 2012) is on image-net.org, after registration; tfds:imagenet2012 reads "
        "the files downloaded from there"
    ),
    "free": (
        "The photographs that the model in the box was trained on are listed with their "
        "authors in docs/training_photographs.csv"
    ),
    "canyon": (
        "Canyon is one class of Places2 (Places365-Standard), which is on places2.csail.mit.edu"
    ),
}


def spread(total: int, count: int) -> List[int]:
    """`count` of the numbers 0 to `total` - 1, evenly spaced, in order; all if there are fewer.

    Of a sorted set in class folders, this chooses some of each class, the same on every machine.
    """
    count = min(count, total)
    return [k * total // count for k in range(count)]


class PhotoFiles(IndexedPhotos):
    """Photographs in files.

    paths: of the files.   names: what messages and tables call them.
    max_megapixels: a larger file counts as unreadable.
    """

    def __init__(self, paths: List[str], names: List[str], max_megapixels: int = MAX_MEGAPIXELS):
        super().__init__(len(paths))
        self.paths, self._names = list(paths), list(names)
        self.max_megapixels = max_megapixels

    @property
    def names(self) -> List[str]:
        """See IndexedPhotos."""
        return self._names

    def where(self, index: int) -> str:
        """The path of the file; see IndexedPhotos."""
        return self.paths[index]

    def size(self, index: int) -> Optional[Tuple[int, int]]:
        """See IndexedPhotos."""
        try:
            return photo.photo_size(self.paths[index])
        except SettingsError:  # the pipeline leaves such files out, with a message
            return None

    def _pixels(self, index: int) -> np.ndarray:
        return photo.read_photo(self.paths[index], self.max_megapixels).pixels


class PhotoStream:
    """One split of a TensorFlow Datasets set, which can only be read from its beginning."""

    def __init__(self, builder: Any, split: str, max_megapixels: int = MAX_MEGAPIXELS):
        self.builder = builder
        self.max_megapixels = max_megapixels
        self.split = split
        self.names: Tuple[str, ...] = ()
        self.unreadable: FrozenSet[str] = frozenset()  # a set of TFDS has no damaged photographs

    def stream(
        self,
        seed: Optional[int] = None,
        skip: int = 0,
        chosen: Optional[Callable[[Any], Any]] = None,
    ) -> Any:
        """tf.data.Dataset of photographs, uint8 [H, W, 3].

        Args:
            seed: None gives the photographs once, in their order. Otherwise they repeat forever, in
                a new order each round (the files are shuffled, and the photographs in a buffer of
                4096).
            skip: how many to leave out at the beginning. They are read from disk but not decoded.
            chosen: a function of a photograph's number, counted after the skipped ones: whether to
                deliver it. Others are not decoded. None delivers all.
        """
        import tensorflow as tf
        import tensorflow_datasets as tfds

        from tfinpaint.data.python_calls import python_call

        config = tfds.ReadConfig(shuffle_seed=seed, add_tfds_id=False)
        encoded = self.builder.as_dataset(
            split=self.split,
            shuffle_files=seed is not None,
            read_config=config,
            decoders={"image": tfds.decode.SkipDecoding()},
        ).map(lambda example: example["image"])
        if seed is not None:
            encoded = encoded.shuffle(4096, seed=seed, reshuffle_each_iteration=True).repeat()
        encoded = encoded.skip(skip)
        if chosen is not None:
            encoded = encoded.enumerate().filter(lambda k, _: chosen(k)).map(lambda _, e: e)
        return encoded.map(
            lambda content: python_call(self._read, [content], tf.uint8, [None, None, 3]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def _read(self, content: bytes) -> np.ndarray:
        """Decodes with photo/: TensorFlow's decoder ignores the orientation and is less exact."""
        name = f"A photograph of {self.builder.info.name}:{self.split}"
        return photo.read_photo(name, self.max_megapixels, content=content).pixels


def open_photos(
    source: str, argument: str = "source", max_megapixels: int = MAX_MEGAPIXELS
) -> Union[IndexedPhotos, PhotoStream]:
    """Opens a source of photographs, in the notation of the flags.

    Args:
        source: "folder:PATH" (any depth), "shards:PATH" (made by tools.prepare_data),
            "tfds:NAME[:SPLIT]" (split "train" if not given; downloaded on first use), "samples:"
            (all of scikit-image's except coffee) or "samples:NAME,NAME".
        argument: the caller's name for the source, for messages.
        max_megapixels: of the largest file that is read.

    Returns:
        IndexedPhotos (PhotoFiles for files) or PhotoStream.

    Raises:
        SettingsError: no such source, folder, sample or set, or nothing in it can be read.
    """
    kind, colon, rest = (source or "").partition(":")
    known = kind in ("folder", "shards", "tfds", "samples")
    if not (colon and known and (rest or kind == "samples")):
        raise SettingsError(f"`{argument}` is {_KINDS}. Got {source!r}")
    given = f"`{argument}={source!r}`"
    if kind == "folder":
        return _open_folder(rest, given, max_megapixels)
    if kind == "shards":
        from tfinpaint.data.photo_shards import PhotoShards  # late: few commands need it

        return PhotoShards(rest, given)
    return (
        _open_samples(rest, given) if kind == "samples" else _open_tfds(rest, given, max_megapixels)
    )


def _open_folder(folder: str, given: str, max_megapixels: int) -> PhotoFiles:
    if not os.path.exists(folder):
        raise SettingsError(f"{given}: there is no such folder{_advice(folder)}")
    if not os.path.isdir(folder):
        raise SettingsError(f"{given} is a file: give the folder that holds the photographs")
    paths = photo.list_photos(folder)
    if not paths:
        raise SettingsError(
            f"{given}: no photograph in it (JPEG, PNG, WebP, TIFF and others, by their content, at "
            "any depth)"
        )
    names = [folders.inside(path, folder) for path in paths]
    photos = PhotoFiles(paths, names, max_megapixels)
    try:
        photos.read(0)
    except SettingsError:
        raise SettingsError(
            f"{given}: none of its {len(paths)} photographs can be read (the first is {paths[0]})"
        ) from None
    return photos


def _advice(folder: str) -> str:
    """How to obtain a paper's data set, if the folder is named like one; otherwise "".

    For example data/paris or data/celeba/train.
    """
    parts = os.path.normpath(folder).lower().split(os.sep)
    for part in parts[-2:]:
        if part in _HOW_TO_OBTAIN:
            return (
                f". {_HOW_TO_OBTAIN[part]}. Any other folder of photographs will do: "
                "`source='folder:PATH'`"
            )
    return ""


def _open_samples(names: str, given: str) -> PhotoFiles:
    chosen = [name.strip() for name in names.split(",") if name.strip()] or [
        name for name in SAMPLES if name != HELD_BACK
    ]
    unknown = [name for name in chosen if name not in SAMPLES]
    if unknown:
        raise SettingsError(
            f"{given}: no sample named {unknown[0]}. There are: {', '.join(sorted(SAMPLES))}"
        )
    package = importlib.util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise SettingsError(f"{given} needs scikit-image: pip install scikit-image")
    folder = os.path.join(package.submodule_search_locations[0], "data")
    photos = PhotoFiles([os.path.join(folder, SAMPLES[name]) for name in chosen], chosen)
    missing = [path for path in photos.paths if not os.path.exists(path)]
    if missing:
        raise SettingsError(
            f"{given}: this version of scikit-image does not hold {missing[0]} (requirements.txt "
            "names one that does)"
        )
    return photos


def _open_tfds(rest: str, given: str, max_megapixels: int) -> PhotoStream:
    name, _, split = rest.partition(":")
    split = split or "train"
    instead = "folder:PATH works on any folder of photographs"
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder(name)
        features = list(builder.info.features or {})
    except Exception as error:
        # An unknown name, no network, a broken installation: TFDS raises a class for each.
        raise SettingsError(
            f"{given}: the set could not be found ({first_line(error)}); {instead}"
        ) from None
    if "image" not in features:
        raise SettingsError(
            f"{given}: this set has no feature named image (it has {', '.join(features)}); "
            f"{instead}"
        )
    try:
        builder.download_and_prepare()
        stream = PhotoStream(builder, split, max_megapixels)
        stream.stream()
    except Exception as error:
        raise SettingsError(
            f"{given}: the set or its split could not be obtained ({first_line(error)}); {instead}"
        ) from None
    return stream

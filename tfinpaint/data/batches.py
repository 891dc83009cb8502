"""The input pipeline: batches of training squares and their holes, and fixed validation squares.

Preprocessing as in the papers (multistage, section 4.2; PhotoSettings): the shorter side is resized
(bicubic with antialiasing), a random or centred square is cut out, half of the squares are
mirrored, and values are scaled to [-1, 1]. If the settings ask for it, the shorter side varies from
square to square, and the colours of each square are jittered first (colors.py).

The seed alone determines the order, each crop, its scale and its colours. The batch of step t is
the same whether the run began at 0 or was resumed at t. With photographs in files, the index is
computed: element i = t * B + b of a run is photograph `shuffle(i mod n)` of round i // n, where n
is the number of photographs. Resuming therefore costs nothing. A TFDS stream is shuffled with the
seed and skipped forward; the skipped part has to be read.

If several processes train one system, each reads its share of every batch (`Share`).
"""

import dataclasses
import functools
import itertools
from types import MappingProxyType
from typing import Callable, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinpaint.data import hole_files
from tfinpaint.data import holes as made_holes
from tfinpaint.data.colors import jittered
from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photos import PhotoStream, open_photos
from tfinpaint.data.python_calls import python_call
from tfinpaint.settings import MAX_MEGAPIXELS, HoleSettings, PhotoSettings, SettingsError

# streams of random numbers, separate from other uses of the seed
_ORDER, _CROP, _COLOR, _ZOOM = 0x0DE2, 0xC209, 0xC0104, 0x2003
_CACHE_BYTES = 2**28  # resized photographs are kept in memory if all of them fit
_FOREVER = 2**40  # steps
_STRIP = 8  # a photograph is cropped to this many times its shorter side


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of every batch that one process reads, and how many of its devices share it.

    first, number:  pictures `first` to `first + number - 1` of each batch.
    pieces:         the number of equal pieces into which the part is split, one after the other.
    """

    first: int
    number: int
    pieces: int = 1


def training_batches(
    photo_settings: PhotoSettings,
    hole_settings: HoleSettings,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    holes_on_device: bool = False,
    photos: Union[IndexedPhotos, PhotoStream, None] = None,
    extra_inputs: Mapping[str, Callable] = MappingProxyType({}),
    image_inputs: Mapping[str, Callable] = MappingProxyType({}),
    share: Optional[Share] = None,
) -> tf.data.Dataset:
    """Endless batches, one per step, beginning with the batch of `start_step`.

    Args:
        photo_settings, hole_settings: what to read and how holes are made.
        batch_size: B. Batches are always full.
        seed: fixes order, crops, mirroring and holes.
        start_step: the first batch is the one that a run from 0 would have at this step.
        holes_on_device: deliver, instead of holes, the seed and step that `holes.holes` needs, for
            a training step that makes its own holes. No effect for mask files, which are read here.
        photos: what `open_photos(photo_settings.source)` returned, if the caller already has it
            (to read `.unreadable` later).
        extra_inputs: {name: function(images, holes)}, delivered in addition to the holes
            (extra_inputs.py).
        image_inputs: {name: function(images)}, delivered in addition to holes or seeds.
        share: the part of each batch to deliver, in pieces: elements then have `number / pieces`
            pictures, and a step takes `pieces` elements. Each picture and hole is the same as at
            its place in the whole batch. None delivers whole batches.

    Returns:
        tf.data.Dataset of (images float32 [B, S, S, 3] in [-1, 1], holes float32 [B, S, S, 1],
        1 = hole). With `holes_on_device`: of (images, int32 [2]), seed and step. If there are
        additional inputs, the third item of each element is a dictionary {name: tensor}.

    Raises:
        SettingsError: a source or bounds that cannot be used; see `open_photos`, `holes.check`,
            `hole_files.file_holes`.
    """
    size = photo_settings.image_size
    from_files = hole_settings.kind.startswith("files:")
    if not from_files:
        made_holes.check(hole_settings, size)
    photos = (
        open_photos(photo_settings.source, max_megapixels=photo_settings.max_megapixels)
        if photos is None
        else photos
    )
    if isinstance(photos, IndexedPhotos):
        try:
            photos.read(0)  # so that an unusable source is found now, not in the first step
        except SettingsError as error:
            raise SettingsError(f"`source={photo_settings.source!r}`: {error}") from None
    steps = tf.data.Dataset.range(start_step, _FOREVER)
    whole = Share(0, batch_size)
    share = share or whole
    pieces = share.pieces
    if holes_on_device and not from_files:
        holes = steps.map(
            lambda step: tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
        )
        if pieces > 1:  # each with the same seed
            holes = holes.flat_map(lambda pair: tf.data.Dataset.from_tensors(pair).repeat(pieces))
    else:
        holes = _parallel_map(steps, _hole_maker(hole_settings, size, batch_size, seed, share))
        if pieces > 1:
            holes = holes.map(
                lambda made: tf.reshape(made, [pieces, -1, size, size, 1])  # [P, B / P, S, S, 1]
            ).unbatch()
    squares = _squares(
        photos, photo_settings, seed, start_step, batch_size, None if share == whole else share
    ).batch(share.number // pieces, drop_remainder=True)

    def to_float(images, holes):
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        more = {name: make(images) for name, make in image_inputs.items()}
        if holes.shape.rank == 4:
            more.update({name: make(images, holes) for name, make in extra_inputs.items()})
        return (images, holes, more) if more else (images, holes)

    batches = tf.data.Dataset.zip((squares, holes)).map(to_float)
    return batches.apply(
        tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    ).prefetch(tf.data.AUTOTUNE)


def names_of_batch(
    photos: Union[IndexedPhotos, PhotoStream], batch_size: int, seed: int, step: int
) -> List[str]:
    """The photographs in the batch of step `step` (from 0), as `training_batches` delivers it.

    Returns: their names; none for a stream, whose photographs have no names.
    """
    if not isinstance(photos, IndexedPhotos):
        return []
    elements = range(step * batch_size, (step + 1) * batch_size)
    return [
        photos.name_of_read(int(_place(tf.constant(k, tf.int64), len(photos), seed)))
        for k in elements
    ]


def evaluation_squares(
    source: str,
    image_size: int,
    count: int,
    argument: str = "source",
    max_megapixels: int = MAX_MEGAPIXELS,
) -> np.ndarray:
    """`count` photographs of a source, or all if there are fewer, as squares.

    Photographs in files are chosen evenly over the sorted set. A TFDS split is already shuffled, so
    its first photographs are taken.

    Args:
        source, argument, max_megapixels: as for `open_photos`.
        image_size: S, side of the squares in pixels.
        count: how many.

    Returns:
        uint8 [N, S, S, 3]. The shorter side is resized to S and the centre is cut out.

    Raises:
        SettingsError: a source that cannot be used, or none of its photographs can be read.
    """
    photos = open_photos(source, argument, max_megapixels)
    squares = [square for _, square in named_squares(photos, image_size, count)]
    if not squares:
        number = f"{len(photos)} " if isinstance(photos, IndexedPhotos) else ""
        raise SettingsError(f"`{argument}={source!r}`: none of its {number}photographs can be read")
    return np.stack(squares)


def named_squares(
    photos: Union[IndexedPhotos, PhotoStream], image_size: int, count: Optional[int] = None
) -> Iterator[Tuple[str, np.ndarray]]:
    """The readable photographs that `open_photos` found, sorted, as centred squares.

    Args:
        photos: what `open_photos` returned.
        image_size: S, side of the squares in pixels.
        count: how many, chosen as by `evaluation_squares`; None: all.

    Yields:
        (name, uint8 [S, S, 3]).
    """
    settings = PhotoSettings("", image_size, resize=image_size, crop="center", mirror=False)
    if isinstance(photos, IndexedPhotos):
        found = photos.read_spread(len(photos) if count is None else count)
    else:
        found = (
            (f"{photos.split} {k}", pixels)
            for k, pixels in enumerate(itertools.islice(photos.stream().as_numpy_iterator(), count))
        )
    for name, pixels in found:
        yield name, cut(resized(pixels, image_size), np.zeros(3, np.float32), settings)


def resized(pixels: np.ndarray, shorter_side: int) -> np.ndarray:
    """Resizes a photograph, uint8 [H, W, 3], to a shorter side of `shorter_side` pixels.

    Bicubic with antialiasing. Of a long strip only the middle is kept: enlarging all of a strip of
    10 x 20000 pixels would take hundreds of megabytes.
    """
    longest = _STRIP * min(pixels.shape[:2])
    top, left = (max(0, side - longest) // 2 for side in pixels.shape[:2])
    pixels = pixels[top : top + longest, left : left + longest]
    height, width = pixels.shape[:2]
    scale = shorter_side / min(height, width)
    new = max(shorter_side, round(width * scale)), max(shorter_side, round(height * scale))
    if new == (width, height):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(new, Image.Resampling.BICUBIC))


def cut(pixels: np.ndarray, numbers: np.ndarray, settings: PhotoSettings) -> np.ndarray:
    """The training square of a resized photograph: uint8 [S, S, 3].

    pixels: uint8 [H, W, 3], both sides at least S.
    numbers: float [3] in [0, 1): row, column, mirror.
    """
    size = settings.image_size
    spare = np.array(pixels.shape[:2]) - size
    top, left = (
        spare // 2
        if settings.crop == "center"
        else np.minimum((numbers[:2] * (spare + 1)).astype(int), spare)
    )
    square = pixels[top : top + size, left : left + size]
    mirrored = settings.mirror and numbers[2] < 0.5
    return np.ascontiguousarray(square[:, ::-1] if mirrored else square)


def _squares(
    photos, settings: PhotoSettings, seed: int, step: int, batch: int, share: Optional[Share]
) -> tf.data.Dataset:
    """Training squares, uint8 [S, S, 3], one by one, from the batch of `step` on.

    share: the part of each batch; None: all of it.
    """
    size, longest = settings.image_size, settings.longest_shorter_side
    if share is None:
        elements = tf.data.Dataset.range(step * batch, _FOREVER)
    else:
        first, end = share.first, share.first + share.number
        elements = tf.data.Dataset.range(step, _FOREVER // batch).flat_map(
            lambda t: tf.data.Dataset.range(t * batch + first, t * batch + end)
        )

    low, high = settings.photo_zoom
    zooms = low < high
    streams = [(_CROP, 3), (_COLOR, 3)] + ([(_ZOOM, 1)] if zooms else [])

    # [6] or [7]: three for the crop, three for the colours and perhaps one for the zoom. They come
    # from separate streams, so that neither jitter nor zoom changes the other numbers.
    def numbers(element):
        pair = tf.stack([tf.constant(seed, tf.int64), element])
        draws = [
            tf.random.stateless_uniform(
                [count], tf.random.experimental.stateless_fold_in(pair, stream), alg="philox"
            )
            for stream, count in streams
        ]
        return tf.concat(draws, 0)

    def finished(pixels, drawn):
        if zooms:
            zoom = low + (high - low) * float(drawn[6])
            pixels = resized(pixels, round(settings.shorter_side * zoom))
        piece = cut(pixels, drawn[:3], settings)
        return (
            jittered(piece, drawn[3:6], settings.color_jitter) if settings.color_jitter else piece
        )

    if isinstance(photos, IndexedPhotos):
        count = len(photos)
        read = _cached(lambda index: resized(photos.read(index), longest), count, longest)

        def square(element):
            return python_call(
                lambda i, n: finished(read(int(i)), n),
                [_place(element, count, seed), numbers(element)],
                tf.uint8,
                [size, size, 3],
            )

        return _parallel_map(elements, square)

    def square_of(pixels, element):
        inputs = [pixels, numbers(element)]
        return python_call(
            lambda p, n: finished(resized(p, longest), n), inputs, tf.uint8, [size, size, 3]
        )

    chosen = None if share is None else lambda k: (k % batch >= first) & (k % batch < end)
    stream = photos.stream(seed, skip=step * batch, chosen=chosen)
    return _parallel_map(tf.data.Dataset.zip((stream, elements)), square_of)


def _place(element: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """The index of the photograph, of `count`, that is element `element`, int64 [], of the run."""
    round_seed = tf.stack([tf.constant(seed ^ _ORDER, tf.int64), element // count])
    return tf.random.experimental.index_shuffle(
        element % count, round_seed, tf.constant(count - 1, tf.int64)
    )


def _cached(read, count: int, shorter: int):
    """`read`, with its results cached in memory if those of all `count` photographs fit.

    The estimate assumes that photographs are at most twice as long as wide.
    """
    return (
        functools.lru_cache(maxsize=None)(read) if count * shorter**2 * 6 <= _CACHE_BYTES else read
    )


def _hole_maker(settings: HoleSettings, size: int, batch_size: int, seed: int, share: Share):
    """A function: step -> the holes of the share, [B, S, S, 1]."""
    part = share.first, share.number
    if settings.kind.startswith("files:"):
        draw = hole_files.file_holes(settings, size)
        return lambda step: draw(seed, step, batch_size, part)
    # Not compiled. Compiled code would be three times as fast, but would delay every start by
    # seconds. This runs only when a CPU trains, whose training step takes a hundred times as long.
    # On a GPU the training step makes its own holes.
    return lambda step: made_holes.holes(seed, step, batch_size, size, settings, part)


def _parallel_map(dataset: tf.data.Dataset, function) -> tf.data.Dataset:
    return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

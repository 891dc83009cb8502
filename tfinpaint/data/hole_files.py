"""Holes from mask files (irregular mask sets), randomly turned, mirrored and enlarged.

Inputs: a mask file or a folder of them (any depth). `settings.mask_is` says what white means.
Output: a function of (seed, step, batch) for `tf.data.Dataset.map`. It returns float32
    [B, S, S, 1], 1 = hole.

The share of missing pixels is measured after resizing and thresholding, and again after turning and
enlarging, so every hole is within the bounds. This runs on the CPU only: reading files and Addons'
`transform` do not compile with XLA.

A set of up to `READ_WHOLE` files is read at the start, and each hole is drawn from the masks within
the bounds. Of a larger set, a sample of files is read at the start, and the others only when they
are drawn: masks are drawn until one is within the bounds. In both cases, each mask within the
bounds is equally likely.
"""

import concurrent.futures
import functools
import itertools
import logging
import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinpaint import addons, photo
from tfinpaint.data import left_out
from tfinpaint.data.photos import spread
from tfinpaint.data.python_calls import python_call
from tfinpaint.settings import HoleSettings, SettingsError

_STREAM = 0xF11E  # a stream of random numbers separate from other uses of (seed, step)
READ_WHOLE = 2000  # files
_LOOKED_AT = 64  # files of a larger set that are read before the run begins
_CACHE_BYTES = 2**28  # for packed masks of a larger set that stay in memory
_PART = 256  # files that are read together
_PROGRESS_SECONDS = 5.0
_log = logging.getLogger("tfinpaint")


def file_holes(settings: HoleSettings, size: int) -> Callable:
    """Reads the mask files and returns a function that draws holes from them.

    Args:
        settings: kind "files:PATH"; bounds; mask_is, mask_rotate, mask_flip, mask_zoom.
        size: side of the holes in pixels. A mask of another size or aspect ratio is resized to it
            by area averaging. Values above photo.THRESHOLD are hole.

    Returns:
        holes(seed, step, batch, part=None) -> float32 [batch, size, size, 1] of 0 and 1. The same
        (seed, step) gives the same holes. With part=(first, number) it makes only these holes of
        the batch. If turning by any angle or enlarging takes a hole out of the bounds, it is only
        mirrored and turned by right angles instead.

    Raises:
        SettingsError: no such path, nothing readable in it, or no mask within the bounds.
    """
    files = MaskFiles(settings, size)
    if len(files.paths) <= READ_WHOLE:
        masks: _Masks = _Whole(files.within_bounds(), size)
    else:
        masks = _Drawn(files)
    low, high = settings.bounds
    zoom_low, zoom_high = settings.mask_zoom
    any_angle = settings.mask_rotate == "any"

    def holes(seed, step, batch: int, part: Optional[Tuple[Any, int]] = None) -> tf.Tensor:
        first, number = part or (0, batch)

        def drawn(count, key):  # [count, number], cut out of the numbers for the whole batch
            numbers = tf.random.stateless_uniform([count, batch], key, alg="philox")
            return tf.slice(numbers, [0, first], [count, number])

        key = tf.random.experimental.stateless_fold_in(
            tf.stack([tf.cast(seed, tf.int32), tf.cast(step, tf.int32)]), _STREAM
        )
        numbers = drawn(6, key)
        tries = numbers[:1]  # [1, B]
        if masks.tries > 1:
            key = tf.random.experimental.stateless_fold_in(key, _STREAM)
            tries = drawn(masks.tries, key)
        plain = python_call(masks.pick, [tries], tf.float32, [number, size, size, 1])
        turns = (
            tf.cast(numbers[1] * 4, tf.int32)
            if settings.mask_rotate != "none"
            else tf.zeros([number], tf.int32)
        )
        flips = (numbers[2:4] < 0.5) & settings.mask_flip
        plain = _turned(plain, turns, flips[0], flips[1])
        if not any_angle and zoom_high == 1:
            return plain
        angles = 2 * np.pi * numbers[4] if any_angle else tf.zeros([number])
        zoom = zoom_low + (zoom_high - zoom_low) * numbers[5]
        moved = _moved(plain, angles, zoom)
        share = tf.reduce_mean(moved, [1, 2, 3], keepdims=True)
        return tf.where((share >= low) & (share <= high), moved, plain)

    return holes


class MaskFiles:
    """The mask files of `settings.kind`, read one by one.

    Args:
        settings, size: as for `file_holes`.
        argument: the caller's name for the bounds, for messages.

    Attributes:
        paths:   of the files, sorted.
        shares:  float [N], the share of missing pixels; nan: not known yet, or unreadable.
        broken:  {index: error} of the files that could not be read so far.

    Raises: SettingsError: no such path, or no file in it.
    """

    def __init__(self, settings: HoleSettings, size: int, argument: str = "ratio"):
        self.settings, self.size = settings, size
        self._argument = argument  # the caller's name for the bounds, for messages
        path = settings.kind[len("files:") :]
        self.given = f"`kind={settings.kind!r}`"
        if not os.path.exists(path):
            raise SettingsError(f"{self.given}: there is no such file or folder")
        self.paths = photo.list_photos(path) if os.path.isdir(path) else [path]
        if not self.paths:
            raise SettingsError(
                f"{self.given}: no mask in it (PNG, BMP, TIFF, JPEG and others, by their content, "
                "at any depth)"
            )
        self.shares = np.full(len(self.paths), np.nan)
        self.broken: Dict[int, SettingsError] = {}
        self._told: Optional[int] = None  # files in `broken` of which `check` has told
        self._lock = threading.Lock()

    def read(self, number: int) -> Optional[np.ndarray]:
        """One mask, packed: uint8 [ceil(S * S / 8)], 1 = hole. None if it cannot be read.

        After `check`, which tells of the files before, a warning says which file is left out.
        """
        if number in self.broken:
            return None
        path, size = self.paths[number], self.size
        try:
            hole, _ = photo.read_hole(path, self.settings.mask_is, self.settings.max_megapixels)
        except Exception as error:  # whatever a decoder raises, only this file is left out
            self._leave_out(
                number,
                error
                if isinstance(error, SettingsError)
                else SettingsError(f"{path}: {type(error).__name__}: {error}"),
            )
            return None
        hole = (
            np.asarray(Image.fromarray(hole).resize((size, size), Image.Resampling.BOX))
            > photo.THRESHOLD
        )
        self.shares[number] = np.count_nonzero(hole) / size**2
        return np.packbits(hole)

    def _leave_out(self, number: int, error: SettingsError) -> None:
        with self._lock:
            if number in self.broken:
                return
            self.broken[number] = error
            count, told = len(self.broken), self._told
        if told is not None:
            left_out.tell("mask", count - told, count, len(self.paths), str(error), self.given)

    def read_all(self, keep: bool) -> List[Optional[np.ndarray]]:
        """Reads every file, and logs the progress.

        keep: whether the masks are returned; otherwise None stands for each.
        """
        masks: List[Optional[np.ndarray]] = []
        said = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # In parts, because a pool holds all results that were not fetched yet.
            for begin in range(0, len(self.paths), _PART):
                part = pool.map(self.read, range(begin, min(begin + _PART, len(self.paths))))
                masks += list(part) if keep else [None for _ in part]
                if time.monotonic() - said > _PROGRESS_SECONDS:
                    said = time.monotonic()
                    _log.info("%s: %d of %d masks read", self.given, len(masks), len(self.paths))
        return masks

    def in_bounds(self, number: int) -> bool:
        """Whether a mask that was read is within the bounds."""
        low, high = self.settings.bounds
        return bool(low <= self.shares[number] <= high)

    def within_bounds(self) -> np.ndarray:
        """Reads all masks. Returns those within the bounds, packed: uint8 [N, ceil(S * S / 8)]."""
        masks = self.read_all(keep=True)
        self.check()
        return np.stack(
            [mask for k, mask in enumerate(masks) if mask is not None and self.in_bounds(k)]
        )

    def check(self) -> None:
        """Logs which of the files that were read are left out.

        Raises: SettingsError if none can be used.
        """
        read = self.shares[~np.isnan(self.shares)]
        tried, broken = read.size + len(self.broken), list(self.broken.values())
        self._told = len(broken)
        # of a large set, only a sample was read
        masks = "masks" if tried == len(self.paths) else "masks looked at"
        if not read.size:
            raise SettingsError(
                f"{self.given}: none of its {tried} {masks} can be read ({broken[0]})"
            )
        if broken:
            _log.warning(
                "%s: %d of %d %s left out that cannot be read, among them: %s",
                self.given,
                len(broken),
                tried,
                masks,
                broken[0],
            )
        low, high = self.settings.bounds
        other = "known" if self.settings.mask_is == "hole" else "hole"
        kept = np.sort(read[(read >= low) & (read <= high)])
        if not kept.size:
            raise SettingsError(
                f"{self.given}: no mask has a share of holes within {low:g},{high:g}; they have "
                f"{read.min():.3g} to {read.max():.3g}. Change `{self._argument}`, or turn white "
                f"round with `mask_is={other!r}`"
            )
        if kept.size < read.size:
            _log.warning(
                "%s: %d of %d %s left out, their share of holes is not within %g,%g (`%s`)",
                self.given,
                read.size - kept.size,
                read.size,
                masks,
                low,
                high,
                self._argument,
            )
        _log.info(
            "%s: %d %s, white is %s (`mask_is`), shares of holes from %.3g over %.3g (median) to "
            "%.3g",
            self.given,
            kept.size,
            masks if tried == len(self.paths) else f"of {tried} {masks} can be used",
            self.settings.mask_is,
            kept[0],
            kept[kept.size // 2],
            kept[-1],
        )


class _Masks:
    """A set of masks from which holes are drawn.

    Attributes:
        tries: how many random numbers `pick` takes for a hole.
    """

    tries = 1

    def pick(self, numbers: np.ndarray) -> np.ndarray:
        """Random numbers, float32 [tries, B] in [0, 1) -> holes, float32 [B, S, S, 1]."""
        raise NotImplementedError


class _Whole(_Masks):
    """Masks in memory, all within the bounds: packed, uint8 [N, ceil(S * S / 8)]."""

    def __init__(self, packed: np.ndarray, size: int):
        self._packed, self._size = packed, size

    def pick(self, numbers):
        count = np.int32(len(self._packed))
        index = np.minimum((numbers[0] * np.float32(count)).astype(np.int32), count - 1)
        return _unpacked(self._packed[index], self._size)


class _Drawn(_Masks):
    """Masks that are read when they are drawn; as many as fit are kept in memory.

    For each hole, the masks of its tries are read until one can be used. (If none can, which
    happens less often than once in a million, the next usable one in the order of the files is
    taken.) If few masks can be used, trying would take long. Then all are read once, and holes are
    drawn from those that can be used.
    """

    tries = 256

    def __init__(self, files: MaskFiles):
        self._files = files
        bytes_each = files.size**2 // 8 + 100
        self._read = functools.lru_cache(maxsize=_CACHE_BYTES // bytes_each)(files.read)
        self._drawn_from = np.arange(len(files.paths))
        found = 0
        for number in spread(len(files.paths), _LOOKED_AT):
            self._read(number)
            found += files.in_bounds(number)
        if found < _LOOKED_AT // 16:
            files.read_all(keep=False)
        files.check()
        if found < _LOOKED_AT // 16:
            low, high = files.settings.bounds
            self._drawn_from = np.flatnonzero((files.shares >= low) & (files.shares <= high))

    def pick(self, numbers):
        count = len(self._drawn_from)
        chosen = np.minimum((numbers * np.float32(count)).astype(np.int64), count - 1)  # [T, B]
        chosen = self._drawn_from[chosen]
        return _unpacked(np.stack([self._first(tries) for tries in chosen.T]), self._files.size)

    def _first(self, numbers):
        """The first of the masks with these indices that can be used, packed."""
        files = self._files
        following = (numbers[-1] + np.arange(1, len(files.paths) + 1)) % len(files.paths)
        for number in itertools.chain(numbers.tolist(), following):
            number = int(number)
            if np.isnan(files.shares[number]):
                self._read(number)
            if files.in_bounds(number):
                mask = self._read(number)
                if mask is not None:
                    return mask
        raise SettingsError(f"{files.given}: none of its masks can be read any more")


def _unpacked(packed: np.ndarray, size: int) -> np.ndarray:
    """Unpacks masks: uint8 [B, ceil(S * S / 8)] -> float32 [B, S, S, 1]."""
    return (
        np.unpackbits(packed, axis=1, count=size**2).reshape(-1, size, size, 1).astype(np.float32)
    )


def _turned(holes, turns, flip_x, flip_y) -> tf.Tensor:
    """Each hole turned counter-clockwise by its number of right angles, then mirrored.

    All shapes stay [B, S, S, 1].
    """

    def where(chosen, yes, no):
        return tf.where(chosen[:, tf.newaxis, tf.newaxis, tf.newaxis], yes, no)

    # A quarter turn is a transposition and a mirroring. One, two and three quarter turns differ in
    # the mirrorings that they need.
    holes = where(turns % 2 == 1, tf.transpose(holes, [0, 2, 1, 3]), holes)
    holes = where(tf.math.logical_xor((turns == 1) | (turns == 2), flip_y), holes[:, ::-1], holes)
    return where(tf.math.logical_xor((turns == 2) | (turns == 3), flip_x), holes[:, :, ::-1], holes)


def _moved(holes, angles, zoom) -> tf.Tensor:
    """Each hole turned by its angle (radians) and enlarged about the centre.

    Pixels from outside the mask are known.
    """
    side = holes.shape[1]
    turn = addons.angles_to_projective_transforms(angles, float(side), float(side))  # [B, 8]
    zero, scale, centre = tf.zeros_like(zoom), 1 / zoom, (side - 1) / 2
    shift = centre * (1 - scale)
    enlarge = tf.stack([scale, zero, shift, zero, scale, shift, zero, zero], axis=1)
    return addons.transform(holes, addons.compose_transforms([turn, enlarge]), "nearest")

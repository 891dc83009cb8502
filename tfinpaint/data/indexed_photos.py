"""The base class of photographs that can be read in any order, by index.

    len(photos), photos.names, photos.read(index), photos.read_spread(count)

Outputs: uint8 RGB, upright, of the size in which they are stored.
Errors: a photograph that cannot be read is named once in a warning and recorded in `.unreadable`,
    and the next readable one takes its place. SettingsError if none can be read.
"""

import collections
import re
import threading
from typing import Dict, Iterator, List, Optional, Tuple

import numpy as np

from tfinpaint.data import left_out
from tfinpaint.settings import SettingsError


class IndexedPhotos:
    """Photographs that can be read in any order. It is thread-safe.

    A subclass defines `names`, `where`, `size` and `_pixels`.

    Args:
        count: how many photographs there are.

    Attributes:
        unreadable: {where: reason} of the photographs that could not be read so far.
        lost: the error of `read` once no photograph can be read; None before.
    """

    def __init__(self, count: int):
        self._count = count
        self.unreadable: Dict[str, str] = {}
        self.lost: Optional[SettingsError] = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> List[str]:
        """The name of each photograph."""
        raise NotImplementedError

    def where(self, index: int) -> str:
        """Where the photograph is, for messages."""
        raise NotImplementedError

    def size(self, index: int) -> Optional[Tuple[int, int]]:
        """Width and height as stored, without decoding; None if they cannot be read."""
        raise NotImplementedError

    def _pixels(self, index: int) -> np.ndarray:
        """The photograph, uint8 [H, W, 3]. Raises: anything, if it cannot be read."""
        raise NotImplementedError

    def read(self, index: int) -> np.ndarray:
        """The photograph at `index`, or the next one that can be read. uint8 [H, W, 3].

        Raises:
            SettingsError: none of the photographs can be read.
        """
        for offset in range(len(self)):
            pixels = self.read_or_none((index + offset) % len(self))
            if pixels is not None:
                return pixels
        self.lost = SettingsError(
            f"none of {len(self)} photographs can be read. The first: "
            f"{self.unreadable[self.where(0)]}"
        )
        raise self.lost

    def name_of_read(self, index: int) -> str:
        """The name of the photograph that `read` gives for `index`.

        It considers the photographs that are known to be unreadable so far.
        """
        places = ((index + offset) % len(self) for offset in range(len(self)))
        good = (place for place in places if self.where(place) not in self.unreadable)
        return self.names[next(good, index)]

    def left_out(self) -> str:
        """The reasons why photographs could not be read, and the number for each, in words."""
        kinds = collections.Counter(
            # without the parts that differ between photographs: name, sizes, the decoder's words
            re.sub(r"[\d.]+", "N", said.replace(where, "").partition(":")[0]).strip()
            for where, said in self.unreadable.items()
        )
        return "; ".join(f"{number} {kind}" for kind, number in kinds.most_common())

    def read_or_none(self, index: int) -> Optional[np.ndarray]:
        """The photograph at `index`, uint8 [H, W, 3], or None if it cannot be read."""
        if self.unreadable and self.where(index) in self.unreadable:
            return None
        try:
            return self._pixels(index)
        except Exception as error:  # whatever a decoder raises, only this photograph is left out
            self._leave_out(self.where(index), error)
            return None

    def read_spread(self, count: int) -> Iterator[Tuple[str, np.ndarray]]:
        """Yields the names and pixels of `count` photographs, spread evenly over all of them.

        If one cannot be read, the next readable one takes its place. There are fewer than `count`
        only if no more can be read.
        """
        count = min(count, len(self))
        tried, found = set(), 0
        for k in range(count):
            for index in range(k * len(self) // count, (k + 1) * len(self) // count):
                tried.add(index)
                pixels = self.read_or_none(index)
                if pixels is not None:
                    found += 1
                    yield self.names[index], pixels
                    break
        for index in range(len(self)):
            if found == count:
                return
            pixels = None if index in tried else self.read_or_none(index)
            if pixels is not None:
                found += 1
                yield self.names[index], pixels

    def _leave_out(self, where: str, error: Exception) -> None:
        said = str(error)
        if not isinstance(error, SettingsError):
            said = f"{where}: {type(error).__name__}"
        with self._lock:
            if where in self.unreadable:
                return
            self.unreadable[where] = said
            count = len(self.unreadable)
        left_out.tell("photograph", count, count, len(self), said)

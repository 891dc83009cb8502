"""What a metric is: a class that measures filled photographs against the originals and names the columns of its figures.

    metric = Lpips("alexnet.npz")                            # reads its files
    metric.check(names, photos)                              # refuses photographs that it cannot measure
    figures = metric.measure(fills, photos, holes)           # of one batch: {column: float [B]}
    metric.measure_set(figures_of_all_batches, photos)       # of all photographs together: {column: float}

Which metrics a table has: tfinpaint/metrics/__init__.py.

Conventions: photographs and fills are uint8 RGB [B, H, W, 3], holes [B, H, W] with 1 = hole. `photos` without a B are a
sequence of uint8 [H, W, 3], maybe of several sizes. A column in % is measured as a share; tables multiply by its scale.
"""

import abc
import dataclasses
import itertools
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

_PIXELS = 2**21  # of a batch; a larger photograph goes alone


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    name:            how files call it.   label: how tables do.
    definition:      one line: what is computed, of which range, colour, window and region.
    unit:            "dB", "%" or "".
    more_is_better:  which way is up.
    region:          "whole" picture, or "hole": the hole's pixels alone.
    """

    name: str
    label: str
    definition: str
    unit: str = ""
    more_is_better: bool = False
    region: str = "whole"

    @property
    def scale(self) -> int:
        """What a measured figure is multiplied by to be in the unit."""
        return 100 if self.unit == "%" else 1

    @property
    def title(self) -> str:
        """The label, and where that is so, that it is of the hole."""
        return self.label + (" in the hole" if self.region == "hole" else "")


class Metric(abc.ABC):
    """Base class of metrics.

    Attributes:
        columns: figures that each photograph has.
        set_columns: figures of all photographs of a block together.
    """

    columns: Sequence[Column] = ()
    set_columns: Sequence[Column] = ()

    @classmethod
    def open(cls, protocol, weights: Optional[str]) -> "Metric":
        """The metric for a table of a `protocols.Protocol`, with the file of weights that the user gave, if any.

        Raises: SettingsError where the file is missing or something else.
        """
        del protocol
        return cls() if weights is None else cls(weights)

    def check(self, names: Sequence[str], photos: Sequence[np.ndarray]) -> None:
        """Raises SettingsError where it cannot measure these photographs. Nothing is filled before."""
        del names, photos  # most can measure any

    @abc.abstractmethod
    def measure(self, fills: np.ndarray, photos: np.ndarray, holes: np.ndarray) -> Dict[str, np.ndarray]:
        """One batch -> {name: [B, ...]}: each of `columns` as float [B], and what `measure_set` wants to have."""

    def measure_set(self, measured: Mapping[str, np.ndarray], photos: Sequence[np.ndarray]) -> Dict[str, float]:
        """A figure for each of `set_columns`.

        measured:  what `measure` gave for all batches of a block, joined: {name: [N, ...]}.
        photos:    the N originals. Blocks with the same photographs give the same object.
        """
        return {}


def batches(photos: Sequence[np.ndarray], most: int) -> Iterator[List[int]]:
    """The numbers of photographs in their order, in batches of one size with at most `most` of them."""
    for (height, width), numbers in itertools.groupby(range(len(photos)), lambda k: photos[k].shape[:2]):
        alike, count = list(numbers), max(1, min(most, _PIXELS // (height * width)))
        yield from (alike[k:k + count] for k in range(0, len(alike), count))


def stack(arrays: Sequence[np.ndarray], numbers: Sequence[int]) -> np.ndarray:
    """Those of these numbers as one array [B, ...]."""
    return np.stack([arrays[k] for k in numbers])

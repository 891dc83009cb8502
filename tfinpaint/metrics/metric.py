"""The base class of metrics. Each measures fills against the originals and names its columns.

    metric = Lpips("alexnet.npz")                          # reads its files
    metric.check(names, photos)                            # raises if it cannot measure them
    measured = metric.measure(fills, photos, holes)        # one batch: {column: float [B]}
    metric.measure_set(measured_of_all_batches, photos)    # all photographs: {column: float}

tfinpaint/metrics/__init__.py lists the metrics that a table has.

Conventions: in `measure`, fills and photographs are uint8 RGB [B, H, W, 3], and holes are [B, H, W]
with 1 = hole. In `check` and `measure_set`, `photos` is a sequence of uint8 [H, W, 3], whose sizes
may differ. A column in per cent is measured as a share; tables multiply it by its scale.
"""

import abc
import dataclasses
import itertools
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

if TYPE_CHECKING:
    from tfinpaint.metrics.protocols import Protocol

_PIXELS = 2**21  # the most in a batch; a larger photograph is a batch of its own


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    name:            its name in files.
    label:           its name in tables.
    definition:      one line: what is computed, over which range, colours, window and region.
    unit:            "dB", "%" or "".
    more_is_better:  whether larger figures are better.
    region:          "whole" picture, or "hole": only the pixels of the hole.
    """

    name: str
    label: str
    definition: str
    unit: str = ""
    more_is_better: bool = False
    region: str = "whole"

    @property
    def scale(self) -> int:
        """The factor that turns a measured figure into the unit."""
        return 100 if self.unit == "%" else 1

    @property
    def title(self) -> str:
        """The label, which also says if the region is the hole."""
        return self.label + (" in the hole" if self.region == "hole" else "")


class Metric(abc.ABC):
    """Base class.

    Attributes:
        columns: the figures of each photograph.
        set_columns: the figures of all photographs of a block taken together.
    """

    columns: Sequence[Column] = ()
    set_columns: Sequence[Column] = ()

    @classmethod
    def open(cls, protocol: "Protocol", weights: Optional[str]) -> "Metric":
        """Makes the metric for a table.

        protocol:  the `protocols.Protocol` of the table.
        weights:   the file given with the metric's flag, or None if it has no flag.

        Raises: SettingsError if the file is missing or is not what the metric needs.
        """
        del protocol
        return cls(*[] if weights is None else [weights])

    def check(self, names: Sequence[str], photos: Sequence[np.ndarray]) -> None:
        """Checks the photographs before anything is filled.

        Raises: SettingsError if the metric cannot measure them.
        """
        del names, photos  # most metrics can measure any

    @abc.abstractmethod
    def measure(
        self, fills: np.ndarray, photos: np.ndarray, holes: np.ndarray
    ) -> Dict[str, np.ndarray]:
        """Measures one batch.

        Returns: {name: [B, ...]} with a float [B] for each of `columns`, and whatever
            `measure_set` needs of each photograph.
        """

    def measure_set(
        self, measured: Mapping[str, np.ndarray], photos: Sequence[np.ndarray]
    ) -> Dict[str, float]:
        """Computes the figures of `set_columns`: {column: float}.

        measured:  what `measure` returned for the batches of a block, joined: {name: [N, ...]}.
        photos:    the N originals; the same object for blocks that share their photographs.
        """
        del measured, photos
        return {}


def batches(photos: Sequence[np.ndarray], most: int) -> Iterator[List[int]]:
    """Yields the indices of photographs, in order, in batches.

    The photographs of a batch have the same size. A batch has at most `most` of them.
    """
    numbers = range(len(photos))
    for (height, width), group in itertools.groupby(numbers, lambda k: photos[k].shape[:2]):
        alike, count = list(group), max(1, min(most, _PIXELS // (height * width)))
        yield from (alike[k : k + count] for k in range(0, len(alike), count))


def stack(arrays: Sequence[np.ndarray], numbers: Sequence[int]) -> np.ndarray:
    """The arrays with these indices as one array, [B, ...]."""
    return np.stack([arrays[k] for k in numbers])

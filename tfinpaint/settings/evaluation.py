"""The settings of a table of `evaluate`, as a frozen dataclass that checks itself."""

import dataclasses
from typing import Optional, Tuple

from tfinpaint.settings.errors import SettingsError
from tfinpaint.settings.records import (
    MAX_MEGAPIXELS,
    WHITE_IS,
    HoleSettings,
    Range,
    TrainSettings,
    check_least,
    check_word,
)

# Whether parts of a hole thicker than 8 pixels get texture from the known part of the photograph,
# and thinner ones its grain.
DETAIL = ("auto", "off")
BLENDS = ("none", "poisson")


def protocols() -> Tuple[str, ...]:
    """The names of all protocols: "default", and those of the systems' papers."""
    from tfinpaint.systems.specification import all_systems  # late: systems import this package

    papers = (name for system in all_systems().values() for name in system.protocols)
    return ("default", *sorted(papers))


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """What is measured, and on which photographs and holes.

    models:       run directories, exports, "default", or the names of references. Differences
                  in the table are to the first.
    data:         "folder:PATH", "shards:PATH", "tfds:NAME[:SPLIT]", "samples:[NAME,...]" or
                  "pairs:PATH".
    holes:        "center", "strokes", "objects" or "files:PATH"; None: the protocol's. Pairs have
                  their own holes.
    protocol:     one of `protocols()`.
    ratio_bins:   shares of missing pixels (LO, HI], each a block of the table; (): the protocol's.
    image_size:   side of the squares, pixels; None: that of the first model that was trained, or
                  256.
    count:        number of photographs, spread evenly over the sorted set; 0: all.
    batch_size:   number of squares that are filled together.
    mask_is:      what white means in mask files: "hole" or "known".
    references:   whether the classical references are also in the table.
    metric_weights: (flag, file of weights) for the metrics that need one; the flags are in
                  tfinpaint.metrics.METRICS. A metric whose file is not given is left out.
    max_megapixels: size of the largest photograph or mask that is read.
    detail:       "off": the networks alone. "auto": with texture, as `inpaint` fills.

    Raises: SettingsError for a value that is not allowed.
    """

    models: Tuple[str, ...]
    data: str
    holes: Optional[str] = None
    protocol: str = "default"
    ratio_bins: Tuple[Range, ...] = ()
    image_size: Optional[int] = None
    count: int = 0
    batch_size: int = TrainSettings.batch_size
    mask_is: str = HoleSettings.mask_is
    references: bool = True
    metric_weights: Tuple[Tuple[str, str], ...] = ()
    detail: str = "off"
    max_megapixels: int = MAX_MEGAPIXELS

    def __post_init__(self):
        kinds = "folder:PATH, shards:PATH, tfds:NAME[:SPLIT], samples:[NAME,...] or pairs:PATH"
        if not self.data:
            raise SettingsError(f"`data` is missing: {kinds}")
        if not self.data.startswith(("folder:", "shards:", "tfds:", "samples:", "pairs:")):
            raise SettingsError(f"`data` is {kinds}. Got {self.data!r}")
        check_word("protocol", self.protocol, protocols())
        check_least(self, count=0, batch_size=1, image_size=16)
        check_word("mask_is", self.mask_is, WHITE_IS)
        check_word("detail", self.detail, DETAIL)
        if not self.models and not self.references:
            raise SettingsError(
                "`models` is missing: run directories, exports, telea, "
                "navier_stokes or mean, with commas between"
            )
        self._check_holes()

    def _check_holes(self) -> None:
        fixed = ("center", "strokes", "objects")
        if self.holes not in (None, *fixed) and not self.holes.startswith("files:"):
            raise SettingsError(
                "`holes` is center, strokes or objects (the fixed sets) or "
                f"files:PATH here. Got {self.holes!r}"
            )
        if self.data.startswith("pairs:") and (self.holes or self.ratio_bins or self.image_size):
            raise SettingsError(
                "`data='pairs:'` brings its own holes and sizes: leave out `holes`, "
                "`ratio_bins` and `image_size`"
            )
        for low, high in self.ratio_bins:
            if not 0 <= low < high < 1:
                raise SettingsError(
                    "`ratio_bins` are shares LO-HI with 0 <= LO < HI < 1, with "
                    f"commas between. Got {low:g}-{high:g}"
                )
        shown = [f"{low:g}-{high:g}" for low, high in self.ratio_bins]
        if len(set(shown)) < len(shown):
            raise SettingsError(f"`ratio_bins` has one bin twice. Got {','.join(shown)}")

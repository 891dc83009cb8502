"""Protocols: what is measured, and on which holes.

This project's own protocol is here. The protocol of a paper is in the folder of its system.

The papers' tables cannot be compared with each other. One measures grey pictures, another colour.
SSIM has windows of 7 or 51 pixels. "L1" is a mean, a sum divided by a sum, or relative. One paper
scores the network's own output, the others the composite. A protocol repeats what its paper and
released code do, so that a figure can be compared with the paper's. Its notes say what is unknown.

    all_protocols()["musical"]              # as --protocol=musical; systems/musical/protocol.py
    tables("musical", "center")             # what the paper publishes
"""

import dataclasses
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

from tfinpaint.data.evaluation_holes import RATIO_BINS
from tfinpaint.metrics.quality import DEFAULT, Measure


class Table(NamedTuple):
    """A table of a paper: its source, the photographs, its columns and its rows.

    rows: (method, block, figures in the order of `columns`), where a block is "center" or a bin of
        shares of missing pixels, as "10-20 %". Units are the paper's: dB, shares, and per cent if
        the column ends in %. The photographs and the trained weights are the paper's own.
    """

    source: str
    photographs: str
    columns: Tuple[str, ...]
    rows: List[tuple]

    def cells(self, row: tuple) -> List[str]:
        """The figures of a row with as many digits as the paper prints."""
        printed = [[f"{row[2 + k]:g}" for row in self.rows] for k in range(len(self.columns))]
        digits = [max(len(text.partition(".")[2]) for text in column) for column in printed]
        return [f"{value:.{n}f}" for value, n in zip(row[2:], digits)]


def by_bin(bins: Sequence[str], methods: Mapping[str, list]) -> List[tuple]:
    """The rows of a table, block by block.

    bins: the blocks.
    methods: {method: for each column, its figures in the order of `bins`}.
    """
    return [
        (method, share, *(column[k] for column in columns))
        for k, share in enumerate(bins)
        for method, columns in methods.items()
    ]


@dataclasses.dataclass(frozen=True)
class Protocol:
    """One way to make a table.

    name, title:   its name, as given with --protocol, and its title in the table's header.
    measures:      the columns; the first of them ranks the photographs whose pictures are shown.
    holes:         "center" or "strokes" (the fixed sets), unless --holes names others.
    center:        side of the centred hole, in 256ths of the picture's side.
    bins:          shares of missing pixels (LO, HI] of the fixed sets, each a block of the table.
    composited:    whether known pixels come from the photograph; otherwise the network's own output
                   is scored everywhere.
    notes:         what a reader of its tables must know.
    published:     {"center" or "strokes": the paper's tables}.
    """

    name: str
    title: str
    measures: Tuple[Measure, ...]
    holes: str = "strokes"
    center: int = 128
    bins: Tuple[Tuple[float, float], ...] = RATIO_BINS
    composited: bool = True
    notes: Tuple[str, ...] = ()
    published: Mapping[str, List[Table]] = dataclasses.field(default_factory=dict)


OWN = Protocol(
    "default",
    "this project's own: the composite in colour, over the whole picture and in the hole",
    # PSNR in the hole comes first, because the first column ranks the photographs that are shown.
    # Over the whole picture, those with the smallest holes would tend to be the best.
    (DEFAULT[4], *DEFAULT[:4], *DEFAULT[5:]),
)


def all_protocols() -> Dict[str, Protocol]:
    """{name: protocol}: this project's own and those of the systems' papers."""
    from tfinpaint.systems.specification import all_systems, imported

    systems = all_systems().values()
    return {
        OWN.name: OWN,
        **{name: imported(path) for system in systems for name, path in system.protocols.items()},
    }


def tables(protocol: str, holes: str) -> List[Table]:
    """The tables that the paper of a protocol publishes for "center" or "strokes"; [] if none."""
    return all_protocols()[protocol].published.get(holes, [])

"""Figures that the papers publish, as they stand in their tables: on their photographs, with their trained weights.

`PUBLISHED[protocol][holes]` is a list of `Table`; `rows` are (method, block, figures in the order of `columns`), where a block is
"center" or the share of missing pixels. Units are the papers': dB, shares, and per cent where the column ends in %.
"""

from typing import List, NamedTuple, Tuple


class Table(NamedTuple):
    """A table of a paper: where it stands, the photographs, its columns and its rows."""

    source: str
    photographs: str
    columns: Tuple[str, ...]
    rows: List[tuple]

    def cells(self, row: tuple) -> List[str]:
        """The figures of a row with as many digits as the paper prints."""
        digits = [max(len(f"{r[2 + k]:g}".partition(".")[2]) for r in self.rows) for k in range(len(self.columns))]
        return [f"{value:.{n}f}" for value, n in zip(row[2:], digits)]


_BINS_4 = ("10-20 %", "20-30 %", "30-40 %", "40-50 %")
_BINS_3 = ("10-20 %", "30-40 %", "50-60 %")


def _by_bin(bins, methods):
    """{method: a list of figures for each column} -> rows, block by block."""
    return [(method, share, *(column[k] for column in columns)) for k, share in enumerate(bins) for method, columns in methods.items()]


PUBLISHED = {
    "musical": {"center": [
        Table("Table 1", "Paris StreetView, 100 photographs", ("SSIM", "PSNR", "L1 %"), [
            ("Context Encoder (at 128 px)", "center", 0.7879, 22.87, 2.943), ("global and local", "center", 0.7925, 23.01, 2.771),
            ("Shift-Net", "center", 0.8292, 23.85, 2.482), ("MUSICAL", "center", 0.8428, 24.42, 2.264)]),
        Table("Table 2", "Places, canyon, 100 photographs", ("SSIM", "PSNR", "L1 %"), [
            ("Context Encoder (at 128 px)", "center", 0.7794, 22.30, 3.157), ("global and local", "center", 0.7886, 20.74, 3.551),
            ("Shift-Net", "center", 0.7944, 21.14, 3.360), ("MUSICAL", "center", 0.8025, 21.84, 3.063)]),
        Table("Table 3", "CelebA, 19,962 photographs", ("SSIM", "PSNR", "L1 %"), [
            ("Context Encoder (at 128 px)", "center", 0.8631, 24.82, 2.208), ("global and local", "center", 0.8776, 24.02, 2.360),
            ("Shift-Net", "center", 0.8796, 25.13, 1.958), ("MUSICAL", "center", 0.9008, 26.64, 1.629)]),
    ]},
    "multistage": {"strokes": [
        Table("Table 4", "Paris StreetView, 100 photographs", ("SSIM", "PSNR", "L1"), _by_bin(_BINS_3, {
            "Pluralistic": [(0.9071, 0.7881, 0.6393), (28.76, 23.70, 19.61), (0.01115, 0.02921, 0.05866)],
            "partial convolution": [(0.8937, 0.8042, 0.6814), (29.75, 25.41, 21.97), (0.01819, 0.02924, 0.04652)],
            "EdgeConnect": [(0.9330, 0.8351, 0.7111), (30.69, 25.35, 21.79), (0.00862, 0.02284, 0.04284)],
            "multistage": [(0.9327, 0.8355, 0.7061), (31.08, 25.81, 22.17), (0.00890, 0.02212, 0.04102)]})),
        Table("Table 4", "CelebA, 2,000 photographs", ("SSIM", "PSNR", "L1"), _by_bin(_BINS_3, {
            "Pluralistic": [(0.9380, 0.8437, 0.7085), (30.65, 24.76, 19.55), (0.00812, 0.02282, 0.05264)],
            "partial convolution": [(0.9261, 0.8533, 0.7431), (31.43, 26.41, 21.83), (0.01310, 0.02277, 0.04209)],
            "EdgeConnect": [(0.9469, 0.8605, 0.7335), (31.17, 25.38, 20.23), (0.00732, 0.02049, 0.04827)],
            "multistage": [(0.9529, 0.8744, 0.7599), (32.42, 26.67, 21.95), (0.00630, 0.01743, 0.03774)]})),
        Table("Table 4", "Places2, 700 photographs", ("SSIM", "PSNR", "L1"), _by_bin(_BINS_3, {
            "Pluralistic": [(0.8916, 0.7521, 0.6027), (27.54, 22.65, 18.89), (0.01299, 0.03284, 0.06266)],
            "partial convolution": [(0.9085, 0.7783, 0.6267), (28.58, 23.69, 20.20), (0.01237, 0.02986, 0.05435)],
            "EdgeConnect": [(0.9081, 0.7796, 0.6352), (28.41, 23.63, 20.18), (0.01250, 0.02999, 0.05465)],
            "multistage": [(0.9101, 0.7852, 0.6359), (28.84, 23.96, 20.41), (0.01245, 0.02863, 0.05232)]})),
    ]},
    "coherent_semantic": {
        "center": [Table("Table 1", "CelebA, 500 photographs", ("L1 %", "L2 %", "SSIM", "PSNR"), [
            ("contextual attention", "center", 2.64, 0.47, 0.882, 23.93), ("Shift-Net", "center", 1.97, 0.28, 0.926, 26.38),
            ("coherent semantic", "center", 1.83, 0.27, 0.931, 26.54)])],
        "strokes": [Table("Table 2", "CelebA, 500 photographs", ("L1 %", "L2 %", "PSNR", "SSIM"), _by_bin(_BINS_4, {
            "partial convolution": [(1.00, 1.46, 2.97, 4.01), (0.12, 0.19, 0.58, 0.76), (31.13, 29.10, 23.46, 22.11),
                                    (0.970, 0.956, 0.897, 0.839)],
            "gated convolution": [(1.00, 1.40, 2.62, 3.26), (0.08, 0.12, 0.44, 0.50), (31.67, 29.83, 24.48, 23.36),
                                  (0.977, 0.964, 0.910, 0.860)],
            "coherent semantic": [(0.72, 0.94, 2.18, 2.85), (0.04, 0.07, 0.37, 0.44), (34.69, 32.58, 25.32, 24.14),
                                  (0.989, 0.982, 0.926, 0.883)]}))],
    },
}


def tables(protocol: str, holes: str) -> List[Table]:
    """What the paper of a protocol publishes for "center" or "strokes"; [] where it publishes nothing."""
    return PUBLISHED.get(protocol, {}).get(holes, [])

"""The evaluation protocol of MUSICAL, and its published figures: `evaluate --protocol=musical`."""

from tfinpaint.metrics.protocols import Protocol, Table
from tfinpaint.metrics.quality import Measure

_PUBLISHED = {
    "center": [
        Table(
            "Table 1",
            "Paris StreetView, 100 photographs",
            ("SSIM", "PSNR", "L1 %"),
            [
                ("Context Encoder (at 128 px)", "center", 0.7879, 22.87, 2.943),
                ("global and local", "center", 0.7925, 23.01, 2.771),
                ("Shift-Net", "center", 0.8292, 23.85, 2.482),
                ("MUSICAL", "center", 0.8428, 24.42, 2.264),
            ],
        ),
        Table(
            "Table 2",
            "Places, canyon, 100 photographs",
            ("SSIM", "PSNR", "L1 %"),
            [
                ("Context Encoder (at 128 px)", "center", 0.7794, 22.30, 3.157),
                ("global and local", "center", 0.7886, 20.74, 3.551),
                ("Shift-Net", "center", 0.7944, 21.14, 3.360),
                ("MUSICAL", "center", 0.8025, 21.84, 3.063),
            ],
        ),
        Table(
            "Table 3",
            "CelebA, 19,962 photographs",
            ("SSIM", "PSNR", "L1 %"),
            [
                ("Context Encoder (at 128 px)", "center", 0.8631, 24.82, 2.208),
                ("global and local", "center", 0.8776, 24.02, 2.360),
                ("Shift-Net", "center", 0.8796, 25.13, 1.958),
                ("MUSICAL", "center", 0.9008, 26.64, 1.629),
            ],
        ),
    ]
}

PROTOCOL = Protocol(
    "musical",
    "MUSICAL, IJCAI 2019, Tables 1-3",
    (
        Measure("psnr", "psnr"),
        Measure("ssim", "ssim"),
        Measure("l1", "l1"),
        Measure("psnr_grey", "psnr", colour="grey"),
        Measure("ssim_grey", "ssim", colour="grey"),
    ),
    holes="center",
    notes=(
        "the released script for Paris StreetView measures grey pictures, as the two columns "
        "marked grey do",
        "the released test takes a random crop along the longer side; here it is the centre",
    ),
    published=_PUBLISHED,
)

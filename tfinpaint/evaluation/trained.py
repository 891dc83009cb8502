"""The figures that need a trained network, as columns of a table: LPIPS for each photograph, FID and U-IDS / P-IDS for a whole block.

The user brings the weights. What would stop the table is told before anything is filled.
"""

import dataclasses
import importlib.util

from tfinpaint.settings import SettingsError


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure that is no `quality.Measure`, with what tables need of one."""

    name: str
    label: str
    definition: str
    unit: str = ""
    scale: int = 1
    more_is_better: bool = False
    region: str = "whole"

    @property
    def title(self) -> str:
        return self.label


class Perceptual:
    """LPIPS with the user's weights. Attributes: column."""

    def __init__(self, path: str):
        from tfinpaint.metrics.lpips import Lpips

        self._lpips = lpips = Lpips(path)
        self.column = Column("lpips", f"LPIPS {lpips.network}", f"learned perceptual distance, version 0.1, {lpips.network} (weights "
                             f"{lpips.fingerprint}), RGB in [-1, 1], whole picture")

    def check(self, blocks):
        """Raises SettingsError for a photograph that is too small."""
        for name, photo in ((n, p) for block in blocks for n, p in zip(block.names, block.photos)):
            if min(photo.shape[:2]) < self._lpips.least:
                raise SettingsError(f"`lpips_weights`: {self.column.label} needs photographs of at least {self._lpips.least} px. Got "
                                    f"{name} of {photo.shape[1]}x{photo.shape[0]}")

    def measure(self, outputs, originals):
        """uint8 [B, H, W, 3] twice -> [B]."""
        return self._lpips(outputs, originals)


class Realism:
    """FID and U-IDS / P-IDS with the user's Inception weights. Attributes: columns."""

    def __init__(self, path: str):
        from tfinpaint.metrics import realism

        if importlib.util.find_spec("sklearn") is None:
            raise SettingsError("`inception_weights`: U-IDS needs scikit-learn, which is not installed: pip install -e .[metrics]")
        self._realism = realism
        self._network = network = realism.Inception(path)
        by = f" ({network.description}, weights {network.fingerprint})"
        self.columns = (
            Column("fid", "FID", "Frechet distance of Inception features to those of the originals, over the whole block" + by),
            Column("u_ids", "U-IDS", "share of originals and results that a linear classifier takes for each other" + by, "%", 100, True),
            Column("p_ids", "P-IDS", "share of results that it calls more real than their own original" + by, "%", 100, True))

    def check(self, blocks):
        """Raises SettingsError for too few photographs."""
        self._realism.check_enough(min(len(block.photos) for block in blocks))

    def features(self, images):
        """uint8 [B, H, W, 3] -> float32 [B, D]."""
        return self._network.features(images)

    def compare(self, real, filled) -> dict:
        """Features [N, D] of originals and results -> a figure for each column."""
        u_ids, p_ids = self._realism.ids(real, filled)
        return {"fid": self._realism.fid(real, filled), "u_ids": u_ids, "p_ids": p_ids}

"""Checks of a run before it begins.

Each check returns a list of warnings, one sentence each. It is empty if nothing looks wrong.
"""

import filecmp
import os
from typing import Dict, List, Union

import numpy as np

from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photo_shards import PhotoShards
from tfinpaint.data.photos import PhotoFiles, PhotoStream, open_photos, spread
from tfinpaint.settings import HoleSettings, TrainSettings
from tfinpaint.systems.base import System

_SIZES = 500  # at most so many photographs, evenly chosen, have their sizes read
_FIRST_BYTES = 2048  # of a file; files that differ here are not compared any further
_DOMINATES = 0.9  # a term with more than this share of the loss gets a warning


def check_photos(settings: TrainSettings, source: Union[IndexedPhotos, PhotoStream]) -> List[str]:
    """Checks the photographs for training and for validation.

    source: what `open_photos` returned for training.
    """
    found = []
    if isinstance(source, IndexedPhotos):
        sizes = [size for size in map(source.size, spread(len(source), _SIZES)) if size]
        small = sum(min(size) < settings.photos.image_size for size in sizes)
        if small:
            found.append(
                f"{small} of {len(sizes)} photographs looked at are smaller than "
                f"`image_size={settings.photos.image_size}`: they are enlarged, and a system "
                "learns their blur"
            )
    if not settings.eval_data:
        return found + ["no `eval_data`: validation uses photographs that are trained on"]
    return found + check_validation(settings, source)


def check_validation(
    settings: TrainSettings, source: Union[IndexedPhotos, PhotoStream]
) -> List[str]:
    """Checks that no photograph for validation is among those for training.

    A thousand files take a tenth of a second, because only files of the same size are compared.

    source: what `open_photos` returned for training.
    """
    if not settings.eval_data or not isinstance(source, (PhotoFiles, PhotoShards)):
        return []
    validation = open_photos(settings.eval_data, "eval_data", settings.photos.max_megapixels)
    if isinstance(source, PhotoFiles) and isinstance(validation, PhotoFiles):
        chosen = spread(len(validation.paths), settings.eval_count)
        paths = [validation.paths[k] for k in chosen]
        both = [os.path.basename(path) for path in _in_both(paths, source.paths)]
    elif isinstance(source, PhotoShards) and isinstance(validation, PhotoShards):
        chosen, sources = spread(len(validation), settings.eval_count), source.sources()
        both = [validation.names[k] for k in chosen if validation.source(k) in sources]
    else:
        return []
    if not both:
        return []
    return [
        f"{len(both)} of {len(chosen)} photographs of `eval_data={settings.eval_data!r}` are in "
        f"`source` too, for example {both[0]}: figures of validation would be too good"
    ]


def _in_both(paths, others):
    """Those of `paths` that are also in `others`, by path or by content.

    A file that cannot be read is never among them. The input pipeline leaves it out and says so.
    """
    sizes = {_bytes(path) for path in paths} - {None}
    # By size and first bytes: in some sets all files have the same size.
    alike: Dict[tuple, List[str]] = {}
    for path in paths:
        alike.setdefault(_beginning(path), []).append(path)
    found = set()
    for other in others:
        if _bytes(other) in sizes:
            found.update(p for p in alike.get(_beginning(other), ()) if _same(p, other))
    return [path for path in paths if path in found]


def _bytes(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return None


def _beginning(path):
    """The size and first bytes of a file; of a file that cannot be read, its path."""
    try:
        with open(path, "rb", buffering=0) as file:
            return os.fstat(file.fileno()).st_size, file.read(_FIRST_BYTES)
    except OSError:
        return (path,)


def _same(path, other):
    try:
        return os.path.samefile(path, other) or filecmp.cmp(path, other, shallow=False)
    except OSError:
        return False


def check_holes(settings: HoleSettings, shares: np.ndarray) -> List[str]:
    """Checks holes by their shares of missing pixels, [N] in [0, 1]."""
    low, high = settings.bounds
    found, beyond = [], int(np.sum((shares < low - 1e-6) | (shares > high + 1e-6)))
    if beyond:
        found.append(
            f"{beyond} of {len(shares)} holes have a share of missing pixels beyond "
            f"{low:g},{high:g} (`ratio`): {shares.min():.3g} to {shares.max():.3g}"
        )
    if settings.kind.startswith("files:") and shares.mean() > 0.5:
        other = "known" if settings.mask_is == "hole" else "hole"
        found.append(
            f"`kind={settings.kind!r}`: {shares.mean():.0%} of the pixels are missing, which is a "
            f"lot: is the polarity right? `mask_is={other!r}` flips it"
        )
    return found


def check_loss(system: System, terms: Dict[str, float]) -> List[str]:
    """Checks the weighted terms of a system's loss at the first step, {name: value}."""
    reconstruction = {term.name for term in system.specification.terms if term.reconstruction}
    total = sum(abs(value) for value in terms.values())
    return [
        f"the {name} term is {abs(value) / total:.0%} of the loss at the first step: a lower "
        f"`loss_weights[{name!r}]` leaves room for the others"
        for name, value in terms.items()
        if name not in reconstruction and abs(value) > _DOMINATES * total
    ]


def check_time(
    settings: TrainSettings, system: System, seconds: float, device_type: str
) -> List[str]:
    """Checks whether the run takes days on a processor.

    seconds: time per step.
    device_type: "CPU" or "GPU".
    """
    full = system.specification.defaults["width"]
    if device_type == "GPU" or system.width < full or settings.steps * seconds < 86400:
        return []
    return [
        f"no GPU for {settings.system} at its full width ({system.width}), and the run takes days: "
        "a smaller `width`, `image_size` or `batch_size`, or fewer `steps`, take less"
    ]

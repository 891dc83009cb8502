"""Pairs photographs with their masks and outputs.

    find_jobs("photos", "masks", "filled") -> [Job("photos/a.jpg", "masks/a.png", "filled/a.jpg",
                                                   "filled/a")]

The mask of NAME.jpg is NAME.png or NAME_mask.png, with any ending of a picture. An output keeps the
name of its photograph (output_names.py). All pairs are found, and checked, before the first
photograph is read.
"""

import itertools
import os
import unicodedata
from typing import Container, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from tfinpaint import output_names, settings
from tfinpaint.photo import (
    PHOTO_ENDINGS,
    check_photo_path,
    folders,
    list_photos,
    writable_endings,
)
from tfinpaint.settings import SettingsError

ALPHA = "alpha"  # as a mask: the alpha channel of the photograph


class Job(NamedTuple):
    """Paths of one photograph, its mask and its result.

    image:  the photograph.
    mask:   its mask, or `ALPHA`.
    output: the path of the result, as messages name it.
    fills:  the files that are written, several with `samples`.
    beside: how the paths of the pictures beside the result begin (attention, edges).
    """

    image: str
    mask: str
    output: str
    fills: Sequence[str]
    beside: str = ""


def find_jobs(
    image: str,
    mask: str,
    output: str,
    samples: Optional[int] = None,
    others: Sequence[str] = (),
) -> List[Job]:
    """Finds the photographs, and pairs them with their masks and outputs.

    image, mask, output:  the flags of `inpaint`.
    samples:              how many fills of each photograph are written; None or 0: one, without a
                          number in its name.
    others:               further files that are read, which must not be overwritten.

    Raises: SettingsError, before anything is read, if a file is missing, a photograph has no mask
        or two, the output cannot be written, or it would overwrite a file that is read.
    """
    for name, path in (("image", image), ("mask", mask)):
        if path != ALPHA and not os.path.exists(path):
            raise SettingsError(f"`{name}={path!r}` does not exist")
    if os.path.isdir(image):
        threes = _folder_jobs(image, mask, output)
    elif mask != ALPHA and os.path.isdir(mask):
        raise SettingsError(f"`mask` is one file where `image` is one. Got the folder {mask}")
    else:
        check_photo_path(output, "output")
        threes = [(image, mask, output)]
    images, masks, outputs = zip(*threes)
    beside = output_names.beginnings(outputs, {*images, *masks, *others})
    fills = output_names.numbered(outputs, samples) if samples else [[path] for path in outputs]
    jobs = [Job(*three, paths, name) for three, paths, name in zip(threes, fills, beside)]
    _check_nothing_is_overwritten(jobs, others)
    if os.path.isdir(image) and os.path.realpath(image) == os.path.realpath(output):
        raise SettingsError(
            f"`output={output!r}` is `image={image!r}`: the next run would take results for "
            "photographs"
        )
    return jobs


def masks_by_name(paths: Sequence[str], folder: str) -> Dict[str, str]:
    """Masks by name: {path inside the folder, without the ending: path}.

    paths:  of all masks, inside `folder`.

    Raises: SettingsError if two have the same name.
    """
    masks: Dict[str, str] = {}
    for path in paths:
        name = name_of(path, folder)
        other = masks.setdefault(name, path)
        if other != path:
            raise SettingsError(f"`mask={folder!r}` has two masks for {name}: {other} and {path}")
    return masks


def mask_of(name: str, masks: Dict[str, str], photos: Container[str]) -> Optional[str]:
    """The mask of the photograph with this name (without an ending), or None.

    masks:   as `masks_by_name` returns them.
    photos:  names of all photographs, without an ending.

    Unicode's composed and decomposed forms of a name count as the same: some systems store an
    accent as a separate character.

    Raises: SettingsError if there are two, NAME and NAME_mask. If a photograph is called NAME_mask,
        that mask is its own, and NAME is the mask of NAME.
    """
    forms = [name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]
    own, marked = (
        next((masks[form + end] for form in forms if form + end in masks), None)
        for end in ("", "_mask")
    )
    if own and marked and name + "_mask" not in photos:
        raise SettingsError(f"`mask` has two masks for {name}: {own} and {marked}")
    return own or marked


def name_of(path: str, folder: str) -> str:
    """The path inside the folder, without its ending."""
    return folders.stem(folders.inside(path, folder))


def _check_nothing_is_overwritten(jobs: List[Job], others: Sequence[str]) -> None:
    """Raises SettingsError if an output is a photograph, a mask or another file of the run."""
    there: Set[Tuple[int, int]] = set()
    for job in jobs:
        for path in job.fills:
            there.update(_identity(path))
    if there:
        pairs = ((job.image, job.mask) for job in jobs)
        for path in itertools.chain(others, itertools.chain.from_iterable(pairs)):
            if path != ALPHA and there.intersection(_identity(path)):
                raise SettingsError(f"`output` would overwrite {path}: choose another place")


def _identity(path: str) -> List[Tuple[int, int]]:
    """What identifies a file, whatever path leads to it; empty if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [(status.st_dev, status.st_ino)]


def _folder_jobs(image: str, mask: str, output: str) -> List[Tuple[str, str, str]]:
    """Paths of each photograph, its mask and its output."""
    if output.lower().endswith(PHOTO_ENDINGS):
        raise SettingsError(f"`image` is a folder, so `output` is a folder too. Got {output}")
    settings.check_writable("output", output)
    if _inside(output, image):
        raise SettingsError(
            f"`output={output!r}` lies in `image={image!r}`: the next run would take results for "
            "photographs"
        )
    photos = list_photos(image)
    masks = None
    if mask != ALPHA and os.path.isdir(mask):
        # NAME.png beside NAME_mask.png: the masks are not photographs to fill
        if os.path.samefile(image, mask):
            masks = masks_by_name([p for p in photos if name_of(p, image).endswith("_mask")], mask)
            photos = [path for path in photos if name_of(path, image) not in masks]
        else:
            masks = masks_by_name(list_photos(mask), mask)
            if _inside(mask, image):
                photos = [path for path in photos if not _inside(path, mask)]
    elif mask != ALPHA:
        photos = [path for path in photos if not os.path.samefile(path, mask)]
    if not photos:
        raise SettingsError(f"`image={image!r}` has no photographs: no file in it is a picture")
    partners: List[str] = []
    lacking: List[str] = []
    names = [name_of(path, image) for path in photos]
    of_photos = set(names)
    for path, name in zip(photos, names):
        partner = mask if masks is None else mask_of(name, masks, of_photos)
        if partner is None:
            lacking.append(folders.inside(path, image))
        else:
            partners.append(partner)
    if lacking:
        some = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise SettingsError(
            f"`mask={mask!r}` has no mask for {len(lacking)} of {len(photos)} photographs (the "
            f"mask of NAME.jpg is NAME.png or NAME_mask.png, with any of the endings): {some}"
        )
    to = output_names.outputs(
        [folders.inside(path, image) for path in photos],
        writable_endings(),
        lambda path: folders.ending_of(os.path.join(image, path)),
    )
    return list(zip(photos, partners, (os.path.join(output, name) for name in to)))


def _inside(path: str, folder: str) -> bool:
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path != folder and os.path.commonpath([path, folder]) == folder

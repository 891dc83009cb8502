"""Which photograph is filled with which mask, decided inside the pipeline, for any number of them.

    jobs, bad = listed(pipeline, Source.of("gs://a/photos/**", "gs://a/masks/**"), "gs://a/filled")

Photographs and masks are found by globs, or come from a list. Those whose names can have to do with
each other are brought together, and names are decided there as `inpaint` decides them (jobs.py,
output_names.py): an output has the name that `inpaint` would give it.

A bad row is (photograph, mask, reason).
"""

import csv
import dataclasses
import os
import unicodedata
from typing import Dict, Iterator, List, Optional, Tuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from tfinpaint import output_names
from tfinpaint.big_jobs import files
from tfinpaint.jobs import ALPHA, Job, mask_of, masks_by_name
from tfinpaint.photo import folders, writable_endings
from tfinpaint.settings import SettingsError

BAD = "bad"
COUNTERS = "big job"
_NO_UTF8 = "its name is no UTF-8, which a pipeline cannot carry: rename it"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where photographs and masks are: a list, or globs.

    images, masks:  globs; `masks` is empty if there is one mask for all.
    one_mask:       a file that is the mask of all photographs, or "alpha".
    listed:         a file with a photograph and its mask in each line, with a comma between (CSV).
                    Paths in it that are not absolute begin at its folder.
    """

    images: str = ""
    masks: str = ""
    one_mask: Optional[str] = None
    listed: str = ""

    @classmethod
    def of(cls, image: str, mask: str) -> "Source":
        """What `inpaint` would take by these words: a folder or a glob of photographs; a folder or
        a glob of masks, a file (elsewhere: what ends like a picture) or "alpha"."""
        is_file = (
            os.path.isfile(mask)
            if files.is_local(mask)
            else os.path.splitext(mask)[1].lower() in folders.ENDINGS and files.exists(mask)
        )
        if mask == ALPHA or is_file:
            return cls(files.as_pattern(image), one_mask=mask)
        return cls(files.as_pattern(image), files.as_pattern(mask))

    @property
    def image_folder(self) -> str:
        """The folder in which photographs are found, with a slash at its end."""
        return files.fixed_part(self.images)

    @property
    def mask_folder(self) -> str:
        """The folder in which masks are found, with a slash at its end."""
        return files.fixed_part(self.masks)


def listed(pipeline, source: Source, output: str):
    """The jobs of a source and its bad rows, two collections of a pipeline.

    output:  the folder for the filled photographs.
    """
    masks, bad = None, []
    if source.listed:
        rows = (
            pipeline
            | "List" >> beam.io.ReadFromText(source.listed)
            | "Rows" >> beam.FlatMap(_row, source.listed).with_outputs(BAD, main="rows")
        )
        photos = rows.rows
        bad.append(rows[BAD])
    else:
        photos, unreadable = _found(pipeline, "Photographs", source.images)
        bad.append(unreadable)
        if source.one_mask:
            photos = photos | "Mask" >> beam.Map(_with_mask, source.one_mask)
        elif source.masks != source.images:
            masks, unreadable = _found(pipeline, "Masks", source.masks)
            bad.append(unreadable)
            inside, within = source.mask_folder, source.image_folder
            if inside != within and inside.startswith(within):
                photos = photos | "NoMasks" >> beam.Filter(lambda p: not p[1].startswith(inside))
    if masks is None:
        masks = pipeline | "NoMaskFiles" >> beam.Create([])
    pairs = (
        {
            "photos": photos | "KeyPhotographs" >> beam.Map(_keyed),
            "masks": masks | "KeyMasks" >> beam.Map(_keyed),
        }
        | "Together" >> beam.CoGroupByKey()
        | "Pair"
        >> beam.FlatMap(_paired, source, output.rstrip("/") + "/").with_outputs(BAD, main="jobs")
    )
    return pairs.jobs, [*bad, pairs[BAD]] | "Unpaired" >> beam.Flatten()


def _found(pipeline, name: str, pattern: str):
    """(name inside the glob's folder, path, None) of each picture that matches; and bad rows."""
    matched = (
        pipeline
        | f"{name}Pattern" >> beam.Create([pattern])
        | f"{name}Match" >> beam.FlatMap(_matched).with_outputs(BAD, main="paths")
    )
    pictures = (
        matched.paths
        # looked at by all workers, not by the one that listed them
        | f"{name}Spread" >> beam.Reshuffle()
        | f"{name}Look" >> beam.FlatMap(_picture, files.fixed_part(pattern))
    )
    return pictures, matched[BAD]


def _matched(pattern: str):
    for path in files.match(pattern):
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            shown = path.encode("utf-8", "replace").decode("utf-8")
            yield beam.pvalue.TaggedOutput(BAD, (shown, "", _NO_UTF8))
        else:
            yield path


def _picture(path: str, folder: str):
    ending = os.path.splitext(path)[1].lower()
    if ending in folders.ENDINGS or folders.is_picture(files.head(path)):
        yield path[len(folder) :], path, None
    else:
        Metrics.counter(COUNTERS, "passed_over").inc()


def _with_mask(found: tuple, mask: Optional[str]) -> tuple:
    return (*found[:2], mask)


def _row(line: str, listed: str):
    """One line of a list: (name of the output, photograph, mask)."""
    if not line.strip():
        return
    row = [cell.strip() for cell in next(csv.reader([line]))]
    if row == ["photograph", "mask"]:
        return
    if len(row) != 2 or not all(row):
        reason = "a line of the list is PHOTOGRAPH,MASK"
        yield beam.pvalue.TaggedOutput(BAD, (row[0], ",".join(row[1:]), reason))
        return
    folder = listed[: listed.rfind("/") + 1]
    image, mask = (_absolute(path, folder) for path in row)
    name = image[len(folder) :] if folder and image.startswith(folder) else image
    name = name.split("://", 1)[-1].lstrip("/")
    if ".." in name.split("/"):
        reason = "a path of the list leads out of its folder by `..`: write it from the root"
        yield beam.pvalue.TaggedOutput(BAD, (image, mask, reason))
        return
    yield name, image, mask


def _absolute(path: str, folder: str) -> str:
    if path == ALPHA or path.startswith("/") or not files.is_local(path):
        return path
    return folder + path


def _keyed(found: tuple) -> Tuple[str, tuple]:
    return group_key(found[0]), found


def group_key(name: str) -> str:
    """What names have in common that can have to do with each other.

    >>> group_key("a/B.jfif.jpg") == group_key("a/b_mask.png") == group_key("a/b.png")
    True
    """
    while True:
        shorter = folders.stem(name)
        shorter = shorter[: -len("_mask")] if shorter.endswith("_mask") else shorter
        if shorter == name or not os.path.basename(shorter):
            return unicodedata.normalize("NFC", name).casefold()
        name = shorter


def _paired(group: Tuple[str, Dict[str, list]], source: Source, output: str) -> Iterator:
    """The jobs of photographs that may share a name, and the bad rows among them."""
    photos, masks = (list(group[1][kind]) for kind in ("photos", "masks"))
    if source.masks:
        if source.masks == source.images:
            # NAME.png beside NAME_mask.png: the masks are not photographs to fill
            masks = [photo for photo in photos if folders.stem(photo[0]).endswith("_mask")]
        taken = {path for _, path, _ in masks}
        photos = [photo for photo in photos if photo[1] not in taken]
        reason = f"no mask: NAME.png or NAME_mask.png in {source.mask_folder}, with any ending"
        try:
            by_name = masks_by_name(sorted(taken), source.mask_folder)
        except SettingsError as error:
            by_name, reason = {}, str(error)
        partners = [mask_of(folders.stem(name), by_name) for name, _, _ in photos]
        for (_, path, _), partner in zip(photos, partners):
            if partner is None:
                yield beam.pvalue.TaggedOutput(BAD, (path, "", reason))
        photos = [(*photo[:2], mask) for photo, mask in zip(photos, partners) if mask is not None]
    yield from _named(sorted(photos), output)


def _named(photos: List[tuple], output: str) -> Iterator:
    """Jobs, with the names that `inpaint` gives. photos: (name, path, mask), sorted."""
    once: Dict[str, tuple] = {}
    for name, path, mask in photos:
        if name in once:
            same = once[name][1:] == (path, mask)
            reason = "it is listed twice" if same else f"{once[name][1]} has the same output"
            if not same:
                yield beam.pvalue.TaggedOutput(BAD, (path, mask, reason))
        else:
            once[name] = name, path, mask
    paths = {name: path for name, path, _ in once.values()}
    names = output_names.outputs(
        list(once),
        writable_endings(),
        lambda name: ".jpg" if files.head(paths[name]).startswith(b"\xff\xd8\xff") else ".png",
    )
    for (_, path, mask), name in zip(once.values(), names):
        if output + name in (path, mask):
            reason = "its output would overwrite it: choose another folder"
            yield beam.pvalue.TaggedOutput(BAD, (path, mask, reason))
        else:
            to = output + name
            yield Job(path, mask, to, [to], os.path.splitext(to)[0])

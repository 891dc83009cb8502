"""Pairs any number of photographs with their masks, inside the pipeline, and names the outputs.

    jobs, bad = listed(pipeline, Source.of("gs://a/photos/**", "gs://a/masks/**"), "gs://a/filled/")

Photographs and masks are found by globs, or come from a list. Files whose names may belong together
are grouped. Within a group, masks and output names are chosen in the same way as by `inpaint`
(jobs.py, output_names.py), so an output has the name that `inpaint` would give it.

A bad row is (photograph, mask, reason): a photograph that cannot be filled.
"""

import csv
import dataclasses
import os
import posixpath
import unicodedata
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import apache_beam as beam

from tfinpaint import output_names
from tfinpaint.big_jobs import files, places
from tfinpaint.big_jobs.places import BAD, Place
from tfinpaint.jobs import ALPHA, Job, mask_of, masks_by_name
from tfinpaint.photo import folders, writable_endings
from tfinpaint.settings import SettingsError

_LONGEST = 400  # characters of a line in the table of bad rows


@dataclasses.dataclass(frozen=True)
class Source:
    """Where photographs and masks are: a list, or places.

    images, masks:  places; `masks` is None if there is one mask for all.
    one_mask:       a file that is the mask of all photographs, or "alpha".
    listed:         a CSV file with a photograph and its mask in each line. Relative paths in it
                    begin at its folder.
    """

    images: Optional[Place] = None
    masks: Optional[Place] = None
    one_mask: Optional[str] = None
    listed: str = ""

    @classmethod
    def of(cls, image: str, mask: str) -> "Source":
        """The source for the flags --image and --mask.

        image: a folder or a glob of photographs.
        mask: a folder or a glob of masks, a mask file (on other file systems: with the ending of a
            picture), or "alpha".
        """
        if mask == ALPHA or places.is_file(mask):
            return cls(Place.of(image), one_mask=mask)
        return cls(Place.of(image), Place.of(mask))


def listed(pipeline, source: Source, output: str):
    """The jobs of a source and its bad rows, two collections of a pipeline.

    output:  the folder for the filled photographs, with a slash at its end.
    """
    masks, bad = None, []
    if source.images is None:
        rows = (
            pipeline
            # as bytes: a line that is no UTF-8 is a bad row and must not end the pipeline
            | "List" >> beam.io.ReadFromText(source.listed, coder=beam.coders.BytesCoder())
            | "Rows" >> beam.FlatMap(_row, _folder_of(source.listed)).with_outputs(BAD, main="rows")
        )
        photos = rows.rows
        bad.append(rows[BAD])
    else:
        photos, unreadable = places.found(pipeline, "Photographs", source.images)
        bad.append(unreadable)
        if source.masks is None:
            one = str(source.one_mask)
            if one != ALPHA:  # the mask itself is not filled
                photos = photos | "NoMask" >> beam.Filter(lambda p: not files.are_same(p[1], one))
            photos = photos | "Mask" >> beam.Map(_with_mask, one)
        elif source.masks != source.images:
            masks, unreadable = places.found(pipeline, "Masks", source.masks)
            bad.append(unreadable)
            inside, within = source.masks.folder, source.images.folder
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
        | "Pair" >> beam.FlatMap(_paired, source, output).with_outputs(BAD, main="jobs")
    )
    apart = (
        pairs.jobs
        | "KeyOutputs" >> beam.Map(_by_output)
        | "Outputs" >> beam.GroupByKey()
        | "Apart" >> beam.FlatMap(_apart).with_outputs(BAD, main="jobs")
    )
    return apart.jobs, [*bad, pairs[BAD], apart[BAD]] | "Unpaired" >> beam.Flatten()


def _with_mask(found: tuple, mask: Optional[str]) -> tuple:
    return (*found[:2], mask)


def _row(line: bytes, folder: str):
    """Yields (name of the output, photograph, mask) for one line of a list, or a bad row.

    folder: the folder of the list, with a slash at its end.
    """
    reason = "a line of the list is PHOTOGRAPH,MASK"
    try:
        text = line.decode("utf-8-sig")  # some programs begin a file with a byte-order mark
        row = [cell.strip() for cell in next(csv.reader([text]))] if text.strip() else []
    except (UnicodeDecodeError, csv.Error) as error:
        reason += ", in UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        row = [line.decode("utf-8", "replace")[:_LONGEST]]
    if not row or row == ["photograph", "mask"]:
        return
    if len(row) != 2 or not all(row):
        yield beam.pvalue.TaggedOutput(BAD, (row[0], ",".join(row[1:]), reason))
        return
    image, mask = (_absolute(path, folder) for path in row)
    name = image[len(folder) :] if image.startswith(folder) else image
    name = name.split("://", 1)[-1].lstrip("/")
    if ".." in name.split("/"):
        reason = "a path of the list leads out of its folder by `..`: write it from the root"
        yield beam.pvalue.TaggedOutput(BAD, (image, mask, reason))
        return
    yield posixpath.normpath(name), image, mask


def _absolute(path: str, folder: str) -> str:
    if path == ALPHA or not files.is_local(path):
        return path
    if ".." not in path.split("/"):  # after a link, `..` leads elsewhere, so it is kept
        path = posixpath.normpath(path)
    return path if path.startswith("/") else folder + path


def _folder_of(listed: str) -> str:
    """The folder of a list, with a slash at its end."""
    if files.is_local(listed):
        return os.path.join(os.path.abspath(os.path.dirname(listed)), "")
    return listed[: listed.rfind("/") + 1]


def _keyed(found: tuple) -> Tuple[str, tuple]:
    return group_key(found[0]), found


def group_key(name: str) -> str:
    """The key that groups names which may belong together.

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
    """Yields the jobs of a group of photographs whose names may belong together, and bad rows."""
    photos, masks = (list(group[1][kind]) for kind in ("photos", "masks"))
    if source.masks is not None:
        if source.masks == source.images:
            # NAME.png beside NAME_mask.png: the masks are not photographs to fill
            masks = [photo for photo in photos if folders.stem(photo[0]).endswith("_mask")]
        taken = {path for _, path, _ in masks}
        photos = [photo for photo in photos if photo[1] not in taken]
        reason = f"no mask: NAME.png or NAME_mask.png in {source.masks.folder}, with any ending"
        try:
            by_name = masks_by_name(sorted(taken), source.masks.folder)
        except SettingsError as error:
            by_name, reason = {}, str(error)
        names = [folders.stem(name) for name, _, _ in photos]
        paired = []
        for stem, (name, path, _) in zip(names, photos):
            try:
                partner, why = mask_of(stem, by_name, names), reason
            except SettingsError as error:
                partner, why = None, str(error)
            if partner is None:
                yield beam.pvalue.TaggedOutput(BAD, (path, "", why))
            else:
                paired.append((name, path, partner))
        photos = paired
    yield from _named(sorted(photos), output)


def _named(photos: List[tuple], output: str) -> Iterator:
    """Yields jobs, with the output names that `inpaint` gives, and bad rows.

    photos: (name, path, mask), sorted.
    """
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
        if any(files.are_same(output + name, read) for read in (path, mask)):
            reason = "its output would overwrite it: choose another folder"
            yield beam.pvalue.TaggedOutput(BAD, (path, mask, reason))
        else:
            to = output + name
            yield Job(path, mask, to, [to], os.path.splitext(to)[0])


def _by_output(job: Job) -> Tuple[str, Any]:
    return job.output, job


def _apart(group: Tuple[str, Iterable[Any]]) -> Iterator:
    """Yields one job for an output, and a bad row for each further job with the same output.

    A name that was made for one photograph (a.jfif_2.jpg) may be the name of another.
    """
    output, jobs = group[0], list(group[1])
    own = os.path.basename(output)
    first, *others = sorted(jobs, key=lambda job: (os.path.basename(job.image) != own, job.image))
    yield first
    for job in others:
        reason = f"{first.image} has the same output"
        yield beam.pvalue.TaggedOutput(BAD, (job.image, job.mask, reason))

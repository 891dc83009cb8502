"""Fills photographs in files: reads a photograph and its mask, fills, composites, writes.

    for job, outcome in zip(jobs, outcomes(painter, jobs, How())):
        report = outcome.result()          # or the error of this photograph

Inputs:  a painter, `Job`s (jobs.py), and `How`, the options.
Outputs: the files that the jobs name, each whole or not there, with the metadata of its photograph
    (photo/writing.py); and a `Report` for each.
Errors:  SettingsError, in one line, for errors that a user can correct. An error of one photograph
    does not affect the others.

`inpaint` and big_jobs/ both fill with this module, so their outputs are the same.
"""

import dataclasses
import itertools
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from tfinpaint.jobs import ALPHA, Job
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.painting.filling import grown
from tfinpaint.photo import (
    OF_FORMAT,
    THRESHOLD,
    Photo,
    check_deep_path,
    hole_of_alpha,
    keeps_alpha,
    read_drawing,
    read_hole,
    read_photo,
    warnings_of,
    with_fill,
    write_photo,
)
from tfinpaint.photo.masks import MUCH_HOLE
from tfinpaint.settings import MAX_MEGAPIXELS, SettingsError
from tfinpaint.wording import shown

_WARNING = "warning: "  # how a note that is a warning begins
_DITHERED = "16 bits per channel, the fill has 8, dithered"


@dataclasses.dataclass(frozen=True)
class How:
    """How photographs are filled and written. Each field is the flag of the same name.

    opaque:        whether the fill is made opaque; None: only with the photograph's alpha as the
                   mask.
    edges:         None or "false", "true" (a picture of the edges), or the path of a drawing.
    attention_at:  row and column, or None.
    """

    mask_is: str = "hole"
    grow_hole: int = 0
    feather: int = 0
    detail: str = "auto"
    blend: str = "none"
    samples: Optional[int] = None
    seed: int = 0
    attention: bool = False
    attention_at: Optional[Tuple[int, int]] = None
    edges: Optional[str] = None
    opaque: Optional[bool] = None
    bits: str = "8"
    side_by_side: bool = False
    max_megapixels: float = MAX_MEGAPIXELS

    @property
    def drawing(self) -> Optional[str]:
        """The path of a drawing that guides the fill."""
        return None if self.edges in (None, "true", "false") else self.edges


class Read(NamedTuple):
    """A photograph, its mask and the notes on both.

    mask:   uint8 [H, W], 255 = hole.
    notes:  (kind, path, note) each.
    """

    photo: Photo
    mask: np.ndarray
    notes: list


class Filled(NamedTuple):
    """The results for one photograph, to be written.

    photo:     its metadata, with the alpha channel of the outputs.
    outputs:   {path: pixels, uint8 [H, W, 3], or uint16 for 16 bits}.
    pictures:  {path: (picture, kind, description)} of attention maps and edges.
    notes:     (kind, path, note) each, so far.
    seconds:   that filling took.
    """

    job: Job
    photo: Photo
    outputs: Dict[str, np.ndarray]
    pictures: dict
    notes: list
    seconds: float


class Report(NamedTuple):
    """The report on a photograph that was filled.

    warnings: one line each.
    lines:    photograph and output, then one line for each other note.
    seconds:  that filling took, without reading and writing.
    """

    warnings: List[str]
    lines: List[str]
    seconds: float

    def without_known(self, known: Set[str]) -> "Report":
        """The report without the lines in `known`. Its lines about file formats are added to it.

        Such a line holds for all photographs of a folder, so it is shown only once.
        """
        of_format = {f"    output: {note}" for note in (*OF_FORMAT.values(), _DITHERED)}
        lines = [line for line in self.lines if line not in known]
        known.update(of_format.intersection(lines))
        return self._replace(lines=lines)


def outcomes(painter: BasePainter, jobs: Sequence[Job], how: How) -> Iterator["Future[Report]"]:
    """Fills the photographs in turn. Meanwhile the next one is read and the previous one written.

    Yields: for each, in the order of `jobs`, a Future of its report or its error.
    """
    with ThreadPoolExecutor(2) as pool:
        reading, last = pool.submit(read, jobs[0], how), None
        for job, following in itertools.zip_longest(jobs, jobs[1:]):
            found = reading
            if following:
                reading = pool.submit(read, following, how)
            outcome: "Future[Report]"
            try:
                outcome = pool.submit(write, fill(painter, job, found.result(), how))
            except Exception as error:
                outcome = Future()
                outcome.set_exception(error)
            if last:
                yield last
            last = outcome
        if last:
            yield last


def read(job: Job, how: How) -> Read:
    """Reads a photograph and its mask.

    Raises: SettingsError if one cannot be read, or the mask does not fit the photograph, or has no
        hole or (grown) no known pixel.
    """
    if how.bits == "16":
        check_deep_path(job.output, "output")
    photo = read_photo(job.image, how.max_megapixels, keep_deep=how.bits == "16")
    if job.mask == ALPHA:
        mask, mask_notes = hole_of_alpha(photo, job.image)
        job = job._replace(mask=job.image)  # for the messages
    else:
        mask, mask_notes = read_hole(job.mask, how.mask_is, how.max_megapixels)
    if mask.shape != photo.pixels.shape[:2]:
        turned = (
            "; is the photograph turned by its EXIF orientation, and the mask not?"
            if mask.shape == photo.pixels.shape[1::-1]
            else ""
        )
        raise SettingsError(
            f"A mask has the size of its photograph: {job.image} is {_size(photo.pixels)} pixels, "
            f"{job.mask} is {_size(mask)} (`image`, `mask`){turned}"
        )
    if not mask.any():
        raise SettingsError(f"{job.mask} has no hole to fill (`mask`): {warnings_of(mask_notes)}")
    if _hole(mask, how).all():
        by = "" if mask.all() else f", grown by `grow_hole={how.grow_hole}`"
        raise SettingsError(
            f"{job.mask}: all of the photograph is hole{by}; nothing is left to fill it from "
            "(`mask`)"
        )
    return Read(
        photo,
        mask,
        [("photograph", job.image, note) for note in photo.notes]
        + [("mask", job.mask, n) for n in mask_notes],
    )


def fill(painter: BasePainter, job: Job, found: Read, how: How) -> Filled:
    """Fills one photograph.

    Raises: SettingsError if the painter or the photograph does not support what `how` asks for.
    """
    start = time.monotonic()
    photo, mask, notes = found
    shown = _attention_maps(painter, job, photo.pixels, mask, how) if how.attention else {}
    shown.update(_edges(painter, job, photo.pixels, mask, how) if how.edges == "true" else {})
    outputs, notes_of_samples = _outputs(painter, job, photo.pixels, mask, how)
    notes = notes + notes_of_samples
    if how.bits == "16":
        hole = _hole(mask, how) > 0
        outputs = {path: with_fill(photo, pixels, hole) for path, pixels in outputs.items()}
        notes = notes + [("output", job.output, _DITHERED)]
    alpha, notes_of_alpha = _alpha_of_fill(job, photo, mask, how)
    notes = notes + notes_of_alpha
    if how.side_by_side:
        blanked = np.where(mask[..., np.newaxis] > 0, np.uint8(255), photo.pixels)
        outputs = {
            path: np.concatenate([photo.pixels, blanked, pixels], axis=1)  # [H, 3 W, 3]
            for path, pixels in outputs.items()
        }
        if alpha is not None:
            alpha = np.concatenate([photo.alpha, photo.alpha, alpha], axis=1)  # [H, 3 W]
    if how.grow_hole:
        share = 100 * _hole(mask, how).mean()
        grown_note = f"grown by `grow_hole={how.grow_hole}`, {share:.1f} % is hole"
        path = job.image if job.mask == ALPHA else job.mask
        notes = notes + [("mask", path, (_WARNING if share > MUCH_HOLE else "") + grown_note)]
    seconds = time.monotonic() - start
    return Filled(job, dataclasses.replace(photo, alpha=alpha), outputs, shown, notes, seconds)


def write(filled: Filled) -> Report:
    """Writes the outputs and pictures of one photograph.

    Returns: its report.
    Raises: SettingsError if a file cannot be written.
    """
    job, notes = filled.job, filled.notes
    for path, pixels in filled.outputs.items():
        notes = notes + [
            ("output", path, note) for note in write_photo(path, pixels, filled.photo, "output")
        ]
    for path, (picture, kind, what) in filled.pictures.items():
        write_photo(path, picture, argument="output")
        notes = notes + [(kind, path, f"{path}: {what}")]
    warned = [(path, note) for _, path, note in notes if note.startswith(_WARNING)]
    warnings = [f"{path}: {note[len(_WARNING) :]}" for path, note in warned]
    lines = [
        f"    {what}: {shown(note)}" for what, _, note in notes if not note.startswith(_WARNING)
    ]
    lines = list(dict.fromkeys(lines))  # a note that holds for several outputs is shown once
    outputs = list(filled.outputs)
    to = outputs[0] if len(outputs) == 1 else f"{outputs[0]} to {outputs[-1]}"
    head = shown(f"{job.image} ({_size(filled.photo.pixels)}) -> {to}")
    return Report(warnings, [head] + lines, filled.seconds)


def _hole(mask: np.ndarray, how: How) -> np.ndarray:
    """The hole that is filled, uint8 [H, W], 1 = hole."""
    return grown((mask > 0).astype(np.uint8), how.grow_hole)


def _alpha_of_fill(job: Job, photo: Photo, mask: np.ndarray, how: How):
    """The alpha channel of the filled photograph, and a warning if filled pixels are invisible."""
    if photo.alpha is None:
        return None, []
    hole = _hole(mask, how) > 0
    # With --mask=alpha, the fill would otherwise stay invisible.
    if how.opaque or (job.mask == ALPHA and how.opaque is None):
        return np.where(hole, np.uint8(255), photo.alpha), []
    share = 100 * np.mean(photo.alpha[hole] <= THRESHOLD)
    if not share or not keeps_alpha(job.output):
        return photo.alpha, []
    offer = "" if job.mask == ALPHA else "; `mask='alpha'` takes what is transparent as the hole"
    note = f"{share:.3g} % of the filled pixels are transparent and stay so: `opaque` shows them"
    return photo.alpha, [("output", job.output, f"{_WARNING}{note}{offer}")]


def _outputs(painter: BasePainter, job: Job, pixels: np.ndarray, mask: np.ndarray, how: How):
    """{path: filled pixels, uint8 [H, W, 3]}, and a list of notes on the samples, if any."""
    options = (how.grow_hole, how.feather, how.detail)
    if not how.samples:
        guide: Any = {"edges": read_drawing(how.drawing, how.max_megapixels)} if how.drawing else {}
        filled = painter.fill(pixels, mask, *options, seed=how.seed, blend=how.blend, **guide)
        return {job.output: filled}, []
    samples = painter.fill_samples(pixels, mask, how.samples, how.seed, *options, blend=how.blend)
    notes = []
    for path, sample in zip(job.fills, samples):
        score = "no critic in this model" if sample.score is None else f"score {sample.score:.3f}"
        notes.append(("sample", path, f"{path}: `seed={sample.seed}`, {score}"))
    return {path: sample.pixels for path, sample in zip(job.fills, samples)}, notes


def _attention_maps(painter: BasePainter, job: Job, pixels, mask, how: How) -> dict:
    """Pictures of the attention maps: {path: (picture, "attention", description)}."""
    from tfinpaint.attention_maps.pictures import pictures

    hole = 255 * _hole(mask, how)
    found = {}
    for map_ in painter.attention_maps(pixels, hole, how.attention_at):
        for kind, picture in pictures(map_, pixels, hole).items():
            path = f"{job.beside}_attention_{map_.layer}_{kind}.png"
            found[path] = (picture, "attention", f"layer {map_.name}, {kind}")
    return found


def _edges(painter: BasePainter, job: Job, pixels, mask, how: How) -> dict:
    """The picture of the edges: {path: (picture, "edges", description)}."""
    picture = painter.edges(pixels, 255 * _hole(mask, how))  # [H, W]
    path = f"{job.beside}_edges.png"
    what = "known edges, and in the hole the completed ones"
    return {path: (np.repeat(picture[..., np.newaxis], 3, axis=2), "edges", what)}


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"

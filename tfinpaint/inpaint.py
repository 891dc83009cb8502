"""Fills the holes of photographs.

    python -m tfinpaint.inpaint --image=photo.jpg --mask=mask.png --output=filled.png
    python -m tfinpaint.inpaint --model=RUN --image=photos/ --mask=masks/ --output=filled/
    python -m tfinpaint.inpaint --model=RUN --image=photos/ --mask=logo.png --output=filled/
    python -m tfinpaint.inpaint --model=RUN --image=photo.jpg --mask=mask.png \\
        --output=filled.png --attention
    python -m tfinpaint.inpaint --model=RUN --image=photo.jpg --mask=mask.png \\
        --output=filled.png --samples=8
    python -m tfinpaint.inpaint --model=RUN --image=photo.jpg --mask=mask.png \\
        --output=filled.png --edges=drawing.png
    python -m tfinpaint.inpaint --image=erased.png --mask=alpha --output=filled.png
    python -m tfinpaint.inpaint --server=http://localhost:8501/v1/models/paris \\
        --image=photo.jpg --mask=mask.png --output=filled.png

Without --model and --server the model that comes with tfinpaint fills. In a mask white is hole
(--mask_is=known flips that); --mask=alpha takes what is transparent as the hole. Photographs may
have any size; a mask has the size of its photograph. A folder's photographs are found by their
content, whatever their names end in, and what is passed over is counted (named with --verbosity=1).
In a folder of masks the mask of a/b.jpg is a/b.png or a/b_mask.png, with any of the endings. In a
folder run every output keeps its photograph's name and ending (.jpg or .png if nothing can be
written with that one), a photograph that fails is reported while the others go on, and the exit
status is 1 at the end.

A system that can fill a hole in several ways writes --samples of them, filled_1.png, filled_2.png
and so on, the best first.
"""

import dataclasses
import itertools
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Dict, List, NamedTuple, Set, Tuple

import numpy as np
from absl import flags

from tfinpaint import command, output_names, photo_folders, settings
from tfinpaint.models import DEFAULT, locate
from tfinpaint.photo import (
    PHOTO_ENDINGS,
    THRESHOLD,
    Photo,
    check_deep_path,
    check_photo_path,
    hole_of_alpha,
    keeps_alpha,
    list_photos,
    read_drawing,
    read_hole,
    read_photo,
    with_fill,
    write_photo,
)
from tfinpaint.progress import photographs_bar
from tfinpaint.settings import SettingsError, first_line
from tfinpaint.wording import shown

# fmt: off
settings.define_flags(
    "model", "image", "mask", "output", "mask_is", "grow_hole", "feather", "detail", "side_by_side",
    "blend", "samples", "seed", "attention", "attention_at", "edges", "device", "server", "timeout",
    "opaque", "bits", "max_megapixels",
)
# fmt: on
FLAGS = flags.FLAGS
ALPHA = "alpha"  # as --mask: the photograph's own


class Job(NamedTuple):
    """Paths of one photograph, its mask and its result.

    beside: what the names of pictures beside the result begin with (attention, edges).
    """

    image: str
    mask: str
    output: str
    beside: str


def main() -> None:
    for name in ("image", "mask", "output"):
        if not FLAGS[name].value:
            raise SettingsError(f"--{name} is missing: {FLAGS[name].help}")
    if FLAGS.server and FLAGS.model:
        raise SettingsError("--model and --server: one of them fills")
    if FLAGS.attention and FLAGS.server:
        raise SettingsError("--attention takes a run directory as --model; a --server only fills")
    if FLAGS.server and (FLAGS.samples or FLAGS.seed):
        name = "samples" if FLAGS.samples else "seed"
        raise SettingsError(f"--{name} is for --model; a --server has one fill for each hole")
    if FLAGS.server and FLAGS.detail != "auto":
        raise SettingsError(
            f"--detail={FLAGS.detail} is for --model; with --server it is as the server's model "
            "was exported"
        )
    if FLAGS.server and FLAGS.blend != "none":
        raise SettingsError(
            f"--blend={FLAGS.blend} is for --model; a --server fills as its model was exported"
        )
    if FLAGS.mask == ALPHA and FLAGS.mask_is != "hole":
        raise SettingsError(
            f"--mask_is={FLAGS.mask_is} is for mask files. Got --mask={FLAGS.mask} (./{FLAGS.mask} "
            "is a file)"
        )
    if FLAGS.bits == "16" and FLAGS.side_by_side:
        raise SettingsError("--side_by_side has 8 bits. Got --bits=16")
    if FLAGS.blend != "none" and FLAGS.feather:
        raise SettingsError(
            f"--blend={FLAGS.blend} and --feather={FLAGS.feather}: one of them hides the edge of "
            "the fill"
        )
    if FLAGS.attention_at and not FLAGS.attention:
        raise SettingsError(
            f"--attention_at={','.join(FLAGS.attention_at)} is for --attention, which is missing"
        )
    settings.parse_range("attention_at", FLAGS.attention_at, int)
    _check_edges()
    model = None if FLAGS.server else locate(FLAGS.model or DEFAULT)
    jobs = find_jobs(FLAGS.image, FLAGS.mask, FLAGS.output)
    if not os.path.isdir(FLAGS.image):
        # read before the model is loaded, which takes seconds: a wrong mask is reported at once
        read = _read(jobs[0])
        _tell(*_write(_fill(_load_painter(model), jobs[0], *read)))
        return
    painter = _load_painter(model)
    progress = photographs_bar(len(jobs))
    failures = 0
    for job, outcome in zip(jobs, _outcomes(painter, jobs)):
        try:
            warnings, lines = outcome.result()
            progress.clear()
            _tell(warnings, lines)
        except BrokenPipeError:
            raise
        except Exception as error:  # whatever it is, it is this photograph's alone
            failures += 1
            progress.clear()
            command.tell_error(
                str(error)
                if isinstance(error, SettingsError)
                else f"{job.image} could not be filled: {type(error).__name__}: {first_line(error)}"
            )
        progress.step()
    if failures:
        command.fail(f"{failures} of {len(jobs)} photographs could not be filled")


def _check_edges():
    if FLAGS.edges and FLAGS.server:
        raise SettingsError("--edges takes a run directory as --model; a --server finds its own")
    if FLAGS.edges in (None, "true", "false"):
        return
    if os.path.isdir(FLAGS.image):
        raise SettingsError(
            f"--edges={FLAGS.edges} is a drawing for one photograph. Got the folder "
            f"--image={FLAGS.image}"
        )
    if not os.path.isfile(FLAGS.edges):
        raise SettingsError(
            f"--edges={FLAGS.edges} is no file: a drawing that guides the fill, or --edges alone, "
            "which shows those that do"
        )


def _outcomes(painter, jobs):
    """Fills one photograph after the other; meanwhile the next is read and the last is written.

    Yields, for each, a Future of what `_write` returns.
    """
    with ThreadPoolExecutor(2) as pool:
        reading, last = pool.submit(_read, jobs[0]), None
        for job, following in itertools.zip_longest(jobs, jobs[1:]):
            read, reading = reading, pool.submit(_read, following) if following else None
            try:
                outcome = pool.submit(_write, _fill(painter, job, *read.result()))
            except Exception as error:
                outcome = Future()
                outcome.set_exception(error)
            if last:
                yield last
            last = outcome
        yield last


def _tell(warnings: List[str], lines: List[str]) -> None:
    for warning in warnings:
        command.warn(warning)
    command.say("\n".join(lines))


def _load_painter(model):
    if FLAGS.server:
        from tfinpaint.serving.client import connect

        return connect(FLAGS.server, FLAGS.timeout)
    command.choose_device(FLAGS.device)
    import tensorflow as tf

    from tfinpaint.loading import load

    painter = load(model)
    if painter.system is not None and not painter.system.generator.non_trainable_variables:
        # Skip graph optimization. It fuses batch norm, which this network does not have. Nothing
        # else in it makes a fill faster, and it takes a second.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if FLAGS.attention:
        painter.check_attention()
    if FLAGS.samples or FLAGS.seed:
        painter.check_takes("seed", "samples" if FLAGS.samples else "seed")
    if FLAGS.edges not in (None, "false"):
        painter.check_takes("edges", "edges")
    return painter


# ----------------------------------------------------------------------------------- one photograph


def _read(job: Job):
    """The photograph, its hole and the notes of both.

    Raises SettingsError if they cannot be filled.
    """
    if FLAGS.bits == "16":
        check_deep_path(job.output, "output")
    photo = read_photo(job.image, FLAGS.max_megapixels, keep_deep=FLAGS.bits == "16")
    if job.mask == ALPHA:
        mask, mask_notes = hole_of_alpha(photo, job.image)
        job = job._replace(mask=job.image)  # for the messages
    else:
        mask, mask_notes = read_hole(job.mask, FLAGS.mask_is, FLAGS.max_megapixels)
    if mask.shape != photo.pixels.shape[:2]:
        turned = (
            "; is the photograph turned by its EXIF orientation, and the mask not?"
            if mask.shape == photo.pixels.shape[1::-1]
            else ""
        )
        raise SettingsError(
            f"A mask has the size of its photograph: {job.image} is {_size(photo.pixels)} pixels, "
            f"{job.mask} is {_size(mask)} (--image, --mask){turned}"
        )
    if not mask.any():
        saw = "; ".join(note.replace("warning: ", "") for note in mask_notes)
        raise SettingsError(f"{job.mask} has no hole, there is nothing to fill (--mask): {saw}")
    return (
        photo,
        mask,
        [("photograph", job.image, note) for note in photo.notes]
        + [("mask", job.mask, n) for n in mask_notes],
    )


class Filled(NamedTuple):
    """What is to be written for one photograph.

    That is the pixels of each output by path, with what `photo` carries, pictures of attention and
    edges by path, and the notes so far.
    """

    job: Job
    photo: Photo
    outputs: Dict[str, np.ndarray]
    pictures: dict
    notes: list


def _fill(painter, job: Job, photo, mask, notes) -> Filled:
    """Fills one photograph."""
    shown = _attention_maps(painter, job, photo.pixels, mask) if FLAGS.attention else {}
    shown.update(_edges(painter, job, photo.pixels, mask) if FLAGS.edges == "true" else {})
    outputs, notes_of_samples = _outputs(painter, job, photo.pixels, mask)
    notes = notes + notes_of_samples
    if FLAGS.bits == "16":
        from tfinpaint.filling import grown

        hole = grown((mask > 0).astype(np.uint8), FLAGS.grow_hole) > 0
        outputs = {path: with_fill(photo, pixels, hole) for path, pixels in outputs.items()}
        notes = notes + [("output", job.output, "16 bits per channel, the fill has 8, dithered")]
    alpha, notes_of_alpha = _alpha_of_fill(job, photo, mask)
    notes = notes + notes_of_alpha
    if FLAGS.side_by_side:
        blanked = np.where(mask[..., np.newaxis] > 0, np.uint8(255), photo.pixels)
        outputs = {
            path: np.concatenate([photo.pixels, blanked, pixels], axis=1)  # [H, 3 W, 3]
            for path, pixels in outputs.items()
        }
        if alpha is not None:
            alpha = np.concatenate([photo.alpha, photo.alpha, alpha], axis=1)  # [H, 3 W]
    if FLAGS.grow_hole:
        from tfinpaint.filling import grown

        share = 100 * grown((mask > 0).astype(np.uint8), FLAGS.grow_hole).mean()
        grown_note = f"grown by --grow_hole={FLAGS.grow_hole}, {share:.1f} % is hole"
        notes = notes + [("mask", job.mask, f"warning: {grown_note}" if share > 95 else grown_note)]
    return Filled(job, dataclasses.replace(photo, alpha=alpha), outputs, shown, notes)


def _alpha_of_fill(job: Job, photo: Photo, mask):
    """The alpha channel of the filled photograph, and a warning if what is filled is not seen."""
    if photo.alpha is None:
        return None, []
    from tfinpaint.filling import grown

    hole = grown((mask > 0).astype(np.uint8), FLAGS.grow_hole) > 0
    # What --mask=alpha fills would be as invisible as before.
    if FLAGS.opaque or (job.mask == ALPHA and not FLAGS["opaque"].present):
        return np.where(hole, np.uint8(255), photo.alpha), []
    share = 100 * np.mean(photo.alpha[hole] <= THRESHOLD)
    if not share or not keeps_alpha(job.output):
        return photo.alpha, []
    offer = "" if job.mask == ALPHA else "; --mask=alpha takes what is transparent as the hole"
    note = f"{share:.3g} % of the filled pixels are transparent and stay so: --opaque shows them"
    return photo.alpha, [("output", job.output, f"warning: {note}{offer}")]


def _outputs(painter, job: Job, pixels, mask):
    """The filled pixels by path, and a note on each if there are several."""
    how = (FLAGS.grow_hole, FLAGS.feather, FLAGS.detail)
    if not FLAGS.samples:
        drawn = FLAGS.edges not in (None, "true", "false")
        guide = {"edges": read_drawing(FLAGS.edges, FLAGS.max_megapixels)} if drawn else {}
        filled = painter.fill(pixels, mask, *how, seed=FLAGS.seed, blend=FLAGS.blend, **guide)
        return {job.output: filled}, []
    samples = painter.fill_samples(pixels, mask, FLAGS.samples, FLAGS.seed, *how, blend=FLAGS.blend)
    paths = _output_paths(job)
    notes = []
    for path, sample in zip(paths, samples):
        score = "no critic in this model" if sample.score is None else f"score {sample.score:.3f}"
        notes.append(("sample", path, f"{path}: --seed={sample.seed}, {score}"))
    return {path: sample.pixels for path, sample in zip(paths, samples)}, notes


def _write(filled: Filled):
    """Writes one photograph. Returns its warnings and the lines of the report."""
    job, mark, notes = filled.job, "warning: ", filled.notes
    for path, pixels in filled.outputs.items():
        notes = notes + [
            ("output", path, note) for note in write_photo(path, pixels, filled.photo, "output")
        ]
    for path, (picture, kind, what) in filled.pictures.items():
        write_photo(path, picture, argument="output")
        notes = notes + [(kind, path, f"{path}: {what}")]
    warnings = [f"{path}: {note[len(mark) :]}" for _, path, note in notes if note.startswith(mark)]
    lines = [f"    {what}: {shown(note)}" for what, _, note in notes if not note.startswith(mark)]
    lines = list(dict.fromkeys(lines))  # what holds for each of several outputs is said once
    outputs = list(filled.outputs)
    to = outputs[0] if len(outputs) == 1 else f"{outputs[0]} to {outputs[-1]}"
    return warnings, [shown(f"{job.image} ({_size(filled.photo.pixels)}) -> {to}")] + lines


def _attention_maps(painter, job: Job, pixels, mask) -> dict:
    """Pictures of the attention maps: {path: (picture, "attention", what it is)}."""
    from tfinpaint.attention_maps.pictures import pictures
    from tfinpaint.filling import grown

    hole = 255 * grown((mask > 0).astype(np.uint8), FLAGS.grow_hole)
    found = {}
    at = settings.parse_range("attention_at", FLAGS.attention_at, int)
    for map_ in painter.attention_maps(pixels, hole, at):
        for kind, picture in pictures(map_, pixels, hole).items():
            found[f"{job.beside}_attention_{map_.layer}_{kind}.png"] = (
                picture,
                "attention",
                f"{map_.name}, {kind}",
            )
    return found


def _edges(painter, job: Job, pixels, mask) -> dict:
    """The picture of edges, in the same form."""
    from tfinpaint.filling import grown

    hole = 255 * grown((mask > 0).astype(np.uint8), FLAGS.grow_hole)
    picture = painter.edges(pixels, hole)  # [H, W]
    path = f"{job.beside}_edges.png"
    what = "known edges, and in the hole the completed ones"
    return {path: (np.repeat(picture[..., np.newaxis], 3, axis=2), "edges", what)}


def _size(array) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"


# ---------------------------------------------------------------------------- which mask goes where


def find_jobs(image: str, mask: str, output: str) -> List[Job]:
    """Photographs with their masks and outputs.

    Raises SettingsError, before anything is read, if one is missing.
    """
    for name, path in (("image", image), ("mask", mask)):
        if path != ALPHA and not os.path.exists(path):
            raise SettingsError(f"--{name}={path} does not exist")
    if os.path.isdir(image):
        threes = _folder_jobs(image, mask, output)
    elif mask != ALPHA and os.path.isdir(mask):
        raise SettingsError(f"--mask is one file where --image is one. Got the folder {mask}")
    else:
        check_photo_path(output, "output")
        threes = [(image, mask, output)]
    images, masks, outputs = zip(*threes)
    beside = output_names.beginnings(outputs, {*images, *masks})
    jobs = [Job(*three, name) for three, name in zip(threes, beside)]
    _check_nothing_is_overwritten(jobs)
    return jobs


def _check_nothing_is_overwritten(jobs: List[Job]) -> None:
    """Raises SettingsError if an output is a photograph or a mask of the run."""
    there: Set[Tuple[int, int]] = set()
    for job in jobs:
        for path in _output_paths(job):
            there.update(_identity(path))
    if there:
        for path in itertools.chain.from_iterable((job.image, job.mask) for job in jobs):
            if path != ALPHA and there.intersection(_identity(path)):
                raise SettingsError(f"--output would overwrite {path}: choose another place")


def _identity(path: str) -> List[Tuple[int, int]]:
    """What tells a file from all others, by whatever name; empty if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [(status.st_dev, status.st_ino)]


def _output_paths(job: Job) -> List[str]:
    """The files that a photograph's fills go to."""
    if not FLAGS.samples:
        return [job.output]
    name, ending = os.path.splitext(job.output)
    return [f"{name}_{number}{ending}" for number in range(1, FLAGS.samples + 1)]


def _folder_jobs(image: str, mask: str, output: str) -> List[Tuple[str, str, str]]:
    """Paths of each photograph, its mask and its output."""
    if output.lower().endswith(PHOTO_ENDINGS):
        raise SettingsError(f"--image is a folder, so --output is a folder too. Got {output}")
    settings.check_writable("output", output)
    if _inside(output, image):
        raise SettingsError(
            f"--output={output} lies in --image={image}: the next run would take results for "
            "photographs"
        )
    photos = list_photos(image)
    masks = None
    if mask != ALPHA and os.path.isdir(mask):
        # NAME.png beside NAME_mask.png: the masks are not photographs to fill
        if os.path.samefile(image, mask):
            masks = _masks_by_name(mask, [p for p in photos if _name(p, image).endswith("_mask")])
            photos = [path for path in photos if _name(path, image) not in masks]
        else:
            masks = _masks_by_name(mask, list_photos(mask))
            if _inside(mask, image):
                photos = [path for path in photos if not _inside(path, mask)]
    if not photos:
        raise SettingsError(f"--image={image} has no photographs, whatever their names end in")
    partners: List[str] = []
    lacking: List[str] = []
    for path in photos:
        name = _name(path, image)
        partner = mask if masks is None else masks.get(name) or masks.get(name + "_mask")
        if partner is None:
            lacking.append(photo_folders.inside(path, image))
        else:
            partners.append(partner)
    if lacking:
        some = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise SettingsError(
            f"--mask={mask} has no mask for {len(lacking)} of {len(photos)} photographs (the mask "
            f"of NAME.jpg is NAME.png or NAME_mask.png, with any of the endings): {some}"
        )
    names = output_names.outputs(
        [photo_folders.inside(path, image) for path in photos],
        PHOTO_ENDINGS,
        lambda path: photo_folders.ending_of(os.path.join(image, path)),
    )
    return list(zip(photos, partners, (os.path.join(output, name) for name in names)))


def _masks_by_name(folder: str, paths: List[str]) -> dict:
    masks: Dict[str, str] = {}
    for path in paths:
        name = _name(path, folder)
        other = masks.setdefault(name, path)
        if other != path:
            raise SettingsError(f"--mask={folder} has two masks for {name}: {other} and {path}")
    return masks


def _name(path: str, folder: str) -> str:
    """The path inside the folder, without its ending."""
    return photo_folders.stem(photo_folders.inside(path, folder))


def _inside(path: str, folder: str) -> bool:
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path != folder and os.path.commonpath([path, folder]) == folder


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

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

Without --model and --server the model that comes with tfinpaint is used. In a mask white is hole
(--mask_is=known flips that); --mask=alpha takes what is transparent as the hole. Photographs may
have any size; a mask has the size of its photograph.

In a folder, photographs are found by their content, whatever their names end in. Other files are
counted (and named with --verbosity=1). In a folder of masks the mask of a/b.jpg is a/b.png or
a/b_mask.png, with any ending of a picture. Every output keeps the name and ending of its
photograph (.jpg or .png if its format cannot be written). If a photograph fails, that is reported,
the others are filled, and the exit status is 1 at the end.

A system that can fill a hole in several ways writes --samples of them, filled_1.png, filled_2.png
and so on, the best first.
"""

import os
from typing import Any, Set

from absl import flags

from tfinpaint import command, settings
from tfinpaint.jobs import ALPHA, Job, find_jobs
from tfinpaint.models import DEFAULT, locate
from tfinpaint.progress import photographs_bar
from tfinpaint.settings import SettingsError, first_line

# fmt: off
settings.define_flags(
    "image", "mask", "mask_is", "grow_hole", "feather", "detail", "side_by_side", "blend",
    "samples", "attention", "attention_at", "edges", "device", "server", "timeout", "opaque",
    "bits", "max_megapixels",
    model="What fills: a run directory of `train`, an export, or default, the model that comes "
    "with tfinpaint. Default: default.",
    output="File for the filled photograph (PNG, WebP, TIFF, JPEG, AVIF, JPEG XL or BMP by its "
    "ending), or a folder for a folder.",
    seed="Which fill of a system that has several for one hole; 0: that at the mean of its "
    "distribution.",
)
FLAGS = flags.FLAGS
# flags that become fields of the record of how photographs are filled
_HOW = (
    "mask_is", "grow_hole", "feather", "detail", "blend", "samples", "seed", "attention", "edges",
    "bits", "side_by_side", "max_megapixels",
)
# fmt: on
# required flags
_NEEDED = {
    "image": "the photograph to fill, or a folder of them",
    "mask": "its mask, in which white is hole, or a folder of masks",
    "output": "the file for the filled photograph, or a folder for those of a folder",
}


def main() -> None:
    for name, what in _NEEDED.items():
        if not FLAGS[name].value:
            raise SettingsError(f"--{name} is missing: {what}")
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
            f"--blend={FLAGS.blend} and --feather={FLAGS.feather} cannot be combined: each of them "
            "hides the edge of the fill"
        )
    if FLAGS.attention_at and not FLAGS.attention:
        raise SettingsError(
            f"--attention_at={','.join(FLAGS.attention_at)} is for --attention, which is missing"
        )
    attention_at = settings.parse_range("attention_at", FLAGS.attention_at, int)
    _check_edges()
    model = None if FLAGS.server else locate(FLAGS.model or DEFAULT)
    drawing = [] if FLAGS.edges in (None, "true", "false") else [FLAGS.edges]
    jobs = find_jobs(FLAGS.image, FLAGS.mask, FLAGS.output, FLAGS.samples, drawing)
    from tfinpaint import fill_file  # late, so that wrong flags are reported at once

    given: Any = {name: FLAGS[name].value for name in _HOW}
    opaque = FLAGS.opaque if FLAGS["opaque"].present else None
    how = fill_file.How(attention_at=attention_at, opaque=opaque, **given)
    if not os.path.isdir(FLAGS.image):
        # read before the model is loaded, which takes seconds: a wrong mask is reported at once
        read = fill_file.read(jobs[0], how)
        _tell(fill_file.write(fill_file.fill(_load_painter(model), jobs[0], read, how)))
        return
    painter = _load_painter(model)
    progress = photographs_bar(len(jobs))
    failures = 0
    known: Set[str] = set()
    for job, outcome in zip(jobs, fill_file.outcomes(painter, jobs, how)):
        try:
            report = outcome.result()
            progress.clear()
            _tell(report.without_known(known))
        except BrokenPipeError:
            raise
        except Exception as error:  # any error affects this photograph only
            failures += 1
            progress.clear()
            command.tell_error(_line_of(error, job))
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
            f"--edges={FLAGS.edges} is no file: give a drawing that guides the fill, or --edges "
            "alone, which writes a picture of the edges that guide it"
        )


def _line_of(error: Exception, job: Job) -> str:
    """The line about a photograph of a folder that failed. It names a file of that photograph."""
    if not isinstance(error, SettingsError):
        return f"{job.image} could not be filled: {type(error).__name__}: {first_line(error)}"
    line = str(error)
    files = [path for path in (job.image, job.mask, job.output) if path != ALPHA]
    # a painter does not know which file it fills
    return line if any(path in line for path in files) else f"{job.image}: {line}"


def _tell(report) -> None:
    for warning in report.warnings:
        command.warn(warning)
    command.say("\n".join(report.lines))


def _load_painter(model):
    if FLAGS.server:
        from tfinpaint.serving.client import connect

        return connect(FLAGS.server, FLAGS.timeout)
    command.choose_device(FLAGS.device)
    import tensorflow as tf

    from tfinpaint.loading import load

    painter = load(model)
    if painter.system is not None and not painter.system.generator.non_trainable_variables:
        # Skip graph optimization, which takes a second. What makes a fill faster is only that it
        # fuses batch norm, and this network has none.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if FLAGS.attention:
        painter.check_attention()
    if FLAGS.samples or FLAGS.seed:
        painter.check_takes("seed", "samples" if FLAGS.samples else "seed")
    if FLAGS.edges not in (None, "false"):
        painter.check_takes("edges", "edges")
    return painter


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

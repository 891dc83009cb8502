"""Fills very many photographs, on one machine or on many, as an Apache Beam pipeline.

    python -m tools.fill_many --image=photos/ --mask=masks/ --output=filled/
    python -m tools.fill_many --image='gs://b/photos/**' --mask='gs://b/masks/**' \\
        --output=gs://b/filled -- --runner=DataflowRunner --project=P --region=R \\
        --temp_location=gs://b/tmp --sdk_container_image=IMAGE
    python -m tools.fill_many --list=list.csv --output=filled/ -- --direct_num_workers=4 \\
        --direct_running_mode=multi_processing

Photographs and masks are given as folders, as globs, or as the lines of a list (PHOTOGRAPH,MASK),
on any file system that Beam supports. Arguments after -- are Beam's. Outputs are byte for byte
those of `inpaint`. A photograph whose output exists already is not filled again, so the same
command goes on where an earlier one ended. Photographs that cannot be filled are listed with the
reason in --bad (default: OUTPUT.bad.csv), and the exit status is then 1.

It needs the extra `beam`: pip install -e '.[beam]'. docs/big_jobs.md says more.
"""

import contextlib
import io
import json
import os
import sys
import time
from typing import List

from absl import flags

from tfinpaint import command, settings, temporary
from tfinpaint.big_jobs.arguments import check_beam, split_arguments
from tfinpaint.jobs import ALPHA
from tfinpaint.models import DEFAULT, locate
from tfinpaint.progress import clock
from tfinpaint.settings import SettingsError
from tfinpaint.wording import counted

# fmt: off
settings.define_flags(
    "mask", "mask_is", "grow_hole", "feather", "detail", "blend",
    "opaque", "bits", "max_megapixels", "device",
    model="Model that fills: a run directory of `train`, an export, or default, the model that "
    "comes with tfinpaint. Default: default.",
    image="Photographs to fill: a folder or a glob.", output="Folder for the filled photographs.",
    seed="Chooses a fill if the system has several for one hole; 0: the fill at the mean of its "
    "distribution.",
)
_HOW = (
    "mask_is", "grow_hole", "feather", "detail", "blend", "seed", "bits", "max_megapixels",
)
# fmt: on
# {flag that cannot be left out: what it is}
_NEEDED = {
    "image": "the photographs, a folder or a glob",
    "mask": "their masks, a folder or a glob",
    "output": "the folder for the filled photographs",
}
FLAGS = flags.FLAGS
_LIST = flags.DEFINE_string(
    "list", None, "File with a photograph and its mask in each line, separated by a comma."
)
_BAD = flags.DEFINE_string(
    "bad", None, "Table (.csv) of what could not be filled, and why. Default: OUTPUT.bad.csv."
)
_BATCH = flags.DEFINE_integer(
    "photographs_at_a_time", 16, "Number of photographs that a worker takes at a time.", 1, 4096
)
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "Threads of TensorFlow in each worker; 0: as many as there are cores. Default: the cores, "
    "divided among the processes that Beam starts on this machine.",
    0,
    4096,
)
_MEASURE = flags.DEFINE_integer(
    "measure",
    16,
    "Number of photographs that are filled once more at the end, by the model alone and in memory, "
    "to measure the rate of the machine; 0: none. Only if Beam runs on this machine.",
    0,
    1000,
)
_BEAM: List[str] = []  # Beam's arguments


def main() -> None:
    check_beam()
    from tfinpaint.big_jobs import filling, running
    from tfinpaint.fill_file import How
    from tfinpaint.loading import ACCEPTED

    source = _source()
    options = running.options_of(_BEAM)
    processes = running.processes(options)
    threads = _THREADS.value
    if threads is None:
        threads = max(1, (os.cpu_count() or 1) // processes) if processes > 1 else 0
    model = locate(FLAGS.model or DEFAULT)
    if not os.path.isdir(model):
        raise SettingsError(f"--model={FLAGS.model} is no folder: {ACCEPTED} is needed")
    given = {name: FLAGS[name].value for name in _HOW}
    job = filling.Filling(
        model,
        How(opaque=FLAGS.opaque if FLAGS["opaque"].present else None, **given),
        _BATCH.value,
        threads,
        FLAGS.device,
    )
    bad = _BAD.value or FLAGS.output.rstrip("/") + ".bad.csv"
    with temporary.folder("tfinpaint-") as folder:
        sample = os.path.join(folder, "sample.json")
        if not (running.is_local(options) and _MEASURE.value):
            sample = ""
        start = time.monotonic()
        with running.workers_log(FLAGS.output) if processes > 1 else contextlib.nullcontext():
            ran = running.run(lambda pipeline: _build(pipeline, source, job, bad, sample), options)
        seconds = time.monotonic() - start
        if not ran["filled"] + ran["already"] + ran["bad"]:
            raise SettingsError(f"{_given()} has no photographs: no file in it is a picture")
        _report(ran, seconds, processes if running.is_local(options) else 0)
        if sample and ran["filled"]:
            _measure(sample, job, ran, seconds)
    if ran["bad"]:
        command.fail(
            f"{counted(ran['bad'], 'photograph')} could not be filled: {bad} says which and why"
        )


def _source():
    """The `listing.Source` of photographs and masks.

    Raises: SettingsError if flags are missing or contradict each other, or if a place is not there.
    """
    from tfinpaint.big_jobs import files, listing, places

    if bool(_LIST.value) == bool(FLAGS.image or FLAGS.mask):
        raise SettingsError("give either --list, or --image and --mask, to say what is filled")
    for name, what in _NEEDED.items():
        if not FLAGS[name].value and (name == "output" or not _LIST.value):
            raise SettingsError(f"--{name} is missing: {what}")
    if FLAGS.mask == ALPHA and FLAGS.mask_is != "hole":
        raise SettingsError(f"--mask_is={FLAGS.mask_is} is for mask files. Got --mask=alpha")
    if FLAGS.blend != "none" and FLAGS.feather:
        raise SettingsError(
            f"--blend={FLAGS.blend} and --feather={FLAGS.feather} exclude each other: choose one"
        )
    try:
        for name, path in (("list", _LIST.value), ("image", FLAGS.image), ("mask", FLAGS.mask)):
            if path and path != ALPHA and not files.is_there(path):
                raise SettingsError(f"--{name}={path} does not exist")
        if _LIST.value and files.is_glob(_LIST.value):
            raise SettingsError(
                f"Beam takes --list={_LIST.value} for a glob: rename it, without * ? ["
            )
        if FLAGS.image and places.is_file(FLAGS.image):
            raise SettingsError(f"--image is a folder or a glob. Got the file {FLAGS.image}")
        if files.is_local(FLAGS.output):
            settings.check_writable("output", FLAGS.output)
        source = (
            listing.Source(listed=_LIST.value)
            if _LIST.value
            else listing.Source.of(FLAGS.image, FLAGS.mask)
        )
    except ValueError as error:  # Beam's, for a scheme that it does not know
        raise SettingsError(" ".join(str(error).split())) from None
    output, images = files.real_folder(FLAGS.output), source.images
    if images and output.startswith(images.folder) and "**" in images.glob:
        where = "is" if output == images.folder else "lies in"
        raise SettingsError(
            f"--output={FLAGS.output} {where} --image={FLAGS.image}: the next run would take "
            "results for photographs"
        )
    return source


def _given() -> str:
    return f"--list={_LIST.value}" if _LIST.value else f"--image={FLAGS.image}"


def _build(pipeline, source, job, bad: str, sample: str) -> None:
    """Adds the steps of this command to a pipeline."""
    import apache_beam as beam

    from tfinpaint.big_jobs import files, filling, listing

    jobs, unpaired = listing.listed(pipeline, source, files.real_folder(FLAGS.output))
    failed, filled = filling.fill(jobs, job)
    unpaired = unpaired | "CountUnpaired" >> beam.Map(filling.counted_bad)
    rows = (unpaired, failed) | "Bad" >> beam.Flatten()
    rows | "AllBad" >> beam.combiners.ToList() | "WriteBad" >> beam.Map(write_rows, bad)
    if sample:
        (
            filled
            | "Sample" >> beam.combiners.Sample.FixedSizeGlobally(_MEASURE.value)
            | "WriteSample" >> beam.Map(write_sample, sample)
        )


def write_rows(rows: list, path: str) -> None:
    """Writes the table of photographs that could not be filled, sorted.

    rows: (photograph, mask, reason).
    """
    from tfinpaint.big_jobs import files, tables

    text = io.StringIO()
    writer = tables.writer(text)
    writer.writerow(("photograph", "mask", "reason"))
    writer.writerows(sorted(set(rows)))
    files.write(path, text.getvalue().encode("utf-8"))


def write_sample(sample: list, path: str) -> None:
    """Writes some of the jobs that were filled, each with the seconds that it took, as JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(sample, file)


def _report(ran, seconds: float, processes: int) -> None:
    """Prints what was done.

    ran: the counters of the workers, {name: number}.
    seconds: of the whole run.
    processes: that worked on this machine; 0 if Beam ran elsewhere.
    """
    done = f"{counted(ran['filled'], 'photograph')} filled in {clock(seconds)}"
    print(
        f"{done}, {ran['already']} were done already, {ran['bad']} could not be filled, "
        f"{counted(ran['passed_over'], 'file')} left out"
    )
    if not ran["filled"]:
        return
    each = ran["model_us"] / 1e6 / ran["filled"]
    print(
        f"{ran['filled'] / seconds:.3f} photographs/s; each {each:.3f} s in the model and "
        f"{ran['cpu_us'] / 1e6 / ran['filled']:.3f} s of a processor in all; the model worked "
        f"{100 * ran['model_us'] / ran['busy_us']:.1f} % of the time that workers were busy"
    )
    if processes:
        of = "1 process" if processes == 1 else f"{processes} processes"
        print(f"{of}, {ran['loading_us'] / 1e6:.1f} s to load the model")


def _measure(sample: str, job, ran, seconds: float) -> None:
    """Prints which share of the machine's rate was reached.

    The machine's rate is that of the model alone, with nothing to read or write, in one process
    with all cores. (TensorFlow's threads cannot change once it has computed. So after a run in this
    process with --threads, it is the rate with that number.) Some photographs of this run are
    filled again. The ratio of the seconds that they take now to those that they took in the run
    gives the seconds that all would take. On a machine that is busy with other work, the seconds of
    a processor say more than the rates.

    sample: the file that `write_sample` has written.
    """
    import dataclasses

    import tensorflow as tf

    from tfinpaint import fill_file
    from tfinpaint.big_jobs import files, filling
    from tfinpaint.jobs import Job

    with open(sample, encoding="utf-8") as file:
        found = [(Job(*fields), taken) for fields, taken in json.load(file)]
    painter = filling.load_painter(dataclasses.replace(job, threads=0))
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    by = f" with {counted(threads, 'thread')}" if threads else ""
    with files.local_copies([one for one, _ in found]) as (jobs, _):
        read = [fill_file.read(one, job.how) for one in jobs]
        fill_file.fill(painter, jobs[0], read[0], job.how)  # traces the graphs; not timed
        cpu = time.process_time()
        alone = sum(fill_file.fill(painter, *pair, job.how).seconds for pair in zip(jobs, read))
        cpu = time.process_time() - cpu
    all_of_them = ran["model_us"] / 1e6 / sum(taken for _, taken in found)
    model = alone * all_of_them
    print(
        f"the model alone fills {ran['filled'] / model:.3f} photographs/s on this machine{by} "
        f"(measured on {len(found)} of them): {100 * model / seconds:.1f} % of that was reached; "
        f"it takes {cpu * all_of_them / ran['filled']:.3f} s of a processor for each, "
        f"{100 * cpu * all_of_them / (ran['cpu_us'] / 1e6):.1f} % of what the run took"
    )


if __name__ == "__main__":
    sys.argv, _BEAM[:] = split_arguments(sys.argv)
    command.run(main)

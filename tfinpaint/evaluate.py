"""Measures how well models fill holes, and writes tables that define each of their numbers.

    python -m tfinpaint.evaluate --data=folder:photos --output=report
    python -m tfinpaint.evaluate --model=default,runs/a,runs/b --data=folder:photos --output=report
    python -m tfinpaint.evaluate --model=runs/a --data=pairs:cases \\
        --lpips_weights=alexnet.npz --output=report
    python -m tfinpaint.evaluate --model=runs/a --data=folder:photos \\
        --protocol=multistage --output=report

OUTPUT becomes a folder with report.txt, report.csv, report.json (the figures of every photograph,
settings, versions, hashes) and report.html (tables, plots and pictures in one file). --model may
name `default` (the model that comes with tfinpaint, which is also used if --model is not given),
run directories, exports, and the references telea, navier_stokes and mean. The references are in
every table unless --noreferences is given. Differences are to the first model. What is measured is
the fill of the network alone or, with --detail=auto, the fill as `inpaint` makes it, with texture
in holes thicker than 8 pixels and grain in thinner ones.
"""

import os
from typing import Dict, List

from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.metrics import weights_flags
from tfinpaint.progress import ProgressBar, photographs_bar
from tfinpaint.wording import counted, shown_lines

settings.define_flags(
    "ratio_bins",
    "mask_is",
    "max_megapixels",
    "protocol",
    "count",
    "references",
    *weights_flags(),
    "device",
    model="Models to measure, separated by commas: run directories of `train`, exports, default "
    "(the model that comes with tfinpaint), telea, navier_stokes, mean. Default: default.",
    data="Photographs to score: folder:PATH, shards:PATH, tfds:NAME[:SPLIT], samples:, or "
    "pairs:PATH (NAME.png beside NAME_mask.png).",
    holes="center, strokes or objects (the fixed sets) or files:PATH (a mask file or a folder of "
    "them). Default: the protocol's.",
    image_size="Side of the squares that are scored, pixels. Default: that on which the "
    "first model was trained, or 256.",
    batch_size="Number of squares that are filled together.",
    detail="auto: parts of a hole thicker than 8 pixels get their texture from the known part of "
    "the photograph, and thinner ones its grain. off: the network's own fill. Default: off.",
    output="Folder for report.txt, report.csv, report.json and report.html.",
)
FILES = ("report.txt", "report.csv", "report.json", "report.html")


def main() -> None:
    values = flags.FLAGS
    wanted = settings.evaluation_settings(values)
    if not values.output:
        raise settings.SettingsError(
            "--output is missing: the folder for report.txt, report.csv, report.json and "
            "report.html"
        )
    settings.check_writable("output", values.output)
    for name in FILES:
        if os.path.isdir(os.path.join(values.output, name)):
            raise settings.SettingsError(
                f"--output={values.output} has a folder named {name}: choose another place"
            )
    command.choose_device(values.device)

    import tensorflow as tf  # slow to import: only once the flags are known to be good

    command.silence_xla_banner()
    # With TensorFloat-32, the figures of a GPU would differ in the fourth digit.
    tf.config.experimental.enable_tensor_float_32_execution(False)

    from tfinpaint.evaluation import page, score, text

    bars: List[ProgressBar] = []

    def progress(done, total):
        if not bars:  # made only now, so that its time does not include loading
            bars.append(photographs_bar(total))
        bars[0].update(done)

    try:
        report = score.evaluate(wanted, progress)
    finally:
        for bar in bars:
            bar.clear()
    files = dict(
        zip(
            FILES,
            (
                text.text(report),
                text.comma_separated(report),
                text.as_json(report),
                page.page(report),
            ),
            strict=True,
        )
    )
    write(values.output, files)
    print(shown_lines(files["report.txt"]))
    command.say("\n".join(os.path.join(values.output, name) for name in files))
    if report.left_out:
        command.fail(
            f"{counted(report.left_out, 'photograph')} could not be read or filled; the figures "
            "are those of the others"
        )


def write(folder: str, files: Dict[str, str]) -> None:
    """Writes all files, {name: text}, or none of them.

    In names of photographs, bytes that are not UTF-8 are replaced.

    Raises: SettingsError if a file cannot be written.
    """
    try:
        paths = [os.path.join(folder, name) for name in files]
        with atomic.folder(folder), atomic.replacing_all(paths) as places:
            for place, content in zip(places, files.values()):
                with open(place, "w", encoding="utf-8") as f:
                    f.write(shown_lines(content))
    except OSError as error:
        raise settings.SettingsError(
            f"--output={folder} cannot be written: {settings.os_reason(error)}"
        ) from error


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

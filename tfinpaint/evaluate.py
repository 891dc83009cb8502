"""Measures how well models fill holes, and writes a table that says what its numbers mean.

    python -m tfinpaint.evaluate --model=runs/a,runs/b --data=folder:photos --output=report
    python -m tfinpaint.evaluate --model=runs/a --data=pairs:cases --lpips_weights=alexnet.npz --output=report
    python -m tfinpaint.evaluate --model=runs/a --data=folder:photos --protocol=multistage --output=report

OUTPUT becomes a folder: report.txt, report.csv, report.json (every photograph's figures, settings, versions, hashes) and report.html
(tables, plots, pictures; one file). --model may name run directories, version directories of exports, and the references telea,
navier_stokes and mean, which are in every table unless --noreferences. Differences are to the first model.
"""

import os
import sys

from absl import flags

from tfinpaint import command, settings

settings.adopt("model", "data", "holes", "ratio_bins", "mask_is", "protocol", "image_size", "count", "batch_size", "references",
               "lpips_weights", "inception_weights", "output", "device")


def main():
    values = flags.FLAGS
    wanted = settings.evaluation_settings(values)
    if not values.output:
        raise settings.SettingsError("--output is missing: the folder for report.txt, report.csv, report.json and report.html")
    settings.check_writable("output", values.output)
    command.choose_device(values.device)

    import tensorflow as tf  # only once the flags are known to be good
    from tqdm import tqdm

    tf.config.experimental.enable_tensor_float_32_execution(False)  # or a GPU's table differs in the fourth digit

    from tfinpaint.evaluation import page, score, text
    from tfinpaint.runs import replace_text

    with tqdm(unit=" photographs", dynamic_ncols=True, mininterval=0.5 if sys.stderr.isatty() else 30, leave=False) as bar:
        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        report = score.evaluate(wanted, progress)
    files = {"report.txt": text.text(report), "report.csv": text.comma_separated(report), "report.json": text.as_json(report),
             "report.html": page.page(report)}
    try:
        os.makedirs(values.output, exist_ok=True)
        for name, content in files.items():
            replace_text(os.path.join(values.output, name), content)
    except OSError as error:
        raise settings.SettingsError(f"--output={values.output} cannot be written: {error.strerror}") from error
    print(files["report.txt"])
    print("\n".join(os.path.join(values.output, name) for name in files))


def cli():
    command.run(main)


if __name__ == "__main__":
    cli()

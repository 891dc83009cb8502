"""Exports a trained system, for servers (SavedModel) or for small devices (TFLite).

    python -m tfinpaint.export --output=exported/default     # SavedModel, for TensorFlow Serving
    python -m tfinpaint.export --model=RUN --output=exported/paris
    python -m tfinpaint.export --model=RUN --format=tflite --quantize=float16 --output=mobile

A SavedModel becomes OUTPUT/1/, OUTPUT/2/ and so on, and a TFLite file OUTPUT/<system>.tflite. Both
have the moving average of the weights, and a model_card.json. Without --model, the model that comes
with tfinpaint is exported. Files appear in OUTPUT only when they are whole. A SavedModel makes
texture in holes thicker than 8 pixels and grain in thinner ones, as `inpaint` does (--detail); a
TFLite file has the network's own fill.
"""

import os

from absl import flags

from tfinpaint import command, settings
from tfinpaint.export.version_folders import exported_version
from tfinpaint.models import DEFAULT, locate
from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import in_words
from tfinpaint.wording import counted

settings.define_flags(
    "format",
    "quantize",
    "size",
    "device",
    model="Model to export: a run directory of `train`, or default, the model that comes with "
    "tfinpaint. Default: default.",
    data="Photographs from which --quantize=int8 finds the ranges of activations: folder:PATH, "
    "shards:PATH, tfds:NAME[:SPLIT] or samples:. Default: those of the run.",
    detail="auto: parts of a hole thicker than 8 pixels get their texture from the known part of "
    "the photograph, and thinner ones its grain. off: the network's own fill. The exported model "
    "always does the same.",
    output="Folder for the exported model.",
)
FLAGS = flags.FLAGS

_CALIBRATION = 32  # photographs for --quantize=int8, at most


def main() -> None:
    if not FLAGS.output:
        raise SettingsError("--output is missing: the folder for what is exported")
    tflite_only = [
        name
        for name, default in (("quantize", "none"), ("size", None), ("data", None))
        if FLAGS[name].value != default
    ]
    if FLAGS.format == "saved_model" and tflite_only:
        raise SettingsError(
            f"--{tflite_only[0]} belongs to --format=tflite; a saved_model takes photographs of "
            "any size, in float32"
        )
    if FLAGS.format == "tflite" and FLAGS["detail"].present and FLAGS.detail != "off":
        raise SettingsError(
            f"--detail={FLAGS.detail} is for --format=saved_model: a TFLite file has the network's "
            "own fill. Leave out --detail, or give --detail=off"
        )
    if FLAGS.data and FLAGS.quantize != "int8":
        raise SettingsError(
            f"--data is what --quantize=int8 is calibrated with. Got --quantize={FLAGS.quantize}"
        )
    model = locate(FLAGS.model or DEFAULT)
    settings.check_writable("output", FLAGS.output)
    if FLAGS.format == "saved_model":
        settings.check_utf8("output", FLAGS.output)
    if exported_version(model):
        raise SettingsError(
            f"--model={model} is exported already: a run directory of `train` is needed"
        )
    command.choose_device(FLAGS.device)
    from tfinpaint.painting.painter import Painter
    from tfinpaint.runs import read_run

    run = read_run(model)
    if FLAGS.quantize == "int8" and not FLAGS.data and run.is_packed:
        raise SettingsError(
            "--data is missing: the photographs by which --quantize=int8 finds its ranges. Those "
            "that this model was trained on are not here"
        )
    photos = run.settings.photos
    size = _size(photos.image_size)
    painter = Painter.from_run(run)
    from tfinpaint.export import model_card

    card = model_card.describe(painter)
    if FLAGS.format == "saved_model":
        from tfinpaint.export import saved_model

        path = saved_model.export(painter, FLAGS.output, card, FLAGS.detail)
        command.say(
            f"{path}: signatures {_signatures(painter)}, detail {FLAGS.detail}, {_megabytes(path)}"
        )
    else:
        from tfinpaint.export import tflite

        pairs = (
            _calibration(photos.source, size or (photos.image_size,) * 2)
            if FLAGS.quantize == "int8"
            else ()
        )
        with command.native_stderr_silenced():
            path = tflite.export(painter, FLAGS.output, card, FLAGS.quantize, size, pairs)
        pixels = "any size" if size is None else f"{size[1]}x{size[0]} pixels"
        command.say(f"{path}: signature fill, {pixels}, without detail, {_megabytes(path)}")
        if pairs:
            used = counted(len(pairs), "photograph")
            command.say(f"calibrated with {used} of {FLAGS.data or photos.source}")
    print(
        f"{in_words(card['system'], card['variant'])}, step {card['steps']}, "
        f"{card['parameters']:,} parameters"
    )


def _size(trained):
    """--size as (height, width) in pixels, or None for any."""
    if FLAGS.size == "any":
        return None
    words = (FLAGS.size or str(trained)).split(",")
    if len(words) > 2 or not all(word.isdecimal() and 0 < int(word) <= 8192 for word in words):
        raise SettingsError(
            f"--size is SIDE, HEIGHT,WIDTH (1 to 8192 pixels) or any. Got {FLAGS.size!r}"
        )
    return int(words[0]), int(words[-1])


def _calibration(trained_on, size):
    """Pairs (photo, mask) of this size, from which "int8" finds the ranges of activations.

    The photographs are squares of --data or else of the training photographs, cut to the size. The
    masks are fixed strokes over 10 to 60 % of the picture.
    """
    from tfinpaint.data.batches import evaluation_squares
    from tfinpaint.data.evaluation_holes import evaluation_holes

    height, width = size
    source, argument = (FLAGS.data, "data") if FLAGS.data else (trained_on, "source")
    photos = evaluation_squares(source, max(size), _CALIBRATION, argument)
    command.silence_xla_banner()
    holes = evaluation_holes((0.1, 0.6), len(photos), max(size))
    return [
        (photo[:height, :width], 255 * hole[:height, :width, 0])
        for photo, hole in zip(photos, holes)
    ]


def _signatures(painter):
    if "seed" in painter.fill_inputs:
        return "serving_default, tensors and sample"
    return "serving_default and tensors"


def _megabytes(path):
    files = (
        [path]
        if os.path.isfile(path)
        else [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    )
    return f"{sum(map(os.path.getsize, files)) / 1e6:.1f} MB"


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

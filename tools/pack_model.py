"""Packs a run into a small folder that fills photographs. The model that comes with tfinpaint is
made with this.

    python -m tools.pack_model --model=runs/mine --output=tfinpaint/models/default

OUTPUT gets settings.json, flags.txt and weights.npz (tfinpaint/packed.py), which has only the
moving average of the generator's weights, in float16. Paths in the settings are cut to their last
part. The packed model is then loaded and fills a test picture, and the largest difference to the
run's own fill is printed. A run is refused if float16 cannot hold its weights, or if they would
take more than 20 MB.
"""

import dataclasses
import os
import re
import shutil

from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.settings import SettingsError, os_reason

settings.define_flags(model="Run directory to pack.", output="Folder for the packed model.")

LARGEST = 20_000_000  # bytes of weights.npz
_SIDE = 256  # side of the test picture, pixels


def main():
    model, output = flags.FLAGS.model, flags.FLAGS.output
    for name, value, what in (
        ("model", model, "the run directory to pack"),
        ("output", output, "the folder for the packed model"),
    ):
        if not value:
            raise SettingsError(f"--{name} is missing: {what}")
    settings.check_writable("output", output)
    _check_replaced(output)

    from tfinpaint import models
    from tfinpaint.painting.painter import Painter
    from tfinpaint.runs import read_run

    painter = Painter.from_run(read_run(models.locate(model)))
    place = os.path.realpath(output)
    aside = None  # where the model that is replaced is until the new one is in its place
    try:
        with atomic.folder(os.path.dirname(place)), atomic.replacing(place) as beside:
            size, difference = _pack(painter, beside)
            if os.path.isdir(place):
                aside = f"{beside}.replaced"
                os.rename(place, aside)
    except OSError as error:
        if aside and not os.path.lexists(place):
            os.rename(aside, place)
        raise SettingsError(f"--output={output} cannot be written: {os_reason(error)}") from error
    if aside:
        shutil.rmtree(aside, ignore_errors=True)
    run = painter.run
    print(
        f"{output}: {run.settings.system} of step {run.step}, {size / 1e6:.1f} MB; float16 changes "
        f"a test picture's fill by at most {difference} of 255 levels"
    )


def _check_replaced(output):
    """Raises SettingsError if OUTPUT holds anything but a packed model, which is replaced."""
    there = set(os.listdir(output)) if os.path.isdir(output) else set()
    others = sorted(there - {"settings.json", "flags.txt", "weights.npz"})
    if there and (others or "weights.npz" not in there):
        what = f"holds {others[0]!r}" if others else "holds no packed model"
        raise SettingsError(
            f"--output={output} is not empty and {what}: a new folder is needed, or one with "
            "nothing but a packed model, which is replaced"
        )


def _pack(painter, folder):
    """Writes the three files into a new folder.

    Returns: the size of weights.npz in bytes, and the largest change of a fill by float16, in
        levels of 255.

    Raises: SettingsError if weights.npz would be too large.
    """
    from tfinpaint import load, packed

    run = painter.run
    os.mkdir(folder)
    size = packed.write_weights(folder, painter.system.generator, run.step)
    if size > LARGEST:
        raise SettingsError(
            f"--model={run.path} has {size / 1e6:.1f} MB of weights in float16: a packed model has "
            f"at most {LARGEST / 1e6:g} MB (a smaller --width of train)"
        )
    atomic.write_text(
        os.path.join(folder, "settings.json"), settings.to_json(_without_folders(run.settings))
    )
    atomic.write_text(os.path.join(folder, "flags.txt"), _flags(run))
    return size, _difference(painter, load(folder))


def _without_folders(run):
    """The settings of a run with each path cut to its last part."""
    photos = dataclasses.replace(run.photos, source=_last_part(run.photos.source))
    holes = dataclasses.replace(run.holes, kind=_last_part(run.holes.kind))
    return dataclasses.replace(
        run,
        photos=photos,
        holes=holes,
        **{
            name: _last_part(getattr(run, name))
            for name in ("eval_data", "perceptual_weights", "critic_weights")
        },
    )


def _flags(run):
    """flags.txt of a run, with each path cut to its last part.

    Comments, which may name paths, and the run that this one started from are left out.
    """
    lines = (
        line
        for line in run.flags_text().splitlines()
        if not (line.startswith("#") or (line.startswith("--init_from=") and "/" in line))
    )
    return "".join(
        re.sub(r"^(--\w+=)(.*)$", lambda found: found[1] + _last_part(found[2]), line) + "\n"
        for line in lines
    )


def _last_part(value):
    """Cuts the path in PATH or KIND:PATH to its last part; anything else stays unchanged."""
    if value is None or "/" not in value:
        return value
    kind, colon, path = value.partition(":")
    if not colon or "/" in kind:  # the path itself may have colons
        return os.path.basename(os.path.normpath(value))
    return kind + colon + os.path.basename(os.path.normpath(path))


def _difference(one, other):
    """The largest difference between two painters' fills of a test picture, in levels of 255."""
    import numpy as np

    waves = np.sin(np.arange(_SIDE)[:, None, None] / (7, 19, 31)) * np.cos(
        np.arange(_SIDE)[:, None] / (23, 11, 5)
    )  # [S, S, 3]
    photo = np.uint8(127.5 + 100 * waves)
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    mask[60:150, 80:200] = 255
    # Without detail, which may choose another patch, just as good, if the network's fill differs by
    # a thousandth of a level.
    return int(
        np.abs(
            one.fill(photo, mask, detail="off").astype(int) - other.fill(photo, mask, detail="off")
        ).max()
    )


if __name__ == "__main__":
    command.run(main)

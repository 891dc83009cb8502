"""Writes a photograph of scikit-image and a mask for it, to try `tfinpaint.inpaint` with.

    python -m tools.sample_pair --name=coffee --output=demo      ->  demo/photo.png  demo/mask.png (white is hole)
"""

import os

import cv2
import numpy as np
from absl import flags

from tfinpaint import command
from tfinpaint.settings import SettingsError

_NAME = flags.DEFINE_string("name", "coffee", "Photograph of scikit-image, as in --train_data=samples:NAME.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder to write to.", required=True)
_SEED = flags.DEFINE_integer("seed", 3, "Seed of the strokes.")


def main():
    from tfinpaint.data.evaluation_holes import evaluation_holes
    from tfinpaint.data.photos import open_photos
    from tfinpaint.photo import write_photo

    photo = open_photos(f"samples:{_NAME.value}", flag="name").read(0)  # uint8 [H, W, 3]
    height, width = photo.shape[:2]
    hole = evaluation_holes((0.15, 0.2), 1, 256, seed=_SEED.value)[0, ..., 0]  # [256, 256]
    hole = cv2.resize(hole, (width, height), interpolation=cv2.INTER_NEAREST)
    try:
        os.makedirs(_OUTPUT.value, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"--output={_OUTPUT.value} cannot be made: {error.strerror}") from error
    for name, picture in (("photo.png", photo), ("mask.png", np.repeat(255 * hole[..., None], 3, axis=-1))):
        write_photo(os.path.join(_OUTPUT.value, name), picture)


if __name__ == "__main__":
    command.run(main)

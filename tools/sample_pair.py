"""Writes a photograph of scikit-image and a mask for it, to try `tfinpaint.inpaint` with.

python -m tools.sample_pair --name=coffee --output=demo
->  demo/photo.png  demo/mask.png (white is hole)
"""

import os

import numpy as np
from absl import flags

from tfinpaint import command
from tfinpaint.settings import HoleSettings

_NAME = flags.DEFINE_string(
    "name", "coffee", "Photograph of scikit-image, as in --train_data=samples:NAME."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to write to.", required=True)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the strokes.")


def main():
    from tfinpaint.data.holes import holes
    from tfinpaint.data.photos import open_photos
    from tfinpaint.photo import write_photo

    command.silence_xla_banner()
    photo = open_photos(f"samples:{_NAME.value}", "name").read(0)  # uint8 [H, W, 3]
    height, width = photo.shape[:2]
    side = max(height, width)
    thin = HoleSettings(ratio=(0.08, 0.1), stroke_width=(5, 10), stroke_length=60)
    hole = holes(_SEED.value, 0, 1, side, thin).numpy()[0, ..., 0]  # [side, side]
    hole = hole[(side - height) // 2 :, (side - width) // 2 :][:height, :width]
    mask = np.repeat(np.uint8(255) * (hole[..., None] > 0), 3, axis=-1)
    for name, picture in (("photo.png", photo), ("mask.png", mask)):
        path = os.path.join(_OUTPUT.value, name)
        write_photo(path, picture, argument="output")
        print(path)


if __name__ == "__main__":
    command.run(main)

"""The model in the box: trained weights that come with the package, under the name `default`.

    tfinpaint/models/default/
      settings.json   flags.txt   as in a run directory, without paths of the training machine
      weights.npz                 of the averaged generator, in float16 (packed.py)

Wherever a model is named, `default` means this model. A folder of that name in the working
directory is ./default.
"""

import logging
import os

from tfinpaint.settings import SettingsError

DEFAULT = "default"
FOLDER = os.path.dirname(os.path.abspath(__file__))


def locate(model: str, argument: str = "model") -> str:
    """The folder of a model: the package's own folder for `default`, or `model` itself.

    Logs a warning if the working directory has a folder `default` with a model, which could have
    been meant.

    Raises: SettingsError, which names `argument`, if this copy of the package has no default model.
    """
    if model != DEFAULT:
        return model
    if os.path.isdir(DEFAULT) and any(
        name in os.listdir(DEFAULT) for name in ("settings.json", "saved_model.pb")
    ):
        logging.getLogger("tfinpaint").warning(
            "`%s='default'` is the model that comes with tfinpaint; the folder of that name here "
            "is `%s='./default'`",
            argument,
            argument,
        )
    path = os.path.join(FOLDER, DEFAULT)
    if not os.path.isdir(path):
        raise SettingsError(
            f"`{argument}='default'` is the model that comes with tfinpaint, and this copy has "
            f"none (no folder {path}): name a run directory of `train` instead"
        )
    return path

"""The models that the studio offers: names for run directories, exports and models on servers.

If two models have the same name, they become NAME and NAME-2.
"""

import contextlib
import os
import re
from typing import Callable, Iterator

from tfinpaint import models, temporary
from tfinpaint.export.version_folders import exported_version, name_of, version_directory
from tfinpaint.serving.client import RestClient, connect
from tfinpaint.settings import SettingsError


def remote_models(server: str, timeout: float) -> dict:
    """{name: URL} from URLs separated by commas.

    timeout: seconds; see `connect`.

    Raises: SettingsError if one is not the URL of a model on a REST server.
    """
    urls = _entries("server", server)
    for url in urls:
        if not isinstance(connect(url, timeout), RestClient):
            raise SettingsError(
                "`server` of the studio is http://HOST:PORT/v1/models/NAME: a browser does not "
                f"speak gRPC. Got {url!r}"
            )
    # `connect` has checked that the pattern matches.
    names = [
        re.search(r"/v1/models/([^/:]+)(/versions/\d+)?/?$", url)[1]  # type: ignore[index]
        for url in urls
    ]
    return dict(zip(unique(names), (url.rstrip("/") for url in urls)))


def local_models(model: str) -> dict:
    """{name: path} from paths separated by commas.

    Raises: SettingsError if there is no folder at a path.
    """
    paths = [models.locate(entry) for entry in _entries("model", model)]
    for path in paths:
        if not os.path.isdir(path):
            raise SettingsError(
                f"`model={path!r}` is no folder: it must be a run directory of `train`, or what "
                "`export` wrote"
            )
    return dict(zip(unique([name_of(path) for path in paths]), paths))


@contextlib.contextmanager
def exported_models(
    given: dict, say: Callable[[str], None], detail: str = "auto"
) -> Iterator[dict]:
    """Exports the run directories among the models to a temporary folder, removed at the end.

    given:   {name: path}, run directories and exports.
    say:     is called with a line for each run directory.
    detail:  "auto" or "off", for the run directories.

    Yields: {name: path}, only exports.
    Raises: SettingsError if the temporary folder cannot be written, or a model cannot be read.
    """
    from tfinpaint.export import model_card, saved_model
    from tfinpaint.loading import load

    with temporary.folder("tfinpaint-studio-") as folder:
        paths = {}
        for name, path in given.items():
            if exported_version(path):
                paths[name] = path
                continue
            is_default = path == os.path.join(models.FOLDER, models.DEFAULT)
            say(f"Preparing {'the default model' if is_default else path} (some seconds)")
            painter = load(path)
            paths[name] = saved_model.export(
                painter,
                os.path.join(folder, name),
                model_card.describe(painter),
                detail,
                temporary.place(),
            )
        yield paths


def listed(name: str, path: str) -> dict:
    """What the page is told about an exported model.

    Returns: {"name": ..., "about": a few words, "context": a `Context` as a dictionary, with the
        stride of the network}. The last two come from the model's card. Without a card, "about" is
        "" and there is no context.
    """
    from tfinpaint.export.model_card import read_card
    from tfinpaint.painting.boxes import Context

    try:
        card = read_card(version_directory(path) or path)
    except SettingsError:
        return {"name": name, "about": ""}
    steps = f", step {card['steps']}" if card.get("steps") is not None else ""
    about = f"{card.get('system', 'unknown system')}, {card.get('image_size', '?')} px{steps}"
    try:
        context = Context(**card.get("context", {}))._asdict()  # older exports lack it
        stride = int(card["stride"])
    except (TypeError, KeyError, ValueError):
        return {"name": name, "about": about}
    return {"name": name, "about": about, "context": {**context, "stride": stride}}


def unique(names: list) -> list:
    """The same names, but with a number after a name that is already taken."""
    given = []
    for name in names:
        number, one = 1, name
        while one in given:
            number += 1
            one = f"{name}-{number}"
        given.append(one)
    return given


def _entries(argument, value):
    entries = value.split(",")
    if "" in entries:
        raise SettingsError(f"`{argument}` is one or more, separated by commas. Got {value!r}")
    return entries

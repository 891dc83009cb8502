"""Serves exported models in Python, with TensorFlow Serving's REST and gRPC interfaces, on machines
without TensorFlow Serving.

    python -m tools.python_server --model=exported/paris
    python -m tools.python_server --model=exported/paris,celeba=exported/c \\
        --port=8501 --grpc_port=8500

It answers only this machine unless --host says otherwise. It serves the highest version of each
model, and loads new versions while it runs. Ctrl-C or SIGTERM ends it, with exit status 130 or 143.
First it answers the requests that are being computed; those that wait get UNAVAILABLE (503).
"""

import re
import threading

from absl import flags

from tfinpaint import command, settings
from tfinpaint.export.version_folders import name_of
from tfinpaint.settings import SettingsError

_EVERY = 2.0  # seconds between two checks for new versions

settings.define_flags(
    "host",
    "allowed_hosts",
    "port",
    "grpc_port",
    "device",
    model="Folders that `export` wrote, FOLDER or NAME=FOLDER, separated by commas.",
)


def main():
    values = flags.FLAGS
    if not values.model:
        raise SettingsError(
            "--model is missing: folders that `export` wrote, FOLDER or NAME=FOLDER, separated by "
            "commas"
        )
    models = {}
    for entry in values.model.split(","):
        name, named, path = entry.partition("=")  # as in serve.sh
        if not named:
            name, path = name_of(entry), entry
        if not re.fullmatch("[A-Za-z0-9_.-]+", name):
            raise SettingsError(
                "--model: a model's name is made of letters, digits, '_', '-' and '.'. Got "
                f"{name!r} in {entry!r}"
            )
        if name in models:
            raise SettingsError(
                f"--model has two models named {name}: NAME=FOLDER gives another name"
            )
        models[name] = path
    from tfinpaint.serving import ending, listening

    # Report a taken port before models are loaded.
    listening.bound_socket(values.host, values.port).close()
    command.choose_device(values.device)
    with ending.by_sigterm():
        _serve(models, values)


def _serve(models, values):
    from tfinpaint.serving.server import Server

    with Server(
        models,
        values.host,
        values.port,
        values.grpc_port,
        allowed_hosts=tuple(filter(None, values.allowed_hosts.split(","))),
        watch=_EVERY,
    ) as server:
        for name, model in server.models.items():
            print(
                f"{server.url}/v1/models/{name}   grpc://{server.grpc_address}/{name}   version "
                f"{model.version}",
                flush=True,
            )
        threading.Event().wait()


if __name__ == "__main__":
    command.run(main)

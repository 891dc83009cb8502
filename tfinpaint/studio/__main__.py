"""Opens a web page on this machine on which you paint holes and have them filled.

    python -m tfinpaint.studio                          # the model that comes with tfinpaint
    python -m tfinpaint.studio --model=RUN              # a run directory of `train`
    python -m tfinpaint.studio --model=default,runs/paris,exported/celeba
                                                        # several, to switch between
    python -m tfinpaint.studio --server=http://localhost:8501/v1/models/paris --port=8080
                                                        # a model of another server

A run directory is first exported to a temporary folder. The page is at http://127.0.0.1:PORT: open
a photograph, paint the area to fill in red, and press Fill. Nothing leaves this machine, unless
--server names another one. Ctrl-C ends the studio.
"""

import contextlib
import os
import re
import threading
import webbrowser

from absl import flags

from tfinpaint import command, settings
from tfinpaint.models import DEFAULT
from tfinpaint.settings import SettingsError
from tfinpaint.wording import without_password

settings.define_flags(
    "model",
    "host",
    "allowed_hosts",
    "timeout",
    "open_browser",
    "device",
    port="Port of the page; 0: a free one.",
    server="Models on servers, separated by commas: http://HOST:PORT/v1/models/NAME.",
    detail="auto: parts of a hole thicker than 8 pixels get their texture from the known part of "
    "the photograph, guided by the network, and thinner ones its grain. off: the network's own "
    "fill. It applies to run directories; an export does as it was exported.",
)
FLAGS = flags.FLAGS


def main() -> None:
    if FLAGS.model and FLAGS.server:
        raise SettingsError(
            "--model and --server: one of them fills. Give run directories of `train` and exports, "
            "or URLs http://HOST:PORT/v1/models/NAME, separated by commas"
        )
    if FLAGS.server and FLAGS.detail != "auto":
        raise SettingsError(
            f"--detail={FLAGS.detail} is for --model; with --server, a model fills as it was "
            "exported"
        )
    try:
        import requests
        import starlette
        import uvicorn

        if not FLAGS.server:
            import tensorflow_serving  # noqa: F401

        assert requests and starlette and uvicorn
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error}: the studio needs pip install -e '.[serve]'") from error
    from tfinpaint.serving import ending

    # SIGTERM does the same as Ctrl-C: both remove the temporary folder.
    with ending.by_sigterm(), contextlib.ExitStack() as stack:
        url = stack.enter_context(_remote() if FLAGS.server else _local())
        _tell(url)
        with contextlib.suppress(KeyboardInterrupt):
            _wait()
        print("The studio has ended.", flush=True)


@contextlib.contextmanager
def _local():
    """Serves the models of --model, and the page. Yields the page's URL."""
    from tfinpaint.serving import listening
    from tfinpaint.studio import catalog

    found = catalog.local_models(DEFAULT if FLAGS.model is None else FLAGS.model)
    # Report a taken port before a model is loaded.
    listening.bound_socket(FLAGS.host, FLAGS.port).close()
    command.choose_device(FLAGS.device)
    from tfinpaint.serving.server import Server
    from tfinpaint.studio.routes import page_routes

    with catalog.exported_models(found, command.say, FLAGS.detail) as paths:
        routes = page_routes([catalog.listed(name, path) for name, path in paths.items()])
        with Server(
            paths,
            FLAGS.host,
            FLAGS.port,
            grpc_port=None,
            routes=routes,
            allowed_hosts=_allowed_hosts(),
        ) as server:
            yield server.url


@contextlib.contextmanager
def _remote():
    """Serves the page and forwards its requests to the servers of --server. Yields its URL."""
    from starlette.applications import Starlette

    from tfinpaint.serving import listening
    from tfinpaint.studio import catalog
    from tfinpaint.studio.routes import forwarding_route, page_routes

    servers = catalog.remote_models(FLAGS.server, FLAGS.timeout)
    # Every visitor of the page can read what a model is about.
    routes = page_routes(
        [{"name": name, "about": without_password(url)} for name, url in servers.items()]
    )
    application = Starlette(routes=[*routes, forwarding_route(servers, FLAGS.timeout)])
    with listening.Listener(application, FLAGS.host, FLAGS.port, _allowed_hosts()) as listener:
        yield listener.url


def _allowed_hosts():
    return tuple(filter(None, FLAGS.allowed_hosts.split(",")))


def _tell(url):
    here = re.sub(r"//(0\.0\.0\.0|\[::\]):", "//127.0.0.1:", url)
    if not re.match(r"http://(127\.|localhost:|\[::1\]:)", url):
        command.warn(
            f"--host={FLAGS.host}: everybody who can reach this machine can use the studio; it "
            "asks for no password"
        )
    print(f"The studio is at {here} (Ctrl-C ends it)", flush=True)
    if FLAGS.open_browser and any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    ):
        webbrowser.open(here)


def _wait():
    """Waits until Ctrl-C."""
    threading.Event().wait()


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

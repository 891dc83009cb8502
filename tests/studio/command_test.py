"""The studio as a command: models and servers become names, and mistakes are one line.

It ends when it is told to.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import webbrowser

import numpy as np
import pytest
import requests
from serving.calls import b64, free_port, http_server, picture, png, redirecting, rest, unb64
from starlette.applications import Starlette

import tfinpaint
from tfinpaint import models, runs
from tfinpaint.export import saved_model
from tfinpaint.painting.painter import Painter
from tfinpaint.serving.listening import Listener
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.studio import __main__ as studio
from tfinpaint.studio import catalog, files, routes
from tfinpaint.training.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run directory with the initial weights of a small system."""
    folder = str(tmp_path_factory.mktemp("runs") / "tiny run")
    settings = TrainSettings(
        "partial_conv",
        PhotoSettings("samples:", image_size=32),
        HoleSettings(),
        steps=0,
        perceptual_weights="none",
        system_settings=(("width", 4), ("depth", 4)),
    )
    runs.write_run(folder, settings)
    system = runs.create_system(settings)
    system.compile(perceptual_weights="none")
    Checkpoints(folder, system).save(0)
    return folder


@pytest.fixture
def started():
    """started(*flags) -> a process of the studio that is ready, and its output lines until then."""
    processes = []

    def start(*flags, **environment):
        command = [sys.executable, "-m", "tfinpaint.studio", "--port=0", *flags]
        processes.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
        )
        lines = []
        while not lines or "The studio is at" not in lines[-1]:
            line = processes[-1].stdout.readline()
            assert line, processes[-1].stderr.read()
            lines.append(line)
        return processes[-1], lines

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def predict(url, photo, mask):
    status, answer = rest(
        f"{url}:predict",
        {"inputs": {"image_bytes": [b64(png(photo))], "mask_bytes": [b64(png(mask))]}},
    )
    assert status == 200, answer
    return picture(unb64(answer["outputs"][0]))


@pytest.fixture
def version(exported, tmp_path):
    """The exported model as version 3 of "paris"; a server starts sooner without warm-up."""
    folder = tmp_path / "paris/3"
    shutil.copytree(exported / "1", folder, ignore=shutil.ignore_patterns("assets.extra"))
    return folder


def check_answers(url, run_dir, painter, pair):
    """Of a studio of the run and that version."""
    models = rest(f"{url}/models.json")[1]["models"]
    assert [one["name"] for one in models] == ["tiny-run", "paris"]
    assert models[0]["about"] == "partial_conv, 32 px, step 0" and models[1]["about"].startswith(
        "multistage, 64 px"
    )
    photo, mask = pair
    np.testing.assert_array_equal(
        predict(f"{url}/v1/models/paris", photo, mask), painter.fill(photo, mask)
    )
    filled = predict(f"{url}/v1/models/tiny-run", photo, mask)
    np.testing.assert_array_equal(filled, tfinpaint.load(run_dir).fill(photo, mask))


@pytest.mark.slow
def test_a_run_is_exported_for_as_long_as_the_studio_is_there(
    run_dir, version, tmp_path, monkeypatch
):
    """An export is served where it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said, given = [], {"tiny-run": run_dir, "paris": str(version)}
    with catalog.exported_models(given, said.append, "auto") as paths:
        assert list(paths) == ["tiny-run", "paris"] and paths["paris"] == str(version)
        assert paths["tiny-run"].startswith(f"{tmp_path}/tfinpaint-studio-")
        told = [catalog.listed(*one) for one in paths.items()]
        assert [one["name"] for one in told] == ["tiny-run", "paris"]
        assert [one["about"].split(",")[0] for one in told] == ["partial_conv", "multistage"]
        stride = told[0]["context"].pop("stride")
        assert told[0]["context"] == {"share": 0.5, "centred": False, "least": 64}
        assert stride == tfinpaint.load(run_dir).stride
        assert os.path.isfile(os.path.join(paths["tiny-run"], "saved_model.pb"))
    assert said == [f"Preparing {run_dir} (some seconds)"]
    assert not list(tmp_path.glob("tfinpaint-studio-*")) and version.is_dir()


def test_a_run_with_an_export_inside_is_a_run(run_dir, version, tmp_path, monkeypatch):
    """As for `load`: what it has learnt since the export counts, and so does --detail."""
    exported = []

    def export(painter, output, card, detail, place):
        exported.append((card["system"], detail))
        return output

    monkeypatch.setattr(saved_model, "export", export)
    shutil.copytree(run_dir, tmp_path / "run")
    shutil.copytree(version, tmp_path / "run/1")
    path, said = str(tmp_path / "run"), []
    assert isinstance(tfinpaint.load(path), Painter)
    with catalog.exported_models({"run": path}, said.append, "off") as paths:
        assert not paths["run"].startswith(path)
    assert exported == [("partial_conv", "off")] and said == [f"Preparing {path} (some seconds)"]


KEYS = ("share", "centred", "least", "stride")


@pytest.mark.parametrize(
    "card, context",
    [
        (
            {"stride": 1, "context": {"share": 0.6875, "centred": True, "least": 64}},
            (0.6875, True, 64, 1),
        ),
        ({"stride": 512}, (0.5, False, 64, 512)),
        ({"stride": 8, "context": {"odd": 1}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_page_is_told_how_much_a_model_sees(tmp_path, card, context):
    (tmp_path / "1").mkdir()
    if card is not None:
        (tmp_path / "1/model_card.json").write_text(json.dumps({"system": "a", **card}))
    told = catalog.listed("b", str(tmp_path))
    assert told["name"] == "b" and told["about"] == ("" if card is None else "a, ? px")
    assert told.get("context") == (context and dict(zip(KEYS, context)))


@pytest.mark.slow
def test_the_model_in_the_box_is_called_the_default_model(packed, tmp_path, monkeypatch):
    shutil.copytree(packed, tmp_path / "default")
    monkeypatch.setattr(models, "FOLDER", str(tmp_path))
    said = []
    with catalog.exported_models(catalog.local_models("default"), said.append) as paths:
        assert list(paths) == ["default"]
    assert said == ["Preparing the default model (some seconds)"]


@pytest.mark.slow
def test_a_temporary_folder_that_cannot_be_written(run_dir, tmp_path, monkeypatch):
    """The message names no flag that nobody passed, and says how to choose another folder."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = f"the temporary folder {tmp_path} (TMPDIR=FOLDER chooses another)"
    for owner, name in ((saved_model.warmup, "write"), (tempfile, "mkdtemp")):
        monkeypatch.setattr(owner, name, full)
        with pytest.raises(SettingsError) as error:
            with catalog.exported_models({"a": run_dir}, list):
                pass
        assert str(error.value) == f"{place} cannot be written: the disk is full"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_run_and_an_export_until_it_is_ended(started, run_dir, version, painter, pair, tmp_path):
    process, lines = started(f"--model={run_dir},{version}", "--device=cpu", TMPDIR=str(tmp_path))
    assert lines[0] == f"Preparing {run_dir} (some seconds)\n" and len(lines) == 2
    url = re.fullmatch(
        r"The studio is at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", lines[1]
    )[1]
    assert len(list(tmp_path.glob("tfinpaint-studio-*"))) == 1
    check_answers(url, run_dir, painter, pair)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out == "The studio has ended.\n" and "Traceback" not in err
    assert not list(tmp_path.glob("tfinpaint-studio-*"))


def test_another_server_without_tensorflow(started, server, painter, pair, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    url = f"{server.url}/v1/models/small"
    process, lines = started(
        f"--server={url},{url}/versions/1,{server.url}/v1/models/nix", PYTHONPATH=str(tmp_path)
    )
    here = re.search(r"http://127\.0\.0\.1:\d+", lines[-1])[0]
    about = {"small": url, "small-2": f"{url}/versions/1", "nix": f"{server.url}/v1/models/nix"}
    assert rest(f"{here}/models.json")[1]["models"] == [
        {"name": name, "about": words} for name, words in about.items()
    ]
    photo, mask = pair
    for name in ("small", "small-2"):
        assert rest(f"{here}/v1/models/{name}") == rest(url)
        np.testing.assert_array_equal(
            predict(f"{here}/v1/models/{name}", photo, mask), painter.fill(photo, mask)
        )
    body = {"inputs": {"image_bytes": [b64(png(photo))], "mask_bytes": [b64(png(0 * mask))]}}
    status, answer = rest(f"{here}/v1/models/small:predict", body)
    assert status == 400 and (status, answer) == rest(f"{url}:predict", body)
    assert (
        rest(f"{here}/v1/models/nix") == rest(f"{server.url}/v1/models/nix")
        and rest(f"{here}/v1/models/nix")[0] == 404
    )
    for path in (
        "v1/models/else",
        "v1/models/small/../nix:predict",
        "v1/models/small:classify",
        "v1/models/small//metadata",
    ):
        assert rest(f"{here}/{path}")[0] == 404
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0 and process.stderr.read() == ""


def test_an_answer_goes_back_as_it_came():
    with (
        http_server((418, "text/x-odd; charset=latin-1", b"odd \xe9")) as (port, _),
        forwarding(port) as url,
    ):
        answer = requests.post(f"{url}/v1/models/a:predict", data=b"{}")
        assert answer.status_code == 418 and answer.content == b"odd \xe9"
        assert answer.headers["content-type"] == "text/x-odd; charset=latin-1"


def test_no_redirect_is_followed():
    with (
        http_server((200, "application/json", b"{}")) as (other, arrivals),
        redirecting(f"http://127.0.0.1:{other}/") as (port, _),
        forwarding(port) as url,
    ):
        assert requests.get(f"{url}/v1/models/a", allow_redirects=False).status_code == 302
        assert not arrivals


def test_a_request_that_is_too_large(monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 2**20)
    with http_server((200, "application/json", b"{}")) as (port, arrivals), forwarding(port) as url:
        status, answer = rest(f"{url}/v1/models/a:predict", bytes(2**20 + 1))
        assert status == 413 and answer["error"] == "A request has at most 1 MB" and not arrivals
        assert rest(f"{url}/v1/models/a:predict", bytes(2**20)) == (200, {}) and len(arrivals) == 1


def test_files_are_opened_saved_and_refused_in_a_line(monkeypatch):
    with Listener(Starlette(routes=routes.page_routes([])), "127.0.0.1", 0) as studio:

        def post(path, content):
            with requests.Session() as session:
                session.trust_env = False
                return session.post(f"{studio.url}/{path}", content)

        pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
        saved = post("saved/a.webp", png(pixels))
        opened = post("opened/photograph?name=a.webp", saved.content)
        np.testing.assert_array_equal(picture(opened.content), pixels)
        for path, content, status, words in (
            ("saved/a.gif", png(pixels), 400, r"ends in .jpg.* Got a.gif"),
            ("saved/a.webp", b"no picture", 400, "What the page sent is not a JPEG"),
            ("opened/mask?name=a.png", b"no picture", 400, "a.png is not a JPEG"),
            ("opened/drawing", png(pixels), 404, "A photograph or a mask is opened"),
        ):
            answer = post(path, content)
            assert answer.status_code == status and re.search(words, answer.json()["error"])
        monkeypatch.setattr(files, "LARGEST", 2**20)
        answer = post("opened/photograph", bytes(2**20 + 1))
        assert answer.status_code == 413 and answer.json()["error"].endswith("at most 1 MB")


@contextlib.contextmanager
def forwarding(port):
    """URL of a server that forwards requests for the model "a" to this port."""
    route = routes.forwarding_route({"a": f"http://127.0.0.1:{port}/v1/models/a"}, 5)
    with Listener(Starlette(routes=[route]), "127.0.0.1", 0) as listener:
        yield listener.url


# ----------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "flags, words",
    [
        ([], "--model=default is the model that comes with tfinpaint, and this copy has none"),
        (["--model=a", "--server=http://a/v1/models/b"], "--model and --server: one of them fills"),
        (["--model=nowhere"], "--model=nowhere is no folder"),
        (["--model=a,,b"], "--model is one or more.* Got 'a,,b'"),
        (["--model=."], "--model=. is no run directory: it has no settings.json"),
        (
            ["--server=grpc://localhost:8500/paris"],
            "a browser does not speak gRPC. Got 'grpc://localhost:8500/paris'",
        ),
        (["--server=localhost:8501"], "--server is http://HOST:PORT/v1/models/NAME"),
        (["--server=http://a/v1/models/b,"], "--server is one or more"),
        (
            ["--server=http://a/v1/models/b", "--detail=off"],
            "--detail=off is for --model; with --server",
        ),
        (
            ["--server=http://a/v1/models/b", "--timeout=0"],
            "--timeout is a number of seconds above 0. Got 0",
        ),
        (
            ["--server=http://a/v1/models/b", "--host=no.such.host.invalid"],
            "--port=0 on no.such.host.invalid cannot be opened",
        ),
        (["--model=.", "--port=70000"], "port.*65535"),
        (["--model=.", "--device=tpu"], "--device is cpu, gpu or gpu:N. Got 'tpu'"),
    ],
)
def test_mistakes_are_one_line(command_line, tmp_path, monkeypatch, empty_box, flags, words):
    monkeypatch.chdir(tmp_path)
    status, out, err = command_line(studio.main, "--port=0", *flags)
    assert status == 1 and re.fullmatch(rf"tfinpaint: .*{words}.*\n", err), err
    assert "The studio" not in out


@pytest.mark.parametrize("flag", ["--model=.", "--server=http://localhost/v1/models/a"])
def test_a_port_that_is_taken(command_line, server, monkeypatch, tmp_path, flag):
    monkeypatch.chdir(tmp_path)
    port = server.url.rpartition(":")[2]
    status, out, err = command_line(studio.main, flag, f"--port={port}")
    assert (
        status == 1
        and out == ""
        and re.fullmatch(
            rf"tfinpaint: --port={port} on 127.0.0.1 cannot be opened .*: choose another\n", err
        )
    )


@pytest.mark.parametrize(
    "name, flag",
    [
        ("uvicorn", "--server=http://a/v1/models/b"),
        ("starlette", "--model=."),
        ("requests", "--model=."),
        ("tensorflow_serving", "--model=."),
    ],
)
def test_a_missing_package(command_line, monkeypatch, name, flag):
    monkeypatch.setitem(sys.modules, name, None)
    status, _, err = command_line(studio.main, flag)
    assert status == 1 and re.fullmatch(
        rf"tfinpaint: .*{name}.*: the studio needs pip install -e '.\[serve\]'\n", err
    )


# --------------------------------------------------------------------------- what it says and opens


@pytest.fixture
def told(command_line, monkeypatch):
    """told(*flags, **environment) -> stdout, stderr and the URLs that were opened in a browser."""
    opened = []

    def ended_at_once():
        raise KeyboardInterrupt

    monkeypatch.setattr(webbrowser, "open", opened.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)

    def call(*flags, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(studio, "_wait", ended_at_once)
        status, out, err = command_line(
            studio.main, "--server=http://localhost/v1/models/a", *flags
        )
        assert status == 0
        return out, err, opened

    return call


def test_the_page_is_opened_where_there_is_a_display(told):
    port = free_port()
    out, err, opened = told(f"--port={port}", DISPLAY=":0")
    assert (
        out == f"The studio is at http://127.0.0.1:{port} (Ctrl-C ends it)\nThe studio has ended.\n"
        and err == ""
    )
    assert opened == [f"http://127.0.0.1:{port}"]


def test_the_page_is_not_opened_without_a_display_or_when_told_not_to(told):
    assert (
        told("--port=0")[2] == []
        and told("--port=0", "--open_browser=false", WAYLAND_DISPLAY="a")[2] == []
    )


def test_a_studio_for_everybody_says_so(told):
    out, err, _ = told("--port=0", "--host=0.0.0.0")
    assert re.match(r"The studio is at http://127\.0\.0\.1:\d+ ", out)
    assert (
        err
        == "tfinpaint: warning: --host=0.0.0.0: everybody who can reach this machine can use the "
        "studio; it asks for no password\n"
    )


def test_a_password_in_a_servers_url_is_shown_to_nobody(command_line, monkeypatch, closed_port):
    port, got = free_port(), {}
    place = f"127.0.0.1:{closed_port}/v1/models/gone"

    def look():
        for path in ("models.json", "v1/models/gone"):
            got[path] = rest(f"http://127.0.0.1:{port}/{path}")
        raise KeyboardInterrupt

    monkeypatch.setattr(studio, "_wait", look)
    status, out, err = command_line(
        studio.main, f"--server=http://me:secret@{place}", f"--port={port}"
    )
    assert status == 0 and "secret" not in out + err + json.dumps(got)
    assert got["models.json"][1]["models"] == [{"name": "gone", "about": f"http://{place}"}]
    line = f"http://{place} cannot be reached: Connection refused"
    assert got["v1/models/gone"] == (502, {"error": line})


def test_sigterm_while_a_model_is_prepared_has_its_own_status(command_line, monkeypatch):
    monkeypatch.setattr(studio, "_local", lambda: signal.raise_signal(signal.SIGTERM))
    status, out, err = command_line(studio.main, "--port=0")
    assert (status, out, err) == (143, "", "tfinpaint: ended by SIGTERM\n")


def test_the_signal_handler_is_given_back(told):
    before = signal.getsignal(signal.SIGTERM)
    told("--port=0")
    assert signal.getsignal(signal.SIGTERM) is before


# -------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "paths, names",
    [
        (["runs/paris"], ["paris"]),
        (["runs/paris/"], ["paris"]),
        (["a/x", "b/x", "c/x", "d/x-2"], ["x", "x-2", "x-3", "x-2-2"]),
        (["exported/paris/12"], ["paris"]),
        (["my run: é"], ["my-run"]),
        (["a/<b>"], ["b"]),
        (["a/lr=0.1_b"], ["lr-0.1_b"]),
    ],
)
def test_folders_become_names(tmp_path, monkeypatch, paths, names):
    monkeypatch.chdir(tmp_path)
    for path in paths:
        (tmp_path / path).mkdir(parents=True)
    assert list(catalog.local_models(",".join(paths))) == names
    assert list(catalog.local_models(",".join(paths)).values()) == paths


def test_urls_become_names():
    urls = [
        "http://a:1/v1/models/paris",
        "https://b/under/v1/models/paris/versions/3/",
        "http://[::1]:5/v1/models/x.y",
    ]
    assert catalog.remote_models(",".join(urls), 5) == {
        "paris": urls[0],
        "paris-2": urls[1].rstrip("/"),
        "x.y": urls[2],
    }
    with pytest.raises(SettingsError):
        catalog.remote_models("http://a/v1/models/", 5)

"""The command that serves exported models in Python: it prints their URLs and answers.

It ends with Ctrl-C and reports a mistake in one line.
"""

import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from serving.calls import rest

from tfinpaint.serving.client import connect
from tools import python_server


@pytest.mark.slow
@pytest.mark.parametrize(
    "end, status, words",
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_it_serves_until_it_is_ended(exported, painter, pair, tmp_path, end, status, words):
    # The server starts sooner without warm-up.
    shutil.copytree(
        exported / "1", tmp_path / "paris/3", ignore=shutil.ignore_patterns("assets.extra")
    )
    command = [
        sys.executable,
        "-m",
        "tools.python_server",
        f"--model={tmp_path}/paris,other={tmp_path}/paris/3/",
        "--port=0",
        "--grpc_port=0",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            url, grpc_url = re.fullmatch(
                r"(http://127\.0\.0\.1:\d+/v1/models/other)   "
                r"(grpc://127\.0\.0\.1:\d+/other)   version 3\n",
                lines[1],
            ).groups()
            assert lines[0] == f"{url}   {grpc_url}   version 3\n".replace("/other", "/paris")
            assert rest(url)[0] == rest(url.replace("/other", "/paris"))[0] == 200
            for one in (url, grpc_url):
                np.testing.assert_array_equal(connect(one).fill(*pair), painter.fill(*pair))
            process.send_signal(end)
            assert process.wait(30) == status
            assert process.stderr.read().splitlines()[-1] == f"tfinpaint: {words}"
        finally:
            process.kill()


@pytest.mark.parametrize(
    "model, words",
    [
        ("", "--model is missing: .*NAME=FOLDER"),
        ("a/paris,b/paris", "--model has two models named paris"),
        ("x=a,x=b", "two models named x"),
        ("nowhere", "nowhere is no model that `export` wrote"),
        ("exported/paris/3,runs/paris", "--model has two models named paris"),
        ("pa:ris=a", "--model: a model's name is made of letters, .* Got 'pa:ris' in 'pa:ris=a'"),
        ("runs/lr=1", "--model: a model's name is made of letters, .* Got 'runs/lr'"),
        ("=a", "--model: a model's name is made of letters"),
        ("a=runs/lr=1", "runs/lr=1 is no model that `export` wrote"),
    ],
)
def test_mistakes_are_one_line(command_line, tmp_path, monkeypatch, model, words):
    monkeypatch.chdir(tmp_path)
    status, out, err = command_line(
        python_server.main, f"--model={model}", "--port=0", "--grpc_port=0"
    )
    assert status == 1 and out == "" and re.fullmatch(rf"tfinpaint: .*{words}.*\n", err)


@pytest.mark.parametrize(
    "model, names",
    [
        (
            "exported/paris/3,x=exported/celeba/3",
            {"paris": "exported/paris/3", "x": "exported/celeba/3"},
        ),
        ("my run: é/,a.b=c=d", {"my-run": "my run: é/", "a.b": "c=d"}),
    ],
)
def test_models_are_named_as_in_the_studio(command_line, monkeypatch, model, names):
    served = []
    monkeypatch.setattr(python_server, "_serve", lambda models, values: served.append(models))
    assert command_line(python_server.main, f"--model={model}", "--port=0")[0] == 0
    assert served == [names]


@pytest.mark.parametrize(
    "end, status, words",
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_the_status_tells_which_signal_ended_it(command_line, monkeypatch, end, status, words):
    monkeypatch.setattr(python_server, "_serve", lambda models, values: signal.raise_signal(end))
    before = signal.getsignal(signal.SIGTERM)
    ended = command_line(python_server.main, "--model=a", "--port=0")
    assert ended == (status, "", f"tfinpaint: {words}\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_is_taken(command_line, exported, server, monkeypatch):
    import tensorflow as tf

    # The model is already loaded.
    monkeypatch.setattr(
        tf.saved_model, "load", lambda path, model=server.models["small"]._model: model
    )
    for flags in (
        ["--grpc_port=0", f"--port={server.url.rpartition(':')[2]}"],
        ["--port=0", f"--grpc_port={server.grpc_address.rpartition(':')[2]}"],
    ):
        status, out, err = command_line(python_server.main, f"--model={exported}", *flags)
        assert (
            status == 1
            and out == ""
            and re.fullmatch(rf"tfinpaint: {flags[1]} on 127.0.0.1 cannot be opened .*\n", err)
        )

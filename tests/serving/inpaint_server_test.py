"""`inpaint --server`: the command's fill through a server is the fill it would make itself.

Every trouble is one line, and then there is no output.
"""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from serving.calls import http_server, silent_port

import tfinpaint
from tfinpaint import inpaint


@pytest.fixture
def files(tmp_path, pair, monkeypatch):
    """The working folder, with photo.png and mask.png."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pair[0]).save("photo.png")
    Image.fromarray(pair[1]).save("mask.png")
    return tmp_path


@pytest.fixture(params=["rest", "grpc"])
def url(request, server):
    return (
        f"{server.url}/v1/models/small"
        if request.param == "rest"
        else f"grpc://{server.grpc_address}/small"
    )


ONE = ("--image=photo.png", "--mask=mask.png", "--output=filled.png")


def test_the_output_is_the_models(command_line, files, url, painter, pair):
    status, out, err = command_line(inpaint.main, f"--server={url}", *ONE)
    assert status == 0 and err == "" and "photo.png (240x160) -> filled.png" in out
    np.testing.assert_array_equal(Image.open("filled.png"), painter.fill(*pair))


def test_a_hole_is_grown(command_line, files, url, painter, pair):
    status, out, _ = command_line(inpaint.main, f"--server={url}", "--grow_hole=4", *ONE)
    assert status == 0 and "grown by --grow_hole=4" in out
    np.testing.assert_array_equal(Image.open("filled.png"), painter.fill(*pair, grow=4))


def test_a_folder(command_line, files, url, painter, pair):
    for name in ("a", "b"):
        (files / "photos" / name).mkdir(parents=True)
        Image.fromarray(np.roll(pair[0], ord(name), axis=1)).save(files / "photos" / name / "x.png")
    status, out, err = command_line(
        inpaint.main, f"--server={url}", "--image=photos", "--mask=mask.png", "--output=filled"
    )
    assert status == 0 and out.count(" -> ") == 2
    for name in ("a", "b"):
        filled = Image.open(files / "filled" / name / "x.png")
        np.testing.assert_array_equal(
            filled, painter.fill(np.roll(pair[0], ord(name), axis=1), pair[1])
        )


def refused(command_line, *arguments):
    """The one line of a run that fails and writes nothing."""
    status, out, err = command_line(inpaint.main, *arguments, *ONE)
    assert status == 1 and out == "" and re.fullmatch(r"tfinpaint: .+\n", err)
    with pytest.raises(FileNotFoundError):
        Image.open("filled.png")
    return err


def test_a_server_and_a_model_are_one_too_many(command_line, files, url):
    assert "--model and --server" in refused(command_line, f"--server={url}", "--model=a_run")


def test_a_server_has_no_attention_to_show(command_line, files, url):
    assert "--attention takes a run directory as --model" in refused(
        command_line, f"--server={url}", "--attention"
    )


def test_neither_a_server_nor_a_model(command_line, files, empty_box):
    assert (
        "--model=default is the model that comes with tfinpaint, and this copy has none"
        in refused(command_line)
    )


def test_no_url_of_a_model(command_line, files, server):
    assert "--server is http://HOST:PORT/v1/models/NAME or grpc://" in refused(
        command_line, f"--server={server.url}"
    )


def test_feather_is_refused(command_line, files, url):
    assert "--feather is 0 with --server" in refused(command_line, f"--server={url}", "--feather=2")


def test_blending_is_refused(command_line, files, url):
    assert "--blend=poisson is for --model; a --server fills" in refused(
        command_line, f"--server={url}", "--blend=poisson"
    )


def test_detail_is_the_servers(command_line, files, url):
    assert "--detail=off is for --model; with --server" in refused(
        command_line, f"--server={url}", "--detail=off"
    )


def test_a_server_that_is_not_there(command_line, files, closed_port, pauses):
    url = f"http://127.0.0.1:{closed_port}/v1/models/small"
    assert (
        refused(command_line, f"--server={url}")
        == f"tfinpaint: {url} cannot be reached: Connection refused\n"
    )
    assert pauses == [0.5, 1, 2]


def test_a_server_that_does_not_answer(command_line, files):
    with silent_port() as port:
        assert "did not answer within 0.3 s (--timeout)" in refused(
            command_line, f"--server=http://127.0.0.1:{port}/v1/models/small", "--timeout=0.3"
        )


def test_a_model_that_is_not_there(command_line, files, server):
    assert "answered 404: Servable not found" in refused(
        command_line, f"--server={server.url}/v1/models/nix"
    )


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_timeout_that_is_none(command_line, files, url, seconds):
    assert "--timeout" in refused(command_line, f"--server={url}", f"--timeout={seconds}")


def test_a_photograph_that_a_server_refuses_is_reported_while_the_others_go_on(command_line, files):
    (files / "photos").mkdir()
    for name in ("a", "b"):
        Image.open("photo.png").save(files / "photos" / f"{name}.png")
    with http_server((400, "application/json", b'{"error": "such a\\npity"}')) as (port, arrivals):
        status, out, err = command_line(
            inpaint.main,
            f"--server=http://127.0.0.1:{port}/v1/models/small",
            "--image=photos",
            "--mask=mask.png",
            "--output=filled",
        )
    lines = err.splitlines()
    assert status == 1 and out == "" and len(arrivals) == 2
    assert [line.endswith("answered 400: such a pity") for line in lines[:2]] == [True] * 2
    assert lines[-1] == "tfinpaint: 2 of 2 photographs could not be filled"


def test_it_needs_no_tensorflow(files, server):
    script = """
import runpy, sys
try:
    runpy.run_module("tfinpaint.inpaint", run_name="__main__", alter_sys=True)
finally:
    assert "tensorflow" not in sys.modules
"""
    # The script runs in another folder.
    environment = {
        **os.environ,
        "PYTHONPATH": str(pathlib.Path(tfinpaint.__file__).parents[1]),
    }
    end = subprocess.run(
        [sys.executable, "-c", script, f"--server={server.url}/v1/models/small", *ONE],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert end.returncode == 0 and end.stderr == "" and (files / "filled.png").exists()

"""The load test: a server gives many clients at once the picture that it gives one alone.

All other answers are counted.
"""

import re

import numpy as np
import pytest
from changed import Clock
from PIL import Image

from tfinpaint.serving import client
from tfinpaint.serving.client import ServerError
from tfinpaint.settings import SettingsError
from tools import load_test


@pytest.fixture
def small():
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 24:50] = 255
    return photo, mask


@pytest.mark.slow
@pytest.mark.parametrize("kind, requests", [("rest", 40), ("grpc", 60)])
def test_many_clients_at_once_get_what_one_gets(server, small, kind, requests):
    url = (
        f"{server.url}/v1/models/small" if kind == "rest" else f"grpc://{server.grpc_address}/small"
    )
    result = load_test.load(url, *small, requests=requests, clients=8)
    assert result["errors"] == [] and result["different"] == 0
    assert 0 < result["p50"] <= result["p99"] and result["rate"] > 0


class MadeUp:
    """A client some of whose answers are errors, and some other pictures."""

    calls = 0

    def fill(self, photo, mask):
        MadeUp.calls += 1
        if MadeUp.calls in (4, 7, 9):
            raise ServerError(f"{MadeUp.calls} is busy")
        return photo + 1 if MadeUp.calls == 5 else photo


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(MadeUp, "calls", 0)
    monkeypatch.setattr(client, "connect", lambda url, timeout: MadeUp())


def test_errors_and_other_pictures_are_counted(made_up, small):
    result = load_test.load("http://a", *small, requests=12, clients=1)
    assert (
        sorted(result["errors"]) == ["4 is busy", "7 is busy", "9 is busy"]
        and result["different"] == 1
    )
    assert MadeUp.calls == 13  # one request alone comes first


@pytest.mark.parametrize("good", [3, 0])
def test_requests_that_fail_do_not_make_a_server_fast(monkeypatch, small, good):
    """They are answered at once, and are no photographs that came back."""
    clock, calls = Clock(), []

    class Refusing:
        def fill(self, photo, mask):
            calls.append(1)
            refused = len(calls) > 1 + good
            clock.now += 0.01 if refused else 0.5
            if refused:
                raise ServerError("busy")
            return photo

    monkeypatch.setattr(client, "connect", lambda url, timeout: Refusing())
    monkeypatch.setattr(load_test, "time", clock)
    result = load_test.load("http://a", *small, requests=12, clients=1)
    assert len(result["errors"]) == 12 - good
    assert result["rate"] == pytest.approx(good / (0.5 * good + 0.01 * (12 - good)))
    wanted = 0.5 if good else np.nan
    np.testing.assert_allclose([result["p50"], result["p99"]], [wanted, wanted])


@pytest.fixture
def files(tmp_path, small):
    Image.fromarray(small[0]).save(tmp_path / "photo.png")
    Image.fromarray(small[1]).save(tmp_path / "mask.png")
    return f"--image={tmp_path}/photo.png", f"--mask={tmp_path}/mask.png"


def test_the_command(command_line, server, files):
    status, out, err = command_line(
        load_test.main,
        f"--server={server.url}/v1/models/small",
        *files,
        "--requests=12",
        "--clients=3",
    )
    assert status == 0 and err == ""
    first, rest = out.split("\n", 1)
    assert first == (
        f"12 requests by 3 clients to {server.url}/v1/models/small, each answer compared with a "
        "single fill"
    )
    assert re.fullmatch(
        r"0 errors, 0 wrong pictures; \d+\.\d\d photographs/s, "
        r"median \d+\.\d{3} s, 99th percentile \d+\.\d{3} s\n",
        rest,
    )


def test_the_command_says_what_it_does_before_it_waits(command_line, files, monkeypatch, capsys):
    said = []

    def load(*arguments):
        said.append(capsys.readouterr().out)
        raise SettingsError("no answer")

    monkeypatch.setattr(load_test, "load", load)
    status, _, err = command_line(load_test.main, "--server=http://a", *files)
    assert status == 1 and err == "tfinpaint: no answer\n"
    assert said == [
        "200 requests by 8 clients to http://a, each answer compared with a single fill\n"
    ]


def test_the_command_fails_where_answers_were_wrong(command_line, made_up, files):
    status, out, err = command_line(
        load_test.main, "--server=http://a", *files, "--requests=12", "--clients=1"
    )
    assert (
        status == 1
        and "3 errors, 1 wrong picture;" in out
        and err == "tfinpaint: 4 is busy; 7 is busy; 9 is busy\n"
    )


@pytest.mark.parametrize("left_out", ["server", "image", "mask"])
def test_what_is_missing_is_named(command_line, files, left_out):
    flags = [
        flag
        for flag in ("--server=http://a/v1/models/b", *files)
        if not flag.startswith(f"--{left_out}=")
    ]
    status, _, err = command_line(load_test.main, *flags)
    assert status == 1 and re.fullmatch(rf"tfinpaint: --{left_out} is missing: .*\n", err)


def test_a_model_that_is_not_there_is_one_line(command_line, server, files):
    status, out, err = command_line(load_test.main, f"--server={server.url}/v1/models/nix", *files)
    assert (
        status == 1
        and out.count("\n") == 1
        and re.fullmatch("tfinpaint: http://.*/nix answered 404: Servable not found .*\n", err)
    )

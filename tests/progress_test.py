"""The progress bar: what it says at which second, on a terminal and in a file."""

import io

import pytest
from changed import Clock

from tfinpaint import progress
from tfinpaint.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """The clock of the bar, in seconds."""
    clock = Clock(100.0)
    monkeypatch.setattr(progress, "time", clock)
    return clock


def lines(stream):
    return [line for line in stream.getvalue().replace("\r\x1b[K", "\n").splitlines() if line]


def test_the_first_item_does_not_count_for_the_speed(clock):
    stream = Terminal()
    bar = ProgressBar(
        10, "{done}/{total} [{bar}] {rate} images/s {left} left", per_item=6, stream=stream
    )
    for seconds in (60, 2, 2):
        clock.now += seconds
        bar.step()
    assert lines(stream) == [
        "1/10 [==                  ] ... images/s ... left",
        "2/10 [====                ] 3.0 images/s 0:16 left",
        "3/10 [======              ] 3.0 images/s 0:14 left",
    ]


def test_the_first_item_may_stand_for_the_others_until_there_is_a_second(clock):
    stream = Terminal()
    bar = ProgressBar(4, "{left}", first_counts=True, stream=stream)
    for seconds in (10, 1):
        clock.now += seconds
        bar.step()
    assert lines(stream) == ["0:30", "0:02"]


def test_what_was_done_before_is_drawn_and_says_nothing_about_the_speed(clock):
    stream = Terminal()
    bar = ProgressBar(100, "{done} [{bar}] {left}", done=50, width=10, stream=stream)
    for step in (51, 52):
        clock.now += 1
        bar.update(step)
    assert lines(stream) == ["51 [=====     ] ...", "52 [=====     ] 0:48"]


def test_a_terminal_is_redrawn_three_times_a_second_at_most(clock):
    stream = Terminal()
    bar = ProgressBar(1000, "{done}", stream=stream)
    for _ in range(100):
        clock.now += 0.01
        bar.step()
    assert 3 <= len(lines(stream)) <= 4


def test_the_line_comes_back_with_the_next_item(clock):
    stream = Terminal()
    bar = ProgressBar(10, "{done}", stream=stream)
    bar.clear()
    assert stream.getvalue() == ""  # nothing to take away yet
    bar.step()
    bar.clear()
    bar.step()
    assert stream.getvalue() == "\r\x1b[K1\r\x1b[K\r\x1b[K2"


def test_in_a_file_there_is_a_plain_line_every_ten_seconds_and_a_last_one(clock):
    stream = io.StringIO()
    bar = ProgressBar(35, "[{bar}] {done}", "{done} of {total}", stream=stream)
    for _ in range(35):
        clock.now += 1
        bar.step()
    bar.clear()
    assert stream.getvalue() == "10 of 35\n20 of 35\n30 of 35\n35 of 35\n"


def test_in_a_file_there_may_be_a_line_every_so_many_items(clock):
    stream = io.StringIO()
    bar = ProgressBar(7, "{done} {loss:.2f}", plain_every=3, stream=stream)
    for k in range(7):
        bar.step(loss=k / 10)
    assert stream.getvalue() == "1 0.00\n3 0.20\n6 0.50\n7 0.60\n"


def test_the_first_item_after_those_that_were_done_has_a_line(clock):
    """tools/studies/running.py knows by it that a resumed run takes steps."""
    stream = io.StringIO()
    bar = ProgressBar(7, "{done}", plain_every=3, done=3, stream=stream)
    for _ in range(4):
        bar.step()
    assert stream.getvalue() == "4\n6\n7\n"

"""One process trains in a run directory, and a dead one is in nobody's way."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training import train
from tfinpaint.training.run_lock import RunLock

HOLDING = (
    "import fcntl, os, sys\n"
    "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
    "print('taken', flush=True)\n"
    "sys.stdin.read()\n"
)
SETTINGS = TrainSettings("partial_conv", PhotoSettings("samples:"), HoleSettings())


def test_another_process_keeps_the_folder_until_it_is_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "taken\n"
        for resume in (True, False):
            with pytest.raises(SettingsError, match="another process trains in `run_dir='.*'`: "):
                train(SETTINGS, str(tmp_path), resume=resume)
        process.kill()
    with RunLock(str(tmp_path)) as lock:
        lock.take()
    assert os.listdir(tmp_path) == []


def test_the_folder_is_free_after_the_block_and_taken_once_within(tmp_path):
    with RunLock(str(tmp_path)) as lock:
        lock.take()
        lock.take()
        with RunLock(str(tmp_path)) as other, pytest.raises(SettingsError):
            other.take()
    with RunLock(str(tmp_path)) as lock:
        lock.take()


def test_a_new_folder_is_taken_as_it_is_made_and_removed_if_nothing_can_be_written(tmp_path):
    folder = tmp_path / "runs" / "a"
    with RunLock(str(folder)) as lock:
        lock.take()  # nothing is there
        with pytest.raises(SettingsError, match="cannot be written: the disk is full"):
            with lock.making_folder():
                assert folder.is_dir()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not folder.parent.exists()
    with RunLock(str(folder)) as lock, RunLock(str(folder)) as other:
        with lock.making_folder():
            pass
        with pytest.raises(SettingsError, match="another process"), other.making_folder():
            pass
    assert folder.is_dir()


def test_a_process_that_comes_second_does_not_remove_the_folder_of_the_first(tmp_path, monkeypatch):
    """It made the folder, but the other one was quicker to take it."""
    folder = tmp_path / "a"
    take = RunLock.take
    with RunLock(str(folder)) as quick, RunLock(str(folder)) as slow:

        def take_second(lock):
            take(quick)
            take(lock)

        monkeypatch.setattr(RunLock, "take", take_second)
        with pytest.raises(SettingsError, match="another process"), slow.making_folder():
            pytest.fail("it writes")
        assert folder.is_dir()


def test_a_file_system_without_locks_is_no_error(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with RunLock(str(tmp_path)) as lock:
        lock.take()
        with lock.making_folder():
            pass

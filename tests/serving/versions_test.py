"""New versions take the place of old ones, and what cannot be loaded changes nothing."""

import gc
import logging
import weakref

import pytest
from waiting import until

from tfinpaint.serving import versions
from tfinpaint.serving.versions import Watcher
from tfinpaint.settings import SettingsError


class Loaded:
    """What stands for a model."""

    def __init__(self, version):
        self.version = version


def load(name, path):
    version = int(path.rpartition("/")[2])
    if version == 7:
        raise SettingsError(f"{path} is damaged")
    if version == 8:
        raise RuntimeError("something odd")
    return Loaded(version)


@pytest.fixture
def watched(tmp_path):
    """A folder with version 1 and the models that a Watcher of it exchanges."""
    (tmp_path / "1").mkdir()
    models = {"a": Loaded(1)}
    watcher = Watcher(models, {"a": str(tmp_path)}, load, 0.02)
    yield tmp_path, models
    watcher.stop()


@pytest.fixture
def look(monkeypatch):
    """look() waits until a folder has been looked at a few times more."""
    looks, real = [], versions.versions
    monkeypatch.setattr(versions, "versions", lambda folder: looks.append(folder) or real(folder))

    def wait(folder, times=3):
        before = looks.count(str(folder))
        # The last one may not be over. One takes seconds if the process holds many graphs.
        until(lambda: looks.count(str(folder)) > before + times, seconds=120)

    return wait


def test_the_highest_version_is_taken_and_the_old_one_goes(watched, look):
    folder, models = watched
    old = weakref.ref(models["a"])
    (folder / "3").mkdir()
    until(lambda: models["a"].version == 3)
    gc.collect()
    until(lambda: old() is None)
    for name in ("2", "x4", "04", "4 ", "٥", "-9", "beside"):
        (folder / name).mkdir()
    (folder / "5").write_text("no folder")
    look(folder)
    assert models["a"].version == 3
    (folder / "3").rmdir()  # the one before comes back
    until(lambda: models["a"].version == 2)


def test_an_old_version_is_freed_once_nobody_uses_it(watched, look):
    folder, models = watched
    used = models["a"]
    used.me = used  # a cycle, as graphs have
    old = weakref.ref(used)
    (folder / "2").mkdir()
    until(lambda: models["a"].version == 2)
    look(folder)
    del used
    until(lambda: old() is None)


@pytest.mark.parametrize("version, why", [(7, "is damaged"), (8, "something odd")])
def test_a_version_that_cannot_be_loaded_is_told_once(
    watched, look, caplog, monkeypatch, version, why
):
    monkeypatch.setattr(logging.getLogger("tfinpaint"), "propagate", True)
    folder, models = watched
    (folder / str(version)).mkdir()
    look(folder)
    assert models["a"].version == 1
    (only,) = caplog.records
    assert why in only.getMessage() and only.getMessage().endswith("Version 1 stays")
    (folder / "9").mkdir()
    until(lambda: models["a"].version == 9)


def test_a_version_that_cannot_be_loaded_is_tried_again_when_it_changes(tmp_path, look):
    """Not at every look: that would keep a core busy."""
    (tmp_path / "1").mkdir()
    (tmp_path / "7").mkdir()
    (tmp_path / "7/saved_model.pb").write_text("half")
    models, loads = {"a": Loaded(1)}, []

    def load_whole(name, path):
        loads.append(path)
        if (tmp_path / "7/saved_model.pb").read_text() != "whole":
            raise SettingsError("half")
        return Loaded(7)

    watcher = Watcher(models, {"a": str(tmp_path)}, load_whole, 0.02)
    look(tmp_path)
    assert len(loads) == 1 and models["a"].version == 1
    (tmp_path / "7/saved_model.pb").write_text("whole")
    until(lambda: models["a"].version == 7)
    watcher.stop()
    assert len(loads) in (2, 3)  # a look may fall between two steps of writing


def test_a_version_that_cannot_be_loaded_is_tried_again_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "_AGAIN", 0.1)
    (tmp_path / "2").mkdir()
    models, short, tried = {"a": Loaded(1)}, [True], []  # short of memory

    def load_or_not(name, path):
        tried.append(path)
        if short:
            raise MemoryError
        return load(name, path)

    watcher = Watcher(models, {"a": str(tmp_path)}, load_or_not, 0.02)
    until(lambda: len(tried) >= 2)
    assert models["a"].version == 1
    short.clear()
    until(lambda: models["a"].version == 2)
    watcher.stop()


def test_a_folder_that_cannot_be_read_is_looked_at_again(watched, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tfinpaint"), "propagate", True)
    folder, models = watched
    real, bad, looks = versions.versions, [True], []

    def stale(path):
        looks.append(path)
        if bad:
            raise OSError(116, "Stale file handle")
        return real(path)

    monkeypatch.setattr(versions, "versions", stale)
    until(lambda: len(looks) >= 4)
    bad.clear()
    (folder / "2").mkdir()
    until(lambda: models["a"].version == 2)
    told = [record.getMessage() for record in caplog.records if "Stale" in record.getMessage()]
    assert len(told) == 1 and told[0].startswith(str(folder)) and "Version 1 stays" in told[0]


def test_an_empty_folder_and_a_version_directory_change_nothing(tmp_path, look):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").touch()
    (tmp_path / "1/2").mkdir()
    (tmp_path / "empty").mkdir()
    models = {"a": Loaded(1), "b": Loaded(1), "c": Loaded(1)}
    paths = {"a": str(tmp_path / "1"), "b": str(tmp_path / "nowhere"), "c": str(tmp_path / "empty")}
    watcher = Watcher(models, paths, load, 0.02)
    look(tmp_path / "nowhere")
    look(tmp_path / "empty")
    watcher.stop()
    assert [model.version for model in models.values()] == [1, 1, 1]

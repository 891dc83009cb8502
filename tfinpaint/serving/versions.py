"""Loads new versions of models while a server runs, as TensorFlow Serving does.

The folder of each model is checked every few seconds. If its highest version is not the one that
the server has, the new version is loaded and warmed up beside the old one, and replaces it between
two requests. Requests that have begun are answered by the old version, which is then unloaded. A
version that cannot be loaded is reported once, and the old one stays. Loading is tried again when
the files change, and every few minutes, in case memory was short.
"""

import gc
import logging
import os
import threading
import time
import weakref
from typing import Any, Callable, Dict, List, Tuple

from tfinpaint.export.version_folders import is_version, versions
from tfinpaint.serving.memory import trim
from tfinpaint.settings import SettingsError

_AGAIN = 300.0  # seconds after which loading a version that failed is tried again

_log = logging.getLogger("tfinpaint")


class Watcher:
    """Watches for new versions, in a thread, from the moment the object is made.

    Args:
        models: {name: Servable}, in which new versions replace old ones.
        paths: {name: path}; a path that is itself a version directory is not watched.
        load: (name, path) -> Servable.
        every: seconds between two checks.
    """

    def __init__(self, models: dict, paths: Dict[str, str], load: Callable, every: float):
        self._models, self._load = models, load
        self._folders = {name: path for name, path in paths.items() if not is_version(path)}
        self._told: Dict[str, str] = {}  # {path of a folder or version: what is wrong with it}
        # {name: the files of a version that could not be loaded, and when they are tried again}
        self._failed: Dict[str, Tuple[list, float]] = {}
        self._old: List[Any] = []  # weak references to the Servables that are to be unloaded
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(every,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watching, after the check that is in progress."""
        self._ended.set()
        self._thread.join()

    def _watch(self, every):
        while not self._ended.wait(every):
            for name, folder in self._folders.items():
                self._look(name, folder)
            self._unload()

    def _look(self, name, folder):
        path, new = folder, None
        try:
            numbers = versions(folder)
            if not numbers or numbers[-1] == self._models[name].version:
                return
            path = os.path.join(folder, str(numbers[-1]))
            files = _files(path)
            failed, again = self._failed.get(name, ([], 0.0))
            if files == failed and time.monotonic() < again:
                return
            self._failed[name] = files, time.monotonic() + _AGAIN
            new = self._load(name, path)
        except Exception as error:  # whatever is wrong with the new version, the old one stays
            self._tell(name, path, error)
        if new is None:
            if path != folder:
                gc.collect()  # frees what was loaded before the failure
            return
        del self._failed[name]
        old, self._models[name] = self._models[name], new
        _log.info("%s: version %d takes the place of %d", name, new.version, old.version)
        self._old.append(weakref.ref(old))

    def _tell(self, name, path, error):
        why = str(error) if isinstance(error, SettingsError) else f"{path}: {error!r}"
        if self._told.get(path) != why:
            self._told[path] = why
            _log.warning("%s. Version %d stays", why, self._models[name].version)

    def _unload(self):
        if not self._old:
            return
        gc.collect()  # graphs have reference cycles
        self._old = [reference for reference in self._old if reference() is not None]
        trim()


def _files(path):
    """The path of a version, and its files with their sizes and times. A change shows in these."""
    places = (os.path.join(folder, one) for folder, _, files in os.walk(path) for one in files)
    about = ((place, os.stat(place).st_size, os.stat(place).st_mtime_ns) for place in places)
    return [path, *sorted(about)]

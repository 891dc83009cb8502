"""Finds the photographs and masks of a big job.

    photos = Place.of("photos")                  # a local folder, at any depth
    masks = Place.of("gs://a/masks/*.png")       # a glob
    pictures, bad = found(pipeline, "Photographs", photos)

In a local folder, the same files are found as by `inpaint` (photo/folders.py). On other file
systems Beam lists the files, and the same rule decides by name and content. The path of a local
folder is made absolute and its links are resolved, so that one folder is always the same place.

A bad row is (photograph, mask, reason).
"""

import dataclasses
import logging
import os
from typing import Any, Iterator, Tuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from tfinpaint.big_jobs import files
from tfinpaint.photo import folders

BAD = "bad"
COUNTERS = "big job"
_ALL = "**"  # the glob of all files in a folder, at any depth
_NO_UTF8 = "its name is no UTF-8, which a pipeline cannot carry: rename it"
_log = logging.getLogger("tfinpaint")


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder and a glob of files in it.

    folder:  with a slash at its end; absolute and without links if it is local.
    glob:    the pattern below the folder.
    start:   the folder as it was given, for Beam.
    """

    folder: str
    glob: str
    start: str = dataclasses.field(compare=False)

    @classmethod
    def of(cls, path: str) -> "Place":
        """The place of a folder or of a glob."""
        if files.is_local(path) and os.path.isdir(path):
            start, glob = os.path.join(path, ""), _ALL
        else:
            pattern = files.as_pattern(path)
            start = files.fixed_part(pattern)
            glob = pattern[len(start) :]
        return cls(files.real_folder(start), glob, start)

    @property
    def is_folder(self) -> bool:
        """Whether it is a whole local folder."""
        return self.glob == _ALL and files.is_local(self.folder)


def is_file(path: str) -> bool:
    """Whether the path is a file; on other file systems, one with the ending of a picture."""
    if files.is_local(path):
        return os.path.isfile(path)
    return os.path.splitext(path)[1].lower() in folders.ENDINGS and files.exists(path)


def found(pipeline: Any, name: str, place: Place) -> Tuple[Any, Any]:
    """The pictures of a place, and bad rows: two collections of a pipeline.

    name: of the pipeline's steps.

    A picture is (name inside the folder, path, None).
    """
    matched = (
        pipeline
        | f"{name}Place" >> beam.Create([place])
        | f"{name}Match" >> beam.FlatMap(_matched).with_outputs(BAD, main="paths")
    )
    pictures = (
        matched.paths
        # so that all workers look at the files, not only the one that listed them
        | f"{name}Spread" >> beam.Reshuffle()
        | f"{name}Look" >> beam.FlatMap(_picture, place.folder)
    )
    return pictures, matched[BAD]


def _matched(place: Place) -> Iterator:
    for path in _listed(place):
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            shown = path.encode("utf-8", "replace").decode("utf-8")
            yield beam.pvalue.TaggedOutput(BAD, (shown, "", _NO_UTF8))
        else:
            yield path


def _listed(place: Place) -> Iterator[str]:
    if not place.is_folder:
        for path in files.match(place.start + place.glob):
            yield place.folder + path[len(place.start) :]
        return
    there = folders.look_through(place.folder)
    for line, severe in folders.lines(place.folder, there.passed_over):
        if severe:
            _log.warning("%s", line)
    passed_over = sum(map(len, there.passed_over.values()))
    Metrics.counter(COUNTERS, "passed_over").inc(passed_over)
    yield from there.paths


def _picture(path: str, folder: str) -> Iterator[tuple]:
    if folders.reason_against(path, files.head) is None:
        yield path[len(folder) :], path, None
    else:
        Metrics.counter(COUNTERS, "passed_over").inc()

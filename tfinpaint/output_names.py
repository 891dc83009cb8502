"""Chooses the names of all files that a run writes, before it begins, so that no two are the same.

    outputs(["a.jpg", "b.jfif"], [".jpg"], ending_for) -> ["a.jpg", "b.jpg"]
    beginnings(["out/a.jpg", "out/a.png"]) -> ["out/a_jpg", "out/a_png"]
    numbered(["out/a.png"], 2) -> [["out/a_1.png", "out/a_2.png"]]

An output keeps the name of its photograph. If two outputs would have the same name, or the same
names of the pictures beside them (NAME_edges.png, NAME_attention_LAYER_KIND.png), the ending
becomes part of the name. A name too long for the file system is shortened. Letter case is ignored
here, because many file systems ignore it; but A.jpg and a.jpg in one folder keep their names.
"""

import collections
import os
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Set, Tuple

from tfinpaint.photo.folders import stem

_BESIDE = ("_attention_", "_edges")
_LONGEST = 255  # bytes of a name
_ROOM = 70  # bytes of them for what follows the beginning, such as _attention_LAYER_weights.png


class _Taken(Set[str]):
    """Keys of names that are taken.

    lowest:  {(key of a name, key of an ending): a number below which all are taken}. Names are
             never given back, so no search has to begin at 2 again. For 20,000 names with one
             beginning, that would take minutes.
    """

    def __init__(self, keys: Iterable[str]):
        super().__init__(keys)
        self.lowest: Dict[Tuple[str, str], int] = {}


def outputs(
    photos: Sequence[str], writable: Sequence[str], ending_for: Callable[[str], str]
) -> List[str]:
    """The names of the filled photographs.

    photos:      their paths inside the folder, no two the same.
    writable:    the endings of formats that can be written, in lower case.
    ending_for:  a function of the path of a photograph with another ending, or none: the ending of
                 its output.
    """
    kept = [os.path.splitext(path)[1].lower() in writable for path in photos]
    taken = _Taken(_key(path) for path, keeps in zip(photos, kept) if keeps)
    found = []
    for path, keeps in zip(photos, kept):
        if keeps:
            found.append(path)
            continue
        ending = ending_for(path)
        names = [_shortened(name, len(ending)) for name in (stem(path), path)]
        found.append(_first_free(names, taken, ending))
        taken.add(_key(found[-1]))
    return found


def beginnings(outputs: Sequence[str], inputs: Iterable[str] = ()) -> List[str]:
    """For each output, how the names of the pictures beside it begin.

    outputs:  paths of the filled photographs, no two the same.
    inputs:   paths of photographs and masks, which must not be overwritten either.
    """
    plain = [os.path.splitext(path)[0] for path in outputs]
    count = collections.Counter(map(_key, plain))
    reserved: Set[str] = set()
    for path in (*outputs, *map(_real, inputs)):
        reserved.update(_reserved_by(_key(path)))
    taken = _Taken(set(count) | reserved)
    found = []
    for path, beginning in zip(outputs, plain):
        keys = {_key(beginning), _key(_real(beginning))}
        if count[_key(beginning)] > 1 or keys & reserved:
            ending = os.path.splitext(path)[1]
            beginning = _first_free([_shortened(f"{beginning}_{ending[1:]}", _ROOM)], taken)
        elif (short := _shortened(beginning, _ROOM)) != beginning:
            beginning = _first_free([short], taken)
        taken.add(_key(beginning))
        found.append(beginning)
    return found


def numbered(outputs: Sequence[str], count: int) -> List[List[str]]:
    """The names of `count` fills of each photograph: a.png becomes a_1.png, a_2.png and so on.

    outputs:  paths of the filled photographs, no two the same.
    """
    taken = _Taken(_key(path) for path in outputs)
    found = []
    for path in outputs:
        beginning, ending = os.path.splitext(path)
        room = len(f"_{count}") + len(os.fsencode(ending))
        if len(os.fsencode(os.path.basename(beginning))) > _LONGEST - room:
            short = _first_free([_shortened(beginning, room)], taken, ending)
            taken.add(_key(short))
            beginning = short[: -len(ending)]
        found.append([f"{beginning}_{number}{ending}" for number in range(1, count + 1)])
    return found


def _reserved_by(path: str) -> Iterator[str]:
    """The beginnings that could lead to a picture with the name of this file."""
    for word in _BESIDE:
        at = path.find(word)
        while at >= 0:
            yield path[:at]
            at = path.find(word, at + 1)


def _shortened(path: str, room: int) -> str:
    """The path with its name shortened so that `room` bytes can be added to it.

    There is also room for a number that tells it from others.
    """
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > _LONGEST - room - len("_999999"):
        name = name[:-1]
    return os.path.join(folder, name)


def _first_free(candidates: List[str], taken: _Taken, ending: str = "") -> str:
    """The first candidate that is free with the ending, or the last one with the lowest number."""
    for name in candidates:
        if _key(name + ending) not in taken:
            return name + ending
    numbered = _key(candidates[-1]), _key(ending)
    number = taken.lowest.get(numbered, 2)
    while _key(f"{candidates[-1]}_{number}{ending}") in taken:
        number += 1
    taken.lowest[numbered] = number
    return f"{candidates[-1]}_{number}{ending}"


def _real(path: str) -> str:
    """The path with the links in its folder resolved. The file itself may be a link."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _key(path: str) -> str:
    return path.casefold()

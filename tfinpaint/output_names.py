"""Names of what a run writes, decided before it begins: no two of them are the same.

    outputs(["a.jpg", "b.jfif"], kind_of) -> ["a.jpg", "b.jpg"]
    beginnings(["out/a.jpg", "out/a.png"]) -> ["out/a_jpg", "out/a_png"]
    numbered(["out/a.png"], 2) -> [["out/a_1.png", "out/a_2.png"]]

A photograph keeps its name. Where two would share one, or share those of the pictures beside them
(NAME_edges.png, NAME_attention_LAYER_KIND.png), the ending becomes part of the name. What would be
longer than a disk takes is shortened. Letter case makes no difference here, because it makes none
on many disks; but A.jpg and a.jpg of one folder keep their names.
"""

import collections
import os
from typing import Callable, Iterable, Iterator, List, Sequence, Set

from tfinpaint.photo.folders import stem

_BESIDE = ("_attention_", "_edges")
_LONGEST = 255  # bytes of a name
_ROOM = 70  # of them for what follows the beginning, as _attention_LAYER_weights.png


def outputs(
    photos: Sequence[str], writable: Sequence[str], ending_for: Callable[[str], str]
) -> List[str]:
    """The names of the filled photographs.

    photos:      their paths inside the folder, no two the same.
    writable:    endings that say in which format to write, in lower case.
    ending_for:  the ending to write a photograph with that has another one, or none.
    """
    kept = [os.path.splitext(path)[1].lower() in writable for path in photos]
    taken = {_key(path) for path, keeps in zip(photos, kept) if keeps}
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
    """What the names of the pictures beside each output begin with.

    outputs:  paths of the filled photographs, no two the same.
    inputs:   paths of photographs and masks, which must not be written to either.
    """
    plain = [os.path.splitext(path)[0] for path in outputs]
    count = collections.Counter(map(_key, plain))
    reserved: Set[str] = set()
    for path in (*outputs, *map(_real, inputs)):
        reserved.update(_reserved_by(_key(path)))
    taken = set(count) | reserved
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
    taken = {_key(path) for path in outputs}
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
    """The beginnings whose pictures could have the name of this file."""
    for word in _BESIDE:
        at = path.find(word)
        while at >= 0:
            yield path[:at]
            at = path.find(word, at + 1)


def _shortened(path: str, room: int) -> str:
    """The path with a name that leaves `room` bytes of the longest one that a disk takes.

    A number may follow it, to tell it from others.
    """
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > _LONGEST - room - len("_999999"):
        name = name[:-1]
    return os.path.join(folder, name)


def _first_free(candidates: List[str], taken: Set[str], ending: str = "") -> str:
    for name in candidates:
        if _key(name + ending) not in taken:
            return name + ending
    number = 2
    while _key(f"{candidates[-1]}_{number}{ending}") in taken:
        number += 1
    return f"{candidates[-1]}_{number}{ending}"


def _real(path: str) -> str:
    """The path without links, but for the file itself."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _key(path: str) -> str:
    return path.casefold()

"""What the papers' authors released, and where its tensors belong in our generators.

Our generators are those of the `official` variant with the paper's width.

    release = release_of("multistage")              # its format, and what each of its files holds
    tables = tables_of(system)                      # for each file {official name: Place}
    places.fill(tables[0], {official name: array}, "...")

The tables themselves are with the systems (`Specification.release`).
"""

import dataclasses
from typing import Any, Callable, List, Mapping, Optional, Tuple

from tfinpaint.settings import SettingsError
from tfinpaint.systems.specification import all_systems, imported
from tfinpaint.weights.places import Table


@dataclasses.dataclass(frozen=True)
class Release:
    """What the authors of a paper released.

    format:      "TensorFlow 1" or "PyTorch".
    files:       what each file holds, in order, and the generator's table for it.
    counts:      which tensors of a file belong to it, by name.
    prepared:    (path, tensors of a file) -> the tensors under the table's names, where files of
                 several kinds are read, or something lies beside them.
    variant_of:  (tensors of the first file) -> the variant that they belong to.
    critic:      of a system -> a critic as a part of the system, its table, and the weights of
                 terms that a run with this critic records. Its file may follow the others.
    """

    format: str
    files: Mapping[str, Callable[[Any], Table]]
    counts: Callable[[str], bool] = lambda name: True
    prepared: Callable[[str, Mapping], Mapping] = lambda path, tensors: tensors
    variant_of: Callable[[Mapping], str] = lambda tensors: "official"
    critic: Optional[Callable[[Any], Tuple[Any, Table, tuple]]] = None


def release_of(system_name: str) -> Release:
    """What the authors of a system released.

    Raises SettingsError, naming `system`, if there is nothing to import.
    """
    systems = all_systems()
    release = systems[system_name].release if system_name in systems else None
    if release is None:
        having = ", ".join(name for name, specification in systems.items() if specification.release)
        raise SettingsError(
            f"`system={system_name!r}` has no released weights that can be imported; {having} have"
        )
    return imported(release)


def tables_of(system: Any) -> List[Table]:
    """For each file of a system's release: {official name: Place in its generator}.

    system: of the `official` variant, or of the one that `Release.variant_of` gives.
    """
    tables = [table(system.generator) for table in release_of(system.system_name).files.values()]
    placed = [id(place.variable) for table in tables for place in table.values()]
    if sorted(placed) != sorted(id(variable) for variable in system.generator.variables):
        raise AssertionError(
            f"the tables of {system.system_name} and its generator have grown apart"
        )
    return tables

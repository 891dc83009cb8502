"""The weights that the papers' authors released, and the tables for them.

They belong to the generator of the `official` variant at the paper's width (but see
`Release.variant_of`).

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
    """The weights that the authors of a paper released.

    format:      "TensorFlow 1" or "PyTorch".
    files:       {what a file holds: generator -> its table}, in the order of the files.
    counts:      tensor name -> whether the tensor is imported. Others are ignored.
    prepared:    (path, tensors of a file) -> the tensors under the table's names. For releases with
                 several kinds of files, or with further files beside them.
    variant_of:  tensors of the first file -> the variant that they belong to.
    critic:      system -> a critic for the system, its table, and the loss weights that a run with
                 this critic records, pairs (term, weight). The critic's file may be given after
                 the others.
    """

    format: str
    files: Mapping[str, Callable[[Any], Table]]
    counts: Callable[[str], bool] = lambda name: True
    prepared: Callable[[str, Mapping], Mapping] = lambda path, tensors: tensors
    variant_of: Callable[[Mapping], str] = lambda tensors: "official"
    critic: Optional[Callable[[Any], Tuple[Any, Table, tuple]]] = None


def release_of(system_name: str) -> Release:
    """The release of a system.

    Raises: SettingsError, naming `system`, if no weights of it can be imported.
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
    """The table {official name: Place in the system's generator} of each file of its release.

    system: of the `official` variant, or of the variant that `Release.variant_of` returns.

    Raises: AssertionError if the tables do not have each variable of the generator exactly once.
    """
    tables = [table(system.generator) for table in release_of(system.system_name).files.values()]
    placed = [id(place.variable) for table in tables for place in table.values()]
    if sorted(placed) != sorted(id(variable) for variable in system.generator.variables):
        raise AssertionError(
            f"the tables of {system.system_name} and its generator have grown apart"
        )
    return tables

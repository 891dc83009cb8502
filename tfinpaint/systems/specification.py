"""What a system says about itself, without TensorFlow.

The flags, the tables in the docs, the callbacks and the tests read it from here.

    SPECIFICATION = Specification(name="musical", title="MUSICAL", paper="...",
                                  settings=(Setting(...),), terms=(Term(...),), ...)

A folder of this package whose `__init__` has a SPECIFICATION is a system. `all_systems()` has all
of them. The code that computes is in `implementation`, "module:Class", which is imported when a
system is made.
"""

import dataclasses
import functools
import importlib
import pkgutil
from typing import Any, Callable, Mapping, Optional, Tuple, Union

VARIANTS = ("paper", "official")


@dataclasses.dataclass(frozen=True)
class Setting:
    """An argument of the system that makes small and large versions of it.

    default:    the paper's; None is the variant's own.
    low, high:  bounds, both allowed. With `above_low` the lower one is not.
    help:       what it is, for this system.
    """

    name: str
    default: Any
    low: float
    high: float
    help: str
    above_low: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a value is of the default's kind and within the bounds."""
        if not isinstance(value, int if self.is_whole else (int, float)):
            return False
        return (self.low < value if self.above_low else self.low <= value) and value <= self.high

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.default, int)

    @property
    def allowed(self) -> str:
        """What `allows` allows, in words."""
        kind, lowest = (
            "a whole number, " if self.is_whole else "",
            "above" if self.above_low else "at least",
        )
        return f"{kind}{lowest} {self.low} and at most {self.high}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A setting with a few values, such as what stands in the place of a part.

    default:    the paper's.
    choices:    words, or True and False.
    help:       what they are, for this system.
    """

    name: str
    default: Any
    choices: Tuple[Any, ...]
    help: str

    def allows(self, value: Any) -> bool:
        """Whether it is one of the choices."""
        return isinstance(value, type(self.default)) and value in self.choices

    @property
    def allowed(self) -> str:
        """What `allows` allows, in words."""
        *others, last = map(repr, self.choices)
        return f"{', '.join(others)} or {last}"


@dataclasses.dataclass(frozen=True)
class Term:
    """A term of the loss.

    weight:          the paper's.
    official:        the weight in the released code, if that is another.
    meaning:         for the tables and --help.
    equation:        its number in the paper.
    features:        whether it needs the feature network (VGG-16).
    reconstruction:  whether it compares pixels with the original. Such a term may be most of the
                     loss.
    smallest:        smallest `image_size` for which its critic can be built; 0 is any.
    """

    name: str
    weight: float
    meaning: str
    equation: str = ""
    official: Optional[float] = None
    features: bool = False
    reconstruction: bool = False
    smallest: int = 0

    def weight_of(self, variant: str) -> float:
        return self.weight if self.official is None or variant == "paper" else self.official


@dataclasses.dataclass(frozen=True)
class Specification:
    """All that the rest of the project needs to know of a system.

    name, title, paper:   its name in tfinpaint.SYSTEMS; what to call it; its paper, with authors,
                          title and where it was published.
    implementation:       "module:Class" of its tfinpaint.systems.base.System.
    settings, terms:      see `Setting`, `Choice` and `Term`.
    rates:                {part: learning rate} of what learns: "generator", "critic", and other
                          attributes of the system.
    fine_tuning_rates:    the same for the phase of frozen norms, if they differ.
    optimizer:            "adam" or "adadelta", of all its parts.
    adam_betas:           of all its optimizers, if they are Adam.
    has_batch_norm:       whether its generator has statistics to freeze.
    takes_critic_weights: whether its critic begins from a trained network.
    attention_layers:     a name for each attention layer of which a map can be shown.
    attention_is_flow:    whether its authors draw its attention map as a flow.
    phases:               {name: the parts that learn in it}, if parts are trained one after
                          another.
    extra_inputs:         {name: "module:function"} of what its step can use beside images and
                          holes. The input pipeline makes it: function(images [B, H, W, 3] in
                          [-1, 1], holes [B, H, W, 1]) -> a tensor, which `step` takes by this name.
                          Where the training step makes the holes itself, they do not come.
    image_inputs:         the same of functions of the images alone, which always come.
    fill_inputs:          names of what `generate` takes beside images and holes: "seed" (int32 [],
                          of a system that can fill one hole in several ways; 0 is the fill that it
                          gives by itself), "edges" ([B, H, W, 1], 1 on an edge), and others of its
                          own.
    hole_kinds:           the kinds of holes (`HoleSettings.kind`) that it can be trained with, if
                          not all.
    painter:              "module:Class" of its own `Painter` (painting/painter.py), if the common
                          one is not enough.
    small:                settings of a small version for tests.
    small_terms:          weights of terms that the small version does without.
    main_term:            the term whose weight to raise first if the system does not learn to fill.
    eight_bits:           whether a TFLite file of it may compute convolutions in 8 bits.
    protocols:            {name: "module:PROTOCOL"} of the ways in which its paper makes its tables
                          (tfinpaint.metrics.protocols).
    release:              "module:RELEASE" of what its authors released
                          (tfinpaint.weights.releases.Release), or None.
    """

    name: str
    title: str
    paper: str
    implementation: str
    settings: Tuple[Union[Setting, Choice], ...]
    terms: Tuple[Term, ...]
    rates: Mapping[str, float]
    fine_tuning_rates: Optional[Mapping[str, float]] = None
    optimizer: str = "adam"
    adam_betas: Tuple[float, float] = (0.9, 0.999)
    has_batch_norm: bool = False
    takes_critic_weights: bool = False
    attention_layers: Tuple[str, ...] = ()
    attention_is_flow: bool = False
    phases: Mapping[str, Tuple[str, ...]] = dataclasses.field(default_factory=dict)
    extra_inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image_inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fill_inputs: Tuple[str, ...] = ()
    hole_kinds: Tuple[str, ...] = ()
    painter: Optional[str] = None
    small: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    small_terms: Mapping[str, float] = dataclasses.field(default_factory=dict)
    main_term: Optional[str] = None
    eight_bits: bool = True
    protocols: Mapping[str, str] = dataclasses.field(default_factory=dict)
    release: Optional[str] = None

    @property
    def defaults(self) -> dict:
        """{setting: the paper's value}."""
        return {setting.name: setting.default for setting in self.settings}

    def weights(self, variant: str = "paper") -> dict:
        """{term: its weight in this variant}."""
        return {term.name: term.weight_of(variant) for term in self.terms}

    @property
    def feature_terms(self) -> Tuple[str, ...]:
        """Terms that need the feature network."""
        return tuple(term.name for term in self.terms if term.features)

    def load(self) -> Callable:
        """Its class. Imports TensorFlow."""
        return imported(self.implementation)


@functools.lru_cache(maxsize=None)
def _found(where: Tuple[str, ...]) -> Mapping[str, Specification]:
    found = {}
    for module in pkgutil.iter_modules(where):
        if module.ispkg:
            package = importlib.import_module(f"tfinpaint.systems.{module.name}")
            if hasattr(package, "SPECIFICATION"):
                found[package.SPECIFICATION.name] = package.SPECIFICATION
    return found


def all_systems() -> Mapping[str, Specification]:
    """{name: specification} of all systems, in the order of their names."""
    from tfinpaint import systems

    return _found(tuple(systems.__path__))


def imported(path: str) -> Any:
    """ "module:name" -> what is there."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)

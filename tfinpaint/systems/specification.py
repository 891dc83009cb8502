"""The specification of a system: its name, paper, settings, loss terms and more.

It does not import TensorFlow. The flags, the tables in the docs, the callbacks and the tests read
it.

    SPECIFICATION = Specification(name="musical", title="MUSICAL", paper="...",
                                  settings=(Setting(...),), terms=(Term(...),), ...)

A folder of this package whose `__init__` has a SPECIFICATION is a system. `all_systems()` finds all
of them. `implementation`, "module:Class", names the class of the system, which is imported when a
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
    """A numeric argument of the system, such as its width.

    default:    the paper's value. None means that it depends on the variant.
    low, high:  bounds, both allowed. With `above_low` the lower bound itself is not.
    help:       what the setting means for this system.
    """

    name: str
    default: Any
    low: float
    high: float
    help: str
    above_low: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a value is a number of the right kind and within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else (int, float)):
            return False
        return (self.low < value if self.above_low else self.low <= value) and value <= self.high

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.default, int)

    @property
    def allowed(self) -> str:
        """The allowed values in words, for messages."""
        kind, lowest = (
            "a whole number, " if self.is_whole else "",
            "above" if self.above_low else "at least",
        )
        return f"{kind}{lowest} {self.low} and at most {self.high}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A setting with a few values, such as the kind of an attention layer.

    default:    the paper's value.
    choices:    the allowed values: words, or True and False.
    help:       what the values mean for this system.
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
        """The allowed values in words, for messages."""
        *others, last = map(repr, self.choices)
        return f"{', '.join(others)} or {last}"


@dataclasses.dataclass(frozen=True)
class Term:
    """A term of the loss.

    weight:          the paper's weight.
    official:        the weight in the released code, if it differs.
    meaning:         what the term is, for the tables and --help.
    equation:        the number of its equation in the paper, such as "(7)".
    features:        whether it needs the feature network (VGG-16 or VGG-19).
    reconstruction:  whether it compares pixels with the original. Such a term may make up most of
                     the loss.
    smallest:        the smallest `image_size`, in pixels, for its critic and feature network; 0 is
                     any.
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
        """The weight in this variant, "paper" or "official"."""
        return self.weight if self.official is None or variant == "paper" else self.official


@dataclasses.dataclass(frozen=True)
class Specification:
    """All that the rest of the project needs to know about a system.

    name:                 the system's name in tfinpaint.SYSTEMS.
    title:                its name in texts.
    paper:                the paper: authors, title, and where it was published. None: the system is
                          this project's own, and has no variants.
    implementation:       "module:Class" of its tfinpaint.systems.base.System.
    settings, terms:      see `Setting`, `Choice` and `Term`.
    rates:                {part: learning rate} of the parts that learn: "generator", "critic", and
                          other attributes of the system.
    fine_tuning_rates:    the same for the fine-tuning phase with frozen batch norm, if they differ.
    optimizer:            "adam" or "adadelta", for all parts.
    adam_betas:           beta1 and beta2 of all optimizers, if they are Adam.
    has_batch_norm:       whether the generator has batch norm, which can be frozen.
    takes_critic_weights: whether the critic begins from a trained network.
    attention_layers:     a name for each attention layer whose map can be shown.
    attention_is_flow:    whether the paper's authors draw the attention map as a flow.
    phases:               {name: the parts that learn in this phase}, if parts are trained one after
                          another.
    extra_inputs:         {name: "module:function"} of further tensors that `step` can use. The
                          input pipeline makes them: function(images [B, H, W, 3] in [-1, 1], holes
                          [B, H, W, 1]) returns the tensor that `step` takes by this name. They are
                          missing if the training step makes the holes itself.
    image_inputs:         the same for functions of the images alone, whose tensors are never
                          missing.
    fill_inputs:          names of further arguments of `generate`: "seed" (int32 scalar, for a
                          system that can fill a hole in several ways; 0 is the default fill),
                          "edges" ([B, H, W, 1], 1 on an edge), or others.
    hole_kinds:           the kinds of holes (`HoleSettings.kind`) that it can be trained with;
                          empty means all.
    keeps_known:          whether its output outside the hole is exactly its input, so that there is
                          nothing in it that could fade into a photograph.
    painter:              "module:Class" of its own `Painter` (painting/painter.py), if the common
                          one is not enough.
    small:                settings of a small version for tests.
    small_terms:          {term: weight} that the small version is trained with instead.
    main_term:            the term whose weight to raise first if the system does not learn to fill.
    eight_bits:           whether its TFLite file may compute convolutions in 8 bits.
    protocols:            {name: "module:PROTOCOL"} of the evaluations behind the paper's tables
                          (tfinpaint.metrics.protocols).
    release:              "module:RELEASE" of the weights that its authors released
                          (tfinpaint.weights.releases.Release), or None.
    """

    name: str
    title: str
    paper: Optional[str]
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
    keeps_known: bool = False
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
        """The system's class. This imports TensorFlow."""
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


def in_words(name: str, variant: str) -> str:
    """A system and its variant, for messages.

    >>> in_words("musical", "official"), in_words("residual", "paper")
    ('musical (official)', 'residual')
    """
    system = all_systems().get(name)
    return f"{name} ({variant})" if system is None or system.paper else name


def imported(path: str) -> Any:
    """The object `name` of a module, for "module:name"."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)

"""The optimizers with which a paper trains the parts of its system."""

import dataclasses
from typing import Optional

import tensorflow as tf

from tfinpaint.systems.specification import Specification


@dataclasses.dataclass(frozen=True)
class OfPaper:
    """Makes the paper's optimizers.

    specification:  the system's.
    frozen:         whether batch norm keeps its running statistics; the rates of fine-tuning are
                    then used.
    of_generator:   the generator's rate in place of the paper's. The rates of other parts change by
                    the same factor.
    """

    specification: Specification
    frozen: bool = False
    of_generator: Optional[float] = None

    def make(self, part: str, rate: Optional[float] = None) -> tf.keras.optimizers.Optimizer:
        """A new optimizer for a part. rate: its learning rate, in place of `self.rate(part)`."""
        rate = self.rate(part) if rate is None else rate
        if self.specification.optimizer == "adadelta":  # with PyTorch's constants, as released
            return tf.keras.optimizers.Adadelta(rate, rho=0.9, epsilon=1e-6, jit_compile=False)
        return tf.keras.optimizers.Adam(rate, *self.specification.adam_betas, jit_compile=False)

    def rate(self, part: str) -> float:
        """The paper's rate of a part, times the factor by which the generator's was changed."""
        of_paper = self.specification.rates
        if self.frozen:
            of_paper = self.specification.fine_tuning_rates or of_paper
        if self.of_generator is None:
            return of_paper[part]
        return of_paper[part] * (self.of_generator / of_paper["generator"])

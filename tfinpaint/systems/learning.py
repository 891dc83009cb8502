"""How a system learns: its parts, their optimizers, and the end of every training step.

Each part learns with an optimizer of its own: `optimizer` for the generator, `critic_optimizer` for
the critic, `NAME_optimizer` for any other part that the specification has a rate for.
`averaged_generator` is the exponential moving average (EMA) of the generator, which validation and
export use. `compile` makes all of these.
"""

from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional

import tensorflow as tf

from tfinpaint.addons import check_keras
from tfinpaint.settings import SettingsError
from tfinpaint.systems import compile_arguments, optimizers
from tfinpaint.systems.specification import Specification
from tfinpaint.systems.step_counter import StepCounter

check_keras()


def _optimizer_of(part):
    return "optimizer" if part == "generator" else f"{part}_optimizer"


class Learner(tf.keras.Model):
    """What System is based on (base.py).

    Class attributes:
        specification: what the system says about itself (specification.py).
    """

    specification: Specification
    generator: tf.keras.Model

    def __init__(self, **kwargs):
        # Pictures are float32 even under mixed precision. Networks cast what they are given.
        super().__init__(autocast=False, **kwargs)
        self.averaged_generator = None
        self.critic = self.critic_optimizer = None
        self.phase = None
        self.skip_bad_steps = False

    def make_generator(self) -> tf.keras.Model:
        """A new generator with this system's settings."""
        raise NotImplementedError

    @property
    def system_name(self) -> str:
        """Its name in tfinpaint.SYSTEMS."""
        return self.specification.name

    # ----------------------------------------------------------------------------------------------
    # compiling

    def compile(
        self,
        optimizer: Optional[tf.keras.optimizers.Optimizer] = None,
        critic_optimizer: Optional[tf.keras.optimizers.Optimizer] = None,
        learning_rate: Optional[float] = None,
        critic_learning_rate: Optional[float] = None,
        schedule: Optional[Callable] = None,
        clip_norm: float = 0.0,
        loss_weights: Optional[Mapping[str, float]] = None,
        perceptual_weights: str = "imagenet",
        critic_weights: Optional[str] = None,
        freeze_batch_norm: str = "none",
        ema_decay: float = 0.999,
        make_holes: Any = None,
        image_size: int = 256,
        seed: int = 0,
        phase: Optional[str] = None,
        skip_bad_steps: bool = False,
        **kwargs: Any,
    ) -> None:
        """Gives the system what training needs.

        `fit` then takes batches (images, holes), or (images, seed) with `make_holes`. Compiling
        again keeps generator, critic and moving average; the optimizers start afresh.

        Args:
            optimizer, critic_optimizer: Keras optimizers. Without one, and for any other part, the
                specification's (Adam, of most) at the rates below.
            learning_rate, critic_learning_rate: None is the paper's. They are not used if an
                optimizer is given. A part without a rate of its own follows the generator's: it
                changes by the same factor.
            schedule: rate -> Keras LearningRateSchedule, called with the rate of each optimizer.
                Its step is `run_step`, which `train_step` counts, for every part the same. None
                leaves the rates as they are.
            clip_norm: largest global norm of the gradients that an optimizer is given, added up
                over all replicas and not scaled for mixed precision. 0 keeps the norm of a given
                optimizer, and sets no bound on others.
            loss_weights: {term: weight} in place of the paper's. A network is not built if the
                weights of all terms that need it are 0.
            perceptual_weights: of the feature network: "imagenet", a path, "random" or "none" (its
                terms are off).
            critic_weights: of a critic that begins from a trained network: "imagenet", a path or
                "random". None is what its paper does.
            freeze_batch_norm: "none", "encoder" or "all": batch norm layers that keep their running
                statistics (fine-tuning).
            ema_decay: of the generator's moving average. 0 makes it a copy.
            make_holes: int32 [2] -> holes [B, H, W, 1], called inside the step for batches that
                have a seed in place of holes.
            image_size: side of the squares to train on, in pixels. Critics that end in a dense
                layer are made for it.
            seed: of the random numbers that losses draw. Together with the step it fixes them.
            phase: the one to begin in; see `enter_phase`.
            skip_bad_steps: a step of `fit` whose losses or gradients are not finite changes nothing
                (bad_steps.py). It takes the memory of all variables once more.
            **kwargs: Keras' own, among them `jit_compile`.

        Raises: SettingsError or ValueError for what the system cannot be trained with.
        """
        compile_arguments.check(self.specification, freeze_batch_norm, critic_weights)
        self.weights_of_terms = compile_arguments.weights_of_terms(
            self.specification, self.variant, loss_weights or {}, perceptual_weights, image_size
        )
        self.check_phase(phase)
        self.phase = phase
        self.make_holes = make_holes
        self.ema_decay = ema_decay
        self.seed = seed
        self.freeze_batch_norm = freeze_batch_norm
        self.skip_bad_steps = skip_bad_steps
        self.compile_networks(perceptual_weights, critic_weights, image_size)
        if self.averaged_generator is None:
            self.averaged_generator = self.make_generator()
            self.restart_average()

        optimizers_of_paper = optimizers.OfPaper(
            self.specification, frozen=freeze_batch_norm != "none", of_generator=learning_rate
        )
        super().compile(optimizer=optimizer or optimizers_of_paper.make("generator"), **kwargs)
        self.critic_optimizer = None
        for part in self.specification.rates:
            if part != "generator" and getattr(self, part) is not None:
                own = (critic_optimizer, critic_learning_rate) if part == "critic" else (None, None)
                made = self._get_optimizer(own[0] or optimizers_of_paper.make(part, own[1]))
                setattr(self, _optimizer_of(part), made)
                made.build(self.trainable(part))
        # The rates stay variables, which `follow_schedules` assigns. So a checkpoint holds the same
        # with a schedule and without one.
        schedules = {}
        for part, optimizer in self.parts.items():
            if schedule is not None:
                schedules[part] = schedule(float(optimizer.learning_rate.numpy()))
            if clip_norm:
                # Keras clips gradients after it has added them up over the replicas, and after
                # `descend` has scaled them back under mixed precision.
                getattr(optimizer, "inner_optimizer", optimizer).global_clipnorm = clip_norm
        self.schedules = MappingProxyType(schedules)  # a dict would go into checkpoints
        self._counter = StepCounter()
        # Built now, because a compiled step may not make variables.
        self.optimizer.build(self.trainable("generator"))

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        """Makes what the losses need, for the weights in `weights_of_terms`.

        Arguments are those of `compile`.
        """
        raise NotImplementedError

    def check_phase(self, phase: Optional[str]) -> None:
        """Raises SettingsError if the specification has no such phase. None is none of them."""
        if phase is not None and phase not in self.specification.phases:
            phases = ", ".join(self.specification.phases) or "none"
            raise SettingsError(
                f"`phase={phase!r}`: {self.system_name} has no such phase; its phases are {phases}"
            )

    def enter_phase(self, phase: Optional[str]) -> None:
        """From the next step on, only the parts of this phase learn. With None all learn.

        The step is traced anew, also in the middle of `fit`. Optimizers go on as they are.
        """
        self.check_phase(phase)
        self.phase = phase
        self.make_train_function(force=True)

    # ----------------------------------------------------------------------------------------------
    # parts

    @property
    def parts(self) -> Mapping[str, tf.keras.optimizers.Optimizer]:
        """{part: its optimizer} of all parts that the system has; after `compile`."""
        return {
            name: getattr(self, _optimizer_of(name))
            for name in self.specification.rates
            if getattr(self, name) is not None
        }

    @property
    def networks(self) -> Mapping[str, tf.keras.layers.Layer]:
        """{name: network}: the generator, and each part that is not a piece of it."""
        inside = {id(variable) for variable in self.generator.variables}
        parts = {name: getattr(self, name) for name in self.specification.rates}
        return {
            name: part
            for name, part in parts.items()
            if part is not None
            and (name == "generator" or not {id(v) for v in part.variables} <= inside)
        }

    @property
    def state(self) -> list:
        """All variables that steps change: of networks, moving average and optimizers, once each.

        The loss scale of mixed precision is not among them.
        """
        owners = [*self.networks.values(), self.averaged_generator, *self.parts.values()]
        variables = [variable for owner in owners for variable in owner.variables]
        return list({variable.ref(): variable for variable in variables}.values())

    def learns(self, part: str) -> bool:
        """Whether a part learns: the system has it, and the phase does not leave it as it is."""
        return part in self.parts and (
            self.phase is None or part in self.specification.phases[self.phase]
        )

    def trainable(self, part: str) -> list:
        """The variables that a part's optimizer moves."""
        return getattr(self, part).trainable_variables

    @property
    def run_step(self) -> int:
        """Steps of the run so far, in whatever phase; after `compile`.

        `train_step` counts them, also those that change nothing. Checkpoints do not hold them: who
        restores one sets them.
        """
        return int(self._counter.now.numpy())

    @run_step.setter
    def run_step(self, step: int) -> None:
        self._counter.set(step)

    @property
    def batches_per_step(self) -> int:
        """Batches for each step of the generator."""
        return 1

    @property
    def default_loss_weights(self) -> dict:
        """{term: its weight in this variant}."""
        return self.specification.weights(self.variant)

    # ----------------------------------------------------------------------------------------------
    # the beginning of every step

    def follow_schedules(self) -> None:
        """Sets the rate of every part for the step that begins, if there is a schedule."""
        for part, schedule in self.schedules.items():
            self.parts[part].learning_rate.assign(schedule(self._counter.now))

    # ----------------------------------------------------------------------------------------------
    # the end of every step

    def count_step(self) -> None:
        """Counts the step that has been taken; see `run_step`."""
        self._counter.advance()

    def weighted(self, terms: Mapping[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
        """{name: term} -> each times its weight.

        Raises: ValueError for a term that the specification lacks.
        """
        unknown = sorted(set(terms) - set(self.weights_of_terms))
        if unknown:
            raise ValueError(
                f"terms of {self.system_name} are {', '.join(self.weights_of_terms)}. Got "
                f"{', '.join(unknown)}"
            )
        return {name: self.weights_of_terms[name] * term for name, term in terms.items()}

    def learn(
        self, tape: tf.GradientTape, terms: Mapping[str, tf.Tensor], part: str = "generator"
    ) -> Dict[str, tf.Tensor]:
        """The end of a step: weighs the terms, adds them up, and moves a part down their gradient.

        Args:
            tape: GradientTape that recorded the terms.
            terms: {name: scalar}, before their weights.
            part: whose variables move. If they are the generator's, its moving average follows.

        Returns: {name: scalar}: "loss" and each weighted term.
        """
        with tape:  # it continues to record
            weighted = self.weighted(terms)
            loss = tf.add_n(list(weighted.values()))
            scaled = self.scaled(self.parts[part], loss)
        self.descend(part, tape, scaled)
        in_generator = {id(variable) for variable in self.generator.trainable_variables}
        if any(id(variable) in in_generator for variable in self.trainable(part)):
            self.update_average(part)
        return {"loss": loss, **weighted}

    def update_critic(
        self, loss_of_critic: Callable[[], tf.Tensor], part: str = "critic"
    ) -> tf.Tensor:
        """One step of the critic on what `loss_of_critic()` returns. -> that loss."""
        with tf.GradientTape() as tape:
            loss = loss_of_critic()
            scaled = self.scaled(self.parts[part], loss)
        self.descend(part, tape, scaled)
        return loss

    def descend(self, part: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """One step of a part's optimizer on `loss`, which `scaled` prepared inside the tape."""
        optimizer, variables = self.parts[part], self.trainable(part)
        gradients = tape.gradient(loss, variables)
        if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            gradients = optimizer.get_unscaled_gradients(gradients)
        # A single replica has nothing to add up. What Keras would do for it keeps the graph for
        # good (layers/custom_gradient.py).
        alone = self.distribute_strategy.num_replicas_in_sync == 1
        optimizer.apply_gradients(zip(gradients, variables), skip_gradients_aggregation=alone)

    def scaled(self, optimizer: tf.keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
        """The loss to descend on.

        It is a mean over replicas, whose gradients the optimizer adds up. Under mixed precision it
        is scaled up.
        """
        loss /= self.distribute_strategy.num_replicas_in_sync
        return (
            optimizer.get_scaled_loss(loss)
            if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
            else loss
        )

    @property
    def averaged(self) -> tf.keras.Model:
        """The moving average; before `compile`, the generator."""
        return self.averaged_generator or self.generator

    def restart_average(self) -> None:
        """Sets the moving average to the generator as it is."""
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(value)

    def update_average(self, part: str = "generator") -> None:
        """average <- d * average + (1 - d) * value, with d = min(decay, (1 + t) / (10 + t)).

        t counts the steps of `part`. The statistics of batch norm are averaged as well.
        """
        t = tf.cast(self.parts[part].iterations, tf.float32)
        decay = tf.minimum(self.ema_decay, (1 + t) / (10 + t))
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(decay * average + (1 - decay) * value)

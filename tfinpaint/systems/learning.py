"""How a system learns: its parts, their optimizers, and what all training steps share.

Each part learns with its own optimizer: `optimizer` for the generator, `critic_optimizer` for the
critic, `NAME_optimizer` for any other part NAME that the specification has a rate for.
`averaged_generator` is the exponential moving average (EMA) of the generator, which validation and
export use. `compile` makes all of these.
"""

from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional

import tensorflow as tf

from tfinpaint.addons import check_keras
from tfinpaint.settings import SettingsError
from tfinpaint.systems import compile_arguments, optimizers
from tfinpaint.systems.evaluation_means import EvaluationMeans
from tfinpaint.systems.specification import Specification
from tfinpaint.systems.step_counter import StepCounter

check_keras()


def _optimizer_of(part):
    return "optimizer" if part == "generator" else f"{part}_optimizer"


class Learner(tf.keras.Model):
    """The base class of System (base.py).

    Class attributes:
        specification: the system's specification (specification.py).
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
        self.evaluation_means: Any = None  # made by `compile`

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
        """Prepares the system for training: makes critic, feature network, optimizers and average.

        `fit` then takes batches (images, holes), or (images, seed) with `make_holes`. Compiling
        again keeps generator, critic and moving average; the optimizers start afresh.

        Args:
            optimizer, critic_optimizer: Keras optimizers. If one is None, the specification's is
                made (mostly Adam), with the rates below. It always is for other parts.
            learning_rate, critic_learning_rate: None is the paper's. They are not used if an
                optimizer is given. The rate of a part for which none is given changes by the same
                factor as the generator's.
            schedule: rate -> Keras LearningRateSchedule, called with the rate of each optimizer.
                The step of all schedules is `run_step`, which `train_step` counts. None leaves the
                rates constant.
            clip_norm: the largest global norm of the gradients of an optimizer, after they are
                added up over the replicas and unscaled from mixed precision. 0 keeps the bound of
                an optimizer that is given, and sets no bound for others.
            loss_weights: {term: weight} in place of the paper's. A network is not built if all
                terms that need it have the weight 0.
            perceptual_weights: weights of the feature network: "imagenet", a path, "random" or
                "none" (the terms that need it have the weight 0).
            critic_weights: first weights of a critic that begins from a trained network:
                "imagenet", a path or "random". None is the variant's own choice.
            freeze_batch_norm: the batch norm layers that keep their running statistics, for
                fine-tuning: "none", "encoder" or "all".
            ema_decay: decay of the generator's moving average, 0 to 1. 0 makes it a copy.
            make_holes: int32 [2] -> holes [B, H, W, 1], called inside the step for batches that
                have a seed in place of holes.
            image_size: side of the square training images, in pixels. Critics that end in a dense
                layer are made for this size.
            seed: seed of the random numbers that losses draw, together with the number of the step.
            phase: the phase to begin in; see `enter_phase`.
            skip_bad_steps: whether a step of `fit` changes nothing if its losses or gradients are
                not finite (bad_steps.py), for one replica only. It takes the memory of a copy of
                all variables.
            **kwargs: other arguments of Keras' `compile`, such as `jit_compile`.

        Raises: SettingsError or ValueError for arguments that the system does not allow.
        """
        compile_arguments.check(
            self.specification, freeze_batch_norm, critic_weights, critic_learning_rate
        )
        compile_arguments.check_numbers(
            ema_decay,
            image_size,
            learning_rate=learning_rate,
            critic_learning_rate=critic_learning_rate,
            clip_norm=clip_norm,
        )
        self.weights_of_terms = compile_arguments.weights_of_terms(
            self.specification, self.variant, loss_weights or {}, perceptual_weights, image_size
        )
        self.check_phase(phase)
        if skip_bad_steps and self.distribute_strategy.num_replicas_in_sync > 1:
            raise SettingsError("`skip_bad_steps` works on one device: several could disagree")
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
        # The rates stay variables, which `follow_schedules` assigns. So checkpoints have the same
        # variables with and without a schedule.
        schedules = {}
        for part, optimizer in self.parts.items():
            if schedule is not None:
                schedules[part] = schedule(float(optimizer.learning_rate.numpy()))
            if clip_norm:
                # Keras clips gradients after adding them up over the replicas, and after `descend`
                # has unscaled them under mixed precision.
                getattr(optimizer, "inner_optimizer", optimizer).global_clipnorm = clip_norm
        self.schedules = MappingProxyType(schedules)  # Keras would save a dict in checkpoints
        self._counter = StepCounter()
        self.evaluation_means = EvaluationMeans()
        # Built now, because a compiled step may not make variables.
        self.optimizer.build(self.trainable("generator"))

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        """Makes the critic and other networks that terms with a weight above 0 need.

        The weights are in `weights_of_terms`. Arguments are those of `compile`.
        """
        raise NotImplementedError

    def check_phase(self, phase: Optional[str]) -> None:
        """Raises SettingsError if the system has no such phase. None, all parts, is allowed."""
        if phase is not None and phase not in self.specification.phases:
            phases = ", ".join(self.specification.phases) or "none"
            raise SettingsError(
                f"`phase={phase!r}`: {self.system_name} has no such phase; its phases are {phases}"
            )

    def enter_phase(self, phase: Optional[str]) -> None:
        """From the next step on, only the parts of this phase learn; with None all parts learn.

        The step is retraced, even in the middle of `fit`. Optimizers keep their state.

        Raises: SettingsError if the system has no such phase.
        """
        self.check_phase(phase)
        self.phase = phase
        self.make_train_function(force=True)

    # ----------------------------------------------------------------------------------------------
    # parts

    @property
    def parts(self) -> Mapping[str, tf.keras.optimizers.Optimizer]:
        """{part: its optimizer} for all parts that the system has, after `compile`."""
        return {
            name: getattr(self, _optimizer_of(name))
            for name in self.specification.rates
            if getattr(self, name) is not None
        }

    @property
    def networks(self) -> Mapping[str, tf.keras.layers.Layer]:
        """{name: network}: the generator, and each part that is not contained in it."""
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
        """All variables of networks, moving average and optimizers, each once.

        These are the variables that steps change, without the loss scale of mixed precision.
        """
        owners = [*self.networks.values(), self.averaged_generator, *self.parts.values()]
        variables = [variable for owner in owners for variable in owner.variables]
        return list({variable.ref(): variable for variable in variables}.values())

    def learns(self, part: str) -> bool:
        """Whether a part learns: the system has it, and it learns in the present phase."""
        return part in self.parts and (
            self.phase is None or part in self.specification.phases[self.phase]
        )

    def trainable(self, part: str) -> list:
        """The variables that a part's optimizer updates."""
        return getattr(self, part).trainable_variables

    @property
    def run_step(self) -> int:
        """The number of steps of the run so far, over all phases; after `compile`.

        `train_step` counts, also steps that are skipped. Checkpoints do not have this number: code
        that restores a checkpoint sets it.
        """
        return int(self._counter.now.numpy())

    @run_step.setter
    def run_step(self, step: int) -> None:
        self._counter.set(step)

    @property
    def metrics(self) -> list:
        """Keras' metrics, and the means that `evaluate` reports. Keras sets all of them back."""
        means = self.evaluation_means.metrics if self.evaluation_means else []
        return [*super().metrics, *means]

    @property
    def batches_per_step(self) -> int:
        """The number of batches for each step of the generator."""
        return 1

    @property
    def default_loss_weights(self) -> dict:
        """{term: its weight in this variant}."""
        return self.specification.weights(self.variant)

    # ----------------------------------------------------------------------------------------------
    # the beginning of every step

    def follow_schedules(self) -> None:
        """Sets the learning rate of every part for the next step, if there is a schedule."""
        for part, schedule in self.schedules.items():
            self.parts[part].learning_rate.assign(schedule(self._counter.now))

    # ----------------------------------------------------------------------------------------------
    # the end of every step

    def count_step(self) -> None:
        """Adds 1 to `run_step`."""
        self._counter.advance()

    def weighted(self, terms: Mapping[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
        """{name: term} -> {name: weight * term}.

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
        """The end of a step: adds up the weighted terms and updates a part by their gradient.

        Args:
            tape: GradientTape that recorded the terms.
            terms: {name: scalar}, without their weights.
            part: the part to update. If it belongs to the generator, the moving average is updated
                too.

        Returns: {name: scalar}: "loss" and each weighted term.
        """
        with tape:  # goes on recording
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
        """Updates the critic by the gradient of `loss_of_critic()`, a scalar. Returns that loss."""
        with tf.GradientTape() as tape:
            loss = loss_of_critic()
            scaled = self.scaled(self.parts[part], loss)
        self.descend(part, tape, scaled)
        return loss

    def descend(self, part: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Updates a part by the gradient of `loss`, which `scaled` returned inside the tape."""
        optimizer, variables = self.parts[part], self.trainable(part)
        gradients = tape.gradient(loss, variables)
        if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            gradients = optimizer.get_unscaled_gradients(gradients)
        # A single replica has no gradients to add up. Keras' code for adding them would keep the
        # graph in memory for good (layers/custom_gradient.py).
        alone = self.distribute_strategy.num_replicas_in_sync == 1
        optimizer.apply_gradients(zip(gradients, variables), skip_gradients_aggregation=alone)

    def scaled(self, optimizer: tf.keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
        """The loss whose gradient the optimizer gets.

        It is divided by the number of replicas, since the optimizer adds up their gradients. Under
        mixed precision it is multiplied by the loss scale.
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
        """Sets the moving average to the generator's present values."""
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(value)

    def update_average(self, part: str = "generator") -> None:
        """average <- d * average + (1 - d) * value, with d = min(decay, (1 + t) / (10 + t)).

        t is the number of updates of `part`. The statistics of batch norm are averaged too.
        """
        t = tf.cast(self.parts[part].iterations, tf.float32)
        decay = tf.minimum(self.ema_decay, (1 + t) / (10 + t))
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(decay * average + (1 - decay) * value)

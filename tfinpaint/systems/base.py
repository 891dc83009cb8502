"""What all systems share: the public calls of a Keras model, the moving average of the generator, and the optimizers' book-keeping.

A system is a tf.keras.Model that holds

    generator            trained; `generate` calls it
    averaged_generator   its exponential moving average (EMA), which validation and export use; made by `compile`
    critic               or None; made by `compile`, as are the optimizers and whatever networks the losses need

and works on images float32 [B, H, W, 3] in [-1, 1] and holes float32 [B, H, W, 1], 1 where pixels are missing, one per image. A system
whose paper uses another range converts inside itself. `step(images, holes)` is the pure training step: the same under `fit`,
under `tf.function(jit_compile=True)` with fixed shapes, and on any device.
"""

import tensorflow as tf


class System(tf.keras.Model):
    """Base class. A system gives `system_name`, `settings`, `loss_weights`, `generator`, `compile_networks`, `raw` and `step`.

    Class attributes:
        system_name: its name in tfinpaint.SYSTEMS.
        settings: the arguments that make small and large versions of it, with the paper's values.
        loss_weights: the paper's weight of each term.
    """

    system_name = None
    settings = {}
    loss_weights = {}

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.averaged_generator = None
        self.critic = None

    # ------------------------------------------------------------------------------------------------------- filling

    @property
    def stride(self) -> int:
        """Images are multiples of it in height and width."""
        raise NotImplementedError

    def make_generator(self):
        """A new generator of this system's settings."""
        raise NotImplementedError

    def raw(self, generator, images, holes, training=False):
        """`generator`'s output for images [B, H, W, 3] in [-1, 1] whose holes are blanked here: [B, H, W, 3] on the same scale."""
        raise NotImplementedError

    def generate(self, images, holes):
        """The generator's last output, float32 [B, H, W, 3]: neither composited nor clipped, on the [-1, 1] scale.

        Args:
            images: float32 [B, H, W, 3] in [-1, 1]. What lies under the hole is not looked at.
            holes: float32 [B, H, W, 1], 1 where missing.
        """
        self.check_images(images)
        return self.raw(self.generator, images, holes)

    def call(self, inputs, training=False):
        """`[images, holes]` -> as `generate`; so Keras' `predict` works."""
        images, holes = inputs
        return self.raw(self.generator, images, holes, training=training)

    def attention(self, images, holes):
        """The output of the moving average (of the generator, before `compile`) and where its attentions look.

        Returns: as `generate`; and for each attention int32 [B, h, w, 2], rows and columns of its own map.
        """
        raise NotImplementedError

    def check_images(self, images):
        """Raises ValueError where height or width of images [B, H, W, C], so far as they are known, are no multiples of the stride."""
        if any(side is not None and (side == 0 or side % self.stride) for side in images.shape[1:3]):
            raise ValueError(f"height and width of images are multiples of {self.stride}. Got {images.shape[1]} x {images.shape[2]}")

    # ------------------------------------------------------------------------------------------------------ training

    def compile(self, optimizer=None, critic_optimizer=None, learning_rate=None, critic_learning_rate=None, loss_weights=None,
                perceptual_weights="imagenet", freeze_batch_norm="none", ema_decay=0.999, make_holes=None, **kwargs):
        """Gives the system what training needs. `fit` then takes batches (images, holes), or (images, seed) with `make_holes`.

        Args:
            optimizer, critic_optimizer: Keras optimizers; by default Adam at the rates below.
            learning_rate, critic_learning_rate: None means the paper's.
            loss_weights: {term: weight} in place of the paper's. Where the weights that need a network are 0, it is not built.
                They are not used where an optimizer is given.
            perceptual_weights: of the feature network: "imagenet", a path, "random" or "none" (its terms are off).
            freeze_batch_norm: "none", "encoder" or "all": batch norm layers that keep their running statistics (fine-tuning).
            ema_decay: of the generator's moving average; 0 makes it a copy.
            make_holes: int32 [2] -> holes [B, H, W, 1], called inside the step for batches that bring a seed in place of holes.
            **kwargs: Keras' own, `jit_compile` among them.

        Compiling again keeps generator, critic and moving average; the optimizers start afresh.
        """
        if freeze_batch_norm not in ("none", "encoder", "all"):
            raise ValueError(f"`freeze_batch_norm` is none, encoder or all. Got {freeze_batch_norm!r}")
        unknown = sorted(set(loss_weights or {}) - set(self.loss_weights))
        if unknown:
            raise ValueError(f"`loss_weights` of {self.system_name} are {', '.join(self.loss_weights)}. Got {', '.join(unknown)}")
        self.weights_of_terms = {**self.loss_weights, **(loss_weights or {})}
        if perceptual_weights == "none":
            self.weights_of_terms = {**self.weights_of_terms, "perceptual": 0.0, "style": 0.0}
        self.make_holes = make_holes
        self.ema_decay = ema_decay
        self.compile_networks(perceptual_weights, freeze_batch_norm)
        if self.averaged_generator is None:
            self.averaged_generator = self.make_generator()
            self.restart_average()

        rate, critic_rate = self.learning_rates(freeze_batch_norm)
        rate = learning_rate or rate
        super().compile(optimizer=optimizer or tf.keras.optimizers.Adam(rate, jit_compile=False), **kwargs)
        self.critic_optimizer = None
        if self.critic is not None:
            critic_rate = critic_learning_rate or critic_rate * (rate / self.learning_rates(freeze_batch_norm)[0])
            self.critic_optimizer = self._get_optimizer(critic_optimizer or tf.keras.optimizers.Adam(critic_rate, jit_compile=False))
            self.critic_optimizer.build(self.critic.trainable_variables)
        # Built now: a compiled step may not make variables.
        self.optimizer.build(self.generator.trainable_variables)

    def compile_networks(self, perceptual_weights, freeze_batch_norm):
        """Makes what the losses need, for the weights in `weights_of_terms`."""
        raise NotImplementedError

    def learning_rates(self, freeze_batch_norm):
        """The paper's rates of generator and critic."""
        raise NotImplementedError

    def step(self, images, holes):
        """One update of generator and critic. -> {name: scalar}: "loss", each weighted term of it, and "critic"."""
        raise NotImplementedError

    def seeded_step(self, images, seed):
        """`step` with the holes made inside, on the device that runs it: seed int32 [2] -> `make_holes`."""
        return self.step(images, self.make_holes(seed))

    def train_step(self, data):
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ValueError("batches are pairs (images, holes), or (images, seed) with `make_holes`")
        images, second = data
        self.check_images(images)
        seeded = second.shape.rank == 1
        if seeded and self.make_holes is None:
            raise ValueError("batches of (images, seed) need compile(make_holes=...)")
        logs = self.seeded_step(images, second) if seeded else self.step(images, second)
        # Keras adds up what the replicas return.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return logs if replicas == 1 else {name: value / replicas for name, value in logs.items()}

    def test_step(self, data):
        """L1 in [0, 1] units, of the composite over the whole picture and over the hole alone, with the moving average if there is one."""
        images, holes = data
        output = self.raw(self.averaged_generator or self.generator, images, holes)
        error = tf.abs(tf.clip_by_value(output, -1.0, 1.0) - images) * holes / 2
        return {"l1": tf.reduce_mean(error), "l1_hole": tf.reduce_sum(error) / tf.maximum(3 * tf.reduce_sum(holes), 1.0)}

    # -------------------------------------------------------------------------------------------- parts of every step

    def descend(self, optimizer, tape, loss, variables):
        """One step of `optimizer` on `loss`, which `scaled` has prepared inside the tape."""
        gradients = tape.gradient(loss, variables)
        if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, variables))

    def scaled(self, optimizer, loss):
        """The loss to descend on: a mean over replicas, whose gradients the optimizer adds up; scaled up under mixed precision."""
        loss /= self.distribute_strategy.num_replicas_in_sync
        return optimizer.get_scaled_loss(loss) if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer) else loss

    def restart_average(self):
        """Sets the moving average to the generator as it is."""
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(value)

    def update_average(self):
        """average <- d * average + (1 - d) * value, d = min(decay, (1 + t) / (10 + t)); batch norm statistics are copied."""
        t = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self.ema_decay, (1 + t) / (10 + t))
        statistics = {id(v) for v in self.generator.non_trainable_variables}
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(value if id(value) in statistics else decay * average + (1 - decay) * value)

    def get_config(self):
        return {"variant": self.variant, **{name: getattr(self, name) for name in self.settings}}

"""What all systems share: the public calls of a Keras model, and its training step.

A system is a tf.keras.Model that holds

    generator            trained; `generate` calls it
    averaged_generator   its exponential moving average (EMA), which validation and export use; made
                         by `compile`
    critic               or None; made by `compile`, like the optimizers and any networks that the
                         losses need

and further parts, if its specification has rates for them. How the parts learn is in learning.py.

It works on images float32 [B, H, W, 3] in [-1, 1] and holes float32 [B, H, W, 1], 1 where pixels
are missing, one per image. A system whose paper uses another range converts internally.
`step(images, holes)` is the pure training step. It is the same under `fit`, under
`tf.function(jit_compile=True)` with fixed shapes, and on any device.
"""

from typing import Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.systems.bad_steps import unless_bad
from tfinpaint.systems.learning import Learner


class System(Learner):
    """Base class.

    A system defines `specification`, `generator`, `make_generator`, `compile_networks` and `step`.
    It also defines `raw` and `attention_maps` if its holes are not blanked with 0.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant

    # ----------------------------------------------------------------------------------------------
    # filling

    @property
    def stride(self) -> int:
        """Height and width of images are multiples of it."""
        raise NotImplementedError

    @property
    def smallest(self) -> int:
        """Height and width of images are at least this."""
        return self.stride

    @property
    def fixed_size(self) -> Optional[int]:
        """Height and width of all images, if its networks take no other; else None."""
        return None

    @property
    def fixed_hole(self) -> Optional[np.ndarray]:
        """The one hole that its networks can fill, uint8 [S, S], 1 = hole; None if they fill any.

        Validation takes it in place of its strokes.
        """
        return None

    @property
    def attention_layers(self) -> tuple:
        """A name for each attention layer that `attention_maps` gives a map of."""
        return self.specification.attention_layers

    @property
    def attention_is_flow(self) -> bool:
        """Whether its authors draw its attention map as a flow."""
        return self.specification.attention_is_flow

    def extra_inputs(self, kind_of_holes: str) -> Mapping[str, str]:
        """What its step can use beside images and holes, made by the input pipeline.

        If there is any, batches are (images, holes, {name: tensor}).

        Args:
            kind_of_holes: as in `HoleSettings.kind`.

        Returns: {name: "module:function"}, as in `Specification.extra_inputs`.
        """
        return self.specification.extra_inputs

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """The output of `generator`, [B, H, W, 3] on the [-1, 1] scale.

        Args:
            generator: the system's generator, or its moving average.
            images: [B, H, W, 3] in [-1, 1]. The holes are blanked here.
            holes: [B, H, W, 1], 1 where missing.
            training: as in Keras.

        A system with `fill_inputs` takes them as further arguments, each with a default.
        """
        return generator([images * (1 - holes), holes], training=training)

    def generate(self, images: tf.Tensor, holes: tf.Tensor, **inputs: tf.Tensor) -> tf.Tensor:
        """The generator's last output, float32 [B, H, W, 3] on the [-1, 1] scale.

        It is neither composited nor clipped.

        Args:
            images: float32 [B, H, W, 3] in [-1, 1]. What lies under the hole has no influence.
            holes: float32 [B, H, W, 1], 1 where missing.
            **inputs: by name, of the specification's `fill_inputs`.
        """
        self.check_images(images)
        return self.raw(self.generator, images, holes, **inputs)

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        """`[images, holes]` -> as `generate`, so that Keras' `predict` works."""
        images, holes = inputs
        return self.raw(self.generator, images, holes, training=training)

    def attention_maps(
        self, images: tf.Tensor, holes: tf.Tensor, weights_at: Optional[tf.Tensor] = None
    ) -> Tuple[tf.Tensor, list]:
        """The output and attention maps of the moving average (before `compile`, of the generator).

        weights_at: int32 [B, 2], row and column of one pixel of each image.

        Returns: what `generate` returns, and a list with an item for each of `attention_layers`.
            The item is the layer's matches, int32 [B, h, w, 2], rows and columns of its own map.
            With `weights_at` it is a pair: the matches, and float32 [B, h, w], the weights of the
            position that the pixel lies in (see layers/attention_map.py).
        """
        self.check_images(images)
        if not self.attention_layers:
            return self.raw(self.averaged, images, holes), []
        return self.averaged(
            [images * (1 - holes), holes], with_attention_maps=True, weights_at=weights_at
        )

    def check_images(self, images: tf.Tensor) -> None:
        """Raises ValueError if a side of images [B, H, W, C] is not a multiple of the stride.

        The same for one below `smallest`, or another than `fixed_size`. Sides that the graph does
        not know are not checked.
        """
        size = self.fixed_size
        if size and any(side not in (None, size) for side in images.shape[1:3]):
            raise ValueError(
                f"images are {size} x {size}. Got {images.shape[1]} x {images.shape[2]}"
            )
        if any(
            side is not None and (side < self.smallest or side % self.stride)
            for side in images.shape[1:3]
        ):
            at_least = f", at least {self.smallest}" if self.smallest > self.stride else ""
            raise ValueError(
                f"height and width of images are multiples of {self.stride}{at_least}. Got "
                f"{images.shape[1]} x {images.shape[2]}"
            )

    # ----------------------------------------------------------------------------------------------
    # training

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        """One update of generator and critic.

        What batches bring in addition (`extra_inputs`, `image_inputs`) are further arguments, by
        name, which may be missing.

        Returns: {name: scalar}: "loss" and each weighted term of it, if the generator learns, and
            "critic", if a critic does.
        """
        raise NotImplementedError

    def seeded_step(
        self, images: tf.Tensor, seed: tf.Tensor, **extra: tf.Tensor
    ) -> Dict[str, tf.Tensor]:
        """`step` with the holes made inside it, on the device that runs it.

        seed: int32 [2], for `make_holes`.
        """
        return self.step(images, self.make_holes(seed), **extra)

    def train_step(self, data: Sequence) -> Dict[str, tf.Tensor]:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError(
                "batches are pairs (images, holes), or (images, seed) with `make_holes`, or "
                "(images, holes, extra inputs)"
            )
        images, second, extra = data if len(data) == 3 else (*data, {})
        known = [*self.specification.extra_inputs, *self.specification.image_inputs]
        if not isinstance(extra, dict) or set(extra) - set(known):
            raise ValueError(
                f"batches are pairs (images, holes), or triples with a dictionary of {known}"
            )
        self.check_images(images)
        seeded = second.shape.rank == 1
        if seeded and self.make_holes is None:
            raise ValueError("batches of (images, seed) need compile(make_holes=...)")
        step = self.seeded_step if seeded else self.step
        self.follow_schedules()
        logs = (
            unless_bad(lambda: step(images, second, **extra), self.state)
            if self.skip_bad_steps
            else step(images, second, **extra)
        )
        self.count_step()
        # Keras adds up what the replicas return.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return logs if replicas == 1 else {name: value / replicas for name, value in logs.items()}

    def test_step(self, data: Sequence) -> Dict[str, tf.Tensor]:
        """L1 of the composite in [0, 1] units, over the whole picture and over the hole alone.

        It uses the moving average if there is one.
        """
        images, holes = data[:2]
        output = self.raw(self.averaged, images, holes)
        error = tf.abs(tf.clip_by_value(output, -1.0, 1.0) - images) * holes / 2
        return {
            "l1": tf.reduce_mean(error),
            "l1_hole": tf.reduce_sum(error) / tf.maximum(3 * tf.reduce_sum(holes), 1.0),
        }

    def get_config(self) -> dict:
        return {
            "variant": self.variant,
            **{name: getattr(self, name) for name in self.specification.defaults},
        }

"""The base class of all systems: the public methods of a Keras model, and its training step.

A system is a tf.keras.Model with

    generator            the network that is trained; `generate` calls it
    averaged_generator   its exponential moving average (EMA), which validation and export use; made
                         by `compile`
    critic               the critic, or None; made by `compile`, as are the optimizers and the
                         networks that the losses need

and further parts, if its specification has rates for them. learning.py says how the parts learn.

It takes images float32 [B, H, W, 3] in [-1, 1] and holes float32 [B, H, W, 1], 1 where pixels are
missing, one hole for each image. A system whose paper uses another range converts internally.
`step(images, holes)` is the training step alone. It does the same under `fit`, under
`tf.function(jit_compile=True)` with fixed shapes, and on any device.
"""

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.systems.bad_steps import unless_bad
from tfinpaint.systems.inputs import checked_inputs
from tfinpaint.systems.learning import Learner


def blanked(images: tf.Tensor, holes: tf.Tensor, color: Any = 0.0) -> tf.Tensor:
    """Images [B, H, W, C] with one colour in their holes [B, H, W, 1].

    What was in the holes has no influence, even if it is not finite: a product with 0 would keep
    it. color: one number, or one for each channel.
    """
    return tf.where(holes > 0, tf.cast(color, images.dtype), images)


class System(Learner):
    """Base class of systems.

    A system defines `specification`, `stride`, `generator`, `make_generator`, `compile_networks`
    and `step`. It also overrides `raw` and `attention_maps` if its generator does not take the
    image in [-1, 1] with 0 in the hole.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant

    # ----------------------------------------------------------------------------------------------
    # filling

    @property
    def stride(self) -> int:
        """Height and width of images are multiples of this, in pixels."""
        raise NotImplementedError

    @property
    def smallest(self) -> int:
        """Height and width of images are at least this, in pixels."""
        return self.stride

    @property
    def fixed_size(self) -> Optional[int]:
        """Height and width of images in pixels, if the networks take one size only; else None."""
        return None

    @property
    def fixed_hole(self) -> Optional[np.ndarray]:
        """The hole uint8 [S, S], 1 = hole, if the networks can fill only that one; else None.

        Validation then fills it, instead of its usual strokes.
        """
        return None

    @property
    def attention_layers(self) -> tuple:
        """The names of the attention layers, in the order of the maps of `attention_maps`."""
        return self.specification.attention_layers

    @property
    def attention_is_flow(self) -> bool:
        """Whether the paper's authors draw the attention map as a flow."""
        return self.specification.attention_is_flow

    def extra_inputs(self, kind_of_holes: str) -> Mapping[str, str]:
        """Further tensors that `step` can use, which the input pipeline makes of images and holes.

        If there are any, batches are (images, holes, {name: tensor}).

        Args:
            kind_of_holes: the kind of holes to train with, as in `HoleSettings.kind`.

        Returns: {name: "module:function"}, as in `Specification.extra_inputs`.
        """
        return self.specification.extra_inputs

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """The output of `generator`, [B, H, W, 3] on the [-1, 1] scale.

        Args:
            generator: the system's generator, or its moving average.
            images: [B, H, W, 3] in [-1, 1]. This method blanks the holes.
            holes: [B, H, W, 1], 1 where missing.
            training: as in Keras.

        A system with `fill_inputs` takes them as further arguments, each with a default.
        """
        return generator([blanked(images, holes), holes], training=training)

    def generate(self, images: tf.Tensor, holes: tf.Tensor, **inputs: tf.Tensor) -> tf.Tensor:
        """The generator's final output, float32 [B, H, W, 3] on the [-1, 1] scale.

        It is neither composited nor clipped.

        Args:
            images: float32 [B, H, W, 3] in [-1, 1]. Pixels in the hole have no influence.
            holes: float32 [B, H, W, 1], 1 where missing.
            **inputs: any of the specification's `fill_inputs`.

        Raises: ValueError as `checked` does.
        """
        images, holes = self.checked(images, holes)
        return self.raw(self.generator, images, holes, **inputs)

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        """`[images, holes]` -> what `generate` returns. Keras' `predict` calls this."""
        images, holes = self.checked(*inputs)
        return self.raw(self.generator, images, holes, training=training)

    def attention_maps(
        self, images: tf.Tensor, holes: tf.Tensor, weights_at: Optional[tf.Tensor] = None
    ) -> Tuple[tf.Tensor, list]:
        """The output and attention maps of the moving average (before `compile`, of the generator).

        Args:
            images, holes: as for `generate`.
            weights_at: int32 [B, 2], row and column of one pixel of each image.

        Returns: the output, float32 [B, H, W, 3] on the [-1, 1] scale, and a list with an item for
            each of `attention_layers`. An item is the layer's matches, int32 [B, h, w, 2]: for each
            position the row and column of its best match on the same map. With `weights_at` it is a
            pair: the matches, and float32 [B, h, w], the attention weights of the position that
            contains the pixel (see layers/attention_map.py).

        Raises: ValueError as `checked` does.
        """
        images, holes = self.checked(images, holes)
        if not self.attention_layers:
            return self.raw(self.averaged, images, holes), []
        return self.averaged(
            [blanked(images, holes), holes], with_attention_maps=True, weights_at=weights_at
        )

    def checked(self, images: Any, holes: Any) -> Tuple[tf.Tensor, tf.Tensor]:
        """Images and holes as float32 tensors.

        Args:
            images: [B, H, W, 3] in [-1, 1], floating point of any precision.
            holes: [B, H, W, 1], 0 or 1, of any type.

        Inside a graph, values are not checked, and shapes only if the graph knows them.

        Raises: ValueError for another type, shape or value, or a size that the system does not
            take.
        """
        images, holes = checked_inputs(images, holes)
        self.check_images(images)
        return images, holes

    def check_images(self, images: tf.Tensor) -> None:
        """Raises ValueError if the system does not take the size of images [B, H, W, C].

        Height and width must be multiples of `stride`, at least `smallest`, and equal to
        `fixed_size` if there is one. Sizes that the graph does not know are not checked.
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

        A system with `extra_inputs` or `image_inputs` takes them as further arguments, by name,
        each with a default.

        Args:
            images: float32 [B, H, W, 3] in [-1, 1].
            holes: float32 [B, H, W, 1], 1 where missing.

        Returns: {name: scalar}: "loss" and each weighted term of the loss, if the generator learns
            in this phase; "critic", the critic's loss, if a critic does.
        """
        raise NotImplementedError

    def seeded_step(
        self, images: tf.Tensor, seed: tf.Tensor, **extra: tf.Tensor
    ) -> Dict[str, tf.Tensor]:
        """`step` with holes that `make_holes` makes, on the device that runs the step.

        seed: int32 [2], the argument of `make_holes`.
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
        second = tf.convert_to_tensor(second)
        seeded = second.shape.rank == 1
        if not seeded:
            images, second = self.checked(images, second)
        elif self.make_holes is None:
            raise ValueError("batches of (images, seed) need compile(make_holes=...)")
        else:
            self.check_images(images)
        step = self.seeded_step if seeded else self.step
        self.follow_schedules()
        logs = (
            unless_bad(lambda: step(images, second, **extra), self.state)
            if self.skip_bad_steps
            else step(images, second, **extra)
        )
        self.count_step()
        # Keras adds up the logs of the replicas.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return logs if replicas == 1 else {name: value / replicas for name, value in logs.items()}

    def test_step(self, data: Sequence) -> Dict[str, tf.Tensor]:
        """L1 of the composite in units of [0, 1], for Keras' `evaluate` and `fit`.

        It uses the moving average of the generator.

        Returns: {"l1": mean over all pixels, "l1_hole": mean over the pixels in holes}, scalars,
            over all batches since Keras set back the `metrics`.
        """
        images, holes = self.checked(*data[:2])
        output = self.raw(self.averaged, images, holes)
        error = tf.abs(tf.clip_by_value(output, -1.0, 1.0) - images) * holes / 2
        return self.evaluation_means.add(error, holes)

    def get_config(self) -> dict:
        return {
            "variant": self.variant,
            **{name: getattr(self, name) for name in self.specification.defaults},
        }

"""DeepFill v1: Generative Image Inpainting with Contextual Attention, CVPR 2018.

A coarse network fills the hole, and a refinement network with contextual attention (section 4)
improves the fill. Both learn from L1. The refined output also gets an adversarial term (1) from two
Wasserstein critics with gradient penalty (3): the global critic sees the whole composite, the local
one a window around the hole. Images are in [-1, 1], holes are blanked with 0.

The critics learn on every batch, the generator on every fifth. A step is a batch. All networks have
Adam at 1e-4, with betas 0.5 and 0.9.

The variants differ in gamma: 0.99 in `paper`, 0.9 in `official`, as released.

Deviations: the L1 terms are means over the hole and over the known part of each picture. For a hole
of 128 x 128 pixels they equal the released ones. (The released code draws a square of that size and
then shrinks the hole inside; it takes the means over the square.) The discount has the released
formula for boxes, and uses the Euclidean distance for other holes, for which the paper has no
formula. The window of the local critic has half the side of the picture and is centred on the
bounding box of the hole. It contains every hole that the paper trains with, and a part of larger
ones.
"""

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers import replicas
from tfinpaint.layers.hole_bounds import first_and_last
from tfinpaint.layers.random_numbers import uniform
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.windows import cut
from tfinpaint.losses import (
    critic_wasserstein,
    generator_wasserstein,
    gradient_penalty,
    region_l1,
    spatial_discount,
)
from tfinpaint.networks import DeepFill
from tfinpaint.systems.base import System
from tfinpaint.systems.contextual_attention import SPECIFICATION
from tfinpaint.systems.contextual_attention.wasserstein_critic import WassersteinCritic
from tfinpaint.systems.critics import Critics

_CRITIC_STEPS = 5  # steps of the critics for each step of the generator
_COARSE = 1.2  # weight of the coarse output beside the refined one
_GAMMA = {"paper": 0.99, "official": 0.9}
_MIX = 0x61C  # gives the penalty its own random numbers for a seed


class DeepFillV1(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of the generator (paper: 32), a multiple of 4. The
            critics have twice as many. Height and width of images are multiples of 8.
        discount: gamma, above 0 and at most 1. None is the variant's, 1 switches the discount off.
        attention_kind: "contextual", or "none" for a refinement without the attention branch.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION
    train_function: Any  # of Keras

    def __init__(
        self,
        width=32,
        discount=None,
        attention_kind="contextual",
        variant="paper",
        **kwargs,
    ):
        super().__init__(variant=variant, **kwargs)
        self.width, self.discount, self.attention_kind = width, discount, attention_kind
        self.gamma = discount or _GAMMA[variant]
        self._all_learn: Optional[bool] = None
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 8

    @property
    def attention_layers(self) -> tuple:
        return () if self.attention_kind == "none" else super().attention_layers

    def extra_inputs(self, kind_of_holes: str) -> Mapping[str, str]:
        # The formula for boxes needs no distances.
        distances_count = self.gamma < 1 and kind_of_holes not in ("center", "box")
        return self.specification.extra_inputs if distances_count else {}

    @property
    def batches_per_step(self) -> int:
        return _CRITIC_STEPS if self.critic else 1

    def make_generator(self) -> tf.keras.Model:
        return DeepFill(self.width, gated=False, attends=self.attention_kind != "none")

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        if not self.weights_of_terms["adversarial"]:
            self.critic = None
        elif self.critic is None or self.critic.whole.side != image_size:
            self.critic = Critics(
                whole=WassersteinCritic(image_size, 2 * self.width, last=4),
                window=WassersteinCritic(image_size // 2, 2 * self.width, last=8),
            )

    def step(
        self, images: tf.Tensor, holes: tf.Tensor, distances: Optional[tf.Tensor] = None
    ) -> Dict[str, tf.Tensor]:
        if self.critic is None:
            return self.turn_of_all(images, holes, distances, critic=lambda composite: {})
        self._check_side(images)

        def critic(composite):
            return {
                "critic": self.update_critic(
                    lambda: self.loss_of_critics(images, tf.stop_gradient(composite), holes)
                )
            }

        if self._all_learn is not None:
            turn = self.turn_of_all if self._all_learn else self.turn_of_critics
            return turn(images, holes, distances, critic)
        return tf.cond(
            tf.equal((self.critic_optimizer.iterations + 1) % _CRITIC_STEPS, 0),
            lambda: self.turn_of_all(images, holes, distances, critic),
            lambda: self.turn_of_critics(images, holes, distances, critic),
        )

    def make_train_function(self, force: bool = False) -> Callable:
        """See Keras. With several replicas there are two graphs, and Python chooses one per batch.

        One trains all networks, the other only the critics. With one replica, a branch of a single
        graph makes the choice. Several replicas cannot add up gradients inside a branch.
        """
        if self.critic is None or self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            # Each graph is traced when it is called first, with this value of `_all_learn`.
            graphs = {}
            for all_learn in (True, False):
                graphs[all_learn] = super().make_train_function(force=True)

            def train_function(iterator):
                batch = int(self.critic_optimizer.iterations.numpy()) + 1
                self._all_learn = batch % _CRITIC_STEPS == 0
                return graphs[self._all_learn](iterator)

            self.train_function = train_function
        return self.train_function

    def turn_of_all(
        self,
        images: tf.Tensor,
        holes: tf.Tensor,
        distances: Optional[tf.Tensor],
        critic: Callable[[tf.Tensor], Dict[str, tf.Tensor]],
    ) -> Dict[str, tf.Tensor]:
        """A step on a batch from which the critics learn first, then the generator.

        critic: updates the critics on a composite [B, H, W, 3] and returns their logs. The other
        arguments are those of `step`.
        """
        with tf.GradientTape() as tape:
            coarse, refined, composite = self.forward(images, holes)
            with tape.stop_recording():
                logs = critic(composite)
            terms = self.terms(coarse, refined, composite, images, holes, distances)
        return {**self.learn(tape, terms), **logs}

    def turn_of_critics(
        self,
        images: tf.Tensor,
        holes: tf.Tensor,
        distances: Optional[tf.Tensor],
        critic: Callable[[tf.Tensor], Dict[str, tf.Tensor]],
    ) -> Dict[str, tf.Tensor]:
        """A step on a batch from which only the critics learn. Arguments as for `turn_of_all`."""
        coarse, refined, composite = self.forward(images, holes)
        logs = critic(composite)
        weighted = self.weighted(self.terms(coarse, refined, composite, images, holes, distances))
        return {"loss": tf.add_n(list(weighted.values())), **weighted, **logs}

    def forward(
        self, images: tf.Tensor, holes: tf.Tensor
    ) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The coarse output, the refined output and the refined composite, [B, H, W, 3] each."""
        coarse, refined = self.generator(
            [images * (1 - holes), holes], training=True, with_stages=True
        )
        return coarse, refined, refined * holes + images * (1 - holes)

    def terms(
        self,
        coarse: tf.Tensor,
        refined: tf.Tensor,
        composite: tf.Tensor,
        images: tf.Tensor,
        holes: tf.Tensor,
        distances: Optional[tf.Tensor],
    ) -> Dict[str, tf.Tensor]:
        """The generator's terms before their weights."""
        discount = spatial_discount(holes, self.gamma, distances) if self.gamma < 1 else None
        known = 1 - holes
        terms = {
            "hole": _COARSE * region_l1(coarse, images, holes, discount)
            + region_l1(refined, images, holes, discount),
            "valid": _COARSE * region_l1(coarse, images, known) + region_l1(refined, images, known),
        }
        if self.critic:
            window = _window(composite, holes)
            terms["adversarial"] = generator_wasserstein(
                self.critic.whole(composite)
            ) + generator_wasserstein(self.critic.window(window))
        return terms

    def loss_of_critics(
        self, images: tf.Tensor, composite: tf.Tensor, holes: tf.Tensor
    ) -> tf.Tensor:
        """Equation (1) with the penalty (3), summed over both critics, a scalar."""
        seed = tf.stack([tf.constant(self.seed ^ _MIX, tf.int64), self.critic_optimizer.iterations])
        mix = uniform([replicas.whole(shape(images)[0]), 1, 1, 1], seed)
        mix = replicas.own(mix)  # [B, 1, 1, 1]
        # [B, H/2, W/2, ...]
        windows = tf.split(_window(tf.concat([images, composite, holes], -1), holes), [3, 3, 1], -1)
        losses = []
        for critic, (real, fake, hole) in (
            (self.critic.whole, (images, composite, holes)),
            (self.critic.window, windows),
        ):
            scores = tf.split(critic(tf.concat([real, fake], 0), training=True), 2)  # [B, 1] each
            losses.append(critic_wasserstein(*scores))
            losses.append(
                self.weights_of_terms["penalty"] * gradient_penalty(critic, real, fake, hole, mix)
            )
        return tf.add_n(losses)

    def _check_side(self, images):
        side = self.critic.whole.side
        if tuple(images.shape[1:3]) != (side, side):
            raise ValueError(
                f"the critics are made for squares of {side} pixels: compile(image_size=...). "
                f"Got {images.shape[1]} x {images.shape[2]}"
            )


def _window(images, holes):
    """Crops a window of half the height and width, centred on the hole, from each picture.

    images [B, H, W, C], holes [B, H, W, 1] -> [B, H/2, W/2, C].
    """
    height, width = shape(holes)[1:3]
    corners = []
    for axis, side in ((1, height), (2, width)):
        first, last = first_and_last(holes, axis)  # [B]
        middle = (first + last + 1) // 2
        corners.append(tf.clip_by_value(middle - side // 4, 0, side - side // 2))
    return cut(images, tf.stack(corners, 1), height // 2, width // 2)

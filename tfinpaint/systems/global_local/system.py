"""Globally and locally consistent image completion, SIGGRAPH 2017.

A completion network fills the hole (section 3.2). It learns from the squared error in the hole (2)
and from an adversarial term (3) against two critics with a common score: the global critic sees the
whole picture, the local critic a window around the hole (3.3). Training has three phases (3.4,
algorithm 1): first the completion network alone, then the critics alone, then both. Internally
images are in [0, 1].

How the variants differ. The authors released their network, but no training code. There is a port
by others with training code, whose weights are widely used.
                      paper                             official
    source            the paper, and the authors'       the port
                      released network
    network, critics  convolution, norm, ReLU           convolution, ReLU, norm
    input             image minus the mean pixel, 0 in  image, the mean pixel in the hole
                      the hole
    critics see       the composite                     the network's output
    generator's loss  squared error + alpha times the   half of it, except in the first phase
                      adversarial term
    critics' loss     cross-entropy                     times alpha, except in the second phase
In both, alpha is 0.0004, and all networks have Adadelta. The critics learn first, then the
generator, from the same forward pass. In the second phase the running statistics of the completion
network's batch norm are still updated. The critics see real and completed pictures in separate
calls, so that batch norm treats them separately.

The window of a completed picture is a random one among those that contain its hole. That of a real
picture is at a random place. Each image has its own hole and windows.

Deviations: of a hole that is larger than the window, the local critic sees only a part. In the
port, a part of the generator's gradient stays in the critics' parameters and is added to their next
gradient; this is not done here. Initial biases are 0, and initial running variances 1/6.
"""

from typing import Dict, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers import replicas
from tfinpaint.layers.random_numbers import uniform
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.windows import cut
from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.global_local import SPECIFICATION, windows
from tfinpaint.systems.global_local.completion_network import CompletionNetwork
from tfinpaint.systems.global_local.critics import JoinedCritics

_MIX = 0x6C0C  # gives the places of windows their own random numbers for a seed


class GlobalLocal(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of the completion network and of the critics (paper:
            64). Height and width of images are multiples of 4.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION

    def __init__(self, width=64, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width = width
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 4

    @property
    def as_port(self) -> bool:
        """Whether the system follows the port, not the paper."""
        return self.variant == "official"

    def make_generator(self) -> tf.keras.Model:
        return CompletionNetwork(self.width, relu_first=self.as_port)

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        self.generator.frozen_norms = self.freeze_batch_norm
        if not self.weights_of_terms["adversarial"]:
            self.critic = None
        elif self.critic is None or self.critic.side != image_size:
            self.critic = JoinedCritics(image_size, self.width, relu_first=self.as_port)

    def check_phase(self, phase: Optional[str]) -> None:
        super().check_phase(phase)
        weights = getattr(self, "weights_of_terms", None)  # there is none before `compile`
        if phase == "critics" and weights and not weights["adversarial"]:
            raise SettingsError(
                f"`phase={phase!r}`: there are no critics with `loss_weights['adversarial']=0`"
            )

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        known = blanked((images + 1) / 2, holes)
        return 2 * generator([known, holes], training=training) - 1

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        if not self.learns("critic"):  # the first phase
            with tf.GradientTape() as tape:
                output = self.generator([truth, holes], training=True)  # [B, H, W, 3]
                terms = self.terms(output, truth, holes)
            return self.learn(tape, terms)

        self._check_side(images)
        corners = self.corners(holes)
        with tf.GradientTape() as tape:
            output = self.generator([truth, holes], training=True)  # [B, H, W, 3]
            # 1. The critics.
            with tape.stop_recording():
                logs = {
                    "critic": self.update_critic(
                        lambda: self.loss_of_critics(output, truth, holes, corners)
                    )
                }
            # 2. The completion network, except in the second phase.
            if not self.learns("generator"):
                return logs
            terms = self.terms(output, truth, holes, corners[0])
        return {**self.learn(tape, terms), **logs}

    def terms(
        self,
        output: tf.Tensor,
        truth: tf.Tensor,
        holes: tf.Tensor,
        corners: Optional[tf.Tensor] = None,
    ) -> Dict[str, tf.Tensor]:
        """The generator's terms, {name: scalar}, without their weights.

        output, truth: [B, H, W, 3] in [0, 1].   holes: [B, H, W, 1].
        corners: int32 [B, 2], the corners of the windows around the holes. If None, there is no
            adversarial term.
        """
        error = tf.reduce_mean(tf.square((output - truth) * holes))  # (2)
        if corners is None:
            # The port halves its loss only where it has both terms. Its weight here is 1/2.
            return {"hole": 2 * error if self.as_port else error}
        return {
            "hole": error,
            "adversarial": generator_cross_entropy(
                self.judged(self.completed(output, truth, holes), corners)
            ),
        }

    def loss_of_critics(
        self,
        output: tf.Tensor,
        truth: tf.Tensor,
        holes: tf.Tensor,
        corners: Tuple[tf.Tensor, tf.Tensor],
    ) -> tf.Tensor:
        """The critics' side of (3), a scalar.

        corners: those of the windows in completed pictures, and those in real ones, int32 [B, 2]
            each. The other arguments are those of `terms`.
        """
        fake = self.judged(tf.stop_gradient(self.completed(output, truth, holes)), corners[0])
        real = self.judged(truth, corners[1])
        loss = critic_cross_entropy(real, fake)
        if self.as_port and self.learns("generator"):
            loss *= 2 * self.weights_of_terms["adversarial"]  # alpha
        return loss

    def completed(self, output: tf.Tensor, truth: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """What the critics see of the output, [B, H, W, 3]."""
        return output if self.as_port else output * holes + truth * (1 - holes)

    def judged(self, pictures: tf.Tensor, corners: tf.Tensor) -> tf.Tensor:
        """The critics' logits [B, 1] of pictures [B, S, S, 3] with the windows at `corners`."""
        side = self.critic.window_side
        return self.critic([pictures, cut(pictures, corners, side, side)], training=True)

    def corners(self, holes: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
        """Corners of the windows in completed and in real pictures, int32 [B, 2] each."""
        seed = tf.stack([tf.constant(self.seed ^ _MIX, tf.int64), self.critic_optimizer.iterations])
        numbers = replicas.own(uniform([replicas.whole(shape(holes)[0]), 4], seed))
        side = self.critic.window_side
        return (
            windows.around(holes, side, numbers[:, :2]),
            windows.anywhere(holes, side, numbers[:, 2:]),
        )

    def _check_side(self, images):
        side = self.critic.side
        if tuple(images.shape[1:3]) != (side, side):
            raise ValueError(
                f"the critics are made for squares of {side} pixels: compile(image_size=...). "
                f"Got {images.shape[1]} x {images.shape[2]}"
            )

"""Coherent semantic attention (CSA): Coherent Semantic Attention for Image Inpainting, ICCV 2019.

A rough network fills the hole. A refinement network, with the attention in its encoder, improves
the fill (section 3.1). Both are trained end to end with three kinds of terms (3.5): L1 (7), the
consistency loss (4), and adversarial terms (5) against a patch critic of pictures and one of VGG
features (3.4). Images are in [-1, 1]. The hole has one colour, as released.

How the variants differ
                      paper                             official
    attention         cosines, bounded                  see layers/coherent_semantic_attention.py
    consistency       mean over the hole                mean over all, blanked features against the
                                                        whole target
    rough network     learns from the refinement too    learns only from its own L1
    least squares     (5), (6)                          half of them; the critics' sum halved again
In both variants the critics learn first, then the generator, from the same forward pass. The
critics see the refined output without compositing. All networks have Adam at 2e-4, with beta1 0.5.

Deviations: (5) and (6) are printed with minus signs, with which they would be maximised, and with
targets 1 and 0 for differences of scores. The targets here are 1 and -1, as in the released code
and in the paper that introduced the loss. In the released code the generator gets no gradient of
the consistency loss and of the feature critic (their inputs are detached). Here it does, in both
variants. The blocks have the released order of convolutions. Losses are means, so that their
weights do not depend on the image size. With a width below 64, the target of the consistency loss
is the first channels of conv4_3.
"""

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers.coherent_semantic_attention import reduce_hole
from tfinpaint.losses import consistency, critic_relativistic, generator_relativistic
from tfinpaint.networks import VGGFeatures
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.coherent_semantic import SPECIFICATION
from tfinpaint.systems.coherent_semantic.critics import FeaturePatchCritic, InstancePatchCritic
from tfinpaint.systems.coherent_semantic.unets import CoherentSemanticUNets
from tfinpaint.systems.critics import Critics

_HOLE_COLOR = [2 * value / 255 - 1 for value in (123.0, 104.0, 117.0)]  # red, green, blue


class CoherentSemantic(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of the generator's two networks and the critics
            (paper: 64).
        depth: halvings of both networks (paper: 8); height and width of images are multiples of
            2^depth.
        attention_kind: the layer in the refinement's encoder, "coherent" (paper) or another of
            replacements.py. The consistency loss takes the output of whichever layer it is.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION

    def __init__(self, width=64, depth=8, attention_kind="coherent", variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth, self.attention_kind = width, depth, attention_kind
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 2**self.depth

    @property
    def attention_layers(self) -> tuple:
        attends = self.attention_kind in ("coherent", "contextual", "shift")
        return (self.attention_kind,) if attends else ()

    def make_generator(self) -> tf.keras.Model:
        return CoherentSemanticUNets(
            self.width,
            self.depth,
            self.variant,
            detach_rough=self.variant == "official",
            attention_kind=self.attention_kind,
        )

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        weights = self.weights_of_terms
        layers = {"pool3": "block3_pool"} if weights["feature_adversarial"] else {}
        if weights["consistency"]:
            if self.width > 64:
                raise SettingsError(
                    "`width` is at most 64 with the consistency term, whose target has 512 "
                    f"channels. Got {self.width}"
                )
            layers["conv4_3"] = "block4_conv3"
        self.features = _Named(layers, perceptual_weights) if layers else None
        wanted: Dict[str, Any] = {}
        if weights["adversarial"]:
            wanted["image"] = InstancePatchCritic
        if weights["feature_adversarial"]:
            wanted["features"] = FeaturePatchCritic
        if not wanted:
            self.critic = None
        elif self.critic is None or self.critic.names != sorted(wanted):
            self.critic = Critics(**{name: critic(self.width) for name, critic in wanted.items()})

    def blanked(self, images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        """Images [B, H, W, 3] whose holes [B, H, W, 1] have the released colour."""
        return blanked(images, holes, _HOLE_COLOR)

    def raw(
        self, generator: tf.keras.Model, images: tf.Tensor, holes: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        return generator([self.blanked(images, holes), holes], training=training)

    def attention_maps(
        self, images: tf.Tensor, holes: tf.Tensor, weights_at: Optional[tf.Tensor] = None
    ) -> Tuple[tf.Tensor, list]:
        images, holes = self.checked(images, holes)
        return self.averaged(  # [B, H, W, 3]; a map of H/8 x W/8
            [self.blanked(images, holes), holes], with_attention_maps=True, weights_at=weights_at
        )

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        seen_in_truth = self.features(images) if self.features is not None else {}
        logs = {}
        with tf.GradientTape() as tape:
            rough, refined, maps = self.generator(
                [self.blanked(images, holes), holes], training=True, with_stages=True
            )
            # The inputs of each critic, for the original and for the output: images [B, H, W, 3],
            # features [B, H/8, W/8, 256].
            real, fake = {"image": images}, {"image": refined}
            if self.features is not None and "pool3" in seen_in_truth:
                real["features"], fake["features"] = (
                    seen_in_truth["pool3"],
                    self.features(refined)["pool3"],
                )

            # 1. The critics.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(lambda: self.loss_of_critics(real, fake))

            # 2. The generator.
            terms = {
                "rough": tf.reduce_mean(tf.abs(rough - images)),
                "refinement": tf.reduce_mean(tf.abs(refined - images)),
            }
            if "conv4_3" in seen_in_truth:
                h, w = maps[0].shape[1:3]
                hole = tf.cast(reduce_hole(holes, h, w, self.variant), tf.float32)  # [B, h, w, 1]
                target = seen_in_truth["conv4_3"][..., : maps[0].shape[-1]]
                terms["consistency"] = tf.add_n(
                    [consistency(tf.cast(m, tf.float32), target, hole, self.variant) for m in maps]
                )
            for name, term in (("image", "adversarial"), ("features", "feature_adversarial")):
                if self.critic and name in self.critic.names:
                    terms[term] = self.judged(generator_relativistic, name, real, fake)
        return {**self.learn(tape, terms), **logs}

    def loss_of_critics(
        self, real: Mapping[str, tf.Tensor], fake: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        """Equation (6), summed over the critics. Arguments are {critic: its input}."""
        fake = {name: tf.stop_gradient(x) for name, x in fake.items()}
        loss = tf.add_n(
            [self.judged(critic_relativistic, name, real, fake) for name in self.critic.names]
        )
        return loss / 2 if self.variant == "official" else loss

    def judged(
        self,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        name: str,
        real: Mapping[str, tf.Tensor],
        fake: Mapping[str, tf.Tensor],
    ) -> tf.Tensor:
        """A relativistic loss of the scores of the critic `name`.

        Arguments `real` and `fake` are {critic: its input}. The critic sees both in one call, since
        its instance norms treat each picture separately.
        """
        scores = getattr(self.critic, name)(tf.concat([real[name], fake[name]], 0), training=True)
        value = loss(*tf.split(scores, 2))
        return value / 2 if self.variant == "official" else value


class _Named:
    """VGG features under names of ours: images in [-1, 1] -> {name: map}.

    layers: {name: Keras' layer}.
    """

    def __init__(self, layers, weights):
        self._names = list(layers)
        self._features = VGGFeatures(weights, tuple(layers.values()), contrast=2.0)

    def __call__(self, images):
        return dict(zip(self._names, self._features((images + 1) / 2)))

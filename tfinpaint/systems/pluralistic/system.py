"""Pluralistic completion: Pluralistic Image Completion, CVPR 2019.

A picture with a hole may be completed in many ways. The encoder computes the prior, a distribution
of the latent z given the visible picture, and the generator makes a picture from each sample of z
(section 3.3). In training there is a second path, which sees the missing part. Its distribution is
the posterior, from which the prior learns. Both paths share the generator and the features of the
visible picture (Figure 3):

    path             z is from                       its picture should be
    reconstructive   the posterior (missing part)    the original
    generative       the prior (visible part)        like the original where known, and real

There are two critics. One scores generated pictures. The other's scores of reconstructed pictures
should be those of the originals (3.2). Images are in [-1, 1], 0 where pixels are not visible.

Both variants are the same: the paper leaves sizes and weights to the code.

The critics learn first, with one optimizer, then encoder and generator, from the same forward pass.
The critics see outputs without compositing. Both optimizers are Adam at 1e-4, with betas 0 and
0.999.

Deviations: real and fake pictures go through a critic in one call, so the power iteration takes one
step for both; in the released code it takes one for each. Filling divides the kernels by the sigma
that training stored; the released code takes one more step at every call. Adam's epsilon is Keras'
own (released: 1e-8). By default `generate` takes the mean of the prior, where the released code
takes a sample.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

import tensorflow as tf

from tfinpaint.layers import replicas
from tfinpaint.layers.aligned_resize import resize_aligned
from tfinpaint.layers.shapes import shape
from tfinpaint.losses import critic_least_squares, generator_least_squares, masked_l1
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.critics import Critics
from tfinpaint.systems.inputs import shaped
from tfinpaint.systems.pluralistic import SPECIFICATION
from tfinpaint.systems.pluralistic.critic import PluralisticCritic
from tfinpaint.systems.pluralistic.distributions import Normal, deviation_of_known, divergence
from tfinpaint.systems.pluralistic.networks import PluralisticNetwork
from tfinpaint.systems.pluralistic.noise import normal

_PATHS = 0x7A2  # gives the noise of training its own random numbers for a seed
CRITICS = {"adversarial": "generated", "adversarial_reconstruction": "reconstructed"}


class Paths(NamedTuple):
    """The results of a forward pass in training.

    posterior, prior: distributions of the latent, from the missing and from the visible part.
    reconstructed, generated: pictures of both paths at four sizes, the last one the full size.
    """

    posterior: Normal
    prior: Normal
    reconstructed: List[tf.Tensor]
    generated: List[tf.Tensor]


class Pluralistic(System):
    """See the top of the file.

    Args:
        width: channels of the first blocks of encoder and critics (paper: 32).
        depth: halvings of the encoder (paper: 5); height and width of images are multiples of
            2^depth.
        variant: "paper" or "official": the same.
    """

    specification = SPECIFICATION

    def __init__(self, width=32, depth=5, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth = width, depth
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 2**self.depth

    def make_generator(self) -> tf.keras.Model:
        return PluralisticNetwork(self.width, self.depth)

    def make_critics(self, weights: Mapping[str, float]) -> Optional[Critics]:
        """New critics for the terms whose weight is not 0; None if there are none.

        weights: {term: weight}.
        """
        wanted = [name for term, name in CRITICS.items() if weights[term]]
        if not wanted:
            return None
        return Critics(**{name: PluralisticCritic(self.width, self.depth) for name in wanted})

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        wanted = [term for term in CRITICS if self.weights_of_terms[term]]
        if wanted and image_size < 3 * self.stride:
            raise SettingsError(
                f"`image_size` is at least {3 * self.stride} for the critics "
                f"({' and '.join(f'`loss_weights[{term!r}]=0`' for term in wanted)} does without "
                f"them). Got {image_size}"
            )
        names = sorted(CRITICS[term] for term in wanted)
        if self.critic is None or self.critic.names != names:
            self.critic = self.make_critics(self.weights_of_terms)

    # ----------------------------------------------------------------------------------------------
    # filling

    def generate(  # type: ignore[override]  # names what the base class takes as **inputs
        self,
        images: tf.Tensor,
        holes: tf.Tensor,
        latent: Optional[tf.Tensor] = None,
        seed: Union[int, tf.Tensor, None] = None,
    ) -> tf.Tensor:
        """See `System.generate`, and `raw` for `latent` and `seed`."""
        images, holes = self.checked(images, holes)
        if latent is not None:
            batch, *sides, _ = images.shape
            cells = [side and side // self.stride for side in sides]
            latent = shaped(
                "latent", latent, tf.TensorShape([batch, *cells, 4 * self.generator.width])
            )
        return self.raw(self.generator, images, holes, latent=latent, seed=seed)

    def raw(
        self,
        generator: tf.keras.Model,
        images: tf.Tensor,
        holes: tf.Tensor,
        training: bool = False,
        latent: Optional[tf.Tensor] = None,
        seed: Union[int, tf.Tensor, None] = None,
    ) -> tf.Tensor:
        """The output of `generator`, [B, H, W, 3] on the [-1, 1] scale.

        Args:
            generator, images, holes, training: as in `System.raw`.
            latent: [B, H/2^depth, W/2^depth, 4 * width], from which to make the picture. None takes
                it from the prior.
            seed: int32 scalar, the seed of the sample from the prior. 0 and None take the mean.
        """
        known = blanked(images, holes)
        return generator([known, holes], training=training, latent=latent, seed=seed)

    # ----------------------------------------------------------------------------------------------
    # training

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        logs = {}
        with tf.GradientTape() as tape:
            paths = self.paths(images, holes)

            # 1. The critics.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(
                        lambda: tf.add_n(list(self.losses_of_critics(images, paths).values()))
                    )

            # 2. Encoder and generator.
            terms = self.terms(images, holes, paths)
        return {**self.learn(tape, terms), **logs}

    def paths(
        self,
        images: tf.Tensor,
        holes: tf.Tensor,
        noises: Optional[Tuple[tf.Tensor, tf.Tensor]] = None,
    ) -> Paths:
        """The forward pass of both paths, with training=True.

        noises: standard normal noise for posterior and prior,
            [B, H/2^depth, W/2^depth, 4 * width] each. None draws it.
        """
        encoder, generator = self.generator.encoder, self.generator.generator
        both = tf.concat([images * (1 - holes), images * holes], 0)  # [2 B, H, W, 3]
        middle, deepest = encoder(both, training=True)
        middle, _ = tf.split(middle, 2)  # [B, H/8, W/8, C]
        visible, missing = tf.split(deepest, 2)  # [B, h, w, C] each
        posterior = encoder.posterior(missing, training=True)
        prior = encoder.prior(visible, training=True)
        drawn = noises or self.noises(shape(visible))
        # The latent of each path. The features of the visible picture are the same for both.
        latents = [mean + std * noise for (mean, std), noise in zip((posterior, prior), drawn)]
        inputs = [tf.concat([x, x], 0) for x in (visible, middle, holes)]
        pictures = generator([tf.concat(latents, 0), *inputs], training=True)
        reconstructed, generated = zip(*(tf.split(picture, 2) for picture in pictures))
        return Paths(posterior, prior, list(reconstructed), list(generated))

    def noises(self, of: list) -> List[tf.Tensor]:
        """Two tensors of noise of shape `of` for this step, different for each picture.

        The noise of a picture does not depend on the replica that has it.
        """
        seed = tf.stack([tf.constant(self.seed ^ _PATHS, tf.int64), self.optimizer.iterations])
        drawn = replicas.own(normal([replicas.whole(of[0]), *of[1:], 2], seed))
        return tf.unstack(drawn, axis=-1)

    def losses_of_critics(self, images: tf.Tensor, paths: Paths) -> Dict[str, tf.Tensor]:
        """{name of a critic: its loss, a scalar}."""
        fakes = {"generated": paths.generated[-1], "reconstructed": paths.reconstructed[-1]}
        losses = {}
        for name in self.critic.names:
            both = tf.concat([images, tf.stop_gradient(fakes[name])], 0)  # [2 B, H, W, 3]
            scores = getattr(self.critic, name)(both, training=True)
            losses[name] = critic_least_squares(*tf.split(scores, 2))
        return losses

    def terms(self, images: tf.Tensor, holes: tf.Tensor, paths: Paths) -> Dict[str, tf.Tensor]:
        """The terms of encoder and generator, {name: scalar}, without their weights."""
        known = 1 - holes
        of_known = (0.0, deviation_of_known(holes))
        posterior = tuple(tf.stop_gradient(x) for x in paths.posterior)
        terms = {
            "posterior": divergence(of_known, paths.posterior),
            "prior": divergence(posterior, paths.prior),
            "reconstruction": 0.0,
            "valid": 0.0,
        }
        for reconstructed, generated in zip(paths.reconstructed, paths.generated):
            h, w = shape(generated)[1:3]
            truth = resize_aligned(images, h, w)  # [B, h, w, 3]
            terms["reconstruction"] += tf.reduce_mean(tf.abs(reconstructed - truth))
            # Only known pixels: the missing part may differ from the original.
            terms["valid"] += masked_l1(generated, truth, resize_aligned(known, h, w))
        names = self.critic.names if self.critic else ()
        if "generated" in names:
            scores = self.critic.generated(paths.generated[-1], training=True)
            terms["adversarial"] = generator_least_squares(scores)
        if "reconstructed" in names:
            both = tf.concat([images, paths.reconstructed[-1]], 0)
            real, fake = tf.split(self.critic.reconstructed(both, training=True), 2)
            terms["adversarial_reconstruction"] = tf.reduce_mean(
                tf.math.squared_difference(fake, tf.stop_gradient(real))
            )
        return terms

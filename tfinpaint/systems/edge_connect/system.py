"""EdgeConnect: Structure Guided Image Inpainting using Edge Prediction, ICCV workshops 2019.

An edge network completes the edges of the grey photograph in the hole (section 3.1). An inpainting
network fills the hole, guided by these edges (3.2). Known edges are Canny's with standard deviation
2. Internally images are in [0, 1].

    phase             what learns             the inpainting network is guided by
    edges             edge network            (it is not used)
    inpainting        inpainting network      true edges of the whole photograph
    edge_inpainting   inpainting network      completed edges in the hole, known ones elsewhere
    joint (or none)   both networks           the same; the terms of the inpainting network also
                                              train the edge network

Each network is trained against its own critic. In a step all networks and critics learn from the
same forward pass, with their weights from before the step. Adam is at 1e-4 with betas 0 and 0.9,
and at 1e-5 for the critics.

Both variants are the same: where the paper is silent or differs from the released code (weights of
the terms, layers of the features), this system follows the code with its default settings.

Deviations: the sigmoid of the critics is part of the losses. The released code has a fourth phase
that fails when it is run (its second backward pass needs a graph that has been freed); here it is
`joint`. In `edge_inpainting` the released code continues the power iteration of the edge network's
spectral norm; here that network does not change at all. The power iteration takes one step for each
update, not for each forward pass. In testing the released code guides the inpainting network by the
edge network's output everywhere. Here known edges are kept, as in training (to do as released, pass
the output of the painter's `complete_edges` to `generate(edges=)`). Features are those of Keras'
VGG-19, with the mean colour subtracted from pictures; the released code gives PyTorch's network
pictures in [0, 1] without normalisation. Adam's epsilon is Keras' own.
"""

from typing import Any, Dict, Optional, Tuple

import tensorflow as tf

from tfinpaint.layers import replicas
from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy, perceptual, style
from tfinpaint.networks import VGGFeatures
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System, blanked
from tfinpaint.systems.edge_connect import SPECIFICATION
from tfinpaint.systems.edge_connect.canny import canny, luminance
from tfinpaint.systems.edge_connect.critic import EdgeConnectCritic
from tfinpaint.systems.edge_connect.networks import SMALLEST, STRIDE, EdgeConnectNetworks, merged
from tfinpaint.systems.inputs import shaped

# Layers of VGG-19, after their ReLU.
CONTENT = tuple(f"block{k}_conv1" for k in range(1, 6))
STYLE = ("block2_conv2", "block3_conv4", "block4_conv4", "block5_conv2")


class EdgeConnect(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of both networks and both critics (paper: 64).
        blocks: residual blocks of either network (paper: 8).
        variant: "paper" or "official": the same.

    Height and width of images are multiples of 4, and at least 12.

    Attributes:
        features: images [N, H, W, 3] in [0, 1] -> a list of the maps of CONTENT, then of STYLE; or
            None. Made by `compile`.
    """

    specification = SPECIFICATION

    def __init__(self, width=64, blocks=8, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.blocks = width, blocks
        self.edge_critic = None
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return STRIDE

    @property
    def smallest(self) -> int:
        return SMALLEST

    @property
    def edges(self) -> tf.keras.Model:
        """The edge network, a part of the generator."""
        return self.generator.edges

    def make_generator(self) -> tf.keras.Model:
        return EdgeConnectNetworks(self.width, self.blocks)

    def trainable(self, part: str) -> list:
        network = self.generator.inpainting if part == "generator" else getattr(self, part)
        return network.trainable_variables

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        weights = self.weights_of_terms
        self.features: Any = None
        if weights["perceptual"] or weights["style"]:
            self.features = VGGFeatures(perceptual_weights, CONTENT + STYLE, depth=19)
        if not weights["adversarial"]:
            self.critic = None
        elif self.critic is None:
            self.critic = EdgeConnectCritic(3, self.width, name="critic")
        if not (weights["edge_adversarial"] or weights["feature_matching"]):
            self.edge_critic = None
        elif self.edge_critic is None:
            self.edge_critic = EdgeConnectCritic(2, self.width, name="edge_critic")

    def check_phase(self, phase: Optional[str]) -> None:
        super().check_phase(phase)
        weights = getattr(self, "weights_of_terms", None)  # there is none before `compile`
        if phase == "edges" and weights:
            if not (weights["edge_adversarial"] or weights["feature_matching"]):
                raise SettingsError(
                    f"`phase={phase!r}`: the edge network has nothing to learn from with "
                    "`loss_weights['edge_adversarial']=0` and "
                    "`loss_weights['feature_matching']=0`"
                )

    def generate(  # type: ignore[override]  # names what the base class takes as **inputs
        self, images: tf.Tensor, holes: tf.Tensor, edges: Optional[tf.Tensor] = None
    ) -> tf.Tensor:
        """See `System.generate`, and `raw` for `edges`."""
        images, holes = self.checked(images, holes)
        if edges is not None:
            edges = shaped("edges", edges, holes.shape)
        return self.raw(self.generator, images, holes, edges=edges)

    def raw(
        self,
        generator: tf.keras.Model,
        images: tf.Tensor,
        holes: tf.Tensor,
        training: bool = False,
        edges: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        """See `System.raw`.

        edges: [B, H, W, 1], 1 on an edge, which guide the fill and are used unchanged. None means
            Canny's edges of the known pixels, completed by the edge network.
        """
        known = blanked((images + 1) / 2, holes)
        return 2 * generator([known, holes], training=training, edges=edges) - 1

    def step(
        self, images: tf.Tensor, holes: tf.Tensor, edges: Optional[tf.Tensor] = None
    ) -> Dict[str, tf.Tensor]:
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        grey = luminance(truth)  # [B, H, W, 1]
        if edges is None:
            edges = canny(grey)
        targets = self.seen(truth, holes) if self.features and self.learns("generator") else None

        # 1. The networks. The tape is persistent, since two optimizers need gradients from it.
        terms = {}
        with tf.GradientTape(persistent=True) as tape:
            if self.phase == "inpainting":
                guide = edges
            else:
                completed = self.edges([grey, edges, holes], training=self.learns("edges"))
                guide = merged(completed, edges, holes)
                judged = [tf.concat([grey, x], -1) for x in (edges, completed)]  # [B, H, W, 2]
            if self.learns("edges"):
                if self.edge_critic:
                    terms.update(self.edge_terms(*judged))
            else:
                guide = tf.stop_gradient(guide)
            if self.learns("generator"):
                output = self.generator.inpainting([truth, guide, holes], training=True)
                terms.update(self.inpainting_terms(output, truth, holes, targets))
        logs = self.learn_from(tape, terms)

        # 2. The critics, which see outputs from before the update of the networks.
        losses = []
        if self.learns("edge_critic"):
            losses.append(self.teach("edge_critic", *judged))
        if self.learns("critic"):
            losses.append(self.teach("critic", truth, output))
        return {**logs, "critic": tf.add_n(losses)} if losses else logs

    def edge_terms(self, real: tf.Tensor, fake: tf.Tensor) -> Dict[str, tf.Tensor]:
        """The terms of the edge network, {name: scalar}, without their weights.

        Arguments are grey and edges as channels, [B, H, W, 2]: true edges in `real`, completed ones
        in `fake`.
        """
        maps = self.edge_critic(tf.concat([real, fake], 0))
        maps = [tf.split(tf.cast(x, tf.float32), 2) for x in maps]
        liked, wanted = [fake for _, fake in maps], [tf.stop_gradient(real) for real, _ in maps]
        return {
            "edge_adversarial": generator_cross_entropy(liked[-1]),
            "feature_matching": perceptual(liked, wanted),
        }

    def inpainting_terms(
        self,
        output: tf.Tensor,
        truth: tf.Tensor,
        holes: tf.Tensor,
        targets: Optional[Tuple[list, list]],
    ) -> Dict[str, tf.Tensor]:
        """The terms of the inpainting network, {name: scalar}, without their weights.

        output, truth: [B, H, W, 3] in [0, 1].   targets: `seen(truth, holes)`, or None.
        """
        # L1 is divided by the share of missing pixels in the whole batch; 0 if none is missing.
        missing = replicas.mean(tf.reduce_mean(holes))
        difference = tf.reduce_mean(tf.abs(output - truth))
        terms = {"l1": tf.math.divide_no_nan(difference, missing)}
        if targets:
            content, gram = self.seen(output, holes)
            terms["perceptual"] = perceptual(content, targets[0])
            terms["style"] = style(gram, targets[1])
        if self.critic:
            terms["adversarial"] = generator_cross_entropy(self.critic(output)[-1])
        return terms

    def seen(self, images: tf.Tensor, holes: tf.Tensor) -> Tuple[list, list]:
        """Maps of CONTENT of the images, and maps of STYLE of the images with 0 outside holes."""
        maps = [tf.split(x, 2) for x in self.features(tf.concat([images, images * holes], 0))]
        return [whole for whole, _ in maps[: len(CONTENT)]], [
            hole for _, hole in maps[len(CONTENT) :]
        ]

    def learn_from(
        self, tape: tf.GradientTape, terms: Dict[str, tf.Tensor]
    ) -> Dict[str, tf.Tensor]:
        """Updates each network that learns, by the gradient of the sum of all terms.

        The edge terms do not depend on the inpainting network, so they do not affect it.
        """
        if not self.learns("generator"):
            return self.learn(tape, terms, part="edges")
        if self.learns("edges"):
            with tape:
                loss = tf.add_n(list(self.weighted(terms).values()))
                scaled = self.scaled(self.parts["edges"], loss)
            self.descend("edges", tape, scaled)
        return self.learn(tape, terms)

    def teach(self, part: str, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """Updates the critic `part`, which sees real and fake in one call. Returns its loss."""
        both = tf.concat([real, tf.stop_gradient(fake)], 0)

        def loss():
            return critic_cross_entropy(*tf.split(getattr(self, part)(both, training=True)[-1], 2))

        return self.update_critic(loss, part)

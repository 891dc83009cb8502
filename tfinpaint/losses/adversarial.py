"""Adversarial terms on scores before any sigmoid (logits).

There are five pairs of terms, one for the critic and one for the generator, both to be minimised:

cross_entropy  Equations (16)-(18) of the multistage attention paper (2020). (16) prints max over
               the generator and min over the critic. The usual non-saturating pair is meant, and is
               computed here.
hinge          Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019
               (SN-PatchGAN). The critic's term is halved, as released.
relativistic   Relativistic average least squares: equations (5) and (6) of the coherent semantic
               attention paper (2019). The paper prints minus signs, with which the terms would be
               maximised, and targets 1 and 0. The source that it cites (Jolicoeur-Martineau, The
               relativistic discriminator, 2018) and the released code have targets 1 and -1, and so
               has this file. The released loss weights are for half of the sum.
least_squares  Mao et al., Least Squares Generative Adversarial Networks, ICCV 2017, with targets 1
               and 0. The critic's term is halved.
wasserstein    Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018
               (DeepFill v1), equation (1). The critic's loss also needs `gradient_penalty`.
"""

import tensorflow as tf

from tfinpaint.layers import replicas


def critic_cross_entropy(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """(BCE(real, 1) + BCE(fake, 0)) / 2, a scalar. Args: logits of any shape."""
    return (tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))) / 2


def generator_cross_entropy(fake: tf.Tensor) -> tf.Tensor:
    """BCE(fake, 1), a scalar. Args: logits of any shape."""
    return tf.reduce_mean(tf.nn.softplus(-fake))


def critic_hinge(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """(mean max(1 - real, 0) + mean max(1 + fake, 0)) / 2, a scalar. Args: scores of any shape."""
    return (tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))) / 2


def generator_hinge(fake: tf.Tensor) -> tf.Tensor:
    """-mean fake, a scalar. Args: scores of any shape."""
    return -tf.reduce_mean(fake)


def critic_relativistic(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """mean (real - E fake - 1)^2 + mean (fake - E real + 1)^2, a scalar.

    The critic learns to score real pictures 1 above the average fake one, and fake pictures 1 below
    the average real one.

    Args: scores of any shape. E is the mean over all patches and pictures (of all replicas).
    """
    means = replicas.mean(tf.stack([tf.reduce_mean(fake), tf.reduce_mean(real)]))
    above_fake, above_real = real - means[0], fake - means[1]
    return tf.reduce_mean(tf.square(above_fake - 1)) + tf.reduce_mean(tf.square(above_real + 1))


def generator_relativistic(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """mean (fake - E real - 1)^2 + mean (real - E fake + 1)^2, a scalar.

    It is the critic's term with real and fake exchanged. Args: scores of any shape.
    """
    return critic_relativistic(fake, real)


def critic_least_squares(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """(mean (real - 1)^2 + mean fake^2) / 2, a scalar. Args: scores of any shape."""
    return (tf.reduce_mean(tf.square(real - 1)) + tf.reduce_mean(tf.square(fake))) / 2


def generator_least_squares(fake: tf.Tensor) -> tf.Tensor:
    """mean (fake - 1)^2, a scalar. Args: scores of any shape."""
    return tf.reduce_mean(tf.square(fake - 1))


def critic_wasserstein(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """mean fake - mean real, a scalar. Args: scores of any shape."""
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def generator_wasserstein(fake: tf.Tensor) -> tf.Tensor:
    """-mean fake, a scalar. Args: scores of any shape."""
    return -tf.reduce_mean(fake)

"""Adversarial terms of the critics, on logits.

Source: equations (16)-(18) of the multistage attention paper (2020). (16) prints max over the generator and min over the critic;
what is meant, and done here, is the ordinary non-saturating pair.
"""

import tensorflow as tf


def critic_cross_entropy(real, fake):
    """(BCE(real, 1) + BCE(fake, 0)) / 2, a scalar. Args: logits of any shape, before the sigmoid."""
    return (tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))) / 2


def generator_cross_entropy(fake):
    """BCE(fake, 1), a scalar. Args: logits of any shape, before the sigmoid."""
    return tf.reduce_mean(tf.nn.softplus(-fake))

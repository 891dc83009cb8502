"""Perceptual and style terms again, in NumPy and float64, on maps of a given network."""

import numpy as np
import tensorflow as tf


def vgg_maps(network, images, contrast):
    """Maps of Keras' own VGG for images [B, H, W, 3] in [0, 1], scaled for inputs of which black
    and white are `contrast` apart."""
    # Blue, green, red of 0 to 255 without ImageNet's mean: what the network was trained with.
    inputs = 255 * np.asarray(images, np.float64)[..., ::-1] - [103.939, 116.779, 123.68]
    maps = network(tf.constant(inputs, tf.float32), training=False)
    return [np.asarray(x, np.float64) * contrast / 255 for x in maps]


def feature_terms(network, judged, truth, contrast=1.0):
    """(perceptual, style) of a list of batches of images [B, H, W, 3] in [0, 1], added up."""
    perceptual = style = 0.0
    targets = vgg_maps(network, truth, contrast)
    for images in judged:
        for f, t in zip(vgg_maps(network, images, contrast), targets, strict=True):
            perceptual += np.abs(f - t).mean()
            style += np.abs(gram(f) - gram(t)).mean()
    return perceptual, style


def gram(maps):
    """[B, H, W, C] -> [B, C, C], divided by H W C."""
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    return np.einsum("bnc,bnd->bcd", flat, flat) / flat[0].size

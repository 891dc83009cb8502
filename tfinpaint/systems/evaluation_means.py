"""The errors that Keras' `evaluate` reports, as means over all of its batches."""

from typing import Dict, List

import tensorflow as tf


class EvaluationMeans:
    """The means of `l1` and `l1_hole`, as Keras metrics.

    Keras does not track objects of this class, so the metrics are not saved in checkpoints. A
    system's `metrics` returns them, because Keras sets back the metrics in it before an evaluation.
    """

    def __init__(self) -> None:
        self._l1 = tf.keras.metrics.Mean("l1")
        self._l1_hole = tf.keras.metrics.Mean("l1_hole")

    @property
    def metrics(self) -> List[tf.keras.metrics.Metric]:
        """Both metrics."""
        return [self._l1, self._l1_hole]

    def add(self, error: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        """Takes in a batch.

        Args:
            error: float32 [B, H, W, 3], the absolute error in the holes, 0 elsewhere.
            holes: float32 [B, H, W, 1], 1 where missing.

        Returns: {"l1": ..., "l1_hole": ...}, scalars: the means over all batches so far, of all
            images and of all missing pixels.
        """
        images = tf.cast(tf.shape(error)[0], tf.float32)
        missing = tf.reduce_sum(holes)
        self._l1.update_state(tf.reduce_mean(error), images)
        self._l1_hole.update_state(
            tf.reduce_sum(error) / tf.maximum(3 * missing, 1.0),  # a batch may have no hole
            missing,
        )
        return {metric.name: metric.result() for metric in self.metrics}

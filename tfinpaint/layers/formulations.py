"""Chooses between the two implementations of an attention layer. No other file makes this choice.

Two layers have two implementations each, with the same result at a different cost:

    PatchAttention        the whole map: scores of all positions   patch_attention.py
                          the hole alone: scores of its positions  patch_attention_in_hole.py
    ContextualAttention   by patches: products of 3x3 patches      contextual_attention.py
                          by pixels: products of pixels, summed    contextual_attention_by_pixels.py
"""

import tensorflow as tf

from tfinpaint.layers import tracing
from tfinpaint.layers.shapes import Size

_LARGEST_MAP = 2**13  # positions of the largest map whose scores are certain to fit into memory
_MOST_SCORES = 2**29  # scores of a batch in which every position is missing: 2 GiB
_SCORES_OF_A_TURN = 2**25  # scores computed at a time: 128 MiB


def attends_everywhere(height: Size, width: Size, map_wanted: bool) -> bool:
    """Whether PatchAttention computes the whole map, not only the positions in the hole.

    It must do so if an attention map is wanted, which shows all positions, and if tensor sizes must
    not depend on the hole (XLA, converters). It also does so on a GPU if the map is small:
    TensorFlow keeps int32 tensors on the host, so each list of positions would cost a round trip.
    Otherwise computing the hole alone is faster, since the time grows with the number of queries.
    """
    small = isinstance(height, int) and isinstance(width, int) and height * width <= _LARGEST_MAP
    return map_wanted or tracing.compiled() or small and tracing.on_gpu()


def answers_all_at_once(batch: Size, positions: Size) -> bool:
    """Whether all queries of the hole are scored at once, not in several turns.

    They are if the graph knows the sizes and the scores would fit into memory even with every
    position missing. A graph for photographs of any size cannot know that.
    """
    if not (isinstance(batch, int) and isinstance(positions, int)):
        return False
    return positions <= _LARGEST_MAP and batch * positions**2 <= _MOST_SCORES


def queries_of_a_turn(batch: Size, positions: Size) -> Size:
    """The number of queries of each picture in one turn, where there are several turns."""
    return tf.maximum(_SCORES_OF_A_TURN // tf.maximum(batch * positions, 1), 1)


def contextual_by_patches() -> bool:
    """Whether ContextualAttention multiplies patches, not pixels.

    Multiplying pixels takes fewer products, but adds them up with depthwise convolutions. Those are
    fast only on a CPU, and not with XLA.
    """
    return tracing.compiled() or tracing.on_gpu()

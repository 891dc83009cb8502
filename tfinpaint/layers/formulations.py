"""Which formulation of an attention runs where. Nothing else decides it.

Two layers are written in two ways. Both ways give the same result, at a different cost:

    PatchAttention        the whole map: scores of all positions   patch_attention.py
                          the hole alone: scores of its positions  patch_attention_in_hole.py
    ContextualAttention   by patches: products of 3x3 patches      contextual_attention.py
                          by pixels: products of pixels, summed    contextual_attention_by_pixels.py
"""

import tensorflow as tf

from tfinpaint.layers import tracing
from tfinpaint.layers.shapes import Size

_LARGEST_MAP = 2**13  # positions of a map whose scores surely fit into memory
_MOST_SCORES = 2**29  # of a batch in which every position is missing: 2 GiB
_SCORES_OF_A_TURN = 2**25  # 128 MiB


def attends_everywhere(height: Size, width: Size, map_wanted: bool) -> bool:
    """Whether PatchAttention computes its whole map, and not the hole alone.

    It has to if an attention map is wanted, which shows all positions, or if sizes must not depend
    on the hole (XLA, converters). It also does so on a GPU if the map is small: TensorFlow keeps
    int32 tensors on the host, so each list of positions would be a round trip. In all other cases
    the hole alone is quicker: the time grows with the number of queries.
    """
    small = isinstance(height, int) and isinstance(width, int) and height * width <= _LARGEST_MAP
    return map_wanted or tracing.compiled() or small and tracing.on_gpu()


def answers_all_at_once(batch: Size, positions: Size) -> bool:
    """Whether the hole's queries are answered together, and not some at a time.

    They are if the graph knows the sizes, and the scores would fit into memory even if all
    positions were missing. Photographs of any size have no such bound.
    """
    if not (isinstance(batch, int) and isinstance(positions, int)):
        return False
    return positions <= _LARGEST_MAP and batch * positions**2 <= _MOST_SCORES


def queries_of_a_turn(batch: Size, positions: Size) -> Size:
    """How many queries of each picture are scored at a time if not all are."""
    return tf.maximum(_SCORES_OF_A_TURN // tf.maximum(batch * positions, 1), 1)


def contextual_by_patches() -> bool:
    """Whether ContextualAttention multiplies patches, and not pixels.

    By pixels it needs fewer products, and adds them up with depthwise convolutions. These are
    fast on CPUs only, and XLA's are not.
    """
    return tracing.compiled() or tracing.on_gpu()

"""Training: a run from its settings to its last checkpoint and validation pass."""

from tfinpaint.training.loop import train

__all__ = ["train"]

"""Training runs, from the settings to the last checkpoint and validation pass; and dry runs."""

from tfinpaint.training.dry_run import DryRun, dry_run
from tfinpaint.training.loop import train

__all__ = ["DryRun", "dry_run", "train"]

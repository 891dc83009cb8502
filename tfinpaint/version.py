"""The version of tfinpaint, for whom the package's own face is too high up to import."""

__version__ = "0.1.0"

"""Trained systems outside of this program: SavedModels, TFLite files, a server that speaks TensorFlow Serving's contract, its client."""

"""Reads weights that were trained elsewhere.

places         tables that say which tensor belongs to which variable
releases       what the papers' authors released; the tables are in the systems' folders
state_dicts    reads PyTorch's state dicts
keras_files    reads Keras' .h5 files
"""

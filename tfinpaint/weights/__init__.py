"""Reading weights that were trained elsewhere.

places         which tensor belongs where
releases       what the papers' authors released; its tables are with the systems
state_dicts    PyTorch's state dicts
keras_files    files of Keras
"""

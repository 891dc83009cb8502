"""Trained systems as files for other programs.

saved_model.py writes SavedModels, with the signatures of signatures.py and the requests of
warmup.py; tflite.py writes TFLite files. Both come with a card that says what they are
(model_card.py). The command, `python -m tfinpaint.export`, is __main__.py.
"""

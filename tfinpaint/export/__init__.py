"""Trained systems as files for other programs: SavedModels (`saved_model`, its `signatures` and `warmup` requests) and TFLite files
(`tflite`), each with a card that says what it is (`model_card`). The command, `python -m tfinpaint.export`, is `__main__`."""

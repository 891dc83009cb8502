"""Writes a trained system as a SavedModel for TensorFlow Serving, and fills with such a SavedModel.

    OUTPUT/
      1/                                         one version
        saved_model.pb, variables/               the signatures (signatures.py)
        assets.extra/tf_serving_warmup_requests  one request for each signature
        model_card.json                          what the model is

A version is written under a temporary name and then renamed, so that a server that watches OUTPUT
never sees half a model. The model has only standard TensorFlow operations.
"""

import contextlib
import os
import re
from typing import Iterator, Optional

import numpy as np
import tensorflow as tf
from absl import logging as absl_logging

from tfinpaint import atomic
from tfinpaint.export import signatures, warmup
from tfinpaint.export.model_card import CARD, read_card, write_card
from tfinpaint.export.version_folders import versions
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.painting.boxes import Context
from tfinpaint.settings import SettingsError, first_line, os_reason
from tfinpaint.systems import all_systems


def export(
    painter: BasePainter,
    output: str,
    card: dict,
    detail: str = "auto",
    place: Optional[str] = None,
) -> str:
    """Writes `output`/<next version>/ and returns its path.

    painter:  a `Painter`.
    output:   the folder of versions.
    card:     see model_card.py; it has at least "system" and "image_size".
    detail:   "auto" or "off", as for `fill`.
    place:    the name of the folder in messages, if it is not the caller's argument `output`.

    Raises: SettingsError if the model cannot be written.
    """
    module = signatures.servable(painter, detail)
    try:
        with atomic.folder(output), atomic.beside(os.path.join(output, "version")) as beside:
            os.mkdir(beside)
            tf.saved_model.save(
                module,
                beside,
                {name: getattr(module, name) for name in signatures.names(module)},
                tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # nobody trains it
            )
            os.makedirs(os.path.join(beside, "assets.extra"), exist_ok=True)
            warmup.write(
                os.path.join(beside, warmup.PATH),
                card["system"],
                _requests(card["image_size"], signatures.names(module)),
            )
            write_card(
                os.path.join(beside, CARD),
                {
                    **card,
                    "format": "saved_model",
                    "stride": painter.stride,
                    "working_size": painter.working_size,
                    "context": painter.context._asdict(),
                    "detail": detail,
                },
            )
            return _rename(beside, output)
    except (OSError, tf.errors.OpError) as error:
        place = place or f"`output={output!r}`"
        raise SettingsError(f"{place} cannot be written: {os_reason(error)}") from error


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Hides what TensorFlow says of custom gradients while it loads a model: nobody trains it."""
    before = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        yield
    finally:
        absl_logging.set_verbosity(before)


class ExportedPainter(BasePainter):
    """Fills photographs with an exported model, as `Painter` does with a run.

    path: the version directory.

    Attributes:
        detail: "auto" or "off", as it was exported; None for an export from before detail existed.

    Raises: SettingsError if the model or its card cannot be read.
    """

    def __init__(self, path: str):
        about = read_card(path)
        try:
            self.stride, self.working_size = int(about["stride"]), int(about["working_size"])
            self.context = Context(**about.get("context", {}))  # older exports lack it
            self.detail = about.get("detail")
            specification = all_systems().get(about.get("system", ""))
            self.keeps_known = bool(specification and specification.keeps_known)
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"`model={path!r}`: its {CARD} cannot be read ({type(error).__name__}: "
                f"{first_line(error)}); `export` writes it"
            ) from error
        try:
            with _no_warnings():
                self._model = tf.saved_model.load(path)
            self._fill_window = self._model.fill_window
            self.fill_inputs = ("seed",) if hasattr(self._model, "fill_sample") else ()
        except (OSError, ValueError, AttributeError, tf.errors.OpError) as error:
            raise SettingsError(
                f"`model={path!r}` is no model that `export` wrote, or it is damaged: "
                f"{first_line(error)}"
            ) from error

    def _fill(self, photo, mask, options):
        if options.detail == "auto":  # as the model was exported
            options = options._replace(detail=self.detail or "off")
        return super()._fill(photo, mask, options)

    def fill_window(
        self, window: tf.Tensor, hole: tf.Tensor, shown: tf.Tensor, with_detail: tf.Tensor
    ) -> tf.Tensor:
        """See `Painter.fill_window`.

        Raises: SettingsError for a hole that the model refuses.
        """
        try:
            return self._fill_window(window, hole, shown, *([with_detail] if self.detail else []))
        except tf.errors.InvalidArgumentError as error:
            refusal = re.search(r"assertion failed: \[(.+?)\]", error.message, re.DOTALL)
            if refusal is None:
                raise
            raise SettingsError(refusal[1].strip("'\" ")) from error

    def _fill_guided(self, window, hole, shown, with_detail, edges=None, seed=0):
        return self._model.fill_sample(
            window, hole, shown, with_detail, tf.constant(int(seed), tf.int32)
        )


def _rename(beside, output):
    """Renames a folder to the next free version. Another export may do the same meanwhile."""
    version = max(versions(output), default=0) + 1
    while True:
        place = os.path.join(output, str(version))
        if not os.path.exists(place):
            try:
                os.rename(beside, place)
                return place
            except OSError:
                if not os.path.exists(place):
                    raise
        version += 1


def _requests(size, names):
    """Yields (signature, inputs) with one photograph and a centred hole, for each signature.

    That is enough for a server to plan its memory.
    """
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    image = np.stack(np.broadcast_arrays(ramp, ramp[:, np.newaxis], np.uint8(128)), -1)  # [S, S, 3]
    mask = np.zeros((size, size, 1), np.uint8)
    mask[size // 4 : size - size // 4, size // 4 : size - size // 4] = 255
    files = [np.array([tf.io.encode_png(array).numpy()], object) for array in (image, mask)]
    inputs = dict(zip(("image_bytes", "mask_bytes"), files))
    yield "serving_default", inputs
    yield "tensors", {"image": image[np.newaxis], "mask": mask[np.newaxis]}
    if "sample" in names:
        yield "sample", {**inputs, "seed": np.int32([1])}

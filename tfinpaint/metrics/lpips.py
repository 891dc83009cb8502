"""LPIPS v0.1: the distance between two photographs in the feature space of a network.

Inputs: uint8 RGB photographs of any size.
Source: Zhang, Isola, Efros, Shechtman and Wang, The Unreasonable Effectiveness of Deep Features as
    a Perceptual Metric, CVPR 2018.
"""

import hashlib
import os
from typing import Dict, Sequence

import numpy as np
import tensorflow as tf

from tfinpaint.metrics.metric import Column, Metric
from tfinpaint.networks.lpips_features import CHANNELS, FEATURES, LEAST, SHAPES
from tfinpaint.settings import SettingsError
from tfinpaint.weights import state_dicts

# torchvision's normalisation of [0, 1], written for [-1, 1]
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10  # added to the length of a feature vector, as released


class Lpips(Metric):
    """The distance of outputs to originals: 0 for equal photographs, lower is better.

    Call it with outputs and originals, both uint8 [B, H, W, 3], RGB. It returns float32 [B].

    Equation (1): the feature vectors y of a layer l are scaled to length 1 at each position. Their
    squared differences are weighted by the linear head w_l, summed over channels, averaged over
    positions and summed over layers:

        d(x, x0) = sum_l 1 / (H_l W_l) sum_hw || w_l * (y_l,hw - y0_l,hw) ||^2

    A head in the file holds the squares of w_l.

    Args:
        path: an .npz of float32 arrays: for each convolution NAME_kernel [k, k, in, out] and
            NAME_bias [out], and for each layer that is compared a head lin0, lin1, ... [C].
            AlexNet: conv1 (11 x 11, 3 to 64), conv2 (5, 192), conv3 (3, 384), conv4 (3, 256), conv5
            (3, 256); heads of 64, 192, 384, 256, 256.
            SqueezeNet 1.1: conv1 (3, 3 to 64), fire2 to fire9, each of squeeze1x1, expand1x1 and
            expand3x3, as in fire2_squeeze1x1_kernel; heads of 64, 128, 256, 384, 384, 512, 512.
            With PyTorch and the package lpips, this writes the file:

                import lpips, numpy, torch
                net = lpips.LPIPS(net="alex")  # or "squeeze"
                parts = ("squeeze1x1", "expand1x1", "expand3x3")
                fires = [f"fire{k}_{part}" for k in range(2, 10) for part in parts]
                rest = fires if net.pnet_type == "squeeze" else ["conv2", "conv3", "conv4", "conv5"]
                convs = [m for m in net.net.modules() if isinstance(m, torch.nn.Conv2d)]
                lins = enumerate(net.lins)
                arrays = {f"lin{k}": lin.model[-1].weight.flatten() for k, lin in lins}
                for name, conv in zip(["conv1", *rest], convs):
                    arrays[f"{name}_kernel"] = conv.weight.permute(2, 3, 1, 0)
                    arrays[f"{name}_bias"] = conv.bias
                numpy.savez("lpips.npz", **{k: a.detach().numpy() for k, a in arrays.items()})

    Attributes:
        network: "alex" or "squeeze", found from the names of the arrays. Figures of one cannot be
            compared with figures of the other; papers mean AlexNet's.
        least: the smallest side that it accepts, in pixels.
        fingerprint: the first 12 hex digits of the file's SHA-256.
        columns: the one column "lpips".

    Raises: SettingsError, which names `lpips_weights`, if the file or one of its arrays is missing
        or does not fit. The call raises ValueError for other shapes or dtypes, or if a side is
        below 31 pixels (AlexNet) or 17 (SqueezeNet).
    """

    def __init__(self, path: str):
        arrays, self.fingerprint = _read(path)
        self.network = "squeeze" if any(name.startswith("fire") for name in arrays) else "alex"
        self.least = LEAST[self.network]
        _check(arrays, self.network, path)
        self._arrays = {
            name: tf.constant(arrays[name], tf.float32) for name in SHAPES[self.network]
        }
        self._heads = [
            tf.constant(arrays[f"lin{k}"], tf.float32) for k in range(len(CHANNELS[self.network]))
        ]
        photos = tf.TensorSpec([None, None, None, 3], tf.uint8)
        compiled = tf.function(self._distance, input_signature=[photos, photos], autograph=False)
        self._distance = compiled  # type: ignore[method-assign]
        definition = (
            f"learned perceptual distance, version 0.1, {self.network} (weights "
            f"{self.fingerprint}), RGB in [-1, 1], whole picture"
        )
        self.columns = (Column("lpips", f"LPIPS {self.network}", definition),)

    def __call__(self, outputs: np.ndarray, originals: np.ndarray) -> np.ndarray:
        outputs, originals = np.asarray(outputs), np.asarray(originals)
        for name, images in (("outputs", outputs), ("originals", originals)):
            if (
                images.dtype != np.uint8
                or images.ndim != 4
                or images.shape[-1] != 3
                or not len(images)
            ):
                raise ValueError(
                    f"{name} are uint8 [B, H, W, 3], B at least 1. Got {images.dtype} "
                    f"{list(images.shape)}"
                )
        if outputs.shape != originals.shape:
            raise ValueError(
                f"outputs and originals have one shape. Got {list(outputs.shape)} and "
                f"{list(originals.shape)}"
            )
        if min(outputs.shape[1:3]) < self.least:
            raise ValueError(
                f"LPIPS with {self.network} needs at least {self.least} x {self.least} pixels. "
                f"Got {list(outputs.shape[1:3])}"
            )
        return self._distance(outputs, originals).numpy()

    def check(self, names: Sequence[str], photos: Sequence[np.ndarray]) -> None:
        """Raises SettingsError for a photograph that is too small."""
        for name, photo in zip(names, photos):
            if min(photo.shape[:2]) < self.least:
                raise SettingsError(
                    f"`lpips_weights`: {self.columns[0].label} needs photographs of at least "
                    f"{self.least} px. Got {name} of {photo.shape[1]}x{photo.shape[0]}"
                )

    def measure(
        self, fills: np.ndarray, photos: np.ndarray, holes: np.ndarray
    ) -> Dict[str, np.ndarray]:
        """See the base class."""
        return {"lpips": self(fills, photos)}

    def _distance(self, outputs, originals):
        total = 0.0
        for head, y, y0 in zip(
            self._heads, self._features(outputs), self._features(originals), strict=True
        ):
            total += tf.reduce_mean(tf.reduce_sum(tf.square(y - y0) * head, -1), [1, 2])  # [B]
        return total

    def _features(self, images):
        """uint8 [B, H, W, 3] -> maps [B, h, w, C], each vector over channels of length 1."""
        scaled = tf.cast(images, tf.float32) / 127.5 - 1.0
        maps = FEATURES[self.network]((scaled - _SHIFT) / _SCALE, self._arrays)
        return [y / (tf.norm(y, axis=-1, keepdims=True) + _EPSILON) for y in maps]


def _read(path):
    """The arrays of a file and its fingerprint."""
    if not path or not os.path.isfile(path):
        raise SettingsError(
            f"`lpips_weights={path!r}` is no file: an .npz of LPIPS v0.1's AlexNet or SqueezeNet "
            "is needed"
        )

    def read():
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    arrays = state_dicts.guarded(read, f"`lpips_weights={path!r}`", "an .npz of arrays")
    with open(path, "rb") as file:
        return arrays, hashlib.sha256(file.read()).hexdigest()[:12]


def _check(arrays, network, path):
    wanted = {
        **SHAPES[network],
        **{f"lin{k}": (channels,) for k, channels in enumerate(CHANNELS[network])},
    }
    missing = [name for name in wanted if name not in arrays]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise SettingsError(
            f"`lpips_weights={path!r}` is neither LPIPS v0.1's AlexNet nor its SqueezeNet 1.1: as "
            f"{network} it lacks {missing[0]}{more}"
        )
    for name, shape in wanted.items():
        if (
            arrays[name].shape != shape
            or arrays[name].dtype.kind != "f"
            or not np.isfinite(arrays[name]).all()
        ):
            raise SettingsError(
                f"`lpips_weights={path!r}`: {name} is finite, of floating point, {list(shape)} in "
                f"LPIPS v0.1's {network}. Got {arrays[name].dtype} {list(arrays[name].shape)}"
            )

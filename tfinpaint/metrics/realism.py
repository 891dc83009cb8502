"""How real a set of filled photographs looks: FID, U-IDS and P-IDS.

They are computed from features of an InceptionV3, whose weights the user supplies.

    network = Inception("classify_image_graph_def.pb")
    real, filled = network.features(originals), network.features(composites)     # float32 [N, 2048]
    fid(real, filled), ids(real, filled)
    metric = Realism("classify_image_graph_def.pb")     # the same figures as columns of a table

Unlike the figures of metrics.quality, these are figures of a whole set of photographs, which must
be large: see FEWEST.
"""

import hashlib
import importlib.util
import os
from typing import Dict, Mapping, Optional, Sequence

import numpy as np

from tfinpaint.metrics.metric import Column, Metric, batches, stack
from tfinpaint.networks import inception
from tfinpaint.settings import SettingsError
from tfinpaint.weights import state_dicts

# The fewest photographs for which these figures are given, one more than there are features. With
# fewer, the covariance is singular, and FID depends more on their number than on their look. Also,
# a linear classifier with 2,048 features can probably separate two smaller sets without an error,
# however alike they are (Cover 1965: its capacity is 2 x 2,049 points). Then U-IDS and P-IDS are 0.
FEWEST = inception.FEATURES + 1

_KINDS = (
    (
        (".pb",),
        inception.from_frozen_graph,
        "InceptionV3 of 2015, the network of the published FID",
    ),
    (
        state_dicts.ENDINGS,
        inception.from_pytorch,
        "PyTorch's port of the InceptionV3 of 2015, as in pytorch-fid",
    ),
    (
        (".h5", ".hdf5"),
        inception.from_keras,
        "InceptionV3 of Keras, comparable only with itself and not with published figures",
    ),
)


class Inception:
    """An InceptionV3 that computes features of photographs.

    Args:
        path: the file of weights. Its ending says which they are.
            .pb: the frozen TensorFlow graph of the published FID (classify_image_graph_def.pb of
                December 2015).
            .pth, .pt, .npz, .safetensors: the state dict of its port to PyTorch
                (pt_inception-2015-12-05).
            .h5, .hdf5: weights of Keras' InceptionV3, with or without the layer of classes.

    Attributes:
        description: which network this is, and what its figures can be compared with.
        fingerprint: the first 12 hex digits of the file's SHA-256.

    Raises: SettingsError, which names `inception_weights`, if the file is missing or does not fit.
    """

    def __init__(self, path: str):
        allowed = (
            "classify_image_graph_def.pb (the network of the published FID), its port to PyTorch "
            f"({', '.join(state_dicts.ENDINGS)}) or weights of Keras' InceptionV3 (.h5)"
        )
        if not path or not os.path.isfile(path):
            raise SettingsError(f"`inception_weights={path!r}` is no file: {allowed}")
        kinds = [kind for kind in _KINDS if str(path).endswith(kind[0])]
        if not kinds:
            raise SettingsError(f"`inception_weights={path!r}` is none of {allowed}")
        ((_, network, self.description),) = kinds
        self._network = network(str(path))
        with open(path, "rb") as file:
            self.fingerprint = hashlib.sha256(file.read()).hexdigest()[:12]

    def features(self, images: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, 3], RGB, of any size -> float32 [B, 2048].

        Raises ValueError for another shape or dtype.
        """
        images = np.asarray(images)
        if (
            images.dtype != np.uint8
            or images.ndim != 4
            or images.shape[-1] != 3
            or images.size == 0
        ):
            raise ValueError(
                f"images are uint8 [B, H, W, 3]. Got {images.dtype} {list(images.shape)}"
            )
        return np.asarray(self._network(images.astype(np.float32)))


class Realism(Metric):
    """The metric FID, U-IDS and P-IDS of a block.

    path: the file of Inception weights; see `Inception`.

    Raises: SettingsError as `Inception` does, and if scikit-learn is not installed.
    """

    def __init__(self, path: str):
        if importlib.util.find_spec("sklearn") is None:
            raise SettingsError(
                "`inception_weights`: U-IDS needs scikit-learn, which is not installed: pip "
                "install -e '.[metrics]'"
            )
        self._network = network = Inception(path)
        by = f" ({network.description}, weights {network.fingerprint})"
        fid_is = (
            "Frechet distance of Inception features to those of the originals, over the whole block"
        )
        u_ids_is = "share of originals and results that a linear classifier takes for each other"
        p_ids_is = "share of results that the classifier finds more real than their own original"
        self.set_columns = (
            Column("fid", "FID", fid_is + by),
            Column("u_ids", "U-IDS", u_ids_is + by, "%", more_is_better=True),
            Column("p_ids", "P-IDS", p_ids_is + by, "%", more_is_better=True),
        )
        self._photos: Optional[Sequence[np.ndarray]] = None  # the last originals,
        self._real = np.empty([0, 0], np.float32)  # and their features [N, D]

    def check(self, names: Sequence[str], photos: Sequence[np.ndarray]) -> None:
        """Raises SettingsError for too few photographs."""
        check_enough(len(photos))

    def measure(
        self, fills: np.ndarray, photos: np.ndarray, holes: np.ndarray
    ) -> Dict[str, np.ndarray]:
        """See the base class. Returns the features of the fills, for `measure_set`."""
        return {"inception_features": self._network.features(fills)}  # [B, D]

    def measure_set(
        self, measured: Mapping[str, np.ndarray], photos: Sequence[np.ndarray]
    ) -> Dict[str, float]:
        """See the base class. All are nan if too many photographs were left out (`check`)."""
        if len(photos) < FEWEST:
            return {column.name: np.nan for column in self.set_columns}
        if self._photos is not photos:  # all methods and blocks of a table share the originals
            parts = [self._network.features(stack(photos, k)) for k in batches(photos, 8)]
            self._photos, self._real = photos, np.concatenate(parts)
        filled = measured["inception_features"]
        u_ids, p_ids = ids(self._real, filled)
        return {"fid": fid(self._real, filled), "u_ids": u_ids, "p_ids": p_ids}


def check_enough(count: int) -> None:
    """Raises SettingsError if `count` photographs are fewer than FEWEST."""
    if count < FEWEST:
        raise SettingsError(
            f"`inception_weights` needs at least {FEWEST:,} photographs: FID, U-IDS and P-IDS of "
            f"fewer mean nothing (with {inception.FEATURES:,} features, covariances are singular "
            f"and classes always separable). Got {count:,}"
        )


def fid(a: np.ndarray, b: np.ndarray) -> float:
    """The Frechet distance of two sets of features, [N, D] and [M, D], taken as Gaussian.

    It is at least 0; lower is better.

        |mean_a - mean_b|^2 + trace(S_a + S_b - 2 (S_a S_b)^(1/2))

    S_a and S_b are sample covariances, with the denominators N - 1 and M - 1.

    Source: Heusel et al., NeurIPS 2017, equation (6).

    Other programs usually compute the square root of the product of the matrices. That takes
    minutes, gives complex numbers, and fails for singular covariances unless something is added to
    them. Here S = R^T R with a triangular R (QR of the centred features). The trace of the square
    root is then the sum of the singular values of R_a R_b^T: the same number, within seconds and
    without these problems.

    Raises: ValueError if the sets are not matrices of one D with at least 2 rows each.
    """
    a, b = np.asarray(a), np.asarray(b)
    _check_features(a, b)
    means, roots = zip(_mean_and_root(a), _mean_and_root(b))
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    distance = (
        np.square(means[0] - means[1]).sum()
        + np.square(roots[0]).sum()
        + np.square(roots[1]).sum()
        - 2 * shared
    )
    return max(float(distance), 0.0)  # rounding


def ids(real: np.ndarray, filled: np.ndarray) -> tuple:
    """U-IDS and P-IDS of paired sets of features, [N, D] each: two shares, higher is better.

    Row k of both sets is the same photograph.

    A linear support vector machine learns to tell real photographs from filled ones, and then
    classifies the same features. U-IDS is the share of all features that it assigns to the wrong
    class (1/2: it cannot tell them apart). P-IDS is the share of pairs in which it finds the filled
    photograph more real than the original.

    Source: Zhao et al., Large Scale Image Completion via Co-Modulated Generative Adversarial
        Networks, ICLR 2021, section 4.

    Raises: ValueError if the sets are not matrices of one shape; SettingsError if scikit-learn is
        not installed.
    """
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise SettingsError(
            "`inception_weights`: U-IDS and P-IDS need the package scikit-learn: pip install -e "
            "'.[metrics]'"
        ) from error
    real, filled = np.asarray(real), np.asarray(filled)
    _check_features(real, filled)
    if len(real) != len(filled):
        raise ValueError(
            f"real and filled photographs are pairs. Got {len(real)} and {len(filled)}"
        )
    machine = LinearSVC(dual=False).fit(
        np.concatenate([real, filled]), np.repeat([1, 0], len(real))
    )
    of_real, of_filled = machine.decision_function(real), machine.decision_function(filled)
    u_ids = ((of_real <= 0).mean() + (of_filled > 0).mean()) / 2
    return float(u_ids), float((of_filled > of_real).mean())


def _mean_and_root(features):
    """The mean [D], and R [min(N, D), D] with R^T R = the sample covariance."""
    features = np.asarray(features, np.float64)
    mean = features.mean(axis=0)
    return mean, np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), mode="r")


def _check_features(a, b):
    for features in (a, b):
        if (
            features.ndim != 2
            or len(features) < 2
            or features.shape[1] != a.shape[1]
            or not np.isfinite(features).all()
        ):
            raise ValueError(
                f"sets of features are [N, D], N at least 2, one D, finite. Got {list(a.shape)} "
                f"and {list(b.shape)}"
            )

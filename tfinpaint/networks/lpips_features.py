"""The feature networks of LPIPS v0.1: torchvision's AlexNet and SqueezeNet 1.1.

    maps = FEATURES["alex"](images, arrays)     # a list of [B, h, w, C], one for each linear head

Input:   images [B, H, W, 3], normalised as torchvision's networks were trained; arrays
         {name: kernel [h, w, in, out] or bias [out]}, with the names and shapes of SHAPES.
Output:  maps after ReLU, from fine to coarse, up to the network's last ReLU. CHANNELS has the C of
         each.

Padding is symmetric, like PyTorch's. Max pools have 3x3 windows and stride 2, without padding.
Those of SqueezeNet also have a last window that extends beyond the lower and the right edge
(`ceil_mode`). An image with a side below LEAST would have a map without positions.

Sources: Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014
(AlexNet); Iandola et al., SqueezeNet, 2016 (version 1.1); Zhang et al., CVPR 2018, appendix B, for
which layers are compared.
"""

import tensorflow as tf

CHANNELS = {"alex": (64, 192, 384, 256, 256), "squeeze": (64, 128, 256, 384, 384, 512, 512)}
LEAST = {"alex": 31, "squeeze": 17}  # the smallest height and width, in pixels

# fmt: off
_ALEX = {"conv1": (11, 3, 64), "conv2": (5, 64, 192), "conv3": (3, 192, 384),
         "conv4": (3, 384, 256), "conv5": (3, 256, 256)}
_FIRES = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128),
          (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))
# fmt: on
_SQUEEZE = {"conv1": (3, 3, 64)}
for _k, (_inputs, _squeezed, _expanded) in enumerate(_FIRES, 2):
    _SQUEEZE[f"fire{_k}_squeeze1x1"] = (1, _inputs, _squeezed)
    _SQUEEZE[f"fire{_k}_expand1x1"] = (1, _squeezed, _expanded)
    _SQUEEZE[f"fire{_k}_expand3x3"] = (3, _squeezed, _expanded)


def _shapes(layers):
    kernels = {
        f"{name}_kernel": (k, k, inputs, outputs) for name, (k, inputs, outputs) in layers.items()
    }
    return {**kernels, **{f"{name}_bias": (outputs,) for name, (_, _, outputs) in layers.items()}}


SHAPES = {"alex": _shapes(_ALEX), "squeeze": _shapes(_SQUEEZE)}


def _alex(images, arrays):
    x = _conv(images, arrays, "conv1", 4, 2)  # [B, H/4, W/4, 64]
    maps = [x]
    x = _conv(_pool(x), arrays, "conv2", 1, 2)  # [B, H/8, W/8, 192]
    maps.append(x)
    x = _conv(_pool(x), arrays, "conv3", 1, 1)  # [B, H/16, W/16, 384]
    maps.append(x)
    for name in ("conv4", "conv5"):
        x = _conv(x, arrays, name, 1, 1)  # [B, H/16, W/16, 256]
        maps.append(x)
    return maps


def _squeeze(images, arrays):
    def fire(x, k):
        x = _conv(x, arrays, f"fire{k}_squeeze1x1")
        return tf.concat(
            [_conv(x, arrays, f"fire{k}_expand1x1"), _conv(x, arrays, f"fire{k}_expand3x3", 1, 1)],
            -1,
        )

    x = _conv(images, arrays, "conv1", 2)  # [B, H/2, W/2, 64]
    maps = [x]
    for first, last in ((2, 3), (4, 5)):
        x = fire(fire(_pool_ceil(x), first), last)  # [B, H/4, W/4, 128], [B, H/8, W/8, 256]
        maps.append(x)
    x = _pool_ceil(x)
    for k in (6, 7, 8, 9):
        x = fire(x, k)  # [B, H/16, W/16, 384], twice, and 512, twice
        maps.append(x)
    return maps


FEATURES = {"alex": _alex, "squeeze": _squeeze}


def _conv(x, arrays, name, stride=1, padding=0):
    sides = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    return tf.nn.relu(
        tf.nn.conv2d(x, arrays[f"{name}_kernel"], stride, sides) + arrays[f"{name}_bias"]
    )


def _pool(x):
    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def _pool_ceil(x):
    # One more row and column complete the last window if a side is even, and have no effect if it
    # is odd. Zeros do not change the maximum of values after a ReLU.
    return _pool(tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]]))

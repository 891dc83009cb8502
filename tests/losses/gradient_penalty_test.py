"""tfinpaint.losses.gradient_penalty on critics with known slopes, and by finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import gradient_penalty

# Two pictures of 1 x 2 pixels and two channels.
WEIGHTS = np.array([[[2, 0], [1, 2]]], np.float32)  # of a linear critic: its gradient everywhere
REAL = np.array([[[[1, 0], [0, 2]]], [[[0, 4], [1, 1]]]], np.float32)
FAKE = np.array([[[[3, 0], [4, 2]]], [[[0, 0], [5, 1]]]], np.float32)
# The mixed pictures are [[2, 0], [2, 2]] and [[0, 3], [2, 1]].
MIX = np.array([0.5, 0.25], np.float32).reshape(2, 1, 1, 1)


def hole(*values):
    return np.array(values, np.float32).reshape(2, 1, 2, 1)


def linear(images):
    return tf.reduce_sum(images * WEIGHTS, [1, 2, 3])  # [B]


def quadratic(images):
    # A score for each element, [B, H, W, C]; the gradient is the picture.
    return tf.square(images) / 2


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 1, 1, 1), 4),  # slope sqrt(4 + 1 + 4) = 3 for both: (2^2 + 2^2) / 2
        ((1, 0, 0, 1), (1 + 1.5278640) / 2),  # 2; sqrt(5) = 2.2360680: (1.2360680)^2 = 1.5278640
        ((1, 0, 0, 0), (1 + 1) / 2),  # a picture without a hole: slope 0
        ((0, 0, 0, 0), 1),
    ],
)
def test_linear_critic_by_hand(where, want):
    assert float(gradient_penalty(linear, REAL, FAKE, hole(*where), MIX)) == pytest.approx(
        want, rel=1e-6
    )


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 0, 1, 0), (1 + 4) / 2),  # slopes 2 and 3
        # sqrt(12) = 3.4641016: 2.4641016^2; sqrt(14) = 3.7416574: 2.7416574^2.
        ((1, 1, 1, 1), (6.0717968 + 7.5166852) / 2),
    ],
)
def test_quadratic_critic_by_hand(where, want):
    """The gradient is taken at the mixed picture."""
    assert float(gradient_penalty(quadratic, REAL, FAKE, hole(*where), MIX)) == pytest.approx(
        want, rel=1e-6
    )


def test_ends_of_the_mix():
    everywhere, where = np.ones_like(MIX), hole(1, 1, 1, 1)
    # Slopes: sqrt(5), sqrt(18) of the real pictures; sqrt(29), sqrt(26) of the fake ones.
    for mix, squares in ((0 * everywhere, (5, 18)), (everywhere, (29, 26))):
        want = np.mean((np.sqrt(squares) - 1) ** 2)
        assert float(gradient_penalty(quadratic, REAL, FAKE, where, mix)) == pytest.approx(
            want, rel=1e-6
        )


def test_gradient_of_the_critics_variable_by_hand():
    """The critic is v * linear, the whole picture is hole: slope 3 v, penalty (3 v - 1)^2, so the
    gradient is 6 (3 v - 1) = 30 at v = 2. At v = 0 there is no slope at all."""
    variable = tf.Variable(2.0)
    for value, want in ((2.0, 30), (0.0, 0)):
        variable.assign(value)
        with tf.GradientTape() as tape:
            loss = gradient_penalty(
                lambda images: variable * linear(images), REAL, FAKE, hole(1, 1, 1, 1), MIX
            )
        assert float(tape.gradient(loss, variable)) == pytest.approx(want, rel=1e-5)


def pictures(batch=3, seed=0):
    rs = np.random.RandomState(seed)
    real, fake = rs.uniform(-1, 1, (2, batch, 8, 6, 3)).astype(np.float32)
    where = np.float32(rs.uniform(size=(batch, 8, 6, 1)) > 0.5)
    return real, fake, where, rs.uniform(size=(batch, 1, 1, 1)).astype(np.float32)


def convolutional():
    """One convolution, squared so that its gradient depends on the picture. -> patches of scores,
    and the layer."""
    layer = tf.keras.layers.Conv2D(
        2, 3, 2, kernel_initializer=tf.keras.initializers.RandomNormal(0, 0.3, seed=1)
    )
    layer.build([None, None, None, 3])
    return (lambda images: tf.square(layer(images) + 0.5)), layer


def with_gradients(critic, variables, arguments):
    with tf.GradientTape() as tape:
        loss = gradient_penalty(critic, *arguments)
    return [loss, *tape.gradient(loss, variables)]


def test_convolution_against_finite_differences():
    critic, layer = convolutional()
    arguments = pictures()
    loss, *gradients = with_gradients(critic, layer.trainable_variables, arguments)
    assert float(loss) > 0.1
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        value, gradient, step = variable.numpy(), gradient.numpy(), 1e-2
        for place in [np.unravel_index(k, value.shape) for k in range(0, value.size, 7)]:
            around = []
            for move in (step, -step):
                moved = value.copy()
                moved[place] += move
                variable.assign(moved)
                around.append(float(gradient_penalty(critic, *arguments)))
            variable.assign(value)
            assert gradient[place] == pytest.approx(
                (around[0] - around[1]) / (2 * step), rel=1e-2, abs=2e-3
            )


def test_the_batch_is_the_mean_of_its_pictures():
    critic, _ = convolutional()
    arguments = pictures()
    singles = [
        float(gradient_penalty(critic, *(x[i : i + 1] for x in arguments))) for i in range(3)
    ]
    assert float(gradient_penalty(critic, *arguments)) == pytest.approx(np.mean(singles), rel=1e-5)
    assert np.ptp(singles) > 1e-3


def test_pictures_without_hole_have_no_gradient_and_no_nan():
    critic, layer = convolutional()
    real, fake, where, mix = pictures()
    loss, *gradients = with_gradients(
        critic, layer.trainable_variables, (real, fake, 0 * where, mix)
    )
    assert float(loss) == 1
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))
    where[1] = 0  # one of three: the others keep theirs
    _, *gradients = with_gradients(critic, layer.trainable_variables, (real, fake, where, mix))
    _, *others = with_gradients(
        critic, layer.trainable_variables, [x[[0, 2]] for x in (real, fake, where, mix)]
    )
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(gradient, other.numpy() * 2 / 3, rtol=1e-4, atol=1e-6)


def test_half_precision_gives_a_float32_term():
    def half(images):
        return tf.cast(images, tf.float16) * WEIGHTS.astype(np.float16)

    for dtype in (np.float16, np.float32):
        loss = gradient_penalty(
            half, *(x.astype(dtype) for x in (REAL, FAKE, hole(1, 1, 1, 1), MIX))
        )
        assert loss.dtype == tf.float32 and float(loss) == pytest.approx(4, rel=1e-6)


def test_unknown_sizes_and_compiled():
    critic, layer = convolutional()
    arguments = pictures()
    arguments[2][1] = 0

    def both(*arguments):
        return with_gradients(critic, layer.trainable_variables, arguments)

    signature = [tf.TensorSpec([None, None, None, c]) for c in (3, 3, 1)] + [
        tf.TensorSpec([None, 1, 1, 1])
    ]
    for function in (
        tf.function(both, input_signature=signature),
        tf.function(both, jit_compile=True),
    ):
        for got, want in zip(function(*arguments), both(*arguments), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)

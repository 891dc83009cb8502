"""DeepFill v1's own rules.

Which network learns when, its terms and its critics' loss against NumPy, the local critic's window,
and distances.
"""

import numpy as np
import pytest
import tensorflow as tf
from helpers import floats, smooth
from set_back import set_back

import tfinpaint
from tfinpaint.data.batches import training_batches
from tfinpaint.data.extra_inputs import distances as make_distances
from tfinpaint.data.extra_inputs import distances_to_known
from tfinpaint.data.holes import holes as make_holes
from tfinpaint.losses import distance_to_known
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError
from tfinpaint.systems.contextual_attention import system as contextual_attention

SIZE = 32


def small(**settings):
    """Compiled, in the same state every time."""
    system = set_back("contextual_attention", "paper").compiled(**{"image_size": SIZE, **settings})
    system.gamma = 0.99
    return system


def box(top, left, bottom, right):
    hole = np.zeros((1, SIZE, SIZE, 1), np.float32)
    hole[:, top:bottom, left:right] = 1
    return hole


@pytest.fixture(scope="module")
def batch():
    """Three pictures; a box, strokes, two boxes."""
    holes = [
        box(8, 6, 20, 24),
        make_holes(0, 0, 1, SIZE, HoleSettings(ratio=(0.2, 0.3))),
        box(2, 2, 9, 9) + box(20, 18, 31, 27),
    ]
    return smooth(3, SIZE), tf.concat(holes, 0)


def copies(network):
    return [v.numpy() for v in network.variables]


def same(before, network):
    return [np.array_equal(a, b) for a, b in zip(before, network.variables, strict=True)]


# ---------------------------------------------------------------------------------- who learns when


def test_critics_learn_on_every_batch_and_the_generator_on_every_fifth(batch):
    system = small(ema_decay=0.5)
    for step in range(1, 7):
        before = [
            copies(network)
            for network in (
                system.critic.whole,
                system.critic.window,
                system.generator,
                system.averaged_generator,
            )
        ]
        assert set(system.step(*batch)) == {"loss", "hole", "valid", "adversarial", "critic"}
        for critic, weights in zip((system.critic.whole, system.critic.window), before):
            # The last bias shifts all scores alike, which changes nothing.
            assert same(weights, critic).count(True) <= 1
        for network, weights in zip((system.generator, system.averaged_generator), before[2:]):
            assert (
                (not any(same(weights, network))) if step % 5 == 0 else all(same(weights, network))
            )
        assert int(system.critic_optimizer.iterations) == step
        assert int(system.optimizer.iterations) == step // 5


@pytest.mark.slow
def test_batches_of_seeds_make_their_holes_and_distances_in_the_step(batch):
    settings = HoleSettings()

    def maker(seed):
        return make_holes(seed[0], seed[1], 3, SIZE, settings)

    logs = floats(small(make_holes=maker).train_step((batch[0], tf.constant([3, 8]))))
    holes = maker(tf.constant([3, 8]))
    assert logs == pytest.approx(
        floats(small().step(batch[0], holes, distances_to_known(holes))), rel=1e-5
    )


@pytest.mark.slow
def test_without_a_critic_the_generator_learns_on_every_batch(batch):
    system = small(loss_weights={"adversarial": 0.0})
    for step in (1, 2):
        before = copies(system.generator)
        assert set(system.step(*batch)) == {"loss", "hole", "valid"}
        assert not any(same(before, system.generator))
        assert int(system.optimizer.iterations) == step


@pytest.mark.slow
def test_the_generator_follows_its_loss_alone(batch):
    """On the fifth batch the generator takes one step of plain descent on its terms, not on the
    critics' loss. Critics that have just learned judge it."""
    system = small(optimizer=tf.keras.optimizers.SGD(0.1))
    for _ in range(4):
        system.step(*batch)
    variables = system.generator.trainable_variables
    before = copies(system.generator)
    system.step(*batch)
    moved = [(a - b.numpy()) / 0.1 for a, b in zip(before, variables)]
    for variable, value in zip(variables, before):
        variable.assign(value)
    with tf.GradientTape() as tape:
        coarse, refined, composite = system.forward(*batch)
        terms = system.weighted(system.terms(coarse, refined, composite, *batch, None))
        loss = tf.add_n(list(terms.values()))
    for gradient, move in zip(tape.gradient(loss, variables), moved):
        np.testing.assert_allclose(
            move, gradient, atol=1e-4 * max(1e-3, np.abs(gradient).max()) + 1e-6
        )


# ---------------------------------------------------------------------------------------- its terms


def discounted(hole, gamma):
    """[H, W] from the text: gamma^distance. A box has the released code's distances: of its two
    axes, the larger weight."""
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    weights = np.zeros(hole.shape)
    if hole.sum() == len(rows) * len(columns):  # a single filled box
        for i, y in enumerate(rows):
            for j, x in enumerate(columns):
                weights[y, x] = max(
                    gamma ** min(i, len(rows) - i), gamma ** min(j, len(columns) - j)
                )
        return weights
    known = np.argwhere(hole == 0)
    for y, x in np.argwhere(hole > 0):
        weights[y, x] = gamma ** np.sqrt(((known - (y, x)) ** 2).sum(1).min())
    return weights


@pytest.mark.parametrize(
    "gamma", [0.99, *(pytest.param(x, marks=pytest.mark.slow) for x in (0.9, 1.0))]
)
def test_reconstruction_terms_against_numpy(batch, gamma):
    system = small(loss_weights={"adversarial": 0.0})
    system.gamma = gamma
    images, holes = (np.asarray(x, np.float64) for x in batch)
    coarse, refined, composite = (np.asarray(x, np.float64) for x in system.forward(*batch))
    np.testing.assert_allclose(composite, refined * holes + images * (1 - holes), atol=1e-6)
    logs = floats(system.step(*batch))
    hole, valid = [], []
    for k in range(3):
        missing = holes[k, ..., 0]
        weight = discounted(missing, gamma) if gamma < 1 else missing
        for output, share in ((coarse[k], 1.2), (refined[k], 1.0)):
            error = np.abs(output - images[k]).mean(-1)
            # The mean over the hole is not divided by the discount.
            hole.append(share * (error * weight).sum() / missing.sum())
            valid.append(share * (error * (1 - missing)).sum() / (1 - missing).sum())
    assert logs["hole"] == pytest.approx(1.2 * sum(hole) / 3, rel=1e-5)
    assert logs["valid"] == pytest.approx(1.2 * sum(valid) / 3, rel=1e-5)


def test_adversarial_term_is_the_negative_score_of_both_critics(batch):
    system = small()
    _, _, composite = system.forward(*batch)
    terms = system.terms(composite, composite, composite, *batch, None)
    scores = system.critic.whole(composite) + system.critic.window(
        contextual_attention._window(composite, batch[1])
    )
    assert scores.shape == (3, 1)
    assert float(terms["adversarial"]) == pytest.approx(-float(tf.reduce_mean(scores)), rel=1e-5)


def test_given_distances_are_those_computed_inside(batch):
    images, holes = batch
    expected = floats(small().step(images, holes))
    assert floats(small().step(images, holes, distance_to_known(holes))) == pytest.approx(
        expected, rel=1e-6
    )
    assert floats(small().step(images, holes, distances_to_known(holes))) == pytest.approx(
        expected, rel=1e-6
    )
    # Given distances are really used if the hole is no box, and train_step passes them on.
    other = small().train_step((images, holes, {"distances": 50 + tf.zeros_like(holes)}))
    assert float(other["hole"]) < 0.9 * expected["hole"] and float(other["valid"]) == pytest.approx(
        expected["valid"], rel=1e-6
    )


def test_gamma_is_the_variants_or_the_one_that_was_given(monkeypatch):
    # A generator that is built quickly.
    monkeypatch.setattr(
        contextual_attention.DeepFillV1, "make_generator", lambda self: tf.keras.layers.Layer()
    )

    def create(**settings):
        return tfinpaint.create("contextual_attention", width=4, **settings)

    assert create().gamma == 0.99 and set(create().extra_inputs("strokes")) == {"distances"}
    assert not create().extra_inputs("box")  # a formula gives them
    assert create(variant="official").gamma == 0.9
    system = create(variant="official", discount=0.95)
    assert system.gamma == 0.95 and system.get_config() == {
        "variant": "official",
        "width": 4,
        "discount": 0.95,
        "attention_kind": "contextual",
    }
    assert not create(discount=1).extra_inputs("strokes")


def test_without_discount_distances_play_no_part(batch):
    system = small()
    system.gamma = 1.0
    plain = floats(system.step(*batch))["hole"]
    assert plain > floats(small().step(*batch))["hole"]


# -------------------------------------------------------------------------------------- the critics


def test_loss_of_the_critics_recomputed(batch):
    """Equation (1) and 10 x the penalty (3) in the hole, for both critics, between real and fake,
    with the step's own random numbers."""
    system = small(seed=5)
    images, holes = batch
    for step in range(2):  # each step has other numbers
        _, _, composite = system.forward(images, holes)
        seed = tf.constant([5 ^ contextual_attention._MIX, step], tf.int64)
        bits = tf.random.stateless_uniform([3, 1, 1, 1], seed, 0, 2**23, tf.int32, alg="philox")
        mix = np.asarray(bits, np.float32) / 2**23
        assert 0 <= mix.min() and mix.max() < 1 and mix.std() > 0.05
        total = 0.0
        for critic, cut in (
            (system.critic.whole, lambda x, hole: x),
            (system.critic.window, contextual_attention._window),
        ):
            real, fake, hole = (cut(x, holes) for x in (images, composite, holes))
            between = tf.Variable(real + mix * (fake - real))
            with tf.GradientTape() as tape:
                score = critic(between)
            gradient = np.asarray(tape.gradient(score, between)) * np.asarray(hole)
            slope = np.sqrt((gradient**2).sum((1, 2, 3)))
            assert slope.shape == (3,) and (slope > 0).all()
            total += (
                float(tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)))
                + 10 * ((slope - 1) ** 2).mean()
            )
        assert float(system.loss_of_critics(images, composite, holes)) == pytest.approx(
            total, rel=1e-5
        )
        assert floats(system.step(images, holes))["critic"] == pytest.approx(total, rel=1e-5)


@pytest.mark.slow
def test_penalty_has_its_weight_and_the_seed_fixes_it(batch):
    without = floats(small(loss_weights={"penalty": 0.0}).step(*batch))["critic"]
    ten, twenty = (
        floats(small(loss_weights={"penalty": w}).step(*batch))["critic"] for w in (10.0, 20.0)
    )
    assert twenty - without == pytest.approx(2 * (ten - without), rel=1e-4)
    assert floats(small(seed=0).step(*batch))["critic"] == ten
    assert floats(small(seed=1).step(*batch))["critic"] != ten


@pytest.mark.slow
def test_pictures_without_a_hole_are_finite_and_leave_the_penalty_without_gradient(batch):
    system = small()
    hole = tf.zeros_like(batch[1])
    logs = floats(system.step(batch[0], hole))
    assert logs["hole"] == 0 and np.isfinite(logs["adversarial"])
    # Real and composite are the same: what is left is 10 x (0 - 1)^2, twice.
    assert logs["critic"] == pytest.approx(20, rel=1e-5)
    assert all(np.isfinite(v).all() for v in system.critic.variables)


# --------------------------------------------------------------------------------------- the window


def places(hole):
    """First row and column of the window, which is cut out of a picture that holds its own
    coordinates."""
    rows, columns = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    picture = np.stack([rows, columns, rows], -1)[None].astype(np.float32)
    window = np.asarray(contextual_attention._window(tf.constant(picture), tf.constant(hole)))
    assert window.shape == (1, SIZE // 2, SIZE // 2, 3)
    top, left = window[0, 0, 0, :2].astype(int)
    # It is one piece.
    np.testing.assert_array_equal(
        window[0], picture[0, top : top + SIZE // 2, left : left + SIZE // 2]
    )
    return top, left


@pytest.mark.parametrize("hole, expected", [
    ([(8, 8, 24, 24)], (8, 8)),  # half the picture, exactly
    ([(10, 6, 20, 22)], (7, 6)),  # centred on rows 10..19 and columns 6..21
    # Odd sides: one more pixel of the window lies above and to the left of the hole.
    ([(11, 6, 20, 21)], (7, 5)),
    ([(0, 0, 4, 4)], (0, 0)),
    ([(28, 28, 32, 32)], (16, 16)),
    ([(0, 28, 4, 32)], (0, 16)),
    ([(2, 2, 6, 6), (10, 12, 18, 16)], (2, 1)),  # the box around both: rows 2..17, columns 2..15
    ([(0, 0, 2, 2), (30, 30, 32, 32)], (8, 8)),  # larger than the window
    ([(15, 15, 16, 16)], (7, 7)),
    ([], (8, 8)),  # none: the middle
    ([(0, 0, 32, 32)], (8, 8)),
])  # fmt: skip
def test_window_is_centred_on_the_box_around_the_holes(hole, expected):
    where = sum((box(*b) for b in hole), np.zeros((1, SIZE, SIZE, 1), np.float32)).clip(0, 1)
    assert places(where) == expected


def test_window_holds_every_hole_of_up_to_half_the_side():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 17, 2)
        top, left = rng.integers(0, SIZE + 1 - np.array([height, width]))
        hole = box(top, left, top + height, left + width)
        assert (
            np.sum(contextual_attention._window(tf.constant(hole), tf.constant(hole)))
            == height * width
        )


def test_each_picture_of_a_batch_has_its_own_window(batch):
    images, holes = batch
    windows = contextual_attention._window(images, holes)
    for k in range(3):
        np.testing.assert_array_equal(
            windows[k], contextual_attention._window(images[k : k + 1], holes[k : k + 1])[0]
        )


@pytest.mark.slow
def test_another_size_than_the_critics_is_refused(batch):
    system = small(image_size=64)
    for call in (system.step, lambda *data: system.train_step(data)):
        with pytest.raises(
            ValueError, match=r"squares of 64 pixels: compile\(image_size=...\). Got 32 x 32"
        ):
            call(*batch)
    assert np.isfinite(system.generate(*batch)).all()  # filling needs no critic
    system.compile(image_size=SIZE)
    assert np.isfinite(float(system.step(*batch)["loss"]))


# ---------------------------------------------------------------------------------------- distances


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["strokes", "box"])
def test_the_pipelines_distances_are_the_losss(kind):
    photos, holes = PhotoSettings("samples:astronaut", image_size=SIZE), HoleSettings(kind=kind)
    images, missing, extra = next(
        iter(training_batches(photos, holes, 4, 0, extra_inputs={"distances": make_distances}))
    )
    distances = extra["distances"]
    assert images.shape == (4, SIZE, SIZE, 3) and distances.shape == missing.shape == (
        4, SIZE, SIZE, 1)  # fmt: skip
    np.testing.assert_allclose(distances, distance_to_known(missing), atol=1e-5)
    plain = next(iter(training_batches(photos, holes, 4, 0)))
    assert len(plain) == 2
    np.testing.assert_array_equal(plain[1], missing)
    np.testing.assert_array_equal(plain[0], images)


def test_distances_where_nothing_is_known_and_where_all_is():
    holes = tf.stack([tf.ones([16, 24, 1]), tf.zeros([16, 24, 1])])
    np.testing.assert_array_equal(distances_to_known(holes), distance_to_known(holes))
    assert np.max(distances_to_known(holes)[0]) == np.min(distances_to_known(holes)[0]) == 40


def test_batches_of_seeds_have_no_distances():
    batches = training_batches(
        PhotoSettings("samples:astronaut", image_size=SIZE),
        HoleSettings(),
        2,
        0,
        holes_on_device=True,
        extra_inputs={"distances": make_distances},
    )
    images, seed = next(iter(batches))
    assert images.shape == (2, SIZE, SIZE, 3) and seed.shape == (2,)


def test_a_discount_that_cannot_be_is_refused():
    for discount in (0.0, -0.5, 1.01):
        with pytest.raises(
            SettingsError,
            match=f"`discount` is above 0 and at most 1 for contextual_attention. Got {discount}",
        ):
            tfinpaint.create("contextual_attention", width=4, discount=discount)

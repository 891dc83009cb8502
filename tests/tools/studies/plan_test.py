"""The plan of the study: generators of about one size, flags that train takes, runs that differ in
what they say and in nothing else."""

import dataclasses

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import tfinpaint.train  # noqa: F401  it defines the flags
from tfinpaint import settings
from tfinpaint.runs import create_system
from tfinpaint.systems.specification import all_systems
from tools.studies import claims
from tools.studies.plan import (
    ABLATIONS,
    AIM,
    FULL,
    LOSSES,
    ORDER,
    PARAMETERS,
    PARTS,
    PHASES,
    RECONSTRUCTION,
    SEEDED,
    SETS,
    SIZES,
    TOLERANCE,
    Run,
    ablation_regime,
    plan,
)


def trained(run, photos="photos", weights="vgg.h5"):
    """The settings that train makes of the flags of a run."""
    with flagsaver.flagsaver():
        flags.FLAGS(["train", *run.flags(photos, weights), "--run_dir=run"])
        return settings.train_settings(flags.FLAGS)


def test_every_system_is_there():
    assert set(ORDER) == set(all_systems()) == set(SIZES)


def test_names_differ_and_the_first_runs_have_each_system():
    runs = plan()
    assert len({run.name for run in runs}) == len(runs)
    assert [run.design for run in runs[: len(ORDER)]] == list(ORDER)
    for data in SETS:
        for design in ORDER:
            assert Run(data, FULL, design, 1) in runs
    for design in SEEDED:
        assert {run.seed for run in runs if run.design == design and run.data == "facades"} == {
            1,
            2,
            3,
        }


# One to four seconds each.
LARGE = {
    *("pluralistic", "edge_connect", "coherent_semantic", "musical", "contextual_attention"),
    *("gated_conv", "global_local", "multistage", "partial_conv"),
}


@pytest.mark.parametrize(
    "design",
    [pytest.param(d, marks=[pytest.mark.slow] if d in LARGE else []) for d in ORDER],
)
def test_generators_are_about_equally_large(design):
    generator = create_system(trained(Run("facades", FULL, design, 1))).generator
    size = sum(int(np.prod(v.shape)) for v in generator.trainable_weights)
    assert size == PARAMETERS[design] and abs(size / AIM - 1) < TOLERANCE


def test_runs_share_all_but_what_they_are_about():
    """Photographs, batches, seeds, holes (the context encoder has one) and the moving average."""
    for run in plan():
        if run.design in ABLATIONS:
            continue
        found = trained(run)
        assert (found.photos.image_size, found.batch_size, found.ema_decay) == (128, 8, 0.99)
        assert found.photos.source == f"folder:photos/{run.data}/train" and found.seed == run.seed
        kind = "center" if run.system == "context_encoder" else "mixed"
        assert (found.holes.kind, found.holes.ratio) == (kind, (0.1, 0.6))
        assert found.learning_rate is None and found.schedule == "constant"


def test_reconstruction_alone_has_no_critic_and_no_features():
    """But for the edge network, which has no other term than its critic's."""
    for design in ORDER:
        found = trained(Run("free", RECONSTRUCTION, design, 1))
        weights = {**all_systems()[design].weights(), **dict(found.loss_weights)}
        adversarial = {name for name, weight in weights.items() if "advers" in name and weight}
        if design == "coherent_semantic":  # features are off
            adversarial.discard("feature_adversarial")
        assert adversarial == ({"edge_adversarial"} if design == "edge_connect" else set())
        assert found.perceptual_weights == "none"


@pytest.mark.parametrize("key", PHASES, ids="-".join)
def test_phases_are_those_of_the_system(key):
    system, _ = key
    assert {name for name, _ in PHASES[key]} <= set(all_systems()[system].phases)
    assert sum(share for _, share in PHASES[key]) == pytest.approx(1)


def test_without_weights_there_are_no_perceptual_terms():
    assert "--perceptual_weights=none" in Run("free", FULL, "musical", 1).flags("photos")


def test_claims_compare_what_is_run():
    runs = {(run.data, run.regime, run.design) for run in plan()}
    for claim in claims.CLAIMS:
        assert claim.column in (claims.PSNR, claims.LPIPS) and claim.better != claim.worse
        for data, _ in claim.cases:
            for regime in claim.regimes:
                both = {(data, regime, design) for design in (claim.better, claim.worse)}
                assert both <= runs, claim


def test_ablations_are_of_their_system_which_is_run_too():
    runs = set(plan())
    for design, (words, more) in ABLATIONS.items():
        run = Run("facades", ablation_regime(design), design, 1)
        base = dataclasses.replace(run, design=run.system)
        assert {run, base} <= runs and base.design in ORDER and words
        assert run.flags("p", "w") == [*base.flags("p", "w"), *more]


@pytest.mark.parametrize("design", PARTS)
def test_parts_are_settings_of_their_system(design):
    system = Run("facades", RECONSTRUCTION, design, 1).system
    found = trained(Run("facades", RECONSTRUCTION, design, 1)).system_settings
    base = trained(Run("facades", RECONSTRUCTION, system, 1)).system_settings
    defaults = all_systems()[system].defaults
    assert {**defaults, **dict(found)} != {**defaults, **dict(base)}
    assert {name for name, _ in found} <= set(defaults)


@pytest.mark.parametrize("design", LOSSES)
def test_terms_are_those_of_their_system(design):
    system = Run("facades", FULL, design, 1).system
    found = trained(Run("facades", FULL, design, 1)).loss_weights
    base = trained(Run("facades", FULL, system, 1)).loss_weights
    weights = all_systems()[system].weights()
    assert {**weights, **dict(found)} != {**weights, **dict(base)}
    assert {name for name, _ in found} <= set(weights)

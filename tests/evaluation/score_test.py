"""The figures of a report against those measured one photograph at a time."""

import os

import numpy as np
import pytest
import shared

import tfinpaint
from tfinpaint.evaluation import methods, text
from tfinpaint.evaluation.score import evaluate
from tfinpaint.metrics import quality, references
from tfinpaint.pictures import to_float, to_uint8
from tfinpaint.settings import EvaluationSettings, SettingsError

BINS = ((0.1, 0.2), (0.3, 0.4))


@pytest.fixture(scope="module")
def report(run_dir, photos):
    seen = []
    found = evaluate(
        EvaluationSettings((run_dir, "telea"), f"folder:{photos}", ratio_bins=BINS, batch_size=5),
        lambda *at: seen.append(at),
    )
    found.seen = seen
    return found


def test_every_model_is_there_and_the_references_by_default(report):
    assert list(report.models) == ["small", "telea", "navier_stokes", "mean"]
    assert report.image_size == 32  # that of the run
    assert [s.block.title for s in report.scores] == ["10-20 %", "30-40 %"]
    assert report.seen == [(k, 4 * 24) for k in range(1, 4 * 24 + 1)]


def test_a_runs_figures_are_those_of_its_composites_one_by_one(report, run_dir):
    painter = tfinpaint.load(run_dir)
    for scores in report.scores:
        for k in (0, 4, 5, 11):  # in the middle and at the ends of batches of 5
            photo, hole = scores.block.photos[k], scores.block.holes[k]
            output = to_uint8(
                painter.generate(to_float(photo)[None], hole[None, ..., None].astype(np.float32))
            )[0]
            composite = np.where(hole[..., None] > 0, output, photo)
            expected = quality.measure(composite[None], photo[None], hole[None])
            for name, value in expected.items():
                assert scores.values["small"][name][k] == pytest.approx(value[0], rel=2e-3), (
                    name,
                    k,
                )


def test_references_are_opencvs(report):
    scores = report.scores[1]
    for name, fill in (
        ("telea", references.telea),
        ("navier_stokes", references.navier_stokes),
        ("mean", references.mean_fill),
    ):
        filled = np.stack([fill(p, h) for p, h in zip(scores.block.photos, scores.block.holes)])
        np.testing.assert_allclose(
            scores.values[name]["psnr_in_hole"],
            quality.measure(filled, scores.block.photos, scores.block.holes)["psnr_in_hole"],
        )


def test_means_and_differences(report):
    scores = report.scores[0]
    telea, small = scores.values["telea"]["l1"], scores.values["small"]["l1"]
    assert scores.mean("telea", "l1").mean == pytest.approx(telea.mean())
    assert scores.difference("telea", "l1", "small").mean == pytest.approx((telea - small).mean())
    assert scores.mean("telea", "l1").low < telea.mean() < scores.mean("telea", "l1").high


def test_the_pictures_are_the_best_the_median_and_the_worst(report):
    scores = report.scores[0]
    figures = scores.values["telea"]["psnr_in_hole"]
    found = report.pictures["10-20 %"]["telea"]
    assert [rank for rank, _, _ in found] == ["best", "median", "worst"]
    order = np.argsort(figures)
    assert [k for _, k, _ in found] == [order[-1], order[6], order[0]]
    for _, k, output in found:
        np.testing.assert_array_equal(
            output, references.telea(scores.block.photos[k], scores.block.holes[k])
        )


@pytest.mark.slow
def test_an_export_scores_as_its_run(run_dir, exported_run, photos):
    found = evaluate(
        EvaluationSettings(
            (run_dir, os.path.dirname(exported_run)),
            f"folder:{photos}",
            ratio_bins=BINS[:1],
            references=False,
            count=3,
        )
    )
    assert list(found.models) == ["small", "small/1"]
    for name in ("psnr", "ssim", "l1_in_hole"):
        a, b = (found.scores[0].values[m][name] for m in found.models)
        np.testing.assert_allclose(a, b, rtol=2e-3)
    assert found.models["small"]["weights_sha256"] == found.models["small/1"]["weights_sha256"]
    assert found.models["small/1"]["kind"] == "export"


@pytest.mark.slow
def test_pairs_are_filled_as_inpaint_fills_them(run_dir, pairs, eager):
    found = evaluate(EvaluationSettings((run_dir,), f"pairs:{pairs}", batch_size=2))
    assert found.image_size is None
    (scores,) = found.scores
    painter = tfinpaint.load(run_dir)
    for k, (photo, hole) in enumerate(zip(scores.block.photos, scores.block.holes)):
        filled = painter.fill(photo, hole * np.uint8(255), detail="off")
        expected = quality.measure(filled[None], photo[None], hole[None])
        assert scores.values["small"]["psnr"][k] == pytest.approx(expected["psnr"][0], rel=2e-3)


@pytest.mark.slow
def test_the_header_names_who_fills_a_reduced_square(run_dir, exported_run, photos):
    """An export contains `fill_window`, which reduces what is larger than twice its squares."""
    for size, said in ((64, "at once"), (128, "at once; by small/1 reduced to the network's")):
        found = evaluate(
            EvaluationSettings(
                (run_dir, exported_run), f"folder:{photos}", "center", image_size=size, count=1
            )
        )
        (filled,) = (text for word, text in found.facts if word == "filled")
        assert said in filled and ("reduced" in filled) == (size == 128)


def test_photographs_lost_in_different_blocks_are_added_up(photos, monkeypatch):
    """Each block is without its own; a photograph that is lost in two of them counts once."""
    lost = {(0, 1), (1, 1), (1, 2)}  # (block, number)

    def fails(pixels, hole):
        block = int(hole.mean() > 0.25)
        if (block, squares.index(pixels.tobytes())) in lost:
            raise ValueError("no")
        return pixels

    settings = EvaluationSettings(
        ("mean",), f"folder:{photos}", ratio_bins=BINS, image_size=32, references=False, count=4
    )
    squares = [square.tobytes() for square in evaluate(settings).scores[0].block.photos]
    monkeypatch.setitem(methods.REFERENCES, "mean", fails)
    found = evaluate(settings)
    assert [len(scores.block.photos) for scores in found.scores] == [3, 2]
    assert found.left_out == 2 and any("2 could not be read or filled" in t for _, t in found.facts)


def test_a_folder_with_the_name_of_a_reference_has_a_name_of_its_own():
    first, second, third = methods._names(["./telea", "telea", "runs/a"])
    assert second == "telea" and third == "a"
    assert first.endswith("/telea") and not first.startswith(".")


@pytest.mark.slow
def test_networks_are_measured_alone_unless_told_otherwise_and_the_report_says_which(
    run_dir, exported_run, photos
):
    painter, figures = tfinpaint.load(run_dir), {}
    for detail, said in (
        ("off", "off: the networks alone"),
        ("auto", "auto: what is thicker than 8 pixels"),
    ):
        found = evaluate(
            EvaluationSettings(
                (run_dir, exported_run),
                f"folder:{photos}",
                "center",
                image_size=64,
                references=False,
                count=2,
                **({} if detail == "off" else {"detail": detail}),
            )
        )
        assert any(word == "detail" and text.startswith(said) for word, text in found.facts)
        (scores,) = found.scores
        for k, (photo, hole) in enumerate(zip(scores.block.photos, scores.block.holes)):
            filled = painter.fill(photo, hole * np.uint8(255), detail=detail)
            expected = quality.measure(filled[None], photo[None], hole[None])["psnr_in_hole"][0]
            for model in ("small", "small/1"):
                assert scores.values[model]["psnr_in_hole"][k] == pytest.approx(expected, rel=2e-3)
        figures[detail] = scores.values["small"]["psnr_in_hole"]
    assert (figures["off"] != figures["auto"]).all()


@pytest.mark.slow
def test_a_protocol_without_compositing_scores_known_pixels_too(run_dir, photos, eager):
    found = evaluate(
        EvaluationSettings((run_dir,), f"folder:{photos}", protocol="coherent_semantic", count=2)
    )
    (scores,) = found.scores
    photo, hole = scores.block.photos[1], scores.block.holes[1]
    painter = tfinpaint.load(run_dir)
    raw = to_uint8(
        painter.generate(to_float(photo)[None], hole[None, ..., None].astype(np.float32))
    )[0]
    assert (raw != photo)[hole == 0].any()
    assert scores.values["small"]["l1"][1] == pytest.approx(
        np.abs(raw / 255 - photo / 255).mean(), rel=2e-3
    )
    filled = references.telea(photo, hole)
    assert scores.values["telea"]["l1"][1] == pytest.approx(
        np.abs(filled / 255 - photo / 255).mean(), rel=1e-6
    )


def test_what_is_under_a_hole_reaches_no_model(run_dir, photos, tmp_path):
    """The originals differ under the hole, and the results do not."""
    from tfinpaint.evaluation.methods import open_methods

    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    hole = np.zeros((2, 32, 32), np.uint8)
    hole[:, 8:20, 0:15] = 1
    other = np.where(hole[..., None] > 0, 255 - photo, photo)
    for method in open_methods([run_dir], True, True, False):
        a, b = method(photo, hole), method(other, hole)
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[hole == 0], photo[hole == 0])


@shared.needs_shared
def test_lpips_is_a_column_and_small_photographs_are_told(photos, pairs):
    from tfinpaint.metrics.lpips import Lpips

    weights = str(next((shared.SHARED / "weights" / "lpips").glob("squeeze*.npz")))
    found = evaluate(
        EvaluationSettings(
            ("telea",),
            f"folder:{photos}",
            count=2,
            holes="center",
            image_size=64,
            metric_weights=(("lpips_weights", weights),),
        )
    )
    block = found.scores[0].block
    filled = np.stack([references.telea(p, h) for p, h in zip(block.photos, block.holes)])
    np.testing.assert_allclose(
        found.scores[0].values["telea"]["lpips"],
        Lpips(weights)(filled, np.stack(block.photos)),
        rtol=1e-5,
    )
    assert "LPIPS squeeze" in text.text(found)
    with pytest.raises(SettingsError, match="at least 31 px. Got p00.png of 16x16"):
        alex = str(next((shared.SHARED / "weights" / "lpips").glob("alex*.npz")))
        evaluate(
            EvaluationSettings(
                ("telea",),
                f"folder:{photos}",
                count=2,
                image_size=16,
                metric_weights=(("lpips_weights", alex),),
            )
        )


def test_realism_is_of_whole_blocks(photos, monkeypatch):
    """With a network that sees only mean colours, and a lower least number of photographs."""
    from tfinpaint.metrics import realism

    class Colours:
        description, fingerprint = "mean colours", "0"

        def __init__(self, path):
            pass

        def features(self, images):
            return images.mean(axis=(1, 2)).astype(np.float32)

    monkeypatch.setattr(realism, "Inception", Colours)
    settings = EvaluationSettings(
        ("mean",),
        f"folder:{photos}",
        ratio_bins=BINS,
        image_size=64,
        batch_size=5,
        metric_weights=(("inception_weights", "x"),),
    )
    with pytest.raises(SettingsError, match="at least 2,049.*Got 12"):
        evaluate(settings)
    monkeypatch.setattr(realism, "FEWEST", 12)
    found = evaluate(settings)
    for scores in found.scores:
        block = scores.block
        for name, fill in (("mean", references.mean_fill), ("telea", references.telea)):
            filled = np.stack([fill(p, h) for p, h in zip(block.photos, block.holes)])
            a, b = (
                i.mean(axis=(1, 2)).astype(np.float32) for i in (np.stack(block.photos), filled)
            )
            assert scores.of_set[name]["fid"] == pytest.approx(realism.fid(a, b), rel=1e-6)
            assert (scores.of_set[name]["u_ids"], scores.of_set[name]["p_ids"]) == realism.ids(a, b)
    assert "FID" in text.text(found) and "mean colours" in text.text(found)
    measured = {"inception_features": np.ones([11, 3])}
    of_too_few = realism.Realism("x").measure_set(measured, scores.block.photos[:11])
    assert list(of_too_few) == ["fid", "u_ids", "p_ids"] and np.isnan([*of_too_few.values()]).all()
    assert "mean,fid" in text.comma_separated(found) and '"fid": {' in text.as_json(found)


@pytest.mark.parametrize(
    "settings,message",
    [
        (
            {"models": ("nowhere",)},
            "`model='nowhere'` is no folder: a run .* default is .*, or telea",
        ),
        ({"models": ("telea", "telea")}, "twice"),
        ({"models": ("RUN", "RUN/../small/")}, "twice"),
        pytest.param({"models": ("EXPORT", "EXPORT/..")}, "twice", marks=pytest.mark.slow),
        ({"batch_size": 0}, "`batch_size` is at least 1"),
        ({"protocol": "x"}, "`protocol` is default"),
        ({"models": ("RUN",), "image_size": 30}, "`image_size` is a multiple of 8"),
        pytest.param(
            {"models": ("EXPORT",), "protocol": "coherent_semantic"},
            "composites",
            marks=pytest.mark.slow,
        ),
        ({"models": ("mean",), "data": "pairs:PAIRS", "protocol": "coherent_semantic"}, "squares"),
        (
            {"models": ("RUN",), "protocol": "coherent_semantic", "detail": "auto"},
            "`detail='auto'` goes with another protocol",
        ),
        ({"models": ("mean",), "detail": "on"}, "`detail` is auto or off. Got 'on'"),
        ({"models": ("mean",), "data": "folder:nowhere"}, "`data='folder:nowhere'`"),
        (
            {"models": ("mean",), "metric_weights": (("lpips_weights", "nowhere.npz"),)},
            "`lpips_weights='nowhere.npz'`",
        ),
        (
            {"models": ("mean",), "metric_weights": (("inception_weights", "nowhere.pb"),)},
            "`inception_weights='nowhere.pb'`",
        ),
    ],
)
def test_mistakes(settings, message, run_dir, photos, pairs, request):
    paths = {"RUN": run_dir}
    if "EXPORT" in settings.get("models", ()):  # an export takes many seconds
        paths["EXPORT"] = request.getfixturevalue("exported_run")
    values = {"data": f"folder:{photos}", "count": 2, "models": ("mean",), **settings}
    for name, path in paths.items():
        values["models"] = tuple(model.replace(name, path) for model in values["models"])
    values["data"] = values["data"].replace("PAIRS", pairs)
    with pytest.raises(SettingsError, match=message) as error:
        evaluate(EvaluationSettings(**values))
    assert "\n" not in str(error.value)

"""Messages name arguments to callers of the library, and flags to users of a command."""

import ast
import pathlib
import re

import pytest

import tfinpaint
from tfinpaint import evaluate, inpaint, train
from tfinpaint.data.photos import open_photos
from tfinpaint.photo import write_photo
from tfinpaint.serving.client import connect
from tfinpaint.settings import (
    EvaluationSettings,
    HoleSettings,
    PhotoSettings,
    SettingsError,
    TrainSettings,
    flags_of_systems,
    in_flags,
)
from tfinpaint.settings.table import FLAGS
from tfinpaint.training.schedule import schedule_of

PACKAGE = pathlib.Path(tfinpaint.__file__).parent
TRAIN = ("--run_dir=run", "--image_size=32", "--perceptual_weights=none", "--train_data=samples:")
SMALL = ("--width=4", "--depth=4", "--weight_adversarial=0")
FILES = ("--image=photo.png", "--mask=mask.png", "--output=filled.png")


@pytest.mark.parametrize(
    "message, said",
    [
        ("`width` is at least 8. Got 5", "--width is at least 8. Got 5"),
        ("`kind='files:a b/ü'`: none", "--holes=files:a b/ü: none"),
        (
            "`ratio=(0.1, 0.6)` is too narrow for `image_size=64`",
            "--hole_ratio=0.1,0.6 is too narrow for --image_size=64",
        ),
        ("`ratio_bins=0.3-0.31` is too narrow", "--ratio_bins=0.3-0.31 is too narrow"),
        ("`loss_weights['style']` is at least 0", "--weight_style is at least 0"),
        ("with `bfloat16=False` or `mirror=True`", "with --nobfloat16 or --mirror"),
        ("(`loss_weights['adversarial']=0` does without)", "(--weight_adversarial=0 does without)"),
        (
            "`models` names one twice; `source`, `url`, `at`",
            "--model names one twice; --train_data, --server, --attention_at",
        ),
        # Whatever a path contains comes out unchanged.
        (
            "`model=" + repr("a`b'c\"d\\e\n\udcff") + "` is no folder",
            "--model=a`b'c\"d\\e\n\udcff is no folder",
        ),
        ("`model=" + repr("it's") + "`: its", "--model=it's: its"),
        # A file's name that looks like an argument.
        ("There is no file `seed='\\x'`.png", "There is no file --seed='\\x'.png"),
        ("There is no file `seed='a\nb'`.png", "There is no file --seed='a\nb'.png"),
        # These are no flags.
        (
            "a run directory of `train`; `export` writes it",
            "a run directory of `train`; `export` writes it",
        ),
        ("`images` is [B, H, W, 3]", "`images` is [B, H, W, 3]"),
        ("`loss_weights['stile']`: no such term", "`loss_weights['stile']`: no such term"),
        ("`model", "`model"),
    ],
)
def test_arguments_become_flags(message, said):
    assert in_flags(message) == said


SAME_MISTAKES = [
    (
        lambda: tfinpaint.create("gated_conv", width=5),
        "`width` is a multiple of 4 for DeepFill. Got 5",
        train,
        (*TRAIN, "--system=gated_conv", "--width=5"),
        "--width is a multiple of 4 for DeepFill. Got 5",
    ),
    (
        lambda: tfinpaint.create("nothing"),
        "`system` is one of coherent_semantic, ",
        train,
        (*TRAIN, "--system=nothing"),
        "--system is one of coherent_semantic, ",
    ),
    (
        lambda: tfinpaint.create("gated_conv", depth=4),
        "`system='gated_conv'` has no setting depth; it has width",
        train,
        (*TRAIN, "--system=gated_conv", "--depth=4"),
        "--system=gated_conv has no setting depth; it has width",
    ),
    (
        lambda: tfinpaint.create("contextual_attention", attention_kind="shift"),
        "`attention_kind` is 'contextual' or 'none' for contextual_attention. Got 'shift'",
        train,
        (*TRAIN, "--system=contextual_attention", "--attention_kind=shift"),
        "--attention_kind is 'contextual' or 'none' for contextual_attention. Got 'shift'",
    ),
    (
        lambda: tfinpaint.create("gated_conv", width=4).compile(freeze_batch_norm="all"),
        "`freeze_batch_norm='all'`: gated_conv has no batch norm",
        train,
        (*TRAIN, "--system=gated_conv", "--width=4", "--freeze_batch_norm=all"),
        "--freeze_batch_norm=all: gated_conv has no batch norm",
    ),
    (
        lambda: tfinpaint.create("gated_conv", width=4).compile(loss_weights={"style": 1.0}),
        "`loss_weights['style']`: gated_conv has no such term; its terms are ",
        train,
        (*TRAIN, "--system=gated_conv", "--width=4", "--weight_style=1"),
        "--weight_style: gated_conv has no such term; its terms are ",
    ),
    (
        lambda: tfinpaint.create("partial_conv", width=4, depth=4).compile(
            critic_learning_rate=1e-4
        ),
        "`critic_learning_rate=0.0001`: partial_conv has no critic; leave it",
        train,
        (*TRAIN, "--system=partial_conv", "--width=4", "--depth=4", "--critic_learning_rate=1e-4"),
        "--critic_learning_rate=0.0001: partial_conv has no critic; leave it",
    ),
    (
        lambda: schedule_of(
            TrainSettings("multistage", PhotoSettings("samples:"), HoleSettings(), final_rate=0.5)
        ),
        "`final_rate` is 0.01 with `schedule='constant'`; it is the share to which",
        train,
        (*TRAIN, *SMALL, "--final_rate=0.5"),
        "--final_rate is 0.01 with --schedule=constant; it is the share to which",
    ),
    (
        lambda: tfinpaint.create("multistage", width=4, depth=4).compile(
            perceptual_weights="none", loss_weights={"style": 0.5}
        ),
        "`loss_weights['style']=0.5` needs `perceptual_weights`, which is 'none'",
        train,
        (*TRAIN, *SMALL, "--weight_style=0.5"),
        "--weight_style=0.5 needs --perceptual_weights, which is 'none'",
    ),
    (
        lambda: HoleSettings(ratio=(0.5, 0.2)),
        "`ratio` is two shares LO,HI with 0 < LO < HI < 1. Got 0.5,0.2",
        train,
        (*TRAIN, "--hole_ratio=0.5,0.2"),
        "--hole_ratio is two shares LO,HI with 0 < LO < HI < 1. Got 0.5,0.2",
    ),
    (
        lambda: HoleSettings(kind="dots"),
        "`kind` is center, box, ",
        train,
        (*TRAIN, "--holes=dots"),
        "--holes is center, box, ",
    ),
    (
        lambda: PhotoSettings("samples:", 32, resize=8),
        "`resize`, the shorter side before the crop, is at least `image_size` (32), or 0",
        train,
        (*TRAIN, "--resize=8"),
        "--resize, the shorter side before the crop, is at least --image_size (32), or 0",
    ),
    # One argument, which comes from three flags.
    (
        lambda: open_photos("folder:no `where`"),
        "`source='folder:no `where`'`: there is",
        train,
        (*TRAIN, "--train_data=folder:no `where`", *SMALL),
        "--train_data=folder:no `where`: there is no such folder",
    ),
    (
        lambda: open_photos("folder:nowhere", "eval_data"),
        "`eval_data='folder:nowhere'`: there is",
        train,
        (*TRAIN, "--eval_data=folder:nowhere", *SMALL),
        "--eval_data=folder:nowhere: there is no such folder",
    ),
    (
        lambda: open_photos("folder:nowhere", "data"),
        "`data='folder:nowhere'`: there is",
        evaluate,
        ("--data=folder:nowhere", "--model=mean", "--output=report"),
        "--data=folder:nowhere: there is no such folder",
    ),
    (
        lambda: EvaluationSettings(("mean",), "somewhere"),
        "`data` is folder:PATH, ",
        evaluate,
        ("--data=somewhere", "--output=report"),
        "--data is folder:PATH, ",
    ),
    (
        lambda: EvaluationSettings((), "samples:", references=False),
        "`models` is missing: ",
        evaluate,
        ("--data=samples:", "--model=", "--noreferences", "--output=report"),
        "--model is missing: ",
    ),
    (
        lambda: tfinpaint.load("nowhere"),
        "`model='nowhere'` is no folder: a run directory of `train`",
        inpaint,
        ("--model=nowhere", *FILES),
        "--model=nowhere is no folder: a run directory of `train`",
    ),
    (
        lambda: connect("localhost"),
        "`url` is http://HOST:PORT/",
        inpaint,
        ("--server=localhost", *FILES),
        "--server is http://HOST:PORT/",
    ),
    (
        lambda: write_photo("filled.gif", tfinpaint.photo.read_photo("photo.png").pixels),
        "`path` ends in .jpg, ",
        inpaint,
        (*FILES[:2], "--output=filled.gif"),
        "--output ends in .jpg, ",
    ),
]
# What is told only after a system was built and compiled takes about five seconds.
LONG = ("--freeze_batch_norm=all: ", "--weight_style: ", "--eval_data=")


@pytest.mark.parametrize(
    "call, of_arguments, command, flags, of_flags",
    [
        pytest.param(
            *case, id=case[4][:24], marks=pytest.mark.slow if case[4].startswith(LONG) else []
        )
        for case in SAME_MISTAKES
    ],
)
def test_the_same_mistake_is_told_of_the_argument_and_of_the_flag(
    call, of_arguments, command, flags, of_flags, command_line, monkeypatch, tmp_path
):
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save("photo.png")
    Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save("mask.png")
    with pytest.raises(SettingsError) as error:
        call()
    assert str(error.value).startswith(of_arguments) and "--" not in str(error.value)
    status, _, err = command_line(command.main, *flags)
    line = err.splitlines()[-1]
    assert status == 1 and line.startswith(f"tfinpaint: {of_flags}"), err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask.png", "photo.png"]


# Modules that may name flags: commands; Beam's options; the flags themselves, some of which the
# systems describe;
# and the text in a report about the command that made it.
NAME_FLAGS = {
    *("command.py", "train.py", "evaluate.py", "inpaint.py", "export/__main__.py"),
    *("studio/__main__.py", "studio/routes.py", "settings/flagfiles.py", "settings/flags.py"),
    *("settings/table.py", "big_jobs/arguments.py", "big_jobs/running.py"),
    *(f"systems/{name}/__init__.py" for name in tfinpaint.SYSTEMS),
    "systems/coherent_semantic/protocol.py",
    "training/run_history.py",  # a line of flags.txt
}


def _texts(path):
    """The string constants of a module, pieces of f-strings included, docstrings excluded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_no_message_of_the_library_names_a_flag():
    names = "|".join(sorted({*FLAGS, *flags_of_systems()}, key=len, reverse=True))
    a_flag = re.compile(rf"--(?:(?:{names})\b|weight_|%s|$)")  # $: the piece before {{name}}
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        lines = [f"{module}:{line}: {text}" for line, text in _texts(path) if a_flag.search(text)]
        if lines:
            found[module] = lines
    assert {"settings/table.py", "train.py", "inpaint.py"} <= set(found)  # the search works
    assert [
        line for module, lines in found.items() if module not in NAME_FLAGS for line in lines
    ] == []

"""Every flag, defined once, and the frozen dataclasses that flags become.

Importing this module defines no flag: the table `_FLAGS` only describes them. A command calls `adopt("system", "steps", ...)`
for the flags it takes, which defines each on first use and makes it a key flag of that command, so that

  * `--help` of a command lists its own flags, with one text for all commands;
  * two commands can be imported into one program;
  * a program that uses tfinpaint as a library keeps its own flag names.

The library works with the dataclasses below and never reads a flag. Each dataclass checks itself: a value that cannot be used
raises `SettingsError`, whose one line names the flag, the value and what is allowed.
"""

import dataclasses
import functools
import json
import math
import os
from typing import Mapping, Optional, Tuple

from absl import flags

from tfinpaint.metrics import weights_flags

flags.disclaim_key_flags()  # key flags belong to the command that adopts them

Range = Tuple[float, float]
DETAIL = ("auto", "off")  # whether large holes get texture from the known part of the photograph



class SettingsError(ValueError):
    """Something that the person who started the program can put right: one line that says what, and which flag."""


def first_line(error: Exception) -> str:
    """What an error says, short enough for one line of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:240]


# ----------------------------------------------------------------------------------------------------- what flags become


@dataclasses.dataclass(frozen=True)
class PhotoSettings:
    """Photographs for training and how they become squares of `image_size` (paper, section 4.2).

    source:  "folder:PATH", "tfds:NAME[:SPLIT]" or "samples:[NAME,...]".
    resize:  shorter side in pixels before the crop; 0 means 350 / 256 of `image_size`, as for Paris StreetView and Places2.
    crop:    "random" (Paris, Places2) or "center" (CelebA).
    mirror:  mirror half of the photographs left to right.
    color_jitter: most that brightness, contrast and saturation of a square are raised or lowered, as a share of themselves; 0: none.
    """

    source: str
    image_size: int = 256
    resize: int = 0
    crop: str = "random"
    mirror: bool = True
    color_jitter: float = 0.0

    def __post_init__(self):
        if self.image_size < 16:
            raise SettingsError(f"--image_size is at least 16. Got {self.image_size}")
        if self.resize and self.resize < self.image_size:
            raise SettingsError(f"--resize, the shorter side before the crop, is at least --image_size ({self.image_size}), "
                                f"or 0 for 350/256 of it. Got {self.resize}")
        if self.crop not in ("random", "center"):
            raise SettingsError(f"--crop is random or center. Got {self.crop!r}")
        if not 0 <= self.color_jitter < 1:
            raise SettingsError(f"--color_jitter is at least 0 and below 1. Got {self.color_jitter}")

    @property
    def shorter_side(self) -> int:
        """Pixels of the shorter side before the crop."""
        return self.resize or round(self.image_size * 350 / 256)


@dataclasses.dataclass(frozen=True)
class HoleSettings:
    """How holes are made. Lengths are in pixels of a 256-pixel square and scale with the image.

    kind:             "center", "box", "objects" (smooth blobs), "strokes", "mixed" (a third boxes, a third objects, a third strokes, half
                      of which are joined with a box or objects) or "files:PATH".
    ratio:            lowest and highest share of missing pixels, held by every hole; None means the kind's own range.
    box_aspect:       most that the longer side of a box measures in shorter ones, at least 1 (kind "box").
    stroke_vertices:  fewest and most corners of one stroke.
    stroke_width:     thinnest and widest brush.
    stroke_length:    mean distance between two corners.
    stroke_angle:     mean turn at a corner and its largest deviation, in degrees; turns alternate in sign.
    mask_is:          what white means in mask files: "hole" or "known".
    mask_rotate:      mask files are turned by "none", one of the four "right" angles (paper, section 4.1), or "any" angle.
    mask_flip:        mirror mask files at random, both ways.
    mask_zoom:        smallest and largest enlargement of mask files.
    """

    kind: str = "strokes"
    ratio: Optional[Range] = None
    box_aspect: float = 2.0
    stroke_vertices: Tuple[int, int] = (4, 12)
    stroke_width: Range = (12.0, 40.0)
    stroke_length: float = 45.0
    stroke_angle: Range = (72.0, 24.0)
    mask_is: str = "hole"
    mask_rotate: str = "right"
    mask_flip: bool = True
    mask_zoom: Range = (1.0, 1.0)

    def __post_init__(self):
        _check_finite(self)
        kinds = "center, box, objects, strokes, mixed or files:PATH"
        if self.kind not in ("center", "box", "objects", "strokes", "mixed") and not self.kind.startswith("files:"):
            raise SettingsError(f"--holes is {kinds}. Got {self.kind!r}")
        if self.kind == "files:":
            raise SettingsError("--holes=files:PATH needs the path of a mask file or of a folder of them. Got 'files:'")
        if self.ratio is not None and not 0 < self.ratio[0] < self.ratio[1] < 1:
            raise SettingsError(f"--hole_ratio is two shares LO,HI with 0 < LO < HI < 1. Got {_comma(self.ratio)}")
        for name, low in (("stroke_vertices", 2), ("stroke_width", 1), ("mask_zoom", 1)):
            pair = getattr(self, name)
            if not low <= pair[0] <= pair[1]:
                raise SettingsError(f"--{name} is two numbers LO,HI with {low} <= LO <= HI. Got {_comma(pair)}")
        if self.box_aspect < 1:
            raise SettingsError(f"--box_aspect is at least 1. Got {self.box_aspect}")
        if self.stroke_length <= 0:
            raise SettingsError(f"--stroke_length is above 0. Got {self.stroke_length}")
        if not (0 <= self.stroke_angle[0] <= 180 and 0 <= self.stroke_angle[1] <= 180):
            raise SettingsError(f"--stroke_angle is MEAN,DEVIATION in degrees, both from 0 to 180. Got {_comma(self.stroke_angle)}")
        if self.mask_is not in ("hole", "known"):
            raise SettingsError(f"--mask_is is hole or known. Got {self.mask_is!r}")
        if self.mask_rotate not in ("none", "right", "any"):
            raise SettingsError(f"--mask_rotate is none, right or any. Got {self.mask_rotate!r}")

    @property
    def bounds(self) -> Range:
        """The ratio in force: the given one, or the kind's own."""
        if self.ratio is not None:
            return self.ratio
        own = {"center": (0.2, 0.3), "box": (0.14, 0.25), "objects": (0.03, 0.5), "strokes": (0.1, 0.6), "mixed": (0.1, 0.6)}
        return own.get(self.kind, (0.001, 0.95))


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """Everything that a run is, beside its photographs and holes: written to settings.json and read back by `tfinpaint.load`.

    None stands for "the system's own value" (its paper's).
    """

    system: str
    photos: PhotoSettings
    holes: HoleSettings
    eval_data: Optional[str] = None
    variant: str = "paper"
    system_settings: Tuple[Tuple[str, float], ...] = ()
    loss_weights: Tuple[Tuple[str, float], ...] = ()
    batch_size: int = 6
    steps: int = 1000
    seed: int = 0
    learning_rate: Optional[float] = None
    critic_learning_rate: Optional[float] = None
    warmup_steps: int = 0
    schedule: str = "constant"
    schedule_steps: int = 0
    final_rate: float = 0.01
    clip_norm: float = 0.0
    freeze_batch_norm: str = "none"
    perceptual_weights: str = "imagenet"
    critic_weights: Optional[str] = None
    ema_decay: float = 0.999
    mixed_precision: bool = False
    bfloat16: bool = False
    jit_compile: bool = False
    checkpoint_every: int = 1000
    log_every: int = 50
    sample_every: int = 500
    eval_every: int = 0
    eval_count: int = 16
    eval_ratio: Range = (0.3, 0.4)
    warn_after: int = 500

    def __post_init__(self):
        _check_finite(self)
        if self.freeze_batch_norm not in ("none", "encoder", "all"):
            raise SettingsError(f"--freeze_batch_norm is none, encoder or all. Got {self.freeze_batch_norm!r}")
        for name, low in (("batch_size", 1), ("steps", 0), ("checkpoint_every", 1), ("log_every", 1), ("sample_every", 0),
                          ("eval_every", 0), ("eval_count", 1), ("warn_after", 0), ("warmup_steps", 0), ("clip_norm", 0)):
            if getattr(self, name) < low:
                raise SettingsError(f"--{name} is at least {low}. Got {getattr(self, name)}")
        for name in ("learning_rate", "critic_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise SettingsError(f"--{name} is above 0 and at most 1. Got {value}")
        if self.mixed_precision and self.bfloat16:
            raise SettingsError("--mixed_precision and --bfloat16: one of them says what to compute in")
        if self.schedule not in _FLAGS["schedule"][0]:
            raise SettingsError(f"--schedule is constant, cosine or linear. Got {self.schedule!r}")
        if self.schedule == "constant" and self.schedule_steps:
            raise SettingsError("--schedule_steps is 0 with --schedule=constant; cosine and linear fall over so many steps. "
                                f"Got {self.schedule_steps}")
        if self.schedule != "constant" and self.schedule_steps < 1:
            raise SettingsError(f"--schedule_steps, the steps over which --schedule={self.schedule} falls, is at least 1. "
                                f"Got {self.schedule_steps}")
        if not 0 <= self.final_rate <= 1:
            raise SettingsError(f"--final_rate is a share from 0 to 1 of --learning_rate. Got {self.final_rate}")
        if not 0 <= self.ema_decay < 1:
            raise SettingsError(f"--ema_decay is at least 0 and below 1. Got {self.ema_decay}")
        if not 0 < self.eval_ratio[0] < self.eval_ratio[1] < 1:
            raise SettingsError(f"--eval_ratio is two shares LO,HI with 0 < LO < HI < 1. Got {_comma(self.eval_ratio)}")
        for name, value in self.loss_weights:
            if not 0 <= value < math.inf:
                raise SettingsError(f"--weight_{name} is at least 0 and finite. Got {value}")


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """What a table is made of. None stands for the protocol's own.

    models:       run directories, version directories of exports, "default", or names of references; others differ from the first.
    data:         "folder:PATH", "tfds:NAME[:SPLIT]", "samples:[NAME,...]", or "pairs:PATH".
    holes:        "center", "strokes", "objects" or "files:PATH"; pairs bring their own.
    ratio_bins:   shares of missing pixels (LO, HI], a block of the table each.
    detail:       "off": networks alone. "auto": with texture in large holes, as `inpaint` fills.
    image_size:   side of the squares; None: that of the first model that was trained, or 256.
    count:        photographs, the first ones; 0: all.
    metric_weights: files of weights of the metrics that need them, by the names of their flags (tfinpaint.metrics.METRICS).
    """

    models: Tuple[str, ...]
    data: str
    holes: Optional[str] = None
    protocol: str = "default"
    ratio_bins: Tuple[Range, ...] = ()
    image_size: Optional[int] = None
    count: int = 0
    batch_size: int = 6
    mask_is: str = "hole"
    references: bool = True
    metric_weights: Tuple[Tuple[str, str], ...] = ()
    detail: str = "off"

    def __post_init__(self):
        kinds = "folder:PATH, tfds:NAME[:SPLIT], samples:[NAME,...] or pairs:PATH"
        if not self.data:
            raise SettingsError(f"--data is missing: {kinds}")
        if not self.data.startswith(("folder:", "tfds:", "samples:", "pairs:")):
            raise SettingsError(f"--data is {kinds}. Got {self.data!r}")
        if self.protocol not in _FLAGS["protocol"][0]:
            raise SettingsError(f"--protocol is {', '.join(_FLAGS['protocol'][0])}. Got {self.protocol!r}")
        for name, low in (("count", 0), ("batch_size", 1), ("image_size", 16)):
            if getattr(self, name) is not None and getattr(self, name) < low:
                raise SettingsError(f"--{name} is at least {low}. Got {getattr(self, name)}")
        if self.mask_is not in ("hole", "known"):
            raise SettingsError(f"--mask_is is hole or known. Got {self.mask_is!r}")
        if self.detail not in DETAIL:
            raise SettingsError(f"--detail is {' or '.join(DETAIL)}. Got {self.detail!r}")
        if not self.models and not self.references:
            raise SettingsError("--model is missing: run directories, exports, telea, navier_stokes or mean, with commas between")
        if self.holes is not None and self.holes not in ("center", "strokes", "objects") and not self.holes.startswith("files:"):
            raise SettingsError(f"--holes is center, strokes or objects (the fixed sets) or files:PATH here. Got {self.holes!r}")
        if self.data.startswith("pairs:") and (self.holes or self.ratio_bins or self.image_size):
            raise SettingsError("--data=pairs: brings its own holes and sizes: leave --holes, --ratio_bins and --image_size")
        for low, high in self.ratio_bins:
            if not 0 <= low < high < 1:
                raise SettingsError(f"--ratio_bins are shares LO-HI with 0 <= LO < HI < 1, with commas between. Got {low:g}-{high:g}")
        shown = [f"{low:g}-{high:g}" for low, high in self.ratio_bins]
        if len(set(shown)) < len(shown):
            raise SettingsError(f"--ratio_bins has one bin twice. Got {','.join(shown)}")


def to_json(settings) -> str:
    """One dataclass of this module as indented JSON."""
    return json.dumps(dataclasses.asdict(settings), indent=1) + "\n"


def train_settings_from_json(text: str) -> TrainSettings:
    """The inverse of `to_json` for TrainSettings."""
    values = json.loads(text)
    values["photos"] = PhotoSettings(**values["photos"])
    values["holes"] = HoleSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in values["holes"].items()})
    for name in ("system_settings", "loss_weights"):
        values[name] = tuple((k, v) for k, v in values[name])
    values["eval_ratio"] = tuple(values["eval_ratio"])
    return TrainSettings(**values)


# ------------------------------------------------------------------------------------------------------------- the flags

# name: (kind, default, help[, lowest, highest]). Kinds: str int float bool range, or a tuple of allowed words.
_FLAGS = {
    # what is trained
    "system": ("str", "multistage", "System to train, or that weights are imported for, one of tfinpaint.SYSTEMS."),
    "variant": (("paper", "official"), "paper", "paper: as the text says. official: as the authors' released code does."),
    "perceptual_weights": ("str", "imagenet", "VGG-16 behind the perceptual, style, consistency and feature_adversarial terms: imagenet "
                                              "(downloaded by Keras), PATH of a Keras .h5 file, random, or none (these terms off)."),
    "critic_weights": ("str", None, "What the DenseNet critic of musical begins from: imagenet (downloaded by Keras), PATH of a Keras .h5 "
                                    "file, or random. Default: imagenet, with --variant=official random."),
    "weights": ("str", None, "Released weights to import. contextual_attention, gated_conv: a TensorFlow 1 checkpoint, by its prefix, one "
                             "of its files or its folder. multistage, musical: a PyTorch state dict, FILE.npz, .safetensors, .pth or .pt. "
                             "coherent_semantic: two, ROUGH,REFINEMENT."),
    # photographs and holes
    "train_data": ("str", None, "Photographs to train on: folder:PATH, tfds:NAME[:SPLIT] or samples: (those of scikit-image but coffee; "
                                "samples:NAME,NAME chooses)."),
    "eval_data": ("str", None, "Photographs of the validation pass, written like --train_data. Default: those of --train_data."),
    "image_size": ("int", 256, "Side of the training squares, pixels. Of evaluate: of its squares; unless given, that of the first run.",
                   16, 4096),
    "resize": ("int", 0, "Shorter side of a photograph before the crop, pixels; 0 means 350/256 of --image_size.", 0, 65536),
    "crop": (("random", "center"), "random", "Where the training square is cut."),
    "mirror": ("bool", True, "Mirror half of the photographs left to right."),
    "color_jitter": ("float", 0.0, "X: brightness, contrast and saturation of each training square are multiplied by random factors within "
                                   "1 +- X. 0: off."),
    "holes": ("str", "strokes", "Holes to train with: center, box, objects (one to three smooth blobs), strokes, mixed (a third boxes, a "
                                "third objects, a third strokes, half of these joined with a box or objects) or files:PATH (a mask file "
                                "or a folder of them). Of evaluate: center, strokes or objects (the fixed sets) or files:PATH; unless "
                                "given, the protocol's."),
    "hole_ratio": ("range", None, "LO,HI: share of missing pixels that every hole keeps to. Default: the kind's own range."),
    "box_aspect": ("float", 2.0, "Most that the longer side of a box measures in shorter ones (--holes=box)."),
    "stroke_vertices": ("range", (4, 12), "LO,HI: corners of a stroke."),
    "stroke_width": ("range", (12, 40), "LO,HI: brush width in pixels of a 256-pixel square."),
    "stroke_length": ("float", 45.0, "Mean distance between the corners of a stroke, in pixels of a 256-pixel square."),
    "stroke_angle": ("range", (72, 24), "MEAN,DEVIATION: turn at a corner, degrees; turns alternate in sign."),
    "mask_is": (("hole", "known"), "hole", "What white means in mask files."),
    "mask_rotate": (("none", "right", "any"), "right", "Turn mask files: not, by 0/90/180/270 degrees, or by any angle."),
    "mask_flip": ("bool", True, "Mirror mask files at random, both ways."),
    "mask_zoom": ("range", (1, 1), "LO,HI: enlarge mask files at random by a factor."),
    # the run
    "run_dir": ("str", None, "Folder of the run: settings, checkpoints, samples, metrics. Made if missing."),
    "batch_size": ("int", 6, "Images per step; of evaluate: squares that are filled together.", 1, 4096),
    "steps": ("int", 1000, "Step at which the run stops; schedules do not depend on it. 0 writes the initial weights.", 0, None),
    "seed": ("int", 0, "Seed of weights, order, crops and holes; with the step it fixes a run.", 0, 2**31 - 1),
    "resume": ("bool", False, "Go on from the last checkpoint in --run_dir (from 0 if there is none)."),
    "init_from": ("str", None, "Run directory whose weights the new run starts from (fine-tuning), or default."),
    "dry_run": ("bool", False, "Show data, loss, speed and duration after a few steps and write RUN_DIR.dry_run.png, a batch; no run."),
    "checkpoint_every": ("int", 1000, "Steps between checkpoints. The last step is always saved.", 1, None),
    "log_every": ("int", 50, "Steps between rows of metrics.csv and points in TensorBoard.", 1, None),
    "sample_every": ("int", 500, "Steps between sample grids in samples/ and TensorBoard; 0: none but the final one.", 0, None),
    "eval_every": ("int", 0, "Steps between validation passes; 0: only after the last step.", 0, None),
    "eval_count": ("int", 16, "Photographs in a validation pass.", 1, None),
    "eval_ratio": ("range", (0.3, 0.4), "LO,HI: share of missing pixels of the fixed strokes that validation uses."),
    "warn_after": ("int", 500, "Step at which a system that does not fill better than the mean colour (L1 in the holes of the validation "
                               "pass) is warned of; 0: never.", 0, None),
    # the optimizers
    "learning_rate": ("float", None, "Adam's rate for the generator. Default: the paper's (2e-4; 5e-5 with frozen batch norm; DeepFill: "
                                     "1e-4)."),
    "critic_learning_rate": ("float", None, "Adam's rate for the critic. Default: the generator's (multistage: a tenth of it)."),
    "warmup_steps": ("int", 0, "Steps in which the rates of generator and critic grow from 0.", 0, None),
    "schedule": (("constant", "cosine", "linear"), "constant", "How both rates go on after the warm-up: they stay, or fall over "
                                                               "--schedule_steps to --final_rate of themselves."),
    "schedule_steps": ("int", 0, "Steps over which the rates fall, from the end of the warm-up; --steps does not change it.", 0, None),
    "final_rate": ("float", 0.01, "Share of the rate that --schedule=cosine and linear fall to, 0 to 1."),
    "clip_norm": ("float", 0.0, "Largest norm of all gradients of a network together; larger ones are scaled down to it. 0: none is."),
    "freeze_batch_norm": (("none", "encoder", "all"), "none", "Fine-tuning: batch norm layers that keep their running statistics."),
    "ema_decay": ("float", 0.999, "Decay of the generator's moving average, which validation and export use; 0 switches it off."),
    "mixed_precision": ("bool", False, "Compute in float16 with loss scaling (for GPUs)."),
    "bfloat16": ("bool", False, "Compute in bfloat16 (for processors that have its instructions: AVX-512 BF16, AMX; and GPUs since 2020). "
                                "Weights stay float32."),
    "jit_compile": ("bool", False, "Compile the training step with XLA."),
    # filling
    "model": ("str", None, "What fills: a run directory of `train`, or (not for export) a version directory that `export` wrote; default, "
                           "the one that comes with tfinpaint, where no model is named. evaluate and studio take several with "
                           "commas between; evaluate also telea, navier_stokes and mean."),
    "image": ("str", None, "Photograph to fill, or a folder of them."),
    "mask": ("str", None, "Mask of the photograph (white is hole), a folder of masks named like the photographs, or one mask for all."),
    "output": ("str", None, "File for the filled photograph (PNG, WebP, TIFF, JPEG or BMP by its ending), or a folder for a folder. Of "
                            "other commands: the folder for what they make."),
    "grow_hole": ("int", 0, "Grow the hole by so many pixels first: for masks that cut too close.", 0, 1000),
    "feather": ("int", 0, "Blend over so many pixels beyond the hole's edge; 0 keeps every known pixel exact.", 0, 1000),
    "detail": (DETAIL, "auto", "auto: what is thicker than 24 pixels in a hole gets its texture from the known part of the photograph, "
                               "guided by the network. off: the network's own fill. Of evaluate: off unless given. Of export and studio: "
                               "for run directories; an export keeps what it was made with."),
    "side_by_side": ("bool", False, "Write input, hole and output beside each other instead of the output alone."),
    "attention": ("bool", False, "Write where the system's attentions look, beside --output: NAME_attention_LAYER_places.png (each missing "
                                 "pixel in the colour of the place it looks at), _weights.png (what one pixel takes from where) and, of "
                                 "DeepFill, _flow.png."),
    "attention_at": ("range", None, "ROW,COLUMN: the missing pixel of _weights.png. Default: the innermost one."),
    "device": ("str", None, "Device to compute on: cpu, gpu, or gpu:N. Default: a GPU if there is one."),
    "server": ("str", None, "Fill through a server instead of --model: http://HOST:PORT/v1/models/NAME or grpc://HOST:PORT/NAME."),
    "timeout": ("float", 60.0, "Seconds to wait for a server's answer."),
    # serving
    "host": ("str", "127.0.0.1", "Address to listen on; the default answers this machine alone, 0.0.0.0 everybody who can reach it."),
    "port": ("int", 8501, "Port of REST; 0: a free one.", 0, 65535),
    "open_browser": ("bool", True, "Open the studio's page in a browser, where there is a display."),
    "grpc_port": ("int", 8500, "Port of gRPC; 0: a free one.", 0, 65535),
    "requests": ("int", 200, "Requests in all.", 1, 1000000),
    "clients": ("int", 8, "Clients that ask at the same time.", 1, 1000),
    # exporting
    "format": (("saved_model", "tflite"), "saved_model", "saved_model: OUTPUT/VERSION/, for servers. tflite: OUTPUT/SYSTEM.tflite."),
    "quantize": (("none", "float16", "dynamic", "int8"), "none", "Of TFLite: float32; weights in float16; weights in 8 bits; weights and "
                                                                 "activations in 8 bits where TFLite can."),
    "size": ("str", None, "Photographs that a TFLite file takes, pixels: SIDE or HEIGHT,WIDTH; any: all sizes, slower. Default: the size "
                          "that the run was trained on."),
    "data": ("str", None, "Photographs, written like --train_data: to be scored (evaluate; also pairs:PATH, NAME.png beside "
                          "NAME_mask.png), or by which --quantize=int8 finds its ranges (export; default: those of the run)."),
    # evaluating
    "protocol": (("default", "musical", "multistage", "coherent_semantic", "deepfill"), "default",
                 "What is measured and on which holes: this project's own, or as a paper and its released code do."),
    "ratio_bins": ("str", None, "Shares of missing pixels, a block of the table each, as 0.1-0.2,0.3-0.4. Default: the protocol's."),
    "count": ("int", 0, "Photographs to score, the first ones; 0: all.", 0, None),
    **{name: ("str", None, text) for name, text in weights_flags().items()},
    "references": ("bool", True, "Put telea, navier_stokes and mean into the table, too."),
    # measuring
    "rows": ("str", None, "Groups of rows to measure, with commas between. Default: all."),
    "repeats": ("int", 5, "Calls to take the median of.", 1, 1000),
}


@functools.lru_cache(maxsize=None)
def flags_of_systems() -> Mapping[str, tuple]:
    """The flags that come from what the systems say about themselves: their settings, and --weight_TERM for each term of their losses.

    {name: as in _FLAGS}. Bounds are the widest of all systems; a system checks its own.
    """
    from tfinpaint.systems.specification import all_systems  # late: systems take their errors from here

    settings, terms = {}, {}
    for system in all_systems().values():
        for setting in system.settings:
            settings.setdefault(setting.name, []).append((system.name, setting))
        for term in system.terms:
            terms.setdefault(term.name, {}).setdefault(term.meaning, []).append(system.name)
    found = {}
    for name, having in settings.items():
        text = " ".join(f"{system}: {setting.help}{'' if setting.default is None else f' ({setting.default})'}."
                        for system, setting in having)
        kind = "float" if all(setting.default is None for _, setting in having) else "int"
        found[name] = (kind, None, text, min(setting.low for _, setting in having), max(setting.high for _, setting in having))
    for name, meanings in terms.items():
        text = "; ".join(f"{', '.join(systems)}: {meaning}" for meaning, systems in meanings.items())
        found[f"weight_{name}"] = ("float", None, f"Weight of the term {name}. {text}. Default: the paper's.")
    return found


def system_settings() -> Tuple[str, ...]:
    """Names of the flags that make small and large versions of a system; each system has some of them."""
    return tuple(name for name in flags_of_systems() if not name.startswith("weight_"))


def terms() -> Tuple[str, ...]:
    """Names of the terms of all systems' losses; each system has some of them, and each has a flag --weight_TERM."""
    return tuple(name[len("weight_"):] for name in flags_of_systems() if name.startswith("weight_"))


def adopt(*names: str) -> None:
    """Defines the named flags (once in a program) and makes them key flags of the calling command."""
    for name in names:
        kind, default, text, *bounds = _FLAGS.get(name) or flags_of_systems()[name]
        if name in flags.FLAGS:
            flags.declare_key_flag(name)
        elif kind == "str":
            flags.DEFINE_string(name, default, text)
        elif kind == "bool":
            flags.DEFINE_bool(name, default, text)
        elif kind == "int":
            flags.DEFINE_integer(name, default, text, lower_bound=bounds[0], upper_bound=bounds[1])
        elif kind == "float":
            flags.DEFINE_float(name, default, text)
        elif kind == "range":
            flags.DEFINE_list(name, None if default is None else [str(v) for v in default], text)
        else:
            flags.DEFINE_enum(name, default, list(kind), text)


def parse_range(name: str, words, number=float):
    """The two numbers of a flag written as LO,HI; None stays None."""
    if words is None:
        return None
    try:
        low, high = (number(w) for w in words)
    except ValueError:
        kind = "whole numbers" if number is int else "numbers"
        raise SettingsError(f"--{name} is two {kind} separated by a comma. Got {','.join(words)!r}") from None
    return low, high


def photo_settings(values) -> PhotoSettings:
    """From parsed absl flags (or anything with the same attributes)."""
    return PhotoSettings(values.train_data, values.image_size, values.resize, values.crop, values.mirror, values.color_jitter)


def hole_settings(values) -> HoleSettings:
    """From parsed absl flags (or anything with the same attributes)."""
    return HoleSettings(
        kind=values.holes,
        ratio=parse_range("hole_ratio", values.hole_ratio),
        box_aspect=values.box_aspect,
        stroke_vertices=parse_range("stroke_vertices", values.stroke_vertices, int),
        stroke_width=parse_range("stroke_width", values.stroke_width),
        stroke_length=values.stroke_length,
        stroke_angle=parse_range("stroke_angle", values.stroke_angle),
        mask_is=values.mask_is,
        mask_rotate=values.mask_rotate,
        mask_flip=values.mask_flip,
        mask_zoom=parse_range("mask_zoom", values.mask_zoom),
    )


def train_settings(values) -> TrainSettings:
    """From parsed absl flags (or anything with the same attributes)."""
    if not values.train_data:
        raise SettingsError("--train_data is missing: folder:PATH, tfds:NAME[:SPLIT] or samples:")
    given = {name: getattr(values, f"weight_{name}") for name in terms()}
    same = ("system", "eval_data", "variant", "batch_size", "steps", "seed", "learning_rate", "critic_learning_rate",
            "warmup_steps", "schedule", "schedule_steps", "final_rate", "clip_norm", "freeze_batch_norm", "perceptual_weights",
            "critic_weights", "ema_decay", "mixed_precision", "bfloat16", "jit_compile", "checkpoint_every", "log_every",
            "sample_every", "eval_every", "eval_count", "warn_after")
    return TrainSettings(
        photos=photo_settings(values),
        holes=hole_settings(values),
        system_settings=tuple((n, getattr(values, n)) for n in system_settings() if getattr(values, n) is not None),
        loss_weights=tuple((n, w) for n, w in given.items() if w is not None),
        eval_ratio=parse_range("eval_ratio", values.eval_ratio),
        **{name: getattr(values, name) for name in same},
    )


def evaluation_settings(values) -> EvaluationSettings:
    """From parsed absl flags."""
    def given(name):
        return values[name].value if values[name].present else None

    bins = []
    for text in filter(None, (values.ratio_bins or "").split(",")):
        try:
            low, high = map(float, text.split("-"))
        except ValueError:
            raise SettingsError(f"--ratio_bins are shares LO-HI with commas between, as 0.1-0.2,0.3-0.4. Got {text!r}") from None
        bins.append((low, high))
    weights = ((name, getattr(values, name)) for name in weights_flags())
    same = ("data", "protocol", "count", "batch_size", "mask_is", "references")
    return EvaluationSettings(
        models=tuple(filter(None, map(str.strip, ("default" if values.model is None else values.model).split(",")))), holes=given("holes"),
        image_size=given("image_size"), ratio_bins=tuple(bins), detail=given("detail") or "off",
        metric_weights=tuple((name, path) for name, path in weights if path is not None),
        **{name: getattr(values, name) for name in same})


def _check_finite(settings) -> None:
    """nan passes every comparison that a range check makes."""
    for name, value in vars(settings).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise SettingsError(f"--{'hole_ratio' if name == 'ratio' else name} is a finite number. Got {number}")


def _comma(pair) -> str:
    return ",".join(f"{v:g}" for v in pair)


def check_writable(flag: str, path: str) -> None:
    """Raises SettingsError where the folder `path` cannot be made or written; leaves nothing behind."""
    parent = os.path.abspath(path)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise SettingsError(f"--{flag}={path} cannot be written: {parent} is a file")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SettingsError(f"--{flag}={path} cannot be written: no permission in {parent}")

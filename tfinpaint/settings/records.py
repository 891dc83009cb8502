"""The settings of a run, as frozen dataclasses: photographs, holes, and the rest of training.

Each record checks itself when it is made. A value that is not allowed raises SettingsError. A run
directory keeps the records in settings.json (`to_json`, `train_settings_from_json`).
"""

import dataclasses
import json
import math
from typing import Any, Dict, Optional, Sequence, Tuple, Union

from tfinpaint.settings.errors import SettingsError

Range = Tuple[float, float]

# The words that an argument accepts. The flags offer the same ones.
CROPS = ("random", "center")
WHITE_IS = ("hole", "known")
ROTATIONS = ("none", "right", "any")
SCHEDULES = ("constant", "cosine", "linear")
FROZEN_NORMS = ("none", "encoder", "all")

MAX_MEGAPIXELS = 256  # default size of the largest photograph or mask that is read


@dataclasses.dataclass(frozen=True)
class PhotoSettings:
    """Photographs for training, and how they become squares (paper of multistage, section 4.2).

    source:        "folder:PATH", "shards:PATH", "tfds:NAME[:SPLIT]" or "samples:[NAME,...]".
    image_size:    side of the squares, pixels.
    resize:        shorter side in pixels before the crop; 0: 350 / 256 of `image_size`, as for
                   Paris StreetView and Places2.
    crop:          "random" (Paris, Places2) or "center" (CelebA).
    mirror:        whether to mirror half of the photographs left to right.
    color_jitter:  the largest share, in [0, 1), by which brightness, contrast and saturation of a
                   square are raised or lowered; 0: they are unchanged.
    max_megapixels: size of the largest photograph that is read.
    photo_zoom:    the shorter side before the crop is `resize` times a factor drawn uniformly from
                   this range, so that squares have several scales.
    """

    source: str
    image_size: int = 256
    resize: int = 0
    crop: str = "random"
    mirror: bool = True
    color_jitter: float = 0.0
    max_megapixels: int = MAX_MEGAPIXELS
    photo_zoom: Range = (1.0, 1.0)

    def __post_init__(self):
        if self.image_size < 16:
            raise SettingsError(f"`image_size` is at least 16. Got {self.image_size}")
        if self.resize and self.resize < self.image_size:
            raise SettingsError(
                "`resize`, the shorter side before the crop, is at least `image_size` "
                f"({self.image_size}), or 0 for 350/256 of it. Got {self.resize}"
            )
        if not 1 <= self.photo_zoom[0] <= self.photo_zoom[1] <= 16:
            raise SettingsError(
                "`photo_zoom` is two numbers LO,HI with 1 <= LO <= HI <= 16. "
                f"Got {_comma(self.photo_zoom)}"
            )
        check_word("crop", self.crop, CROPS)
        if not 0 <= self.color_jitter < 1:
            raise SettingsError(
                f"`color_jitter` is at least 0 and below 1. Got {self.color_jitter}"
            )

    @property
    def shorter_side(self) -> int:
        """The shorter side before the crop in pixels, without `photo_zoom`."""
        return self.resize or round(self.image_size * 350 / 256)

    @property
    def longest_shorter_side(self) -> int:
        """The shorter side before the crop in pixels, at the largest `photo_zoom`."""
        return round(self.shorter_side * self.photo_zoom[1])


@dataclasses.dataclass(frozen=True)
class HoleSettings:
    """How holes are made. Lengths are pixels of a 256-pixel square and scale with the image.

    kind:             "center", "box", "objects" (smooth blobs), "strokes", "mixed" (a third boxes,
                      a third objects, a third strokes, half of which are joined with a box or
                      objects) or "files:PATH".
    ratio:            lowest and highest share of missing pixels, which every hole keeps to; None:
                      the kind's own range.
    box_aspect:       the most that the longer side of a box may be, in shorter sides; at least 1
                      (kind "box").
    stroke_vertices:  fewest and most corners of one stroke.
    stroke_width:     narrowest and widest brush.
    stroke_length:    mean distance between two corners.
    stroke_angle:     mean turn at a corner and its largest deviation, degrees; turns alternate in
                      sign.
    mask_is:          what white means in mask files: "hole" or "known".
    mask_rotate:      mask files are not turned ("none"), or turned by one of the four "right"
                      angles (paper of multistage, section 4.1), or by "any" angle.
    mask_flip:        whether to mirror mask files at random, horizontally and vertically.
    mask_zoom:        smallest and largest factor by which mask files are enlarged.
    max_megapixels:   size of the largest mask file that is read.
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
    max_megapixels: int = MAX_MEGAPIXELS

    def __post_init__(self):
        _check_finite(self)
        made = ("center", "box", "objects", "strokes", "mixed")
        if self.kind not in made and not self.kind.startswith("files:"):
            raise SettingsError(f"`kind` is {', '.join(made)} or files:PATH. Got {self.kind!r}")
        if self.kind == "files:":
            raise SettingsError(
                "`kind='files:PATH'` needs the path of a mask file or of a folder "
                "of them. Got 'files:'"
            )
        if self.ratio is not None and not 0 < self.ratio[0] < self.ratio[1] < 1:
            raise SettingsError(
                f"`ratio` is two shares LO,HI with 0 < LO < HI < 1. Got {_comma(self.ratio)}"
            )
        for name, low in (("stroke_vertices", 2), ("stroke_width", 1), ("mask_zoom", 1)):
            pair = getattr(self, name)
            if not low <= pair[0] <= pair[1]:
                raise SettingsError(
                    f"`{name}` is two numbers LO,HI with {low} <= LO <= HI. Got {_comma(pair)}"
                )
        if self.box_aspect < 1:
            raise SettingsError(f"`box_aspect` is at least 1. Got {self.box_aspect}")
        if self.stroke_length <= 0:
            raise SettingsError(f"`stroke_length` is above 0. Got {self.stroke_length}")
        if not (0 <= self.stroke_angle[0] <= 180 and 0 <= self.stroke_angle[1] <= 180):
            raise SettingsError(
                "`stroke_angle` is MEAN,DEVIATION in degrees, both from 0 to 180. "
                f"Got {_comma(self.stroke_angle)}"
            )
        check_word("mask_is", self.mask_is, WHITE_IS)
        check_word("mask_rotate", self.mask_rotate, ROTATIONS)

    @property
    def bounds(self) -> Range:
        """Lowest and highest share of missing pixels: `ratio`, or the kind's own range."""
        if self.ratio is not None:
            return self.ratio
        own = {
            "center": (0.2, 0.3),
            "box": (0.14, 0.25),
            "objects": (0.03, 0.5),
            "strokes": (0.1, 0.6),
            "mixed": (0.1, 0.6),
        }
        return own.get(self.kind, (0.001, 0.95))


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """All settings of a run, written to settings.json and read back by `tfinpaint.load`.

    None stands for the system's own value, which is its paper's. table.py describes each setting
    with its flag.

    phases: (name, steps) of the system's phases, in order. The last one goes on to the end, and its
        number of steps has no meaning. Without phases, all parts learn together.
    """

    system: str
    photos: PhotoSettings
    holes: HoleSettings
    eval_data: Optional[str] = None
    variant: str = "paper"
    system_settings: Tuple[Tuple[str, Union[float, str]], ...] = ()
    loss_weights: Tuple[Tuple[str, float], ...] = ()
    phases: Tuple[Tuple[str, int], ...] = ()
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
    skip_bad_steps: int = 0

    def __post_init__(self):
        _check_finite(self)
        check_word("freeze_batch_norm", self.freeze_batch_norm, FROZEN_NORMS)
        check_least(
            self,
            batch_size=1,
            steps=0,
            checkpoint_every=1,
            log_every=1,
            sample_every=0,
            eval_every=0,
            eval_count=1,
            warn_after=0,
            warmup_steps=0,
            clip_norm=0,
            skip_bad_steps=0,
        )
        for name in ("learning_rate", "critic_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise SettingsError(f"`{name}` is above 0 and at most 1. Got {value}")
        if self.mixed_precision and self.bfloat16:
            raise SettingsError("`mixed_precision` and `bfloat16`: one of them at most can be used")
        check_word("schedule", self.schedule, SCHEDULES)
        if self.schedule == "constant" and self.schedule_steps:
            raise SettingsError(
                "`schedule_steps` is 0 with `schedule='constant'`; it is the number of steps over "
                f"which cosine and linear fall. Got {self.schedule_steps}"
            )
        if self.schedule != "constant" and self.schedule_steps < 1:
            raise SettingsError(
                f"`schedule_steps`, the steps over which `schedule={self.schedule!r}` falls, is at "
                f"least 1. Got {self.schedule_steps}"
            )
        if not 0 <= self.final_rate <= 1:
            raise SettingsError(
                f"`final_rate` is a share from 0 to 1 of `learning_rate`. Got {self.final_rate}"
            )
        if not 0 <= self.ema_decay < 1:
            raise SettingsError(f"`ema_decay` is at least 0 and below 1. Got {self.ema_decay}")
        if not 0 < self.eval_ratio[0] < self.eval_ratio[1] < 1:
            raise SettingsError(
                "`eval_ratio` is two shares LO,HI with 0 < LO < HI < 1. "
                f"Got {_comma(self.eval_ratio)}"
            )
        for name, steps in self.phases[:-1]:
            if steps < 1:
                raise SettingsError(
                    f"`phases`: each but the last has its number of steps, at least 1. Got {steps} "
                    f"for {name}"
                )
        for name, value in self.loss_weights:
            if not 0 <= value < math.inf:
                raise SettingsError(
                    f"`loss_weights[{name!r}]` is at least 0 and finite. Got {value}"
                )

    def phase_at(self, step: int) -> Optional[str]:
        """The phase of the next step after `step` steps; None without phases."""
        for name, steps in self.phases[:-1]:
            if step < steps:
                return name
            step -= steps
        return self.phases[-1][0] if self.phases else None


def to_json(settings: Any) -> str:
    """One of these records as indented JSON."""
    return json.dumps(dataclasses.asdict(settings), indent=1) + "\n"


def train_settings_from_json(text: str) -> TrainSettings:
    """The inverse of `to_json` for TrainSettings.

    Raises: SettingsError for a value that is not allowed; ValueError, KeyError, TypeError or
        AttributeError for a text of another form.
    """
    values = json.loads(text)
    for name, kind in (("photos", PhotoSettings), ("holes", HoleSettings)):
        fields: Dict[str, Any] = {
            field: tuple(value) if isinstance(value, list) else value
            for field, value in values[name].items()
        }
        values[name] = kind(**fields)
    for name in ("system_settings", "loss_weights", "phases"):
        values[name] = tuple((k, v) for k, v in values.get(name, ()))
    values["eval_ratio"] = tuple(values["eval_ratio"])
    return TrainSettings(**values)


# ------------------------------------------------------------------- checks that records share


def check_word(name: str, value: str, words: Sequence[str]) -> None:
    """Raises SettingsError if the value of the argument `name` is not one of `words`."""
    if value not in words:
        *others, last = words
        raise SettingsError(f"`{name}` is {', '.join(others)} or {last}. Got {value!r}")


def check_least(record: Any, **least: float) -> None:
    """Raises SettingsError if a field is below its bound, {field: bound}. None is not checked."""
    for name, low in least.items():
        value = getattr(record, name)
        if value is not None and value < low:
            raise SettingsError(f"`{name}` is at least {low}. Got {value}")


def _check_finite(record: Any) -> None:
    """Raises SettingsError for nan and inf, which comparisons with bounds may let through."""
    for name, value in vars(record).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise SettingsError(f"`{name}` is a finite number. Got {number}")


def _comma(pair: Range) -> str:
    return ",".join(f"{v:g}" for v in pair)

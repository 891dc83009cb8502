"""The table of flags. Each flag is described once, for all commands.

A command in which a flag has a meaning of its own gives its help to `flags.define_flags`. That
function defines flags; this module only describes them. If a flag becomes a field of a record, it
takes its default and its allowed words from there.
"""

import functools
from typing import Dict, Mapping, Tuple

from tfinpaint.metrics import weights_flags
from tfinpaint.settings.evaluation import BLENDS, DETAIL, EvaluationSettings, protocols
from tfinpaint.settings.records import (
    CROPS,
    FROZEN_NORMS,
    MAX_MEGAPIXELS,
    ROTATIONS,
    SCHEDULES,
    WHITE_IS,
    HoleSettings,
    PhotoSettings,
    TrainSettings,
)

# {name: (kind, default, help)}; an int also has its lowest and highest value (None: any). A kind is
# str, int, float, bool, "bare or str" (--NAME alone or --NAME=TEXT), range (two numbers LO,HI),
# "whole range" (two whole numbers), or a tuple of allowed words. The records check other bounds.
# The table is not formatted, because it would then take twice the lines.
# fmt: off
FLAGS = {
    # what is trained
    "system": ("str", "multistage",
        "The system, one of tfinpaint.SYSTEMS."),
    "variant": (("paper", "official"), TrainSettings.variant,
        "paper: as the text says. official: as the authors' released code does."),
    "perceptual_weights": ("str", TrainSettings.perceptual_weights,
        "VGG-16 (edge_connect: VGG-19) behind the perceptual, style, consistency and "
        "feature_adversarial terms: imagenet "
        "(downloaded by Keras), PATH of a Keras .h5 file, random, or none (these terms off)."),
    "critic_weights": ("str", TrainSettings.critic_weights,
        "Initial weights of the DenseNet critic of musical: imagenet (downloaded by Keras), PATH "
        "of a Keras .h5 file, or random. Default: imagenet; random with --variant=official."),
    "weights": ("str", None,
        "Released weights to import. contextual_attention, gated_conv: a TensorFlow 1 checkpoint, "
        "by its prefix, one of its files or its folder. The others: a PyTorch state "
        "dict, FILE.npz, .safetensors, .pth or .pt. coherent_semantic: two, ROUGH,REFINEMENT. "
        "edge_connect: two, EDGES,INPAINTING. pluralistic: ENCODER,GENERATOR or "
        "ENCODER,GENERATOR,CRITIC."),
    # photographs and holes
    "train_data": ("str", None,
        "Photographs to train on: folder:PATH, shards:PATH (what tools.prepare_data made), "
        "tfds:NAME[:SPLIT] or samples: (those of scikit-image except coffee; samples:NAME,NAME "
        "chooses some)."),
    "eval_data": ("str", TrainSettings.eval_data,
        "Photographs of the validation pass, in the form of --train_data. Default: those of "
        "--train_data."),
    "image_size": ("int", PhotoSettings.image_size,
        "Side of the training squares, pixels.", 16, 4096),
    "resize": ("int", PhotoSettings.resize,
        "Shorter side of a photograph before the crop, pixels; 0 means 350/256 of "
        "--image_size.", 0, 65536),
    "photo_zoom": ("range", PhotoSettings.photo_zoom,
        "LO,HI: the shorter side before the crop is --resize times a factor drawn uniformly from "
        "this range, so that training squares have several scales."),
    "crop": (CROPS, PhotoSettings.crop, "Where the training square is cut."),
    "mirror": ("bool", PhotoSettings.mirror, "Mirror half of the photographs left to right."),
    "color_jitter": ("float", PhotoSettings.color_jitter,
        "X: brightness, contrast and saturation of each training square are multiplied by random "
        "factors within 1 +- X. 0: off."),
    "holes": ("str", HoleSettings.kind,
        "Holes to train with: center, box, objects (one to three smooth blobs), strokes, mixed (a "
        "third boxes, a third objects, a third strokes, half of these joined with a box or "
        "objects) or files:PATH (a mask file or a folder of them)."),
    "hole_ratio": ("range", HoleSettings.ratio,
        "LO,HI: lowest and highest share of missing pixels of a hole. Default: the kind's own "
        "range."),
    "box_aspect": ("float", HoleSettings.box_aspect,
        "Largest ratio of the longer side of a box to the shorter one (--holes=box)."),
    "stroke_vertices": ("whole range", HoleSettings.stroke_vertices,
        "LO,HI: number of corners of a stroke."),
    "stroke_width": ("range", HoleSettings.stroke_width,
        "LO,HI: brush width in pixels of a 256-pixel square."),
    "stroke_length": ("float", HoleSettings.stroke_length,
        "Mean distance between the corners of a stroke, in pixels of a 256-pixel square."),
    "stroke_angle": ("range", HoleSettings.stroke_angle,
        "MEAN,DEVIATION: turn at a corner and its largest deviation, degrees; turns alternate in "
        "sign."),
    "mask_is": (WHITE_IS, HoleSettings.mask_is, "What white means in mask files."),
    "mask_rotate": (ROTATIONS, HoleSettings.mask_rotate,
        "Turn mask files at random. none: not at all. right: by 0, 90, 180 or 270 degrees. any: by "
        "any angle."),
    "mask_flip": ("bool", HoleSettings.mask_flip,
        "Mirror mask files at random, horizontally and vertically."),
    "mask_zoom": ("range", HoleSettings.mask_zoom,
        "LO,HI: enlarge mask files by a random factor in this range."),
    # the run
    "run_dir": ("str", None,
        "Folder of the run: settings, checkpoints, samples, metrics. Made if missing."),
    "batch_size": ("int", TrainSettings.batch_size,
        "Images per step.", 1, 4096),
    "steps": ("int", TrainSettings.steps,
        "Step at which the run stops; schedules do not depend on it. 0 writes the initial "
        "weights.", 0, None),
    "seed": ("int", TrainSettings.seed,
        "Seed of weights, order, crops and holes. The same seed gives the same run.",
        0, 2**31 - 1),
    "resume": ("bare or str", None,
        "Alone: go on from the last checkpoint in --run_dir (from 0 if there is none). "
        "--resume=STEP: from the checkpoint of this step; later ones are moved aside."),
    "init_from": ("str", None,
        "Run directory whose weights the new run starts from (fine-tuning), or default."),
    "dry_run": ("bool", False,
        "Take a few steps, show data, loss, speed and expected duration, and write a picture of a "
        "batch, RUN_DIR.dry_run.png. No run is begun."),
    "checkpoint_every": ("int", TrainSettings.checkpoint_every,
        "Steps between checkpoints. The last step is always saved.", 1, None),
    "log_every": ("int", TrainSettings.log_every,
        "Steps between rows of metrics.csv and points in TensorBoard.", 1, None),
    "sample_every": ("int", TrainSettings.sample_every,
        "Steps between sample grids in samples/ and TensorBoard; 0: none but the final "
        "one.", 0, None),
    "eval_every": ("int", TrainSettings.eval_every,
        "Steps between validation passes; 0: only after the last step.", 0, None),
    "eval_count": ("int", TrainSettings.eval_count, "Photographs in a validation pass.", 1, None),
    "eval_ratio": ("range", TrainSettings.eval_ratio,
        "LO,HI: share of missing pixels of the fixed strokes that validation uses."),
    "warn_after": ("int", TrainSettings.warn_after,
        "Step at which to warn if the system fills no better than the mean colour does (L1 in the "
        "holes of the validation pass); with --phases, it is counted from the first one in which "
        "the generator learns. 0: never.", 0, None),
    "skip_bad_steps": ("int", TrainSettings.skip_bad_steps,
        "How many steps with a loss or gradient that is not finite may be skipped. Each is "
        "reported and changes nothing. With 0, the first one ends the run.", 0, None),
    "phases": ("str", None,
        "NAME:STEPS,NAME:STEPS,NAME: the phases of a system whose parts are trained one after "
        "another; the last goes on to --steps. Default: all parts learn together."),
    # the optimizers; the flags of the learning rates come from the systems (`_rates`)
    "warmup_steps": ("int", TrainSettings.warmup_steps,
        "Steps in which the rates of generator and critic grow from 0.", 0, None),
    "schedule": (SCHEDULES, TrainSettings.schedule,
        "The learning rates after the warm-up. They stay constant, or fall over --schedule_steps "
        "to the share --final_rate of their highest values."),
    "schedule_steps": ("int", TrainSettings.schedule_steps,
        "Steps over which the rates fall, counted from the end of the warm-up. It does not depend "
        "on --steps.", 0, None),
    "final_rate": ("float", TrainSettings.final_rate,
        "Share of the highest rate, 0 to 1, to which --schedule=cosine and linear fall."),
    "clip_norm": ("float", TrainSettings.clip_norm,
        "Largest norm of all gradients of a network together; larger ones are scaled down to it. "
        "0: gradients are not clipped."),
    "freeze_batch_norm": (FROZEN_NORMS, TrainSettings.freeze_batch_norm,
        "For fine-tuning: batch norm layers whose running statistics stay unchanged."),
    "ema_decay": ("float", TrainSettings.ema_decay,
        "Decay of the moving average of the generator's weights, which validation and export use; "
        "0 switches it off."),
    "mixed_precision": ("bool", TrainSettings.mixed_precision,
        "Compute in float16 with loss scaling (for GPUs)."),
    "bfloat16": ("bool", TrainSettings.bfloat16,
        "Compute in bfloat16 (for processors that have its instructions: AVX-512 BF16, AMX; and "
        "GPUs since 2020). Weights stay float32."),
    "jit_compile": ("bool", TrainSettings.jit_compile, "Compile the training step with XLA."),
    # filling
    "model": ("str", None,
        "Models that fill, separated by commas: run directories of `train`, exports, or default, "
        "the model that comes with tfinpaint. Default: default."),
    "image": ("str", None, "Photograph to fill, or a folder of them."),
    "mask": ("str", None,
        "Mask of the photograph (white is hole), a folder of masks named like the photographs, or "
        "one mask for all. alpha: what is transparent in each photograph is its hole."),
    "output": ("str", None, "Folder for what the command makes."),
    "opaque": ("bool", False,
        "Make filled pixels opaque. Default: they keep the photograph's alpha, but with "
        "--mask=alpha they become opaque; --noopaque keeps alpha there too."),
    "bits": (("8", "16"), "8",
        "Bits per channel of --output. 16, for PNG and TIFF: pixels outside the hole keep the 16 "
        "bits of the photograph; the fill has 8, dithered."),
    "max_megapixels": ("int", MAX_MEGAPIXELS,
        "Size in megapixels of the largest photograph or mask that is read.", 1, None),
    "grow_hole": ("int", 0,
        "First grow the hole by this many pixels, for masks that are cut too close.", 0, 1000),
    "feather": ("int", 0,
        "Blend over this many pixels beyond the hole's edge; 0 keeps every known pixel "
        "exact.", 0, 1000),
    "detail": (DETAIL, DETAIL[0],
        "auto: parts of a hole thicker than 8 pixels get their texture from the known part of the "
        "photograph, guided by the network, and thinner ones its grain. off: the network's own "
        "fill."),
    "blend": (BLENDS, BLENDS[0],
        "poisson: fit the colours of the fill to the surroundings of the hole, by OpenCV's Telea "
        "and seamlessClone; known pixels stay exact. none: leave the fill unchanged."),
    "side_by_side": ("bool", False,
        "Write input, hole and output beside each other instead of the output alone."),
    "samples": ("int", None,
        "For a system that has several fills for one hole: how many to write, with --seed and the "
        "seeds after it, as NAME_1.png, NAME_2.png and so on. The one that its critic finds most "
        "real is the first.", 1, 1000),
    "attention": ("bool", False,
        "Write pictures of where the system's attention layers look, beside --output: "
        "NAME_attention_LAYER_places.png (each missing pixel in the colour of the place it looks "
        "at), _weights.png (how much one missing pixel takes from each place) and, for DeepFill "
        "and shift_net, _flow.png."),
    "attention_at": ("whole range", None,
        "ROW,COLUMN: the missing pixel of _weights.png. Default: the innermost one."),
    "edges": ("bare or str", None,
        "For a system that is guided by edges. Alone: write the known and the completed edges to "
        "NAME_edges.png, beside --output. --edges=FILE: a drawing of edges, white on black and as "
        "large as the photograph, guides the fill. It may be such a NAME_edges.png, edited, or "
        "have edges only in the hole."),
    "device": ("str", None,
        "Device to compute on: cpu, gpu, or gpu:N. Default: a GPU if there is one."),
    "distribute": (("one", "mirrored", "multiworker"), "one",
        "Devices that train together, each on an equal part of every batch. one: the first GPU, or "
        "the processor. mirrored: all GPUs of this machine. multiworker: those of all processes "
        "that the environment variable TF_CONFIG lists. --batch_size is for all of them together."),
    "replicas": ("int", 0,
        "With --distribute=mirrored: number of GPUs to use. 0: all. Without a GPU, the processor "
        "is divided into this many devices, to try it out.", 0, 1024),
    "server": ("str", None,
        "Fill through a server instead of --model: http://HOST:PORT/v1/models/NAME or "
        "grpc://HOST:PORT/NAME."),
    "timeout": ("float", 60.0, "Seconds to wait for a server's answer."),
    # serving
    "host": ("str", "127.0.0.1",
        "Address to listen on. The default answers only this machine, 0.0.0.0 everybody who can "
        "reach it."),
    "allowed_hosts": ("str", "",
        "Names of the server, separated by commas, besides addresses, localhost and the name of "
        "the machine. Requests for other names are refused; * allows all names."),
    "port": ("int", 8501, "Port of REST; 0: a free one.", 0, 65535),
    "open_browser": ("bool", True,
        "Open the studio's page in a browser, where there is a display."),
    "grpc_port": ("int", 8500, "Port of gRPC; 0: a free one.", 0, 65535),
    "requests": ("int", 200, "Number of requests in all.", 1, 1000000),
    "clients": ("int", 8, "Number of clients that send requests at the same time.", 1, 1000),
    # exporting
    "format": (("saved_model", "tflite"), "saved_model",
        "saved_model: OUTPUT/VERSION/, for servers. tflite: OUTPUT/SYSTEM.tflite."),
    "quantize": (("none", "float16", "dynamic", "int8"), "none",
        "For TFLite. none: float32. float16: weights in float16. dynamic: weights in 8 bits. int8: "
        "weights and activations in 8 bits where TFLite can."),
    "size": ("str", None,
        "Size of the photographs that a TFLite file takes, pixels: SIDE or HEIGHT,WIDTH; any: all "
        "sizes, but slower. Default: the size that the run was trained on."),
    "data": ("str", None,
        "Photographs: folder:PATH, shards:PATH, tfds:NAME[:SPLIT] or samples:."),
    # evaluating
    "ratio_bins": ("str", None,
        "Bins of shares of missing pixels, as in 0.1-0.2,0.3-0.4. Each becomes a block of the "
        "table. Default: the protocol's."),
    "count": ("int", EvaluationSettings.count,
        "Number of photographs to score, evenly chosen from the sorted set; 0: all.", 0, None),
    **{name: ("str", None, text) for name, text in weights_flags().items()},
    "references": ("bool", EvaluationSettings.references,
        "Whether telea, navier_stokes and mean are also in the table."),
    # measuring
    "rows": ("str", None, "Groups of rows to measure, separated by commas. Default: all."),
    "repeats": ("int", 5, "Number of calls of which the median is taken.", 1, 1000),
}
# fmt: on


@functools.lru_cache(maxsize=None)
def flags_of_systems() -> Mapping[str, tuple]:
    """The flags that come from the systems' specifications, in the form of FLAGS.

    They are the systems' settings, --weight_TERM for each term of their losses, the learning rates,
    and --protocol with the names of their papers' protocols. Bounds are the widest of all systems,
    and choices are those of all systems. Each system checks its own.
    """
    # Imported late, because systems import this package.
    from tfinpaint.systems.specification import Choice, all_systems

    settings: Dict[str, list] = {}
    terms: Dict[str, Dict[str, list]] = {}
    for system in all_systems().values():
        for setting in system.settings:
            settings.setdefault(setting.name, []).append((system.name, setting))
        for term in system.terms:
            meanings = terms.setdefault(term.name, {})
            meanings.setdefault(term.meaning, []).append(system.name)
    found: Dict[str, tuple] = {}
    for name, having in settings.items():
        texts = []
        for system, setting in having:
            default = "" if setting.default is None else f" ({setting.default})"
            texts.append(f"{system}: {setting.help}{default}.")
        if isinstance(having[0][1], Choice):
            choices = tuple(dict.fromkeys(c for _, choice in having for c in choice.choices))
            found[name] = (
                "bool" if set(choices) == {True, False} else choices,
                None,
                " ".join(texts),
            )
            continue
        kind = "int" if all(setting.is_whole for _, setting in having) else "float"
        found[name] = (
            kind,
            None,
            " ".join(texts),
            min(setting.low for _, setting in having),
            max(setting.high for _, setting in having),
        )
    for name, meanings in terms.items():
        text = "; ".join(
            f"{', '.join(systems)}: {meaning}" for meaning, systems in meanings.items()
        )
        text = f"Weight of the term {name}. {text}. Default: the paper's."
        found[f"weight_{name}"] = ("float", None, text)
    found.update(_rates())
    found["protocol"] = (
        protocols(),
        EvaluationSettings.protocol,
        "What is measured, and on which holes. default: this project's own protocol. The others: "
        "as the system's paper and its released code do.",
    )
    return found


def _rates() -> Mapping[str, tuple]:
    """The flags of the learning rates, with the papers' rates in their help."""
    from tfinpaint.systems.specification import all_systems

    def grouped(rates: Mapping[str, float]) -> str:
        systems: Dict[str, list] = {}
        for system, rate in rates.items():
            systems.setdefault(f"{rate:g}", []).append(system)
        return "; ".join(f"{rate}: {', '.join(names)}" for rate, names in systems.items())

    systems = all_systems()
    first = {name: system.rates["generator"] for name, system in systems.items()}
    frozen = {
        name: system.fine_tuning_rates["generator"]
        for name, system in systems.items()
        if system.fine_tuning_rates
    }
    critic = {
        name: system.rates["critic"] / first[name]
        for name, system in systems.items()
        if "critic" in system.rates
    }
    return {
        "learning_rate": (
            "float",
            TrainSettings.learning_rate,
            "Learning rate of the generator; those of the other parts change by the same factor. "
            f"Default: the paper's ({grouped(first)}; with --freeze_batch_norm {grouped(frozen)}).",
        ),
        "critic_learning_rate": (
            "float",
            TrainSettings.critic_learning_rate,
            f"Learning rate of the critic. Default: the generator's times {grouped(critic)}.",
        ),
    }


def system_settings() -> Tuple[str, ...]:
    """Names of the settings of all systems; each system has some of them."""
    from tfinpaint.systems.specification import all_systems

    names = (setting.name for system in all_systems().values() for setting in system.settings)
    return tuple(dict.fromkeys(names))


def terms() -> Tuple[str, ...]:
    """Names of the terms of all systems' losses; each system has some of them."""
    return tuple(
        name.removeprefix("weight_") for name in flags_of_systems() if name.startswith("weight_")
    )


def entry(name: str) -> tuple:
    """The entry of a flag in FLAGS or `flags_of_systems()`. Raises KeyError for an unknown one."""
    return FLAGS.get(name) or flags_of_systems()[name]

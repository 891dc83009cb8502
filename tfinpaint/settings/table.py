"""The table of flags: each is described once. A command in which one means something of its own
describes it in its `define_flags`.

It defines none (`flags.define_flags` does). If a flag becomes a field of a record, it takes its
default and its allowed words from the field.
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

# name: (kind, default, help), and of an int its lowest and highest value (None: any). A kind is
# str, int, float, bool, bare or str (a text that may be missing, --NAME alone), range (two numbers
# LO,HI), whole range (two whole numbers), or a tuple of allowed words. The records check other
# bounds. Not formatted, because the table would take twice the lines.
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
        "What the DenseNet critic of musical begins from: imagenet (downloaded by Keras), PATH of "
        "a Keras .h5 file, or random. Default: imagenet, with --variant=official random."),
    "weights": ("str", None,
        "Released weights to import. contextual_attention, gated_conv: a TensorFlow 1 checkpoint, "
        "by its prefix, one of its files or its folder. The others: a PyTorch state "
        "dict, FILE.npz, .safetensors, .pth or .pt. coherent_semantic: two, ROUGH,REFINEMENT. "
        "edge_connect: two, EDGES,INPAINTING. pluralistic: ENCODER,GENERATOR or "
        "ENCODER,GENERATOR,CRITIC."),
    # photographs and holes
    "train_data": ("str", None,
        "Photographs to train on: folder:PATH, shards:PATH (what tools.prepare_data made), "
        "tfds:NAME[:SPLIT] or samples: (those of scikit-image but coffee; samples:NAME,NAME "
        "chooses)."),
    "eval_data": ("str", TrainSettings.eval_data,
        "Photographs of the validation pass, named as those of --train_data are. Default: those of "
        "--train_data."),
    "image_size": ("int", PhotoSettings.image_size,
        "Side of the training squares, pixels.", 16, 4096),
    "resize": ("int", PhotoSettings.resize,
        "Shorter side of a photograph before the crop, pixels; 0 means 350/256 of "
        "--image_size.", 0, 65536),
    "photo_zoom": ("range", PhotoSettings.photo_zoom,
        "LO,HI: the shorter side before the crop is --resize times a factor drawn evenly from this "
        "range, so that training squares are of several scales."),
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
        "LO,HI: share of missing pixels that every hole keeps to. Default: the kind's own range."),
    "box_aspect": ("float", HoleSettings.box_aspect,
        "Most that the longer side of a box measures in shorter ones (--holes=box)."),
    "stroke_vertices": ("whole range", HoleSettings.stroke_vertices,
        "LO,HI: corners of a stroke."),
    "stroke_width": ("range", HoleSettings.stroke_width,
        "LO,HI: brush width in pixels of a 256-pixel square."),
    "stroke_length": ("float", HoleSettings.stroke_length,
        "Mean distance between the corners of a stroke, in pixels of a 256-pixel square."),
    "stroke_angle": ("range", HoleSettings.stroke_angle,
        "MEAN,DEVIATION: turn at a corner, degrees; turns alternate in sign."),
    "mask_is": (WHITE_IS, HoleSettings.mask_is, "What white means in mask files."),
    "mask_rotate": (ROTATIONS, HoleSettings.mask_rotate,
        "Turn mask files: not, by 0/90/180/270 degrees, or by any angle."),
    "mask_flip": ("bool", HoleSettings.mask_flip, "Mirror mask files at random, both ways."),
    "mask_zoom": ("range", HoleSettings.mask_zoom,
        "LO,HI: enlarge mask files at random by a factor."),
    # the run
    "run_dir": ("str", None,
        "Folder of the run: settings, checkpoints, samples, metrics. Made if missing."),
    "batch_size": ("int", TrainSettings.batch_size,
        "Images per step.", 1, 4096),
    "steps": ("int", TrainSettings.steps,
        "Step at which the run stops; schedules do not depend on it. 0 writes the initial "
        "weights.", 0, None),
    "seed": ("int", TrainSettings.seed,
        "Seed of weights, order, crops and holes; with the step it fixes a run.", 0, 2**31 - 1),
    "resume": ("bare or str", None,
        "Alone: go on from the last checkpoint in --run_dir (from 0 if there is none). "
        "--resume=STEP: from the checkpoint of this step; later ones are moved aside."),
    "init_from": ("str", None,
        "Run directory whose weights the new run starts from (fine-tuning), or default."),
    "dry_run": ("bool", False,
        "Show data, loss, speed and duration after a few steps and write RUN_DIR.dry_run.png, a "
        "batch; no run."),
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
        "Step at which a system that does not fill better than the mean colour (L1 in the holes "
        "of the validation pass) is warned of; 0: never.", 0, None),
    "skip_bad_steps": ("int", TrainSettings.skip_bad_steps,
        "Steps with a loss or gradient that is not finite which may be passed over; each is named "
        "and changes nothing. With 0 the first one ends the run.", 0, None),
    "phases": ("str", None,
        "NAME:STEPS,NAME:STEPS,NAME: the phases of a system whose parts are trained one after "
        "another; the last goes on to --steps. Default: all parts learn together."),
    # the optimizers; their rates are described by the systems
    "warmup_steps": ("int", TrainSettings.warmup_steps,
        "Steps in which the rates of generator and critic grow from 0.", 0, None),
    "schedule": (SCHEDULES, TrainSettings.schedule,
        "How both rates go on after the warm-up: they stay, or fall over --schedule_steps to "
        "--final_rate of themselves."),
    "schedule_steps": ("int", TrainSettings.schedule_steps,
        "Steps over which the rates fall, from the end of the warm-up; --steps does not change "
        "it.", 0, None),
    "final_rate": ("float", TrainSettings.final_rate,
        "Share of the rate that --schedule=cosine and linear fall to, 0 to 1."),
    "clip_norm": ("float", TrainSettings.clip_norm,
        "Largest norm of all gradients of a network together; larger ones are scaled down to it. "
        "0: none is."),
    "freeze_batch_norm": (FROZEN_NORMS, TrainSettings.freeze_batch_norm,
        "Fine-tuning: batch norm layers that keep their running statistics."),
    "ema_decay": ("float", TrainSettings.ema_decay,
        "Decay of the generator's moving average, which validation and export use; 0 switches it "
        "off."),
    "mixed_precision": ("bool", TrainSettings.mixed_precision,
        "Compute in float16 with loss scaling (for GPUs)."),
    "bfloat16": ("bool", TrainSettings.bfloat16,
        "Compute in bfloat16 (for processors that have its instructions: AVX-512 BF16, AMX; and "
        "GPUs since 2020). Weights stay float32."),
    "jit_compile": ("bool", TrainSettings.jit_compile, "Compile the training step with XLA."),
    # filling
    "model": ("str", None,
        "What fills: run directories of `train`, exports, or default, the model that comes with "
        "tfinpaint, with commas between. Default: default."),
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
        "Megapixels of the largest photograph and mask that are read.", 1, None),
    "grow_hole": ("int", 0,
        "Grow the hole by so many pixels first: for masks that cut too close.", 0, 1000),
    "feather": ("int", 0,
        "Blend over so many pixels beyond the hole's edge; 0 keeps every known pixel "
        "exact.", 0, 1000),
    "detail": (DETAIL, DETAIL[0],
        "auto: what is thicker than 8 pixels in a hole gets its texture from the known part of "
        "the photograph, guided by the network. off: the network's own fill."),
    "blend": (BLENDS, BLENDS[0],
        "poisson: fit the colours of the fill to what lies around the hole, by OpenCV's Telea and "
        "seamlessClone; known pixels stay exact. none: the fill as it is."),
    "side_by_side": ("bool", False,
        "Write input, hole and output beside each other instead of the output alone."),
    "samples": ("int", None,
        "Write so many different fills of a system that has several for one hole, --seed and those "
        "after it: NAME_1.png, NAME_2.png and so on, first the one that its critic finds most "
        "real.", 1, 1000),
    "attention": ("bool", False,
        "Write where the system's attentions look, beside --output: "
        "NAME_attention_LAYER_places.png (each missing pixel in the colour of the place it looks "
        "at), _weights.png (what one pixel takes from where) and, of DeepFill and shift_net, "
        "_flow.png."),
    "attention_at": ("whole range", None,
        "ROW,COLUMN: the missing pixel of _weights.png. Default: the innermost one."),
    "edges": ("bare or str", None,
        "Of a system that is guided by edges. Alone: write the known and the completed ones beside "
        "--output, NAME_edges.png. --edges=FILE: a drawing of edges, white on black and as large "
        "as the photograph, guides the fill: such a NAME_edges.png, edited, or one with edges in "
        "the hole alone."),
    "device": ("str", None,
        "Device to compute on: cpu, gpu, or gpu:N. Default: a GPU if there is one."),
    "distribute": (("one", "mirrored", "multiworker"), "one",
        "Devices that train together, each on an equal part of every batch. one: the first GPU, or "
        "the processor. mirrored: all GPUs of this machine. multiworker: those of all processes "
        "that the environment variable TF_CONFIG lists. --batch_size is that of all together."),
    "replicas": ("int", 0,
        "Of --distribute=mirrored: take so many GPUs. 0: all. Without a GPU the processor stands "
        "for so many, to try it out.", 0, 1024),
    "server": ("str", None,
        "Fill through a server instead of --model: http://HOST:PORT/v1/models/NAME or "
        "grpc://HOST:PORT/NAME."),
    "timeout": ("float", 60.0, "Seconds to wait for a server's answer."),
    # serving
    "host": ("str", "127.0.0.1",
        "Address to listen on; the default answers this machine alone, 0.0.0.0 everybody who can "
        "reach it."),
    "allowed_hosts": ("str", "",
        "Names, with commas between, that the server goes by besides addresses, localhost and the "
        "name of the machine; requests for others are refused, * allows all."),
    "port": ("int", 8501, "Port of REST; 0: a free one.", 0, 65535),
    "open_browser": ("bool", True,
        "Open the studio's page in a browser, where there is a display."),
    "grpc_port": ("int", 8500, "Port of gRPC; 0: a free one.", 0, 65535),
    "requests": ("int", 200, "Requests in all.", 1, 1000000),
    "clients": ("int", 8, "Clients that ask at the same time.", 1, 1000),
    # exporting
    "format": (("saved_model", "tflite"), "saved_model",
        "saved_model: OUTPUT/VERSION/, for servers. tflite: OUTPUT/SYSTEM.tflite."),
    "quantize": (("none", "float16", "dynamic", "int8"), "none",
        "Of TFLite: float32; weights in float16; weights in 8 bits; weights and activations in 8 "
        "bits where TFLite can."),
    "size": ("str", None,
        "Photographs that a TFLite file takes, pixels: SIDE or HEIGHT,WIDTH; any: all sizes, "
        "slower. Default: the size that the run was trained on."),
    "data": ("str", None,
        "Photographs: folder:PATH, shards:PATH, tfds:NAME[:SPLIT] or samples:."),
    # evaluating
    "ratio_bins": ("str", None,
        "Shares of missing pixels, a block of the table each, as 0.1-0.2,0.3-0.4. Default: the "
        "protocol's."),
    "count": ("int", EvaluationSettings.count,
        "Photographs to score, evenly chosen from the sorted set; 0: all.", 0, None),
    **{name: ("str", None, text) for name, text in weights_flags().items()},
    "references": ("bool", EvaluationSettings.references,
        "Put telea, navier_stokes and mean into the table, too."),
    # measuring
    "rows": ("str", None, "Groups of rows to measure, with commas between. Default: all."),
    "repeats": ("int", 5, "Calls to take the median of.", 1, 1000),
}
# fmt: on


@functools.lru_cache(maxsize=None)
def flags_of_systems() -> Mapping[str, tuple]:
    """The flags that come from the systems' specifications, as in FLAGS.

    They are the systems' settings, --weight_TERM for each term of their losses, the learning rates,
    and --protocol with the names of their papers' protocols. Bounds are the widest of all systems,
    and choices those of all; a system checks its own.
    """
    # late: systems import this package
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
        "What is measured and on which holes: this project's own, or as a paper and its released "
        "code do.",
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
    """What the table says of a flag. Raises KeyError for an unknown one."""
    return FLAGS.get(name) or flags_of_systems()[name]

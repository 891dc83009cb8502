"""Trains a system on a folder of photographs.

    python -m tfinpaint.train --flagfile=configs/quickstart.flags
    python -m tfinpaint.train --flagfile=configs/paris.flags --train_data=folder:my/photos \\
        --run_dir=runs/mine
    python -m tfinpaint.train --flagfile=configs/paris.flags --train_data=folder:my/photos \\
        --run_dir=runs/mine --dry_run
    python -m tfinpaint.train --flagfile=runs/mine/flags.txt --resume
    python -m tfinpaint.train --flagfile=runs/mine/flags.txt --resume=20000

Flags given after --flagfile override it. Training fills the run directory with flags.txt,
settings.json, checkpoints/, tensorboard/, samples/ and metrics.csv; `python -m tfinpaint.inpaint
--model=RUN` then fills photographs with the trained system. --dry_run shows what would happen, and
writes nothing but RUN.dry_run.png, a picture of a batch.
"""

import os
import sys
from typing import Any

from absl import flags

from tfinpaint import command, settings
from tfinpaint.photo import check_photo_path, write_photo

# fmt: off
settings.define_flags(
    "system", "variant", *settings.system_settings(), "train_data", "eval_data", "holes",
    "hole_ratio", "image_size", "resize", "photo_zoom", "crop", "mirror", "color_jitter",
    "box_aspect", "stroke_vertices", "stroke_width", "stroke_length", "stroke_angle", "mask_is",
    "mask_rotate", "mask_flip", "mask_zoom", "run_dir", "batch_size", "steps", "seed", "resume",
    "init_from", "dry_run", "checkpoint_every", "log_every", "sample_every", "eval_every",
    "eval_count", "eval_ratio", "warn_after", "phases", "learning_rate", "critic_learning_rate",
    "warmup_steps", "schedule", "schedule_steps", "final_rate", "clip_norm", "freeze_batch_norm",
    "ema_decay", "mixed_precision", "bfloat16", "jit_compile", "perceptual_weights",
    "critic_weights", "skip_bad_steps", *(f"weight_{term}" for term in settings.terms()), "device",
    "distribute", "replicas", "max_megapixels",
)
# fmt: on


def main() -> None:
    values = flags.FLAGS
    if not values.run_dir:
        raise settings.SettingsError(
            "--run_dir is missing: the folder for the run, for example runs/mine"
        )
    run = settings.train_settings(values)
    resume = settings.parse_resume(values.resume)
    settings.check_writable("run_dir", values.run_dir)
    picture = picture_beside(values.run_dir) if values.dry_run else ""
    text = flags_text()
    command.choose_device(values.device)

    # TensorFlow is slow to import: it is loaded only once the flags are known to be good.
    from tfinpaint.training import dry_run, train

    devices = devices_of(values.distribute, values.replicas, values.dry_run)
    command.silence_xla_banner()

    if values.dry_run:
        show(dry_run(run, values.run_dir, resume, values.init_from, devices), picture)
        return
    result = train(
        run,
        values.run_dir,
        resume,
        values.init_from,
        text,
        say=command.say,
        stream=sys.stderr,
        devices=devices,
    )
    if not devices.writes:
        command.say(f"worker {devices.index}: ended at step {result.step}; {result.description}")
        return

    command.say(f"\nValidation at step {result.step}: {result.description}")
    print(f"{'':20s}  PSNR in hole     PSNR     SSIM       L1")
    for name, figures in (
        (run.system, result.figures),
        ("mean fill", result.baselines.get("mean")),
        ("Telea", result.baselines.get("telea")),
    ):
        if not figures:
            continue  # a run that was resumed at its end has no baselines
        print(
            f"{name:20s}  {figures['psnr_in_hole']:9.2f} dB {figures['psnr']:5.2f} dB "
            f"{figures['ssim']:8.4f} {figures['l1']:8.4f}"
        )
    command.say(
        f"Samples: {values.run_dir}/samples/final.png   Figures: {values.run_dir}/metrics.csv"
    )


def devices_of(distribute: str, replicas: int, dry_run: bool) -> Any:
    """The `Devices` that --distribute and --replicas name, for a run or for a dry run."""
    if dry_run and distribute == "multiworker":
        raise settings.SettingsError(
            "--dry_run looks at the devices of one machine: with it, --distribute is one or "
            "mirrored. Got multiworker"
        )
    if replicas and distribute != "mirrored":
        raise settings.SettingsError(
            f"--replicas is for --distribute=mirrored. Got --distribute={distribute}"
        )
    from tfinpaint.training.devices import one_device, several_devices, several_workers

    if distribute == "mirrored":
        return several_devices(replicas)
    return several_workers() if distribute == "multiworker" else one_device()


def picture_beside(run_dir: str) -> str:
    """The path of a dry run's picture, beside the run directory, which is left alone.

    Raises: SettingsError if the picture cannot be written there.
    """
    path = f"{os.path.normpath(run_dir)}.dry_run.png"
    if os.path.isdir(path):
        raise settings.SettingsError(
            f"--run_dir={run_dir}: the picture of --dry_run cannot be written, {path} is a folder"
        )
    check_photo_path(path, "run_dir")
    return path


def show(found: Any, path: str) -> None:
    """Prints what a dry run found and writes its picture.

    The lines come first, so that they are seen even if the picture cannot be written.
    """
    for line in found.warnings:
        command.warn(line)
    command.say("\n".join(found.lines))
    write_photo(path, found.picture, argument="run_dir")
    command.say(f"A batch, as input with the hole in red, hole and original: {path}")
    print("Nothing else was written: without --dry_run the run begins.")


def flags_text() -> str:
    """The flags of this run as a flagfile, without --resume, --dry_run and those of the devices.

    Raises: SettingsError for a value that one line of a file cannot hold.
    """
    own = {f.name: f for f in flags.FLAGS.get_key_flags_for_module(sys.argv[0])}
    left = ("resume", "device", "distribute", "replicas", "dry_run")
    for name, flag in own.items():
        if name not in left and isinstance(flag.value, str) and not _fits(flag.value):
            raise settings.SettingsError(
                f"--{name} has a line break or a space at its end, which flags.txt cannot hold: "
                f"rename the folder or give a link to it. Got {flag.value!r}"
            )
    return "".join(
        own[name].serialize() + "\n"
        for name in sorted(own)
        if own[name].value is not None and name not in left
    )


def _fits(value: str) -> bool:
    """Whether a line of a flagfile can hold the value unchanged."""
    return not set(value) & set("\r\n") and value == value.rstrip()


def cli() -> None:
    command.run(main)


if __name__ == "__main__":
    cli()

"""Trains a system on a folder of photographs.

    python -m tfinpaint.train --flagfile=configs/quickstart.flags
    python -m tfinpaint.train --flagfile=configs/paris.flags --train_data=folder:my/photos --run_dir=runs/mine
    python -m tfinpaint.train --flagfile=runs/mine/flags.txt --resume

Flags given after --flagfile override it. The run directory then holds flags.txt, settings.json, checkpoints/, tensorboard/, samples/
and metrics.csv; `python -m tfinpaint.inpaint --model=RUN` fills photographs with it.
"""

import sys

from absl import flags

from tfinpaint import command, settings

settings.adopt(
    "system", "variant", *settings.SYSTEM_SETTINGS, "train_data", "eval_data", "holes", "hole_ratio", "image_size", "resize", "crop",
    "mirror", "box_aspect", "stroke_vertices", "stroke_width", "stroke_length", "stroke_angle", "mask_is", "mask_rotate", "mask_flip",
    "mask_zoom", "run_dir", "batch_size", "steps", "seed", "resume", "init_from", "checkpoint_every", "log_every", "sample_every",
    "eval_every", "eval_count", "eval_ratio", "learning_rate", "critic_learning_rate", "freeze_batch_norm", "ema_decay", "mixed_precision",
    "jit_compile",
    "perceptual_weights", "critic_weights", *(f"weight_{term}" for term in settings.TERMS), "device")


def main():
    values = flags.FLAGS
    if not values.run_dir:
        raise settings.SettingsError("--run_dir is missing: the folder for the run, for example runs/mine")
    run = settings.train_settings(values)
    settings.check_writable("run_dir", values.run_dir)
    command.choose_device(values.device)

    from tfinpaint.training import train  # TensorFlow: only once the flags are known to be good

    result = train(run, values.run_dir, values.resume, values.init_from, flags_text(), say=print, stream=sys.stderr)

    print(f"\nValidation at step {result.step}: {result.description}")
    print(f"{'':10s}  PSNR in hole     PSNR     SSIM       L1")
    for name, figures in ((run.system, result.figures), ("mean fill", result.baselines["mean"]), ("Telea", result.baselines["telea"])):
        print(f"{name:10s}  {figures['psnr_in_hole']:9.2f} dB {figures['psnr']:5.2f} dB {figures['ssim']:8.4f} {figures['l1']:8.4f}")
    print(f"Samples: {values.run_dir}/samples/final.png   Figures: {values.run_dir}/metrics.csv")


def flags_text():
    """The flags of this run as a flagfile; --resume and --device are left to whoever repeats it."""
    own = {f.name: f for f in flags.FLAGS.get_key_flags_for_module(sys.argv[0])}
    return "".join(own[name].serialize() + "\n" for name in sorted(own) if own[name].value is not None and name not in ("resume", "device"))


def cli():
    command.run(main)


if __name__ == "__main__":
    cli()

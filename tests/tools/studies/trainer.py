"""Stands for `tfinpaint.train` in tests of the study: it burns processor time instead of training.

    python trainer.py SECONDS EVERY --run_dir=RUN [--resume=STEP] [--phases=...]

Starting takes 0.3 s of processor time, a step SECONDS; every EVERY steps, and after SIGTERM, there
is a checkpoint. It says what `train` says, and the phases that it was given.
"""

import pathlib
import signal
import sys
import time

ENDED = []


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def save(run_dir, step):
    folder = run_dir / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"ckpt-{step}.data-00000-of-00001").write_text("weights")
    (folder / f"ckpt-{step}.index").write_text("")


def main():
    seconds, every = float(sys.argv[1]), int(sys.argv[2])
    flags = dict(word[2:].split("=", 1) for word in sys.argv[3:])
    run_dir, step = pathlib.Path(flags["run_dir"]), int(flags.get("resume", 0))
    if step and not (run_dir / "checkpoints" / f"ckpt-{step}.index").exists():
        sys.exit(f"no checkpoint of step {step}")
    if flags.get("fail"):
        sys.exit("a loss is not finite")
    burn(0.3)
    signal.signal(signal.SIGTERM, lambda *_: ENDED.append(True))
    print(f"fake, 1,234,567 parameters; phases {flags.get('phases')}; from {step}", flush=True)
    first = step + 1
    while True:
        burn(seconds)
        step += 1
        if step == first or step % 50 == 0:
            print(f"step {step}/100 loss 1", flush=True)
        if step % every == 0:
            save(run_dir, step)
        if ENDED:
            save(run_dir, step)
            sys.exit(143)


main()

"""Stands for `tfinpaint.train` in tests of the study: it burns processor time instead of training.

    python trainer.py SECONDS EVERY --run_dir=RUN --steps=N [--resume] [--phases=...] ...

A step takes SECONDS of processor time, and with --phases=slow three times as many. Every EVERY
steps, at the end and after SIGTERM there is a checkpoint. It says what `train` says.
"""

import json
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
    words = [word[2:].partition("=") for word in sys.argv[3:]]
    flags = {name: value for name, _, value in words}
    if "fail" in flags:
        sys.exit("a loss is not finite")
    run_dir, steps = pathlib.Path(flags["run_dir"]), int(flags["steps"])
    there = [int(path.stem[5:]) for path in run_dir.glob("checkpoints/*.index")]
    if there and "resume" not in flags:
        sys.exit("not empty")
    first, phases = max(there, default=0), flags.get("phases", "")
    if phases == "slow":
        seconds *= 3
    signal.signal(signal.SIGTERM, lambda *_: ENDED.append(True))
    run_dir.mkdir(parents=True, exist_ok=True)
    counts = [part.partition(":")[::2] for part in phases.split(",") if part]
    counts = [(name, int(count or 0)) for name, count in counts]
    (run_dir / "settings.json").write_text(json.dumps({"steps": steps, "phases": counts}))
    print(f"phases {phases}; from {first} to {steps}", flush=True)
    for step in range(first + 1, steps + 1):
        burn(seconds)
        if step == first + 1 or step % int(flags.get("log_every", 50)) == 0:
            print(f"step {step}/{steps} loss 1", flush=True)
        if step % every == 0 or step == steps or ENDED:
            save(run_dir, step)
        if ENDED:
            sys.exit(143)


main()

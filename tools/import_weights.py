"""Imports the weights that a paper's authors have released, and writes them as a run directory.

The run has the official variant, at the paper's width. (For global_local, the names of the tensors
tell the variant.)

    python -m tools.import_weights --system=contextual_attention \\
        --weights=release_places2_256/snap-0 --output=runs/deepfill
    python -m tools.import_weights --system=multistage \\
        --weights=g_1000000.npz --output=runs/multistage
    python -m tools.import_weights --system=coherent_semantic \\
        --weights=30_net_P.npz,30_net_G.npz --output=runs/coherent
    python -m tools.import_weights --system=pluralistic \\
        --weights=latest_net_E.npz,latest_net_G.npz,latest_net_D.npz --output=runs/pluralistic

`tfinpaint.load(OUTPUT)` then fills as the released network does, `inpaint --model=OUTPUT` fills
photographs, and `train --init_from=OUTPUT --system=SYSTEM --variant=official` (or
`--flagfile=OUTPUT/flags.txt`) goes on from the weights.
"""

import dataclasses
import os
import re
import sys

if not __package__:  # run as python tools/import_weights.py: only tools/ is on the module path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from absl import flags

from tfinpaint import atomic, command, settings
from tfinpaint.settings import SettingsError, os_reason
from tfinpaint.systems import all_systems
from tfinpaint.weights import places, releases, state_dicts

settings.define_flags("system", "weights", output="Folder for the run directory.")


def main():
    values = flags.FLAGS
    release = releases.release_of(values.system)
    paths = _paths(values.system, values.weights, release)
    _check_output(values.output)

    if release.format == "TensorFlow 1":
        files = [_read_tensorflow(path, release.counts) for path in paths]
    else:
        files = [_read_pytorch(path, release.counts) for path in paths]

    from tfinpaint import runs  # loads TensorFlow: only once the flags are known to be good

    variant = release.variant_of(files[0])
    files = [release.prepared(path, tensors) for path, tensors in zip(paths, files)]
    run = _settings(values.system, variant, values.weights)
    system = runs.create_system(run)
    own = ""  # flags without which the system cannot be trained
    if system.fixed_size:
        photos = dataclasses.replace(run.photos, image_size=system.fixed_size)
        run = dataclasses.replace(run, photos=photos)
        own += f"--image_size={system.fixed_size}\n"
    kinds = all_systems()[values.system].hole_kinds
    if kinds:
        run = dataclasses.replace(run, holes=dataclasses.replace(run.holes, kind=kinds[0]))
        own += f"--holes={kinds[0]}\n"
    tables, held = releases.tables_of(system), list(release.files)
    if len(files) > len(tables):  # the last file is the critic's
        system.critic, table, loss_weights = release.critic(system)
        run = dataclasses.replace(run, loss_weights=loss_weights)
        tables, held = [*tables, table], [*held, "critic"]
    for path, tensors, table, what in zip(paths, files, tables, held):
        begin = f"--weights={path} does not hold the {what} of {values.system}"
        places.fill(table, tensors, begin)
    _write(values.output, run, values.weights, system, own)

    parameters = sum(v.shape.num_elements() for v in system.generator.trainable_variables)
    print(
        f"{values.system} ({variant}), {parameters:,} parameters from {sum(map(len, tables))} "
        f"tensors of {' and '.join(paths)}"
    )
    print(
        f"Written to {values.output}: python -m tfinpaint.inpaint --model={values.output} "
        "--image=photo.jpg --mask=mask.png --output=filled.png"
    )


# ------------------------------------------------------------------------------------ what is asked


def _paths(system_name, weights, release):
    """The files that --weights names; for a TensorFlow checkpoint, its prefix.

    Raises: SettingsError if their number is wrong, or if one does not exist.
    """
    held = list(release.files)
    wanted = (
        "one file"
        if len(held) == 1
        else f"{len(held)} files with a comma between them, the {' and the '.join(held)}"
    )
    if release.critic:
        wanted += ", and after them the critic if you have it"
    if not weights:
        raise SettingsError(
            f"--weights is missing: the released weights of {system_name}, {wanted}"
        )
    paths = weights.split(",")
    if len(paths) - len(held) not in ((0, 1) if release.critic else (0,)):
        raise SettingsError(f"--weights of {system_name} is {wanted}. Got {len(paths)}: {weights}")
    if release.format == "TensorFlow 1":
        return [_prefix(path) for path in paths]
    for path in paths:
        if not os.path.isfile(path):
            raise SettingsError(
                f"--weights={path} is no file: a PyTorch state dict is needed, as "
                f"{', '.join(state_dicts.ENDINGS)}"
            )
        if not path.endswith(state_dicts.ENDINGS):
            raise SettingsError(
                f"--weights={path} is none of {', '.join(state_dicts.ENDINGS)}, a PyTorch state "
                "dict"
            )
    return paths


def _prefix(path):
    """The prefix of a TensorFlow checkpoint.

    path: the prefix itself, one of the checkpoint's files, or a folder. A folder has only this
          checkpoint, or a state file that names it.
    """
    if os.path.isdir(path):
        found = sorted(
            name[: -len(".index")] for name in os.listdir(path) if name.endswith(".index")
        )
        named = _last_in(path)
        if named not in found and len(found) != 1:
            raise SettingsError(
                f"--weights={path} has {len(found)} TensorFlow checkpoints, not 1 (files that end "
                "in .index); name one: "
                f"--weights={os.path.join(path, found[0] if found else 'PREFIX')}"
            )
        return os.path.join(path, named if named in found else found[0])
    prefix = re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path)
    if not os.path.isfile(f"{prefix}.index"):
        raise SettingsError(
            f"--weights={path} is no TensorFlow 1 checkpoint: there is no file {prefix}.index"
        )
    return prefix


def _last_in(folder):
    """The name of the last checkpoint in a folder's state file, `checkpoint`; None without one.

    The path of the folder in which it was written is removed.
    """
    try:
        with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as f:
            line = re.search(r'^model_checkpoint_path: *"(.+)"', f.read(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return line and re.split(r"[/\\]", line[1])[-1]


def _check_output(output):
    if not output:
        raise SettingsError(
            "--output is missing: the folder for the run directory, for example runs/imported"
        )
    settings.check_writable("output", output)
    if os.path.isdir(output) and os.listdir(output):
        raise SettingsError(
            f"--output={output} is not empty: weights are imported into a new folder"
        )


# -------------------------------------------------------------------------------------------- files


def _read_tensorflow(prefix, counts):
    """{name: array} of the tensors in a TensorFlow 1 checkpoint whose name `counts` accepts."""
    import tensorflow as tf

    def read():
        reader = tf.train.load_checkpoint(prefix)
        return {
            name: reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()
            if counts(name)
        }

    return state_dicts.guarded(read, f"--weights={prefix}", "a TensorFlow checkpoint")


def _read_pytorch(path, counts):
    """{name: array} of the tensors in a PyTorch state dict whose name `counts` accepts."""
    tensors = state_dicts.read(path, "weights")
    return {name: tensor for name, tensor in tensors.items() if counts(name)}


# ------------------------------------------------------------------------------------ run directory


def _settings(system_name, variant, weights):
    """The settings for the run directory.

    The files do not say what the authors trained on, so the settings of photographs and holes are
    not theirs.
    """
    photos = settings.PhotoSettings(f"those of the authors, weights imported from {weights}")
    return settings.TrainSettings(
        system_name,
        photos,
        settings.HoleSettings(),
        variant=variant,
        steps=0,
        perceptual_weights="none",
        loss_weights=(("adversarial", 0.0),),  # there is no critic
    )


def _write(output, run, weights, system, own):
    """Writes the run directory under a temporary name and then renames it.

    own: further lines of flags.txt.

    Raises: SettingsError if it cannot be written.
    """
    import tensorflow as tf

    from tfinpaint import runs

    flags_text = (
        f"# Weights imported from {weights}. To go on from them: python -m tfinpaint.train "
        f"--flagfile={os.path.join(output, 'flags.txt')} --train_data=... --run_dir=...\n"
        f"--init_from={output}\n--system={run.system}\n--variant={run.variant}\n{own}"
    )
    # Both names stand for the same network here, so the checkpoint holds it once.
    critic = {} if system.critic is None else {"critic": system.critic}
    networks = tf.train.Checkpoint(
        generator=system.generator, averaged_generator=system.generator, **critic
    )
    checkpoint = tf.train.Checkpoint(
        step=tf.Variable(0, dtype=tf.int64, trainable=False), system=networks
    )
    try:
        place = os.path.realpath(output)
        with atomic.folder(os.path.dirname(place)), atomic.replacing(place) as beside:
            os.mkdir(beside)
            runs.write_run(beside, run, flags_text)
            tf.train.CheckpointManager(
                checkpoint, os.path.join(beside, "checkpoints"), max_to_keep=1
            ).save(checkpoint_number=0)
    except (OSError, SettingsError, tf.errors.OpError) as error:
        cause = error.__cause__ or error  # write_run's own error names the temporary folder
        raise SettingsError(f"--output={output} cannot be written: {os_reason(cause)}") from error


if __name__ == "__main__":
    command.run(main)

"""Makes what a run trains with from its settings: system, photographs, batches and device.

    system, source = prepare(settings, say, devices)
    data = batches(settings, system, source, first=0, devices=devices)

Mistakes in the settings are found here, before anything is written.
"""

from typing import Callable, Tuple, Union

import tensorflow as tf

from tfinpaint.data.batches import training_batches
from tfinpaint.data.holes import holes as make_holes
from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photos import PhotoStream, open_photos
from tfinpaint.layers import replicas
from tfinpaint.runs import create_system
from tfinpaint.settings import SettingsError, TrainSettings
from tfinpaint.systems.base import System
from tfinpaint.systems.specification import imported
from tfinpaint.training.devices import Devices
from tfinpaint.training.precision import slow
from tfinpaint.training.schedule import schedule_of
from tfinpaint.wording import counted


def prepare(
    settings: TrainSettings, say: Callable[[str], None], devices: Devices
) -> Tuple[System, Union[IndexedPhotos, PhotoStream]]:
    """Seeds all random numbers. Returns the compiled system and its photographs.

    say: is called with each warning or note for the user.

    Raises: SettingsError if the settings do not fit the system, its photographs or the devices.
    """
    devices.share(settings.batch_size)  # raises SettingsError if they cannot share a batch
    if settings.jit_compile and devices.count > 1:
        raise SettingsError(
            f"`jit_compile` is for one device: {devices.count} devices cannot add up their "
            "gradients within a step that XLA has compiled"
        )
    if settings.skip_bad_steps and devices.count > 1:
        raise SettingsError(
            f"`skip_bad_steps` is for one device: {devices.count} devices may not agree on which "
            f"steps are bad. Got {settings.skip_bad_steps}"
        )
    with devices.scope():
        return _prepare(settings, say)


def _prepare(settings, say):
    tf.keras.utils.set_random_seed(settings.seed)
    if warning := slow(settings):
        say(f"warning: {warning}")
    system = create_system(settings)
    _check_sizes(settings, system, say)
    _check_holes(settings, system)
    source = open_photos(settings.photos.source, max_megapixels=settings.photos.max_megapixels)
    size = settings.photos.image_size
    system.compile(
        learning_rate=settings.learning_rate,
        critic_learning_rate=settings.critic_learning_rate,
        schedule=schedule_of(settings),
        clip_norm=settings.clip_norm,
        loss_weights=dict(settings.loss_weights),
        perceptual_weights=settings.perceptual_weights,
        critic_weights=settings.critic_weights,
        image_size=size,
        seed=settings.seed,
        freeze_batch_norm=settings.freeze_batch_norm,
        ema_decay=settings.ema_decay,
        jit_compile=settings.jit_compile,
        skip_bad_steps=settings.skip_bad_steps > 0,
        make_holes=lambda seed: make_holes(
            seed[0],
            seed[1],
            settings.batch_size,
            size,
            settings.holes,
            replicas.part(settings.batch_size),
        ),
    )
    for phase, _ in settings.phases:
        system.check_phase(phase)
    return system, source


def photographs_in_words(settings: TrainSettings, source: Union[IndexedPhotos, PhotoStream]) -> str:
    """The source of the photographs in words, with their number if it is known."""
    number = f" ({counted(len(source), 'photograph')})" if isinstance(source, IndexedPhotos) else ""
    return f"{settings.photos.source}{number}"


def batches(
    settings: TrainSettings,
    system: System,
    source: Union[IndexedPhotos, PhotoStream],
    first: int,
    devices: Devices,
) -> tf.data.Dataset:
    """The batches of a run from step `first` on, in the form that a training step takes.

    With several devices, the data set has only the share of this process, with one element for each
    of its devices.
    """
    extra, of_images = (
        {name: imported(path) for name, path in paths.items()}
        for paths in (
            system.extra_inputs(settings.holes.kind),
            system.specification.image_inputs,
        )
    )
    return training_batches(
        settings.photos,
        settings.holes,
        settings.batch_size,
        settings.seed,
        start_step=first,
        holes_on_device=holes_on_device(settings.holes),
        photos=source,
        extra_inputs=extra,
        image_inputs=of_images,
        share=devices.share(settings.batch_size),
    )


def holes_on_device(settings):
    """Whether the training step makes the holes, rather than the input pipeline.

    It does on a GPU, because tf.data would make them on the host, unless the holes are files.
    """
    return device().device_type == "GPU" and not settings.kind.startswith("files:")


def _check_holes(settings, system):
    kinds = system.specification.hole_kinds
    if kinds and settings.holes.kind not in kinds:
        raise SettingsError(
            f"`kind` is {' or '.join(kinds)} for {settings.system}. Got {settings.holes.kind!r}"
        )


def _check_sizes(settings, system, say):
    size, stride = settings.photos.image_size, system.stride
    if system.fixed_size not in (None, size):
        raise SettingsError(
            f"`image_size` is {system.fixed_size} for {settings.system}. Got {size}"
        )
    if size % stride:
        smaller = (
            "; a smaller `depth` allows smaller images"
            if "depth" in system.specification.defaults and stride == 2**system.depth
            else ""
        )
        raise SettingsError(
            f"`image_size` is a multiple of {stride} for {settings.system}. Got {size}{smaller}"
        )
    if (
        system.specification.has_batch_norm
        and settings.batch_size * (size // stride) ** 2 == 1
        and settings.freeze_batch_norm != "all"
    ):
        say(
            "note: with `batch_size=1` and a bottleneck of one cell, the innermost batch norm "
            "sees a single value and gives a constant"
        )


def device() -> tf.config.LogicalDevice:
    """The device that the steps run on."""
    return (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]

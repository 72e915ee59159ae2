"""Choosing a model, loading it, moving it to its device and accelerating it."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from platformdirs import user_cache_path
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.accelerate.network import PRECISIONS, accelerate
from sam2_video.accelerate.parts import CompiledMemoryAttention
from sam2_video.core.errors import DeviceMemoryError, InputError, shown
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import (
    CheckpointError,
    checkpoint_folder,
    choose_checkpoint,
    weights_file,
)

logger = logging.getLogger(__name__)

MAX_ENCODER_BATCH = 16
MAX_SIZE_ENCODED_AHEAD = 512
"""The largest picture, in pixels a side, for which encoding ahead was measured to be faster."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run, as `segment` and the predictor take it.

    Attributes:
        name: the name of its checkpoint.
        network: with its weights loaded, on its device.
        encoder_batch: the number of frames in one batch of the image encoder.
    """

    name: str
    network: SAM2Base
    encoder_batch: int = 1

    @property
    def image_size(self) -> int:
        """Side length of the network's square input, in pixels."""
        return int(self.network.image_size)

    @property
    def device(self) -> torch.device:
        """The device of the network's weights."""
        return next(self.network.parameters()).device

    @property
    def encodes_ahead(self) -> bool:
        """Whether to encode the next frame while objects are tracked on this one.

        OpenVINO's threads leave the cores idle between the small operations of a small picture.
        With a large picture, or with PyTorch's threads, the two would only hold each other up.
        """
        runs_on_openvino = isinstance(self.network.memory_attention, CompiledMemoryAttention)
        return runs_on_openvino and self.image_size <= MAX_SIZE_ENCODED_AHEAD


def load_model(
    name: str | None = None,
    *,
    image_size: int | None = None,
    folder: Path | None = None,
    device: torch.device | str | None = None,
) -> LoadedModel:
    """Load a SAM 2 video model.

    Args:
        name: a model in `models.registry`; if None, the one that `SAM2_MODEL` names, else the
            best one present.
        image_size: side length of the network's input in pixels; if None, `SAM2_IMAGE_SIZE`, else
            the size it was trained at. Smaller is faster and less accurate.
        folder: the folder of the weights; if None, see `checkpoint_folder`.
        device: `cpu`, `cuda` or `cuda:<index>`; if None, CUDA if available, else the CPU.

    Raises:
        CheckpointError: the weights are missing or damaged, do not fit the configuration, or a
            setting of the environment is invalid.
        DeviceMemoryError: the GPU has too little memory for the weights.
        InputError: the device is unknown or not there.
    """
    device = device_of(device)
    folder = folder or checkpoint_folder()
    checkpoint = choose_checkpoint(folder, *given_model(name))
    if image_size is None:
        image_size = _image_size_from_environment(checkpoint.image_size)
    precision = _precision_from_environment()
    cuda_graphs = _cuda_graphs_from_environment()
    encoder_batch = _encoder_batch_from_environment()
    network = build_network(checkpoint, image_size)
    load_weights(network, weights_file(checkpoint, folder), checkpoint)
    try:
        network.to(device)
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(
            f"the GPU has too little free memory for the model {checkpoint.name}; choose a smaller "
            "SAM2_MODEL"
        ) from error
    accelerate(network, precision, cuda_graphs=cuda_graphs, cache=compile_cache())
    logger.info("device: %s, image size: %d, precision: %s", device, image_size, precision)
    return LoadedModel(checkpoint.name, network, encoder_batch)


def compile_cache() -> Path:
    """Where compiled networks are kept: `SAM2_COMPILE_CACHE`, else a folder of the user's cache."""
    given = os.environ.get("SAM2_COMPILE_CACHE")
    return Path(given) if given else user_cache_path("sam2-video", appauthor=False) / "compiled"


def given_model(name: str | None) -> tuple[str | None, str]:
    """The name of the model that is asked for, if any, and what gave it."""
    return (os.environ.get("SAM2_MODEL"), "SAM2_MODEL") if name is None else (name, "model")


def device_of(given: torch.device | str | None) -> torch.device:
    """The device that is asked for; a GPU if none is and there is one.

    Raises:
        InputError: there is no such device.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if given is None:
        return torch.device("cuda" if count else "cpu")
    try:
        device = torch.device(given)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise InputError(f"device is {shown(str(given))}, but it should be cpu, cuda or cuda:1")
    if device.type == "cuda" and (device.index or 0) >= count:
        there = f"PyTorch finds {count or 'no'} CUDA GPU{'s'[: count != 1]} on this machine"
        raise InputError(f"device is {shown(str(given))}, but {there}: choose cpu")
    return device


def _precision_from_environment() -> str:
    precision = os.environ.get("SAM2_PRECISION") or "auto"
    if precision not in PRECISIONS:
        raise CheckpointError(
            f"SAM2_PRECISION is {precision!r}, but it should be {' or '.join(PRECISIONS)}"
        )
    return precision


def _cuda_graphs_from_environment() -> bool:
    text = os.environ.get("SAM2_CUDA_GRAPHS") or "0"
    if text not in ("0", "1"):
        raise CheckpointError(f"SAM2_CUDA_GRAPHS is {shown(text)}, but it should be 0 or 1")
    return text == "1"


def _encoder_batch_from_environment() -> int:
    text = os.environ.get("SAM2_ENCODER_BATCH") or "1"
    is_number = text.isascii() and text.isdigit() and len(text) <= 2
    if not is_number or not 1 <= int(text) <= MAX_ENCODER_BATCH:
        raise CheckpointError(
            f"SAM2_ENCODER_BATCH is {shown(text)}, but it should be a whole number from 1 to "
            f"{MAX_ENCODER_BATCH}"
        )
    return int(text)


def _image_size_from_environment(default: int) -> int:
    text = os.environ.get("SAM2_IMAGE_SIZE")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise CheckpointError(f"SAM2_IMAGE_SIZE is {text!r}, but it should be a whole number")
    return int(text)

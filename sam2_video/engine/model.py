"""The model that runs: chosen, loaded, put on its device and accelerated."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.accelerate.network import PRECISIONS, accelerate
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import (
    CheckpointError,
    checkpoint_folder,
    choose_checkpoint,
)

logger = logging.getLogger(__name__)

MAX_ENCODER_BATCH = 16


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run: what `segment` and the predictor take.

    Attributes:
        name: of its checkpoint.
        network: with its weights, on its device.
        encoder_batch: frames that its encoder takes in one go.
    """

    name: str
    network: SAM2Base
    encoder_batch: int = 1

    @property
    def image_size(self) -> int:
        """Pixels a side of the square picture that the network sees."""
        return int(self.network.image_size)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device


def load_model(
    name: str | None = None,
    *,
    image_size: int | None = None,
    folder: Path | None = None,
    device: torch.device | None = None,
) -> LoadedModel:
    """Load a SAM 2 video model.

    Args:
        name: a name of `checkpoints.NAMES`; `SAM2_MODEL` or the best one present if None.
        image_size: pixels a side of the network's input; `SAM2_IMAGE_SIZE` or the one it was
            trained at if None. Smaller is faster and coarser.
        folder: where the weights lie; see `checkpoint_folder`.
        device: CUDA where there is one, else the CPU, if None.

    Raises:
        CheckpointError: the weights are missing, damaged, or do not fit the configuration; or a
            setting of the environment is not what it should be.
    """
    folder = folder or checkpoint_folder()
    checkpoint = choose_checkpoint(folder, name or os.environ.get("SAM2_MODEL"))
    size = image_size or _image_size_from_environment() or checkpoint.image_size
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = _precision_from_environment()
    cuda_graphs, encoder_batch = _cuda_graphs_from_environment(), _batch_from_environment()
    network = build_network(checkpoint, size)
    load_weights(network, folder / checkpoint.file, checkpoint)
    network.to(device)
    accelerate(network, precision, cuda_graphs=cuda_graphs)
    logger.info("device: %s, image size: %d, precision: %s", device, size, precision)
    return LoadedModel(checkpoint.name, network, encoder_batch)


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
        raise CheckpointError(f"SAM2_CUDA_GRAPHS is {text!r}, but it should be 0 or 1")
    return text == "1"


def _batch_from_environment() -> int:
    text = os.environ.get("SAM2_ENCODER_BATCH") or "1"
    is_number = text.isascii() and text.isdigit() and len(text) <= 2
    if not is_number or not 1 <= int(text) <= MAX_ENCODER_BATCH:
        raise CheckpointError(
            f"SAM2_ENCODER_BATCH is {text!r}, but it should be a whole number from 1 to "
            f"{MAX_ENCODER_BATCH}"
        )
    return int(text)


def _image_size_from_environment() -> int | None:
    text = os.environ.get("SAM2_IMAGE_SIZE")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise CheckpointError(f"SAM2_IMAGE_SIZE is {text!r}, but it should be a whole number")
    return int(text)

"""Building SAM 2 from a configuration and loading its weights."""

import logging
import os
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.accelerate import PRECISIONS, accelerate
from sam2_video.checkpoints import (
    Checkpoint,
    CheckpointError,
    checkpoint_folder,
    choose_checkpoint,
)

logger = logging.getLogger(__name__)

IMAGE_STRIDE = 32  # the coarsest feature map's: image sizes are multiples of it
MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 128, 2048

# What `build_sam2_video_predictor(..., apply_postprocessing=True)` adds to a configuration;
# its hole filling is `sam2_video.holes`.
POSTPROCESSING = {
    "binarize_mask_from_pts_for_mem_enc": True,
    "sam_mask_decoder_extra_args": {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    },
}


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run: what `segment` and the predictor take."""

    name: str
    network: SAM2Base

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
        CheckpointError: the weights are missing, damaged, or do not fit the configuration.
    """
    folder = folder or checkpoint_folder()
    checkpoint = choose_checkpoint(folder, name or os.environ.get("SAM2_MODEL"))
    size = image_size or _image_size_from_environment() or checkpoint.image_size
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = _precision_from_environment()
    network = build_network(checkpoint, size)
    load_weights(network, folder / checkpoint.file, checkpoint)
    network.to(device)
    accelerate(network, precision)
    logger.info("device: %s, image size: %d, precision: %s", device, size, precision)
    return LoadedModel(checkpoint.name, network)


def build_network(checkpoint: Checkpoint, image_size: int) -> SAM2Base:
    """Build a network with random weights from a checkpoint's configuration, on the CPU.

    Raises:
        CheckpointError: `image_size` is not a multiple of 32 from 128 to 2048.
    """
    if image_size % IMAGE_STRIDE or not MIN_IMAGE_SIZE <= image_size <= MAX_IMAGE_SIZE:
        raise CheckpointError(
            f"SAM2_IMAGE_SIZE is {image_size}, but it should be a multiple of {IMAGE_STRIDE} "
            f"from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE}"
        )
    with as_file(files(checkpoint.package) / checkpoint.config) as path:
        config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    overrides = {"_target_": "sam2.modeling.sam2_base.SAM2Base", "image_size": image_size}
    config.model.update({**overrides, **POSTPROCESSING})
    return instantiate(config.model, _recursive_=True).eval()


def load_weights(network: SAM2Base, path: Path, checkpoint: Checkpoint) -> None:
    """Load `{"model": state_dict}` into a network; half precision is widened.

    Raises:
        CheckpointError: the file is damaged, or its tensors are not this network's.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what unpickling raises over garbage is anything
        raise CheckpointError(f"{path.name} is damaged and cannot be read") from error
    try:
        network.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path.name} does not hold the weights of the model {checkpoint.name!r}"
        ) from error


def _precision_from_environment() -> str:
    precision = os.environ.get("SAM2_PRECISION") or "auto"
    if precision not in PRECISIONS:
        raise CheckpointError(
            f"SAM2_PRECISION is {precision!r}, but it should be {' or '.join(PRECISIONS)}"
        )
    return precision


def _image_size_from_environment() -> int | None:
    text = os.environ.get("SAM2_IMAGE_SIZE")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise CheckpointError(f"SAM2_IMAGE_SIZE is {text!r}, but it should be a whole number")
    return int(text)

"""Building SAM 2 from a configuration and loading its weights."""

from importlib.resources import as_file, files
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.models.registry import Checkpoint, CheckpointError

IMAGE_STRIDE = 32  # the coarsest feature map's: image sizes are multiples of it
MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 128, 2048

# What `build_sam2_video_predictor(..., apply_postprocessing=True)` adds to a configuration;
# its hole filling is `engine.hole_filling`.
POSTPROCESSING = {
    "binarize_mask_from_pts_for_mem_enc": True,
    "sam_mask_decoder_extra_args": {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    },
}


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

"""Building SAM 2 from a configuration and loading its weights."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.models.registry import Checkpoint, CheckpointError

IMAGE_STRIDE = 32  # of the coarsest feature map
MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 128, 2048
MAX_ATTENDED_CONDITIONING_FRAMES = 32
"""Where an object has more, a frame attends to the nearest (`SAM2Base.max_cond_frames_in_attn`)."""

# What `sam2.build_sam.build_sam2_video_predictor` adds to a configuration by default, except for
# hole filling, which is not part of the network.
POSTPROCESSING = {
    "binarize_mask_from_pts_for_mem_enc": True,
    "sam_mask_decoder_extra_args": {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    },
}


class ScoredSAM2(SAM2Base):
    """`SAM2Base`, whose `track_step` also returns how good it finds each mask.

    The entry `iou` of its output is (B,), the predicted IoU of each object's mask, 0 to 1.
    """

    def _track_step(self, *args: Any, **kwargs: Any) -> tuple:
        output, heads, *features = super()._track_step(*args, **kwargs)
        ious = heads[2]  # (B, M) of all candidates, the best of which becomes the mask
        return {**output, "iou": ious.amax(dim=-1)}, heads, *features


def build_network(checkpoint: Checkpoint, image_size: int) -> ScoredSAM2:
    """Build a network with random weights from a checkpoint's configuration, on the CPU.

    Args:
        checkpoint: its weights are not read.
        image_size: side length of the network's input in pixels.

    Returns:
        The network in evaluation mode, in float32.

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
    overrides = {
        "_target_": f"{ScoredSAM2.__module__}.{ScoredSAM2.__qualname__}",
        "image_size": image_size,
        "max_cond_frames_in_attn": MAX_ATTENDED_CONDITIONING_FRAMES,
    }
    config.model.update({**overrides, **POSTPROCESSING})
    return instantiate(config.model, _recursive_=True).eval()


def load_weights(network: SAM2Base, path: Path, checkpoint: Checkpoint) -> None:
    """Load a file with `{"model": state_dict}` into a network; half precision becomes float32.

    Args:
        network: as `build_network` returns it.
        path: the file.
        checkpoint: which model the file should hold.

    Raises:
        CheckpointError: the file is damaged, or its tensors do not fit the network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling damaged data can raise any exception
        raise CheckpointError(f"{path.name} is damaged and cannot be read") from error
    try:
        network.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path.name} does not hold the weights of the model {checkpoint.name!r}"
        ) from error

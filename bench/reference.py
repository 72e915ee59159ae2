"""Meta's `SAM2VideoPredictor`, run on given tensors: what our tracker is held against."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from unittest import mock

import numpy as np
import sam2.sam2_video_predictor as upstream
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import Module

from sam2_video.engine.hole_filling import MAX_HOLE_AREA
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.models.load import POSTPROCESSING
from sam2_video.models.registry import Checkpoint

NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def connected_components(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Meta's CUDA kernel in plain Python: labels and areas of 8-connected components.

    Args:
        masks: (B, 1, H, W) bool.

    Returns:
        Two (B, 1, H, W) int32 tensors: the component of each pixel (0 for none), its area.
    """
    labels, areas = np.zeros(masks.shape, np.int32), np.zeros(masks.shape, np.int32)
    height, width = masks.shape[-2:]
    for b, (mask,) in enumerate(masks.cpu().numpy()):
        label = 0
        for start in np.argwhere(mask):
            if labels[b, 0, start[0], start[1]]:
                continue
            label += 1
            labels[b, 0, start[0], start[1]] = label
            component, queue = [], deque([(int(start[0]), int(start[1]))])
            while queue:
                y, x = queue.popleft()
                component.append((y, x))
                for dy, dx in NEIGHBOURS:
                    v, u = y + dy, x + dx
                    inside = 0 <= v < height and 0 <= u < width
                    if inside and mask[v, u] and not labels[b, 0, v, u]:
                        labels[b, 0, v, u] = label
                        queue.append((v, u))
            ys, xs = zip(*component, strict=True)
            areas[b, 0, ys, xs] = len(component)
    return torch.from_numpy(labels).to(masks.device), torch.from_numpy(areas).to(masks.device)


def meta_predictor(
    checkpoint: Checkpoint, network: SAM2Base, **changes: object
) -> upstream.SAM2VideoPredictor:
    """Meta's predictor with the weights of `network`, as `build_sam2_video_predictor` sets it up.

    It lies where `network` does. `changes` override other values of the configuration.
    """
    with as_file(files(checkpoint.package) / checkpoint.config) as path:
        config = OmegaConf.load(path)
    config.model.update(
        {
            "_target_": "sam2.sam2_video_predictor.SAM2VideoPredictor",
            "image_size": network.image_size,
            **changes,
            **POSTPROCESSING,
        }
    )
    predictor = instantiate(config.model, _recursive_=True).eval()
    predictor.load_state_dict(network.state_dict())
    return predictor.to(network.device)


def make_telling(network: SAM2Base) -> None:
    """Change random weights, which as they come would make every mask empty or flat."""
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias += 1.0
        for hyper in network.sam_mask_decoder.output_hypernetworks_mlps:
            hyper.layers[-1].weight *= 8


class MetaReference:
    """Meta's predictor with the weights of `network`, over fixed input tensors."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        network: SAM2Base,
        images: Tensor,
        video_size: tuple[int, int],
    ) -> None:
        self.predictor = meta_predictor(
            checkpoint,
            network,
            fill_hole_area=MAX_HOLE_AREA,
            add_all_frames_to_correct_as_cond=True,
        )
        # The encoder is the same code on both sides: each picture is encoded once for both.
        self.predictor.forward_image = network.forward_image
        self.predictor.memory_attention.register_forward_pre_hook(_widen, with_kwargs=True)
        self.images = images
        self.video_size = video_size

    def track(self, objects: Sequence[TrackedObject], *, reverse: bool) -> dict[int, Tensor]:
        """Every tracked frame's (K, 1, h, w) mask logits, from the earliest conditioning frame.

        A correction is what a user does at that frame: propagate up to it, add its clicks,
        propagate on from it.
        """
        with self._patched():
            state = self.predictor.init_state("frames")
            for name, prompt in _prompts(objects):
                if prompt.is_conditioning:
                    self._add(state, name, prompt)
            start = min(p.frame for _, p in _prompts(objects) if p.is_conditioning)
            end = 0 if reverse else len(self.images) - 1
            reached = range(end, start + 1) if reverse else range(start, end + 1)
            stops = {p.frame for _, p in _prompts(objects) if not p.is_conditioning}
            results: dict[int, Tensor] = {}
            for stop in sorted(stops & set(reached), reverse=reverse):
                results |= self._propagate(state, start, stop, reverse)
                for name, prompt in _prompts(objects):
                    if prompt.frame == stop and not prompt.is_conditioning:
                        self._add(state, name, prompt)
                start = stop
            return results | self._propagate(state, start, end, reverse)

    def _add(self, state: dict, name: str, prompt: Prompt) -> None:
        frame = prompt.frame
        if prompt.mask is not None:
            self.predictor.add_new_mask(state, frame, name, prompt.mask())
        if prompt.points:
            points, labels = np.array(prompt.points, np.float32), np.array(prompt.labels, np.int32)
            self.predictor.add_new_points_or_box(state, frame, name, points, labels, box=prompt.box)
        elif prompt.box is not None:
            self.predictor.add_new_points_or_box(state, frame, name, box=prompt.box)

    def _propagate(self, state: dict, start: int, end: int, reverse: bool) -> dict[int, Tensor]:
        frames = self.predictor.propagate_in_video(
            state, start, max_frame_num_to_track=abs(end - start), reverse=reverse
        )
        return {frame: logits.clone() for frame, _, logits in frames}

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """Tensors in place of a video file, the kernel in place of the CUDA extension."""
        width, height = self.video_size
        with (
            mock.patch.object(
                upstream, "load_video_frames", return_value=(self.images, height, width)
            ),
            mock.patch.object(upstream, "tqdm", lambda frames, **_: frames),
            mock.patch("sam2.utils.misc.get_connected_components", connected_components),
        ):
            yield


def _widen(_module: Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Read memories back as float32 where no pointer does it: Meta's fp32 path fails there."""
    return args, {**kwargs, "memory": kwargs["memory"].float()}


def _prompts(objects: Sequence[TrackedObject]) -> list[tuple[str, Prompt]]:
    return [(tracked.name, prompt) for tracked in objects for prompt in tracked.prompts]

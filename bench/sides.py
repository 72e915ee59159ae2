"""The two sides of a comparison: our tracker and Meta's predictor, on equal weights and pictures.

Both get tensors, so that only the engines are compared. Each side is an iterator that tracks one
frame a step.
"""

from collections.abc import Callable, Iterator, Sequence
from unittest import mock

import cv2
import numpy as np
import sam2.sam2_video_predictor as upstream
import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from bench.reference import make_telling, meta_predictor
from sam2_video.engine import tracker
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.preprocess import normalize_image
from sam2_video.engine.prompts import Prompt, TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects
from sam2_video.models.load import build_network, load_weights
from sam2_video.models.registry import checkpoint_folder, find_checkpoint

SEED = 5


def network_of(name: str, image_size: int) -> LoadedModel:
    """A model with its weights if they are present, else with random ones."""
    checkpoint = find_checkpoint(name)
    torch.manual_seed(SEED)
    network = build_network(checkpoint, image_size)
    path = checkpoint_folder() / checkpoint.file
    if path.exists():
        load_weights(network, path, checkpoint)
    else:
        make_telling(network)
    return LoadedModel(name, network)


def pictures(side: int, count: int) -> list[Tensor]:
    """Normalised (1, 3, side, side) pictures of discs that drift over a blurry background."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
    background = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    colours = rng.integers(0, 255, (16, 3)).tolist()
    frames = []
    for frame in range(count):
        picture = background.copy()
        for k, colour in enumerate(colours):
            x, y = _centre(k, side)
            cv2.circle(picture, (round(x) + frame, round(y)), side // 12, colour, -1)
        frames.append(normalize_image(picture, torch.device("cpu")))
    return frames


def _centre(k: int, side: int) -> tuple[float, float]:
    return side * (k % 4 + 0.5) / 4, side * (k // 4 % 4 + 0.5) / 4


def clicked(count: int, side: int) -> list[TrackedObject]:
    """So many objects, each clicked once on frame 0."""
    return [TrackedObject(str(k), (Prompt(0, (_centre(k, side),), (1,)),)) for k in range(count)]


def reader_of(image: Tensor) -> Callable[[], Tensor]:
    """A function that returns the image, as `TrackingPass.step` takes one."""
    return lambda: image


def ours(
    model: LoadedModel, images: Sequence[Tensor], objects: Sequence[TrackedObject]
) -> Iterator[Tensor]:
    """Our tracker: (K, 1, S/4, S/4) logits of each frame, without hole filling, as Meta's."""
    size = (model.image_size, model.image_size)
    groups = group_objects(objects)
    with mock.patch.object(tracker, "fill_holes", lambda logits: logits):
        prompts = encode_prompts(model.network, groups, [(0, images[0])], size, len(images))
        tracking = TrackingPass(model.network, prompts, size, len(images))
        for frame, image in enumerate(images):
            yield tracking.step(frame, reader_of(image)).logits


def predictor_of(model: LoadedModel) -> upstream.SAM2VideoPredictor:
    """Meta's predictor with a model's weights.

    Its hole filling is off, as it is without its CUDA extension.
    """
    return meta_predictor(find_checkpoint(model.name), model.network)


def meta(
    predictor: upstream.SAM2VideoPredictor,
    images: Sequence[Tensor],
    objects: Sequence[TrackedObject],
) -> Iterator[Tensor]:
    """Meta's predictor: (K, 1, S/4, S/4) logits of each frame."""
    side = predictor.image_size
    small = side // 4  # no resize of its logits: that is not the engine's work
    video = mock.patch.object(
        upstream, "load_video_frames", return_value=(torch.cat(list(images)), small, small)
    )
    with video, mock.patch.object(upstream, "tqdm", lambda frames, **_: frames):
        state = predictor.init_state("frames")
        for tracked in objects:
            (prompt,) = tracked.prompts
            points = np.array(prompt.points, np.float32) * small / side
            labels = np.array(prompt.labels, np.int32)
            predictor.add_new_points_or_box(state, 0, tracked.name, points, labels)
        for _, _, logits in predictor.propagate_in_video(state):
            yield logits


STAGES = {
    "encoder": "forward_image",
    "attention": "memory_attention",
    "decoder": "sam_mask_decoder",
    "memory": "memory_encoder",
}
"""The stages that are timed, and the network's method or module of each."""


def stages_of(network: SAM2Base) -> dict[str, tuple[object, str]]:
    """The owner of each stage's callable, and the name of its attribute."""
    return {
        stage: (network, name) if name == "forward_image" else (getattr(network, name), "forward")
        for stage, name in STAGES.items()
    }

"""What the steps share: models on the device, our tracker over tensors, times and masks."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor

from bench.sides import network_of
from sam2_video.accelerate.network import accelerate
from sam2_video.engine.batch_encoder import encode_ahead
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.prompts import TrackedObject
from sam2_video.engine.tracker import TrackingPass, encode_prompts, group_objects


def plain_model(name: str, size: int, device: str) -> LoadedModel:
    """A model before it is accelerated: what others are copied from."""
    model = network_of(name, size)
    model.network.to(device)
    return model


def accelerated(
    plain: LoadedModel, precision: str, *, graphs: bool = False, batch: int = 1
) -> LoadedModel:
    """A copy as the product runs it; TF32 is allowed or not as it wants it from now on."""
    network = deepcopy(plain.network)
    accelerate(network, precision, cuda_graphs=graphs)
    return LoadedModel(plain.name, network, batch)


@contextmanager
def tf32(is_allowed: bool) -> Iterator[None]:
    """Switch TF32 on or off inside the block."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = is_allowed
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def track(
    model: LoadedModel, images: Sequence[Tensor], objects: Sequence[TrackedObject]
) -> Iterator[Tensor]:
    """Our tracker as the product runs it: (K, 1, S/4, S/4) logits of each frame.

    Frames before the first click are tracked for nothing in the product's forward pass; here the
    first frame has to have one.
    """
    size = (model.image_size, model.image_size)
    clicked = sorted({p.frame for tracked in objects for p in tracked.conditioning})
    prompts = encode_prompts(
        model.network,
        group_objects(objects),
        [(frame, images[frame]) for frame in clicked],
        size,
        len(images),
    )
    tracking = TrackingPass(model.network, prompts, size, len(images))

    def picture_of(numbered: tuple[int, Tensor]) -> Tensor | None:
        return numbered[1] if tracking.needs_features(numbered[0]) else None

    frames = encode_ahead(model.network, enumerate(images), picture_of, model.encoder_batch)
    for (frame, _), features in frames:
        yield tracking.step_encoded(frame, features).logits


def synchronize(device: str) -> None:
    """Wait for all that the GPU has been asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed_block(steps: Iterator, frames: int, device: str, is_mixed: bool) -> float:
    """Seconds a frame over a block of frames, after one that is not timed.

    Within the block nothing is waited for but by the engine itself.

    Args:
        steps: a frame each.
        frames: of the block.
        device: that has to be done with all of them.
        is_mixed: under bfloat16 autocast, as in Meta's examples. Its cache of converted weights
            is filled by the frame that is not timed.
    """
    mixed = torch.autocast(device, torch.bfloat16) if is_mixed else nullcontext()
    with mixed:
        next(steps)
        synchronize(device)
        begin = time.perf_counter()
        for _ in range(frames):
            next(steps)
        synchronize(device)
        return (time.perf_counter() - begin) / frames


def agreement(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> tuple[float, float]:
    """Mean and least IoU of masks over frames and objects; two empty masks agree."""
    ratios = []
    for one, other in zip(ours, theirs, strict=True):
        a, b = one.flatten(1) > 0, other.flatten(1) > 0
        both, either = (a & b).sum(1).float(), (a | b).sum(1).float()
        ratios += torch.where(either > 0, both / either, 1.0).tolist()
    return sum(ratios) / len(ratios), min(ratios)


def largest_difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Of any logit on any frame."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


def weight_bytes(network: torch.nn.Module) -> int:
    """Bytes of a network's weights and buffers."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.nbytes for tensor in tensors)


def peak_bytes(device: str) -> int | None:
    """The GPU's memory in use at most since `forget_peak`; None on a CPU."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else None


def forget_peak(device: str) -> int:
    """Begin anew, and give what is in use now."""
    if device != "cuda":
        return 0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()

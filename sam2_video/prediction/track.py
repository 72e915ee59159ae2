"""A prepared video in, every object's mask on every frame out."""

import gc
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2_video.core.errors import DeviceMemoryError
from sam2_video.core.limits import Limits
from sam2_video.core.prefetch import prefetch
from sam2_video.engine.batch_encoder import encode_ahead
from sam2_video.engine.clicks import parse_clicks
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import build_prompts
from sam2_video.engine.tracker import (
    EncodedPrompts,
    FrameFeatures,
    FrameMasks,
    TrackingPass,
    encode_prompts,
    group_objects,
)
from sam2_video.prediction.mask_stack import MaskStack
from sam2_video.prediction.masks import PendingMasks, masks_of
from sam2_video.prediction.prepare import Prepared
from sam2_video.video.decode import read_frames, read_frames_backward
from sam2_video.video.pictures import Coverage, Masks, PlanesFrame, Rgb, RgbFrame

PREFETCHED_FRAMES = 2
"""Frames that are decoded and shrunk in advance, or a batch of the encoder if that is more."""

Scores = NDArray[np.float32]
"""(K,), how sure the model is of each mask, from 0 to 1."""

T = TypeVar("T")
Frame = RgbFrame | PlanesFrame
Item = TypeVar("Item", bound=tuple[Any, ...])


@dataclass(frozen=True)
class TrackedFrame:
    """One frame, as its stream gives it, and the masks of all objects.

    Attributes:
        index: its number in the video, from 0.
        frame: the decoded frame.
        masks: (K, H, W) bool, or uint8 coverage.
        scores: (K,) float32, see `TrackingPass.step_encoded`; None if no model made the masks.
    """

    index: int
    frame: Frame
    masks: Masks | Coverage
    scores: Scores | None


def track(
    model: LoadedModel,
    prepared: Prepared,
    *,
    limits: Limits,
    to_masks: Callable[[Tensor, tuple[int, int]], PendingMasks] = masks_of,
    interval: int = 1,
    folder: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Generator[TrackedFrame, None, None]:
    """Track objects through a video, in memory that does not grow with its length.

    The frames before the earliest conditioning frame are tracked backward from it first; their
    masks are kept on disk. Then the stream is read once, from its start. Where all objects are
    prompted on the first frame, the video is decoded by nothing but that stream.

    Args:
        model: what to track with.
        prepared: the video and the objects; its stream is used up.
        limits: the bytes that masks on disk may take.
        to_masks: makes masks of logits: `masks_of` or `coverage_of`.
        interval: yield every n-th frame only; every frame is tracked all the same.
        folder: where masks are kept; the system's temporary folder if None.
        advance: called once for every frame that was tracked.

    Raises:
        DeviceMemoryError: the GPU has too little memory. What this prediction took is freed first,
            so that a smaller one works.
    """
    frames = _Tracking(model, prepared, to_masks, interval, advance).frames(limits, folder)
    try:
        with closing(frames):
            yield from frames
        return
    except torch.OutOfMemoryError:
        pass  # Raising here would keep this exception, and with it the tensors of its stack frames.
    gc.collect()
    torch.cuda.empty_cache()
    count = len(prepared.objects)
    raise DeviceMemoryError(
        f"the GPU has too little memory for {count} object{'s'[: count != 1]} with "
        f"the model {model.name} at {model.image_size} pixels a side; lower SAM2_IMAGE_SIZE, "
        "prompt fewer objects, or choose a smaller SAM2_MODEL"
    )


@dataclass(frozen=True)
class _Found:
    """Masks and scores that a GPU may still be computing or copying."""

    masks: PendingMasks
    scores: Tensor

    def result(self) -> tuple[Masks | Coverage, Scores]:
        """Both; waits until they are complete: the scores are copied before the masks."""
        masks = self.masks.result()
        return masks, self.scores.numpy().copy()


@dataclass(frozen=True)
class _Tracking:
    """One run of `track`. In here frame 0 is the first that is processed."""

    model: LoadedModel
    prepared: Prepared
    to_masks: Callable[[Tensor, tuple[int, int]], PendingMasks]
    interval: int
    advance: Callable[[], None]

    def frames(self, limits: Limits, folder: Path | None) -> Generator[TrackedFrame, None, None]:
        """See `track`; raises `torch.OutOfMemoryError`."""
        # While the masks of a frame are copied from a GPU, the next frame is already being tracked.
        lag = 1 if self.model.device.type == "cuda" else 0
        first = self.prepared.video.frames[0]
        prompts = self._encode_prompted_frames()
        start = min(frame for encoded in prompts for frame in encoded.masks)
        with MaskStack(folder, limits.max_mask_bytes) as kept:
            with closing(self._backward(prompts, start)) as backward:
                for before in delayed(backward, lag):
                    kept.push(*before.result())
            with closing(self._forward(prompts, start)) as forward:
                for index, frame, found in delayed(forward, lag):
                    masks, scores = kept.pop() if found is None else found.result()
                    yield TrackedFrame(first + index, frame, masks, scores)

    def _encode_prompted_frames(self) -> list[EncodedPrompts]:
        """Read the conditioning frames in one go and encode the prompts on them."""
        video, stream, objects = self.prepared.video, self.prepared.stream, self.prepared.objects
        wanted = {prompt.frame for tracked in objects for prompt in tracked.conditioning}
        first, last = min(wanted), max(wanted)

        def images() -> Generator[tuple[int, Tensor], None, None]:
            if last == 0:
                yield 0, self._normalized(stream.first().rgb)
                return
            start, stop = video.frames[first], video.frames[last] + 1
            with closing(read_frames(video, start, stop)) as frames:
                for index, rgb in enumerate(frames, start=first):
                    if index in wanted:
                        yield index, self._normalized(rgb)

        with closing(images()) as pictures:
            return encode_prompts(
                self.model.network, group_objects(objects), pictures, self._size, self._num_frames
            )

    def _backward(self, prompts: list[EncodedPrompts], start: int) -> Generator[_Found, None, None]:
        """Every n-th frame before `start`, in descending order.

        All on this thread: many frames are decoded in one go here, which a cancellation interrupts
        but for which closing a background thread would wait.
        """
        tracking = self._tracking_pass(prompts, reverse=True)
        with closing(self._encoded(self._shrunk_backward(start), tracking)) as frames:
            for (index, _), features in frames:
                found = tracking.step_encoded(index, features)
                if index < start:
                    if index % self.interval == 0:
                        yield self._found(found)
                    self.advance()

    def _forward(
        self, prompts: list[EncodedPrompts], start: int
    ) -> Generator[tuple[int, Frame, _Found | None], None, None]:
        """Every n-th frame: its index, the frame, and what was found; None before `start`."""
        tracking = self._tracking_pass(prompts)
        depth = max(PREFETCHED_FRAMES, self.model.encoder_batch)
        encoded = self._encoded(prefetch(self._shrunk_forward(start), depth), tracking)
        if self.model.encodes_ahead:
            encoded = prefetch(encoded, 1)
        with closing(encoded) as frames:
            for (index, small, frame), features in frames:
                is_wanted = index % self.interval == 0
                if small is None:
                    if is_wanted:
                        yield index, frame, None
                    continue
                found = tracking.step_encoded(index, features)
                self.advance()
                if is_wanted:
                    yield index, frame, self._found(found)

    def _shrunk_forward(
        self, start: int
    ) -> Generator[tuple[int, np.ndarray | None, Frame], None, None]:
        """Every frame's index, from `start` on the frame at the model's size, and the frame.

        Frames are prefetched: waiting for one and then shrinking it would take longer than either.
        """
        with closing(prefetch(self.prepared.stream.frames(self._num_frames), 1)) as frames:
            for index, decoded in enumerate(frames):
                small = shrink(decoded.rgb, self.model.image_size) if index >= start else None
                yield index, small, decoded.frame

    def _shrunk_backward(self, start: int) -> Generator[tuple[int, np.ndarray], None, None]:
        """The frames from `start` down to 0 at the model's size; none if `start` is 0."""
        if start == 0:
            return
        video = self.prepared.video
        frames = read_frames_backward(
            video, video.frames[start], lambda rgb: shrink(rgb, self.model.image_size)
        )
        with closing(frames):
            for index, small in frames:
                yield index - video.frames[0], small

    def _tracking_pass(
        self, prompts: list[EncodedPrompts], *, reverse: bool = False
    ) -> TrackingPass:
        return TrackingPass(self.model.network, prompts, self._size, self._num_frames, reverse)

    def _encoded(
        self, frames: Generator[Item, None, None], tracking: TrackingPass
    ) -> Generator[tuple[Item, FrameFeatures | None], None, None]:
        """The frames, each with its features if `tracking` needs them; closes `frames` with it."""

        def to_encode(item: Item) -> Tensor | None:
            index, small = item[:2]
            if small is None or not tracking.needs_features(index):
                return None
            return normalize_image(small, self.model.device)

        with closing(frames):
            yield from encode_ahead(self.model.network, frames, to_encode, self.model.encoder_batch)

    def _found(self, tracked: FrameMasks) -> _Found:
        scores = tracked.scores.to("cpu", non_blocking=True)
        return _Found(self.to_masks(tracked.logits, self._size), scores)

    def _normalized(self, rgb: Rgb) -> Tensor:
        return normalize_image(shrink(rgb, self.model.image_size), self.model.device)

    @property
    def _size(self) -> tuple[int, int]:
        return self.prepared.video.width, self.prepared.video.height

    @property
    def _num_frames(self) -> int:
        return len(self.prepared.video.frames)


def delayed(items: Iterable[T], lag: int) -> Generator[T, None, None]:
    """The same items, each of them once `lag` more have been made."""
    made: deque[T] = deque()
    for item in items:
        made.append(item)
        del item  # a frame is large
        if len(made) > lag:
            yield made.popleft()
    yield from made


def warm_up(model: LoadedModel) -> None:
    """Track a blank frame once, so that the first request does not pay for first calls."""
    size = model.image_size
    blank = torch.zeros(1, 3, size, size, device=model.device)
    clicks = parse_clicks("[0,0]", "1", "0", "")
    prompts = encode_prompts(
        model.network, group_objects(build_prompts(clicks)), [(0, blank)], (size, size), 2
    )
    at_once = model.encoder_batch
    _, features = next(encode_ahead(model.network, range(at_once), lambda _: blank, at_once))
    TrackingPass(model.network, prompts, (size, size), 2).step_encoded(1, features)

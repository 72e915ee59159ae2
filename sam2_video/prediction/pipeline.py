"""Clicks and a video in, every object's mask on every frame out."""

import gc
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sam2_video.core.errors import DeviceMemoryError
from sam2_video.core.limits import Limits
from sam2_video.core.prefetch import prefetch
from sam2_video.engine.batch_encoder import encode_ahead
from sam2_video.engine.clicks import check_clicks, parse_clicks
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import TrackedObject, build_prompts
from sam2_video.engine.tracker import EncodedPrompts, TrackingPass, encode_prompts, group_objects
from sam2_video.prediction.mask_stack import MaskStack
from sam2_video.prediction.masks import PendingMasks, masks_of
from sam2_video.video.decode import read_frames, read_frames_backward
from sam2_video.video.decoder import Source
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.open_video import open_video
from sam2_video.video.pictures import Masks, Rgb
from sam2_video.video.probe import Video
from sam2_video.video.streams import FrameStream, RgbStream

PREFETCHED_FRAMES = 2
"""Frames that are decoded and shrunk in advance, or a batch of the encoder if that is more."""

T = TypeVar("T")
Frame = TypeVar("Frame")
Stream = TypeVar("Stream", bound=FrameStream[Any])


@dataclass(frozen=True)
class SegmentedFrame:
    """One frame and what was found on it.

    Attributes:
        index: its number in the video, from 0.
        picture: (H, W, 3) uint8 RGB, as decoded.
        masks: (K, H, W) bool, one mask an object; all False where it is out of sight.
        names: the K objects' names, in the order of the masks.
    """

    index: int
    picture: Rgb
    masks: Masks
    names: tuple[str, ...]


@dataclass(frozen=True)
class TrackedFrame(Generic[Frame]):
    """One frame, as its stream gives it, and the masks of all objects.

    Attributes:
        index: its number in the video, from 0.
        frame: `RgbFrame` or `PlanesFrame`.
        masks: (K, H, W) bool.
    """

    index: int
    frame: Frame
    masks: Masks


@dataclass(frozen=True)
class Prepared(Generic[Stream]):
    """A video that was probed, the stream to read it by, and the objects to track in it."""

    video: Video
    stream: Stream
    objects: list[TrackedObject]


def segment(
    input_video: str | Path,
    click_coordinates: str,
    click_labels: str = "1",
    click_frames: str = "0",
    click_object_ids: str = "",
    *,
    model: LoadedModel | None = None,
    limits: Limits | None = None,
) -> Generator[SegmentedFrame, None, None]:
    """Cut clicked objects out of a video file, frame by frame.

    Clicks are written as in the interface: `"[320,180],[40,60]"`, labels `"1,0"`, frames
    `"0,150"`, names `"dog,dog"`. Without `model` the one that `load_model` chooses is loaded,
    after the clicks and the video were checked; pass one to use it for several videos.

    Yields:
        Every frame of the video in order, each once.

    Raises:
        InputError: the video cannot be read, or the clicks do not fit it.
    """
    limits = limits or Limits.from_env()
    clicks = click_coordinates, click_labels, click_frames, click_object_ids
    with prepare(Path(input_video), clicks, limits, RgbStream) as prepared:
        names = tuple(tracked.name for tracked in prepared.objects)
        frames = track(
            model or load_model(), prepared.video, prepared.stream, prepared.objects, limits=limits
        )
        with closing(frames):
            for tracked in frames:
                yield SegmentedFrame(tracked.index, tracked.frame.rgb, tracked.masks, names)


@contextmanager
def prepare(
    path: Path,
    click_strings: tuple[str, str, str, str],
    limits: Limits,
    start: Callable[[Source, PictureFormat], Stream],
) -> Iterator[Prepared[Stream]]:
    """Check everything that needs no model: clicks, video, clicks in the video.

    Args:
        path: the video.
        click_strings: coordinates, labels, frames and object names, as a client writes them.
        limits: what is allowed.
        start: makes the stream, see `open_video`; it is open while the block runs.

    Raises:
        InputError: an input is wrong.
    """
    clicks = parse_clicks(*click_strings, max_clicks=limits.max_clicks)
    objects = build_prompts(
        clicks,
        max_objects=limits.max_objects,
        max_conditioning_frames=limits.max_conditioning_frames,
    )
    with open_video(path, limits, start) as (video, stream):
        check_clicks(clicks, video.width, video.height, video.num_frames)
        yield Prepared(video, stream, objects)


def track(
    model: LoadedModel,
    video: Video,
    stream: FrameStream[Frame],
    objects: Sequence[TrackedObject],
    *,
    limits: Limits,
    interval: int = 1,
    folder: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Generator[TrackedFrame[Frame], None, None]:
    """Track objects through a whole video, in memory that does not grow with its length.

    The frames before the earliest conditioning frame are tracked backward from it first; their
    masks are kept on disk. Then the stream is read once, from frame 0. Where all objects are
    clicked on frame 0, the video is decoded by nothing but that stream.

    Args:
        model: what to track with.
        video: the video.
        stream: all its frames; used up.
        objects: what to track.
        limits: the bytes that masks on disk may take.
        interval: yield every n-th frame only; every frame is tracked all the same.
        folder: where masks are kept; the system's temporary folder if None.
        advance: called once for every frame that was tracked.

    Raises:
        DeviceMemoryError: the GPU has too little memory. What this prediction took is freed first,
            so that a smaller one works.
    """
    frames = _track(model, video, stream, objects, limits, interval, folder, advance)
    try:
        with closing(frames):
            yield from frames
        return
    except torch.OutOfMemoryError:
        pass  # Raising here would keep this exception, and with it the tensors of its stack frames.
    gc.collect()
    torch.cuda.empty_cache()
    raise DeviceMemoryError(
        f"the GPU has too little memory for {len(objects)} object{'s'[: len(objects) != 1]} with "
        f"the model {model.name} at {model.image_size} pixels a side; lower SAM2_IMAGE_SIZE, "
        "click fewer objects, or choose a smaller SAM2_MODEL"
    )


def _track(
    model: LoadedModel,
    video: Video,
    stream: FrameStream[Frame],
    objects: Sequence[TrackedObject],
    limits: Limits,
    interval: int,
    folder: Path | None,
    advance: Callable[[], None],
) -> Generator[TrackedFrame[Frame], None, None]:
    """See `track`; raises `torch.OutOfMemoryError`."""
    # While the masks of a frame are copied from a GPU, the next frame is already being tracked.
    lag = 1 if model.device.type == "cuda" else 0
    prompts = _encode_clicked_frames(model, video, stream, objects)
    start = min(frame for encoded in prompts for frame in encoded.masks)
    with MaskStack(folder, limits.max_mask_bytes) as kept:
        with closing(_track_backward(model, video, prompts, start, interval, advance)) as backward:
            for pending in delayed(backward, lag):
                kept.push(pending.result())
        forward = _track_forward(model, video, stream, prompts, start, interval, advance, kept)
        with closing(forward):
            for index, frame, pending in delayed(forward, lag):
                yield TrackedFrame(index, frame, pending.result())


def _track_backward(
    model: LoadedModel,
    video: Video,
    prompts: list[EncodedPrompts],
    start: int,
    interval: int,
    advance: Callable[[], None],
) -> Generator[PendingMasks, None, None]:
    """The masks of every n-th frame before `start`, in descending order."""
    size = (video.width, video.height)
    tracking = TrackingPass(model.network, prompts, size, video.num_frames, reverse=True)
    with closing(_shrunk_backward(model, video, start)) as frames:
        for (index, _), features in encode_ahead(
            model.network, frames, partial(_to_encode, model, tracking), model.encoder_batch
        ):
            masks = tracking.step_encoded(index, features)
            if index < start:
                if index % interval == 0:
                    yield masks_of(masks.logits, size)
                advance()


def _track_forward(
    model: LoadedModel,
    video: Video,
    stream: FrameStream[Frame],
    prompts: list[EncodedPrompts],
    start: int,
    interval: int,
    advance: Callable[[], None],
    kept: MaskStack,
) -> Generator[tuple[int, Frame, PendingMasks], None, None]:
    """Every n-th frame: its index, the frame, and its masks; before `start` they are in `kept`."""
    size = (video.width, video.height)
    tracking = TrackingPass(model.network, prompts, size, video.num_frames)
    depth = max(PREFETCHED_FRAMES, model.encoder_batch)
    with closing(prefetch(_shrunk_forward(model, video, stream, start), depth)) as frames:
        for (index, small, frame), features in encode_ahead(
            model.network, frames, partial(_to_encode, model, tracking), model.encoder_batch
        ):
            is_wanted = index % interval == 0
            if small is None:
                if is_wanted:
                    yield index, frame, PendingMasks(kept.pop())
                continue
            masks = tracking.step_encoded(index, features)
            advance()
            if is_wanted:
                yield index, frame, masks_of(masks.logits, size)


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


def _encode_clicked_frames(
    model: LoadedModel,
    video: Video,
    stream: FrameStream[Frame],
    objects: Sequence[TrackedObject],
) -> list[EncodedPrompts]:
    """Read the conditioning frames in one go and encode the prompts on them."""
    wanted = {prompt.frame for tracked in objects for prompt in tracked.conditioning}
    first, last = min(wanted), max(wanted)

    def images() -> Generator[tuple[int, Tensor], None, None]:
        if last == 0:
            yield 0, _shrunk_to_model(model, stream.first().rgb)
            return
        with closing(read_frames(video, first, last + 1)) as frames:
            for index, rgb in enumerate(frames, start=first):
                if index in wanted:
                    yield index, _shrunk_to_model(model, rgb)

    with closing(images()) as pictures:
        return encode_prompts(
            model.network,
            group_objects(objects),
            pictures,
            (video.width, video.height),
            video.num_frames,
        )


def _shrunk_forward(
    model: LoadedModel, video: Video, stream: FrameStream[Frame], start: int
) -> Generator[tuple[int, np.ndarray | None, Frame], None, None]:
    """Every frame's index, from `start` on the frame at the model's size, and the frame.

    Frames are prefetched: waiting for one and then shrinking it would take longer than either.
    """
    with closing(prefetch(stream.frames(video.num_frames), 1)) as frames:
        for index, decoded in enumerate(frames):
            small = shrink(decoded.rgb, model.image_size) if index >= start else None
            yield index, small, decoded.frame


def _shrunk_backward(
    model: LoadedModel, video: Video, start: int
) -> Generator[tuple[int, np.ndarray], None, None]:
    """The frames from `start` down to 0 at the model's size; none if `start` is 0."""
    if start == 0:
        return
    frames = read_frames_backward(video, start, lambda rgb: shrink(rgb, model.image_size))
    with closing(frames):
        yield from frames


def _to_encode(model: LoadedModel, tracking: TrackingPass, item: tuple[Any, ...]) -> Tensor | None:
    """The encoder's input for (index, frame at the model's size, ...); None if it needs none."""
    index, small = item[:2]
    if small is None or not tracking.needs_features(index):
        return None
    return normalize_image(small, model.device)


def _shrunk_to_model(model: LoadedModel, rgb: Rgb) -> Tensor:
    return normalize_image(shrink(rgb, model.image_size), model.device)

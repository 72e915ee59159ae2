"""Clicks and a video in, every object's mask on every frame out."""

import gc
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2_video.core.errors import DeviceMemoryError
from sam2_video.core.limits import Limits
from sam2_video.core.prefetch import read_ahead
from sam2_video.engine.batch_encoder import encode_ahead
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.engine.preprocess import normalize_image, shrink
from sam2_video.engine.prompts import TrackedObject, build_prompts, check_clicks, parse_clicks
from sam2_video.engine.tracker import EncodedPrompts, TrackingPass, encode_prompts, group_objects
from sam2_video.prediction.mask_stack import MaskStack
from sam2_video.video.frames import Reading, Video, open_video, read_frames, read_frames_backward

T = TypeVar("T")

FRAMES_AHEAD = 2
"""Frames that are decoded and shrunk while the model is at earlier ones, or a batch of the encoder
if that is more."""


@dataclass(frozen=True)
class SegmentedFrame:
    """One frame and what was found on it.

    Attributes:
        index: its place in the video, from 0.
        picture: (H, W, 3) uint8 RGB, as decoded; planes where `segment_video` was given a
            `Reading` that gives them.
        masks: (K, H, W) bool, one mask an object; all False where it is out of sight.
        names: the K objects' names, in the order of the masks.
    """

    index: int
    picture: np.ndarray
    masks: np.ndarray
    names: tuple[str, ...]


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
    with Reading() as reading:
        video, objects = prepare(
            Path(input_video),
            (click_coordinates, click_labels, click_frames, click_object_ids),
            limits,
            reading,
        )
        yield from segment_video(
            model or load_model(), video, objects, limits=limits, reading=reading
        )


def prepare(
    path: Path,
    click_strings: tuple[str, str, str, str],
    limits: Limits,
    reading: Reading | None = None,
) -> tuple[Video, list[TrackedObject]]:
    """Check everything that can be known without a model: clicks, video, clicks in the video.

    Args:
        path: the video.
        click_strings: coordinates, labels, frames and object names, as a client writes them.
        limits: what is allowed.
        reading: begins meanwhile, for `segment_video`.

    Raises:
        InputError: something is not as it should be.
    """
    clicks = parse_clicks(*click_strings, max_clicks=limits.max_clicks)
    objects = build_prompts(clicks, limits.max_objects, limits.max_conditioning_frames)
    video = open_video(path, limits, reading)
    check_clicks(clicks, video.width, video.height, video.num_frames)
    return video, objects


def segment_video(
    model: LoadedModel,
    video: Video,
    objects: Sequence[TrackedObject],
    *,
    limits: Limits,
    interval: int = 1,
    folder: Path | None = None,
    advance: Callable[[], None] = lambda: None,
    reading: Reading | None = None,
) -> Generator[SegmentedFrame, None, None]:
    """Track objects through a whole video, in memory that does not grow with its length.

    The frames before the earliest conditioning frame are tracked backward from it first;
    their masks wait on disk. Then the video is read once from its beginning.

    Args:
        model: what to track with.
        video: an opened video.
        objects: what to track.
        limits: the bytes that waiting masks may take.
        interval: yield every n-th frame only; every frame is tracked all the same.
        folder: where waiting masks lie; the system's temporary folder if None.
        advance: called once for every frame that was tracked.
        reading: begun while the video was opened, so that no other decoding is needed where all
            objects are clicked on frame 0.

    Raises:
        DeviceMemoryError: the GPU has too little memory. What was taken is given back, so that a
            smaller prediction works.
    """
    names = tuple(tracked.name for tracked in objects)
    size = (video.width, video.height)
    reading = reading or Reading()

    def tracked_frames() -> Generator[Callable[[], SegmentedFrame], None, None]:
        """Every wanted frame once it is on its way through the model; calling it waits for it."""
        prompts = _encode_clicked_frames(model, video, objects, reading)
        start = min(frame for encoded in prompts for frame in encoded.logits)
        with reading, MaskStack(folder, limits.max_mask_bytes) as waiting:
            backward = _track_backward(model, video, prompts, start, interval, advance)
            with closing(backward):
                for masks in finish_behind(backward, _frames_behind(model)):
                    waiting.push(masks)
            forward = TrackingPass(model.network, prompts, size, video.num_frames)
            ahead = max(FRAMES_AHEAD, model.encoder_batch)
            shrunk = _shrunk_forward(model, video, start, reading)
            with closing(read_ahead(shrunk, ahead)) as frames:
                for (index, small, picture), features in encode_ahead(
                    model.network, frames, partial(_to_encode, model, forward), model.encoder_batch
                ):
                    is_wanted = index % interval == 0
                    if small is None:
                        masks_of_frame = partial(_same, waiting.pop()) if is_wanted else None
                    else:
                        logits = forward.step_encoded(index, features)
                        advance()
                        masks_of_frame = begin_masks(logits, size) if is_wanted else None
                    if masks_of_frame is not None:
                        yield partial(_finished, index, picture, masks_of_frame, names)

    try:
        with closing(tracked_frames()) as frames:
            yield from finish_behind(frames, _frames_behind(model))
        return
    except torch.OutOfMemoryError:
        pass  # the exception holds every tensor of its frames: it has to go first
    del frames
    gc.collect()
    torch.cuda.empty_cache()
    raise DeviceMemoryError(
        f"the GPU has too little memory for {len(objects)} object{'s'[: len(objects) != 1]} with "
        f"the model {model.name} at {model.image_size} pixels a side; lower SAM2_IMAGE_SIZE, "
        "click fewer objects, or choose a smaller SAM2_MODEL"
    )


def warm_up(model: LoadedModel) -> None:
    """Track a blank frame once, so that the first request finds everything in place."""
    size = model.image_size
    blank = torch.zeros(1, 3, size, size, device=model.device)
    clicks = parse_clicks("[0,0]", "1", "0", "")
    prompts = encode_prompts(
        model.network, group_objects(build_prompts(clicks)), [(0, blank)], (size, size), 2
    )
    at_once = model.encoder_batch
    _, features = next(encode_ahead(model.network, range(at_once), lambda _: blank, at_once))
    TrackingPass(model.network, prompts, (size, size), 2).step_encoded(1, features)


def masks_of(logits: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Turn (K, 1, h, w) mask logits into (K, H, W) bool masks of a (width, height) video.

    Bilinear, as `SAM2VideoPredictor._get_orig_video_res_output`; object by object, since
    full-size logits are 32 times as large as the masks. On the CPU by OpenCV, whose resize takes
    a tenth of PyTorch's time; elsewhere on the device, so that only bits leave it.
    """
    return begin_masks(logits, size)()


def begin_masks(logits: Tensor, size: tuple[int, int]) -> Callable[[], np.ndarray]:
    """`masks_of`, but on a GPU nothing is waited for until the function that is given is called."""
    width, height = size
    if logits.device.type == "cpu":
        masks = np.empty((len(logits), height, width), bool)
        for k, logit in enumerate(logits):
            full = cv2.resize(logit[0].numpy(), size, interpolation=cv2.INTER_LINEAR)
            np.greater(full, 0, out=masks[k])
        return partial(_same, masks)
    on_device = torch.empty((len(logits), height, width), dtype=torch.bool, device=logits.device)
    for k, logit in enumerate(logits):
        larger = F.interpolate(logit[None], (height, width), mode="bilinear")
        torch.gt(larger[0, 0], 0, out=on_device[k])
    copy = on_device.to("cpu", non_blocking=True)  # to pinned memory, and asynchronous
    done = torch.cuda.Event()
    done.record(torch.cuda.current_stream(logits.device))

    def wait() -> np.ndarray:
        done.synchronize()
        return copy.numpy().copy()  # pinned memory is never given back: little of it is kept

    return wait


def finish_behind(begun: Iterable[Callable[[], T]], behind: int) -> Generator[T, None, None]:
    """What each function gives, in order, called when `behind` more have been begun."""
    waiting: deque[Callable[[], T]] = deque()
    for finish in begun:
        waiting.append(finish)
        del finish  # a frame is large
        if len(waiting) > behind:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def _frames_behind(model: LoadedModel) -> int:
    """How many frames a GPU may be at work on when the masks of an earlier one are waited for."""
    return 1 if model.device.type == "cuda" else 0


def _finished(
    index: int, picture: np.ndarray, masks: Callable[[], np.ndarray], names: tuple[str, ...]
) -> SegmentedFrame:
    return SegmentedFrame(index, picture, masks(), names)


def _same(value: T) -> T:
    return value


def _track_backward(
    model: LoadedModel,
    video: Video,
    prompts: list[EncodedPrompts],
    start: int,
    interval: int,
    advance: Callable[[], None],
) -> Generator[Callable[[], np.ndarray], None, None]:
    """Masks of every n-th frame before `start`, from there to 0; see `begin_masks`."""
    size = (video.width, video.height)
    backward = TrackingPass(model.network, prompts, size, video.num_frames, reverse=True)
    with closing(_shrunk_backward(model, video, start)) as shrunk:
        for (index, _), features in encode_ahead(
            model.network, shrunk, partial(_to_encode, model, backward), model.encoder_batch
        ):
            logits = backward.step_encoded(index, features)
            if index < start:
                if index % interval == 0:
                    yield begin_masks(logits, size)
                advance()


def _encode_clicked_frames(
    model: LoadedModel, video: Video, objects: Sequence[TrackedObject], reading: Reading
) -> list[EncodedPrompts]:
    """Read the conditioning frames in one go and encode the prompts on them."""
    wanted = {prompt.frame for tracked in objects for prompt in tracked.conditioning}
    first, last = min(wanted), max(wanted)

    def images() -> Generator[tuple[int, Tensor], None, None]:
        if last == 0 and reading.is_begun:
            yield 0, _shrunk_to_model(model, reading.first())
            return
        with closing(read_frames(video, first, last + 1)) as frames:
            for index, picture in enumerate(frames, start=first):
                if index in wanted:
                    yield index, _shrunk_to_model(model, picture)

    with closing(images()) as pictures:
        return encode_prompts(
            model.network,
            group_objects(objects),
            pictures,
            (video.width, video.height),
            video.num_frames,
        )


def _shrunk_forward(
    model: LoadedModel, video: Video, start: int, reading: Reading
) -> Generator[tuple[int, np.ndarray | None, np.ndarray], None, None]:
    """Every frame's index, from `start` on the frame at the model's size, and the frame.

    Frames are read by a thread of their own: waiting for one and shrinking the one before, in
    turns, would take longer than either.
    """
    with closing(read_ahead(reading.frames(video), 1)) as frames:
        for index, (picture, rgb) in enumerate(frames):
            small = shrink(rgb, model.image_size) if index >= start else None
            yield index, small, picture


def _shrunk_backward(
    model: LoadedModel, video: Video, start: int
) -> Generator[tuple[int, np.ndarray], None, None]:
    """The frames from `start` down to 0 at the model's size; none if it is the first one."""
    if start == 0:
        return
    frames = read_frames_backward(video, start, lambda p: shrink(p, model.image_size))
    with closing(frames):
        yield from frames


def _to_encode(
    model: LoadedModel,
    tracking: TrackingPass,
    frame: tuple[int, np.ndarray | None, np.ndarray] | tuple[int, np.ndarray],
) -> Tensor | None:
    """A frame's picture for the encoder; None where a pass asks for no features of it."""
    index, small = frame[:2]
    if small is None or not tracking.needs_features(index):
        return None
    return _to_model(model, small)


def _shrunk_to_model(model: LoadedModel, picture: np.ndarray) -> Tensor:
    return _to_model(model, shrink(picture, model.image_size))


def _to_model(model: LoadedModel, image: np.ndarray) -> Tensor:
    return normalize_image(image, model.device)

"""What to track and in which frames, checked before any model work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.boxes import check_boxes, parse_boxes
from sam2_video.engine.clicks import check_clicks, check_frame, parse_clicks
from sam2_video.engine.prompts import MaskPrompt, TrackedObject, build_prompts, moved
from sam2_video.prediction.mask_files import MaskSource
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.open_video import WHOLE, StartStream, open_video
from sam2_video.video.probe import Video
from sam2_video.video.streams import FrameStream

Stream = FrameStream[Any]


@dataclass(frozen=True)
class PromptInputs:
    """The inputs that say what to track, as a client writes them; see the interface.

    Attributes:
        masks: what `input_masks` holds.
    """

    click_coordinates: str
    click_labels: str = "1"
    click_frames: str = "0"
    click_object_ids: str = ""
    box_coordinates: str = ""
    box_frames: str = "0"
    box_object_ids: str = ""
    masks: MaskSource | None = None


@dataclass(frozen=True)
class Prepared:
    """A video that was probed, the stream to read it by, and the objects to track in it.

    Attributes:
        video: the video; `video.frames` are the ones that are processed.
        stream: those frames.
        objects: their prompts' frames count from the first of those frames.
    """

    video: Video
    stream: Stream
    objects: list[TrackedObject]


@contextmanager
def prepare(
    path: Path,
    prompts: PromptInputs,
    limits: Limits,
    start: StartStream[Any],
    wanted: FrameRange = WHOLE,
) -> Iterator[Prepared]:
    """Check everything that needs no model: prompts, video, prompts in the video.

    Args:
        path: the video.
        prompts: what to track.
        limits: what is allowed.
        start: makes the stream, see `open_video`; it is open while the block runs.
        wanted: the frames to process.

    Raises:
        InputError: an input is wrong.
    """
    clicks = parse_clicks(
        prompts.click_coordinates,
        prompts.click_labels,
        prompts.click_frames,
        prompts.click_object_ids,
        max_clicks=limits.max_clicks,
    )
    boxes = parse_boxes(
        prompts.box_coordinates,
        prompts.box_frames,
        prompts.box_object_ids,
        max_boxes=limits.max_clicks,
    )
    masks = [] if prompts.masks is None else _mask_prompts(prompts.masks)
    if len(masks) > limits.max_clicks:
        raise InputError(
            f"input_masks holds {len(masks)} masks of objects, but at most {limits.max_clicks} are "
            "allowed (SAM2_MAX_CLICKS)"
        )
    objects = build_prompts(
        clicks,
        boxes,
        masks,
        max_objects=limits.max_objects,
        max_conditioning_frames=limits.max_conditioning_frames,
    )
    with open_video(path, limits, start, wanted) as (video, stream):
        first, last = video.frames[0], video.frames[-1]
        # Of a video that was decoded to `end_frame` alone, nobody knows the number of frames.
        count = video.num_frames if video.is_whole else limits.max_frames
        bounds = video.width, video.height, count, first, last
        check_clicks(clicks, *bounds)
        check_boxes(boxes, *bounds)
        if prompts.masks is not None:
            check_mask_size("input_masks", prompts.masks, video)
            for frame in [mask.frame for mask in masks]:
                check_frame("a frame of input_masks", frame, *bounds[2:])
        yield Prepared(video, stream, moved(objects, -first))


def check_mask_size(name: str, masks: MaskSource, video: Video) -> None:
    """Check that masks have the video's size.

    Raises:
        InputError: they do not; one sentence that begins with `name`.
    """
    if masks.size != (video.width, video.height):
        width, height = masks.size
        raise InputError(
            f"{name} has masks of {width}x{height} pixels, "
            f"but input_video has {video.width}x{video.height}"
        )


def _mask_prompts(masks: MaskSource) -> list[MaskPrompt]:
    """A prompt for every object that is in sight, object by object."""
    return [
        MaskPrompt(frame, name, partial(masks.decode, frame, k))
        for k, name in enumerate(masks.names)
        for frame, objects in masks.in_sight.items()
        if k in objects
    ]

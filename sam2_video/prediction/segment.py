"""`segment`: the whole way as a function of Python."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import InputError, shown
from sam2_video.core.limits import Limits
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.prediction.fetch import existing_file, is_url, local_file
from sam2_video.prediction.mask_files import masks_of_arrays, open_masks
from sam2_video.prediction.prepare import PromptInputs, prepare
from sam2_video.prediction.track import Scores, track
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.pictures import Masks, Rgb, RgbFrame
from sam2_video.video.streams import RgbStream

Numbers = str | int | Sequence[Any] | NDArray[Any]
"""Clicks, boxes, labels or frames: as the interface writes them, or as lists or an array."""

Names = str | Sequence[str | None]
"""Names of objects, separated by commas or as a list."""

MaskValues = NDArray[np.integer] | NDArray[np.bool_] | Sequence[NDArray[np.bool_]]
"""Masks on one frame: (H, W) integers, where the value k is object k; or (K, H, W) bool."""


@dataclass(frozen=True)
class SegmentedFrame:
    """One frame and what was found on it.

    Attributes:
        index: its number in the video, from 0.
        picture: (H, W, 3) uint8 RGB, as decoded.
        masks: (K, H, W) bool, one mask an object; all False where it is out of sight.
        names: the K objects' names, in the order of the masks.
        scores: (K,) float32, how sure the model is of each mask, from 0 to 1.
    """

    index: int
    picture: Rgb
    masks: Masks
    names: tuple[str, ...]
    scores: Scores


def segment(
    input_video: str | Path,
    click_coordinates: Numbers = "",
    click_labels: Numbers = "1",
    click_frames: Numbers = "0",
    click_object_ids: Names = "",
    *,
    box_coordinates: Numbers = "",
    box_frames: Numbers = "0",
    box_object_ids: Names = "",
    input_masks: str | Path | MaskValues | Mapping[int, MaskValues] | None = None,
    start_frame: int = 0,
    end_frame: int = -1,
    model: LoadedModel | None = None,
    limits: Limits | None = None,
) -> Generator[SegmentedFrame, None, None]:
    """Cut prompted objects out of a video, frame by frame.

    Prompts are written as in the interface, or given as arrays and lists: clicks as (N, 2), boxes
    as (N, 4), labels and frames as (N,) numbers or one for all, names as a list. Without `model`
    the one that `load_model` chooses is loaded, after prompts and video were checked; pass one to
    use it for several videos.

    Videos and files of masks are paths, data URIs or http(s) URLs. Other masks are as
    `SegmentedFrame` holds them, (K, H, W) bool, or (H, W) integers in which the value k is object
    k: those of `start_frame`, or a mapping from frame numbers to the masks there.

    Yields:
        Every frame of the video, or from `start_frame` to `end_frame`, in order, each once.

    Raises:
        InputError: the video cannot be read, or the prompts do not fit it.
    """
    limits = limits or Limits.from_env()
    wanted = FrameRange(start_frame, end_frame)
    object_ids = as_text("click_object_ids", click_object_ids)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="sam2-video-")))

        def local(name: str, given: str | Path) -> Path:
            is_remote = isinstance(given, str) and is_url(given)
            source = given if is_remote else existing_file(name, str(given), str(given))
            return stack.enter_context(local_file(name, source, scratch, limits))

        masks = None
        if isinstance(input_masks, str | Path):
            path = local("input_masks", input_masks)
            most = limits.max_conditioning_frames
            masks = stack.enter_context(
                open_masks(
                    "input_masks", path, start_frame, object_ids, most, limits.max_frame_pixels
                )
            )
        elif input_masks is not None:
            by_frame = (
                input_masks if isinstance(input_masks, Mapping) else {start_frame: input_masks}
            )
            masks = masks_of_arrays(by_frame, object_ids)
        prompts = PromptInputs(
            as_text("click_coordinates", click_coordinates),
            as_text("click_labels", click_labels),
            as_text("click_frames", click_frames),
            object_ids,
            as_text("box_coordinates", box_coordinates),
            as_text("box_frames", box_frames),
            as_text("box_object_ids", box_object_ids),
            masks,
        )
        prepared = stack.enter_context(
            prepare(local("input_video", input_video), prompts, limits, RgbStream, wanted)
        )
        names = tuple(tracked.name for tracked in prepared.objects)
        frames = track(model or load_model(), prepared, limits=limits)
        for found in stack.enter_context(closing(frames)):
            assert isinstance(found.frame, RgbFrame)
            assert found.scores is not None
            yield SegmentedFrame(
                found.index, found.frame.rgb, found.masks.view(bool), names, found.scores
            )


def as_text(name: str, value: Numbers | Names) -> str:
    """A prompt input as the interface writes it; a string as it is.

    Raises:
        InputError: its rows are of different lengths, or it holds something else than numbers or
            text.
    """
    if isinstance(value, str):
        return value
    try:
        array = np.asarray(value)
        if not array.size:
            return ""
        if array.dtype.kind == "f":  # JSON writes small numbers with exponents
            array = array.round(4)
        if array.dtype.kind == "b" or (array.dtype.kind == "f" and (array == array.round()).all()):
            array = array.astype(int)
        return json.dumps(array.tolist())
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} is {shown(value)}, but it should be a string, a list or an array"
        ) from error

"""`segment`: the whole way as a function of Python."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.limits import Limits
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.prediction.mask_files import masks_of_arrays, open_masks
from sam2_video.prediction.prepare import PromptInputs, prepare
from sam2_video.prediction.track import Scores, track
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.pictures import Masks, Rgb, RgbFrame
from sam2_video.video.streams import RgbStream

PromptValue = str | Sequence[Any] | NDArray[Any]
"""A prompt input: as the interface writes it, or as a list or an array."""


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
    click_coordinates: PromptValue = "",
    click_labels: PromptValue = "1",
    click_frames: PromptValue = "0",
    click_object_ids: PromptValue = "",
    *,
    box_coordinates: PromptValue = "",
    box_frames: PromptValue = "0",
    box_object_ids: PromptValue = "",
    input_masks: str | Path | Mapping[int, NDArray[np.integer]] | None = None,
    start_frame: int = 0,
    end_frame: int = -1,
    model: LoadedModel | None = None,
    limits: Limits | None = None,
) -> Generator[SegmentedFrame, None, None]:
    """Cut prompted objects out of a video file, frame by frame.

    Prompts are written as in the interface, or given as arrays and lists: clicks as (N, 2), boxes
    as (N, 4), labels and frames as (N,) numbers, names as a list. Masks are a file, or an (H, W)
    array for each frame number, in which the value k is object k. Without `model` the one that
    `load_model` chooses is loaded, after prompts and video were checked; pass one to use it for
    several videos.

    Yields:
        Every frame of the video, or from `start_frame` to `end_frame`, in order, each once.

    Raises:
        InputError: the video cannot be read, or the prompts do not fit it.
    """
    limits = limits or Limits.from_env()
    wanted = FrameRange(start_frame, end_frame)
    object_ids = prompt_text(click_object_ids)
    with ExitStack() as stack:
        masks = None
        if isinstance(input_masks, Mapping):
            masks = masks_of_arrays(input_masks, object_ids)
        elif input_masks is not None:
            masks = stack.enter_context(
                open_masks(
                    "input_masks",
                    Path(input_masks),
                    start_frame,
                    object_ids,
                    limits.max_conditioning_frames,
                )
            )
        prompts = PromptInputs(
            prompt_text(click_coordinates),
            prompt_text(click_labels),
            prompt_text(click_frames),
            object_ids,
            prompt_text(box_coordinates),
            prompt_text(box_frames),
            prompt_text(box_object_ids),
            masks,
        )
        prepared = stack.enter_context(
            prepare(Path(input_video), prompts, limits, RgbStream, wanted)
        )
        names = tuple(tracked.name for tracked in prepared.objects)
        frames = track(model or load_model(), prepared, limits=limits)
        for found in stack.enter_context(closing(frames)):
            assert isinstance(found.frame, RgbFrame)
            assert found.scores is not None
            yield SegmentedFrame(
                found.index, found.frame.rgb, found.masks.view(bool), names, found.scores
            )


def prompt_text(value: PromptValue) -> str:
    """Arrays and lists as the interface writes them; a string as it is."""
    return value if isinstance(value, str) else json.dumps(np.asarray(value).tolist())

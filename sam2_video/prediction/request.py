"""The inputs of one prediction, checked, and its two halves: tracking and rendering.

`checked_request` opens the video and checks everything that needs no model. `CheckedRequest.run`
tracks (`track.py`) and renders (`render.py`); `checked_rendering` is the same for masks of an
earlier run, which are only rendered.
"""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.model import LoadedModel
from sam2_video.prediction.fetch import local_file
from sam2_video.prediction.look import Look, check_output_size, look_of
from sam2_video.prediction.mask_files import MaskSource, coco_masks, open_masks
from sam2_video.prediction.masks import coverage_of, masks_of
from sam2_video.prediction.prepare import (
    Prepared,
    PromptInputs,
    Stream,
    check_mask_size,
    prepare,
)
from sam2_video.prediction.render import render
from sam2_video.prediction.track import TrackedFrame, track
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.open_video import open_video
from sam2_video.video.probe import Video

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """The inputs of one prediction, as `Contract.complete` gives them; see `predict.py`.

    A file is a `Path` if it is a local one, else a URL or a data URI.
    """

    input_video: Path | str
    click_coordinates: str
    click_labels: str
    click_frames: str
    click_object_ids: str
    mask_type: str
    annotation_type: str
    output_video: bool
    video_fps: int
    output_format: str
    output_quality: int
    output_frame_interval: int
    box_coordinates: str
    box_frames: str
    box_object_ids: str
    input_masks: Path | str | None
    start_frame: int
    end_frame: int
    video_format: str
    separate_objects: bool
    keep_audio: bool
    output_masks: bool
    mask_expand: int
    mask_feather: int
    background_color: str

    @property
    def frames(self) -> FrameRange:
        """Which frames to process."""
        return FrameRange(self.start_frame, self.end_frame)


@dataclass(frozen=True)
class CheckedRequest:
    """A request in which nothing is wrong: its video is here, and the prompts fit it."""

    request: Request
    look: Look
    prepared: Prepared
    limits: Limits

    @property
    def video(self) -> Video:
        """The video."""
        return self.prepared.video

    @property
    def names(self) -> list[str]:
        """Of the objects, in the order of the masks."""
        return [tracked.name for tracked in self.prepared.objects]

    def run(
        self, model: LoadedModel, folder: Path, scratch: Path, advance: Callable[[], None]
    ) -> Generator[Path, None, None]:
        """Track every prompted object through the video, draw and write the results.

        Args:
            model: what to track with.
            folder: where the files go; made if it is not there.
            scratch: where masks are kept that are needed later.
            advance: called once for every frame that was tracked.

        Yields:
            Each file as soon as it is complete.

        Raises:
            OutputError: it cannot be written.
            DeviceMemoryError: the GPU has too little memory.
        """
        tracked = track(
            model,
            self.prepared,
            limits=self.limits,
            to_masks=coverage_of if self.look.is_soft else masks_of,
            interval=self.request.output_frame_interval,
            folder=scratch,
            advance=advance,
        )
        with closing(tracked):
            stream = self.prepared.stream
            yield from render(self.look, self.video, stream, self.names, tracked, folder, scratch)


@contextmanager
def checked_request(request: Request, folder: Path, limits: Limits) -> Iterator[CheckedRequest]:
    """Check everything that needs no model; the files are here while the block runs.

    Args:
        request: what is wanted.
        folder: where downloaded files are kept until the block ends.
        limits: what is allowed.

    Raises:
        InputError: an input is wrong.
    """
    look, frames = look_of(vars(request)), request.frames
    with ExitStack() as stack:
        masks = None
        if request.input_masks is not None:
            path = stack.enter_context(
                local_file("input_masks", request.input_masks, folder, limits)
            )
            masks = stack.enter_context(
                open_masks(
                    "input_masks",
                    path,
                    request.start_frame,
                    request.click_object_ids,
                    limits.max_conditioning_frames,
                    limits.max_frame_pixels,
                )
            )
        prompts = PromptInputs(
            request.click_coordinates,
            request.click_labels,
            request.click_frames,
            request.click_object_ids,
            request.box_coordinates,
            request.box_frames,
            request.box_object_ids,
            masks,
        )
        path = stack.enter_context(local_file("input_video", request.input_video, folder, limits))
        prepared = stack.enter_context(prepare(path, prompts, limits, look.start_stream, frames))
        check_output_size(prepared.video, look, len(prepared.objects))
        yield CheckedRequest(request, look, prepared, limits)


@dataclass(frozen=True)
class CheckedRendering:
    """Masks of an earlier run that fit a video, and how to render them."""

    look: Look
    video: Video
    stream: Stream
    masks: MaskSource

    @property
    def names(self) -> list[str]:
        """Of the objects, in the order of the masks."""
        return list(self.masks.names)

    def run(
        self, folder: Path, scratch: Path, advance: Callable[[], None]
    ) -> Generator[Path, None, None]:
        """Draw and write the results; see `CheckedRequest.run`.

        Raises:
            InputError: a mask is damaged.
            OutputError: a file cannot be written.
        """
        with closing(self.stream.frames(len(self.video.frames))) as frames:

            def found() -> Generator[TrackedFrame, None, None]:
                numbered = zip(self.video.frames, frames, strict=True)
                for position, (index, decoded) in enumerate(numbered):
                    if position % self.look.interval == 0:
                        masks, scores = self.masks.read(index), self.masks.scores.get(index)
                        yield TrackedFrame(index, decoded.frame, masks, scores)
                    advance()

            yield from render(
                self.look,
                self.video,
                self.stream,
                self.names,
                found(),
                folder,
                scratch,
                self.masks.colours,
            )


@contextmanager
def checked_rendering(
    request: Request, masks_path: Path, folder: Path, limits: Limits
) -> Iterator[CheckedRendering]:
    """Check masks of an earlier run and what is to be made of them, without a model.

    Args:
        request: what is wanted; of the prompts only `click_object_ids` is read, for names.
        masks_path: a folder or a zip of `indexed` PNGs, or a `masks.json`.
        folder: where a downloaded video is kept until the block ends.
        limits: what is allowed.

    Raises:
        InputError: an input is wrong.
    """
    look = look_of(vars(request))
    with ExitStack() as stack:
        if masks_path.suffix.lower() == ".json":
            masks = coco_masks("--masks", masks_path)
        else:
            masks = stack.enter_context(
                open_masks(
                    "--masks",
                    masks_path,
                    request.start_frame,
                    request.click_object_ids,
                    limits.max_frames,
                    limits.max_frame_pixels,
                )
            )
        path = stack.enter_context(local_file("input_video", request.input_video, folder, limits))
        video, stream = stack.enter_context(
            open_video(path, limits, look.start_stream, request.frames)
        )
        check_mask_size("--masks", masks, video)
        if not any(frame in video.frames for frame in masks.in_sight):
            first, last = video.frames[0], video.frames[-1]
            raise InputError(f"--masks has no mask of the frames {first} to {last}")
        drawn = video.frames[:: look.interval]
        missing = [frame for frame in drawn if frame not in masks.in_sight]
        if missing:
            logger.warning(
                "--masks has no mask of %d of %d frames, the first is %d: no object is drawn there",
                len(missing),
                len(drawn),
                missing[0],
            )
        check_output_size(video, look, len(masks.names))
        yield CheckedRendering(look, video, stream, masks)

"""One prediction from its inputs to its files.

`checked_request` opens the video and checks the clicks; `CheckedRequest.run` tracks
(`pipeline.py`), draws (`video/draw_*.py`) and writes (`outputs.py`).
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.prompts import TrackedObject
from sam2_video.prediction.fetch import local_file
from sam2_video.prediction.outputs import check_output_size, write_images, write_video
from sam2_video.prediction.pipeline import TrackedFrame, prepare, track
from sam2_video.video.colour_space import to_planes
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import rgb_renderer
from sam2_video.video.encode_images import ImageSequence
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.probe import Video
from sam2_video.video.streams import FrameStream, PlanesStream, RgbStream, planes_if_plain

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Request:
    """The inputs of one prediction, as `Contract.complete` gives them; see `predict.py`."""

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


@dataclass(frozen=True)
class CheckedRequest:
    """A request in which nothing is wrong: its video is here, and the clicks fit it."""

    request: Request
    video: Video
    stream: RgbStream | PlanesStream
    objects: list[TrackedObject]
    limits: Limits

    def run(
        self, model: LoadedModel, folder: Path, scratch: Path, advance: Callable[[], None]
    ) -> Generator[Path, None, None]:
        """Track every clicked object through the video, draw and write the results.

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
        wanted, video, stream = self.request, self.video, self.stream
        drawing = wanted.mask_type, wanted.annotation_type

        def tracked(stream: FrameStream[Frame]) -> Generator[TrackedFrame[Frame], None, None]:
            return track(
                model,
                video,
                stream,
                self.objects,
                limits=self.limits,
                interval=wanted.output_frame_interval,
                folder=scratch,
                advance=advance,
            )

        def video_file(chroma_location: str) -> VideoFile:
            width, height = video.width + video.width % 2, video.height + video.height % 2
            path = folder / "output_video.mp4"
            return VideoFile(path, width, height, wanted.video_fps, chroma_location)

        if isinstance(stream, PlanesStream):
            draw_planes = planes_renderer(*drawing)
            with closing(tracked(stream)) as planes_frames:
                yield write_video(
                    video_file("left"),
                    planes_frames,
                    lambda found: draw_planes(found.frame.planes, found.masks),
                )
            return
        draw = rgb_renderer(*drawing)
        with closing(tracked(stream)) as frames:
            if wanted.output_video:
                yield write_video(
                    video_file("center"),
                    frames,
                    lambda found: to_planes(draw(found.frame.rgb, found.masks)),
                )
            else:
                sequence = ImageSequence(folder, wanted.output_format, wanted.output_quality)
                yield from write_images(
                    sequence, frames, lambda found: draw(found.frame.rgb, found.masks)
                )


@contextmanager
def checked_request(request: Request, folder: Path, limits: Limits) -> Iterator[CheckedRequest]:
    """Check everything that needs no model; the video is here while the block runs.

    Args:
        request: its video is a `Path` if it is a local file, else a URL or a data URI.
        folder: where a downloaded video is kept until the block ends.
        limits: what is allowed.

    Raises:
        InputError: an input is wrong.
    """
    interval = request.output_frame_interval
    if interval < 1:
        raise InputError(f"output_frame_interval is {interval}, but it should be 1 or more")
    clicks = (
        request.click_coordinates,
        request.click_labels,
        request.click_frames,
        request.click_object_ids,
    )
    keeps_pixels = request.output_video and request.mask_type != "binary"
    start = planes_if_plain if keeps_pixels else RgbStream
    with (
        local_file("input_video", request.input_video, folder, limits) as path,
        prepare(path, clicks, limits, start) as prepared,
    ):
        video = prepared.video
        check_output_size(video.width, video.height, request.output_video, request.output_format)
        yield CheckedRequest(request, video, prepared.stream, prepared.objects, limits)

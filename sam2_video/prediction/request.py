"""One prediction from its inputs to its files, whoever asks for it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.core.prefetch import work_behind
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.prompts import TrackedObject
from sam2_video.prediction.fetch import local_file
from sam2_video.prediction.pipeline import SegmentedFrame, prepare, segment_video
from sam2_video.video import sinks
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import renderer
from sam2_video.video.frames import Reading, Video


@dataclass(frozen=True)
class Request:
    """The inputs of one prediction; what they mean is said in `predict.py`."""

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
    objects: list[TrackedObject]
    limits: Limits
    reading: Reading

    def run(
        self, model: LoadedModel, folder: Path, scratch: Path, advance: Callable[[], None]
    ) -> Generator[Path, None, None]:
        """Track every clicked object through the video and write what is seen.

        Args:
            model: what to track with.
            folder: where the files go; made if it is not there.
            scratch: where masks lie that have to wait.
            advance: called once for every frame that was tracked.

        Yields:
            Each file as soon as it is complete.

        Raises:
            OutputError: it cannot be written.
            DeviceMemoryError: the GPU has too little memory.
        """
        wanted, video, as_planes = self.request, self.video, self.reading.as_planes
        frames = segment_video(
            model,
            video,
            self.objects,
            limits=self.limits,
            interval=wanted.output_frame_interval,
            folder=scratch,
            advance=advance,
            reading=self.reading,
        )
        choose = planes_renderer if as_planes else renderer
        render = choose(wanted.mask_type, wanted.annotation_type)
        with closing(frames):
            if wanted.output_video:
                path = folder / "output_video.mp4"
                form = video.width, video.height, wanted.video_fps
                chroma = "left" if as_planes else "center"
                with sinks.VideoFile(path, *form, chroma_location=chroma) as sink:
                    write = sink.write_planes if as_planes else sink.write

                    def draw(frame: SegmentedFrame) -> None:
                        write(render(frame.picture, frame.masks))

                    with closing(work_behind(draw, frames, threads=1)) as written:
                        for _ in written:
                            pass
                yield path
            else:
                two_valued = wanted.mask_type == "binary"
                sequence = sinks.ImageSequence(
                    folder, wanted.output_format, wanted.output_quality, two_valued
                )

                def save(frame: SegmentedFrame) -> Path:
                    return sequence.write(frame.index, render(frame.picture, frame.masks))

                with closing(work_behind(save, frames, sinks.IMAGE_THREADS)) as saved:
                    yield from saved


@contextmanager
def checked_request(request: Request, folder: Path, limits: Limits) -> Iterator[CheckedRequest]:
    """Check everything that can be known without a model; the video is here while the block runs.

    Args:
        request: its video is a `Path` if it is a file that is already here, else an address.
        folder: where a download lies until the block ends.
        limits: what is allowed.

    Raises:
        InputError: something is not as it should be.
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
    as_planes = request.output_video and request.mask_type != "binary"
    with (
        local_file("input_video", request.input_video, folder, limits) as source,
        Reading(as_planes=as_planes) as reading,
    ):
        video, objects = prepare(source, clicks, limits, reading)
        sinks.check_output_size(
            video.width, video.height, request.output_video, request.output_format
        )
        yield CheckedRequest(request, video, objects, limits, reading)

"""Frames and masks become files: edges, drawing and encoding, whoever made the masks."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sam2_video.core.errors import InputError
from sam2_video.core.file_names import safe_names
from sam2_video.core.prefetch import map_in_background
from sam2_video.prediction.coco import MASKS_FILE, CocoFile, RunLengths, run_lengths
from sam2_video.prediction.prepare import Stream
from sam2_video.prediction.track import Scores, TrackedFrame
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import GREEN, rgb_renderer
from sam2_video.video.edges import (
    coverage_of_masks,
    expanded_coverage,
    expanded_masks,
    feathered,
    masks_of_coverage,
)
from sam2_video.video.encode_images import IMAGE_SIDES, IMAGE_THREADS, ImageSequence
from sam2_video.video.encode_video import VideoFile, VideoFormat, video_format
from sam2_video.video.open_video import StartStream
from sam2_video.video.pictures import Colour, Coverage, Masks, Picture, PlanesFrame, RgbFrame
from sam2_video.video.probe import Video
from sam2_video.video.streams import PlanesStream, RgbStream, planes_if_plain

SOFT_TYPES = ("alpha", "greenscreen", "highlighted")
"""Mask types whose edges can be soft."""

Drawer = Callable[[TrackedFrame, Masks | Coverage], Picture]
Writer = Callable[[TrackedFrame, Masks | Coverage], Path | None]
"""Draws and writes one frame; gives the file that is complete with it, if any."""


@dataclass(frozen=True)
class Look:
    """How results look and what they are written as; the inputs that need no prompt.

    Attributes:
        mask_type, annotation_type: what is drawn; see the interface.
        video_format: `mp4`, `webm` or `mov`; None for an image sequence.
        image_format: `webp`, `jpg` or `png`.
        quality: of webp and jpg, 0 to 100.
        fps: frames a second of a video.
        interval: every n-th frame is written.
        is_separate: whether each object gets files of its own.
        keeps_time: whether a video keeps the source's sound and frame times.
        writes_masks: whether `masks.json` is written too.
        expand: pixels that masks grow by.
        feather: pixels over which edges are softened.
        background: behind a green screen.
    """

    mask_type: str
    annotation_type: str
    video_format: str | None
    image_format: str
    quality: int
    fps: int
    interval: int
    is_separate: bool
    keeps_time: bool
    writes_masks: bool
    expand: int
    feather: int
    background: Colour

    def __post_init__(self) -> None:
        """Check that the inputs go together.

        Raises:
            InputError: they do not.
        """
        if self.mask_type == "alpha":
            if self.video_format == "mp4":
                raise InputError(
                    "video_format is 'mp4', which holds no transparency: for mask_type 'alpha' it "
                    "should be webm or mov"
                )
            if self.video_format is None and self.image_format == "jpg":
                raise InputError(
                    "output_format is 'jpg', which holds no transparency: for mask_type 'alpha' it "
                    "should be png or webp"
                )
        if self.mask_type == "indexed" and self.video_format is not None:
            raise InputError(
                "output_video is true, but mask_type 'indexed' is written as PNGs only: "
                "output_video should be false"
            )

    @property
    def is_soft(self) -> bool:
        """Whether edges come from the mask logits, as coverage."""
        return self.mask_type == "alpha" or (self.feather > 0 and self.mask_type in SOFT_TYPES)

    @property
    def start_stream(self) -> StartStream[Any]:
        """What a video is read as: its own planes where they can be drawn on as they are."""
        is_plain = (
            self.video_format == "mp4"
            and self.mask_type in ("highlighted", "greenscreen")
            and not (self.is_soft or self.is_separate)
            and self.background == GREEN
        )
        return planes_if_plain if is_plain else RgbStream

    @property
    def encoding(self) -> VideoFormat:
        """How a video is encoded."""
        assert self.video_format is not None
        return video_format(self.video_format, has_alpha=self.mask_type == "alpha")

    @property
    def suffix(self) -> str:
        """The ending of pictures."""
        return "png" if self.mask_type == "indexed" else self.image_format


def check_output_size(video: Video, look: Look) -> None:
    """Refuse a video whose pictures the chosen output cannot hold, before any work is done.

    Raises:
        InputError: a side is too long; the sentence says what would hold it.
    """
    side = max(video.width, video.height)
    if look.video_format is None:
        limit, output = IMAGE_SIDES[look.suffix], f"a {look.suffix} picture"
    else:
        limit, output = look.encoding.side, f"a video in {look.video_format}"
    if side <= limit:
        return
    roomy = " or ".join(name for name, longest in IMAGE_SIDES.items() if side <= longest)
    advice = f"choose an image sequence in {roomy}" if roomy else "make it smaller"
    raise InputError(
        f"input_video is {video.width}x{video.height} pixels, but {output} ends at {limit} a side: "
        f"{advice}"
    )


def render(
    look: Look,
    video: Video,
    stream: Stream,
    names: Sequence[str],
    frames: Iterator[TrackedFrame],
    folder: Path,
) -> Generator[Path, None, None]:
    """Draw and write what was found on every frame, by background threads.

    Args:
        look: how.
        video: where the frames come from.
        stream: what its frames were read by.
        names: of the objects, in the order of the masks.
        frames: what was found on every frame to write, in order.
        folder: where the files go; made if it is not there.

    Yields:
        Each file as soon as it is complete: pictures frame by frame, object by object; videos,
        and last `masks.json`.

    Raises:
        OutputError: a file cannot be written.
    """
    videos, writers = _writers(look, video, stream, names, folder)
    coco = CocoFile(folder / MASKS_FILE, names, look.suffix) if look.writes_masks else None

    def write(found: TrackedFrame) -> tuple[int, list[Path], list[RunLengths], Scores | None]:
        masks = _with_edges(look, found.masks)
        written = [writer(found, masks) for writer in writers]
        encoded = run_lengths(expanded_masks(_two_valued(found.masks), look.expand)) if coco else []
        return found.index, [path for path in written if path], encoded, found.scores

    threads = 1 if videos else IMAGE_THREADS
    with ExitStack() as stack:
        for file in videos:
            stack.enter_context(file)
        if coco:
            stack.enter_context(coco)
        done = stack.enter_context(closing(map_in_background(write, frames, threads)))
        for index, paths, encoded, scores in done:
            if coco:
                coco.write(index, encoded, scores)
            yield from paths
    yield from (file.path for file in videos)
    if coco:
        yield coco.path


def _writers(
    look: Look, video: Video, stream: Stream, names: Sequence[str], folder: Path
) -> tuple[list[VideoFile], list[Writer]]:
    """Video files, to be opened, and what writes each frame: one for all objects, or for each."""
    videos: list[VideoFile] = []
    writers: list[Writer] = []
    parts = [(f"_{name}", name, slice(k, k + 1)) for k, name in enumerate(safe_names(names))]
    for ending, name, objects in parts if look.is_separate else [("", "", slice(None))]:
        draw = _drawer(look, objects)
        if look.video_format is None:
            sequence = ImageSequence(folder / name, look.suffix, look.quality)
            writers.append(_image_writer(sequence, draw))
            continue
        path = folder / f"output_video{ending}.{look.video_format}"
        file = _video_file(look, video, stream, path)
        videos.append(file)
        on_planes = isinstance(stream, PlanesStream)
        writers.append(_planes_writer(look, file) if on_planes else _video_writer(file, draw))
    return videos, writers


def _video_file(look: Look, video: Video, stream: Stream, path: Path) -> VideoFile:
    width, height = video.width + video.width % 2, video.height + video.height % 2
    chroma = "left" if isinstance(stream, PlanesStream) else "center"
    return VideoFile(path, width, height, look.fps, chroma, look.encoding)


def _drawer(look: Look, objects: slice) -> Drawer:
    """The function that draws some of the objects on a frame in RGB."""
    first = objects.start or 0
    draw = rgb_renderer(look.mask_type, look.annotation_type, look.background, first)

    def drawn(found: TrackedFrame, masks: Masks | Coverage) -> Picture:
        assert isinstance(found.frame, RgbFrame)
        return draw(found.frame.rgb, masks[objects])

    return drawn


def _image_writer(sequence: ImageSequence, draw: Drawer) -> Writer:
    return lambda found, masks: sequence.write(found.index, draw(found, masks))


def _video_writer(
    file: VideoFile, draw: Callable[[TrackedFrame, Masks | Coverage], Picture]
) -> Writer:
    return lambda found, masks: file.write(file.video_format.of(draw(found, masks)))


def _planes_writer(look: Look, file: VideoFile) -> Writer:
    """Draws on the video's own planes, in place."""
    draw = planes_renderer(look.mask_type, look.annotation_type)

    def write(found: TrackedFrame, masks: Masks | Coverage) -> None:
        assert isinstance(found.frame, PlanesFrame)
        file.write(draw(found.frame.planes, _two_valued(masks)))

    return write


def _with_edges(look: Look, masks: Masks | Coverage) -> Masks | Coverage:
    """Masks as they are drawn."""
    if not look.is_soft:
        return expanded_masks(_two_valued(masks), look.expand)
    soft = coverage_of_masks(masks.view(bool)) if masks.dtype == bool else masks.view(np.uint8)
    return feathered(expanded_coverage(soft, look.expand), look.feather)


def _two_valued(masks: Masks | Coverage) -> Masks:
    return masks.view(bool) if masks.dtype == bool else masks_of_coverage(masks.view(np.uint8))

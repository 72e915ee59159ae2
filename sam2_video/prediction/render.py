"""Frames and masks become files: edges, drawing and encoding, whoever made the masks."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from sam2_video.core.errors import InputError
from sam2_video.core.file_names import safe_names
from sam2_video.core.prefetch import map_in_background
from sam2_video.prediction.coco import MASKS_FILE, CocoFile, RunLengths, run_lengths
from sam2_video.prediction.track import Scores, TrackedFrame
from sam2_video.video.colour_space import to_planes
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import GREEN, rgb_renderer
from sam2_video.video.edges import (
    coverage_of_masks,
    expanded_coverage,
    expanded_masks,
    feathered,
)
from sam2_video.video.encode_images import IMAGE_SIDES, IMAGE_THREADS, ImageSequence
from sam2_video.video.encode_video import VIDEO_SIDES, VideoFile
from sam2_video.video.open_video import StartStream
from sam2_video.video.pictures import Colour, Coverage, Masks, PlanesFrame, RgbFrame
from sam2_video.video.probe import Video
from sam2_video.video.streams import RgbStream, planes_if_plain

SOFT_TYPES = ("alpha", "greenscreen", "highlighted")
"""Mask types whose edges can be soft."""

Found = TrackedFrame[RgbFrame] | TrackedFrame[PlanesFrame]
Writer = Callable[[Found, Masks | Coverage], Path | None]
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
    def stream(self) -> StartStream[RgbStream]:
        """What a video is read as: its own planes where they can be drawn on as they are."""
        is_plain = (
            self.video_format == "mp4"
            and self.mask_type in ("highlighted", "greenscreen")
            and not (self.is_soft or self.is_separate)
            and self.background == GREEN
        )
        return planes_if_plain if is_plain else RgbStream

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
    kind = look.video_format
    limit = VIDEO_SIDES[kind] if kind else IMAGE_SIDES[look.suffix]
    if side <= limit:
        return
    output = f"{'an' if kind == 'mp4' else 'a'} {kind} video" if kind else f"a {look.suffix} picture"
    roomy = " or ".join(name for name, longest in IMAGE_SIDES.items() if side <= longest)
    advice = f"choose an image sequence in {roomy}" if roomy else "make it smaller"
    raise InputError(
        f"input_video is {video.width}x{video.height} pixels, but {output} ends at {limit} a side: "
        f"{advice}"
    )


def render(
    look: Look, video: Video, names: Sequence[str], frames: Iterator[Found], folder: Path
) -> Generator[Path, None, None]:
    """Draw and write what was found on every frame, by background threads.

    Args:
        look: how.
        video: where the frames come from.
        names: of the objects, in the order of the masks.
        frames: what was found on every frame to write, in order.
        folder: where the files go; made if it is not there.

    Yields:
        Each file as soon as it is complete: pictures frame by frame, object by object; videos,
        and last `masks.json`.

    Raises:
        OutputError: a file cannot be written.
    """
    coco = CocoFile(folder / MASKS_FILE, tuple(names), look.suffix) if look.writes_masks else None
    videos, writers = _writers(look, video, names, folder)

    def write(found: Found) -> tuple[int, list[Path], list[RunLengths], Scores | None]:
        masks = _with_edges(look, found.masks)
        paths = [path for writer in writers if (path := writer(found, masks))]
        encoded = [] if coco is None else run_lengths(_two_valued(look, found.masks))
        return found.index, paths, encoded, found.scores

    threads = 1 if videos else IMAGE_THREADS
    with ExitStack() as stack:
        for file in (*videos, *([coco] if coco else ())):
            stack.enter_context(file)
        for index, paths, encoded, scores in stack.enter_context(
            closing(map_in_background(write, frames, threads))
        ):
            if coco:
                coco.write(index, encoded, scores)
            yield from paths
    yield from (file.path for file in videos)
    if coco:
        yield coco.path


def _writers(
    look: Look, video: Video, names: Sequence[str], folder: Path
) -> tuple[list[VideoFile], list[Writer]]:
    """Video files, to be opened, and what writes each frame: one for all objects, or for each."""
    videos: list[VideoFile] = []
    writers: list[Writer] = []
    parts = [(name, slice(k, k + 1)) for k, name in enumerate(safe_names(names))]
    for name, objects in parts if look.is_separate else [("", slice(None))]:
        draw = rgb_renderer(
            look.mask_type, look.annotation_type, look.background, objects.start or 0
        )
        if look.video_format is None:
            sequence = ImageSequence(folder / name, look.suffix, look.quality)
            writers.append(_image_writer(sequence, draw, objects))
            continue
        file = _video_file(look, video, folder, name)
        videos.append(file)
        writers.append(_video_writer(file, look, draw, objects))
    return videos, writers


def _image_writer(
    sequence: ImageSequence, draw: Callable[[Rgb, Masks | Coverage], Picture], objects: slice
) -> Writer:
    def write(found: Found, masks: Masks | Coverage) -> Path:
        assert isinstance(found.frame, RgbFrame)
        return sequence.write(found.index, draw(found.frame.rgb, masks[objects]))

    return write


def _with_edges(look: Look, masks: Masks | Coverage) -> Masks | Coverage:
    """Masks as they are drawn."""
    if not look.is_soft:
        return expanded_masks(masks.view(bool), look.expand)
    coverage = coverage_of_masks(masks) if masks.dtype == bool else masks
    return feathered(expanded_coverage(coverage, look.expand), look.feather)


def _two_valued(look: Look, masks: Masks | Coverage) -> Masks:
    """Masks as `masks.json` holds them: the same, however they are drawn."""
    return expanded_masks(masks if masks.dtype == bool else masks >= HALF, look.expand)

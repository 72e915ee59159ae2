"""Frames and masks become files: edges, drawing and encoding, whoever made the masks."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from sam2_video.core.file_names import MASKS_NAME, VIDEO_NAME, safe_names
from sam2_video.core.prefetch import map_in_background
from sam2_video.prediction.coco import CocoFile, RunLengths, run_lengths
from sam2_video.prediction.look import Look
from sam2_video.prediction.prepare import Stream
from sam2_video.prediction.track import Scores, TrackedFrame
from sam2_video.video.draw_planes import planes_renderer
from sam2_video.video.draw_rgb import ColourOf, colour_of, rgb_renderer
from sam2_video.video.edges import (
    coverage_of_masks,
    expanded_coverage,
    expanded_masks,
    feathered,
    masks_of_coverage,
)
from sam2_video.video.encode_images import IMAGE_THREADS, ImageSequence
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.pictures import Colour, Coverage, Masks, Picture, PlanesFrame, RgbFrame
from sam2_video.video.probe import Video
from sam2_video.video.sound import extract_sound
from sam2_video.video.streams import PlanesStream
from sam2_video.video.timing import FrameTimes, frame_times

Drawer = Callable[[TrackedFrame, Masks | Coverage], Picture]
Writer = Callable[[TrackedFrame, Masks | Coverage], Path | None]
"""Draws and writes one frame; gives the file that is complete with it, if any."""


def render(
    look: Look,
    video: Video,
    stream: Stream,
    names: Sequence[str],
    frames: Iterator[TrackedFrame],
    folder: Path,
    scratch: Path,
    colours: Mapping[int, Colour] | None = None,
) -> Generator[Path, None, None]:
    """Draw and write what was found on every frame, by background threads.

    Args:
        look: how.
        video: where the frames come from.
        stream: what its frames were read by.
        names: of the objects, in the order of the masks.
        frames: what was found on every frame to write, in order.
        folder: where the files go; made if it is not there.
        scratch: where the source's sound is kept meanwhile.
        colours: of some of the objects, by their index; others have those of the palette.

    Yields:
        Each file as soon as it is complete: pictures frame by frame, object by object; videos,
        and last `masks.json`.

    Raises:
        OutputError: a file cannot be written.
    """
    colours = colours or {}
    coco = None
    if look.writes_masks:
        coco = CocoFile(folder / MASKS_NAME, names, look.suffix, colours)

    def own_colour_of(index: int) -> Colour:
        return colours[index] if index in colours else colour_of(index)

    # Of each file or sequence: the object's name, and which of the masks are drawn in it.
    parts = [("", slice(None))]
    if look.is_separate:
        parts = [
            (name, slice(k, k + 1)) for k, name in enumerate(safe_names([MASKS_NAME, *names])[1:])
        ]
    videos: list[VideoFile] = []
    with ExitStack() as stack:
        if look.video_format is None:
            writers = [
                _image_writer(look, folder / name, objects, own_colour_of)
                for name, objects in parts
            ]
        else:
            rate: int | FrameTimes = look.fps
            sound = None
            if look.keeps_time:
                rate = frame_times(video, look.interval)
                path = scratch / f"sound.{look.video_format}"
                stack.callback(path.unlink, missing_ok=True)
                sound = extract_sound(video, rate, look.video_format, path)
            size = video.width + video.width % 2, video.height + video.height % 2
            chroma = "left" if isinstance(stream, PlanesStream) else "center"
            for name, _ in parts:
                path = folder / f"{'_'.join(filter(None, (VIDEO_NAME, name)))}.{look.video_format}"
                file = VideoFile(path, *size, rate, chroma, look.encoding, sound)
                videos.append(stack.enter_context(file))
            writers = [
                _video_writer(look, file, objects, own_colour_of)
                for file, (_, objects) in zip(videos, parts, strict=True)
            ]
        if coco:
            stack.enter_context(coco)

        def write(found: TrackedFrame) -> tuple[int, list[Path], list[RunLengths], Scores | None]:
            masks = _with_edges(look, found.masks)
            written = [writer(found, masks) for writer in writers]
            encoded: list[RunLengths] = []
            if coco and look.is_soft:
                encoded = run_lengths(expanded_masks(_two_valued(found.masks), look.expand))
            elif coco:
                encoded = run_lengths(_two_valued(masks))
            return found.index, [path for path in written if path], encoded, found.scores

        threads = 1 if videos else IMAGE_THREADS
        done = stack.enter_context(closing(map_in_background(write, frames, threads)))
        for index, paths, encoded, scores in done:
            if coco:
                coco.write(index, encoded, scores)
            yield from paths
    yield from (file.path for file in videos)
    if coco:
        yield coco.path


def _image_writer(look: Look, folder: Path, objects: slice, colour_of: ColourOf) -> Writer:
    sequence = ImageSequence(folder, look.suffix, look.quality)
    draw = _drawer(look, objects, colour_of)
    return lambda found, masks: sequence.write(found.index, draw(found, masks))


def _video_writer(look: Look, file: VideoFile, objects: slice, colour_of: ColourOf) -> Writer:
    draw = _drawer(look, objects, colour_of)
    on_planes = planes_renderer(look.mask_type, look.annotation_type, colour_of)

    def write(found: TrackedFrame, masks: Masks | Coverage) -> None:
        if isinstance(found.frame, PlanesFrame):  # drawn on in place, and encoded as they are
            file.write(on_planes(found.frame.planes, _two_valued(masks)))
        else:
            file.write(file.video_format.of(draw(found, masks)))

    return write


def _drawer(look: Look, objects: slice, colour_of: ColourOf) -> Drawer:
    """The function that draws some of the objects on a frame in RGB."""
    first = objects.start or 0
    draw = rgb_renderer(look.mask_type, look.annotation_type, look.background, first, colour_of)

    def drawn(found: TrackedFrame, masks: Masks | Coverage) -> Picture:
        assert isinstance(found.frame, RgbFrame)
        return draw(found.frame.rgb, masks[objects])

    return drawn


def _with_edges(look: Look, masks: Masks | Coverage) -> Masks | Coverage:
    """Masks as they are drawn."""
    if not look.is_soft:
        return expanded_masks(_two_valued(masks), look.expand)
    soft = coverage_of_masks(masks.view(bool)) if masks.dtype == bool else masks.view(np.uint8)
    return feathered(expanded_coverage(soft, look.expand), look.feather)


def _two_valued(masks: Masks | Coverage) -> Masks:
    return masks.view(bool) if masks.dtype == bool else masks_of_coverage(masks.view(np.uint8))

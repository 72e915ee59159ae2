"""Tracked frames become files: drawn, encoded and written by background threads."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sam2_video.core.errors import InputError
from sam2_video.core.prefetch import map_in_background
from sam2_video.prediction.pipeline import TrackedFrame
from sam2_video.video.encode_images import IMAGE_SIDES, IMAGE_THREADS, ImageSequence
from sam2_video.video.encode_video import H264, VideoFile
from sam2_video.video.pictures import Picture, Planes

Frame = TypeVar("Frame")


def check_output_size(width: int, height: int, output_video: bool, image_format: str) -> None:
    """Refuse a video whose pictures the chosen output cannot hold, before any work is done.

    Raises:
        InputError: a side is too long; the sentence says what would hold it.
    """
    side = max(width, height)
    limit = H264.side if output_video else IMAGE_SIDES[image_format]
    if side <= limit:
        return
    output = "an H.264 video" if output_video else f"a {image_format} picture"
    roomy = " or ".join(name for name, longest in IMAGE_SIDES.items() if side <= longest)
    advice = f"choose an image sequence in {roomy}" if roomy else "make it smaller"
    raise InputError(
        f"input_video is {width}x{height} pixels, but {output} ends at {limit} a side: {advice}"
    )


def write_video(
    file: VideoFile,
    frames: Iterator[TrackedFrame[Frame]],
    draw: Callable[[TrackedFrame[Frame]], Planes],
) -> Path:
    """Write all frames to one video; its path.

    Raises:
        OutputError: it cannot be written.
    """
    with (
        file,
        closing(map_in_background(lambda f: file.write(draw(f)), frames, threads=1)) as written,
    ):
        for _ in written:
            pass
    return file.path


def write_images(
    sequence: ImageSequence,
    frames: Iterator[TrackedFrame[Frame]],
    draw: Callable[[TrackedFrame[Frame]], Picture],
) -> Generator[Path, None, None]:
    """Write an image of each frame; the paths, each as soon as its file is complete.

    Raises:
        OutputError: one cannot be written.
    """

    def save(tracked: TrackedFrame[Frame]) -> Path:
        return sequence.write(tracked.index, draw(tracked))

    with closing(map_in_background(save, frames, IMAGE_THREADS)) as saved:
        yield from saved

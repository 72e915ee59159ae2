"""`frame`: one frame of a clip as a picture, to look up pixels in."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sam2_video.cli.results import writable
from sam2_video.core.errors import InputError, shown, writing
from sam2_video.core.limits import Limits
from sam2_video.core.part_file import part_of, remove_part
from sam2_video.core.stdio import print_line
from sam2_video.engine.clicks import check_frame
from sam2_video.prediction.clips import local_clip, stem_of
from sam2_video.video.frame_range import FrameRange

SUFFIXES = ("png", "jpg", "webp")
QUALITY = 95
"""Of jpg and webp: what is looked at closely should show no blocks."""


@dataclass(frozen=True)
class _OneFrame(FrameRange):
    """A range of one frame, whose error speaks of a frame."""

    def within(self, count: int) -> range:
        check_frame("FRAME", self.start_frame, count)
        return super().within(count)


def write_frame(options: argparse.Namespace) -> int:
    """Run the command and print the path.

    Raises:
        InputError: an option is invalid, the clip cannot be read, or the file exists.
        OutputError: the file cannot be written.
    """
    number = options.number.strip()
    if not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise InputError(f"FRAME is {shown(options.number)}, but it should be a whole number")
    index = int(number)
    path = options.output or Path(f"{stem_of(options.clip)}_frame_{index:05d}.png")
    suffix = path.suffix.lower().removeprefix(".").replace("jpeg", "jpg")
    if suffix not in SUFFIXES:
        raise InputError(f"-o is {shown(str(path))}, but it should end in .{', .'.join(SUFFIXES)}")
    with writable(path):
        if not path.parent.is_dir():
            raise InputError(f"-o is {shown(str(path))}, but there is no such folder")
        if path.exists() and not (options.overwrite and path.is_file()):
            raise InputError(f"-o is {shown(str(path))}, which exists: --overwrite replaces a file")
    from sam2_video.video.encode_images import image_encoder
    from sam2_video.video.open_video import open_video
    from sam2_video.video.pictures import Picture
    from sam2_video.video.streams import RgbStream

    limits = Limits.from_env()
    with (
        tempfile.TemporaryDirectory(prefix="sam2-video-") as scratch,
        local_clip(options.clip, Path(scratch), limits) as clip,
    ):
        if path.exists() and path.samefile(clip):
            raise InputError(f"-o is {shown(str(path))}, which is the clip itself")
        with open_video(clip, limits, RgbStream, _OneFrame(index, index)) as (_, stream):
            data = image_encoder(suffix, QUALITY)(Picture(stream.first().rgb))
    part = part_of(path)
    try:
        with writing():
            part.write_bytes(data)
            part.replace(path)
    finally:
        remove_part(part)
    print_line(path)
    return 0

"""Open a video: find out what is in it, and start reading it meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.decoder import Source
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.frame_range import FrameRange
from sam2_video.video.probe import Probe, Video, check_file
from sam2_video.video.streams import FrameStream, Selection, first_frame_only, select

S = TypeVar("S", bound=FrameStream[Any])
StartStream = Callable[[Source, PictureFormat, Selection], S]
"""Makes a stream of the selected frames of a file; one of `streams.py`."""

WHOLE = FrameRange()


@contextmanager
def open_video(
    path: Path, limits: Limits, start: StartStream[S], wanted: FrameRange = WHOLE
) -> Iterator[tuple[Video, S]]:
    """Decode a video or still picture, and give what was found and a stream of the wanted frames.

    Decoding goes to the end of the file, or to the frame after the range. A stream from frame 0
    starts while the probe decodes; one from a later frame starts after it, when that frame's time
    stamp is known. The stream's first frame is converted before this returns, so that a conversion
    that does not work is found here. The probe needs no memory to speak of. Of a damaged file, one
    warning tells where the damage is and how many frames came.

    Args:
        path: the file; its name means nothing.
        limits: what is refused.
        start: makes the stream.
        wanted: the frames that the stream gives.

    Yields:
        The video, and its stream, whose ffmpeg ends with the block.

    Raises:
        InputError: the file is empty, no video, beyond a limit, or nothing of it can be decoded;
            or the range is not within the video.
    """
    source = check_file(path, limits)
    with ExitStack() as stack:
        with Probe(source, wanted) as probe:
            stored = probe.first_picture()
            if wanted.start_frame == 0:
                stream = start(probe.source, stored, Selection(stop=wanted.stop))
                stack.enter_context(stream)
            video = probe.finish()
        if wanted.start_frame > 0:
            selection = select(video, video.frames.start, video.frames.stop)
            stream = start(video.source, stored, selection)
            stack.enter_context(stream)
        stream.first()
        yield video, stream


def probe_video(path: Path, limits: Limits = DEFAULT_LIMITS) -> Video:
    """What is in a video; its first frame is converted to RGB once, to see that it works.

    Raises:
        InputError: as `open_video`.
    """
    with open_video(path, limits, first_frame_only) as (video, _):
        return video

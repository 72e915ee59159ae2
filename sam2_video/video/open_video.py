"""Open a video: find out what is in it, and start reading it meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.decoder import Source
from sam2_video.video.ffmpeg_log import PictureFormat
from sam2_video.video.probe import Probe, Video, check_file
from sam2_video.video.streams import FrameStream, first_frame_only

S = TypeVar("S", bound=FrameStream[Any])


@contextmanager
def open_video(
    path: Path, limits: Limits, start: Callable[[Source, PictureFormat], S]
) -> Iterator[tuple[Video, S]]:
    """Decode a video or still picture to its end, and give what was found and a stream to read.

    The stream starts while the probe decodes, and its first frame is converted before this
    returns, so that a conversion that does not work is found here. The probe needs no memory to
    speak of. Of a damaged file, one warning tells where the damage is and how many frames came.

    Args:
        path: the file; its name means nothing.
        limits: what is refused.
        start: makes the stream; one of `streams.py`.

    Yields:
        The video, and its stream, whose ffmpeg ends with the block.

    Raises:
        InputError: the file is empty, no video, beyond a limit, or nothing of it can be decoded.
    """
    source = check_file(path, limits)
    with ExitStack() as stack:
        with Probe(source) as probe:
            stored = probe.first_picture()
            stream = start(probe.source, stored)
            stack.enter_context(stream)
            video = probe.finish()
        stream.first()
        yield video, stream


def probe_video(path: Path, limits: Limits = DEFAULT_LIMITS) -> Video:
    """What is in a video; its first frame is converted to RGB once, to see that it works.

    Raises:
        InputError: as `open_video`.
    """
    with open_video(path, limits, first_frame_only) as (video, _):
        return video

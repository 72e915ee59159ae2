"""The sound of a video: cut to the frames that are shown, in a file of its own.

ffmpeg reads the untrusted file here with all of `decoder.py`'s limits; the encoder of the pictures
then reads only what came out of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.video.decoder import Decoder, Source
from sam2_video.video.probe import Video
from sam2_video.video.timing import FrameTimes

_COPIED = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"},
    "mov": {"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"},
    "webm": {"opus", "vorbis"},
}
_AAC = ("-c:a", "aac", "-b:a", "192k")
_ENCODED = {"mp4": _AAC, "mov": _AAC, "webm": ("-c:a", "libopus", "-b:a", "128k")}
_PRE_SKIP = 0.007  # seconds before zero at which a WebM file may start

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _SoundFile:
    """A file with the sound; nothing goes to the pipe."""

    path: Path
    container: str
    options: Sequence[str]

    def arguments(self, stream: str, pipe: str) -> list[str]:
        """The part of ffmpeg's command line that writes this output."""
        plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
        name = ["-f", self.container, "-y", f"file:{self.path}"]
        return ["-map", stream, *self.options, *plain, "-flags:a", "+bitexact", *name]


class _PacketList:
    """A line for each packet."""

    def arguments(self, stream: str, pipe: str) -> list[str]:
        """The part of ffmpeg's command line that writes this output."""
        return ["-map", stream, "-c", "copy", "-f", "framecrc", pipe]


def extract_sound(video: Video, times: FrameTimes, container: str, path: Path) -> Path | None:
    """Write the sound that is heard while frames are shown; its time 0 is that of the first one.

    It is copied where the container holds its codec: then it is cut between packets, at most some
    hundredths of a second off, and all that is left keeps its time. Else it is encoded: AAC at
    192 kbit/s, or Opus at 128 kbit/s for WebM, in one or two channels. Damaged sound is no error:
    a warning tells of it.

    Args:
        video: a probed video.
        times: when its frames are shown.
        container: `mp4`, `mov` or `webm`.
        path: the file to write, in that container.

    Returns:
        `path`, or None where there is nothing to hear; a line in the log says why.
    """
    sound = video.sound
    if sound is None:
        logger.info("input_video has no sound: the result keeps its frame times alone")
        return None
    source = replace(video.source, stream=f"0:{sound.index}")
    start, end = float(times.start), float(times.start + times.length)
    ways = [_encoded(container, start, end)]
    if sound.codec in _COPIED[container] and video.pts:
        ways.insert(0, _copied(container, start, end))
    reason = ""
    for options in ways:
        try:
            with Decoder(source, _SoundFile(path, container, options)) as decoder:
                decoder.read(memoryview(bytearray(1)))  # until ffmpeg ends
                status = decoder.finish()
            has_sound = status == 0 and _can_be_read(path, video.source.limits)
        except InputError as error:  # the time for decoding is over
            reason = str(error)
            break
        reason = decoder.log.reason or decoder.log.quote
        if has_sound:
            if reason:
                logger.warning("the sound of input_video is damaged: %s", reason)
            return path
    path.unlink(missing_ok=True)
    if reason:
        logger.warning("the sound of input_video cannot be kept: %s", reason)
    else:
        logger.info("input_video has no sound in the frames that are shown")
    return None


def _can_be_read(path: Path, limits: Limits) -> bool:
    """Whether a file of sound has packets, so that an encoder does not fail at reading it."""
    with Decoder(Source(path, None, limits, "0:a:0"), _PacketList()) as decoder:
        packets = sum(1 for line in decoder.lines() if not line.startswith(b"#"))
        return decoder.finish() == 0 and packets > 0


def _copied(container: str, start: float, end: float) -> list[str]:
    """Options that copy the packets from `start` to `end`, in seconds by the source's clock."""
    if container == "webm":
        early = f"lt(pts*tb,{start - _PRE_SKIP:.6f})"
    else:  # an edit list hides what comes before the start
        early = f"lte((pts+d)*tb,{start:.6f})"
    drop = f"{early}+gt((pts+d)*tb,{end + 0.001:.6f})".replace(",", "\\,")
    until = ["-to", f"{end + 1:.6f}"] if end > 0 else []  # only to save reading the rest
    shift = ["-output_ts_offset", f"{-start:.6f}"]
    return ["-c:a", "copy", "-bsf:a", f"noise=drop={drop}", *until, *shift]


def _encoded(container: str, start: float, end: float) -> list[str]:
    """Options that encode the sound from `start` to `end`; silence fills its gaps."""
    filters = [
        f"atrim=start={start:.6f}:end={end:.6f}",
        f"asetpts=PTS-({start:.6f})/TB",
        "aresample=async=1:first_pts=0",
        "aformat=channel_layouts=mono|stereo",
    ]
    return ["-af", ",".join(filters), *_ENCODED[container]]

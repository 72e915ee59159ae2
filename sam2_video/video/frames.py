"""Frames of a video, by number: frame k is the k-th picture that the decoder gives.

Pictures are counted in presentation order, none dropped and none doubled, whatever the frame
rate does. Rotation and mirroring flags are applied (EXIF's for still pictures too). Pixels are
8 bit sRGB-like RGB:

- YCbCr is converted by the matrix and range that the stream states. A stream that states no
  matrix is BT.709 from HD size on (a long side of 1280 or a short one above 576), BT.601 below,
  and BT.601 always for VP8, as players do.
- PQ and HLG are tone-mapped to BT.709: reference white is 203 nits, light up to half of it is
  left as it is, and what is brighter, up to 1,000 nits, is compressed.
- Alpha is dropped: the colour channels as they are stored, nothing blended.
- Pixels that are not square are not stretched; wide-gamut primaries of SDR video are not mapped.

A stream whose size changes on the way has all its frames scaled to the first one's size.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from dataclasses import KW_ONLY, dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.video.ffmpeg import Decoder, still_codec
from sam2_video.video.ffmpeg_log import NO_PTS, Report

_SWSCALE = "flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
_SWSCALE_MATRICES = ("bt709", "smpte170m", "bt2020nc")
_ZIMG_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc")
_ZIMG_FORMAT = re.compile(r"yuv[aj]?(420|422|444)p(\d+le)?")
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
_RGB = ("-f", "rawvideo", "-pix_fmt", "rgb24")
_PLANES = ("-f", "rawvideo", "-pix_fmt", "yuv420p")
_SEEK_MARGIN = 8  # pictures before the wanted one that a seek aims at, to begin with


@dataclass(frozen=True)
class Video:
    """A video that was decoded once from end to end, so that all of it is known to be readable.

    Attributes:
        path: the file.
        width: pixels, after rotation; the sample aspect ratio is ignored.
        height: likewise.
        num_frames: exact: the number of pictures that the decoder gives.
        is_plain: its pictures are planes such as a video of ours has: progressive, 8 bits, 4:2:0,
            BT.709 in limited range, chroma at the left, even sides. `Reading` gives them.
    """

    path: Path
    width: int
    height: int
    num_frames: int
    is_plain: bool = field(default=False, compare=False)
    _: KW_ONLY
    _limits: Limits = field(repr=False, compare=False)
    _still: str | None = field(repr=False, compare=False)
    _filters: str = field(repr=False, compare=False)  # from decoded pictures to RGB
    _time_base: Fraction = field(repr=False, compare=False)
    # strictly rising, one a picture; empty if not so
    _pts: array[int] = field(repr=False, compare=False)
    # of the decoded planes, one a picture
    _checksums: array[int] = field(repr=False, compare=False)

    @property
    def frame_rate(self) -> float | None:
        """Frames a second, on average; None where the file does not tell, as for a picture."""
        if len(self._pts) < 2:
            return None
        seconds = (self._pts[-1] - self._pts[0]) * self._time_base
        return float((len(self._pts) - 1) / seconds)


class Reading:
    """All frames of one video in order, once, by a decoding that begins before they are asked for.

    A context manager: leaving it ends ffmpeg, which waits, a few frames on, until somebody reads.

    Args:
        as_planes: give a plain video's pictures as its planes too, from the same decoding.
        only_first: the first frame is all that will be read.
    """

    def __init__(self, *, as_planes: bool = False, only_first: bool = False) -> None:
        self.as_planes = as_planes
        self._only_first = ("-frames:v", "1") if only_first else ()
        self._decoder: Decoder | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._first: list[np.ndarray] | None = None

    @property
    def is_begun(self) -> bool:
        """Whether ffmpeg was started."""
        return self._decoder is not None

    def begin(self, video: Video) -> None:
        """Start decoding; of `video` the frames may not be counted yet."""
        self.as_planes = self.as_planes and video.is_plain
        rgb = (video._filters, (*self._only_first, *_RGB))
        planes = ("null", (*self._only_first, *_PLANES))
        outputs = [planes, rgb] if self.as_planes else [rgb]
        self._shapes = [(video.height * 3 // 2, video.width), _rgb_shape(video)][-len(outputs) :]
        self._decoder = Decoder(
            video.path,
            *outputs[0],
            video._limits,
            still=video._still,
            side=outputs[1] if self.as_planes else None,
        )

    def first(self) -> np.ndarray:
        """Frame 0, which `frames` gives all the same: (height, width, 3) uint8 RGB.

        Raises:
            InputError: it cannot be converted, or time is up.
        """
        if self._first is None:
            self._first = self._next(0)
        return self._first[-1]

    def frames(self, video: Video) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
        """Every frame, once.

        Yields:
            The picture, and (height, width, 3) uint8 RGB as from `read_frames`. The picture is
            the same RGB, or with `as_planes` (height * 3 / 2, width) uint8 as decoded: Y, then
            Cb and Cr at half the size.

        Raises:
            InputError: the file is not what it was when it was opened, or time is up.
        """
        if not self.is_begun:
            self.begin(video)
        self.first()
        for index in range(video.num_frames):
            arrays, self._first = self._first or self._next(index), None
            yield arrays[0], arrays[-1]
        assert self._decoder is not None
        _check_end(self._decoder, video.num_frames)

    def _next(self, index: int) -> list[np.ndarray]:
        assert self._decoder is not None
        return [
            _next_frame(self._decoder, shape, index, output)
            for output, shape in enumerate(self._shapes)
        ]

    def __enter__(self) -> Self:
        """The reading itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        if self._decoder is not None:
            self._decoder.close()


def open_video(
    path: Path, limits: Limits = DEFAULT_LIMITS, reading: Reading | None = None
) -> Video:
    """Decode a video or still picture once, to count its frames and to find what is wrong with it.

    Costs one pass of decoding and no memory to speak of.

    Args:
        path: the file; its name means nothing.
        limits: what is refused.
        reading: begins beside that pass, for who wants to read the frames afterwards.

    Raises:
        InputError: the file is empty, no video, damaged, cut short or beyond a limit.
    """
    if not path.is_file():
        raise InputError("input_video is not a file; send a video or a picture")
    size = path.stat().st_size
    if size == 0:
        raise InputError("input_video is empty (0 bytes); send a video or a picture")
    if size > limits.max_video_bytes:
        raise InputError(
            f"input_video has {size} bytes, more than the {limits.max_video_bytes} allowed"
        )
    still = still_codec(path)
    with nullcontext(reading) if reading is not None else Reading(only_first=True) as trial:

        def begin(report: Report) -> None:
            """Try the first picture's conversion, as soon as it is known what is to be converted.

            `transfer` is the last of what the report learns of it.
            """
            if not trial.is_begun and report.size is not None and report.transfer:
                trial.begin(_described(path, limits, still, report))

        checksums, report = _scan(path, limits, still, begin)
        if report.size is None or not checksums:
            raise InputError("input_video has no picture that can be read")
        known = len(report.pts) == len(checksums) and NO_PTS not in report.pts
        rising = known and all(a < b for a, b in pairwise(report.pts))
        video = replace(
            _described(path, limits, still, report),
            num_frames=len(checksums),
            _time_base=report.time_base,
            _pts=report.pts if rising else array("q"),
            _checksums=checksums,
        )
        if not trial.is_begun:
            trial.begin(video)
        trial.first()  # the conversion works, or fails here
    return video


def _described(path: Path, limits: Limits, still: str | None, report: Report) -> Video:
    """All that the first picture tells of a video."""
    assert report.size is not None
    width, height = report.size
    return Video(
        path=path,
        width=width,
        height=height,
        num_frames=0,
        is_plain=_is_plain(report, width, height),
        _limits=limits,
        _still=still,
        _filters=_to_rgb(report, width, height),
        _time_base=Fraction(0),
        _pts=array("q"),
        _checksums=array("I"),
    )


def _scan(
    path: Path, limits: Limits, still: str | None, seen: Callable[[Report], None]
) -> tuple[array[int], Report]:
    """Decode the whole stream; the checksums of its pictures and what ffmpeg said of them.

    The checksums come down the pipe, one line a picture, so that the count rests on no message,
    and so that ffmpeg notices when nobody is left to read. `seen` is called at every picture.
    """
    # Numbers for time stamps: some files hold none that a writer would take.
    output = ("-bsf:v", "setts=ts=N", "-f", "framecrc")
    checksums = array("I")
    with Decoder(path, "showinfo=checksum=0", output, limits, still=still) as decoder:
        report = decoder.report
        for line in decoder.lines():
            if line.startswith(b"#"):
                continue
            checksums.append(int(line.split(b",")[5], 16))
            if len(checksums) > limits.max_frames:
                raise InputError(
                    f"input_video has more than the {limits.max_frames} frames allowed"
                )
            _check_size(report, limits)
            seen(report)
        good = decoder.finish()
    _check_size(report, limits)
    if report.tiled:
        raise InputError("input_video is a HEIF picture in tiles; send it as jpg, png or webp")
    # A still must decode without an error; what comes after it in the file is not looked at.
    if not good or (still is None and report.damaged):
        raise InputError(_complaint(report, len(checksums), limits))
    return checksums, report


def _check_size(report: Report, limits: Limits) -> None:
    if report.size is not None and report.size[0] * report.size[1] > limits.max_frame_pixels:
        width, height = report.size
        raise InputError(_too_large(f"{width}x{height}", limits))


def _too_large(size: str, limits: Limits) -> str:
    return f"input_video has {size} pixels a frame, more than the {limits.max_frame_pixels} allowed"


def _complaint(report: Report, count: int, limits: Limits) -> str:
    """The sentence for a stream that could not be decoded to its end."""
    for _, text in report.complaints:
        if size := re.search(r"Picture size (\d+)x(\d+)", text):
            if int(size[1]) * int(size[2]) > limits.max_frame_pixels:
                return _too_large(f"{size[1]}x{size[2]}", limits)
        elif "matches no streams" in text:
            return "input_video has no video stream"
    if count == 0:
        reason = report.reason or "its data is damaged"
        return f"input_video is not a video or picture that can be read: {reason}"
    quote = f"the decoder reports '{report.quote}'" if report.quote else "a picture is damaged"
    return f"input_video is damaged near frame {count}: {report.reason or quote}"


def _is_plain(report: Report, width: int, height: int) -> bool:
    """Whether a stream's pictures can go into a video of ours as they are, see `Video`."""
    even = width % 2 == 0 and height % 2 == 0
    limited = report.pixel_format == "yuv420p" and report.range != "pc" and report.progressive
    left = report.chroma_location in ("left", "unspecified")  # what players take it for
    hdr = report.transfer in _HDR_TRANSFERS
    return even and limited and left and not hdr and _matrix(report, width, height) == "bt709"


def _matrix(report: Report, width: int, height: int) -> str:
    """The YCbCr matrix of a stream as ffmpeg names it, the one players assume if not stated."""
    if report.matrix not in ("", "unknown", "reserved"):
        return report.matrix
    if report.transfer in _HDR_TRANSFERS:
        return "bt2020nc"
    hd = max(width, height) >= 1280 or min(width, height) > 576
    return "bt709" if hd else "smpte170m"


def _to_rgb(report: Report, width: int, height: int) -> str:
    """The filters that turn a stream's pictures into RGB of 8 bits, or planes of them.

    zimg converts exactly and fast, but reads only some formats, and no odd sizes; swscale, told
    to be accurate, reads the rest.
    """
    matrix = _matrix(report, width, height)
    even = width % 2 == 0 and height % 2 == 0
    if even and matrix in _ZIMG_MATRICES and _ZIMG_FORMAT.fullmatch(report.pixel_format):
        full = "full" if report.range == "pc" else "limited"
        to_rgb = f"zscale=min={matrix}:rin={full}:m=gbr:r=full"
        planes = "format=gbrp"
    else:
        named = matrix in _SWSCALE_MATRICES and matrix != report.matrix
        to_rgb = f"scale=in_color_matrix={matrix if named else 'auto'}:{_SWSCALE}"
        planes = ""
    if report.transfer not in _HDR_TRANSFERS:
        return _chain(to_rgb, planes)
    return _chain(
        to_rgb,
        "format=gbrp16le",
        f"zscale=min=gbr:rin=full:tin={report.transfer}:pin=2020:t=linear:npl=203",
        "format=gbrpf32le",
        "zscale=p=709",
        "tonemap=mobius:desat=0:peak=4.926",  # 1000 / 203 nits
        "zscale=t=709:r=full",
        "format=gbrp",
    )


def _chain(*filters: str) -> str:
    """A filter graph from its parts, empty ones left out."""
    return ",".join(part for part in filters if part)


def read_frames(
    video: Video, start: int = 0, stop: int | None = None
) -> Generator[np.ndarray, None, None]:
    """Frames `start` to `stop - 1`, in order; to the end if `stop` is None.

    Frames before `start` are decoded (there is no other way to be sure of the number), not
    converted. One frame is in memory at a time, besides what ffmpeg holds. Closing the
    generator ends ffmpeg at once.

    Yields:
        (height, width, 3) uint8 RGB, an array of its own each time.

    Raises:
        ValueError: not 0 <= start <= stop <= num_frames.
        InputError: the file is not what it was when it was opened, or time is up.
    """
    stop = video.num_frames if stop is None else stop
    if not 0 <= start <= stop <= video.num_frames:
        raise ValueError(f"frames {start} to {stop} of {video.num_frames}")
    return _read(video, start, stop)


def _read(video: Video, start: int, stop: int) -> Generator[np.ndarray, None, None]:
    """Frames by decoding from the start of the file."""
    if start == stop:
        return
    filters = _chain(_trim(video, start, stop), video._filters)
    skipped = 0 if video._pts else start
    with _decoder(video, filters) as decoder:
        for index in range(start - skipped, stop):
            frame = _next_frame(decoder, _rgb_shape(video), index)
            if index >= start:
                yield frame
        if video._pts or stop == video.num_frames:
            _check_end(decoder, stop)


def _rgb_shape(video: Video) -> tuple[int, int, int]:
    return video.height, video.width, 3


def _next_frame(
    decoder: Decoder, shape: tuple[int, ...], index: int, output: int = 0
) -> np.ndarray:
    """Read one whole frame.

    Raises:
        InputError: there is none.
    """
    frame = np.empty(shape, np.uint8)
    if not decoder.fill(frame.data.cast("B"), output):
        raise _unreadable(decoder, index)
    return frame


def _unreadable(decoder: Decoder, index: int) -> InputError:
    """The error for an output that ended before frame `index`."""
    decoder.finish()
    reason = decoder.report.reason or "it is not what it was when it was opened"
    return InputError(f"input_video cannot be read at frame {index}: {reason}")


def _check_end(decoder: Decoder, count: int) -> None:
    """Make sure that nothing comes after frame `count - 1`."""
    if decoder.read(memoryview(bytearray(1))):
        raise InputError(f"input_video gives more than {count} frames on a second reading")


def _decoder(video: Video, filters: str, seek: float | None = None) -> Decoder:
    return Decoder(video.path, filters, _RGB, video._limits, still=video._still, seek=seek)


def _trim(video: Video, start: int, stop: int) -> str:
    """A filter that lets frames `start` to `stop - 1` pass, told by their time stamps."""
    if not video._pts:
        return ""
    end = f":end_pts={video._pts[stop]}" if stop < video.num_frames else ""
    return f"trim=start_pts={video._pts[start]}{end}"


def read_frames_backward(
    video: Video,
    start: int,
    shrink: Callable[[np.ndarray], np.ndarray],
    budget_bytes: int = 256 * 1024**2,
) -> Generator[tuple[int, np.ndarray], None, None]:
    """Frame `start`, then the one before it, and so on to frame 0, in bounded memory.

    Video decodes only forward, so it is read in chunks, the last one first, each as many shrunk
    frames as the budget holds. A chunk starts with a seek; its pictures must then be the very
    ones, by time stamp and checksum, that a decoding from the start gave. Where they are not,
    the seek aims further ahead of the chunk, and in the end the file is decoded from its start.

    Args:
        video: what `open_video` returned.
        start: index of the first frame to yield.
        shrink: makes what is kept of a frame, (height, width, 3) uint8 RGB; an array that owns
            its memory, of the same size for every frame.
        budget_bytes: memory for shrunk frames; at least one is held whatever it says.

    Yields:
        The index and `shrink(frame)`.

    Raises:
        ValueError: not 0 <= start < num_frames.
        InputError: as for `read_frames`.
    """
    if not 0 <= start < video.num_frames:
        raise ValueError(f"frame {start} of {video.num_frames}")
    return _read_backward(video, start, shrink, budget_bytes)


def _read_backward(
    video: Video, start: int, shrink: Callable[[np.ndarray], np.ndarray], budget_bytes: int
) -> Generator[tuple[int, np.ndarray], None, None]:
    size = shrink(np.zeros((video.height, video.width, 3), np.uint8)).nbytes
    count = max(1, budget_bytes // max(1, size))
    margin = _SEEK_MARGIN if video._pts else video.num_frames
    stop = start + 1
    while stop > 0:
        first = max(0, stop - count)
        chunk = None
        while chunk is None and margin < first:
            chunk = _seek_chunk(video, first, stop, shrink, margin)
            if chunk is None:  # not exact in this file: from further away, in the end from 0
                margin *= 16
        if chunk is None:
            with closing(_read(video, first, stop)) as frames:
                chunk = [shrink(frame) for frame in frames]
        while chunk:
            stop -= 1
            yield stop, chunk.pop()


def _seek_chunk(
    video: Video, start: int, stop: int, shrink: Callable[[np.ndarray], np.ndarray], margin: int
) -> list[np.ndarray] | None:
    """Shrunk frames `start` to `stop - 1` by way of a seek; None if they are not the right ones."""
    seek = float(video._pts[start - margin] * video._time_base)
    filters = _chain(_trim(video, start, stop), "showinfo", video._filters)
    chunk: list[np.ndarray] = []
    with _decoder(video, filters, seek) as decoder:
        frame = np.empty(_rgb_shape(video), np.uint8)
        while len(chunk) <= stop - start and decoder.fill(frame.data.cast("B")):
            chunk.append(shrink(frame))
            frame = np.empty_like(frame)
    report = decoder.report  # complete once ffmpeg has ended
    same = report.pts == video._pts[start:stop]
    same = same and report.checksums == video._checksums[start:stop]
    return chunk if same and len(chunk) == stop - start else None

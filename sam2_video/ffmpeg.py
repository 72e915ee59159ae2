"""One ffmpeg that decodes one file to raw bytes on a pipe, kept on a short leash.

The file is a stranger's. ffmpeg gets it as an open descriptor on its standard input and may use
no protocol but that one, so that whatever a file says, no other file and no address is ever
opened, and no file name is ever parsed. Containers are limited to a list of real ones (no
playlists, no scripts, no SVG); still pictures are recognised here, by their first bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import select
import subprocess
import threading
import time
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import imageio_ffmpeg

from sam2_video.errors import InputError
from sam2_video.limits import Limits

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,webp_anim,mpegts,mpeg,mpegvideo,m4v,"
    "h264,hevc,obu,ivf,flv,asf,ogg,nut,mxf,dv,yuv4mpegpipe"
)
NO_PTS = -(2**63)  # a picture without a time stamp

_THREADS = 4  # bounds memory too: every decoder thread holds pictures of its own
_MAX_ALLOC = 2 * 1024**3  # bytes of one block, for headers that ask for absurd ones
_LINE = 4096  # bytes of a log line that are looked at
_MESSAGES = 32  # complaints kept of a run

_TIME_BASE = re.compile(rb"config in time_base: (\d+)/(\d+)")
_PICTURE = re.compile(rb" n: *\d+ pts: *(-?\d+|NOPTS) .* s:(\d+)x(\d+) ")
_CHECKSUM = re.compile(rb" checksum:([0-9A-F]{8}) ")
_FORMAT = re.compile(rb" fmt:(\S+) ")
_TILES = re.compile(rb"Stream group #0:\d+.*Tile Grid")
_COLOUR = re.compile(rb" color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")
_COMPLAINT = re.compile(rb"\[(?:error|fatal|panic)\] (.*)")

# Messages that mean lost pictures although ffmpeg ends well. They may stand in the middle of a
# line: ffmpeg's threads write into each other's lines, without a prefix then.
_DAMAGE = re.compile(
    rb"File ended prematurely|partial file|Skipping invalid undecodable NALU|LZW decode failed"
)
# Complaints that only repeat that something failed before.
_ECHO = re.compile(
    "^(Task finished|Terminating thread|Error processing packet|Error submitting packet"
    "|Decoding error|Error opening|Could not open encoder|Nothing was written|Decode error rate"
    "|Error while filtering|Error sending frames|Error during demuxing|Conversion failed)"
)
_REASONS = (
    ("not on whitelist|^Invalid data found|^Unknown error", "its format is not known"),
    ("moov atom not found", "its index is missing, as when a recording was cut off"),
    (
        "File ended prematurely|partial file|corrupt input packet|overread|chunk too big",
        "it is cut short or damaged",
    ),
    ("corrupt decoded frame|undecodable NALU|frame RPS", "a picture is damaged"),
)


def still_codec(path: Path) -> str | None:
    """The ffmpeg decoder for a still picture, or None if the file does not start like one.

    An animated PNG or WebP is a video and gives None.
    """
    with path.open("rb") as file:
        head = file.read(32)
        if head.startswith(b"\xff\xd8\xff"):
            return "mjpeg"
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
            return None if animated else "webp"
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            file.seek(8)
            for _ in range(64):  # chunks before the picture data
                chunk = file.read(8)
                if chunk[4:] == b"acTL":
                    return None
                if len(chunk) < 8 or chunk[4:] == b"IDAT":
                    break
                file.seek(int.from_bytes(chunk[:4], "big") + 4, os.SEEK_CUR)
            return "png"
        if head.startswith(b"BM"):
            return "bmp"
        if head.startswith((b"II*\0", b"MM\0*")):
            return "tiff"
    return None


@dataclass
class Report:
    """What ffmpeg said of the pictures that passed its `showinfo` filter.

    Attributes:
        pts: the time stamp of each picture in units of `time_base`, `NO_PTS` where it has none.
        checksums: the Adler-32 of each picture's decoded planes, 0 where it was not told.
        size: width and height of the first picture, after rotation.
        pixel_format: of the first picture, as ffmpeg names it.
        range: colour range of the first picture: `tv`, `pc` or `unknown`.
        matrix: its YCbCr matrix as ffmpeg names it: `bt709`, `smpte170m`, `gbr`, `unknown`...
        transfer: its transfer function as ffmpeg names it: `smpte2084` is PQ.
        tiled: whether the file is a HEIF picture cut into tiles, each a stream of its own.
        complaints: the first error messages, cleaned of addresses.
        damaged: whether ffmpeg told of lost pictures, whatever its exit status.
    """

    time_base: Fraction = Fraction(0)
    pts: array[int] = field(default_factory=lambda: array("q"))
    checksums: array[int] = field(default_factory=lambda: array("I"))
    size: tuple[int, int] | None = None
    pixel_format: str = ""
    range: str = "unknown"
    matrix: str = "unknown"
    transfer: str = "unknown"
    tiled: bool = False
    complaints: list[str] = field(default_factory=list)
    damaged: bool = False

    def add(self, line: bytes) -> None:
        """Take in one line of ffmpeg's log."""
        if found := _PICTURE.search(line):
            pts, width, height = found.groups()
            self.pts.append(NO_PTS if pts == b"NOPTS" else int(pts))
            if self.size is None:
                self.size = int(width), int(height)
                pixel_format = _FORMAT.search(line)
                self.pixel_format = pixel_format[1].decode() if pixel_format else ""
            checksum = _CHECKSUM.search(line, found.end() - 1)
            self.checksums.append(int(checksum[1], 16) if checksum else 0)
        elif len(self.pts) <= 1 and (found := _COLOUR.search(line)):
            self.range, self.matrix, self.transfer = (text.decode() for text in found.groups())
        elif not self.time_base and (found := _TIME_BASE.search(line)):
            self.time_base = Fraction(int(found[1]), max(1, int(found[2])))
        elif _TILES.search(line):
            self.tiled = True
        if (found := _DAMAGE.search(line)) and not self.damaged:
            self.damaged = True
            self.complaints.insert(0, _clean(found[0]))
        elif (found := _COMPLAINT.search(line)) and len(self.complaints) < _MESSAGES:
            self.complaints.append(_clean(found[1]))

    @property
    def reason(self) -> str:
        """The most telling complaint, in words for the user."""
        telling = [text for text in self.complaints if not _ECHO.search(text)]
        for text in telling:
            for pattern, reason in _REASONS:
                if re.search(pattern, text):
                    return reason
        if telling:
            return f"the decoder says {telling[0]!r}"
        return "its data is not valid"


def _clean(text: bytes) -> str:
    """One log message without addresses, control characters and excess length."""
    plain = re.sub(r"[^ -~]+", " ", text.decode(errors="replace"))
    plain = re.sub(r"\[[^\]]*@ 0x[0-9a-f]+\] *|0x[0-9a-f]{6,}", "", plain)
    return plain.strip(" .!")[:160]


class Decoder:
    """A running ffmpeg. Leaving the `with` block kills it, if it has not ended by itself.

    Args:
        path: the file to decode.
        filters: the filter graph, `showinfo` included where its report is wanted.
        limits: bounds on pixels and on the time spent waiting.
        still: the decoder that `still_codec` named, for a still picture.
        seek: seconds of the file's own clock; decoding starts at a key frame near it, and goes
            on over errors (the caller checks what it got).
        pixel_format: of the raw video written to the pipe.
    """

    def __init__(
        self,
        path: Path,
        filters: str,
        limits: Limits,
        *,
        still: str | None = None,
        seek: float | None = None,
        pixel_format: str,
    ) -> None:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-nostats"]
        command += ["-loglevel", "repeat+level+info", "-max_alloc", str(_MAX_ALLOC), "-copyts"]
        if seek is None:
            command += ["-xerror"]
        else:
            command += ["-seek_timestamp", "1", "-noaccurate_seek", "-ss", f"{seek:.6f}"]
        command += ["-protocol_whitelist", "fd", "-threads", str(_THREADS)]
        # Pictures are decoded with a border, which counts here; the exact check is the caller's.
        command += ["-max_pixels", str(2 * limits.max_frame_pixels + 65536)]
        if still is None:
            command += ["-format_whitelist", CONTAINERS]
        else:  # the whole file is one picture, whatever follows it; an incomplete one is an error
            command += ["-f", "image2", "-pattern_type", "none", "-c:v", still]
            command += ["-err_detect", "explode"]
        command += ["-i", "fd:", "-map", "0:V:0", "-fps_mode", "passthrough", "-vf", filters]
        command += ["-f", "rawvideo", "-pix_fmt", pixel_format, "-flush_packets", "1", "pipe:1"]

        self.report = Report()
        self._seconds = self._left = limits.max_decode_seconds
        with path.open("rb") as file:  # a file position of its own for every run
            self._process = subprocess.Popen(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={"AV_LOG_FORCE_NOCOLOR": "1"},
            )
        assert self._process.stdout is not None
        self._stdout = self._process.stdout.fileno()
        with contextlib.suppress(OSError):  # a small pipe is slow, not wrong
            fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, 1024 * 1024)
        with contextlib.suppress(OSError):  # outlives us only if we are killed, and not for long
            seconds = int(_THREADS * 2 * limits.max_decode_seconds) + 1
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (seconds, seconds))
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Read the log to its end, so that ffmpeg never waits for us to read it."""
        stderr = self._process.stderr
        assert stderr is not None
        with open(stderr.fileno(), "rb", closefd=False) as lines:
            while line := lines.readline(_LINE):
                self.report.add(line)

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from the pipe; fewer bytes than it holds only at the end of the output.

        Raises:
            InputError: the time is up.
        """
        filled = 0
        while filled < len(buffer):
            started = time.monotonic()
            ready = self._poll.poll(max(0.0, self._left) * 1000)
            self._left -= time.monotonic() - started
            if not ready:
                raise InputError(
                    f"input_video takes longer to decode than the {self._seconds:g} seconds allowed"
                )
            count = os.readv(self._stdout, [buffer[filled:]])
            if not count:
                break
            filled += count
        return filled

    def finish(self) -> bool:
        """Wait for ffmpeg to end and its log to be read; whether it found nothing wrong."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)  # its output is closed: only exiting is left
        self.close()
        return self._process.returncode == 0 and not self.report.damaged

    def close(self) -> None:
        """End ffmpeg now. Harmless when it has ended already."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

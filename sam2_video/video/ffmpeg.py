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
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import imageio_ffmpeg

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.core.processes import SIDE_PIPE, start_child, start_thread
from sam2_video.video.ffmpeg_log import Report

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,webp_anim,mpegts,mpeg,mpegvideo,m4v,"
    "h264,hevc,obu,ivf,flv,asf,ogg,nut,mxf,dv,yuv4mpegpipe"
)

_THREADS = min(4, len(os.sched_getaffinity(0)))  # every decoder thread holds pictures of its own
_MAX_ALLOC = 2 * 1024**3  # bytes of one block, for headers that ask for absurd ones
_STEP_SECONDS = 0.1  # of waiting at a stretch
_LINE = 4096  # bytes of a log line that are looked at


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


class Decoder:
    """A running ffmpeg. Leaving the `with` block kills it, if it has not ended by itself.

    Args:
        path: the file to decode.
        filters: the filter graph, `showinfo` included where its report is wanted.
        limits: bounds on pixels and on the time spent waiting.
        still: the decoder that `still_codec` named, for a still picture.
        seek: seconds of the file's own clock; decoding starts at a key frame near it, and goes
            on over errors (the caller checks what it got).
        output: ffmpeg's options for what it writes to the pipe.
        side: the filters and options of a second output, read from a pipe of its own. Both come
            frame by frame: whoever reads them in turns never waits for ever.
    """

    def __init__(
        self,
        path: Path,
        filters: str,
        output: Sequence[str],
        limits: Limits,
        *,
        still: str | None = None,
        seek: float | None = None,
        side: tuple[str, Sequence[str]] | None = None,
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
        command += ["-i", "fd:", *_output(filters, output, "pipe:1")]
        if side is not None:
            command += _output(*side, SIDE_PIPE)

        self.report = Report()
        self._seconds = self._left = limits.max_decode_seconds
        with path.open("rb") as file:  # a file position of its own for every run
            self._process = start_child(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={"AV_LOG_FORCE_NOCOLOR": "1"},
            )
        self._pipes = [p for p in (self._process.stdout, self._process.side) if p is not None]
        for pipe in self._pipes:
            with contextlib.suppress(OSError, AttributeError):  # a small pipe is slow, not wrong
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1024 * 1024)
        assert self._process.stderr is not None
        # The thread does not hold this object: should it be given up before anybody can close
        # it, the process goes with it.
        self._listener = start_thread(_listen, self._process.stderr, self.report)

    def read(self, buffer: memoryview, output: int = 0) -> int:
        """Read what a pipe has, at least a byte, into `buffer`; 0 at the end of the output.

        Args:
            buffer: bytes to read into.
            output: 0, or 1 for the side output.

        Raises:
            InputError: the time is up.
        """
        pipe = self._pipes[output].fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        ready = False
        while not ready:
            if self._left <= 0:
                raise InputError(
                    f"input_video takes longer to decode than the {self._seconds:g} seconds allowed"
                )
            started = time.monotonic()
            # In steps: the server's way to cancel reaches Python only between two instructions.
            ready = bool(poll.poll(min(self._left, _STEP_SECONDS) * 1000))
            self._left -= time.monotonic() - started
        return os.readv(pipe, [buffer])

    def fill(self, buffer: memoryview, output: int = 0) -> bool:
        """Fill `buffer` from a pipe; False if the output ends before it is full."""
        filled = 0
        while filled < len(buffer):
            count = self.read(buffer[filled:], output)
            if not count:
                return False
            filled += count
        return True

    def lines(self) -> Iterator[bytes]:
        """The lines of the output, without their ends."""
        buffer = memoryview(bytearray(_LINE))
        rest = b""
        while count := self.read(buffer):
            *whole, rest = (rest + buffer[:count]).split(b"\n")
            yield from whole

    def finish(self) -> bool:
        """Wait for ffmpeg to end and its log to be read; whether it ended well."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)  # its output is closed: only exiting is left
        self.close()
        return self._process.returncode == 0

    def close(self) -> None:
        """End ffmpeg now. Harmless when it has ended already."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in self._pipes:
            pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _output(filters: str, options: Sequence[str], address: str) -> list[str]:
    """The options for one output of ffmpeg: every picture of the stream, filtered."""
    stream = ["-map", "0:V:0", "-fps_mode", "passthrough", "-vf", filters]
    return [*stream, *options, "-flush_packets", "1", address]


def _listen(stderr: IO[bytes], report: Report) -> None:
    """Read the log to its end, so that ffmpeg never waits for us to read it."""
    with stderr, open(stderr.fileno(), "rb", closefd=False) as lines:
        while line := lines.readline(_LINE):
            report.add(line)

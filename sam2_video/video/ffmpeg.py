"""One ffmpeg process: its pipes, its log, its end.

Reading and writing video both go through `Ffmpeg`; `decoder.py` and `encode_video.py` make its
command lines, `ffmpeg_log.py` reads its messages.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import IO, Self

import imageio_ffmpeg

from sam2_video.core.errors import SettingError, reason_of, shown
from sam2_video.core.processes import SIDE_PIPE, start_child, start_thread

__all__ = ["SIDE_PIPE", "Ffmpeg"]

_PROGRAM = "IMAGEIO_FFMPEG_EXE"
_PIPE_BYTES = 1024 * 1024
_POLL_SECONDS = 0.1
_LINE_BYTES = 4096  # a longer line of the log comes in parts


class Ffmpeg:
    """A running ffmpeg. Leaving the `with` block kills it, if it has not ended by itself.

    Args:
        arguments: what follows the name of the program and its general options. An output goes to
            `pipe:1`, a second one to `SIDE_PIPE`.
        stdin: the file to read, or `subprocess.PIPE` to `write` to it.
        log: gets every line of the log, on another thread. It must not hold this object: then an
            `Ffmpeg` that a cancellation dropped before anybody could close it is collected, and
            its process is killed.
        max_wait_seconds: how long all calls of `read` together may wait.
        max_bytes: bound on the address space of the process.

    Raises:
        OSError: it cannot be started.
        SettingError: the same, where `IMAGEIO_FFMPEG_EXE` names the program.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: IO[bytes] | int,
        log: Callable[[bytes], object],
        max_wait_seconds: float = float("inf"),
        max_bytes: int | None = None,
    ) -> None:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-nostats"]
        self._left = max_wait_seconds
        try:
            self._process = start_child(
                [*command, *arguments],
                max_bytes=max_bytes,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # Ctrl-C reaches this process alone, which then ends ffmpeg
                # Each arena of malloc would take address space in advance.
                env={"AV_LOG_FORCE_NOCOLOR": "1", "MALLOC_ARENA_MAX": "1"},
            )
        except OSError as error:
            if not os.environ.get(_PROGRAM):
                raise
            failure = f"cannot be started: {reason_of(error)}"
            raise SettingError(
                f"{_PROGRAM} is {shown(command[0], 180)}, which {failure}"
            ) from error
        assert self._process.stderr is not None
        self._outputs = [p for p in (self._process.stdout, self._process.side) if p is not None]
        self._input = self._process.stdin
        for pipe in (*self._outputs, *([self._input] if self._input else [])):
            with contextlib.suppress(OSError, AttributeError):  # a small pipe works too
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._log_reader = start_thread(_read_log, self._process.stderr, log)

    def read(self, buffer: memoryview, output: int = 0) -> int:
        """Read at least a byte of an output into `buffer`; 0 at its end.

        Args:
            buffer: bytes to read into.
            output: 0, or 1 for the side output.

        Raises:
            TimeoutError: `max_wait_seconds` are over.
        """
        pipe = self._outputs[output].fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        ready = False
        while not ready:
            if self._left <= 0:
                raise TimeoutError
            started = monotonic()
            # In steps: Python raises a cancellation only between two instructions.
            ready = bool(poll.poll(min(self._left, _POLL_SECONDS) * 1000))
            self._left -= monotonic() - started
        return os.readv(pipe, [buffer])

    def fill(self, buffer: memoryview, output: int = 0) -> bool:
        """Fill `buffer` from an output; False if the output ends before it is full."""
        filled = 0
        while filled < len(buffer):
            count = self.read(buffer[filled:], output)
            if not count:
                return False
            filled += count
        return True

    def lines(self) -> Iterator[bytes]:
        """The lines of the output, without their ends."""
        buffer = memoryview(bytearray(_LINE_BYTES))
        rest = b""
        while count := self.read(buffer):
            *whole, rest = (rest + buffer[:count]).split(b"\n")
            yield from whole

    def write(self, data: memoryview) -> None:
        """Write all of `data` to ffmpeg's input.

        Raises:
            BrokenPipeError: ffmpeg reads no more.
        """
        assert self._input is not None
        left = data.cast("B")
        while left:
            left = left[self._input.write(left) :]

    def finish(self, timeout: float | None = None) -> int:
        """End the input, wait for ffmpeg to exit and for its log; the exit status.

        After `timeout` seconds it is killed.
        """
        if self._input is not None:
            self._input.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.close()
        return self._process.returncode

    def close(self) -> None:
        """Kill ffmpeg, if it still runs, and read its log to the end."""
        self._process.kill()
        self._process.wait()
        self._log_reader.join()
        for pipe in self._outputs:
            pipe.close()
        if self._input is not None:
            self._input.close()

    def __enter__(self) -> Self:
        """The process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.close()


def _read_log(stderr: IO[bytes], log: Callable[[bytes], object]) -> None:
    """Read the log to its end: ffmpeg blocks when the pipe is full."""
    with stderr, open(stderr.fileno(), "rb", closefd=False) as lines:
        while line := lines.readline(_LINE_BYTES):
            log(line)

"""How far a piece of work is: a line redrawn in place on a terminal, lines in a log elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

_SECONDS_BETWEEN_REDRAWS = 0.1
_ERASE_LINE = "\r\033[K"


class Progress:
    """Counts what is done; shows it now and then, and always when all is done.

    Args:
        total: of what is counted.
        stream: where to; stderr if None.
        clock: the time in seconds.
    """

    seconds_between_lines = 1.0
    """In a log; a terminal is redrawn more often."""

    def __init__(
        self, total: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.done, self.total = 0, total
        self._stream, self._clock = stream or sys.stderr, clock
        self._in_place = self._stream.isatty()
        self._pause = _SECONDS_BETWEEN_REDRAWS if self._in_place else self.seconds_between_lines
        self._started = clock()
        self._shown_at, self._shown_count = float("-inf"), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Show how far it came, unless that has been shown; end the line on a terminal."""
        if self._shown_count != self.done:
            self.show()
        if self._in_place and self._shown_at > float("-inf"):
            self._write("\n")

    def line(self, elapsed: float) -> str:
        """What is shown after so many seconds."""
        raise NotImplementedError

    def advance(self, count: int = 1) -> None:
        """Count what was done since the last call."""
        self.done += count
        if self.done == self.total or self._clock() - self._shown_at >= self._pause:
            self.show()

    def show(self) -> None:
        self._shown_at, self._shown_count = self._clock(), self.done
        text = self.line(self._shown_at - self._started)
        self._write(f"{_ERASE_LINE}{text}" if self._in_place else f"{text}\n")

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._write(f"{_ERASE_LINE if self._in_place else ''}{text}\n")
        if self._in_place:
            self.show()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class FrameProgress(Progress):
    r"""One monotone bar over all frames, in tqdm's format: clients read `^\s*(\d+)%` from it."""

    def line(self, elapsed: float) -> str:
        # Imported here: a download is counted without any package installed.
        from tqdm import tqdm

        return tqdm.format_meter(self.done, self.total, elapsed, ascii=True, unit="frames")


class DownloadProgress(Progress):
    """Bytes of a file, as megabytes.

    Args:
        file: its name.
        total: its size in bytes.
        done: the bytes that an earlier try has left.
    """

    seconds_between_lines = 5.0

    def __init__(self, file: str, total: int, done: int = 0) -> None:
        super().__init__(total)
        self._file, self.done = file, done

    def line(self, elapsed: float) -> str:
        return f"{self._file}: {self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB"

"""How far a batch is."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_REDRAWS = 0.2
_ERASE_LINE = "\r\033[K"


class Bar:
    """Jobs done, frames a second of all workers together, time left.

    On a terminal it is redrawn in place; elsewhere it is a line of its own now and then. Jobs
    that were done before count as done, not as work: the time left does not rest on them.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self._stream = stream or sys.stderr
        self._in_place = self._stream.isatty()
        self._done = self._skipped = self._frames = 0
        self._started = time.monotonic()
        self._shown = float("-inf")

    def __enter__(self) -> Self:
        """Show that nothing is done yet."""
        self._show()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show the end."""
        self._show()
        if self._in_place:
            self._stream.write("\n")

    def advance(self, frames: int) -> None:
        """Count one job and its frames."""
        self._done += 1
        self._frames += frames
        self._show_now_and_then()

    def skip(self) -> None:
        """Count one job that was done before."""
        self._done += 1
        self._skipped += 1
        self._show_now_and_then()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self._stream.write(f"{_ERASE_LINE if self._in_place else ''}{line}\n")
        if self._in_place:
            self._show()

    def _show_now_and_then(self) -> None:
        pause = _SECONDS_BETWEEN_REDRAWS if self._in_place else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self._shown >= pause:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        elapsed = self._shown - self._started
        rate = self._frames / elapsed if elapsed else 0.0
        text = tqdm.format_meter(
            self._done,
            self.total,
            elapsed,
            ascii=True,
            initial=self._skipped,
            bar_format="{percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} jobs "
            "[{elapsed}<{remaining}" + f", {rate:.1f} frames/s]",
        )
        self._stream.write(f"{_ERASE_LINE}{text}" if self._in_place else f"{text}\n")
        self._stream.flush()

"""How far a run is: a bar on a terminal, lines in a log."""

import sys
import time
from typing import TextIO

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 1.0
_SECONDS_BETWEEN_REDRAWS = 0.1


class Progress:
    r"""One monotone bar over all frames, in tqdm's format.

    On a terminal it is redrawn in place; elsewhere it is a line of its own, at most one a
    second, and a last one at the end: clients read `^\s*(\d+)%` from it.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = total
        self._done = 0
        self._started = time.monotonic()
        self._shown = float("-inf")
        self._in_place = self._stream.isatty()

    def advance(self) -> None:
        """Count one frame."""
        self._done += 1
        now = time.monotonic()
        pause = _SECONDS_BETWEEN_REDRAWS if self._in_place else _SECONDS_BETWEEN_LINES
        if self._done == self._total or now - self._shown >= pause:
            self._shown = now
            self._show(now - self._started)

    def _show(self, elapsed: float) -> None:
        bar = tqdm.format_meter(self._done, self._total, elapsed, ascii=True, unit="frames")
        is_last = self._done == self._total
        start, end = ("\r", "\n" if is_last else "") if self._in_place else ("", "\n")
        self._stream.write(f"{start}{bar}{end}")
        self._stream.flush()

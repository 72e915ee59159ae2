"""SIGINT, SIGTERM and SIGHUP as an exception."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a command: SIGHUP, of a closed terminal, unless `nohup` ignores it."""
    is_kept = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if is_kept else (signal.SIGHUP,)))


class Interrupted(BaseException):
    """One of `ending_signals` arrived.

    Not `KeyboardInterrupt`: once that has crossed certain C code, Python exits by the signal even
    if it was caught, and the exit code is lost.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """In the block `ending_signals` raise `Interrupted`; then the old handlers are back."""
    previous = {number: signal.signal(number, _interrupt) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """In the block `ending_signals` wait for its end.

    For imports of large packages: some modules of theirs try to import others and swallow whatever
    is raised, a signal's exception too.
    """
    arrived: list[int] = []
    previous = {
        number: signal.signal(number, lambda number, _: arrived.append(number))
        for number in ending_signals()
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)

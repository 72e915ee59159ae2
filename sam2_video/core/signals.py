"""Signals that ask a command for its end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asked for the end.

    Not `KeyboardInterrupt`: once one has crossed certain C code, Python ends by the signal itself
    and not with the exit code, although it was caught.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Such a signal raises `Interrupted` in the block; afterwards its handlers are as before."""
    previous = {number: signal.signal(number, _interrupt) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)

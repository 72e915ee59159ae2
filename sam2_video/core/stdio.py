"""The standard streams of a command."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from sam2_video.core.errors import reason_of


class StdoutError(Exception):
    """Stdout cannot be written, told in one sentence. A closed pipe is a `BrokenPipeError`."""


def prepare_streams() -> None:
    """Make stdout and stderr usable whatever the command was started with.

    Where one is closed, what is written to it is lost. What stdout's encoding lacks is written as
    an escape.
    """
    # A file that is opened later would take a closed stream's number, which children inherit.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def print_line(text: object) -> None:
    """Print a line to stdout at once.

    Raises:
        StdoutError: it cannot be written.
    """
    with _writing_stdout():
        print(text, flush=True)


def flush_stdout() -> None:
    """Write what other code, as argparse, has printed to stdout.

    Raises:
        StdoutError: it cannot be written.
    """
    with _writing_stdout():
        sys.stdout.flush()


def discard_stdout() -> None:
    """Lose what is left: Python flushes stdout once more at its end, and would tell an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _writing_stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutError(f"stdout cannot be written: {reason_of(error)}") from error

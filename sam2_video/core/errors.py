"""The errors a user may see."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

FULL_DISK = "no space is left on the disk for the output"
_LONGEST_SHOWN = 60


class InputError(ValueError):
    """Bad input, told in one sentence that names the input, its value and what would be right.

    Everything an untrusted client can send wrong ends here. The message is shown as it is, so it
    holds no path of this machine, no traceback and no second sentence.
    """


class OutputError(RuntimeError):
    """The result could not be written, told in one sentence that a user may see."""


class DeviceMemoryError(RuntimeError):
    """The GPU has too little memory for a prediction, told in one sentence that a user may see."""


class BatchError(RuntimeError):
    """A batch cannot be run as it was asked for, told in one sentence that a user may see."""


class SettingError(ValueError):
    """An environment variable is invalid, told in one sentence."""


def shown(value: object, longest: int = _LONGEST_SHOWN) -> str:
    """A value as an error shows it: quoted if it is text, on one line, cut if it is long."""
    if isinstance(value, str):
        return repr(_cut(value, longest))
    return _cut(repr(value), longest)


def reason_of(error: BaseException) -> str:
    """What went wrong in words: no error numbers, no wrapped exception's name."""
    cause = getattr(error, "reason", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def output_error(error: OSError) -> OutputError:
    """The sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(FULL_DISK)
    return OutputError(f"the output could not be written: {reason_of(error)}")


@contextmanager
def writing() -> Iterator[None]:
    """Raise an `OutputError` for a file that could not be written in the block."""
    try:
        yield
    except OSError as error:
        raise output_error(error) from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raise an `InputError` for the file of an input that could not be read in the block."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{name} cannot be read: {reason_of(error)}") from error


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."

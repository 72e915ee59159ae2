"""The errors a user may see."""

import errno

FULL_DISK = "no space is left on the disk for the output"


class InputError(ValueError):
    """Bad input, told in one sentence that names the input, its value and what would be right.

    Everything a stranger can send wrong ends here: the message is shown to them as it is,
    so it never holds a path of the machine, a traceback or a second sentence.
    """


class OutputError(RuntimeError):
    """The result could not be written, told in one sentence that a user may see."""


class DeviceMemoryError(RuntimeError):
    """A GPU has too little memory for a prediction, told in one sentence that a user may see."""


class BatchError(RuntimeError):
    """A batch cannot be run as it was asked for, told in one sentence that a user may see."""


def reason_of(error: BaseException) -> str:
    """What went wrong in words: no error numbers, no wrapped exception's name."""
    cause = getattr(error, "reason", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def output_error(error: OSError) -> OutputError:
    """The sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(FULL_DISK)
    return OutputError(f"the output could not be written: {reason_of(error)}")

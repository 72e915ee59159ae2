"""The errors a user may see."""


class InputError(ValueError):
    """Bad input, told in one sentence that names the input, its value and what would be right.

    Everything a stranger can send wrong ends here: the message is shown to them as it is,
    so it never holds a path of the machine, a traceback or a second sentence.
    """


class OutputError(RuntimeError):
    """The result could not be written, told in one sentence that a user may see."""


def reason_of(error: BaseException) -> str:
    """What went wrong in words: no error numbers, no wrapped exception's name."""
    cause = getattr(error, "reason", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__

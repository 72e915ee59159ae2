"""The errors a user may see."""


class InputError(ValueError):
    """Bad input, told in one sentence that names the input, its value and what would be right.

    Everything a stranger can send wrong ends here: the message is shown to them as it is,
    so it never holds a path of the machine, a traceback or a second sentence.
    """


class OutputError(RuntimeError):
    """The result could not be written, told in one sentence that a user may see."""

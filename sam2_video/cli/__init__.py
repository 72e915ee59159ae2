"""The command line: `sam2-video` and `python -m sam2_video`."""

import logging
import sys
from collections.abc import Sequence

from sam2_video.cli.parser import read_arguments
from sam2_video.core.errors import (
    BatchError,
    DeviceMemoryError,
    InputError,
    OutputError,
    SettingError,
)
from sam2_video.core.logs import log_to_stderr
from sam2_video.core.signals import Interrupted, interruptible
from sam2_video.models.registry import CheckpointError

EXIT_BAD_INPUT = 1
SHOWN_ERRORS = (
    BatchError,
    CheckpointError,
    DeviceMemoryError,
    InputError,
    OutputError,
    SettingError,
)
"""Errors whose message is one sentence for the user; any other error is a bug."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 (bad input), 130 or 143 (interrupted).

    Usage errors raise `SystemExit(2)`, as argparse does.
    """
    options = read_arguments(arguments)
    log_to_stderr()
    is_quiet = getattr(options, "quiet", False)
    logging.getLogger("sam2_video").setLevel(logging.WARNING if is_quiet else logging.INFO)
    with interruptible():
        try:
            code: int = options.run(options)
        except SHOWN_ERRORS as error:
            print(error, file=sys.stderr)
            return EXIT_BAD_INPUT
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            return end.exit_code
    return code

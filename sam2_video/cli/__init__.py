"""The command line: `sam2-video` and `python -m sam2_video`."""

import errno
import logging
import signal
import sys
import tempfile
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
from sam2_video.core.stdio import StdoutError, discard_stdout, flush_stdout, prepare_streams
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
    """Run one command and return the exit code.

    It is 0, 1 (bad input), or 128 and the number of the signal that ended it: 129, 130 or 143, and
    141 if nothing reads stdout any more. Usage errors raise `SystemExit(2)`, as argparse does.
    """
    prepare_streams()
    try:
        try:
            return _run(arguments)
        finally:
            flush_stdout()
    except BrokenPipeError:
        discard_stdout()
        return 128 + signal.SIGPIPE
    except StdoutError as error:
        discard_stdout()
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT


def _run(arguments: Sequence[str] | None) -> int:
    log_to_stderr()
    with interruptible():
        try:
            options = read_arguments(arguments)
            is_quiet = getattr(options, "quiet", False)
            logging.getLogger("sam2_video").setLevel(logging.WARNING if is_quiet else logging.INFO)
            code: int = options.run(options)
        except SHOWN_ERRORS as error:
            print(error, file=sys.stderr)
            return EXIT_BAD_INPUT
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # Other files have an error of their own.
            place = tempfile.gettempdir()
            print(f"no space is left in the temporary folder {place!r} (TMPDIR)", file=sys.stderr)
            return EXIT_BAD_INPUT
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            return end.exit_code
    return code

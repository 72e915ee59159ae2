"""Where the log goes."""

import logging
import sys


def log_to_stderr() -> None:
    """Send this package's log to stderr, one plain line a message."""
    package = logging.getLogger("sam2_video")
    if not package.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        package.addHandler(handler)
        package.setLevel(logging.INFO)
        package.propagate = False

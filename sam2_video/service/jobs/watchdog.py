"""Runs a command that ends when the process that started it ends, for whatever reason.

`python -m sam2_video.service.jobs.watchdog COMMAND...`, with a pipe as standard input: when its
other end is closed, also by the death of the process that held it, the command is ended. On Linux
the command is killed when the watchdog is.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(command: list[str]) -> int:
    """Run the command to its end; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)

    def end(*_: object) -> None:
        process.terminate()

    def hold() -> None:
        # Not by `sys.stdin`, whose lock a thread may not hold when the interpreter ends.
        while os.read(0, 1024):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=hold, daemon=True).start()
    return process.wait()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

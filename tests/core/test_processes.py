"""Threads and processes are started by the starter thread, in forked processes too."""

import subprocess
import sys
from pathlib import Path

from sam2_video.core.processes import start_thread


def test_a_forked_process_can_start_threads() -> None:
    code = (
        "import os; from sam2_video.core.processes import start_thread; pid = os.fork()\n"
        "start_thread(print, 'runs').join()\n"
        "if pid: assert os.waitpid(pid, 0)[1] == 0"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.split() == ["runs", "runs"]


def test_a_started_thread_runs() -> None:
    done = []
    thread = start_thread(done.append, 5)
    thread.join()
    assert done == [5]
    assert thread.daemon

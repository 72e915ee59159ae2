"""Threads and processes are started by the starter thread, in forked processes too."""

import subprocess
import sys
from pathlib import Path

from sam2_video.core.processes import Children, start_child, start_thread


def test_a_forked_process_can_start_threads() -> None:
    code = (
        "import os; from sam2_video.core.processes import start_thread; pid = os.fork()\n"
        "start_thread(os.write, 1, b'runs\\n').join()\n"
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


def test_the_processes_of_a_piece_of_work_can_be_ended() -> None:
    children = Children()
    with children.collected():
        running = start_child(["sleep", "60"])
    other = start_child(["sleep", "60"])
    children.end()
    assert running.wait(10) < 0
    with children.collected():
        assert start_child(["sleep", "60"]).wait(10) < 0  # ended before it started
    assert other.poll() is None
    other.kill()
    other.wait(10)


def test_a_process_has_no_more_memory_than_allowed() -> None:
    code = "input(); bytes(600_000_000)"
    for max_bytes, is_enough in ((400_000_000, False), (4_000_000_000, True)):
        child = start_child(
            [sys.executable, "-c", code],
            max_bytes=max_bytes,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        child.communicate(b"\n", 60)
        assert (child.returncode == 0) == is_enough

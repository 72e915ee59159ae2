"""Cancelling as the server does it, at any moment: nothing hangs, nothing stays."""

import ctypes
import gc
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.core.processes import start_thread
from sam2_video.video.ffmpeg import Decoder
from sam2_video.video.sinks import VideoFile
from tests import clips
from tests.processes import ffmpeg_children

ROUNDS = 60


class Cancelled(BaseException):
    pass


def cancel(thread: threading.Thread) -> None:
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(Cancelled)
    )


# A cancellation between any two instructions may drop a pipe before anything can close it; the
# garbage collector does.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_cancelled_at_any_moment(kind, tmp_path) -> None:
    path = clips.encode(tmp_path / "clip.mp4", clips.numbered(250, (64, 48)))
    picture = clips.draw(1, (64, 48))
    generator = random.Random(5)  # noqa: S311

    def decode() -> None:
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
        with Decoder(path, "null", raw, DEFAULT_LIMITS) as decoder:
            while decoder.read(memoryview(bytearray(64 * 48 * 3))):
                pass

    def encode() -> None:
        with VideoFile(tmp_path / "out.mp4", 64, 48, 30) as sink:
            for _ in range(1000):
                sink.write(picture)

    def work() -> None:
        try:
            while True:
                decode() if kind == "decoder" else encode()
        except Cancelled:
            pass

    for _ in range(ROUNDS):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        time.sleep(generator.uniform(0, 0.03))
        cancel(thread)
        thread.join(10)
        assert not thread.is_alive(), "the cancellation hit somebody else, or nobody"
        del thread
    gc.collect()
    deadline = time.monotonic() + 10
    while ffmpeg_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not ffmpeg_children()


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


def test_a_thread_runs_when_it_comes_back() -> None:
    done = []
    thread = start_thread(done.append, 5)
    thread.join()
    assert done == [5]
    assert thread.daemon

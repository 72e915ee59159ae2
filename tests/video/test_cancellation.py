"""Cancelling as the server does it, at any moment: nothing hangs, no process is left."""

import ctypes
import gc
import random
import threading
import time

import pytest

from bench.processes import ffmpeg_children
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.video.colour_space import to_planes
from sam2_video.video.decoder import Decoder, Output
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.pictures import Picture
from sam2_video.video.probe import check_file
from tests import clips

ROUNDS = 60


class Cancelled(BaseException):
    pass


def cancel(thread: threading.Thread) -> None:
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(Cancelled)
    )


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_cancelled_at_any_moment(kind, tmp_path) -> None:
    path = clips.encode(tmp_path / "clip.mp4", clips.numbered(250, (64, 48)))
    source = check_file(path, DEFAULT_LIMITS)
    raw = Output("null", ("-f", "rawvideo", "-pix_fmt", "rgb24"))
    planes = to_planes(Picture(clips.draw(1, (64, 48))))
    generator = random.Random(5)  # noqa: S311

    def decode() -> None:
        with Decoder(source, raw) as decoder:
            while decoder.read(memoryview(bytearray(64 * 48 * 3))):
                pass

    def encode() -> None:
        with VideoFile(tmp_path / "out.mp4", 64, 48, 30, "center") as file:
            for _ in range(1000):
                file.write(planes)

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
        assert not thread.is_alive(), "the cancellation hit another thread, or none"
        del thread
    gc.collect()
    deadline = time.monotonic() + 10
    while ffmpeg_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not ffmpeg_children()

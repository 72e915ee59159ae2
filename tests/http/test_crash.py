"""Servers that are killed, and servers that are asked to end."""

import os
import signal
import threading

from bench.serving import Reply, Server, alive, data_uri, until
from tests.http.conftest import CLICK, FRAMES


def test_a_killed_server_leaves_nothing_that_its_next_start_does_not_clean(
    tmp_path, inputs, long_clip
) -> None:
    server = Server(tmp_path, SAM2_IMAGE_SIZE="128").start().ready()
    try:
        server.begin(input_video=data_uri(long_clip), click_coordinates=CLICK)
        until(lambda: len(server.files()) > 3)
        processes = server.processes()
        server.kill()
        # The worker and its ffmpegs notice by themselves that nobody is left.
        until(lambda: not any(alive(pid) for pid in processes))
        assert server.files()

        server.start().ready()
        assert server.files() == []
        assert len(server.predict(**inputs).outputs) == FRAMES

        # The worker alone is killed: the server says so, and does not pretend to be well.
        worker = next(pid for pid in server.processes() if pid != server.pid)
        server.begin(input_video=data_uri(long_clip), click_coordinates=CLICK)
        until(lambda: bool(server.ffmpegs()))
        os.kill(worker, signal.SIGKILL)
        server.wait_for("UNHEALTHY", "DEFUNCT", seconds=20)
    finally:
        server.stop()


def test_a_server_that_is_asked_to_end_finishes_its_work_first(tmp_path, inputs) -> None:
    server = Server(tmp_path, SAM2_IMAGE_SIZE="128").start().ready()
    try:
        replies: list[Reply] = []
        given = {"input": {**inputs, "output_video": True}}
        client = threading.Thread(
            target=lambda: replies.append(server.call("POST", "/predictions", given))
        )
        client.start()
        until(lambda: bool(server.ffmpegs()))
        processes = server.processes()
        server.terminate()
        assert server.wait() == 0
        client.join()
        assert len(replies[0].outputs) == 1
        until(lambda: not any(alive(pid) for pid in processes))
        # Outputs lie where they are until the next start, as after any prediction.
        assert [path.name for path in server.files()] == ["output_video.mp4"]
    finally:
        server.stop()

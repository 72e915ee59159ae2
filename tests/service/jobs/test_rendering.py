"""What the server does beside the process that renders an export."""

import shutil
import threading
from pathlib import Path

from sam2_video.service.jobs.rendering import bytes_in


def test_bytes_are_counted_while_the_renderer_removes_folders(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"12345")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            (tmp_path / "a" / "b").mkdir(parents=True)
            (tmp_path / "a" / "b" / "c").touch()
            shutil.rmtree(tmp_path / "a")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert {bytes_in(tmp_path) for _ in range(3000)} == {5}
    finally:
        stop.set()
        thread.join()

"""What the integration tests share: the example clip, a predictor, a look at the processes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from predict import Predictor

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker a core: threads would fight over them
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
    torch.set_num_threads(1)

# How long one example takes says nothing about a shared machine.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

ROOT = Path(__file__).resolve().parent.parent

# What `make test-fast` leaves out: tests that start servers, browsers or clusters, train, compare
# whole networks, or track the example clip.
SLOW = (
    "tests/accelerate/",
    "tests/batch/",
    "tests/bench/",
    "tests/engine/test_parity.py",
    "tests/http/",
    "tests/prediction/test_example_clip.py",
    "tests/prediction/test_length.py",
    "tests/service/api/",
    "tests/service/jobs/test_local_worker.py",
    "tests/service/jobs/test_queue.py",
    "tests/service/page/",
    "tests/service/test_kills.py",
    "tests/service/test_serve.py",
    "tests/test_examples.py",
    "tests/test_readme.py",
    "tests/training/",
    "tests/video/test_hostile_files.py",
    "tests/video/test_open_video.py::test_a_job_decodes_twice",
)
SLOW_FIXTURES = {"predictor", "example", "short_clip"}
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.nodeid.startswith(SLOW) or SLOW_FIXTURES.intersection(fixtures):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _embedded_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' figures are nano's, whatever weights a developer has fetched."""
    monkeypatch.setenv("SAM2_MODEL", "nano")


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the example clip, its clicks and its true masks."""
    folder = tmp_path_factory.mktemp("example")
    command = [sys.executable, "-m", "examples.render", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def short_clip(example: Path) -> Path:
    """The first six frames of the example clip, without loss."""
    path = example / "short.mp4"
    command = [FFMPEG, "-v", "error", "-i", str(example / "clip.mp4"), "-frames:v", "6", "-an"]
    command += ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    """A predictor whose temporary files can be counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM2_MODEL", "nano")
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        predictor = Predictor()
        predictor.setup()
        yield predictor
        predictor.close()


@pytest.fixture(scope="session")
def decode() -> Callable[[Path], np.ndarray]:
    """Reads pictures back as a viewer would: (N, H, W, 3) uint8 RGB."""

    def read(path: Path) -> np.ndarray:
        if path.suffix != ".mp4":
            return np.asarray(Image.open(path).convert("RGB"))[None]
        command = [FFMPEG, "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
        command += ["-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp"]
        command += ["-f", "image2pipe", "-c:v", "ppm", "-"]
        data = subprocess.run(command, check=True, capture_output=True).stdout
        pictures = []
        while data:
            magic, width, height, _, _ = data.split(maxsplit=4)
            assert magic == b"P6"
            header = len(b"P6\n%s %s\n255\n" % (width, height))
            size = int(width) * int(height) * 3
            flat = np.frombuffer(data, np.uint8, size, header)
            pictures.append(flat.reshape(int(height), int(width), 3))
            data = data[header + size :]
        return np.stack(pictures)

    return read

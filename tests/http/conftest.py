"""One server for all these tests, and the clips they send."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bench.serving import Receiver, Server, data_uri
from tests import clips

SIZE = (64, 48)
FRAMES = 6
LONG = 400
CLICK = "[20,20]"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip(folder: Path) -> bytes:
    """Six frames of 64x48 as mp4."""
    clips.encode(folder / "clip.mp4", clips.numbered(FRAMES, SIZE))
    return (folder / "clip.mp4").read_bytes()


@pytest.fixture(scope="session")
def long_clip(folder: Path) -> bytes:
    """So many frames that nobody waits for the end."""
    clips.encode(folder / "long.mp4", [clips.draw(i % 256, SIZE) for i in range(LONG)])
    return (folder / "long.mp4").read_bytes()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A still picture of 64x48 as png."""
    data = BytesIO()
    Image.fromarray(clips.draw(7, SIZE)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="session")
def inputs(clip: bytes) -> dict[str, str]:
    """The least that a prediction needs."""
    return {"input_video": data_uri(clip), "click_coordinates": CLICK}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, ready."""
    server = Server(tmp_path_factory.mktemp("server"), SAM2_IMAGE_SIZE="128").start()
    yield server
    server.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver

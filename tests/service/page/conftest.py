"""A container, the server before it, and a browser before that: all of them real."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from starlette.applications import Starlette

from bench.serving import Server, until
from sam2_video.service.app import create_service
from sam2_video.service.settings import Settings
from tests import clips
from tests.service.page.editor import DARK, DESKTOP, FRAMES, RATE, RED, watched

INSTALL = "apt-get install --no-install-recommends chromium"
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

Serve = Callable[..., str]

expect.set_options(timeout=30_000)  # the machine may be busy with other things


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The container's server, ready."""
    server = Server(tmp_path_factory.mktemp("container"), SAM2_IMAGE_SIZE="128").start()
    yield server.ready()
    server.stop()


@contextmanager
def serving(**settings: Any) -> Iterator[str]:
    """The server with these settings, on a free port; its URL."""
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        service = create_service(Settings(**{"folder": Path(folder), **settings}))
        app = Starlette(routes=service.routes, lifespan=service.lifespan)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def serve(container: Server) -> Iterator[Serve]:
    """Starts servers with settings of a test's own."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            serving(**{"workers": (f"http://127.0.0.1:{container.port}",), **settings})
        )


@pytest.fixture(scope="session")
def page_url(container: Server, example: Path) -> Iterator[str]:
    """The page as people get it, but it may fetch from this machine."""
    with serving(
        workers=(f"http://127.0.0.1:{container.port}",),
        examples=(example / "clip.mp4",),
        allowed_networks=(ipaddress.ip_network("127.0.0.1"),),
    ) as url:
        yield url


@pytest.fixture
def visitor(page_url: str, container: Server) -> Iterator[httpx.Client]:
    """Somebody who has opened the page, by way of HTTP alone."""
    container.ready()
    with httpx.Client(base_url=page_url, timeout=60) as client:
        client.get("/")
        yield client


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """120 frames that carry their number, as mp4."""
    path = tmp_path_factory.mktemp("clips") / "numbered.mp4"
    return clips.encode(path, clips.numbered(120), *clips.H264, "-g", "30").read_bytes()


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ten frames of grass with a red disc around (24, 24) and a white one around (72, 48)."""
    random = np.random.default_rng(0)
    frames = []
    for k in range(10):
        grain = random.integers(-6, 6, (*clips.SIZE[::-1], 3))
        frame = np.add((90, 140, 90), grain).astype(np.uint8)
        cv2.circle(frame, (24 + k // 3, 24), 12, (220, 40, 30), -1)
        cv2.circle(frame, (72, 48 - k // 3), 12, (240, 240, 250), -1)
        frames.append(frame)
    path = tmp_path_factory.mktemp("clips") / "few.mp4"
    return clips.encode(path, frames, *clips.H264).read_bytes()


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red disc that drifts to the right, and a dark one that leaves the picture, as mp4."""
    random = np.random.default_rng(0)
    relief = cv2.GaussianBlur(random.normal(0, 1, (120, 160)).astype(np.float32), (0, 0), 4)
    ground = np.full((120, 160, 3), (120, 120, 125)) + (18 * relief / relief.std())[..., None]
    ground[:40] = (150, 190, 235)
    frames = []
    for k in range(FRAMES):
        frame = (ground + random.integers(-6, 6, ground.shape)).clip(0, 255).astype(np.uint8)
        cv2.circle(frame, (RED[0] + min(k, 60) // 3, RED[1]), 20, (220, 40, 30), -1, cv2.LINE_AA)
        dark = (DARK[0] + 3 * max(0, k - 20), DARK[1])
        cv2.circle(frame, dark, 16, (20, 20, 30), -1, cv2.LINE_AA)
        frames.append(frame)
    path = tmp_path_factory.mktemp("scene") / "scene.mp4"
    return clips.encode(path, frames, *clips.H264, "-g", "12", rate=RATE)


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of somebody who was never here; a large screen unless told otherwise."""
    context = browser.new_context(**getattr(request, "param", DESKTOP))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, page_url: str, container: Server) -> Iterator[Page]:
    """The page, opened. Nothing is loaded from elsewhere and no script fails, in any test."""
    container.ready()
    with watched(context.new_page()) as page:
        page.goto(page_url)
        expect(page.locator("#choose-video")).to_be_visible()
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. For one module: an event loop of Playwright's runs as long as it does."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if "CI" in os.environ:
            pytest.fail(f"there is no Chromium; {INSTALL}")
        pytest.skip(f"there is no Chromium; {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()

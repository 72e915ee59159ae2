"""Take the screenshots of the page for the docs, with the real page and model.

    python -m tests.service.page.screenshots [FOLDER]

Run it after a visible change of the page, and look at every one.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.serving import Server
from tests.service.page.conftest import CHROMIUM_OPTIONS, serving
from tests.service.page.test_browser import (
    DESKTOP,
    PHONE,
    SLOW,
    click,
    finished,
    open_clip,
    previewed,
)

ROOT = Path(__file__).resolve().parent.parent.parent.parent


@contextmanager
def container(folder: Path) -> Iterator[Server]:
    """A server at the model's own size."""
    folder.mkdir()
    server = Server(folder).start()
    try:
        yield server.ready()
    finally:
        server.stop()


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as example:
        command = [sys.executable, "-m", "examples.render", "--out", example]
        subprocess.run(command, cwd=ROOT, check=True)
        clip = Path(example) / "clip.mp4"
        given = json.loads((Path(example) / "clip_clicks.json").read_text())
        points = json.loads(f"[{given['click_coordinates']}]")
        names = given["click_object_ids"].split(",")
        with (
            container(Path(example) / "server") as server,
            serving(workers=(f"http://127.0.0.1:{server.port}",), examples=(clip,)) as url,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
            )
            page = opened(browser, url, **DESKTOP)
            shoot(page, folder / "page-start.jpg")
            open_clip(page, clip)
            mark(page, points, names)
            shoot(page, folder / "page.jpg")
            page.click("#run")
            finished(page)
            page.evaluate("document.querySelector('#result').scrollIntoView({ block: 'end' })")
            page.wait_for_timeout(1500)
            page.evaluate("document.querySelector('#outcome video').pause()")  # in sync exactly
            page.wait_for_timeout(500)
            shoot(page, folder / "page-result.jpg")

            page = opened(browser, url, **DESKTOP, color_scheme="dark")
            open_clip(page, clip)
            mark(page, points, names)
            page.locator("[data-field=output_video] input").uncheck()
            page.locator("#input-output_frame_interval").fill("8")
            page.click("#run")
            finished(page)
            page.evaluate("document.querySelector('#result').scrollIntoView({ block: 'end' })")
            page.wait_for_timeout(1000)
            shoot(page, folder / "page-pictures-dark.jpg")

            page = opened(browser, url, **PHONE, device_scale_factor=2)
            open_clip(page, clip)
            mark(page, points, names)
            page.evaluate("scrollTo(0, 0)")
            shoot(page, folder / "page-phone.jpg")
            browser.close()


def opened(browser: Browser, url: str, **options: object) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(url)
    page.wait_for_selector("body.ready", timeout=SLOW)
    page.wait_for_selector("#model-status[data-status=READY]", timeout=SLOW)
    return page


def mark(page: Page, points: list[tuple[int, int]], names: list[str]) -> None:
    """A point on each object, and the names of the objects."""
    for count, (point, name) in enumerate(zip(points, names, strict=True), start=1):
        if count > 1:
            page.click("#add-object")
        click(page, *point)
        title = page.locator(".object.active input[type=text]")
        title.fill(name)
        title.press("Enter")
        previewed(page, count)


def shoot(page: Page, path: Path) -> None:
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)
    page.screenshot(path=path, type="jpeg", quality=82)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")

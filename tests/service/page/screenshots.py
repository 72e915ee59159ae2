"""Take the screenshots of the page for the docs, with the real page, model and examples.

    python -m tests.service.page.screenshots [FOLDER]

Run it after a visible change of the page, and look at every one.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.serving import Server, until
from tests.service.page.conftest import CHROMIUM_OPTIONS, serving
from tests.service.page.editor import (
    DESKTOP,
    PHONE,
    SLOW,
    go_to,
    masks_shown,
    names,
    radio,
    shown,
    tab,
    tracked,
)

ROOT = Path(__file__).resolve().parent.parent.parent.parent
EXAMPLES = ROOT / "examples" / "page"


@contextmanager
def container(folder: Path) -> Iterator[Server]:
    """A server at the model's own size."""
    server = Server(folder).start()
    try:
        yield server.ready()
    finally:
        server.stop()


def main(folder: Path) -> None:
    if not EXAMPLES.is_dir():
        subprocess.run([sys.executable, "-m", "examples.page"], cwd=ROOT, check=True)
    clips = tuple(sorted(path.with_suffix(".mp4") for path in EXAMPLES.glob("*.json")))
    with (
        tempfile.TemporaryDirectory() as temporary,
        container(Path(temporary)) as server,
        serving(workers=(f"http://127.0.0.1:{server.port}",), examples=clips) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
        )
        page = opened(browser, url, **DESKTOP)
        stop_film(page)
        shoot(page, folder / "page-start.jpg")

        open_example(page, "Two planets")
        page.click("#track")
        tracked(page)
        half_way(page)
        shoot(page, folder / "page.jpg")

        page.get_by_label("Change video").click()
        open_example(page, "Duck behind a tree")
        page.click("#track")
        expect(page.locator("#track-sentence")).to_contain_text(
            re.compile(r"Tracking: (2\d|3[0-4]) of"), timeout=SLOW
        )
        shoot(page, folder / "page-tracking.jpg")
        page.context.close()

        page = opened(browser, url, **DESKTOP, color_scheme="dark")
        open_example(page, "Kingfisher")
        page.click("#track")
        tracked(page)
        half_way(page)
        page.click("#to-export")
        with page.expect_download(timeout=SLOW):
            page.click("#export")
        shoot(page, folder / "page-export-dark.jpg")
        page.context.close()

        page = opened(browser, url, **PHONE, device_scale_factor=2)
        open_example(page, "Two planets")
        page.tap("#track")
        tracked(page)
        half_way(page)
        shoot(page, folder / "page-phone.jpg")
        browser.close()


def opened(browser: Browser, url: str, **options: object) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(url)
    expect(page.locator("#model")).to_have_attribute("data-status", "ready", timeout=SLOW)
    return page


def stop_film(page: Page) -> None:
    """Stop the film of the start where its line crosses the duck, with all pictures there."""
    page.evaluate(
        """() => {
            const film = document.querySelector(".hero video");
            film.pause();
            film.currentTime = 0.28 * film.duration;
        }"""
    )
    until(
        lambda: page.evaluate(
            """!document.querySelector(".hero video").seeking
                && [...document.images].every((image) => image.complete)"""
        ),
        30,
    )


def open_example(page: Page, title: str) -> None:
    page.locator(".example", has_text=title).click()
    shown(page)
    masks_shown(page, len(names(page)))
    tab(page, "Edit")
    radio(page, "Highlight").locator("..").click()
    page.locator(".panel-body").evaluate("panel => { panel.scrollTop = 0; }")


def half_way(page: Page) -> None:
    """Show a frame in the middle with its masks."""
    number = int(page.get_by_role("slider", name="Playhead").get_attribute("aria-valuemax") or 1)
    go_to(page, number // 2)
    masks_shown(page, len(names(page)))


def shoot(page: Page, path: Path) -> None:
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)  # transitions
    page.screenshot(path=path, type="jpeg", quality=82)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")

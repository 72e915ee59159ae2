"""What a person does in the editor, for the tests in a browser and for the screenshots."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import BrowserContext, Locator, Page, expect

from bench.serving import until
from tests.service.page.calls import CAT, DOG, project_of, track

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
LARGE = {"viewport": {"width": 2560, "height": 1440}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SLOW = 60_000  # what the model takes on a machine that is busy with other things

# The clip `scene`, 160x120: a red disc drifts to the right, a dark one leaves the picture.
FRAMES, RATE = 150, 12
GONE = 40  # from this frame on
RED, DARK, GROUND = (30, 36), (132, 92), (80, 110)  # on frame 0
ON_RED = {"object": "o1", "frame": 0, "points": [RED], "labels": [1]}
ON_DARK = {"object": "o2", "frame": 0, "points": [DARK, RED], "labels": [1, 0]}


@contextmanager
def watched(page: Page) -> Iterator[Page]:
    """Nothing is loaded from elsewhere and no script fails meanwhile."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    page.on("request", lambda asked: faults.append(asked.url) if is_foreign(asked.url) else None)
    yield page
    assert faults == []


def is_fault(message: Any) -> bool:
    """A refused input shows in the browser's log as a failed request, which is no fault."""
    return message.type == "error" and "Failed to load resource" not in message.text


def is_foreign(url: str) -> bool:
    return not url.startswith(("data:", "blob:")) and urlsplit(url).hostname != "127.0.0.1"


def open_clip(page: Page, path: Path | dict[str, Any]) -> None:
    page.set_input_files("input[type=file]", path)
    shown(page)


def shown(page: Page) -> None:
    """Wait until the editor shows a frame."""
    expect(page.locator("#editor")).to_be_visible(timeout=SLOW)
    expect(page.locator(".stage-area")).not_to_have_attribute("aria-busy", "true")
    until(lambda: page.evaluate("document.querySelector('.stage-layer canvas').width > 1"), 30)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where the middle of a pixel of the picture is in the window."""
    left, top, scale = page.evaluate(
        """() => {
            const canvas = document.querySelector(".stage-layer canvas");
            const { left, top, width } = canvas.getBoundingClientRect();
            return [left, top, width / canvas.width];
        }"""
    )
    return left + (x + 0.5) * scale, top + (y + 0.5) * scale


def click(page: Page, x: float, y: float, **options: Any) -> None:
    page.mouse.click(*at(page, x, y), **options)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one pixel of the picture to another."""
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def masks_shown(page: Page, objects: int) -> None:
    """Wait until the masks of so many objects are painted, and no model is asked any more."""
    expect(page.locator(".stage-status")).not_to_have_attribute("data-kind", "working")
    expect(overlay(page)).to_have_attribute("data-objects", str(objects), timeout=SLOW)


def overlay(page: Page) -> Locator:
    return page.locator(".stage-layer canvas").nth(1)


def painted(page: Page, x: int, y: int) -> list[int]:
    """What the masks paint on a pixel: RGBA."""
    return overlay(page).evaluate(
        "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]", [x, y]
    )


def frame_is(page: Page, number: int) -> None:
    """The frame that is shown, counted from 1."""
    expect(page.get_by_role("slider", name="Playhead")).to_have_attribute(
        "aria-valuenow", str(number)
    )


def go_to(page: Page, number: int) -> None:
    page.get_by_label("Frame number").fill(str(number))
    page.get_by_label("Frame number").press("Enter")
    frame_is(page, number)


def tracked(page: Page) -> None:
    expect(page.locator("#track-sentence")).to_have_text("All frames are tracked.", timeout=SLOW)


def saved(page: Page) -> None:
    expect(page.locator(".project-saved")).to_have_text("Saved")


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def names(page: Page) -> list[str]:
    """Of the objects."""
    return [one.input_value() for one in page.locator(".panel-objects .panel-name").all()]


def inputs(page: Page) -> dict[str, Any]:
    """What the page asks for, as the API tab shows it."""
    tab(page, "API")
    return json.loads(page.get_by_label("All inputs as JSON").input_value())


def marks(page: Page) -> tuple[str, str]:
    """The points and their labels; the panel shows the objects again."""
    found = inputs(page)
    tab(page, "Edit")
    return found["click_coordinates"], found["click_labels"]


def has_focus(page: Page) -> bool:
    """Whether something that can be seen has the focus, and not the page as a whole."""
    return page.evaluate("document.activeElement !== document.body && document.hasFocus()")


def visitor_of(context: BrowserContext, url: str) -> httpx.Client:
    """The same visitor without the browser."""
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    return httpx.Client(base_url=url, cookies=cookies, timeout=60)


def percent_title() -> re.Pattern[str]:
    """The tab's title while something is under way."""
    return re.compile(r"^\d+ % · ")


def radio(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=name, exact=True)


def opened_project(
    page: Page, url: str, clip: Path, marks: Sequence[dict[str, Any]], *, runs: bool = False
) -> None:
    """Open a project with these marks, and with their masks if the model `runs`."""
    ids = sorted({mark["object"] for mark in marks})
    document = {
        "objects": [one for one in (DOG, CAT) if one["id"] in ids],
        "active": ids[0],
        "marks": [
            {
                "object": mark["object"],
                "frame": mark["frame"],
                "clicks": [
                    {"x": x, "y": y, "foreground": label == 1}
                    for (x, y), label in zip(mark["points"], mark["labels"], strict=True)
                ],
                "box": None,
                "mask_of": None,
            }
            for mark in marks
        ],
        "range": {"start": 0, "end": FRAMES - 1},
        "look": {},
        "frame": 0,
    }
    document["objects"] = [{**one, "hidden": False} for one in document["objects"]]
    with visitor_of(page.context, url) as visitor:
        project = project_of(visitor, clip.read_bytes(), clip.name)
        if runs:
            track(visitor, project, list(marks))
        body = {"document": document, "revision": project["revision"]}
        visitor.put(f"/api/projects/{project['id']}", json=body).raise_for_status()
    page.goto(f"{url}#p={project['id']}")
    shown(page)

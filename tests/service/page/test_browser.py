"""The editor in a real browser, with a real server and the real model behind it."""

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import read_frames
from PIL import Image
from playwright.sync_api import Browser, Download, Page, expect

from tests.service.page.calls import track
from tests.service.page.editor import (
    DARK,
    DESKTOP,
    FRAMES,
    GONE,
    ON_DARK,
    ON_RED,
    RED,
    SLOW,
    click,
    drag,
    go_to,
    has_focus,
    masks_shown,
    names,
    open_clip,
    opened_project,
    painted,
    percent_title,
    saved,
    shown,
    tab,
    tracked,
    visitor_of,
    watched,
)


def exported(page: Page) -> Download:
    """Export, and take what the page downloads once it is done."""
    with page.expect_download(timeout=SLOW) as download:
        page.click("#export")
    return download.value


def test_the_whole_way(page, scene, tmp_path) -> None:
    open_clip(page, scene)
    expect(page.locator(".project-about")).to_contain_text(f"{FRAMES} frames")
    click(page, *RED)
    masks_shown(page, 1)
    expect(page.locator(".stage-status")).to_contain_text("Click to add, right-click to remove.")
    click(page, *DARK)  # well outside of what was found
    page.get_by_role("button", name="New object").click()
    masks_shown(page, 2)
    assert names(page) == ["Object 1", "Object 2"]
    page.keyboard.press("b")
    drag(page, (115, 75), (149, 109))
    expect(page.locator(".stage-corner")).to_have_count(4)
    masks_shown(page, 2)

    # Masks arrive on the stage, and the picture follows them.
    place = page.locator("#stage").bounding_box()
    page.click("#track")
    sentence = page.locator("#track-sentence")
    expect(sentence).to_contain_text(
        re.compile(rf"Tracking: (1[2-9]|[2-9]\d) of {FRAMES} frames"), timeout=SLOW
    )
    page.click("#stop-track")  # at once: without other work the model makes a hundred a second
    stopped = re.compile(rf"^Stopped after \d+ of {FRAMES} frames\.$")
    expect(sentence).to_have_text(stopped, timeout=SLOW)
    assert page.locator("#stage").bounding_box() == place
    assert has_focus(page)

    # A fix on a later frame, and on from there.
    go_to(page, 10)
    masks_shown(page, 2)
    page.get_by_label("Clicks go to Object 2").check()
    page.keyboard.press("a")
    click(page, DARK[0], DARK[1] + 8)
    expect(sentence).to_contain_text("Object 2 changed on frame 10.")
    expect(page.locator("#track")).to_have_text("Track from here")
    masks_shown(page, 2)
    page.click("#track")  # of both: the other object's masks ended where the run was stopped
    expect(page).to_have_title(percent_title(), timeout=SLOW)
    assert page.locator("#stage").bounding_box() == place
    tracked(page)
    assert page.locator("#stage").bounding_box() == place

    # What is hidden is neither on the stage nor in an export.
    go_to(page, 6)
    masks_shown(page, 2)
    assert painted(page, *DARK)[3] > 0
    page.get_by_label("Object 2 is shown: hide it").click()
    masks_shown(page, 1)
    assert painted(page, *DARK)[3] == 0
    page.click("#to-export")
    page.get_by_role("radio", name="MOV", exact=True).check()
    movie = exported(page)
    movie.save_as(tmp_path / "cutout.mov")
    frames = read_frames(str(tmp_path / "cutout.mov"), pix_fmt="rgba", bits_per_pixel=32)
    about = next(frames)
    assert about["codec"] == "prores"
    assert about["pix_fmt"].startswith("yuva444p")
    pictures = [np.frombuffer(frame, np.uint8).reshape(120, 160, 4) for frame in frames]
    assert len(pictures) == FRAMES
    is_cut_out(pictures[5])
    page.get_by_role("radio", name="PNG", exact=True).check()
    archive = zipfile.ZipFile(exported(page).path())
    pngs = [name for name in archive.namelist() if name.endswith(".png")]
    assert len(pngs) == FRAMES
    with Image.open(BytesIO(archive.read(pngs[5]))) as picture:
        assert picture.mode == "RGBA"
        is_cut_out(np.asarray(picture))

    saved(page)
    page.reload()  # all of it is found again
    shown(page)
    tracked(page)
    assert names(page) == ["Object 1", "Object 2"]
    expect(page.get_by_label("Object 2 is hidden: show it")).to_be_visible()
    go_to(page, GONE)
    masks_shown(page, 1)
    tab(page, "Export")
    expect(page.locator(".export-list > li")).to_have_count(2)
    expect(page.get_by_role("radio", name="PNG", exact=True)).to_be_checked()
    with page.expect_download() as again:
        page.locator(".export-list a.button").last.click()
    assert again.value.path().read_bytes() == (tmp_path / "cutout.mov").read_bytes()


@pytest.mark.parametrize("clicks", [[ON_RED, ON_DARK], [ON_DARK]], ids=["one left", "all left"])
def test_tracking_goes_on_after_an_object_has_left(page, scene, clicks) -> None:
    opened_project(page, page.url, scene, clicks)
    with visitor_of(page.context, page.url) as visitor:
        project = visitor.get(f"/api/projects/{page.url.partition('#p=')[2]}").json()
        track(visitor, project, clicks, 0, GONE + 5)
    page.reload()
    shown(page)
    sentence = page.locator("#track-sentence")
    expect(sentence).to_have_text(f"Frames {GONE + 7} to {FRAMES} are not tracked yet.")
    expect(page.locator("#track")).to_have_text(f"Track from frame {GONE + 6}")
    page.click("#track")
    tracked(page)
    lane = page.locator(".tl-name", has_text="cat, the second")
    expect(lane).to_have_attribute("title", re.compile(rf"gone on frames \d+ to {FRAMES}"))
    page.click("#to-export")
    exported(page)

    tab(page, "Edit")
    go_to(page, FRAMES)
    masks_shown(page, len(clicks) - 1)
    expect(page.locator("#track")).to_have_text("Track from here")
    page.click("#track")
    if len(clicks) == 1:
        told = f"There is nothing to track from on frame {FRAMES}."
        expect(page.locator("#notice")).to_contain_text(told)
    tracked(page)


def is_cut_out(picture: np.ndarray) -> None:
    """Of (height, width, 4) RGBA, only the red disc is there."""
    red = picture[RED[1], RED[0]]
    assert red[3] > 250
    assert red[0] > 180
    assert picture[DARK[1], DARK[0], 3] == 0
    assert picture[110, 80, 3] == 0


def test_an_example_in_four_clicks(browser: Browser, serve, container, scene, tmp_path) -> None:
    """One who never edited video gets a transparent cut-out."""
    clip = tmp_path / "disc.mp4"
    clip.write_bytes(scene.read_bytes())
    x, y = RED
    first = {"object": "o1", "name": "disc", "frame": 0, "x": x, "y": y}
    clip.with_suffix(".json").write_text(json.dumps({"title": "A red disc", "clicks": [first]}))
    url = serve(examples=(clip,))
    container.ready()
    context = browser.new_context(**DESKTOP)
    with watched(context.new_page()) as page:
        page.goto(url)
        page.get_by_role("button", name="A red disc").click()
        shown(page)
        page.get_by_role("button", name="Track", exact=True).click()
        tracked(page)
        page.locator("#to-export").click()
        with page.expect_download(timeout=SLOW) as download:
            page.click("#export")
        assert download.value.suggested_filename.endswith((".mov", ".webm"))
        made = download.value.path()
        frames = read_frames(str(made), pix_fmt="rgba", bits_per_pixel=32)
        next(frames)
        picture = np.frombuffer(next(frames), np.uint8).reshape(120, 160, 4)
        if download.value.suggested_filename.endswith(".mov"):
            is_cut_out(picture)
        else:  # FFmpeg's own decoder of VP9 leaves out what is transparent
            assert b"alpha_mode" in Path(made).read_bytes().lower()

        page.get_by_label("Change video").click()
        expect(page.locator(".recent-item")).to_have_count(1)
        expect(page.locator(".recent-item")).to_contain_text("A red disc")
        expect(page.locator(".recent-item")).to_contain_text(f"{FRAMES} frames tracked")
        page.locator(".recent-item a").click()
        shown(page)
        tracked(page)
        assert names(page) == ["disc"]
    context.close()

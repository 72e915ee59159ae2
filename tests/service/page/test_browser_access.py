"""Who sees what, how work comes in and goes out, and whether everybody can use the editor."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from tests.service.page.editor import (
    DESKTOP,
    FRAMES,
    GROUND,
    ON_DARK,
    ON_RED,
    PHONE,
    SLOW,
    click,
    has_focus,
    inputs,
    masks_shown,
    names,
    open_clip,
    opened_project,
    saved,
    shown,
    tab,
    tracked,
    watched,
)
from tests.video.odd_files import cut_short_mkv

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "sam2_video/service/page/client/node_modules/axe-core/axe.min.js"


def test_two_people(page, page_url, browser: Browser, scene) -> None:
    opened_project(page, page_url, scene, [ON_RED, ON_DARK], runs=True)
    tracked(page)
    link = page.url
    other = browser.new_context(**DESKTOP)
    with watched(other.new_page()) as guest:
        guest.goto(page_url)
        expect(guest.locator("#choose-video")).to_be_visible()
        expect(guest.locator(".recent-item")).to_have_count(0)
        guest.goto(link)
        expect(guest.locator("#notice")).to_contain_text("This work is not here")

        page.click("#share")
        field = page.get_by_label("Link to a copy of this work")
        expect(field).to_have_value(re.compile("#share=.{20}"))
        shared = field.input_value()
        guest.goto(shared)
        shown(guest)
        tracked(guest)
        assert names(guest) == ["dog", "cat, the second"]
        masks_shown(guest, 2)
        assert guest.url != link  # a copy of their own
        guest.get_by_label("Remove dog", exact=True).click()
        saved(guest)
        page.get_by_role("button", name="Stop sharing").click()
        expect(page.locator("#share")).to_have_text("Copy link")
    other.close()
    page.reload()
    shown(page)
    assert names(page) == ["dog", "cat, the second"]

    late = browser.new_context(**DESKTOP)
    with watched(late.new_page()) as guest:
        guest.goto(shared)
        expect(guest.locator("#notice")).to_contain_text("its owner stopped sharing it")
        expect(guest.locator("#choose-video")).to_be_visible()
    late.close()


def test_files_and_urls_that_are_no_videos(page, tmp_path) -> None:
    notice = page.locator("#notice")
    for name in ("notes.txt", "broken.mp4"):
        path = tmp_path / name
        path.write_text("no video")
        page.set_input_files("input[type=file]", path)
        expect(notice).to_contain_text(re.compile(rf"We can't open {name}.* Try MP4, MOV or WebM"))
    page.get_by_label("Close this message").click()
    expect(notice).to_be_hidden()
    assert has_focus(page)
    page.get_by_label("URL of a video").fill("http://127.0.0.1:9/clip.mp4")
    page.get_by_label("URL of a video").press("Enter")
    expect(notice).to_contain_text("clip.mp4")
    expect(notice).not_to_contain_text("input_video")
    expect(page.locator("#choose-video")).to_be_visible()


def test_a_video_whose_media_type_browsers_do_not_know(page, scene) -> None:
    content = {"mimeType": "text/vnd.trolltech.linguist", "buffer": scene.read_bytes()}
    page.set_input_files("input[type=file]", {"name": "Clip.TS", **content})
    shown(page)


def test_a_damaged_video_is_opened_and_told(page, tmp_path) -> None:
    page.set_input_files("input[type=file]", cut_short_mkv(tmp_path).path)
    shown(page)
    expect(page.locator("#notice")).to_contain_text("cut.mkv is damaged near frame")
    page.get_by_label("Close this message").click()
    page.reload()
    shown(page)
    expect(page.locator("#notice")).to_be_hidden()


def test_a_video_from_a_url(page, scene, receiver) -> None:
    receiver.files["/disc.mp4"] = scene.read_bytes()
    page.get_by_label("URL of a video").fill(receiver.url("/disc.mp4"))
    page.get_by_role("button", name="Open", exact=True).click()
    shown(page)
    expect(page.get_by_label("Name of this work")).to_have_value(re.compile("disc"))


def test_a_video_is_dropped_and_wipes_nothing(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    first = page.url
    content = base64.b64encode(scene.read_bytes()).decode()
    page.evaluate(
        """text => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "dropped.mp4", { type: "video/mp4" }));
            for (const kind of ["dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true }));
            }
        }""",
        content,
    )
    expect(page.get_by_label("Name of this work")).to_have_value(re.compile("dropped"))
    shown(page)
    assert names(page) == []
    page.go_back()
    expect(page.get_by_label("Name of dog")).to_be_visible()
    assert page.url == first
    page.get_by_label("Change video").click()
    expect(page.locator(".recent-item")).to_have_count(2)
    page.locator(".recent-item", has_text="dropped").get_by_role("button").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".recent-item")).to_have_count(1)
    assert has_focus(page)


def test_a_picture_gives_a_picture(page, tmp_path) -> None:
    path = tmp_path / "disc.png"
    picture = Image.new("RGB", (160, 120), (120, 120, 125))
    ImageDraw.Draw(picture).ellipse((40, 30, 100, 90), fill=(220, 40, 30))
    picture.save(path)
    open_clip(page, path)
    expect(page.locator("#timeline")).to_be_hidden()
    click(page, 70, 60)
    masks_shown(page, 1)
    page.get_by_role("button", name="Cut out", exact=True).click()
    page.click("#to-export", timeout=SLOW)
    with page.expect_download(timeout=SLOW) as download:
        page.click("#export")
    with Image.open(download.value.path()) as made:
        assert (made.size, made.mode) == ((160, 120), "RGBA")
        pixels = np.asarray(made)
    assert pixels[60, 70, 3] > 250
    assert pixels[5, 5, 3] == 0


def test_json_changes_the_clicks(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    masks_shown(page, 1)
    assert inputs(page)["click_coordinates"] == "[30,36]"
    text, problem = page.get_by_label("All inputs as JSON"), page.locator("#json-problem")
    text.fill('{"click_coordinates": "[31,37],[80,110]", "click_labels": "1,0", "mask_type": "alp')
    expect(problem).to_contain_text("This is not JSON yet")
    expect(text).to_have_attribute("aria-invalid", "true")
    text.fill('{"click_coordinate": "[31,37]"}')
    expect(problem).to_have_text(
        'There is no input "click_coordinate". Did you mean "click_coordinates"?'
    )
    expect(page.locator(".stage-dot")).to_have_count(1)  # what is wrong changes nothing
    text.fill('{"output_quality": "high"}')
    expect(problem).to_have_text("output_quality has to be a whole number.")
    text.fill('{"click_coordinates": "[31,37],[80,110]", "click_labels": "1,0"}')
    expect(problem).to_be_empty()
    expect(page.locator(".stage-dot")).to_have_count(2)
    tab(page, "Edit")
    assert inputs(page)["click_coordinates"] == "[31,37],[80,110]"
    page.keyboard.press("Escape")
    tab(page, "Edit")
    page.keyboard.press("Control+z")
    expect(page.locator(".stage-dot")).to_have_count(1)


@pytest.mark.parametrize("language", ["Python", "curl"])
def test_the_program_runs(page, container, scene, tmp_path, language) -> None:
    clip = tmp_path / 'it\'s "my" clip.mp4'
    clip.write_bytes(scene.read_bytes())
    opened_project(page, page.url, clip, [ON_RED])
    masks_shown(page, 1)
    tab(page, "API")
    page.get_by_label("All inputs as JSON").fill(
        '{"output_video": false, "output_frame_interval": 20, "mask_type": "greenscreen",'
        ' "click_coordinates": "[30,36]", "output_format": "png", "mask_expand": 1}'
    )
    expect(page.locator("#json-problem")).to_be_empty()
    page.get_by_role("radio", name=language, exact=True).check()
    expect(page.get_by_label("The program")).to_contain_text("mask_expand")
    program = page.get_by_label("The program").inner_text()
    container.ready()
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    command = {"Python": [sys.executable, "-c"], "curl": ["sh", "-ec"]}[language]
    subprocess.run([*command, program], cwd=tmp_path, check=True, timeout=120, env=environment)
    every = range(0, FRAMES, 20)
    if language == "curl":
        assert len(json.loads((tmp_path / "result.json").read_text())["output"]) == len(every)
        return
    made = sorted(tmp_path.glob("frame_*"))
    assert [path.name for path in made] == [f"frame_{k:05d}.png" for k in every]
    with Image.open(made[0]) as picture:
        assert picture.convert("RGB").getpixel(GROUND) == (0, 255, 0)


@pytest.mark.parametrize(
    "context",
    [
        {**DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"},
        {**DESKTOP, "color_scheme": "dark", "reduced_motion": "reduce"},
        {**PHONE, "color_scheme": "light", "reduced_motion": "reduce"},
    ],
    indirect=True,
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing(page, scene) -> None:
    """The accessibility checker, in the states that a person comes through."""
    if not AXE.is_file():
        reason = f"there is no {AXE}: `make client` installs it"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    found = {"start": axe(page)}
    page.set_input_files(
        "input[type=file]", {"name": "no.mp4", "mimeType": "video/mp4", "buffer": b"no"}
    )
    expect(page.locator("#notice")).to_be_visible()
    found["notice"] = axe(page)
    opened_project(page, page.url, scene, [ON_RED, ON_DARK], runs=True)
    masks_shown(page, 2)
    found["editor"] = axe(page)
    click(page, 80, 112)
    question = page.get_by_role("button", name="New object")
    expect(question).to_be_visible()
    found["question"] = axe(page)
    question.press("Escape")
    tab(page, "Export")
    page.click("#export")
    expect(page.get_by_label(re.compile("^Delete the export"))).to_be_visible(timeout=SLOW)
    found["export"] = axe(page)
    tab(page, "API")
    page.locator(".panel-more summary", has_text="Inputs and their defaults").click()
    found["API"] = axe(page)
    page.get_by_label("Help and keys (?)").click()
    expect(page.get_by_role("dialog", name="Keys and gestures")).to_be_visible()
    found["help"] = axe(page)
    page.keyboard.press("Escape")
    page.click("#share")
    expect(page.locator("#share-card")).to_be_visible()
    found["share"] = axe(page)
    page.keyboard.press("Escape")
    page.get_by_label("Change video").click()
    expect(page.locator(".recent-item")).to_have_count(1)
    found["recent"] = axe(page)
    assert {state: list_ for state, list_ in found.items() if list_} == {}


def axe(page: Page) -> list[str]:
    """What it says about the page as it is."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text()} }} }}")
    return page.evaluate(
        """async () => {
            const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
            const { violations } = await axe.run({ runOnly: { type: "tag", values } });
            return violations.flatMap(({ id, nodes }) =>
                nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
        }"""
    )

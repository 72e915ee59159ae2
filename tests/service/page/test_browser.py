"""The page in a real browser, with a real server and the real model behind it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bench.serving import Server, data_uri, until

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PLUM, PEACOCK = (458, 118), (166, 171)  # points of the two balloons on frame 0
SLOW = 60_000  # what the model takes on a machine that is busy with other things

expect.set_options(timeout=30_000)  # the machine may be busy with other things


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of somebody who was never here; a large screen unless told otherwise."""
    context = browser.new_context(**getattr(request, "param", DESKTOP))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, page_url: str, container) -> Iterator[Page]:
    """The page, opened. Nothing is loaded from elsewhere and no script fails, in any test."""
    container.ready()
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    page.on("request", lambda asked: faults.append(asked.url) if is_foreign(asked.url) else None)
    page.goto(page_url)
    page.wait_for_selector("body.ready")
    yield page
    assert faults == []


def is_fault(message) -> bool:
    """A refused input shows in the browser's log as a failed request, which is no fault."""
    return message.type == "error" and "Failed to load resource" not in message.text


def is_foreign(url: str) -> bool:
    return not url.startswith(("data:", "blob:")) and urlsplit(url).hostname != "127.0.0.1"


def open_clip(page: Page, path: Path) -> None:
    page.set_input_files("#file", path)
    shown(page)


def shown(page: Page) -> None:
    page.wait_for_selector("body.has-video")
    holds(page, "document.querySelector('.frame').naturalWidth > 0")


def holds(page: Page, expression: str) -> None:
    """Wait until something is true. Playwright's own way is `eval`, which the page forbids."""
    until(lambda: page.evaluate(expression) or page.wait_for_timeout(50), 30, lambda: expression)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the example clip's picture is in the window, the picture not zoomed."""
    page.locator(".view").scroll_into_view_if_needed()
    box = page.locator(".view").bounding_box()
    assert box is not None
    scale = box["width"] / 640
    return box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale


def click(page: Page, x: float, y: float, **options: str) -> None:
    page.mouse.click(*at(page, x, y), **options)


def go_to(page: Page, frame: int) -> None:
    page.fill("#frame-number", str(frame))
    page.press("#frame-number", "Enter")
    expect(page.locator("#scrubber")).to_have_attribute("aria-valuetext", f"frame {frame} of 95")


def previewed(page: Page, objects: int = 1) -> None:
    """Wait until the masks of so many objects are painted."""
    expect(page.locator("#preview-status")).to_have_attribute("data-kind", "ready")
    expect(page.locator("canvas.masks")).to_have_attribute("data-objects", str(objects))
    painted = """() => {
        const canvas = document.querySelector("canvas.masks");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value, i) => i % 4 === 3 && value > 0);
    }"""
    # A click after it may have been seen a moment before what it asks for is under way.
    page.wait_for_function(painted)


def field(page: Page, name: str):
    return page.locator(f"#input-{name}")


def strings(page: Page) -> list[str]:
    """The four click strings of the form."""
    names = ("click_coordinates", "click_labels", "click_frames", "click_object_ids")
    return [field(page, name).input_value() for name in names]


def type_into(page: Page, name: str, text: str) -> None:
    details = page.locator("#text-fields")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    field(page, name).fill(text)


def finished(page: Page, status: str = "done") -> None:
    expect(page.locator("#result")).to_have_attribute("data-status", status, timeout=SLOW)


def test_two_clicks_on_two_frames_become_a_highlighted_video(page, example, tmp_path) -> None:
    open_clip(page, example / "clip.mp4")
    expect(page.locator("#video-size")).to_have_text(re.compile("^640 . 360 . 96 frames$"))
    expect(page.locator("#run")).to_be_disabled()
    click(page, *PLUM)
    previewed(page)
    go_to(page, 40)
    expect(page.locator("canvas.masks")).to_have_attribute("data-objects", "0")
    click(page, 300, 150)
    previewed(page)
    assert strings(page) == ["[458,118],[300,150]", "1,1", "0,40", "Object 1,Object 1"]

    page.click("#run")
    expect(page.locator("#run-detail")).to_contain_text("of 96 frames", timeout=SLOW)
    finished(page)
    result, source = page.locator("#outcome video").all()
    expect(result).to_have_js_property("videoWidth", 640)
    holds(page, "document.querySelector('#outcome video').currentTime > 0.3")
    assert abs(result.evaluate("v => v.duration") - 96 / 24) < 0.05  # at the source's own speed
    result.evaluate("v => { v.currentTime = v.duration - 0.2; }")
    holds(  # both play on after the loop
        page,
        "[...document.querySelectorAll('#outcome video')]"
        ".every((video) => video.currentTime < 2 && !video.paused)",
    )
    result.evaluate("v => { v.pause(); v.currentTime = 2.01; }")
    holds(
        page,
        "Math.abs(document.querySelectorAll('#outcome video')[1].currentTime - 48.5 / 24) < 0.03",
    )
    expect(source).to_have_js_property("videoWidth", 640)
    expect(page.locator("#log")).to_contain_text("100%|")

    with page.expect_download() as download:
        page.click("#download-zip")
    archive = zipfile.ZipFile(download.value.path())
    assert archive.namelist() == ["inputs.json", "output_video.mp4"]
    assert json.loads(archive.read("inputs.json"))["mask_type"] == "highlighted"

    page.reload()  # all of it is found again
    shown(page)
    finished(page)
    assert strings(page)[0] == "[458,118],[300,150]"
    expect(page.locator(".dot")).to_have_count(1)  # the link says frame 40


@pytest.mark.parametrize("context", [PHONE], indirect=True)
def test_a_phone(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    page.touchscreen.tap(*at(page, *PEACOCK))
    previewed(page)
    page.get_by_label("Does not", exact=True).check()
    page.touchscreen.tap(*at(page, *PLUM))
    expect(page.locator(".dot.out")).to_have_count(1)
    previewed(page)
    page.locator("[data-field=output_video] input").uncheck()
    field(page, "output_frame_interval").fill("24")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.tap("#run")
    page.wait_for_selector("#latest img", timeout=SLOW)  # as they are made
    finished(page)
    expect(page.locator(".sheet li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".sheet button").nth(1).tap()
    expect(page.locator(".viewer-title")).to_have_text("frame 24")
    page.get_by_label("Next frame").last.tap()
    expect(page.locator(".viewer-title")).to_have_text("frame 48")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".viewer-title")).to_have_text("frame 24")
    for picture in page.locator(".viewer img").all():
        expect(picture).to_have_js_property("naturalWidth", 640)
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_be_hidden()


def test_a_video_is_dropped(page, example) -> None:
    content = base64.b64encode((example / "clip.mp4").read_bytes()).decode()
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
    shown(page)
    expect(page.locator("#video-name")).to_have_text("dropped.mp4")


def test_points_are_placed_moved_removed_and_brought_back(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    click(page, 100, 100)
    click(page, 200, 100, button="right")
    page.keyboard.down("Alt")
    click(page, 300, 100)
    page.keyboard.up("Alt")
    assert strings(page)[:2] == ["[100,100],[200,100],[300,100]", "1,0,0"]

    page.mouse.move(*at(page, 200, 100))
    page.mouse.down()
    page.mouse.move(*at(page, 250, 180), steps=5)
    page.mouse.move(*at(page, 260, 200))
    page.mouse.up()
    assert strings(page)[0] == "[100,100],[260,200],[300,100]"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert strings(page)[0] == "[100,100],[261,190],[300,100]"
    page.keyboard.press("Delete")
    assert strings(page)[:2] == ["[100,100],[300,100]", "1,0"]
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert strings(page)[0] == "[100,100],[260,200],[300,100]"
    page.click("#undo")  # the whole drag is one step
    assert strings(page)[0] == "[100,100],[200,100],[300,100]"
    page.click("#redo")
    assert strings(page)[0] == "[100,100],[260,200],[300,100]"

    page.click("#add-object")
    page.keyboard.type("the, plum")
    page.keyboard.press("Enter")
    click(page, *PLUM)
    assert strings(page)[3] == "Object 1,Object 1,Object 1,the plum"
    colours = page.eval_on_selector_all(
        ".object i", "all => all.map(i => getComputedStyle(i).backgroundColor)"
    )
    assert colours == ["rgb(86, 180, 233)", "rgb(213, 94, 0)"]  # as in the result
    previewed(page, 2)
    page.get_by_label("Remove Object 1").click()
    assert strings(page) == ["[458,118]", "1", "0", "the plum"]


def test_typed_clicks_move_the_points(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    type_into(page, "click_coordinates", "[100,100], [200,50]")
    expect(page.locator(".dot")).to_have_count(2)
    assert [o.input_value() for o in page.locator(".object input[type=text]").all()] == [
        "object_1",
        "object_2",
    ]
    assert field(page, "click_coordinates").input_value() == "[100,100], [200,50]"  # as typed
    type_into(page, "click_frames", "0,500")
    wrong = page.locator("[data-field=click_frames] .problem")
    expect(wrong).to_have_text("click_frames[1] is 500, but the video has 96 frames (0-95)")
    expect(field(page, "click_frames")).to_have_attribute("aria-invalid", "true")
    type_into(page, "click_frames", "0,7")
    expect(wrong).to_be_hidden()
    expect(page.locator(".dot")).to_have_count(1)
    go_to(page, 7)
    expect(page.locator(".dot")).to_have_attribute("aria-label", re.compile("^Point 2, object_2"))


def test_by_keyboard_alone(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "view":
            break
    expect(page.locator(".view")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#frame-number")).to_have_value("1")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#frame-number")).to_have_value("0")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Alt+Enter")
    assert strings(page)[:2] == ["[321,190],[311,190]", "1,0"]
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator(".dot").nth(1)).to_be_focused()
    page.keyboard.press("Delete")
    assert strings(page)[0] == "[321,190]"
    expect(page.locator(".view")).to_be_focused()


def test_small_things_can_be_zoomed(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    x, y = at(page, 450, 100)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator(".view")).to_have_class(re.compile("zoomed"))
    page.mouse.click(x, y)  # what was under the pointer is there still
    assert strings(page)[0] == "[450,100]"
    page.mouse.move(x, y + 60)
    page.mouse.down()
    page.mouse.move(x + 40, y + 90, steps=4)  # the picture is dragged, not clicked
    page.mouse.up()
    expect(page.locator(".dot")).to_have_count(1)
    page.click("#zoom-fit")
    click(page, 20, 20)
    assert strings(page)[0] == "[450,100],[20,20]"


def test_points_that_only_take_away_wait_for_the_run(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    click(page, *PLUM)
    previewed(page)
    go_to(page, 30)
    click(page, 100, 100, button="right")
    expect(page.locator("#preview-status")).to_contain_text("applied during the run")


def test_a_preview_waits_for_a_busy_model(page, example, container) -> None:
    open_clip(page, example / "clip.mp4")
    video = data_uri((example / "clip.mp4").read_bytes())
    name = container.begin(input_video=video, click_coordinates="[10,10]")
    click(page, *PLUM)
    expect(page.locator("#preview-status")).to_contain_text("busy with a run")
    container.call("POST", f"/predictions/{name}/cancel")
    previewed(page)


def test_a_model_that_is_still_starting(context, serve, tmp_path) -> None:
    late = Server(tmp_path, SAM2_IMAGE_SIZE="128")
    page = context.new_page()
    page.goto(serve(workers=(f"http://127.0.0.1:{late.port}",)))
    page.wait_for_selector("body.ready")
    expect(page.locator("#model-status")).to_have_text("Model not reachable")
    late.start()
    try:
        expect(page.locator("#model-status")).to_have_text("Model ready", timeout=SLOW)
    finally:
        late.stop()


def test_a_run_is_cancelled(page, example, container) -> None:
    open_clip(page, example / "clip.mp4")
    click(page, *PLUM)
    page.click("#run")
    expect(page.locator("#run-detail")).to_contain_text("of 96 frames", timeout=SLOW)
    page.click("#cancel")
    finished(page, "cancelled")
    expect(page.locator("#run")).to_be_enabled()
    container.ready()


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("output_frame_interval", "0", "output_frame_interval is 0, but it should be 1 or more"),
        ("video_fps", "99", "video_fps is 99, but it should be a whole number from 1 to 60"),
        ("output_quality", "", "output_quality"),
        ("click_coordinates", "[1,2],[3", "where click 1 should be"),
        ("click_labels", "5", "click_labels[0] is 5"),
        ("click_object_ids", "", None),
    ],
)
def test_errors_stand_at_their_field(page, example, name, text, part) -> None:
    open_clip(page, example / "clip.mp4")
    click(page, *PLUM)
    if name.startswith("click"):
        type_into(page, name, text)
    else:
        field(page, name).fill(text)
    if part is None:  # the control: nothing is wrong with this one
        previewed(page)
        expect(page.locator(".field.wrong")).to_have_count(0)
        return
    page.click("#run")
    expect(page.locator(f"[data-field={name}] .problem")).to_contain_text(part)
    expect(page.locator(".field.wrong")).to_have_count(1)


def test_files_and_urls_that_are_no_videos(page, tmp_path) -> None:
    notice = page.locator("#notice")
    text = tmp_path / "notes.txt"
    text.write_text("no video")
    page.set_input_files("#file", text)
    expect(notice).to_contain_text("notes.txt is not a video or picture")
    fake = tmp_path / "fake.mp4"
    fake.write_text("no video")
    page.set_input_files("#file", fake)
    expect(notice).to_contain_text("fake.mp4 is not a video or picture that can be read")
    page.fill("#url", "http://127.0.0.1:9/clip.mp4")
    page.press("#url", "Enter")
    expect(notice).to_contain_text("cannot be fetched")
    expect(page.locator(".intake")).to_be_visible()


def test_the_form_is_the_schema(page, example, container) -> None:
    open_clip(page, example / "clip.mp4")
    schemas = container.call("GET", "/openapi.json").body["components"]["schemas"]
    inputs = schemas["Input"]["properties"]
    order = sorted(inputs, key=lambda name: inputs[name]["x-order"])
    rows = page.locator("[data-field]")
    assert rows.evaluate_all("all => all.map(row => row.dataset.field)") == order
    for name, given in inputs.items():
        row = page.locator(f"[data-field={name}]")
        expect(row.locator(".hint")).not_to_be_empty()
        for bound, attribute in (("minimum", "min"), ("maximum", "max")):
            if bound in given:
                number = row.locator("input[type=number]")
                expect(number).to_have_attribute(attribute, str(given[bound]))
        if "allOf" in given:
            options = row.locator("input").evaluate_all("all => all.map(input => input.value)")
            assert options == schemas[name]["enum"]


def test_one_edit_shows_everywhere(page, example, context) -> None:
    open_clip(page, example / "clip.mp4")
    click(page, *PLUM)
    page.get_by_label("Output quality, slider").fill("33")
    expect(field(page, "output_quality")).to_have_value("33")
    page.click("[data-tab=json]")
    given = json.loads(page.locator("#json").input_value())
    assert (given["output_quality"], given["click_coordinates"]) == (33, "[458,118]")
    page.locator("#json").fill(
        json.dumps({**given, "mask_type": "greenscreen", "click_coordinates": "[10,20],[30,40]"})
    )
    expect(page.locator(".dot")).to_have_count(2)
    page.locator("#json").fill('{"mask_type": ')
    expect(page.locator("#json-problem")).to_contain_text("Not valid JSON")
    page.click("[data-tab=code]")
    for language, part in (
        ("curl", '"mask_type": "greenscreen"'),
        ("Python", '"output_video": True'),
        ("JavaScript", 'click_coordinates: "[10,20],[30,40]"'),
    ):
        page.get_by_label(language, exact=True).check()
        expect(page.locator("#code")).to_contain_text(part)
    holds(page, "location.hash.includes('greenscreen')")

    again = context.new_page()  # the link restores it
    again.goto(page.url)
    shown(again)
    expect(again.locator(".dot")).to_have_count(2)
    expect(field(again, "output_quality")).to_have_value("33")
    assert again.locator("[data-field=mask_type] input:checked").input_value() == "greenscreen"


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_calls_can_be_pasted(page, example, container, tmp_path, language) -> None:
    command = {
        "curl": ["bash", "-ec"],
        "Python": [sys.executable, "-c"],
        "JavaScript": ["node", "--input-type=module", "-e"],
    }[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    clip = tmp_path / "it's my clip.mp4"
    shutil.copy(example / "clip.mp4", clip)
    open_clip(page, clip)
    click(page, *PLUM)
    page.get_by_label("Name of the object").fill('it\'s "50 %" \\ $HOME')
    page.get_by_label("Name of the object").press("Enter")
    field(page, "output_frame_interval").fill("48")
    page.locator("[data-field=output_video] input").uncheck()
    previewed(page)
    page.click("[data-tab=code]")
    page.get_by_label(language, exact=True).check()
    code = page.locator("#code").inner_text()
    container.ready()
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    subprocess.run([*command, code], cwd=tmp_path, check=True, timeout=60, env=environment)
    if language == "curl":
        assert len(json.loads((tmp_path / "result.json").read_text())["output"]) == 2
    else:
        assert sorted(path.name for path in tmp_path.glob("frame_*")) == [
            "frame_00000.webp",
            "frame_00048.webp",
        ]

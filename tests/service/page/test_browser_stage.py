"""The editor's picture, timeline and keys in a real browser."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from bench.serving import until
from tests.service.page.editor import (
    DARK,
    FRAMES,
    GROUND,
    LARGE,
    ON_DARK,
    ON_RED,
    PHONE,
    RED,
    SLOW,
    at,
    click,
    drag,
    frame_is,
    go_to,
    has_focus,
    inputs,
    marks,
    masks_shown,
    names,
    open_clip,
    opened_project,
    painted,
    radio,
    tab,
    tracked,
)


def fits(page: Page) -> bool:
    """Whether nothing lies below the fold or beside the window."""
    return page.evaluate(
        """() => {
            const { scrollWidth, scrollHeight } = document.scrollingElement;
            const isWide = innerWidth > outerWidth;  // a phone shows all of a page that is too wide
            return scrollWidth <= innerWidth && scrollHeight <= innerHeight && !isWide;
        }"""
    )


@pytest.mark.parametrize("context", [PHONE], indirect=True)
def test_a_phone(page, context, scene) -> None:
    open_clip(page, scene)
    assert fits(page)
    page.touchscreen.tap(*at(page, *RED))
    expect(page.locator(".stage-dot")).to_have_count(1)
    masks_shown(page, 1)
    expect(page.locator(".stage-status")).to_contain_text("press and hold to remove")

    finger = context.new_cdp_session(page)
    x, y = at(page, *GROUND)
    finger.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    expect(page.locator(".stage-dot.stage-out")).to_have_count(1)  # while the finger is down
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".stage-dot")).to_have_count(2)
    masks_shown(page, 1)

    button = page.locator("#track")
    expect(button).to_be_in_viewport(ratio=1)
    button.tap()
    tracked(page)
    assert fits(page)
    for name in ("Export", "API", "Edit"):
        page.get_by_role("tab", name=name, exact=True).tap()
        assert fits(page), name
    small = page.evaluate(
        """() => [...document.querySelectorAll("#track, .tl-buttons button, .tools button")]
            .map((button) => [button.ariaLabel || button.id, button.getBoundingClientRect()])
            .filter(([, { width, height }]) => width && (width < 44 || height < 44))
            .map(([name, { width, height }]) => `${name}: ${width} x ${height}`)"""
    )
    assert small == []


@pytest.mark.parametrize("context", [LARGE], indirect=True)
def test_a_large_screen_shows_a_large_picture(page, example) -> None:
    open_clip(page, example / "clip.mp4")
    stage = page.locator(".stage-area").bounding_box()
    picture = page.locator(".stage-layer canvas").first.bounding_box()
    assert stage is not None
    assert picture is not None
    assert max(picture["width"] / stage["width"], picture["height"] / stage["height"]) > 0.95
    assert picture["width"] * picture["height"] > 0.5 * 2560 * 1440
    assert fits(page)


def test_points_are_placed_moved_removed_and_brought_back(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    masks_shown(page, 1)
    click(page, *GROUND, button="right")
    page.keyboard.down("Alt")
    click(page, 80, 60)
    page.keyboard.up("Alt")
    assert marks(page) == ("[30,36],[80,110],[80,60]", "1,0,0")
    drag(page, (80, 60), (100, 50))
    assert marks(page)[0] == "[30,36],[80,110],[100,50]"
    page.locator(".stage-dot").last.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert marks(page)[0] == "[30,36],[80,110],[101,40]"
    page.locator(".stage-dot").last.focus()
    page.keyboard.press("Delete")
    assert has_focus(page)
    assert marks(page) == ("[30,36],[80,110]", "1,0")
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert marks(page)[0] == "[30,36],[80,110],[100,50]"
    page.keyboard.press("Control+z")  # the whole drag is one step
    assert marks(page)[0] == "[30,36],[80,110],[80,60]"
    page.keyboard.press("Control+Shift+z")
    assert marks(page)[0] == "[30,36],[80,110],[100,50]"


def test_small_things_can_be_zoomed(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    masks_shown(page, 1)
    x, y = at(page, *GROUND)
    before = page.locator(".stage-layer canvas").first.bounding_box()
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.mouse.click(x, y, button="right")  # what was under the pointer is there still
    assert marks(page)[0] == "[30,36],[80,110]"
    after = page.locator(".stage-layer canvas").first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 2 * before["width"]
    page.keyboard.press("0")
    assert page.locator(".stage-layer canvas").first.bounding_box() == before


def test_the_keyboard_places_points(page, scene) -> None:
    open_clip(page, scene)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('stage-area')"):
            break
    expect(page.locator(".stage-area")).to_be_focused()
    page.keyboard.press("Enter")  # a crosshair in the middle
    expect(page.locator(".stage-cross")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".stage-dot")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Alt+Enter")
    expect(page.locator(".stage-dot")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator(".stage-cross")).to_be_hidden()
    page.keyboard.press("ArrowRight")  # without a crosshair, the next frame
    frame_is(page, 2)
    page.keyboard.press("ArrowLeft")
    frame_is(page, 1)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator(".stage-dot").nth(1)).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator(".stage-dot")).to_have_count(1)
    assert has_focus(page)
    assert marks(page) == ("[81,63]", "1")


def test_keys_of_editors(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED, {**ON_RED, "frame": 29}, ON_DARK])
    masks_shown(page, 2)
    for key, number in ((".", 2), (".", 3), (",", 2), ("End", FRAMES), ("Home", 1)):
        page.keyboard.press(key)
        frame_is(page, number)
    page.keyboard.press("Shift+ArrowRight")
    frame_is(page, 11)
    page.keyboard.press("]")
    frame_is(page, 30)
    page.keyboard.press("[")
    frame_is(page, 1)

    page.keyboard.press("Space")
    pause = page.get_by_role("button", name="Pause", exact=True)
    expect(pause).to_be_visible()
    page.keyboard.press("Space")
    expect(pause).to_be_hidden()
    page.keyboard.press("Home")
    frame_is(page, 1)
    page.keyboard.press("l")
    expect(pause).to_be_visible()
    expect(page.locator(".tl-number")).not_to_have_value("1")
    page.keyboard.press("l")
    expect(page.locator(".tl-speed")).to_contain_text("2")
    page.keyboard.press("k")
    expect(pause).to_be_hidden()
    page.keyboard.press("End")
    frame_is(page, FRAMES)
    page.keyboard.press("j")
    expect(page.locator(".tl-number")).not_to_have_value(str(FRAMES))
    page.keyboard.press("k")

    go_to(page, 5)
    page.keyboard.press("i")
    go_to(page, 40)
    page.keyboard.press("o")
    expect(page.locator(".tl-edges")).to_have_text("Frames 5–40")  # noqa: RUF001
    page.keyboard.press("x")
    expect(page.locator(".tl-edges")).to_have_text("Whole video")

    page.keyboard.press("2")
    expect(page.get_by_label("Clicks go to cat, the second")).to_be_checked()
    page.keyboard.press("1")
    expect(page.get_by_label("Clicks go to dog")).to_be_checked()
    page.keyboard.press("h")
    expect(page.get_by_label("dog is hidden: show it")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_label("dog is shown: hide it")).to_be_visible()
    page.keyboard.press("n")
    assert names(page) == ["dog", "cat, the second", "Object 3"]
    for key, tool in (("b", "Box"), ("r", "Remove"), ("a", "Add")):
        page.keyboard.press(key)
        expect(radio(page, tool)).to_be_checked()

    page.keyboard.press("?")
    card = page.get_by_role("dialog", name="Keys and gestures")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.get_by_label("Name of dog").fill("a dog?")  # keys type where text is written
    expect(card).to_be_hidden()
    page.get_by_label("Name of dog").blur()
    page.get_by_label("Name of a dog?").fill("Object 3")
    page.get_by_label("Name of a dog?").blur()
    expect(page.locator("#notice")).to_contain_text("Another object is called Object 3")
    assert names(page)[0] == "a dog?"


def test_the_timeline(page, scene) -> None:
    later = {"object": "o1", "frame": 29, "points": [(39, 36)], "labels": [1]}
    opened_project(page, page.url, scene, [ON_RED, later, ON_DARK], runs=True)
    tracked(page)
    page.get_by_role("button", name=re.compile("^Frame 30 .*1 click|^30.*1 click")).click()
    frame_is(page, 30)
    lane = page.locator(".tl-name", has_text="cat, the second")
    expect(lane).to_have_attribute("title", re.compile(rf"gone on frames \d+ to {FRAMES}"))
    masks_shown(page, 2)
    page.keyboard.press("End")
    frame_is(page, FRAMES)
    masks_shown(page, 1)  # as on the lane

    begin = page.get_by_role("slider", name="Beginning of the range")
    begin.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(begin).to_have_attribute("aria-valuenow", "4")
    end = page.get_by_role("slider", name="End of the range")
    end.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".tl-edges")).to_have_text(f"Frames 4–{FRAMES - 10}")  # noqa: RUF001

    for text, number in (("12", 12), ("999", FRAMES), ("x", FRAMES), ("-3", 1)):
        page.get_by_label("Frame number").fill(text)
        page.get_by_label("Frame number").press("Enter")
        frame_is(page, number)
        expect(page.get_by_label("Frame number")).to_have_value(str(number))
    playhead = page.get_by_role("slider", name="Playhead")
    expect(playhead).to_be_focused()
    box = page.locator(".tl-track").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 20.5 / FRAMES, box["y"] + 4)
    frame_is(page, 21)


def test_the_look_is_seen_at_once(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED], runs=True)
    tracked(page)
    masks_shown(page, 1)
    assert painted(page, *GROUND)[3] == 0
    assert painted(page, *RED)[3] > 0
    radio(page, "Matte").locator("..").click()
    expect(page.locator("#track-sentence")).to_have_text("All frames are tracked.")  # no new run
    assert inputs(page)["mask_type"] == "binary"
    until(lambda: painted(page, *GROUND) == [0, 0, 0, 255])
    assert painted(page, *RED) == [255, 255, 255, 255]


def test_a_run_moves_nothing_and_keeps_the_focus(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    masks_shown(page, 1)
    stage, timeline = (page.locator(f"#{name}").bounding_box() for name in ("stage", "timeline"))
    page.locator("#track").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#stop-track")).to_be_visible()
    assert has_focus(page)
    assert page.locator("#stage").bounding_box() == stage
    assert page.locator("#timeline").bounding_box() == timeline
    tracked(page)
    assert has_focus(page)
    assert page.locator("#stage").bounding_box() == stage
    assert page.locator("#timeline").bounding_box() == timeline

    tab(page, "Export")
    page.click("#export")
    bin_ = page.get_by_label(re.compile("^Delete the export"))
    expect(bin_).to_be_visible(timeout=SLOW)
    bin_.click()
    expect(bin_).to_have_count(0)
    assert has_focus(page)
    tab(page, "Edit")
    page.get_by_label("Remove dog", exact=True).click()
    expect(page.locator(".panel-objects > li")).to_have_count(0)
    assert has_focus(page)
    page.keyboard.press("Control+z")
    expect(page.locator(".panel-objects > li")).to_have_count(1)


def test_a_click_well_outside_can_join_the_object(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED])
    masks_shown(page, 1)
    click(page, *DARK)
    page.get_by_role("button", name="Add to dog").click()
    expect(page.locator(".stage-dot")).to_have_count(2)
    assert names(page) == ["dog"]
    masks_shown(page, 1)
    click(page, *DARK)  # on a point: it is selected, and no point is added
    page.keyboard.press("Delete")
    expect(page.locator(".stage-dot")).to_have_count(1)
    assert has_focus(page)


def test_the_chosen_object_can_be_corrected_beside_another_and_on_its_point(page, scene) -> None:
    opened_project(page, page.url, scene, [ON_RED, ON_DARK])
    masks_shown(page, 2)
    click(page, DARK[0] - 24, DARK[1])  # beside the mask of the other object
    question = page.locator(".stage-question button")
    expect(question).to_have_text(["New object", "Add to dog", "Add to cat, the second"])
    page.keyboard.press("ArrowUp")
    expect(question.nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert marks(page)[0] == "[30,36],[108,92],[132,92],[30,36]"

    page.keyboard.press("r")
    click(page, *DARK)  # on the other's point, which is chosen first
    expect(page.get_by_label("Clicks go to cat, the second")).to_be_checked()
    expect(page.locator(".stage-selected")).to_be_focused()
    page.get_by_role("button", name="Remove from dog instead").click()
    expect(page.get_by_label("Clicks go to dog")).to_be_checked()
    assert marks(page) == ("[30,36],[108,92],[132,92],[132,92],[30,36]", "1,1,0,1,0")

    page.get_by_label("Clicks go to cat, the second").check()
    drag(page, (108, 92), (100, 80))  # a point of the object that clicks do not go to
    assert marks(page)[0] == "[30,36],[100,80],[132,92],[132,92],[30,36]"


def test_a_click_while_the_picture_follows_the_tracking_counts_for_the_shown_frame(
    page, scene
) -> None:
    opened_project(page, page.url, scene, [ON_RED, ON_DARK], runs=True)
    tracked(page)
    masks_shown(page, 2)
    held: list[Route] = []
    a_frame = re.compile(r"/videos/[^/]+/frames/\d+$")
    page.route(a_frame, lambda route: held.append(route))
    with page.expect_request(a_frame):
        page.click("#track")
    click(page, *GROUND)  # while the next frame is on its way
    answer = page.get_by_role("button", name="Add to dog")
    expect(answer).to_be_visible()
    with page.expect_response(a_frame):
        held[0].continue_()
    tracked(page)
    page.wait_for_timeout(1000)  # time in which the frame could be shown
    frame_is(page, 1)
    answer.click()
    assert inputs(page)["click_frames"] == "0,0,0,0"

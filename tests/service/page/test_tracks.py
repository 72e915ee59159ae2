"""Tracks: from prompts to masks on every frame, by way of HTTP."""

import httpx
import numpy as np
import pytest

from bench.serving import data_uri, until
from sam2_video.service.settings import ServiceLimits
from tests import clips
from tests.service.page.calls import (
    CAT,
    DOG,
    ON_CAT,
    ON_DOG,
    follow,
    project_of,
    read,
    refusal,
    start_track,
    track,
    values_of,
)
from tests.service.page.editor import GONE, ON_DARK, ON_RED, RED


def test_two_objects_are_tracked_frame_by_frame(visitor, few) -> None:
    project = project_of(visitor, few)
    started = start_track(visitor, project, [ON_CAT, ON_DOG]).json()
    assert (started["start_frame"], started["end_frame"]) == (0, 9)
    assert started["frames_total"] == 10
    reports = follow(visitor, f"/api/tracks/{started['id']}")
    assert reports[0]["first"]
    assert not any(report["first"] for report in reports[1:])
    frames = [
        k for report in reports for first, last in report["frames"] for k in range(first, last + 1)
    ]
    assert frames == list(range(10))
    last = reports[-1]
    assert (last["status"], last["frames_done"], last["error"]) == ("done", 10, None)
    assert "100%|" in "".join(line for report in reports for line in report["new_log"])

    # The order of pixel values is that of the objects, which is the model's: clicks as given.
    assert last["objects"] == ["o2", "o1"]
    answer = visitor.get(f"/api/tracks/{started['id']}/frames/0")
    assert "immutable" in answer.headers["cache-control"]
    values = values_of(answer.content)
    assert values.shape == clips.SIZE[::-1]
    assert values[48, 72] == 1
    assert values[24, 24] == 2
    refusal(visitor.get(f"/api/tracks/{started['id']}/frames/10"), 404)
    refusal(visitor.get(f"/api/tracks/{started['id']}/frames/{'9' * 5000}"), 404)

    (kept,) = read(visitor, project)["tracks"]
    assert kept["frames"] == [[0, 9]]
    assert kept["prompts"] == [
        {**ON_CAT, "box": None, "mask_of": None},
        {**ON_DOG, "box": None, "mask_of": None},
    ]
    (summary,) = visitor.get("/api/start").json()["projects"]
    assert (summary["id"], summary["tracked_frames"]) == (project["id"], 10)

    lanes = visitor.get(f"/api/tracks/{started['id']}/lanes").json()
    assert lanes["start_frame"] == 0
    assert list(lanes["objects"]) == ["o2", "o1"]
    assert [len(lane) for lane in lanes["objects"].values()] == [10, 10]
    assert 0 < lanes["objects"]["o1"][0] <= 1


def test_a_track_goes_on_from_masks(visitor, few) -> None:
    """From here on: two objects begin from the masks of the track before, one has a click too."""
    project = project_of(visitor, few)
    before = track(visitor, project, [ON_DOG, ON_CAT])
    fix = {"object": "o1", "frame": 4, "points": [[25, 24]], "labels": [1], "mask_of": before["id"]}
    rest = {"object": "o2", "frame": 4, "mask_of": before["id"]}
    after = track(visitor, project, [fix, rest], 4)
    assert (after["start_frame"], after["frames_total"]) == (4, 6)
    order = after["objects"]
    assert sorted(order) == ["o1", "o2"]
    old = values_of(visitor.get(f"/api/tracks/{before['id']}/frames/4").content)
    new = values_of(visitor.get(f"/api/tracks/{after['id']}/frames/4").content)
    # The object without a click begins with the very mask that it had.
    was = old == before["objects"].index("o2") + 1
    now = new == order.index("o2") + 1
    assert (was & now).sum() > 0.8 * was.sum()
    tracks = read(visitor, project)["tracks"]
    assert [one["id"] for one in tracks] == [before["id"], after["id"]]
    assert tracks[1]["frames"] == [[4, 9]]
    # Nor can it begin from a mask that is not there.
    told = refusal(
        start_track(visitor, project, [{**rest, "mask_of": after["id"], "frame": 3}]), 404
    )
    assert told["sentence"] == "Frame 3 is not tracked here."
    alone = track(visitor, project, [ON_DOG], 0, 1)
    lost = {"object": "o2", "frame": 1, "mask_of": alone["id"]}
    told = refusal(start_track(visitor, project, [lost], 1))["sentence"]
    assert told == "cat, the second is not in sight on frame 2: mark it there, or leave it out."
    # Another project's tracks are not to begin from.
    other = project_of(visitor, few)
    refusal(start_track(visitor, other, [{**rest, "object": "o2"}]), 404)


def test_an_object_that_has_left_stays_out_of_sight(visitor, scene) -> None:
    """On from a frame that only one of two objects is on: the other has empty masks from there."""
    project = project_of(visitor, scene.read_bytes())
    before = track(visitor, project, [ON_RED, ON_DARK], 0, GONE + 5)
    here = {"frame": GONE + 5, "mask_of": before["id"]}
    on_dark, on_red = ({"object": name, **here} for name in ("o2", "o1"))
    after = track(visitor, project, [on_dark, on_red], GONE + 5, GONE + 12)
    assert after["objects"] == ["o1", "o2"]
    lanes = visitor.get(f"/api/tracks/{after['id']}/lanes").json()["objects"]
    assert lanes["o2"] == [None] * 8
    assert None not in lanes["o1"]
    last = values_of(visitor.get(f"/api/tracks/{after['id']}/frames/{GONE + 12}").content)
    assert set(np.unique(last)) == {0, 1}

    # On again from masks that were empty from the beginning of their track.
    again = {"frame": GONE + 12, "mask_of": after["id"]}
    prompts = [{"object": name, **again} for name in ("o1", "o2")]
    assert track(visitor, project, prompts, GONE + 12, GONE + 13)["objects"] == ["o1", "o2"]

    # Both can be exported, over all of it and where one of them is never in sight.
    for first, inputs in ((0, {}), (GONE + 6, {"separate_objects": True})):
        body = {"objects": [DOG, CAT], "inputs": {**inputs, "mask_type": "binary"}}
        body["inputs"] |= {"start_frame": first, "end_frame": GONE + 13}
        started = visitor.post(f"/api/projects/{project['id']}/exports", json=body)
        assert started.status_code == 201, started.text
        done = follow(visitor, f"/api/exports/{started.json()['id']}")[-1]
        assert (done["status"], done["error"]) == ("done", None)

    # With nothing in sight there is nothing to go on with, unless a later click shows it.
    told = refusal(start_track(visitor, project, [on_dark], GONE + 5))["sentence"]
    assert told == f"Nothing is in sight on frame {GONE + 6}: mark an object there, or track again."
    not_it = {"object": "o2", "frame": GONE + 7, "points": [RED], "labels": [0]}
    refusal(start_track(visitor, project, [on_dark, not_it], GONE + 5))
    found = {**not_it, "labels": [1]}
    late = track(visitor, project, [on_dark, found], GONE + 5, GONE + 8)
    assert late["objects"] == ["o2"]


def test_a_box_and_another_object_from_its_mask(visitor, few) -> None:
    """Masks come first in the order of objects, whatever order the prompts have."""
    project = project_of(visitor, few)
    before = track(visitor, project, [ON_DOG, ON_CAT], 0, 2)
    box = {"object": "o1", "frame": 2, "box": [12, 12, 37, 37]}
    after = track(visitor, project, [box, {"object": "o2", "frame": 2, "mask_of": before["id"]}], 2)
    assert after["objects"] == ["o2", "o1"]


def test_a_stopped_track_keeps_its_frames(visitor, container, numbered) -> None:
    project = project_of(visitor, numbered)
    path = f"/api/tracks/{start_track(visitor, project, [ON_DOG, ON_CAT]).json()['id']}"
    until(lambda: read(visitor, project)["tracks"][0]["frames"] != [])
    sentence = refusal(start_track(visitor, project, [ON_DOG]), 409)["sentence"]
    assert sentence == "A track of yours is under way. Stop it, or wait for it."
    assert visitor.post(f"{path}/cancel").json()["status"] == "cancelled"
    container.ready()
    last = follow(visitor, path)[-1]
    assert last["status"] == "cancelled"
    ((first, end),) = last["frames"]
    assert first == 0
    assert 0 <= end < 119
    assert visitor.get(f"{path}/frames/{end}").status_code == 200
    lanes = visitor.get(f"{path}/lanes").json()["objects"]
    assert {len(lane) for lane in lanes.values()} == {end + 1}
    values = values_of(visitor.get(f"{path}/frames/{end}").content)
    assert lanes["o1"][end] == (1.0 if np.any(values == 1) else None)


def test_a_preview_is_the_mask_of_that_frame(visitor, few) -> None:
    project = project_of(visitor, few)
    path = f"/api/projects/{project['id']}/mask"
    for given in (
        {"points": [[24, 24]], "labels": [1]},
        {"points": [], "labels": [], "box": [12, 12, 37, 37]},
    ):
        answer = visitor.post(path, json={"object": "o1", "frame": 7, **given})
        assert answer.headers["content-type"] == "image/png", answer.text
        mask = values_of(answer.content)
        assert mask.shape == clips.SIZE[::-1]
        assert set(np.unique(mask)) == {0, 255}
    before = track(visitor, project, [ON_CAT, ON_DOG], 0, 3)
    given = {"object": "o1", "frame": 3, "points": [], "labels": [], "mask_of": before["id"]}
    mask = values_of(visitor.post(path, json=given).content) > 0
    was = values_of(visitor.get(f"/api/tracks/{before['id']}/frames/3").content) == 2
    assert (mask & was).sum() > 0.8 * was.sum()
    told = refusal(visitor.post(path, json={**given, "frame": 5}), 404)
    assert told["sentence"] == "Frame 5 is not tracked here."


def test_a_preview_says_when_the_model_is_busy(visitor, container, few, numbered) -> None:
    project = project_of(visitor, few)
    name = container.begin(input_video=data_uri(numbered), click_coordinates="[20,20]")
    answer = visitor.post(f"/api/projects/{project['id']}/mask", json=ON_DOG)
    told = {"sentence": "The model is busy.", "field": None, "busy": True}
    assert refusal(answer, 409) == told
    container.call("POST", f"/predictions/{name}/cancel")
    container.ready()


@pytest.mark.parametrize(
    ("prompts", "last", "sentence"),
    [
        (
            [{**ON_DOG, "points": [[20, 9999]], "labels": [1]}],
            9,
            "The point at 20, 9999 is outside of the picture, which has 96x72 pixels.",
        ),
        (
            [{**ON_DOG, "frame": 8}],
            4,
            "dog is marked on frame 9, which is outside of the frames 1 to 5.",
        ),
        (
            [{**ON_DOG, "labels": [0, 0]}],
            9,
            "Mark dog on a frame first, with a point or a box on it.",
        ),
        ([ON_DOG, ON_DOG], 9, "dog has two prompts on frame 1."),
        (
            [ON_DOG],
            10,
            "The frames 1 to 11 are no range of the video, which has the frames 1 to 10.",
        ),
        (
            [{"object": "o1", "frame": 0, "box": [9, 9, 3, 3]}],
            9,
            "The box from 9, 9 to 3, 3 should lie in the picture, which has 96x72 pixels.",
        ),
    ],
)
def test_what_cannot_be_tracked_is_told_in_words(visitor, few, prompts, last, sentence) -> None:
    project = project_of(visitor, few)
    assert refusal(start_track(visitor, project, prompts, 0, last))["sentence"] == sentence


def test_too_many_points_are_told_in_words(visitor, few) -> None:
    project = project_of(visitor, few)
    many = {**ON_DOG, "points": [[20, 20]] * 1001, "labels": [1] * 1001}
    told = refusal(start_track(visitor, project, [many]))["sentence"]
    assert told == "There are 1001 points, boxes and masks, but at most 1000 are allowed."
    path = f"/api/projects/{project['id']}/mask"
    assert refusal(visitor.post(path, json=many))["sentence"].startswith(
        "There are 1001 points, boxes and masks"
    )


def test_a_track_waits_for_the_worker(visitor, container, few) -> None:
    project = project_of(visitor, few)
    other = container.begin(input_video=data_uri(few), click_coordinates="[20,20]")
    started = start_track(visitor, project, [ON_DOG], 0, 1).json()
    assert started["status"] == "waiting"
    container.call("POST", f"/predictions/{other}/cancel")
    assert follow(visitor, f"/api/tracks/{started['id']}")[-1]["status"] == "done"


def test_a_full_queue_says_when_to_try_again(serve, container, few, numbered) -> None:
    other = container.begin(input_video=data_uri(numbered), click_coordinates="[20,20]")
    with httpx.Client(base_url=serve(limits=ServiceLimits(max_queue=1)), timeout=60) as client:
        project = project_of(client, few)
        waiting = {"click_coordinates": "[20,20]", "input_video": "data:,x"}
        body = {"version": "meta/sam-2-video", "input": waiting}
        assert client.post("/v1/predictions", json=body).status_code == 201
        answer = start_track(client, project, [ON_DOG], 0, 1)
        assert refusal(answer, 429)["sentence"].startswith("The queue is full")
        assert int(answer.headers["Retry-After"]) > 0
    container.call("POST", f"/predictions/{other}/cancel")


def test_a_container_that_is_not_there(serve, few) -> None:
    with httpx.Client(base_url=serve(workers=("http://127.0.0.1:9",)), timeout=60) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/status").json() == {"status": "UNREACHABLE", "model": None}
        assert "Input" in client.get("/openapi.json").json()["components"]["schemas"]
        project = project_of(client, few)
        told = refusal(client.post(f"/api/projects/{project['id']}/mask", json=ON_DOG), 503)
        assert told["sentence"] == "No worker is alive; the server's log says why."


def test_page_and_api_take_turns_in_one_queue(visitor, page_url, few) -> None:
    """A track waits for a prediction that was there before, and is no program's."""
    inputs = {"click_coordinates": "[20,20]", "input_video": data_uri(few)}
    project = project_of(visitor, few)
    with httpx.Client(base_url=f"{page_url}/v1", timeout=60) as program:
        create = "/models/meta/sam-2-video/predictions"
        first = program.post(create, json={"input": inputs}).json()["id"]
        done = track(visitor, project, [ON_DOG], 0, 1)
        assert program.get(f"/predictions/{first}").json()["status"] == "succeeded"
        assert program.get(f"/predictions/{done['id']}").status_code == 404
        assert program.get(f"/files/{project['video']['id']}").status_code == 404
        listed = [one["id"] for one in program.get("/predictions").json()["results"]]
        assert first in listed
        assert done["id"] not in listed

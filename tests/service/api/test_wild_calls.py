"""Calls as programs in the wild make them, and how they read what comes back."""

import re
from typing import Any

import httpx
import pytest

from tests.service.conftest import FRAMES
from tests.service.serving import MODEL, PUBLIC_VERSION

POINTS = [[12, 34], [56, 40], [20, 20]]
EIGHT = ",".join(f"[{4 + 7 * i},{20 + i}]" for i in range(8))


@pytest.mark.parametrize(
    "inputs",
    [
        {"click_coordinates": "[39,23],[17,32]"},
        {"click_coordinates": "[12, 34],[56, 40]"},
        {"click_coordinates": str(POINTS)[1:-1]},
        {"click_coordinates": str(POINTS)},
        {"click_coordinates": "[20,20]", "click_frames": "1"},
        {"click_coordinates": "[20,20],[30,30]", "click_frames": "0,5", "click_labels": "1,1"},
        {
            "click_coordinates": EIGHT,
            "click_object_ids": ",".join(f"bee_{i}" for i in range(1, 9)),
            "click_labels": "1,1,1,1,1,1,1,1",
            "click_frames": "0,0,0,0,0,0,0,0",
        },
        {"click_coordinates": EIGHT, "click_object_ids": "mask_1"},
        {"click_coordinates": "[20,20],[50,40],[5,5]", "click_labels": "1,0,0"},
        {"click_coordinates": "[20,20]", "an_input_of_another_version": 7, "click_labels": None},
    ],
    ids=[
        "without spaces",
        "with spaces",
        "str of a list without its brackets",
        "str of a list",
        "click_frames 1",
        "two frames",
        "eight objects",
        "one id for all",
        "zeros without ids",
        "unknown and null inputs",
    ],
)
def test_clicks(client, clip_uri, inputs: dict[str, Any]) -> None:
    output = client.run(MODEL, input={"input_video": clip_uri, "mask_type": "binary", **inputs})
    # One program refuses a list in which a frame's number is not its position.
    numbers = [int(re.search(r"frame_(\d+)\.", url)[1]) for url in output]
    assert numbers == list(range(FRAMES))


def test_a_highlighted_video(client, clip_uri) -> None:
    output = client.run(
        f"{MODEL}:{PUBLIC_VERSION}",
        input={
            "input_video": clip_uri,
            "click_coordinates": "[20,20]",
            "mask_type": "highlighted",
            "annotation_type": "mask",
            "output_video": True,
            "video_fps": 25,
        },
    )
    urls = [str(url) for url in output]
    (video,) = [url for url in urls if url.endswith(".mp4")]
    assert urls[0] == urls[-1] == video
    answer = httpx.get(video)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"


def test_every_fifth_frame(client, clip_uri) -> None:
    output = client.run(
        MODEL,
        input={
            "input_video": clip_uri,
            "click_coordinates": "[20,20]",
            "output_format": "png",
            "output_frame_interval": 5,
        },
    )
    assert [url.rpartition("/")[2] for url in output] == ["frame_00000.png", "frame_00005.png"]
    assert httpx.get(output[-1]).content.startswith(b"\x89PNG")


def test_a_still_picture_with_prefer_wait(http: httpx.Client, picture_uri) -> None:
    """As programs without a client do it."""
    answer = http.post(
        "/predictions",
        headers={"Authorization": "Token none", "Prefer": "wait"},
        json={
            "version": MODEL,
            "input": {
                "input_video": picture_uri,
                "click_coordinates": "[20,20]",
                "click_labels": "1",
                "mask_type": "binary",
                "output_format": "png",
            },
        },
    )
    assert answer.status_code == 201
    assert answer.json()["status"] == "succeeded"
    (first,) = answer.json()["output"]
    assert httpx.get(first).headers["Content-Type"] == "image/png"


def test_version_as_owner_name_and_id(http: httpx.Client, clip_uri) -> None:
    inputs = {"input_video": clip_uri, "click_coordinates": "[20,20]", "output_frame_interval": 6}
    for version in (PUBLIC_VERSION, MODEL, f"{MODEL}:{PUBLIC_VERSION}", "a" * 64):
        body = {"version": version, "input": inputs}
        answer = http.post("/predictions", json=body, headers={"Prefer": "wait=20"})
        assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
        running = http.get(f"/models/{MODEL}/versions").json()["results"][0]["id"]
        is_hosted = PUBLIC_VERSION in version
        assert answer.json()["version"] == (PUBLIC_VERSION if is_hosted else running)


def test_logs_show_the_percentage_to_every_reader(client, clip_uri) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={"input_video": clip_uri, "click_coordinates": "[20,20]"}
    )
    prediction.wait()
    lines = prediction.logs.strip("\n").splitlines()
    assert all(re.match(r"^\s*\d+%\|", line) for line in lines)
    assert re.findall(r"\s(\d+)%\|", prediction.logs)[-1] == "100"

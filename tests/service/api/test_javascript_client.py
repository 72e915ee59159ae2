"""The official JavaScript client, unmodified, with nothing but `baseUrl` set."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bench.serving import until
from tests.service.conftest import FRAMES, LONG
from tests.service.serving import MODEL, PUBLIC_VERSION

CLICK = {"click_coordinates": "[20,20]"}


@pytest.fixture
def js(server, node) -> Callable[..., Any]:
    def run(scenario: str, *arguments: Any) -> Any:
        return node(f"{server.url}/v1", scenario, *arguments)

    return run


def _names(urls: list[str]) -> list[str]:
    return [url.rpartition("/")[2] for url in urls]


def test_run_with_a_buffer_a_blob_a_url_and_a_data_uri(js, clip_path, clip_uri, receiver) -> None:
    expected = [f"frame_{i:05d}.png" for i in range(FRAMES)]
    receiver.files["/clip.mp4"] = clip_path.read_bytes()
    png = {**CLICK, "output_format": "png"}
    assert _names(js("runWithBuffer", str(clip_path), png)) == expected
    assert _names(js("runWithBlob", str(clip_path), png)) == expected
    url = receiver.url("/clip.mp4")
    assert _names(js("run", MODEL, {**png, "input_video": url})) == expected
    ref = f"{MODEL}:{PUBLIC_VERSION}"
    assert _names(js("run", ref, {**png, "input_video": clip_uri})) == expected


def test_progress_as_applications_read_it(js, clip_uri) -> None:
    seen = js("progress", {**CLICK, "input_video": clip_uri})
    assert seen["count"] == FRAMES
    assert seen["seen"][-1] == 100
    assert seen["seen"] == sorted(seen["seen"])


def test_a_wait_that_runs_out_goes_on_by_polling(js, clip_uri, occupied) -> None:
    seen = js("blocked", {**CLICK, "input_video": clip_uri, "output_video": True}, 1, occupied)
    assert seen["statuses"][0] == "starting"
    assert seen["statuses"][-1] == "succeeded"
    assert seen["count"] == 1


def test_create_wait_get_and_list(js, clip_uri) -> None:
    seen = js("lifecycle", {**CLICK, "input_video": clip_uri})
    assert seen["created"]["status"] == "starting"
    assert seen["created"]["output"] is None
    assert seen["waited"]["status"] == "succeeded"
    assert seen["again"] == seen["waited"]
    assert len(seen["again"]["output"]) == FRAMES
    assert sum(seen["pages"]) >= 1


def test_cancel(js, long_uri) -> None:
    seen = js("cancel", {**CLICK, "input_video": long_uri})
    assert seen["canceled"]["id"] == seen["created"]["id"]
    assert seen["canceled"]["status"] == "canceled"
    assert seen["canceled"]["completed_at"] is not None


def test_an_abort_signal_cancels_a_run(js, long_uri) -> None:
    seen = js("abort", {**CLICK, "input_video": long_uri})
    assert seen["final"]["status"] == "canceled"
    assert len(seen["final"]["output"] or []) < LONG


def test_stream(js, clip_uri) -> None:
    events = js("stream", {**CLICK, "input_video": clip_uri})
    assert [event["event"] for event in events] == ["output"] * FRAMES + ["done"]
    assert all(event["id"] for event in events)


def test_errors_reach_the_program(js, clip_uri) -> None:
    seen = js("failure", {**CLICK, "input_video": clip_uri, "video_fps": 100})
    assert seen["status"] == 422
    assert "video_fps is 100, but it should be a whole number from 1 to 60" in seen["message"]
    seen = js("failure", {"input_video": clip_uri, "click_coordinates": "[64,0]"})
    assert seen["message"].startswith("Prediction failed: click_coordinates[0] is [64,0], but")


def test_models_and_versions(js) -> None:
    seen = js("models")
    assert (seen["model"]["owner"], seen["model"]["name"]) == ("meta", "sam-2-video")
    assert seen["versions"]["results"] == [seen["version"]]
    assert seen["model"]["latest_version"] == seen["version"]
    output = seen["version"]["openapi_schema"]["components"]["schemas"]["Output"]
    assert output["x-cog-array-type"] == "iterator"


def test_files(js) -> None:
    seen = js("files", "hello")
    assert seen["created"] == seen["found"]
    assert seen["created"]["name"] == "notes.txt"
    assert seen["created"]["content_type"] == "text/plain"
    assert seen["created"]["size"] == 5
    assert seen["created"]["metadata"] == {"for": "a test"}
    assert seen["created"]["id"] in seen["ids"]
    assert seen["deleted"] is True


def test_webhooks_verified_by_the_client(js, http: httpx.Client, webhook, clip_uri) -> None:
    body = {"version": MODEL, "webhook": webhook.url, "input": {**CLICK, "input_video": clip_uri}}
    assert http.post("/predictions", json=body).status_code == 201
    until(lambda: any(b'"succeeded"' in message.body for message in webhook.messages))
    messages = [
        {
            "id": message.headers["Webhook-Id"],
            "timestamp": message.headers["Webhook-Timestamp"],
            "signature": message.headers["Webhook-Signature"],
            "body": message.body.decode(),
        }
        for message in webhook.messages
    ]
    assert js("webhook", messages) == [True] * len(messages)
    messages[-1]["body"] = json.dumps({**json.loads(messages[-1]["body"]), "output": []})
    assert js("webhook", messages[-1:]) == [False]

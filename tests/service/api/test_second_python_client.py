"""The second generation of the official Python client, which validates what it is answered."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.service.conftest import FRAMES
from tests.service.serving import PUBLIC_VERSION

CLICK = {"click_coordinates": "[20,20]"}
FRAME_NAMES = [f"frame_{number:05d}.webp" for number in range(FRAMES)]


@pytest.fixture(params=["", "/v1"], ids=["without v1", "with v1"])
def seen(server, second_client, request) -> Callable[..., Any]:
    def run(scenario: str, *arguments: Any) -> Any:
        return second_client(f"{server.url}{request.param}", scenario, *arguments)

    return run


def test_run_by_model_by_version_and_polled(seen, clip_path) -> None:
    for outputs in seen("run", str(clip_path), CLICK):
        assert [url.rpartition("/")[2] for url in outputs] == FRAME_NAMES


def test_the_model_as_a_function(seen, clip_uri) -> None:
    assert seen("use", {**CLICK, "input_video": clip_uri}) == FRAME_NAMES


def test_a_failure_is_the_models_sentence(seen, clip_uri) -> None:
    error = seen("failure", {"input_video": clip_uri, "click_coordinates": "[64,0]"})
    assert error.startswith("click_coordinates[0] is [64,0], but the video has 64x48 pixels")


def test_create_wait_cancel_and_list(seen, clip_uri, webhook) -> None:
    found = seen("lifecycle", {**CLICK, "input_video": clip_uri}, webhook.url)
    created, done, canceled = found["created"], found["done"], found["canceled"]
    assert created["version"] == done["version"] == PUBLIC_VERSION
    assert created["status"] == "starting"
    assert not {"started_at", "completed_at"} & set(created)
    assert created["deadline"] > created["created_at"]
    assert (done["status"], len(done["output"])) == ("succeeded", FRAMES)
    assert canceled["webhook"] == webhook.url
    assert canceled["webhook_events_filter"] == ["completed"]
    assert (canceled["metrics"].get("predict_time") is None) == ("started_at" not in canceled)
    assert found["since"] == [canceled["id"]]
    assert found["both"] == [created["id"]]
    assert not {created["id"], canceled["id"]} & set(found["until"])


def test_models_versions_readme_examples_and_search(seen) -> None:
    found = seen("models")
    assert len(set(found["ids"])) == 1
    assert found["listed"] == found["found"] == found["anything"] == ["sam-2-video"]
    assert found["not_found"] == found["examples"] == []
    assert "- `click_coordinates`: Click coordinates as" in found["readme"]


def test_files(seen) -> None:
    assert seen("files", "hello") == {"same": True, "listed": True, "size": 5}


def test_what_checks_a_token_and_what_is_not_here(seen) -> None:
    found = seen("others")
    assert found["account"] == "user"
    assert found["key"].startswith("whsec_")
    assert len(found["refused"]) == 3
    assert all("This server runs meta/sam-2-video alone" in text for text in found["refused"])

"""The official Python client, unmodified, with nothing but `REPLICATE_BASE_URL` set."""

import asyncio
import json

import httpx
import pytest
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import InvalidSignatureError, Webhooks

from bench.serving import until
from tests.service.conftest import FRAMES, LONG, SOME
from tests.service.serving import MODEL, PUBLIC_VERSION

CLICK = {"click_coordinates": "[20,20]"}
REF = f"{MODEL}:{PUBLIC_VERSION}"


def _frames(outputs: list[str], suffix: str = "webp") -> list[str]:
    assert all("/v1/outputs/" in str(output) for output in outputs)
    names = [str(output).rpartition("/")[2] for output in outputs]
    assert names == [f"frame_{i:05d}.{suffix}" for i in range(len(names))]
    return names


def test_run_with_a_file_handle_a_path_a_url_and_a_data_uri(
    client, clip_path, clip_uri, receiver
) -> None:
    receiver.files["/clip"] = clip_path.read_bytes()
    with clip_path.open("rb") as handle:
        for video in (handle, clip_path, receiver.url("/clip"), clip_uri):
            output = client.run(MODEL, input={**CLICK, "input_video": video})
            assert len(_frames(output)) == FRAMES
    output = client.run(
        MODEL, input={**CLICK, "input_video": clip_path}, file_encoding_strategy="base64"
    )
    assert len(_frames(output)) == FRAMES


def test_run_of_a_version_iterates_its_outputs(client, clip_uri) -> None:
    outputs = client.run(REF, input={**CLICK, "input_video": clip_uri, "output_format": "png"})
    assert len(_frames(list(outputs), "png")) == FRAMES


def test_a_version_whose_wait_runs_out_iterates_all_outputs(client, some_uri) -> None:
    """The client skips what the first answer holds, so that must be nothing."""
    outputs = client.run(REF, input={**CLICK, "input_video": some_uri}, wait=1)
    assert len(_frames(list(outputs))) == SOME


def test_a_model_whose_wait_runs_out_is_polled(client, http, clip_uri, occupied) -> None:

    def free_the_worker(response: httpx.Response) -> None:
        if response.status_code == 202:  # the wait has run out
            http.post(f"/predictions/{occupied}/cancel")

    client._client.event_hooks["response"].append(free_the_worker)
    output = client.run(MODEL, input={**CLICK, "input_video": clip_uri}, wait=1)
    assert len(_frames(output)) == FRAMES


def test_run_without_blocking(client, clip_uri) -> None:
    output = client.run(MODEL, input={**CLICK, "input_video": clip_uri}, wait=False)
    assert len(_frames(output)) == FRAMES


def test_async_run(client, clip_uri) -> None:
    output = asyncio.run(client.async_run(MODEL, input={**CLICK, "input_video": clip_uri}))
    assert len(_frames(output)) == FRAMES


def test_create_wait_reload_and_progress(client, clip_uri) -> None:
    prediction = client.predictions.create(
        version=PUBLIC_VERSION, input={**CLICK, "input_video": clip_uri}
    )
    assert prediction.status == "starting"
    assert prediction.output is None
    prediction.wait()
    assert prediction.status == "succeeded"
    assert len(_frames(prediction.output)) == FRAMES
    assert prediction.progress.percentage == 1
    assert prediction.progress.total == FRAMES
    assert prediction.metrics["predict_time"] > 0
    assert prediction.created_at <= prediction.started_at <= prediction.completed_at
    again = client.predictions.get(prediction.id)
    assert again.dict() == prediction.dict()


def test_cancel(client, long_uri) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={**CLICK, "input_video": long_uri}
    )

    def has_output() -> bool:
        prediction.reload()
        return bool(prediction.output)

    until(has_output)
    prediction.cancel()
    assert prediction.status == "canceled"
    assert 0 < len(prediction.output) < LONG
    prediction.cancel()
    assert prediction.status == "canceled"


def test_output_grows_at_its_end_while_it_runs(client, long_uri) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={**CLICK, "input_video": long_uri}
    )
    lists: list[list[str]] = []

    def has_some() -> bool:
        prediction.reload()
        lists.append(prediction.output or [])
        return len(lists[-1]) > 5

    until(has_some)
    prediction.cancel()
    lists.append(prediction.output)
    assert all(outputs == lists[-1][: len(outputs)] for outputs in lists)
    assert _frames(lists[-1])


def test_stream(client, clip_uri) -> None:
    events = list(client.stream(MODEL, input={**CLICK, "input_video": clip_uri}))
    assert [event.event.value for event in events] == ["output"] * FRAMES + ["done"]
    assert len(_frames([str(event) for event in events[:-1]])) == FRAMES


def test_stream_of_a_failure(client, clip_uri) -> None:
    wrong = {"input_video": clip_uri, "click_coordinates": "[20,20", "output_video": True}
    with pytest.raises(RuntimeError, match="click_coordinates has"):
        list(client.stream(MODEL, input=wrong))


def test_a_prediction_can_be_streamed_when_it_is_over(client, clip_uri) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={**CLICK, "input_video": clip_uri}, wait=True
    )
    assert prediction.status == "succeeded"
    assert [event.event.value for event in prediction.stream()] == ["output"] * FRAMES + ["done"]


def test_a_stream_has_the_logs_if_they_are_asked_for(client, clip_uri) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={**CLICK, "input_video": clip_uri}, wait=True
    )
    prediction.urls["stream"] += "?logs=true"
    events = list(prediction.stream())
    assert [event.event.value for event in events] == ["logs", *["output"] * FRAMES, "done"]
    assert events[0].data.rstrip().splitlines()[-1].startswith("100%|")


def test_failures_are_the_models_sentence(client, clip_uri) -> None:
    with pytest.raises(ModelError) as failure:
        client.run(MODEL, input={"input_video": clip_uri, "click_coordinates": "[64,0]"})
    assert str(failure.value) == (
        "click_coordinates[0] is [64,0], but the video has 64x48 pixels (x 0-63, y 0-47)"
    )
    assert failure.value.prediction.output is None


def test_refusals_are_errors_of_the_api(client) -> None:
    with pytest.raises(ReplicateError) as refusal:
        client.run(MODEL, input=CLICK)
    assert (refusal.value.status, refusal.value.detail) == (422, "input_video is required")
    with pytest.raises(ReplicateError) as refusal:
        client.predictions.get("nothing")
    assert refusal.value.status == 404
    with pytest.raises(ReplicateError) as refusal:
        client.run("stability-ai/sdxl", input={"prompt": "a cat"})
    assert refusal.value.status == 404
    assert "this server runs meta/sam-2-video" in refusal.value.detail


def test_models_and_versions(client) -> None:
    model = client.models.get(MODEL)
    assert model.id == MODEL
    (version,) = model.versions.list()
    assert model.latest_version == version
    assert model.versions.get(PUBLIC_VERSION) == version
    inputs = version.openapi_schema["components"]["schemas"]["Input"]["properties"]
    assert list(inputs)[:2] == ["input_video", "click_coordinates"]


def test_files(client, clip_path) -> None:
    file = client.files.create(clip_path, metadata={"for": "a test"})
    assert (file.name, file.content_type) == ("clip.mp4", "video/mp4")
    assert file.size == clip_path.stat().st_size
    assert file.metadata == {"for": "a test"}
    assert file.expires_at > file.created_at
    assert client.files.get(file.id) == file
    assert file.id in [one.id for one in client.files.list()]
    # One upload may serve many predictions.
    for _ in range(2):
        output = client.run(MODEL, input={**CLICK, "input_video": file.urls["get"]})
        assert len(output) == FRAMES
    assert client.files.delete(file.id)
    with pytest.raises(ReplicateError):
        client.files.get(file.id)
    with pytest.raises(ReplicateError, match="there is no such file"):
        client.run(MODEL, input={**CLICK, "input_video": file.urls["get"]})


def test_an_output_can_be_the_next_input(client, clip_uri) -> None:
    (video,) = client.run(
        MODEL,
        input={**CLICK, "input_video": clip_uri, "mask_type": "greenscreen", "output_video": True},
    )
    assert len(client.run(MODEL, input={**CLICK, "input_video": video})) == FRAMES


def test_webhooks_verified_by_the_client(client, clip_uri, webhook) -> None:
    prediction = client.models.predictions.create(
        model=MODEL,
        input={**CLICK, "input_video": clip_uri},
        webhook=webhook.url,
        webhook_events_filter=["completed"],
    )
    until(lambda: webhook.messages)
    (message,) = webhook.messages
    secret = client.webhooks.default.secret()
    Webhooks.validate(
        headers=message.headers, body=message.body.decode(), secret=secret, tolerance=60
    )
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=message.headers, body="{}", secret=secret)
    prediction.reload()
    told = json.loads(message.body)
    assert told["status"] == "succeeded"
    assert told["output"] == prediction.output


def test_a_webhook_of_all_events(client, long_uri, webhook) -> None:
    prediction = client.models.predictions.create(
        model=MODEL, input={**CLICK, "input_video": long_uri}, webhook=webhook.url
    )

    def told() -> list[dict]:
        return [json.loads(message.body) for message in webhook.messages]

    until(lambda: any(one["output"] and one["logs"] for one in told()))
    prediction.cancel()
    until(lambda: told()[-1]["status"] == "canceled")
    assert told()[0]["status"] == "processing"
    counts = [len(one["output"] or []) for one in told()]
    assert counts == sorted(counts)
    assert len({message.headers["Webhook-Id"] for message in webhook.messages}) == len(told())

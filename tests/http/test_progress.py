"""A prediction on its way: events as they happen, webhooks, one id twice, and cancelling."""

import json
import threading
import time

import pytest

from bench.serving import content_of, data_uri, until
from tests.http.conftest import CLICK, FRAMES


def test_frames_reach_a_client_as_they_are_made(server, long_clip) -> None:
    given = {"input_video": data_uri(long_clip), "click_coordinates": CLICK}
    events = []
    for event in server.events(**given):
        events.append(event)
        if [name for name, _ in events].count("output") == 20:
            break
    names = [name for name, _ in events]
    assert names[0] == "start"
    assert names.index("log") < names.index("output")
    assert not any("100%|" in data["data"] for name, data in events if name == "log")
    for name, data in events:
        if name == "output":
            assert content_of(data["chunk"])[0] == "image/webp"


def test_events_end_with_the_whole_answer(server, inputs) -> None:
    events = list(server.events(**inputs))
    names = [name for name, _ in events]
    assert names[0] == "start"
    assert names[-1] == "completed"
    assert names.count("output") == FRAMES
    assert names.count("log") >= 2
    logs = "".join(data["data"] for name, data in events if name == "log")
    assert logs.rstrip().splitlines()[-1].startswith("100%|")
    final = events[-1][1]
    assert final["status"] == "succeeded"
    assert len(final["output"]) == FRAMES


def test_a_failure_ends_the_events_with_its_sentence(server, inputs) -> None:
    events = list(server.events(**{**inputs, "click_frames": "99"}))
    name, data = events[-1]
    assert name == "completed"
    assert data["status"] == "failed"
    assert "InputError: click_frames[0] is 99" in data["error"]
    assert "output" not in [name for name, _ in events]


def test_a_webhook_is_told_of_every_step(server, inputs, receiver) -> None:
    name = server.new_id()
    request = {"id": name, "webhook": receiver.url("/hook"), "input": inputs}
    server.ready()
    reply = server.call("POST", "/predictions", request, Prefer="respond-async")
    assert (reply.code, reply.body) == (202, {"id": name, "status": "starting"})

    def told() -> list[dict]:
        return [json.loads(body) for _, path, body in receiver.received if path == "/hook"]

    until(lambda: bool(told()) and told()[-1]["status"] == "succeeded")
    events = told()
    assert {event["id"] for event in events} == {name}
    assert events[0]["status"] in ("starting", "processing")
    assert any(event["status"] == "processing" and event.get("logs") for event in events)
    assert any(0 < len(event.get("output") or []) < FRAMES for event in events)
    assert len(events[-1]["output"]) == FRAMES
    assert "100%|" in events[-1]["logs"]


def test_a_webhook_of_chosen_events(server, inputs, receiver) -> None:
    request = {
        "webhook": receiver.url("/hook"),
        "webhook_events_filter": ["completed"],
        "input": {**inputs, "click_labels": "5"},
    }
    server.ready()
    server.call("POST", "/predictions", request, Prefer="respond-async")
    until(lambda: bool(receiver.received))
    (event,) = [json.loads(body) for _, _, body in receiver.received]
    assert event["status"] == "failed"
    assert "InputError: click_labels[0] is" in event["error"]


def test_one_id_twice_is_one_prediction(server, long_clip) -> None:
    name = server.begin(input_video=data_uri(long_clip), click_coordinates=CLICK)
    body = {"input": {"input_video": data_uri(long_clip), "click_coordinates": CLICK}}
    reply = server.call("PUT", f"/predictions/{name}", body)
    assert reply.code == 202
    assert reply.body["id"] == name
    assert reply.body["status"] in ("starting", "processing")
    assert server.call("PUT", f"/predictions/{name}", {"id": "other", **body}).code == 422
    server.call("POST", f"/predictions/{name}/cancel")
    server.ready()


def test_a_busy_server_says_so_and_stays_busy(server, inputs, long_clip) -> None:
    name = server.begin(input_video=data_uri(long_clip), click_coordinates=CLICK)
    assert server.health()["status"] == "BUSY"
    reply = server.call("POST", "/predictions", {"input": inputs})
    assert reply.code == 409
    assert reply.body["status"] == "failed"
    assert server.health()["status"] == "BUSY"
    server.call("POST", f"/predictions/{name}/cancel")
    server.ready()


@pytest.mark.parametrize(
    "options",
    [{"output_video": True}, {}, {"click_frames": "390"}],
    ids=["video", "sequence", "backward"],
)
def test_cancelling_stops_the_work_and_leaves_nothing_behind(
    options, server, inputs, long_clip, receiver
) -> None:
    server.ready()
    name = server.new_id()
    given = {"input_video": data_uri(long_clip), "click_coordinates": CLICK, **options}
    request = {"id": name, "webhook": receiver.url("/hook"), "input": given}
    server.call("POST", "/predictions", request, Prefer="respond-async")
    until(lambda: any(b"frames/s" in body for _, _, body in receiver.received))
    assert server.call("POST", f"/predictions/{name}/cancel").code == 200
    server.ready()
    until(lambda: b'"canceled"' in receiver.received[-1][2])
    assert server.ffmpegs() == []
    assert {path.suffix for path in server.files()} <= {".webp"}  # finished ones
    assert len(server.predict(**inputs).outputs) == FRAMES


def test_cancelling_a_download_from_a_silent_server(server, receiver, inputs) -> None:
    asked, done = threading.Event(), threading.Event()

    def silent(request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"\0" * 10)
        request.wfile.flush()
        asked.set()
        done.wait(60)

    receiver.files["/silent"] = silent
    name = server.begin(input_video=receiver.url("/silent"), click_coordinates=CLICK)
    assert asked.wait(10)
    server.call("POST", f"/predictions/{name}/cancel")
    server.ready()
    assert server.files() == []
    done.set()
    assert len(server.predict(**inputs).outputs) == FRAMES


def test_a_client_that_goes_away_stops_its_prediction(server, long_clip, inputs) -> None:
    events = server.events(input_video=data_uri(long_clip), click_coordinates=CLICK)
    until(lambda: next(events)[0] == "output")
    events.close()
    server.ready()
    assert server.ffmpegs() == []
    assert len(server.predict(**inputs).outputs) == FRAMES


def test_cancelling_what_is_not_there(server) -> None:
    server.ready()
    assert server.call("POST", f"/predictions/{server.new_id()}/cancel").code == 404


def test_cancelling_at_any_moment(server, inputs) -> None:
    """Early, late, and when it is over: the next prediction is not hit by it."""
    for delay in (0.0, 0.03, 0.1, 0.3, 0.6, 1.0):
        name = server.begin(**inputs)
        time.sleep(delay)
        server.call("POST", f"/predictions/{name}/cancel")
        until(lambda: server.health()["status"] == "READY")
        assert server.ffmpegs() == []
    assert len(server.predict(**inputs).outputs) == FRAMES

"""One prediction over HTTP, in every form that goes in and comes out."""

import json
from io import BytesIO

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from bench.serving import content_of, data_uri
from sam2_video.prediction.contract import SCHEMA_FILE
from tests.http.conftest import CLICK, FRAMES, SIZE

SEQUENCES = [
    ({}, "image/webp"),
    ({"output_format": "png", "mask_type": "greenscreen"}, "image/png"),
    ({"output_format": "jpg", "mask_type": "highlighted", "annotation_type": "both"}, "image/jpeg"),
]


@pytest.mark.parametrize(("options", "kind"), SEQUENCES, ids=[kind for _, kind in SEQUENCES])
def test_an_image_sequence(options, kind, server, inputs) -> None:
    outputs = server.predict(**inputs, **options).outputs
    assert len(outputs) == FRAMES
    for output in outputs:
        found, content = content_of(output)
        assert found == kind
        assert Image.open(BytesIO(content)).size == SIZE


def test_a_video_is_a_list_of_one(server, inputs, tmp_path) -> None:
    (output,) = server.predict(**inputs, output_video=True, video_fps=12).outputs
    kind, content = content_of(output)
    assert kind == "video/mp4"
    (tmp_path / "out.mp4").write_bytes(content)
    about = imageio_ffmpeg.read_frames(str(tmp_path / "out.mp4"))
    assert next(about)["fps"] == 12
    assert len(list(about)) == FRAMES


def test_every_nth_frame(server, inputs) -> None:
    assert len(server.predict(**inputs, output_frame_interval=4).outputs) == 2


def test_binary_masks_have_two_values(server, inputs) -> None:
    outputs = server.predict(**inputs, output_format="png", output_frame_interval=5).outputs
    for output in outputs:
        pixels = np.array(Image.open(BytesIO(content_of(output)[1])))
        assert set(np.unique(pixels)) <= {0, 255}


def test_the_answer_has_logs_and_metrics(server, inputs) -> None:
    body = server.predict(**inputs).body
    assert body["logs"].endswith("\n")
    percent = [int(line.strip().partition("%")[0]) for line in body["logs"].splitlines()]
    assert percent == sorted(percent)
    assert percent[-1] == 100
    assert body["metrics"]["predict_time"] > 0


def test_a_still_picture_is_a_video_of_one_frame(server, picture) -> None:
    reply = server.predict(input_video=data_uri(picture, "image/png"), click_coordinates=CLICK)
    assert len(reply.outputs) == 1


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/clip.mp4", id="plain"),
        pytest.param("/clip", id="no ending"),
        pytest.param("/clip.txt", id="wrong ending"),
        pytest.param("/-i%20%22o%27%24(x).mp4", id="quotes"),
        pytest.param("/--help", id="option"),
        pytest.param("/%2E%2E%2Fclip", id="dots"),
        pytest.param("/%7Cid", id="pipe"),
        pytest.param("/a%0Ab", id="line break"),
    ],
)
def test_a_web_address_whatever_its_name(path, server, receiver, clip) -> None:
    receiver.files[path] = clip
    reply = server.predict(
        input_video=receiver.url(path) + "?signature=a%2Fb", click_coordinates=CLICK
    )
    assert len(reply.outputs) == FRAMES


def test_a_redirected_address(server, receiver, clip) -> None:
    def redirect(request) -> None:
        request.send_response(302)
        request.send_header("Location", receiver.url("/clip"))
        request.end_headers()

    receiver.files = {"/old": redirect, "/clip": clip}
    reply = server.predict(input_video=receiver.url("/old"), click_coordinates=CLICK)
    assert len(reply.outputs) == FRAMES


def test_unknown_inputs_are_dropped(server, inputs) -> None:
    assert len(server.predict(**inputs, output_frame_interval=9, seed=1, fps=3).outputs) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"input_video": None}, "input_video"),
        ({"click_coordinates": None}, "click_coordinates"),
        ({"click_coordinates": [[1, 2]]}, "click_coordinates"),
        ({"click_labels": 1}, "click_labels"),
        ({"mask_type": "grey"}, "mask_type"),
        ({"annotation_type": "Mask"}, "annotation_type"),
        ({"output_video": "yes"}, "output_video"),
        ({"video_fps": 0}, "video_fps"),
        ({"video_fps": 61}, "video_fps"),
        ({"video_fps": 29.97}, "video_fps"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_quality": -1}, "output_quality"),
        ({"output_quality": 101}, "output_quality"),
        ({"output_frame_interval": "2"}, "output_frame_interval"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_the_schema_refuses_is_422(given, field, server, inputs) -> None:
    sent = {name: value for name, value in {**inputs, **given}.items() if value is not None}
    reply = server.predict(**sent)
    assert reply.code == 422
    assert [detail["loc"] for detail in reply.body["detail"]] == [["body", "input", field]]


SENTENCES = [
    ({"click_coordinates": ""}, "click_coordinates is"),
    ({"click_coordinates": "[1,2"}, "click_coordinates"),
    ({"click_coordinates": "[64,0]"}, "click_coordinates[0] is [64,0], but the video has 64x48"),
    ({"click_coordinates": "[0,-1]"}, "click_coordinates[0] is [0,-1]"),
    ({"click_frames": "6"}, "click_frames[0] is 6, but"),
    ({"click_labels": "2"}, "click_labels[0] is "),
    ({"click_labels": "0"}, "has no foreground click"),
    ({"output_frame_interval": 0}, "output_frame_interval is 0, but it should be 1 or more"),
    ({"input_video": "/etc/passwd"}, "input_video is '/etc/passwd', but it should be a data URI"),
    ({"input_video": "file:///etc/passwd"}, "input_video is 'file:///etc/passwd', but it should"),
    ({"input_video": "@predict.py"}, "input_video is '@predict.py', but it should be"),
    ({"input_video": ""}, "input_video is '', but it should be"),
    ({"input_video": "http://["}, "which cannot be fetched: Invalid IPv6 URL"),
    ({"input_video": "http://127.0.0.1:9/a"}, "which cannot be fetched: Connection refused"),
    ({"input_video": "data:,"}, "input_video is a data URI, but it is empty"),
    ({"input_video": "data:text/plain,hello"}, "input_video is not a video or picture"),
]


@pytest.mark.parametrize(
    ("given", "sentence"), SENTENCES, ids=[json.dumps(given) for given, _ in SENTENCES]
)
def test_bad_input_is_one_sentence(given, sentence, server, inputs) -> None:
    assert sentence in server.predict(**{**inputs, **given}).error


def test_an_address_that_answers_with_an_error(server, receiver) -> None:
    address = receiver.url("/none")
    reply = server.predict(input_video=address, click_coordinates=CLICK)
    assert reply.error == f"input_video is '{address}', which cannot be fetched: Not Found"


def test_an_address_that_leads_to_another_scheme(server, receiver) -> None:
    def redirect(request) -> None:
        request.send_response(302)
        request.send_header("Location", "ftp://127.0.0.1/etc/passwd")
        request.end_headers()

    receiver.files["/ftp"] = redirect
    reply = server.predict(input_video=receiver.url("/ftp"), click_coordinates=CLICK)
    assert "cannot be fetched" in reply.error


def test_a_download_that_breaks_off(server, receiver, clip) -> None:
    def broken(request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(clip)))
        request.end_headers()
        request.wfile.write(clip[:100])

    receiver.files["/broken"] = broken
    reply = server.predict(input_video=receiver.url("/broken"), click_coordinates=CLICK)
    assert reply.error == f"input_video broke off at 100 of {len(clip)} bytes"


def test_the_server_tells_its_interface(server) -> None:
    server.ready()
    assert server.call("GET", "/openapi.json").body == json.loads(SCHEMA_FILE.read_text())
    assert server.call("GET", "/").body["predictions_url"] == "/predictions"


def test_nothing_of_an_input_stays(server, inputs) -> None:
    """After all of the above: the last prediction's outputs, and nothing else."""
    server.predict(**inputs, output_video=True).outputs  # noqa: B018 - it succeeded
    assert [path.name for path in server.files()] == ["output_video.mp4"]
    assert server.ffmpegs() == []
    assert server.predict(**{**inputs, "click_labels": "9"}).error
    assert server.files() == []

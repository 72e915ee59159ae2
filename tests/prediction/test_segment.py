"""`segment` and `load_model` as the library's user calls them."""

from collections.abc import Mapping

import numpy as np
import pytest

from sam2_video import InputError, load_model, segment
from sam2_video.prediction.segment import as_text
from tests import clips


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return clips.encode(path, clips.numbered(3), *clips.H264)


@pytest.fixture(scope="module")
def model():
    return load_model("nano", image_size=128)


@pytest.mark.parametrize(
    "given",
    [
        {"click_coordinates": "[30,30]"},
        {"click_coordinates": (30, 30)},
        {"click_coordinates": [[30, 30]], "click_labels": [True], "click_frames": 0},
        {"click_coordinates": np.array([[30.0, 30.0]]), "click_labels": np.array([1])},
    ],
)
def test_clicks_in_every_form_are_the_same(given: Mapping, clip, model) -> None:
    expected = list(segment(clip, "[30,30]", model=model))
    for one, other in zip(segment(str(clip), **given, model=model), expected, strict=True):
        np.testing.assert_array_equal(one.masks, other.masks)


def test_masks_as_values_and_as_booleans_are_the_same(clip, model) -> None:
    values = np.zeros(clips.SIZE[::-1], np.uint8)
    values[10:40, 10:40], values[10:40, 50:80] = 1, 2
    masks = np.stack([values == 1, values == 2])
    found = []
    for given in (values, masks, list(masks), {1: values}, {1: masks}):
        start = 0 if isinstance(given, dict) else 1
        names = ["left", "right"]
        frames = list(
            segment(clip, input_masks=given, click_object_ids=names, start_frame=start, model=model)
        )
        assert frames[-1].names == ("left", "right")
        found.append(frames[-2].masks)
    assert all(np.array_equal(one, found[0]) for one in found)


def test_overlapping_masks_stay_whole(clip, model) -> None:
    masks = np.zeros((2, *clips.SIZE[::-1]), bool)
    masks[:, 10:60, 10:80] = True
    first = next(segment(clip, input_masks=masks, model=model))
    assert (first.masks[0] & first.masks[1]).sum() > 0.8 * masks[0].sum()


def test_a_video_by_data_uri(clip, model) -> None:
    import base64

    uri = f"data:video/mp4;base64,{base64.b64encode(clip.read_bytes()).decode()}"
    assert len(list(segment(uri, [30, 30], model=model))) == 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"input_video": "no.mp4"}, "input_video is 'no.mp4', but there is no such file"),
        ({"input_masks": "no.png"}, "input_masks is 'no.png', but there is no such file"),
        ({"input_masks": np.zeros((3, 3))}, "input_masks at frame 0 is an array of 3x3 float64, "),
        ({"input_masks": np.zeros((3, 3), int)}, "input_masks shows no object: every pixel is 0"),
        ({"input_masks": np.zeros((1, 3, 3), bool)}, "input_masks shows no object: every pixel"),
        (
            {"input_masks": {0: np.ones((3, 3), int), 1: np.ones((4, 4), int)}},
            "input_masks has arrays that differ in size",
        ),
        ({"click_coordinates": [[1, 2], [3]]}, "click_coordinates is [[1, 2], [3]], but it "),
        ({"click_coordinates": [object()]}, "click_coordinates is [<object object at"),
        ({"click_coordinates": [[1, 2, 3]]}, "click_coordinates has '[1, 2, 3]' where click 0"),
        ({"click_coordinates": [900, 1]}, "click_coordinates[0] is [900,1], but the video has 96x"),
        ({"click_frames": [7]}, "click_frames[0] is 7, but the video has 3 frames (0-2)"),
        ({"click_labels": [2]}, "click_labels[0] is 2, but a label is 1 (foreground) or 0"),
    ],
)
def test_an_error_names_the_value(given, sentence, clip) -> None:
    inputs = {"input_video": clip, "click_coordinates": [1, 1], **given}
    with pytest.raises(InputError) as error:
        next(segment(**inputs))
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_names_may_be_missing() -> None:
    assert as_text("click_object_ids", ["dog", None]) == '["dog", null]'


@pytest.mark.parametrize(
    ("device", "count", "sentence"),
    [
        ("cuda", 0, "device is 'cuda', but PyTorch finds no CUDA GPUs on this machine: choose cpu"),
        ("cuda:1", 1, "device is 'cuda:1', but PyTorch finds 1 CUDA GPU on this machine: choose"),
        ("mps", 0, "device is 'mps', but it should be cpu, cuda or cuda:1"),
        ("gpu", 0, "device is 'gpu', but it should be cpu, cuda or cuda:1"),
    ],
)
def test_a_device_that_is_not_there(device, count, sentence, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    with pytest.raises(InputError) as error:
        load_model("nano", device=device)
    assert str(error.value).startswith(sentence)


def test_a_device_by_name() -> None:
    assert load_model("nano", image_size=128, device="cpu").device.type == "cpu"

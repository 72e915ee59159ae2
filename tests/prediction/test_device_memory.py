"""Too little GPU memory is one sentence, and the memory that was taken is freed."""

import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from sam2_video import cli, load_model, segment
from sam2_video.core.errors import DeviceMemoryError
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.tracker import FrameMasks, TrackingPass
from sam2_video.prediction.track import delayed

SENTENCE = (
    "the GPU has too little memory for 2 objects with the model nano at 128 pixels a side; lower "
    "SAM2_IMAGE_SIZE, prompt fewer objects, or choose a smaller SAM2_MODEL"
)
CLICKS = "[320,180],[40,60]"


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("nano", image_size=128)


@pytest.fixture
def shortage(monkeypatch) -> list[weakref.ref]:
    """The third step runs out of memory; references to the logits of all three."""
    step, held = TrackingPass.step_encoded, []

    def failing(tracking: TrackingPass, frame: int, features: Any) -> FrameMasks:
        masks = step(tracking, frame, features)
        held.append(weakref.ref(masks.logits))
        if len(held) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return masks

    monkeypatch.setattr(TrackingPass, "step_encoded", failing)
    return held


@pytest.mark.parametrize("frame", ["0", "5"], ids=["forward", "backward"])
def test_it_is_one_sentence_and_the_next_prediction_works(
    frame: str, short_clip, model: LoadedModel, shortage, monkeypatch
) -> None:
    with pytest.raises(DeviceMemoryError) as caught:
        list(segment(short_clip, CLICKS, "1", frame, model=model))
    assert str(caught.value) == SENTENCE
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert [reference() for reference in shortage] == [None] * 3
    frames = list(segment(short_clip, CLICKS, "1", frame, model=model))  # it fails only once
    assert [one.index for one in frames] == list(range(6))


def test_the_command_prints_it(short_clip, shortage, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SAM2_IMAGE_SIZE", "128")
    inputs = ["-i", f"input_video=@{short_clip}", "-i", f"click_coordinates={CLICKS}"]
    assert cli.main(["predict", *inputs, "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == SENTENCE
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("lag", [0, 1, 3, 9])
def test_items_come_in_order_and_late(lag: int) -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(6):
            made.append(number)
            yield number

    given = [(number, len(made)) for number in delayed(items(), lag)]
    assert given == [(number, min(number + 1 + lag, 6)) for number in range(6)]

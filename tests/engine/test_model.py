"""Which checkpoint is loaded, and the errors for one that cannot be."""

import os
import pickle
import re

import pytest
import torch

from sam2_video.core.errors import DeviceMemoryError, shown
from sam2_video.engine import model as model_module
from sam2_video.engine.model import load_model
from sam2_video.models.load import build_network
from sam2_video.models.registry import (
    CHECKPOINTS,
    CheckpointError,
    checkpoint_folder,
    choose_checkpoint,
    find_checkpoint,
)


def folder_with(folder, *names: str):
    for name in names:
        (folder / find_checkpoint(name).file).touch()
    return folder


@pytest.mark.parametrize(
    ("present", "asked", "chosen"),
    [
        (("nano",), None, "nano"),
        (("nano", "tiny"), None, "tiny"),
        (("tiny", "large", "base_plus", "small"), None, "large"),
        (("nano", "large"), "nano", "nano"),
    ],
)
def test_the_best_one_present_runs_unless_one_is_named(present, asked, chosen, tmp_path) -> None:
    assert choose_checkpoint(folder_with(tmp_path, *present), asked).name == chosen


def test_the_log_says_which_runs_and_what_nano_is(tmp_path, caplog) -> None:
    with caplog.at_level("INFO"):
        choose_checkpoint(folder_with(tmp_path, "nano"))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "model: nano (sam2_nano.pt)"
    assert "small embedded model" in lines[1]


def test_a_missing_checkpoint_is_never_replaced_by_another(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=r"download_weights.sh large fetches it"):
        choose_checkpoint(folder_with(tmp_path, "nano"), "large")
    with pytest.raises(CheckpointError, match="SAM2_MODEL is 'huge', but it should be"):
        choose_checkpoint(tmp_path, "huge")


def test_the_embedded_model_is_always_there(tmp_path) -> None:
    assert choose_checkpoint(tmp_path / "none").name == "nano"
    assert load_model("nano", folder=tmp_path).name == "nano"


@pytest.mark.parametrize(
    "checkpoint", [c for c in CHECKPOINTS if c.name != "nano"], ids=lambda c: c.name
)
def test_published_files_load(checkpoint, tmp_path) -> None:
    """Files of the published form, with random weights; the largest is built, not written."""
    network = build_network(checkpoint, 512)
    assert network.image_size == 512
    assert network.sam_mask_decoder.dynamic_multimask_via_stability
    assert network.binarize_mask_from_pts_for_mem_enc
    if checkpoint.name == "tiny":
        torch.save({"model": network.state_dict()}, tmp_path / checkpoint.file)
        model = load_model("tiny", folder=tmp_path, image_size=256)
        assert (model.name, model.image_size) == ("tiny", 256)
        name = "sam_prompt_encoder.not_a_point_embed.weight"
        assert torch.equal(model.network.state_dict()[name], network.state_dict()[name])


def test_half_precision_weights_become_float32() -> None:
    model = load_model("nano")
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}
    assert model.image_size == find_checkpoint("nano").image_size


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_a_damaged_file_is_refused_in_one_sentence(content: bytes, tmp_path) -> None:
    (tmp_path / "sam2_nano.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"^sam2_nano.pt is damaged and cannot be read$"):
        load_model("nano", folder=tmp_path)


def test_a_truncated_file_is_damaged(tmp_path) -> None:
    whole = (checkpoint_folder() / "sam2_nano.pt").read_bytes()
    (tmp_path / "sam2_nano.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load_model("nano", folder=tmp_path)


@pytest.mark.parametrize("content", [{"model": {"a": torch.zeros(1)}}, {"weights": {}}, [1, 2]])
def test_other_weights_are_refused(content, tmp_path) -> None:
    torch.save(content, tmp_path / "sam2_nano.pt")
    with pytest.raises(CheckpointError, match="does not hold the weights of the model 'nano'"):
        load_model("nano", folder=tmp_path)


class Harmful:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("harm",)


def test_a_pickle_that_runs_code_does_not(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Harmful()}, tmp_path / "sam2_nano.pt")
    with pytest.raises(CheckpointError, match="damaged"):
        load_model("nano", folder=tmp_path)
    (tmp_path / "sam2_nano.pt").write_bytes(pickle.dumps({"model": Harmful()}, protocol=2))
    with pytest.raises(CheckpointError, match="damaged"):
        load_model("nano", folder=tmp_path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("text", ["abc", "-1", "0", "100", "96", "333", "4096"])
def test_an_invalid_image_size_is_refused_in_one_sentence(text: str, monkeypatch) -> None:
    monkeypatch.setenv("SAM2_IMAGE_SIZE", text)
    with pytest.raises(CheckpointError, match=f"^SAM2_IMAGE_SIZE is '?{text}'?, but it should be"):
        load_model("nano")


def test_settings_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("SAM2_MODEL", "nano")
    monkeypatch.setenv("SAM2_IMAGE_SIZE", "128")
    assert load_model().image_size == 128


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("SAM2_CUDA_GRAPHS", "yes", "0 or 1"),
        ("SAM2_ENCODER_BATCH", "0", "a whole number from 1 to 16"),
        ("SAM2_ENCODER_BATCH", "17", "a whole number from 1 to 16"),
        ("SAM2_ENCODER_BATCH", "four", "a whole number from 1 to 16"),
        ("SAM2_ENCODER_BATCH", "9" * 5000, "a whole number from 1 to 16"),
    ],
)
def test_an_invalid_setting_is_one_sentence(name, text, right, monkeypatch) -> None:
    monkeypatch.setenv(name, text)
    sentence = f"{name} is {shown(text)}, but it should be {right}"
    with pytest.raises(CheckpointError, match=f"^{re.escape(sentence)}$"):
        load_model("nano")


def test_graphs_and_encoder_batches_are_off_by_default(monkeypatch) -> None:
    graphs = []
    monkeypatch.setattr(
        model_module, "accelerate", lambda *_, cuda_graphs, cache: graphs.append(cuda_graphs)
    )
    assert load_model("nano", image_size=128).encoder_batch == 1
    monkeypatch.setenv("SAM2_CUDA_GRAPHS", "1")
    monkeypatch.setenv("SAM2_ENCODER_BATCH", "4")
    assert load_model("nano", image_size=128).encoder_batch == 4
    assert graphs == [False, True]


def test_too_little_gpu_memory_for_the_weights_is_one_sentence(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", fail)
    with pytest.raises(DeviceMemoryError, match=r"^the GPU has too little free memory for the mod"):
        load_model("nano")

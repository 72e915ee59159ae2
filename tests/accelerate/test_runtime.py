"""Compiling modules, and the folder that keeps them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from sam2_video.accelerate import runtime
from sam2_video.accelerate.runtime import DYNAMIC, Part, compile_part, prefers_bfloat16


def part(seed: int = 0, dtype: torch.dtype = torch.float32) -> Part:
    torch.manual_seed(seed)
    return Part(nn.Linear(8, 4), (torch.zeros(1, 8),), ((DYNAMIC, 8),), dtype)


def check(given: Part, folder: Path | None, tolerance: float = 1e-5) -> None:
    x = torch.randn(5, 8)
    (found,) = compile_part(given, folder)(x)
    assert (found - given.module(x)).abs().max() < tolerance


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_results_belong_to_the_caller() -> None:
    run, x = compile_part(part(), None), torch.randn(2, 8)
    (first,) = run(x)
    kept = first.clone()
    run(-x)
    assert torch.equal(first, kept)


def test_inputs_may_be_views() -> None:
    given, x = part(), torch.randn(8, 3)
    with torch.inference_mode():
        (found,) = compile_part(given, None)(x.t())
        assert (found - given.module(x.t())).abs().max() < 1e-5


def test_a_cached_module_is_not_converted_again(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "cache"
    check(part(), folder)
    monkeypatch.setattr(runtime, "_convert", lambda part: pytest.fail("converted again"))
    check(part(), folder)
    assert len(entries(folder)) == 1


def test_other_weights_shapes_and_precisions_are_other_entries(tmp_path) -> None:
    given = part()
    check(given, tmp_path)
    check(part(1), tmp_path)
    check(replace(given, shapes=((5, 8),)), tmp_path)
    assert len(entries(tmp_path)) == 3
    if prefers_bfloat16():
        check(replace(given, precision=torch.bfloat16), tmp_path, 0.1)
        check(given, tmp_path)
        assert len(entries(tmp_path)) == 4


def test_the_oldest_entries_make_room(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "MAX_CACHED", 2)
    check(part(0), tmp_path)
    (oldest,) = tmp_path.iterdir()
    check(part(1), tmp_path)
    (other,) = (path for path in tmp_path.iterdir() if path != oldest)
    os.utime(oldest, (1, 1))
    os.utime(other, (2, 2))
    check(part(0), tmp_path)  # loading it again makes it the newest
    check(part(2), tmp_path)
    assert oldest.name in entries(tmp_path)
    assert other.name not in entries(tmp_path)
    assert len(entries(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path, caplog) -> None:
    file = tmp_path / "file"
    file.touch()
    check(part(), file)
    assert "compiled modules are not cached" in caplog.text


def test_the_number_of_threads_is_that_of_torch() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        compiled = runtime._compile(runtime._convert(part()), part())
        assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    finally:
        torch.set_num_threads(before)


def test_nothing_is_reported(tmp_path) -> None:
    """OpenVINO's telemetry writes an identifier into the home folder before it sends anything."""
    code = """
import sys
from tests.accelerate.test_runtime import compile_part, part
compile_part(part(), None)
assert not any(name.startswith("openvino_telemetry.") for name in sys.modules)
"""
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not (tmp_path / "intel").exists()

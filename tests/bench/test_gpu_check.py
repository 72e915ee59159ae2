"""The check for GPUs, as far as a CPU can run it: the kit, the documented command, the report."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from bench.gpu import check
from bench.gpu.check import Check, Step, run_steps
from bench.gpu.report import Report
from bench.gpu.scale import SMALL
from tests.conftest import ROOT

PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
KIT_BYTES = 45 * 2**20


def make_kit(folder: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "gpu-kit", f"KIT={folder}", *settings]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "gpu-kit"
    done = make_kit(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_kit_is_of_the_products_versions_and_fits_python_3_12(kit: Path) -> None:
    tags = {*cpython_tags((3, 12), platforms=PLATFORMS)}
    tags |= {*compatible_tags((3, 12), "cp312", PLATFORMS)}
    wheels = list(kit.iterdir())
    assert sum(wheel.stat().st_size for wheel in wheels) < KIT_BYTES
    names = set()
    for wheel in wheels:
        name, number, _, offered = parse_wheel_filename(wheel.name)
        names.add(name)
        assert offered & tags, wheel.name
        if name != "imageio-ffmpeg":  # see bench/gpu/wheels.txt
            assert str(number) == version(name)
    assert {"sam2", "hydra-core", "omegaconf", "iopath", "imageio-ffmpeg", "tqdm"} <= names
    assert not names & {"torch", "torchvision", "numpy"}


def test_a_kit_that_is_too_large_is_refused(tmp_path: Path) -> None:
    done = make_kit(tmp_path / "gpu-kit", "KIT_MIB=1")
    assert done.returncode != 0
    assert "gpu-kit/ is larger than 1 MiB" in done.stderr


def documented_line() -> str:
    text = (ROOT / "bench" / "README.md").read_text()
    (line,) = re.findall(r"^OUT=.*python3 -m bench.gpu.*$", text, re.MULTILINE)
    return line


@pytest.mark.timeout(1800)
def test_the_documented_command_installs_the_kit_offline_and_passes_on_a_cpu(
    kit: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = documented_line().replace("gpu-kit", str(kit))
    environment = {
        **os.environ,
        "OUT": str(out),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # The wheels are for Python 3.12; this one reads all of them but PyYAML's fast half.
        "PIP_PYTHON_VERSION": "3.12",
        "PIP_ONLY_BINARY": ":all:",
        "PIP_PLATFORM": " ".join(PLATFORMS),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-c", f"{line} --device cpu --minutes 60"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = json.loads((out / "gpu.json").read_text())["steps"]
    assert [step["status"] for step in steps] == ["passed"] * len(check.STEPS)
    for step in steps:
        assert step["rows"]
        assert all("GPU" in reason or "cuda" in reason for reason in step["left_out"])
    found = {row["what"]: row["found"] for row in steps[0]["rows"]}
    assert found["imageio_ffmpeg"] == "0.7.0"  # the kit's, not the one of this environment
    assert (out / "gpu.md").read_text() in done.stdout


def test_it_imports_only_what_the_kit_and_torch_bring() -> None:
    absent = ("cog", "pytest", "hypothesis", "starlette", "httpx", "ray", "fsspec", "jsonschema")
    modules = [f"bench.gpu.steps.{step.module}" for step in check.STEPS]
    code = f"""
import sys
from importlib import import_module
sys.modules |= dict.fromkeys({absent!r})  # importing one raises ImportError
for name in {["bench.gpu.__main__", "bench.gpu.compiled", *modules]!r}:
    import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def report(tmp_path: Path, monkeypatch) -> Report:
    """Three steps that are made up: one that fails, one that measures, one that is slow."""

    def breaks(given: Check) -> None:
        given.row(so_far=1)
        raise RuntimeError("no such\nkernel")

    def measures(given: Check) -> None:
        given.row(card="a|b", ms_a_frame=12.34567)
        assert "12.35" in (tmp_path / "gpu.md").read_text()  # at once, not at the end
        given.unit("the first", lambda: given.row(card="c", ms_a_frame=0.0000123))
        given.unit("the second", lambda: 1 / 0)
        given.unit("the third", lambda: given.row(card="d", ms_a_frame=2.0))

    def is_slow(given: Check) -> None:
        given.deadline = 0.0
        given.unit("more", lambda: pytest.fail("it was measured"))

    parts = {"breaks": breaks, "measures": measures, "is_slow": is_slow}
    for name, function in parts.items():
        module = f"bench.gpu.steps.{name}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(run=function))
    steps = tuple(Step(name, name, 1 / 3) for name in parts)
    monkeypatch.setattr(check, "STEPS", steps)
    return Report(tmp_path, [step.title for step in steps])


def test_each_step_has_its_own_try_and_writes_at_once(report: Report, tmp_path: Path) -> None:
    run_steps(report, "cpu", SMALL, 600.0)
    first, second, third = json.loads((tmp_path / "gpu.json").read_text())["steps"]
    assert (first["status"], first["rows"]) == ("failed", [{"so far": 1}])
    assert first["failures"] == ["RuntimeError: no such\nkernel"]
    assert "in breaks" in first["traceback"]
    assert [row["card"] for row in second["rows"]] == ["a|b", "c", "d"]
    assert second["failures"] == ["the second: ZeroDivisionError: division by zero"]
    assert (third["status"], third["left_out"]) == ("cut short", ["more: the step's time is up"])
    assert report.has_failed
    text = (tmp_path / "gpu.md").read_text()
    assert "| a/b | 12.35 |\n| c | 1.23e-05 |" in text
    assert "- failed: RuntimeError: no such kernel" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpu.json", "gpu.md"]


def test_without_time_every_step_is_skipped(report: Report, tmp_path: Path) -> None:
    run_steps(report, "cpu", SMALL, 0.0)
    steps = json.loads((tmp_path / "gpu.json").read_text())["steps"]
    assert [step["status"] for step in steps] == ["skipped"] * 3
    assert not report.has_failed


def test_without_a_gpu_it_stops_after_the_first_step_with_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.gpu", "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("torch sees no GPU: --device cpu runs the check")
    assert done.stderr.count("\n") == 1
    first, *others = json.loads((tmp_path / "gpu.json").read_text())["steps"]
    assert first["status"] == "failed"
    assert {step["status"] for step in others} == {"waiting"}

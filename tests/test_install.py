"""The wheel, installed where no checkout is."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import clips
from tests.conftest import ROOT

SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "predict.py", "sam2_video")
NOT_SHIPPED = ("client", "__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: what an earlier build left in the checkout would go into it."""
    copy, folder = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for path in (*map(ROOT.joinpath, SOURCES), *ROOT.glob("requirements*.txt")):
        if path.is_dir():
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns(*NOT_SHIPPED))
        else:
            shutil.copy(path, copy)
    (copy / "checkpoints").mkdir()
    for name in ("sam2_nano.pt", "README.md"):
        shutil.copy(ROOT / "checkpoints" / name, copy / "checkpoints")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, copy)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder that holds the package alone."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-index", "--target", folder, wheel)
    return folder


def pip(command: str, *arguments: str | Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([sys.executable, "-m", "pip", command, *options, *arguments], check=True)


@pytest.fixture
def run(installed, tmp_path, monkeypatch):
    """Runs a command that finds the installed package and not the checkout."""
    for name in [name for name in os.environ if name.startswith("SAM2_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def run_command(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run_command


def test_the_command_runs_nano(run, installed, tmp_path) -> None:
    clips.encode(tmp_path / "clip.mp4", clips.numbered(3, (64, 48)))
    inputs = ["-i", "input_video=@clip.mp4", "-i", "click_coordinates=[20,20]"]
    done = run(installed / "bin" / "sam2-video", "predict", *inputs, "-o", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"out/clip/frame_{i:05d}.webp" for i in range(3)]
    assert all((tmp_path / line).read_bytes()[:4] == b"RIFF" for line in done.stdout.split())
    lines = done.stderr.splitlines()
    assert lines[0] == "model: nano (sam2_nano.pt)"
    assert lines[1].endswith("run sam2-video download")
    assert lines[-1].startswith("100%|")


def test_bad_input_is_told_by_the_shipped_document(run, installed) -> None:
    command = installed / "bin" / "sam2-video"
    inputs = ["-i", "input_video=@no.mp4", "-i", "click_coordinates=[1,1]", "-i", "video_fps=0"]
    done = run(command, "predict", *inputs)
    assert done.returncode == 1
    assert done.stderr == "video_fps is 0, but it should be a whole number from 1 to 60\n"
    assert run(command).stderr.startswith("usage: sam2-video [-h] ")


def test_weights_are_fetched_into_the_users_data(run, installed, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SAM2_WEIGHTS_URL", "http://127.0.0.1:9")
    done = run(installed / "bin" / "sam2-video", "download", "tiny")
    assert done.stderr == "sam2.1_hiera_tiny.pt cannot be fetched: Connection refused\n"
    assert (tmp_path / "data" / "sam2-video" / "checkpoints").is_dir()


def test_the_containers_predictor_is_found(run, installed) -> None:
    code = (
        "import json, runpy, sam2_video; from sam2_video.models.registry import PREDICTOR_FILE; "
        "found = runpy.run_path(str(PREDICTOR_FILE))['Predictor'].__name__; "
        "print(json.dumps([sam2_video.__file__, str(PREDICTOR_FILE), found]))"
    )
    package, predictor, name = json.loads(run(sys.executable, "-c", code).stdout)
    assert package == str(installed / "sam2_video" / "__init__.py")
    assert predictor == str(installed / "sam2_video" / "container" / "predict.py")
    assert name == "Predictor"


def test_nothing_of_the_package_is_missing(wheel) -> None:
    package = ROOT / "sam2_video"
    expected = {
        f"sam2_video/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and not set(path.parts) & set(NOT_SHIPPED)
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert expected <= names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"sam2_video"}


def test_the_wheel_declares_what_it_needs(wheel) -> None:
    import sam2_video

    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = archive.read(metadata).decode().splitlines()
    assert f"Version: {sam2_video.__version__}" in lines
    for file in ("requirements.txt", "requirements-sam2.txt"):
        pins = [line for line in (ROOT / file).read_text().splitlines() if "==" in line]
        assert {f"Requires-Dist: {pin}" for pin in pins} <= set(lines)

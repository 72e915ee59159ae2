"""The commands and the Python example of the README, as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FFMPEG, ROOT

README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def blocks(title: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)


@pytest.fixture
def folder(example, tmp_path, monkeypatch) -> Path:
    """An empty folder but for a clip of 52 frames of 640x360, with the command on the path."""
    programs, work = tmp_path / "programs", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    command = programs / "sam2-video"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sam2_video "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cut = [FFMPEG, "-v", "error", "-i", example / "clip.mp4", "-frames:v", "52", "-an"]
    subprocess.run([*cut, "-c:v", "libx264", "-qp", "0", work / "clip.mp4"], check=True)
    (work / "clips").mkdir()
    shutil.copy(work / "clip.mp4", work / "clips/a.mp4")
    return work


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands(folder) -> None:
    for block in blocks("The command line", "sh"):
        run(folder, "sh", "-ec", block)
    for name in ("frame.png", "out/clip/output_video.mp4", "dog/clip/frame_00000.webp"):
        assert (folder / name).stat().st_size > 0
    assert (folder / "cut-out/clip/frame_00051.webp").stat().st_size > 0


def test_the_commands_in_the_table(folder) -> None:
    commands = re.findall(r"`(sam2-video [^`]*clips/[^`]*)`", section("The command line"))
    assert commands
    for command in commands:
        lines = run(folder, "sh", "-ec", command).splitlines()
        assert lines[0] == "out/a/frame_00000.webp"


def test_the_python_example(folder) -> None:
    (code,) = blocks("Python", "python")
    run(folder, sys.executable, "-c", f"{code}\nassert frame.names == ('dog', 'ball')")

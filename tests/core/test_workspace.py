"""Temporary files: one prediction's at most, and none of a dead process."""

import os
import subprocess
import sys
from pathlib import Path

from sam2_video.core.workspace import Workspace


def test_the_last_predictions_files_go_when_the_next_one_starts(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    first = workspace.fresh()
    first.mkdir()
    (first / "frame_00000.png").touch()
    assert not workspace.fresh().exists()


def test_closing_leaves_nothing(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    workspace.fresh().mkdir()
    workspace.close()
    assert not list(tmp_path.iterdir())


def test_a_living_process_keeps_its_files(tmp_path) -> None:
    mine = Workspace(tmp_path)
    other = Workspace(tmp_path)
    assert mine.folder.exists()
    assert other.folder != mine.folder


def test_a_killed_process_files_go_with_the_next_start(tmp_path) -> None:
    code = (
        "import os, pathlib, signal, sys; from sam2_video.core.workspace import Workspace;"
        "folder = Workspace(pathlib.Path(sys.argv[1])).fresh(); folder.mkdir();"
        "(folder / 'output_video.mp4').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert list(tmp_path.rglob("output_video.mp4"))
    Workspace(tmp_path)
    assert not list(tmp_path.rglob("output_video.mp4"))


def test_other_files_are_left_alone(tmp_path) -> None:
    (tmp_path / "sam2-video-notes").mkdir()
    (tmp_path / "theirs").mkdir()
    Workspace(tmp_path).close()
    assert {Path(p).name for p in tmp_path.iterdir()} == {"sam2-video-notes", "theirs"}


def test_no_link_is_followed(tmp_path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    base = tmp_path / "base"
    base.mkdir()
    (base / f"sam2-video-{os.getuid()}-x").symlink_to(precious)
    workspace = Workspace(base)
    (workspace.folder / "prediction").symlink_to(precious)
    workspace.fresh()
    assert not (workspace.folder / "prediction").is_symlink()
    assert (precious / "file").exists()

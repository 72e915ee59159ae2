"""The command as a user gives it, where no cluster is needed."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from bench.cluster import rows_of, start_batch, write_manifest
from sam2_video.batch.driver import run_batch
from sam2_video.batch.manifest import Manifest
from sam2_video.batch.pool import Size
from sam2_video.batch.storage import FolderStore
from sam2_video.batch.worker import Checker
from sam2_video.cli import main
from sam2_video.core.errors import BatchError

JOB = {"click_coordinates": "[1,1]"}


def test_ray_is_started_and_stopped_where_there_is_none(tmp_path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    lines = write_manifest(tmp_path / "jobs.jsonl", [JOB, {"fps": 1}])
    before = _ray_folders()
    process = start_batch(lines, "-o", tmp_path / "out", TMPDIR=str(temporary))
    stdout, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert stdout == f"{tmp_path}/out/results.jsonl\n"
    errors = [row["error"] for row in rows_of(tmp_path / "out")]
    assert errors[0] == "input_video is required"
    assert errors[1].startswith("'fps' is not an input; the closest one is video_fps")
    assert _ray_folders() == before
    assert list(temporary.iterdir()) == []
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sam2-ray-" not in found.stdout


def _ray_folders() -> set[Path]:
    return set(Path("/tmp").glob("sam2-ray-*"))


BAD = {
    "no manifest": (
        ["nowhere.jsonl"],
        "'nowhere.jsonl' is not a file; it should be a list of j",
    ),
    "no list": (["pyproject.toml"], "'pyproject.toml' should be a .jsonl, .csv or .parquet file"),
    "no cluster": (
        ["{jobs}", "--address", "127.0.0.1:9"],
        "no Ray cluster at '127.0.0.1:9': ",
    ),
    "no scheme": (["{jobs}", "-o", "nowhere://x"], "-o is 'nowhere://x', which cannot be used: "),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_run_is_one_sentence(name, tmp_path, capsys) -> None:
    arguments, sentence = BAD[name]
    jobs = write_manifest(tmp_path / "jobs.jsonl", [JOB])
    out = tmp_path / "out"
    code = main(["batch", "-o", str(out), *(a.replace("{jobs}", str(jobs)) for a in arguments)])
    captured = capsys.readouterr()
    assert code == 1
    assert captured.out == ""
    assert captured.err.startswith(sentence)
    assert captured.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_a_list_without_jobs_is_refused(text: bytes, tmp_path) -> None:
    out = FolderStore(tmp_path / "out")
    with pytest.raises(BatchError, match=r"^the list has no jobs$"), out.lock():
        run_batch(Manifest(BytesIO(text), JOB), out, Checker, Size(1, 0))
    assert not out.root.exists()


def test_without_the_extra_it_says_what_to_install(tmp_path) -> None:
    jobs = write_manifest(tmp_path / "jobs.jsonl", [JOB])
    code = "import sys; sys.modules['ray'] = None; from sam2_video.cli import main; "
    code += f"sys.exit(main(['batch', {str(jobs)!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "batch needs ray, which is not installed: pip install .[batch]\n"


@pytest.mark.parametrize("option", ["--workers", "--cores", "--workers-per-gpu"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_settings_that_are_no_number_are_usage_errors(option, value, capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["batch", "jobs.jsonl", option, value])
    assert exit_.value.code == 2
    assert "whole number above 0" in capsys.readouterr().err or value == "-1"

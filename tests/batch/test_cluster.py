"""Batches on a real cluster of two nodes, which are separate processes."""

import csv
import signal
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.cluster import NODE, make_clips, rows_of, start_batch, write_manifest
from sam2_video.batch.results import SCHEMA

CLICK = "[20,20]"
LONG = 16


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    return make_clips(tmp_path_factory.mktemp("clips"), [4, 5, LONG])


@pytest.fixture
def temporary(tmp_path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def wait_for_rows(results: Path, count: int, process) -> None:
    """Until so many jobs are done."""
    journal = results / "results.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hidden(results: Path) -> list[Path]:
    return list(results.glob(".*"))


def test_a_dry_run_of_a_table(cluster, clips, temporary, tmp_path) -> None:
    head, _ = cluster
    with (tmp_path / "jobs.csv").open("w") as file:
        table = csv.writer(file)
        table.writerow(["id", "input_video", "click_coordinates", "click_labels", "video_fps"])
        table.writerow(["007", clips[0], CLICK, "1", ""])
        table.writerow(["far", clips[0], "[96,20]", "", ""])
        table.writerow(["gone", tmp_path / "nowhere.mp4", CLICK, "", ""])
        table.writerow(["fast", clips[0], CLICK, "1", "61"])
    results = tmp_path / "results"
    arguments = (tmp_path / "jobs.csv", "-o", results, "--address", head.address)
    process = start_batch(*arguments, "--dry-run", TMPDIR=str(temporary))
    stdout, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert stdout == ""
    said = [line for line in stderr.splitlines() if "%|" not in line]
    assert sorted(said) == [
        "1 valid, 3 failed, 0 skipped",
        "far: click_coordinates[0] is [96,20], but the video has 96x72 pixels (x 0-95, y 0-71)",
        "fast: video_fps is 61, but it should be a whole number from 1 to 60",
        f"gone: input_video is '{tmp_path / 'nowhere.mp4'}', but there is no such file",
    ]
    assert list(temporary.iterdir()) == []
    assert not results.exists()


def test_an_interrupt_keeps_what_is_done(cluster, clips, temporary, tmp_path) -> None:
    head, _ = cluster
    jobs = [{"id": "short", "input_video": str(clips[0]), "click_coordinates": CLICK}]
    jobs += [{**jobs[0], "id": f"long{i}", "input_video": str(clips[2])} for i in range(30)]
    pq.write_table(pa.Table.from_pylist(jobs), tmp_path / "jobs.parquet")
    results = tmp_path / "results"
    arguments = (tmp_path / "jobs.parquet", "-o", results, "--address", head.address)
    process = start_batch(*arguments, TMPDIR=str(temporary))
    wait_for_rows(results, 1, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    rows = rows_of(results)
    assert {row["status"] for row in rows} == {"succeeded"}
    assert len(rows) < len(jobs)
    assert pq.read_table(results / "results.parquet").to_pylist() == rows
    assert sorted(p.name for p in results.iterdir() if p.is_dir()) == sorted(r["id"] for r in rows)
    assert hidden(results) == []
    assert list(temporary.iterdir()) == []


def test_a_killed_node(cluster, clips, predictor, tmp_path) -> None:
    head, victim = cluster
    shared = {"input_video": str(clips[2]), "click_coordinates": CLICK}
    jobs = [{**shared, "id": f"job{i}", "output_format": "png"} for i in range(6)]
    jobs.insert(1, {**shared, "id": "far", "click_coordinates": "[20,20],[20,72]"})
    (tmp_path / "corrupt.mp4").write_bytes(clips[0].read_bytes()[:700])
    jobs.insert(2, {**shared, "id": "corrupt", "input_video": str(tmp_path / "corrupt.mp4")})
    manifest, results = write_manifest(tmp_path / "jobs.jsonl", jobs), tmp_path / "results"
    arguments = (manifest, "-o", results, "--address", head.address)

    process = start_batch(*arguments)
    wait_for_rows(results, 4, process)
    head.remove_node(victim, allow_graceful=False)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr

    rows = {row["id"]: row for row in rows_of(results)}
    assert Counter(row["status"] for row in rows.values()) == {"succeeded": 6, "failed": 2}
    assert len(rows_of(results)) == len(jobs)
    assert max(row["attempts"] for row in rows.values()) == 2  # a job came back
    assert rows["far"]["error"] == (
        "click_coordinates[1] is [20,72], but the video has 96x72 pixels (x 0-95, y 0-71)"
    )
    assert rows["corrupt"]["error"].startswith("input_video is not a video or picture that can be")
    assert rows["job0"]["frames"] == LONG
    assert len({row["worker"] for row in rows.values()}) >= 2
    assert hidden(results) == []

    single = list(predictor.predict(**{**shared, "input_video": clips[2]}, output_format="png"))
    expected = {path.name: path.read_bytes() for path in map(Path, single)}
    assert len(expected) == LONG
    for i in range(6):
        assert files_of(results / f"job{i}") == expected
        assert rows[f"job{i}"]["outputs"] == [f"job{i}/{name}" for name in sorted(expected)]

    table = pq.read_table(results / "results.parquet")
    assert table.schema == SCHEMA
    assert table.sort_by("id").to_pylist() == sorted(rows.values(), key=lambda row: row["id"])

    head.add_node(**NODE)  # for the tests that follow
    again = start_batch(manifest, "-o", results, "--address", head.address)
    _, stderr = again.communicate(timeout=120)
    assert stderr.splitlines()[-1] == "0 succeeded, 2 failed, 6 skipped"
    assert len(rows_of(results)) == len(jobs)

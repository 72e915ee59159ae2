"""The table of results, and the places where it and the files go."""

import errno
import json
import os
import shutil

import fsspec
import pyarrow.parquet as pq
import pytest

from sam2_video.batch.jobs import FAILED, SUCCEEDED, Result, job_of
from sam2_video.batch.progress import JobProgress
from sam2_video.batch.results import SCHEMA, open_results
from sam2_video.batch.storage import FolderStore, ObjectStore, fetch_object, open_store
from sam2_video.core.errors import BatchError, InputError, OutputError


@pytest.fixture(params=["folder", "objects"])
def place(request, tmp_path) -> str:
    """A folder, and object storage as fsspec keeps it in memory."""
    if request.param == "folder":
        (tmp_path / "results").mkdir()
        return str(tmp_path / "results")
    return f"memory://{tmp_path.name}"


def lines(place: str, name: str = "results.jsonl") -> list[dict]:
    with fsspec.open(f"{place}/{name}") as file:
        return [json.loads(line) for line in file]


JOB = job_of(1, {"id": "a", "click_coordinates": "[1,1]"})
DONE = Result("a", SUCCEEDED, JOB.digest, outputs=["a/x.png"], frames=30, seconds=1.5, attempts=1)


def test_the_last_row_of_a_job_counts(place) -> None:
    with open_results(open_store(place)) as results:
        assert not results.has_succeeded(JOB)
        results.add(Result("a", FAILED, JOB.digest, error="no."))
        results.add(Result("b", FAILED, "", error="no."))
        assert not results.has_succeeded(JOB)
    with open_results(open_store(place)) as results:
        results.add(DONE)
        assert results.has_succeeded(JOB)
    assert [(row["id"], row["status"]) for row in lines(place)] == [
        ("b", "failed"),
        ("a", "succeeded"),
    ]
    assert lines(place)[1]["frames_per_second"] == 20
    with fsspec.open(f"{place}/results.parquet") as file:
        table = pq.read_table(file)
    assert table.schema == SCHEMA
    assert table.to_pylist() == lines(place)
    with open_results(open_store(place)) as results:
        assert results.has_succeeded(JOB)
        assert not results.has_succeeded(job_of(1, {"id": "a", "click_coordinates": "[1,2]"}))


def test_rows_are_kept_when_the_batch_breaks_off(place) -> None:
    with pytest.raises(KeyboardInterrupt), open_results(open_store(place)) as results:
        results.add(DONE)
        raise KeyboardInterrupt
    assert [row["id"] for row in lines(place)] == ["a"]


def test_without_a_row_there_is_no_table(place) -> None:
    with open_results(open_store(place)):
        pass
    files, root = fsspec.url_to_fs(place)
    assert files.find(root) == []


def test_a_row_that_broke_off_is_forgotten(tmp_path) -> None:
    with open_results(FolderStore(tmp_path)) as results:
        results.add(DONE)
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "stat')
    with open_results(FolderStore(tmp_path)) as results:
        results.add(Result("c", FAILED, ""))
    assert [row["id"] for row in lines(str(tmp_path))] == ["a", "c"]


def test_a_table_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "results.jsonl").write_text('{"name": 1}\n')
    with (
        pytest.raises(BatchError, match=r"results\.jsonl has a line that is not a result"),
        open_results(FolderStore(tmp_path)),
    ):
        pass
    assert (tmp_path / "results.jsonl").read_text() == '{"name": 1}\n'


def test_files_replace_those_of_an_earlier_run(place, tmp_path) -> None:
    store = open_store(place)
    for number, names in enumerate(
        [
            ["frame_00000.png", "frame_00001.png"],
            ["a dog/frame_00000.png", "ein Hündchen/frame_00000.png", "masks.json"],
            ["output_video.mp4"],
        ]
    ):
        made = tmp_path / f"made {number}"
        for name in names:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(name)
        store.publish(made, "job")
        files, root = fsspec.url_to_fs(place)
        assert sorted(files.find(f"{root}/job")) == [f"{root}/job/{name}" for name in names]
        assert files.cat(f"{root}/job/{names[0]}").decode() == names[0]
    if isinstance(store, FolderStore):
        assert [path.name for path in store.root.iterdir()] == ["job"]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "x").touch()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="the output could not be written: Not a directory"):
        FolderStore(tmp_path / "file").publish(made, "job")
    with (
        pytest.raises(BatchError, match="cannot be written to: File exists"),
        FolderStore(tmp_path / "file").lock(),
    ):
        pass


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch) -> None:
    (tmp_path / "made" / "parts").mkdir(parents=True)
    for name in ("a.png", "parts/b.png"):
        (tmp_path / "made" / name).touch()

    def fail(source: object, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))

    monkeypatch.setattr(shutil, "copyfile", fail)
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match=r"^no space is left on the disk for the output$"):
        FolderStore(tmp_path / "out").publish(tmp_path / "made", "job")
    assert list((tmp_path / "out").iterdir()) == []


def test_one_batch_at_a_time_and_nothing_half_written_stays(tmp_path) -> None:
    store = FolderStore(tmp_path)
    (tmp_path / ".partial-1").mkdir()
    (tmp_path / ".partial-2").touch()
    with store.lock():
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(BatchError, match="is in use by another batch"), store.lock():
            pass
    with store.lock():
        pass


def test_an_object_is_fetched_within_its_limit(tmp_path) -> None:
    fsspec.filesystem("memory").pipe("/inputs/clip.mp4", b"12345")
    fetch_object("input_video", "memory://inputs/clip.mp4", tmp_path / "clip", 5)
    assert (tmp_path / "clip").read_bytes() == b"12345"
    with pytest.raises(InputError, match="input_video has 5 bytes, more than the 4 allowed"):
        fetch_object("input_video", "memory://inputs/clip.mp4", tmp_path / "clip", 4)
    with pytest.raises(InputError, match=r"is 'memory://inputs/no\.mp4', but there is no such"):
        fetch_object("input_video", "memory://inputs/no.mp4", tmp_path / "clip", 5)


def test_the_line_tells_jobs_rate_and_time_left(capsys) -> None:
    times = iter(range(100))
    with JobProgress(4, clock=lambda: next(times)) as progress:
        progress.skip()
        progress.finish(30)
        progress.say("b: no.")
        progress.finish(30)
        progress.finish(30)
    first, *_, said, last = capsys.readouterr().err.splitlines()
    assert first == "  0%|                    | 0/4 jobs [00:01<?, 0.0 frames/s]"
    assert said == "b: no."
    assert last == "100%|####################| 4/4 jobs [00:05<00:00, 18.0 frames/s]"


def test_a_bucket_that_cannot_be_written_is_told_at_once(monkeypatch) -> None:
    store = open_store("memory://bucket/x")

    def refuse(*_: object) -> None:
        raise PermissionError("Access Denied")

    with store.lock():
        pass
    assert fsspec.filesystem("memory").find("/bucket/x") == []
    monkeypatch.setattr(fsspec.filesystem("memory"), "pipe_file", refuse)
    with (
        pytest.raises(BatchError, match="'/bucket/x' cannot be written to: Access Denied"),
        store.lock(),
    ):
        pass


def test_a_bucket_is_object_storage(tmp_path) -> None:
    assert isinstance(open_store("memory://bucket/x"), ObjectStore)
    assert open_store(f"file://{tmp_path}").root == tmp_path

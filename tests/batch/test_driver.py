"""Pool and results with workers that need no model, on a real cluster."""

from collections import Counter
from functools import partial

import pytest
import ray

from bench.cluster import rows_of, write_manifest
from sam2_video.batch.driver import run_batch
from sam2_video.batch.manifest import open_manifest
from sam2_video.batch.pool import Size
from sam2_video.batch.storage import FolderStore
from sam2_video.core.errors import BatchError
from tests.batch import stubs

TWO = Size(cores=1)


@pytest.fixture(scope="module")
def connected(cluster):
    head, _ = cluster
    ray.init(head.address, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.fixture
def run(connected, tmp_path):
    (tmp_path / "traces").mkdir()
    (tmp_path / "results").mkdir()
    store = FolderStore(tmp_path / "results")

    def run_(*jobs: dict, worker: type = stubs.Stub, size: Size = TWO) -> Counter:
        manifest = write_manifest(tmp_path / "jobs.jsonl", jobs)
        with open_manifest(str(manifest), {}) as lines:
            return run_batch(lines, store, partial(worker, tmp_path / "traces"), size)

    return run_


def job(name: str, click: str = "") -> dict:
    return {"id": name, "click_coordinates": click}


def test_a_deadly_job_ends_after_three_workers_and_keeps_no_other_from_success(
    run, tmp_path
) -> None:
    jobs = [job("fine"), job("deadly", "die"), job("unlucky", "die once"), job("fine2")]
    counts = run(*jobs, job("bug", "raise"), *(job(f"more{i}") for i in range(6)))
    assert counts == {"succeeded": 9, "failed": 2}
    rows = {row["id"]: row for row in rows_of(tmp_path / "results")}
    assert rows["deadly"]["error"] == (
        "the job failed on 3 workers; last error: the worker's process or machine is gone"
    )
    assert rows["bug"]["error"].endswith("; last error: KeyError: 'nobody expected this'")
    assert (rows["deadly"]["attempts"], rows["unlucky"]["attempts"]) == (3, 2)
    assert rows["fine"]["attempts"] == 1
    begun = Counter(path.stem for path in (tmp_path / "traces").iterdir())
    assert begun == {name: row["attempts"] for name, row in rows.items()}


def test_the_same_command_again_does_what_is_left(run, tmp_path) -> None:
    assert run(job("a"), job("b", "raise"), job("c")) == {"succeeded": 2, "failed": 1}
    # b is mended, c is another job now.
    assert run(job("a"), job("b"), job("c", "elsewhere")) == {"succeeded": 2, "skipped": 1}
    rows = {row["id"]: row for row in rows_of(tmp_path / "results")}
    assert {row["status"] for row in rows.values()} == {"succeeded"}
    assert len(rows_of(tmp_path / "results")) == 3
    begun = Counter(path.stem for path in (tmp_path / "traces").iterdir())
    assert begun == {"a": 1, "b": 4, "c": 2}


def test_workers_for_which_there_is_no_room_are_not_waited_for(run) -> None:
    counts = run(*(job(f"job{i}") for i in range(9)), size=Size(cores=1, workers=7))
    assert counts == {"succeeded": 9}


def test_a_worker_that_fits_nowhere_is_one_sentence(run) -> None:
    with pytest.raises(BatchError, match="a worker needs 1000 CPU cores and 0 GPUs, which no"):
        run(job("a"), size=Size(cores=1000))


def test_an_id_belongs_to_one_job(run, tmp_path) -> None:
    counts = run(job("a"), job("a"), job("a", "another"))
    assert counts == {"succeeded": 1, "skipped": 1, "failed": 1}
    errors = {row["id"]: row["error"] for row in rows_of(tmp_path / "results")}
    assert errors == {"a": "", "line-3": "id is 'a', but line 1 has that id already"}


@pytest.mark.parametrize(
    ("worker", "sentence"),
    [
        (stubs.Unwilling, "no model is here"),
        (stubs.Fragile, "no worker starts: the worker's process or machine is gone"),
    ],
)
def test_workers_that_do_not_start_end_the_batch(run, tmp_path, worker, sentence) -> None:
    with pytest.raises(BatchError, match=sentence):
        run(job("a"), worker=worker)
    assert list((tmp_path / "results").iterdir()) == []

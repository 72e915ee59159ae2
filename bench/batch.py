"""Batches on a real Ray cluster of two nodes: a killed node, throughput, the driver's memory.

python -m bench.batch [--jobs 40] [--lines 10000] [--frames 10]

The nodes are separate processes of this machine, with a core each. Every part prints its figures
and fails with an AssertionError where they are not what they should be.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from subprocess import Popen

from bench.cluster import cluster_of_two, make_clips, rows_of, start_batch, write_manifest
from bench.memory import memory_of
from sam2_video import cli
from sam2_video.batch.jobs import SUCCEEDED, Job, Result

CLICK = "[20,20]"


class InstantWorker:
    """A worker without a model that succeeds at once."""

    def start(self) -> None:
        """Nothing to load."""

    def run(self, job: Job) -> Result:
        """A result without files."""
        return Result(job.id, SUCCEEDED, job.digest, frames=10, seconds=0.5)

    def stop(self) -> None:
        """Nothing to interrupt."""

    def close(self) -> None:
        """Nothing to free."""


def killed_node(folder: Path, jobs: int, frames: int) -> None:
    """Kill one node when half of the jobs are done; compare the results with single runs."""
    clips = make_clips(folder, [frames + i for i in range(4)])
    entries = [
        {"id": f"job{i}", "input_video": str(clips[i % 4]), "click_coordinates": CLICK}
        for i in range(jobs)
    ]
    (folder / "corrupt.mp4").write_bytes(clips[0].read_bytes()[:700])
    entries[jobs // 4]["input_video"] = str(folder / "corrupt.mp4")
    entries[jobs // 3]["click_coordinates"] = "[20,72]"
    bad = {entries[jobs // 4]["id"], entries[jobs // 3]["id"]}
    manifest, results = write_manifest(folder / "jobs.jsonl", entries), folder / "results"
    with cluster_of_two(folder / "ray") as (cluster, victim):
        process = start_batch(manifest, "-o", results, "--address", cluster.address)
        wait_for_rows(results, jobs // 2, process)
        cluster.remove_node(victim, allow_graceful=False)
        _, stderr = process.communicate()
        print(stderr.splitlines()[-1])
        rows = rows_of(results)
        statuses = Counter(row["status"] for row in rows)
        print(f"after a node was killed at {jobs // 2} rows: {len(rows)} rows, {dict(statuses)}")
        for row in rows:
            if row["error"]:
                print(f"  {row['id']}: {row['error']}")
            if row["attempts"] > 1:
                print(f"  {row['id']}: {row['status']} at attempt {row['attempts']}")
        assert len({row["id"] for row in rows}) == len(rows) == jobs
        assert {row["id"] for row in rows if row["status"] == "failed"} == bad
        assert max(row["attempts"] for row in rows) > 1, "no job was hit"
    expected = {}
    for i, clip in enumerate(clips):
        inputs = [f"input_video=@{clip}", f"click_coordinates={CLICK}"]
        options = [part for text in inputs for part in ("-i", text)]
        assert cli.main(["predict", *options, "-o", str(folder / "single")]) == 0
        paths = (folder / "single" / clip.stem).glob("frame_*")
        expected[i] = {path.name: path.read_bytes() for path in paths}
    for i, entry in enumerate(entries):
        if entry["id"] not in bad:
            files = {path.name: path.read_bytes() for path in (results / entry["id"]).iterdir()}
            assert files == expected[i % 4], f"{entry['id']} differs from a single run"
    print(f"{jobs - len(bad)} results equal those of single runs, byte for byte")
    again = start_batch(manifest, "-o", results)
    _, stderr = again.communicate()
    print(f"the same command again: {stderr.splitlines()[-1]}")


def throughput(folder: Path, jobs: int, frames: int) -> None:
    """Frames a second of all workers together, once every worker runs."""
    clips = make_clips(folder, [frames * 3])
    entries = [
        {"id": f"job{i}", "input_video": str(clips[0]), "click_coordinates": CLICK}
        for i in range(jobs)
    ]
    manifest = write_manifest(folder / "jobs.jsonl", entries)
    print("workers  cores each  frames/s  seconds")
    for workers, cores in ((1, 1), (1, 2), (2, 1)):
        results = folder / f"{workers}x{cores}"
        process = start_batch(
            *(manifest, "-o", results, "--workers", str(workers), "--cores", str(cores)),
            OMP_WAIT_POLICY="passive",
        )
        wait_for_rows(results, workers, process)  # the workers are up
        started = time.monotonic()
        before = sum(row["frames"] for row in rows_of(results))
        process.communicate()
        rows = rows_of(results)
        seconds = time.monotonic() - started
        assert {row["status"] for row in rows} == {"succeeded"}
        rate = (sum(row["frames"] for row in rows) - before) / seconds
        print(f"{workers:7}  {cores:10}  {rate:8.1f}  {seconds:7.1f}")


def memory(folder: Path, lines: int) -> None:
    """The driver's resident memory while workers without a model do very many jobs."""
    import ray

    from sam2_video.batch.driver import run_batch
    from sam2_video.batch.manifest import open_manifest
    from sam2_video.batch.pool import Size
    from sam2_video.batch.storage import FolderStore

    manifest = folder / "jobs.jsonl"
    with manifest.open("w") as file:
        for i in range(lines):
            file.write(json.dumps({"id": f"job{i:06}", "click_coordinates": "[1,2],[3,4]"}) + "\n")
    results = folder / "results"
    results.mkdir()
    me = {int(Path("/proc/self").readlink().name)}
    seen: list[int] = []

    def look() -> bool:
        looks[0] += 1
        if looks[0] % 200 == 0:
            seen.append(memory_of(me))
        return False

    looks = [0]
    with cluster_of_two(folder / "ray") as (cluster, _):
        ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        started = time.monotonic()
        with open_manifest(str(manifest), {}) as jobs:
            counts = run_batch(jobs, FolderStore(results), InstantWorker, Size(cores=1), look)
        seconds = time.monotonic() - started
        ray.shutdown()
    assert counts == {"succeeded": lines}
    tenth = max(1, len(seen) // 10)
    first, last = max(seen[tenth : 2 * tenth]), max(seen[-tenth:])
    print(
        f"{lines} stub jobs in {seconds:.0f} s ({lines / seconds:.0f} a second); the driver's "
        f"memory after a tenth {first / 1e6:.1f} MB, at the end {last / 1e6:.1f} MB"
    )
    assert last - first < 15e6, "memory grows"


def wait_for_rows(results: Path, count: int, process: Popen[str]) -> None:
    journal = results / "results.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("parts", nargs="*", default=["node", "throughput", "memory"])
    options = parser.parse_args()
    parts = {
        "node": partial(killed_node, jobs=options.jobs, frames=options.frames),
        "throughput": partial(throughput, jobs=max(4, options.jobs // 4), frames=options.frames),
        "memory": partial(memory, lines=options.lines),
    }
    for part in options.parts:
        folder = Path(tempfile.mkdtemp(prefix=f"bench-{part}-"))
        try:
            parts[part](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

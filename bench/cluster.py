"""A Ray cluster of separate processes on this machine, and batches on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray._common.utils import get_ray_address_file
from ray.cluster_utils import Cluster

from bench.clip import write_clip
from bench.serving import ROOT

QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
}
SIZE = (96, 72)
NODE: dict[str, Any] = {
    "num_cpus": 1,
    "object_store_memory": 80 * 1024**2,
    "include_dashboard": False,
}


@contextmanager
def cluster_of_two(folder: Path) -> Iterator[tuple[Cluster, Any]]:
    """A cluster of two nodes, and the node that may be killed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(ROOT)  # the nodes can import the package
    # Ray writes its address here even with another `temp_dir`, and does not make the folder.
    Path(get_ray_address_file(None)).parent.mkdir(exist_ok=True)
    head = {**NODE, "temp_dir": str(folder), "_system_config": QUICK_TO_NOTICE}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster, cluster.add_node(**NODE)
    finally:
        cluster.shutdown()


def start_batch(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start `sam2_video batch` as a user does."""
    command = [sys.executable, "-m", "sam2_video", "batch", *map(str, arguments)]
    inherited = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**inherited, "SAM2_MODEL": "nano", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_manifest(path: Path, jobs: Sequence[Mapping[str, Any]]) -> Path:
    """Write jobs as JSON lines."""
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return path


def make_clips(folder: Path, lengths: Sequence[int]) -> list[Path]:
    """One clip of `SIZE` for each length in frames."""
    return [write_clip(folder / f"clip{i}.mp4", length, SIZE) for i, length in enumerate(lengths)]


def rows_of(results: Path) -> list[dict[str, Any]]:
    """The rows of a result table."""
    return [json.loads(line) for line in (results / "results.jsonl").read_text().splitlines()]

"""A cluster for the tests of a module."""

import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cluster import cluster_of_two


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """One module at a time: a machine has one Ray, and its tests need both cores."""
    with Path(tempfile.gettempdir(), "sam2-video-ray-tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """Where Ray's sockets lie: their paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def cluster(alone: None, ray_folder: Path) -> Iterator:
    """A cluster of two nodes with a core each, and the one that may be killed."""
    with cluster_of_two(ray_folder) as pair:
        yield pair

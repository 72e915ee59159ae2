"""One cluster for all these tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.cluster import cluster_of_two


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share a cluster, so one worker runs them all."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("batch"))


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """Where Ray's sockets lie: their paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="session")
def cluster(ray_folder: Path) -> Iterator:
    """A cluster of two nodes with a core each, and the one that may be killed."""
    with cluster_of_two(ray_folder) as pair:
        yield pair

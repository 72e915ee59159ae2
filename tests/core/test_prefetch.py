"""Prefetching and mapping in the background: order, bounds, errors, ends."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing

import pytest

from sam2_video.core.prefetch import map_in_background, prefetch


def counting(count: int) -> Generator[int, None, None]:
    yield from range(count)


def failing(after: int) -> Generator[int, None, None]:
    yield from range(after)
    raise ValueError("no more")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_items_come_in_order() -> None:
    assert list(prefetch(counting(100), 3)) == list(range(100))
    assert list(map_in_background(lambda n: n * n, counting(100), 3)) == [n * n for n in range(100)]


def test_results_keep_their_order_whichever_is_ready_first() -> None:
    second_is_done = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(60)
        if number == 1:
            second_is_done.set()
        return number

    assert list(map_in_background(work, counting(20), 3)) == list(range(20))


def test_no_more_is_prefetched_than_asked_for() -> None:
    taken, most = 0, 0

    def source() -> Generator[int, None, None]:
        nonlocal most
        for number in range(200):
            most = max(most, number - taken)
            yield number

    for _ in prefetch(source(), 2):
        taken += 1
    assert most <= 4  # two in the queue, one in the hand of each thread


def test_no_more_is_in_progress_than_twice_the_threads() -> None:
    taken, most = 0, 0

    def source() -> Iterator[int]:
        nonlocal most
        for number in range(200):
            most = max(most, number + 1 - taken)
            yield number

    for _ in map_in_background(lambda number: number, source(), 2):
        taken += 1
    assert most <= 4


def test_errors_come_in_their_turn() -> None:
    items = prefetch(failing(3), 8)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(items)

    def picky(number: int) -> int:
        if number == 3:
            raise ValueError("not 3")
        return number

    results = map_in_background(picky, counting(10), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="not 3"):
        next(results)


def test_closing_early_closes_the_source() -> None:
    closed = []

    def source() -> Generator[int, None, None]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    with closing(prefetch(source(), 2)) as items:
        next(items)
    assert closed == [True]


def test_closing_early_does_no_more_work() -> None:
    worked = []
    with closing(map_in_background(worked.append, counting(100), 1)) as results:
        next(results)
    assert len(worked) <= 2

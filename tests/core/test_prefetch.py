"""Order, bounds, errors and ends of the work beside the model."""

import threading
import time
from collections.abc import Generator
from contextlib import closing

import pytest

from sam2_video.core.prefetch import read_ahead, work_behind


def counting(count: int, made: list[int] | None = None) -> Generator[int, None, None]:
    for number in range(count):
        if made is not None:
            made.append(number)
        yield number


def failing(after: int) -> Generator[int, None, None]:
    yield from range(after)
    raise ValueError("no more")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_items_come_in_order() -> None:
    assert list(read_ahead(counting(100), 3)) == list(range(100))
    assert list(work_behind(lambda n: n * n, counting(100), 3)) == [n * n for n in range(100)]


def test_results_keep_their_order_whatever_each_takes() -> None:
    def uneven(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number

    assert list(work_behind(uneven, counting(20), 3)) == list(range(20))


def test_no_more_is_read_ahead_than_asked_for() -> None:
    made: list[int] = []
    with closing(read_ahead(counting(100, made), 2)) as items:
        assert next(items) == 0
        time.sleep(0.2)
        assert len(made) <= 4  # the one taken, two waiting, one in the maker's hand


def test_no_more_work_waits_than_twice_the_threads() -> None:
    made: list[int] = []
    gate = threading.Event()
    with closing(work_behind(lambda _: gate.wait(), counting(100, made), 2)) as results:
        threading.Timer(0.2, gate.set).start()
        next(results)
        assert len(made) <= 4


def test_errors_come_in_their_turn() -> None:
    items = read_ahead(failing(3), 8)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(items)

    def picky(number: int) -> int:
        if number == 3:
            raise ValueError("not 3")
        return number

    results = work_behind(picky, counting(10), 2)
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

    with closing(read_ahead(source(), 2)) as items:
        next(items)
    assert closed == [True]


def test_closing_early_does_no_more_work() -> None:
    worked = []

    def slow(number: int) -> int:
        time.sleep(0.05)
        worked.append(number)
        return number

    with closing(work_behind(slow, counting(100), 1)) as results:
        next(results)
    assert len(worked) <= 3

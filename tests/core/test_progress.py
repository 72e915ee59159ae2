"""Log lines that people and clients can read."""

import io
import re

import pytest

from sam2_video.core.progress import FrameProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run(stream: io.StringIO, total: int, seconds_a_frame: float) -> str:
    clock = Clock()
    with FrameProgress(total, stream, clock) as progress:
        for _ in range(total):
            clock.now += seconds_a_frame
            progress.advance()
    return stream.getvalue()


def test_lines_are_those_of_tqdm() -> None:
    lines = run(io.StringIO(), 290, 0.5).splitlines()
    assert " 45%|####5     | 131/290 [01:05<01:19,  2.00frames/s]" in lines
    assert lines[-1].startswith("100%|##########| 290/290 [02:25<00:00")


def test_clients_can_read_the_percentage() -> None:
    log = "model: nano\n" + run(io.StringIO(), 40, 1)
    shown = [int(p) for p in re.findall(r"\s(\d+)%\|", log)]
    assert shown == sorted(shown)
    assert shown[-1] == 100
    assert all(re.match(r"^\s*(\d+)%", line) for line in log.splitlines()[1:])


@pytest.mark.parametrize("seconds", [0.01, 0.3, 2])
def test_at_most_a_line_a_second(seconds: float) -> None:
    log = run(io.StringIO(), 100, seconds)
    assert log.count("\n") <= 100 * seconds + 2
    assert log.endswith("\n")
    assert "\r" not in log


def test_on_a_terminal_the_bar_stays_in_place() -> None:
    log = run(Terminal(), 50, 0.2)
    assert log.count("\n") == 1
    assert log.endswith("\n")
    assert log.count("\r") == 50


def test_what_was_counted_last_is_shown_when_the_work_is_given_up() -> None:
    stream, clock = Terminal(), Clock()
    with pytest.raises(KeyError), FrameProgress(9, stream, clock) as progress:
        progress.advance()
        progress.advance()
        raise KeyError
    assert stream.getvalue().count("\r") == 2
    assert "| 2/9 [" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_work_that_never_began_shows_nothing() -> None:
    stream = Terminal()
    with FrameProgress(9, stream):
        pass
    assert stream.getvalue() == ""

"""How far a prediction is, by the progress bar in its log."""

import re
from dataclasses import dataclass
from functools import reduce

# tqdm's line: ` 45%|####5     | 131/290 [00:13<00:16, 9.8frames/s]`
_BAR = re.compile(r"^\s*\d+%\|.*\| *(\d+)/(\d+) \[[\d:]+<([\d:?]+)")


@dataclass(frozen=True)
class Progress:
    """The last state of the bar.

    Attributes:
        done: frames that were tracked so far.
        total: of how many.
        seconds_left: what the model expects; None if it does not know.
    """

    done: int
    total: int
    seconds_left: int | None


def last_progress(logs: str) -> Progress | None:
    """What the last whole bar in a log says; None if there is none."""
    end = len(logs)
    while (mark := logs.rfind("%|", 0, end)) >= 0:
        start = max(logs.rfind("\n", 0, mark), logs.rfind("\r", 0, mark)) + 1
        found = _BAR.match(logs[start:].partition("\n")[0])
        if found is not None:
            return Progress(int(found[1]), int(found[2]), _seconds(found[3]))
        end = start
    return None


def _seconds(clock: str) -> int | None:
    """`mm:ss` or `h:mm:ss` in seconds; None for `?`."""
    if not re.fullmatch(r"\d+(:\d\d)+", clock, re.ASCII):
        return None
    return reduce(lambda total, part: 60 * total + int(part), clock.split(":"), 0)

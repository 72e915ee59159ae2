"""Read many files, one after the other, in a process of their own; a line of JSON for each."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.processes import children
from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from tests.video.read_all import PassesDisagreeError, read_all

LIMITS = Limits(max_decode_seconds=10, max_frames=200)


@dataclass(frozen=True)
class Reading:
    """What became of one file.

    Attributes:
        path: the file.
        count: how many pictures it gave; 0 where it was refused.
        sentence: with what it was refused; empty where it was not.
        fault: what must not happen: another exception, passes that disagree; empty if nothing.
        log: warnings, a line each.
        seconds: how long it took.
        children: processes that were left.
        peak_kilobytes: of memory, the most that any ffmpeg of this process has taken so far.
    """

    path: str
    count: int
    sentence: str
    fault: str
    log: str
    seconds: float
    children: int
    peak_kilobytes: int


def read(path: str) -> Reading:
    started = time.monotonic()
    count, sentence, fault, log = 0, "", "", ""
    try:
        frames, log = read_all(Path(path), LIMITS)
        count = len(frames)
    except InputError as error:
        sentence = str(error)
    except PassesDisagreeError as error:
        fault = f"the passes disagree: {error}"
    except Exception as error:
        fault = repr(error)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Reading(path, count, sentence, fault, log, seconds, len(children()), peak)


def read_beside(paths: Sequence[Path], temporary: Path, processes: int = 2) -> list[Reading]:
    """Read files in other processes, whose temporary files go to the folder `temporary`."""
    environ = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "tests.video.read_corpus"]
    running = []
    for first in range(processes):
        child = subprocess.Popen(
            [*command, *map(str, paths[first::processes])],
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=Path(__file__).parents[2],
        )
        running.append(child)
    readings = {}
    for child in running:  # a line is short, so that the pipe of the other never fills up
        output, _ = child.communicate(timeout=300)
        assert child.returncode == 0
        for line in output.splitlines():
            reading = Reading(**json.loads(line))
            readings[reading.path] = reading
    return [readings[str(path)] for path in paths]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(asdict(read(name))), flush=True)

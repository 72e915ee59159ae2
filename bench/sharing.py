"""Frames a second of `predict` alone, beside two busy processes, and two at once.

python -m bench.sharing CLIP --clicks '[x,y]' compares the settings of OpenMP's waiting threads:
libgomp's own, ours, and `OMP_WAIT_POLICY=passive`, in turns. A second figure is the share of the
first that a run keeps.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

_SETTINGS: dict[str, dict[str, str]] = {
    "libgomp's own, 300,000 rounds": {"GOMP_SPINCOUNT": "300000"},
    "1,000 rounds": {"GOMP_SPINCOUNT": "1000"},
    "ours, 10,000 rounds": {"GOMP_SPINCOUNT": "10000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
}
_BUSY = [sys.executable, "-c", "while True: pass"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--clicks", required=True, help="as click_coordinates")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    speeds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in range(options.rounds):
        for setting, variables in _SETTINGS.items():
            for situation, busy, runs in (
                ("alone", 0, 1),
                ("beside two busy processes", 2, 1),
                ("two at once, each", 0, 2),
            ):
                with ExitStack() as stack:
                    for _ in range(busy):
                        stack.enter_context(_process(_BUSY, {}))
                    speed = min(_speeds(options.clip, options.clicks, variables, runs))
                speeds[setting, situation].append(speed)
                print(f"round {turn + 1}, {setting}, {situation}: {speed:.1f}", file=sys.stderr)
    situations = list(dict.fromkeys(situation for _, situation in speeds))
    print(f"| frames a second | {' | '.join(situations)} |")
    print("|---" * (len(situations) + 1) + "|")
    for setting in _SETTINGS:
        cells = [f"{median(speeds[setting, situation]):.1f}" for situation in situations]
        print(f"| {setting} | {' | '.join(cells)} |")


def _speeds(clip: Path, clicks: str, variables: dict[str, str], runs: int) -> list[float]:
    """Frames a second of runs that start together, without their start-up."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        started = [
            stack.enter_context(
                _process(
                    [
                        *(sys.executable, "-m", "sam2_video", "predict", str(clip), "--json"),
                        *("-i", f"click_coordinates={clicks}", "--output-video"),
                        *("--mask-type", "highlighted", "-o", f"{folder}/{number}"),
                    ],
                    variables,
                )
            )
            for number in range(runs)
        ]
        results = [json.loads(process.communicate(timeout=900)[0]) for process in started]
    for result in results:
        if "error" in result:
            sys.exit(result["error"])
    return [result["frames"] / result["seconds"] for result in results]


@contextmanager
def _process(command: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that has ended when the block has."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()

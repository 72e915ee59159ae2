"""Leak check: many predictions in a row over HTTP, and the resources of the server afterwards.

python -m bench.soak [--predictions 200]

All output formats, errors, downloads, event streams and cancellations take turns. Memory, open
files, processes and temporary files after the first ten are compared with those at the end.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from bench.clip import write_clip
from bench.memory import memory_of
from bench.serving import Receiver, Server, data_uri, until

WARM = 10
SIZE = (64, 48)
CLICK = "[20,20]"
# Allocators keep memory and the server has a pool of threads. A leak of a quarter of a megabyte a
# prediction, or of a thread in twenty of them, still shows. One file is opened after the warm-up
# and kept; it stays one after a hundred predictions.
SLACK = {"memory": 48_000_000, "threads": 8, "files": 1}


@dataclass(frozen=True)
class Resources:
    """What a server uses between two predictions.

    Attributes:
        memory: bytes of resident memory, all its processes.
        files: open file descriptors.
        processes: itself and its descendants.
        threads: of all of them.
        temporary: files below its temporary folder.
        folders: folders of predictions that the HTTP server did not remove.
    """

    memory: int
    files: int
    processes: int
    threads: int
    temporary: int
    folders: int

    @classmethod
    def of(cls, server: Server) -> Resources:
        """Count them on an idle server whose last prediction had one output."""
        pids = server.processes()
        return cls(
            memory=memory_of(pids),
            files=sum(_entries(pid, "fd") for pid in pids),
            processes=len(pids),
            threads=sum(_entries(pid, "task") for pid in pids),
            temporary=len(server.files()),
            folders=len(server.folders()),
        )


def soak(server: Server, predictions: int) -> tuple[Resources, Resources, Counter[str]]:
    """Run predictions of all kinds one after another.

    Returns:
        The resources after the first `WARM` predictions and at the end, and the number of
        predictions by how they ended.
    """
    ended: Counter[str] = Counter()
    with Receiver() as receiver, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clip = write_clip(path, 4, SIZE).read_bytes()
        long = write_clip(path, 150, SIZE).read_bytes()
        receiver.files["/clip"] = clip
        kinds = itertools.cycle(_kinds(server, receiver, clip, long))
        for _ in range(WARM):
            ended[next(kinds)()] += 1
        before = _settled(server, clip)
        for _ in range(predictions - WARM):
            ended[next(kinds)()] += 1
        return before, _settled(server, clip), ended


def differences(before: Resources, after: Resources) -> dict[str, tuple[int, int]]:
    """Before and after, for every resource that grew by more than its slack."""
    grown = {}
    for field in fields(Resources):
        slack = SLACK.get(field.name, 0)
        pair = getattr(before, field.name), getattr(after, field.name)
        if pair[1] - pair[0] > slack:
            grown[field.name] = pair
    return grown


def _kinds(
    server: Server, receiver: Receiver, clip: bytes, long: bytes
) -> Iterator[Callable[[], str]]:
    """The kinds of predictions that take turns; each returns how it ended."""
    given = {"input_video": data_uri(clip), "click_coordinates": CLICK}
    options: list[dict] = [
        {},
        {"output_video": True},
        {"output_format": "png", "mask_type": "greenscreen"},
        {"click_labels": "7"},
        {"input_video": receiver.url("/clip"), "click_frames": "3"},
        {"input_video": receiver.url("/none")},
        {"mask_type": "highlighted", "annotation_type": "both", "output_format": "jpg"},
        {"input_video": data_uri(b"nonsense")},
        {"output_video": True, "click_coordinates": "[9,9],[40,30]", "mask_type": "highlighted"},
        {"input_video": data_uri(clip[:600])},
    ]
    steps: list[Callable[[], str]] = [
        partial(_plain, server, {**given, **chosen}) for chosen in options
    ]
    steps.insert(3, partial(_cancelled, server, long, {"output_video": True}))
    steps.insert(7, partial(_streamed, server, given))
    steps.append(partial(_cancelled, server, long, {"click_frames": "140"}))
    return iter(steps)


def _plain(server: Server, inputs: dict) -> str:
    return server.predict(**inputs).body["status"]


def _streamed(server: Server, inputs: dict) -> str:
    *_, (_, last) = server.events(**inputs)
    return f"{last['status']} (events)"


def _cancelled(server: Server, clip: bytes, options: dict) -> str:
    name = server.begin(input_video=data_uri(clip), click_coordinates=CLICK, **options)
    until(lambda: bool(server.ffmpegs()) or server.health()["status"] != "BUSY")
    server.call("POST", f"/predictions/{name}/cancel")
    server.ready()
    return "canceled"


def _settled(server: Server, clip: bytes) -> Resources:
    """The resources after a prediction with one output, once idle threads have ended."""
    time.sleep(2.5)  # the server's folders are removed when they are two seconds old
    server.predict(input_video=data_uri(clip), click_coordinates=CLICK, output_video=True)
    time.sleep(0.5)
    return Resources.of(server)


def _entries(pid: int, kind: str) -> int:
    with suppress(OSError):
        return len(list(Path(f"/proc/{pid}/{kind}").iterdir()))
    return 0


def main() -> int:
    """Print the table; 1 if a resource grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--predictions", type=int, default=200)
    predictions = parser.parse_args().predictions
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), SAM2_IMAGE_SIZE="128").start()
        try:
            started = time.monotonic()
            before, after, ended = soak(server, predictions)
            seconds = time.monotonic() - started
        finally:
            server.stop()
    grown = differences(before, after)
    print(f"{predictions} predictions in {seconds:.0f} s: {dict(sorted(ended.items()))}")
    print(f"{'':12}{'after ' + str(WARM):>14}{'at the end':>14}")
    for field in fields(Resources):
        a, b = getattr(before, field.name), getattr(after, field.name)
        mark = "  more" if field.name in grown else ""
        print(f"{field.name:12}{a:>14,}{b:>14,}{mark}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())

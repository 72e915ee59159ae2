"""Predictions through the hosted API while its processes are killed: is one lost, or done twice?

python -m bench.kills [--predictions 500] [--kills 120] [--seed 1]

A real server with a worker of its own gets predictions from one client. At random moments SIGKILL
hits the server, which is started again, or a process of its worker. At the end:

- every prediction that was acknowledged is on record once, and has ended once;
- it succeeded with the files of a run without kills, or failed for a documented reason;
- its webhook was told of the end at least once, and always of the same end;
- nothing was answered with 5xx, and no process is left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.clip import write_clip
from bench.hosted_server import HostedServer
from bench.processes import children
from bench.serving import Receiver, alive, data_uri, until

CREATE = "/v1/models/meta/sam-2-video/predictions"
SIZE = (64, 48)
FINISHED = ("succeeded", "failed", "canceled")
LOST = "The worker was lost 2 times: "  # documented: a prediction whose worker dies runs once more
AT_ONCE = 6  # unfinished predictions of the client
# Most seconds between a prediction's end and a kill: while its webhook is told and the next one
# is created, or in the midst of the next ones.
DELAYS = (0.05, 1.5)
PATIENCE = 600.0  # seconds without any progress after which predictions count as lost

View = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A sort of prediction.

    Attributes:
        clip: the name of the file at the receiver.
        is_url: send the clip's URL, not a data URI.
        inputs: the others.
    """

    clip: str
    is_url: bool
    inputs: dict[str, Any]


KINDS = (
    Kind("short", False, {"output_format": "png"}),
    Kind("middle", True, {"output_video": True, "mask_type": "highlighted"}),
    Kind("long", False, {"output_frame_interval": 3}),
    Kind("broken", True, {}),
)
WEIGHTS = (3, 3, 3, 1)
FRAMES = {"short": 4, "middle": 12, "long": 40}


@dataclass(frozen=True)
class Ending:
    """How a prediction ends: its status, its error and digests of its files."""

    status: str
    error: str | None
    files: tuple[str, ...]


@dataclass
class Attempt:
    """One request to create a prediction.

    Attributes:
        number: counts requests; its webhook's path.
        kind: what was asked for.
        id: of the prediction; None if no answer came.
        end: the first view in which it had ended.
    """

    number: int
    kind: Kind
    id: str | None = None
    end: View | None = None


@dataclass
class Report:
    """What happened.

    Attributes:
        counts: rows of the table.
        faults: sentences, one for everything that should not have happened.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Killer(threading.Thread):
    """Kills processes as predictions come to their end.

    Args:
        server: whose processes.
        moments: how many predictions have ended when each kill is due, ascending.
        chance: picks delays and victims.
        report: counts the kills.
    """

    def __init__(
        self, server: HostedServer, moments: list[int], chance: random.Random, report: Report
    ) -> None:
        super().__init__(daemon=True)
        self.num_ended = 0
        self.seen: set[int] = set()
        self._server, self._moments = server, moments
        self._chance, self._report = chance, report
        self._is_over = threading.Event()

    def run(self) -> None:
        for moment in self._moments:
            while self.num_ended < moment:
                if self._is_over.wait(0.02):
                    return
            time.sleep(self._chance.uniform(0, self._chance.choice(DELAYS)))
            self._kill()

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def _kill(self) -> None:
        server = self._server
        if not alive(server.pid):
            self._report.faults.append(f"the server ended: {server.log.read_text()[-500:]}")
            self._is_over.set()
            return
        started = sorted(descendants(server.pid))
        self.seen.update(started)
        is_server, position = self._chance.random() < 0.5, self._chance.random()
        if started and not is_server:
            with suppress(ProcessLookupError):  # it has just ended: the server's turn
                os.kill(started[int(position * len(started))], signal.SIGKILL)
                self._report.counts["kills of a process of the worker"] += 1
                return
        server.kill()
        server.launch()
        self._report.counts["kills of the server"] += 1


class Client:
    """Creates predictions and waits for their ends, and for the server when it is away."""

    def __init__(self, server: HostedServer, receiver: Receiver, report: Report) -> None:
        self.attempts: list[Attempt] = []
        self._receiver, self._report = receiver, report
        self._http = httpx.Client(base_url=server.url, timeout=60)

    def close(self) -> None:
        self._http.close()

    def create(self, kind: Kind) -> Attempt:
        """Ask for one prediction; the attempt has no id if no answer came."""
        attempt = Attempt(len(self.attempts), kind)
        self.attempts.append(attempt)
        clip = self._receiver.files[f"/{kind.clip}"]
        assert isinstance(clip, bytes)
        body = {
            "input": {
                "input_video": self._receiver.url(f"/{kind.clip}")
                if kind.is_url
                else data_uri(clip),
                "click_coordinates": "[20,20]",
                **kind.inputs,
            },
            "webhook": self._receiver.url(f"/hook/{attempt.number}"),
            "webhook_events_filter": ["completed"],
        }
        answer = self.call("POST", CREATE, json=body)
        if answer is not None:
            attempt.id = answer.json()["id"]
        return attempt

    def poll(self, attempt: Attempt) -> bool:
        """Whether a prediction has ended; its view is kept when it has."""
        answer = self.call("GET", f"/v1/predictions/{attempt.id}")
        if answer is not None and answer.json()["status"] in FINISHED:
            attempt.end = answer.json()
        return attempt.end is not None

    def ending(self, view: View) -> Ending:
        """What a prediction that has ended gives."""
        output = view["output"] or []
        contents = [self._http.get(url).raise_for_status().content for url in output]
        files = tuple(hashlib.sha256(content).hexdigest() for content in contents)
        return Ending(view["status"], view["error"], files)

    def on_record(self) -> Iterator[View]:
        """All predictions that the server lists."""
        url = "/v1/predictions"
        while url:
            page = self._http.get(url).raise_for_status().json()
            yield from page["results"]
            url = page["next"]

    def call(self, method: str, url: str, **options: Any) -> httpx.Response | None:
        """One call; None, after a pause, if the server is away or was killed meanwhile."""
        try:
            answer = self._http.request(method, url, **options)
        except httpx.TransportError:
            time.sleep(0.1)
            return None
        if not answer.is_success:
            self._report.faults.append(f"{method} {url} is answered {answer.status_code}")
            return None
        return answer


def measure(folder: Path, predictions: int, kills: int, seed: int) -> Report:
    """Run predictions under kills.

    Args:
        folder: for the server's data.
        predictions: how many are acknowledged and followed to their ends.
        kills: how many times SIGKILL is sent.
        seed: decides on the kinds of predictions and on the moments of kills.
    """
    report, chance = Report(), random.Random(seed)  # noqa: S311 - picks moments, no secrets
    server = HostedServer(folder, "--allow-private", "127.0.0.0/8", "--no-page")
    with Receiver() as receiver:
        for name, frames in FRAMES.items():
            clip = write_clip(folder / f"{name}.mp4", frames, SIZE)
            receiver.files[f"/{name}"] = clip.read_bytes()
        receiver.files["/broken"] = b"no video"
        client = Client(server.start(), receiver, report)
        kinds = chance.choices(KINDS, WEIGHTS, k=predictions)
        moments = sorted(chance.randrange(predictions) for _ in range(kills))
        killer = Killer(server, moments, chance, report)
        try:
            expected = {}
            for kind in KINDS:
                attempt = client.create(kind)
                until(lambda attempt=attempt: client.poll(attempt), 120)  # type: ignore[misc]
                assert attempt.end is not None
                expected[kind.clip] = client.ending(attempt.end)
            with killer:
                _follow(client, kinds, killer)
            _check(client, receiver, expected, report)
        finally:
            client.close()
            server.stop()
    left = [pid for pid in killer.seen if alive(pid)]
    if left:
        report.faults.append(f"{len(left)} processes of killed workers are left")
    return report


def _follow(client: Client, kinds: list[Kind], killer: Killer) -> None:
    """Have predictions acknowledged and wait for their ends, a few at a time."""
    waiting, unfinished = list(kinds), list[Attempt]()
    progress = time.monotonic()
    while waiting or unfinished:
        if waiting and len(unfinished) < AT_ONCE:
            attempt = client.create(waiting[-1])
            if attempt.id is not None:
                unfinished.append(attempt)
                waiting.pop()
        for attempt in list(unfinished):
            if client.poll(attempt):
                unfinished.remove(attempt)
                killer.num_ended += 1
                progress = time.monotonic()
        if time.monotonic() - progress > PATIENCE:
            return  # what has not ended is found by the check
        time.sleep(0.02)


def _check(client: Client, receiver: Receiver, expected: dict[str, Ending], report: Report) -> None:
    """Compare what clients were told, what is on record, and what webhooks were told."""
    counts, faults = report.counts, report.faults

    def is_settled() -> bool:
        answer = client.call("GET", "/v1/predictions")
        told = {path for _, path, _ in list(receiver.received)}
        return (
            answer is not None
            and all(view["status"] in FINISHED for view in client.on_record())
            and all(f"/hook/{one.number}" in told for one in client.attempts if one.id)
        )

    try:
        until(is_settled, PATIENCE)
    except AssertionError:
        faults.append("predictions or webhooks are still owed after the last kill")
    told: dict[int, list[View]] = defaultdict(list)
    for _, path, body in receiver.received:
        told[int(path.rpartition("/")[2])].append(json.loads(body))
    attempts = {one.id: one for one in client.attempts if one.id}
    for number, views in told.items():
        ids = {view["id"] for view in views}
        if len(ids) > 1:
            faults.append(f"doubled: request {number} made {len(ids)} predictions")
        attempts.setdefault(ids.pop(), client.attempts[number])
        counts["webhooks repeated"] += len(views) - 1
    records = list(client.on_record())
    if len({view["id"] for view in records}) < len(records):
        faults.append("doubled: a prediction is listed twice")
    by_id = {view["id"]: view for view in records}
    faults += [f"lost: {name} is not on record" for name in attempts.keys() - by_id.keys()]
    faults += [f"{name} is of no request" for name in by_id.keys() - attempts.keys()]
    for name in attempts.keys() & by_id.keys():
        view, attempt = by_id[name], attempts[name]
        ends = [end for end in (attempt.end, *told[attempt.number]) if end is not None]
        if view["status"] not in FINISHED:
            faults.append(f"lost: {name} is still {view['status']}")
        elif not all(_end_of(end) == _end_of(view) for end in ends):
            faults.append(f"doubled: {name} ended in several ways")
        else:
            found = client.ending(view)
            is_lost_worker = (view["error"] or "").startswith(LOST)
            if found != expected[attempt.kind.clip] and not is_lost_worker:
                faults.append(f"wrong: {name} ({attempt.kind.clip}) {found}")
            counts["lost their worker twice" if is_lost_worker else view["status"]] += 1
    counts["requests"] = len(client.attempts)
    counts["predictions acknowledged"] = sum(one.id is not None for one in client.attempts)
    counts["predictions made by requests without an answer"] = sum(
        one.id is None for one in attempts.values()
    )


def _end_of(view: View) -> tuple[Any, ...]:
    return tuple(view[name] for name in ("id", "status", "output", "error", "completed_at"))


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = [pid]
    for one in found:
        found += children(one)
    return found[1:]


def main() -> int:
    """Print the table; 1 if something was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--predictions", type=int, default=500)
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), options.predictions, options.kills, options.seed)
    print(f"seed {options.seed}, {time.monotonic() - started:.0f} s")
    for name, count in sorted(report.counts.items()):
        print(f"{name:50}{count:>6,}")
    print(f"{'lost, doubled, wrong':50}{len(report.faults):>6,}")
    for fault in report.faults:
        print(fault)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())

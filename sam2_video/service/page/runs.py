"""Runs of the model: started, followed, cancelled, and what came out of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sam2_video.service.page.container import BusyError, Container, InlineFile, check_success
from sam2_video.service.page.errors import PageError
from sam2_video.service.page.library import Item, Library

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
_ENDS = (DONE, FAILED, CANCELLED)
_SECONDS_BETWEEN_TRIES = 0.4
_SECONDS_BETWEEN_REPORTS = 0.15
_MAX_LOG_LINES = 2000

# tqdm's line: ` 45%|####5     | 131/290 [00:13<00:16, 9.8frames/s]`
_PROGRESS = re.compile(r"^\s*\d+%\|.*\|\s*(\d+)/(\d+) \[[\d:]+<([\d:?]+)")
_MEDIA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,")
_SUFFIXES = {
    "image/webp": ".webp",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "video/mp4": ".mp4",
}


@dataclass
class Run(Item):
    """One prediction and its results.

    Attributes:
        inputs: all inputs but the video, as they were sent.
        video_id: the video that it works on.
        status: `waiting` (for the worker), `running`, `done`, `failed` or `cancelled`.
        frames_done: frames that were tracked so far.
        frames_total: of how many; 0 until it is known.
        seconds_left: what the model expects; None if it does not know.
        files: names of the results so far, in order.
        log: the lines of the model's log but those of its progress bar.
        error: why it failed.
    """

    inputs: dict[str, Any] = field(default_factory=dict)
    video_id: str = ""
    status: str = WAITING
    frames_done: int = 0
    frames_total: int = 0
    seconds_left: int | None = None
    files: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    error: PageError | None = None
    task: asyncio.Task[None] | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _part: str = ""  # of a log line

    @property
    def is_busy(self) -> bool:
        """Whether it has not ended."""
        return self.status not in _ENDS

    def summary(self) -> dict[str, Any]:
        """What the page shows of it, but files and log."""
        return {
            "id": self.id,
            "video": self.video_id,
            "inputs": self.inputs,
            "status": self.status,
            "frames_done": self.frames_done,
            "frames_total": self.frames_total,
            "seconds_left": self.seconds_left,
            "error": self.error.as_json() if self.error else None,
        }

    def read_log(self, text: str) -> None:
        """Take in a piece of the model's log."""
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            if found := _PROGRESS.match(line):
                self.frames_done, self.frames_total = int(found[1]), int(found[2])
                self.seconds_left = _seconds(found[3])
            if line.strip() and len(self.log) < _MAX_LOG_LINES:
                self.log.append(line.rstrip())


async def execute(
    run: Run, library: Library[Run], container: Container, video: InlineFile | str
) -> None:
    """Run a prediction to its end; how it ended is in `run`."""
    try:
        while run.status == WAITING:
            try:
                await _once(run, library, container, video)
            except BusyError:
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        run.status = DONE
    except PageError as error:
        run.error = _with_hint(error, video)
        run.status = FAILED
    except OSError as error:
        run.error = PageError(f"The results cannot be stored: {error.strerror}.")
        run.status = FAILED
    except asyncio.CancelledError:
        run.status = CANCELLED
        raise
    finally:
        if run.is_busy:  # a fault of ours: told, and raised further
            run.error = PageError("The page's server failed; its log says why.")
            run.status = FAILED
        await _tell(run)


async def cancel(run: Run) -> None:
    """Stop a run; when this returns it has ended. Finished files stay."""
    if run.task is not None and run.is_busy:
        run.task.cancel()
        await asyncio.wait([run.task])
        if run.is_busy:  # it had not begun
            run.status = CANCELLED
            await _tell(run)


async def reports(run: Run) -> AsyncIterator[dict[str, Any]]:
    """What is new of a run since the last report, beginning with all of it, until it has ended."""
    files = lines = 0
    while True:
        ended = not run.is_busy
        yield {
            **run.summary(),
            "first": files == lines == 0,
            "new_files": run.files[files:],
            "new_log": run.log[lines:],
        }
        files, lines = len(run.files), len(run.log)
        if ended:
            return
        seen = (run.status, run.frames_done)
        async with run.changed:
            while (
                (run.status, run.frames_done) == seen
                and len(run.files) == files
                and len(run.log) == lines
            ):
                await run.changed.wait()
        await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)  # several changes make one report


async def _once(
    run: Run, library: Library[Run], container: Container, video: InlineFile | str
) -> None:
    part = run.folder / "part"

    def open_sink() -> BinaryIO:
        return part.open("wb")

    async with container.predict(run.inputs, video, open_sink) as events:
        run.status = RUNNING
        await _tell(run)
        async for event in events:
            if event.name == "log":
                run.read_log(str(event.data.get("data", "")))
            elif event.name == "output":
                _keep(run, library, part, str(event.data.get("chunk", "")))
            elif event.name == "completed":
                check_success(event.data)
                return
            await _tell(run)
    raise PageError("The model's server broke the run off; its log may say why.")


def _keep(run: Run, library: Library[Run], part: Path, chunk: str) -> None:
    """Give an output its name, and count it."""
    found = _MEDIA.match(chunk)
    suffix = _SUFFIXES.get(found[1]) if found else None
    if suffix is None:
        raise PageError(
            "The model's server stores its results elsewhere; start it without --upload-url."
        )
    library.take(run, part.stat().st_size)
    if suffix == ".mp4":
        name = "output_video.mp4"
    else:
        interval = run.inputs.get("output_frame_interval", 1)
        name = f"frame_{len(run.files) * interval:05d}{suffix}"
    part.rename(run.folder / name)
    run.files.append(name)


def _with_hint(error: PageError, video: InlineFile | str) -> PageError:
    """Say what to do where the container cannot reach this server."""
    if isinstance(video, InlineFile) or "cannot be fetched" not in error.sentence:
        return error
    where = video.partition("/files/")[0]
    return PageError(
        f"The model's server cannot fetch this large video from {where}; start the page with "
        "--fetch-url and an address that it can reach.",
        field="input_video",
    )


async def _tell(run: Run) -> None:
    async with run.changed:
        run.changed.notify_all()


def _seconds(clock: str) -> int | None:
    """`mm:ss` or `h:mm:ss` in seconds; None for `?`."""
    if not re.fullmatch(r"\d+(:\d\d)+", clock):
        return None
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return total


def checked_inputs(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the container knows, without the video: it drops others silently.

    Raises:
        PageError: an input is not among them.
    """
    properties = schema["components"]["schemas"]["Input"]["properties"]
    known = sorted(properties, key=lambda name: properties[name].get("x-order", 0))
    for name in given:
        if name not in known:
            raise PageError(f"{name[:40]!r} is not an input; there are {', '.join(known)}.")
    return {name: value for name, value in given.items() if name != "input_video"}

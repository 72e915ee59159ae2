"""Renders masks in a process of its own, by the command `render`: no model, no GPU."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import sam2_video
from sam2_video.service.jobs.progress import last_progress

logger = logging.getLogger(__name__)

_ROOT = str(Path(sam2_video.__file__).parents[1])
_LONGEST_TAIL = 4000  # letters of the log that are kept
_SECONDS_BETWEEN_CHECKS = 0.5


class RenderError(Exception):
    """Nothing can be rendered; the message is one sentence of the renderer's."""


async def render_masks(
    clip: Path,
    masks: Path,
    folder: Path,
    inputs: Mapping[str, Any],
    advance: Callable[[int], Awaitable[None]],
    max_bytes: int,
) -> list[Path]:
    """Render masks of a clip; the process ends with the task that waits, or with the server.

    Args:
        clip: the video.
        masks: a COCO file.
        folder: for the results, and for what is only kept meanwhile; the caller removes it.
        inputs: of the renderer, checked, without the video.
        advance: is told how many frames are done.
        max_bytes: of all that is written.

    Returns:
        The files, in order.

    Raises:
        RenderError: the renderer refuses something, or writes too much.
        RuntimeError: it failed.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    options = [part for name, value in inputs.items() for part in ("-i", f"{name}={_text(value)}")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sam2_video.service.jobs.watchdog"),
        *(sys.executable, "-m", "sam2_video", "render", str(clip), "--masks", str(masks)),
        *("-o", str(folder / "out"), "--json", *options),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
            "TMPDIR": str(temporary),
        },
        stdin=asyncio.subprocess.PIPE,  # the watchdog's: it closes with the server
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    reading = asyncio.ensure_future(process.stdout.read())
    following = asyncio.ensure_future(_follow(process.stderr, advance))
    try:
        while not reading.done():
            await asyncio.wait([reading], timeout=_SECONDS_BETWEEN_CHECKS)
            if await asyncio.to_thread(bytes_in, folder) > max_bytes:
                raise RenderError("The server has no disk space left. Try again later.")
        log = await following
        code = await process.wait()
        try:
            report = json.loads(reading.result())
        except ValueError as error:
            raise RuntimeError(f"the renderer ended with {code}: {log}") from error
        if "error" in report:
            raise RenderError(report["error"])
        return [Path(file) for file in report["files"]]
    finally:
        # The whole group: its encoders, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for task in (reading, following):
            task.cancel()
        await asyncio.shield(asyncio.wait([reading, following]))
        await asyncio.shield(process.wait())


async def _follow(log: asyncio.StreamReader, advance: Callable[[int], Awaitable[None]]) -> str:
    """Tell how far a process is by the bars in its log; the end of the log."""
    tail, done = "", 0
    while chunk := await log.read(4096):
        tail = (tail + chunk.decode(errors="replace"))[-_LONGEST_TAIL:]
        progress = last_progress(tail)
        if progress is not None and progress.done != done:
            done = progress.done
            await advance(done)
    return tail


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def bytes_in(folder: Path) -> int:
    """The bytes of all files in a folder, in which others are moved and removed meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike `rglob` it passes over folders that are gone
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_size
    return total

"""The container's public HTTP API, as the page's server uses it."""

import base64
import json
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from sam2_video.service.page.errors import PageError, from_model, from_refusal
from sam2_video.service.page.event_stream import Event, read_events

MAX_INLINE_BYTES = 75_000_000  # as base64, within the 100 MiB that a request may have
_CHUNK = 3 * 2**18  # whole groups of base64
_PLACE = "data:;base64,"
_STREAM = {"Accept": "text/event-stream", "Content-Type": "application/json"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class BusyError(Exception):
    """The container works on something else."""


@dataclass(frozen=True)
class InlineFile:
    """A file that is sent within the request, as a data URI."""

    content: Path | bytes
    media_type: str

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size

    def open(self) -> BinaryIO:
        """The file, from its beginning."""
        if isinstance(self.content, bytes):
            return BytesIO(self.content)
        return self.content.open("rb")


class Container:
    """A running container.

    Args:
        address: where it listens, without a slash at the end.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        # A proxy of the environment has no way to a server of this machine.
        is_local = urllib.parse.urlsplit(address).hostname in _LOOPBACK
        timeout = httpx.Timeout(30, read=None)  # a prediction is silent while it is cancelled
        self._http = httpx.AsyncClient(base_url=address, timeout=timeout, trust_env=not is_local)

    async def close(self) -> None:
        """Close all connections; predictions that run on them are cancelled by that."""
        await self._http.aclose()

    async def schema(self) -> dict[str, Any]:
        """Its `/openapi.json`.

        Raises:
            PageError: it does not answer, or is still starting.
        """
        document = await self._get("/openapi.json")
        if "Input" not in document.get("components", {}).get("schemas", {}):
            raise PageError("The model is starting.", status=503)
        return document

    async def status(self) -> str:
        """What its health check says, `UNREACHABLE` where nobody answers."""
        try:
            return str((await self._get("/health-check")).get("status", "UNREACHABLE"))
        except PageError:
            return "UNREACHABLE"

    async def mask(self, picture: InlineFile, click_strings: Mapping[str, str]) -> bytes:
        """The mask of one object on one picture, as PNG: white where it is.

        Raises:
            BusyError: it works on something else.
            PageError: it refused, failed, or went away.
        """
        given = {**click_strings, "mask_type": "binary", "output_format": "png"}
        sink = BytesIO()
        sink.close = lambda: None  # type: ignore[method-assign]  # read after it was written
        async with self.predict(given, picture, lambda: sink) as events:
            async for event in events:
                if event.name == "completed":
                    check_success(event.data)
        return sink.getvalue()

    @asynccontextmanager
    async def predict(
        self,
        inputs: Mapping[str, Any],
        video: InlineFile | str,
        open_sink: Callable[[], BinaryIO],
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Run one prediction; leaving the block before its end cancels it.

        Args:
            inputs: all inputs but the video.
            video: a file to send along, or an address that the container can reach.
            open_sink: opens the file for the content of the `output` event to come.

        Raises:
            BusyError: it works on something else.
            PageError: it refuses the inputs, or went away.
        """
        place = video if isinstance(video, str) else _PLACE
        body = json.dumps({"input": {"input_video": place, **inputs}}).encode()
        headers = dict(_STREAM)
        content: bytes | AsyncIterator[bytes] = body
        if isinstance(video, InlineFile):
            head, _, tail = body.partition(_PLACE.encode())
            head += f"data:{video.media_type};base64,".encode()
            length = len(head) + (video.size + 2) // 3 * 4 + len(tail)
            headers["Content-Length"] = str(length)
            content = _with_file(head, video, tail)
        try:
            async with self._http.stream(
                "POST", "/predictions", content=content, headers=headers
            ) as answer:
                await _check_answer(answer)
                yield read_events(answer.aiter_bytes(), open_sink)
        except httpx.HTTPError as error:
            raise self._gone() from error

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            answer = await self._http.get(path, timeout=5)
            answer.raise_for_status()
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._gone() from error
        return body if isinstance(body, dict) else {}

    def _gone(self) -> PageError:
        return PageError(f"The model's server at {self.address} does not answer.", status=503)


def check_success(completed: Mapping[str, Any]) -> None:
    """Look at the data of a `completed` event.

    Raises:
        PageError: the prediction failed or was cancelled.
    """
    if completed.get("status") == "canceled":
        raise PageError("The run was cancelled on the model's server.")
    if completed.get("status") != "succeeded":
        raise from_model(str(completed.get("error") or ""))


async def _check_answer(answer: httpx.Response) -> None:
    """Raise what an answer's code means."""
    if answer.status_code == 409:
        raise BusyError
    if answer.status_code == 503:
        raise PageError("The model is not ready yet.", status=503)
    if answer.status_code == 413:
        raise PageError("The video is too large for the model's server.", field="input_video")
    if answer.status_code == 422:
        await answer.aread()
        raise from_refusal(answer.json())
    if answer.status_code != 200:
        raise PageError(f"The model's server answered with the code {answer.status_code}.")


async def _with_file(head: bytes, video: InlineFile, tail: bytes) -> AsyncIterator[bytes]:
    """A request's body with a file in it, never whole in memory."""
    yield head
    with video.open() as file:
        while chunk := file.read(_CHUNK):
            yield base64.b64encode(chunk)
    yield tail

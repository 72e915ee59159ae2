"""One container, over its public HTTP API: begin a prediction, follow its events.

A prediction runs as a stream of server-sent events. The stream is also what tells that either
side has gone: the container cancels a prediction whose stream is closed, and a stream that ends
without the event `completed` means that the container died.
"""

import asyncio
import json
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

_ANSWER_SECONDS = 60.0  # until a prediction has begun
_MAX_EVENT_BYTES = 512 * 1024**2  # an output may come inside its event
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_CONTENT = b";base64,"
_CRASHED = "Worker crashed"
_DEAD = ("UNHEALTHY", "DEFUNCT", "SETUP_FAILED")
_PREFIX = re.compile(r"^(?:Prediction failed: )?(?:Generator iteration error: )?(?:\w+Error: )?")

# A host that vanishes says nothing: the kernel asks for it.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), seconds)
        for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
)


class WorkerBusyError(Exception):
    """The container runs another prediction, or is starting."""


class WorkerAwayError(Exception):
    """The container cannot be reached or is dead; the message says how it shows."""


class WorkerLostError(Exception):
    """A prediction had begun, and its container died or lost it; the message says how it shows."""


class WorkerRefusedError(Exception):
    """The container does not take these inputs, and would not at another try."""


@dataclass(frozen=True)
class Logged:
    """Lines of the prediction's log."""

    text: str


@dataclass(frozen=True)
class Yielded:
    """An output: the address that its upload was answered with, or a data URI."""

    position: int
    value: str


@dataclass(frozen=True)
class Ended:
    """The end of a prediction.

    Attributes:
        status: `succeeded`, `failed` or `canceled`.
        logs: the whole log.
        error: the sentence, without what the container puts before it.
        count: how many outputs the container lists.
        predict_time: seconds that it took.
    """

    status: str
    logs: str
    error: str | None = None
    count: int = 0
    predict_time: float | None = None


Event = Logged | Yielded | Ended


@dataclass
class Run:
    """A prediction that a container has begun."""

    response: httpx.Response = field(repr=False)

    async def events(self) -> AsyncGenerator[Event]:
        """What happens, up to and with the end.

        Raises:
            WorkerLostError: the container died, or its answer cannot be read.
        """
        try:
            async for name, data in server_sent(self.response.aiter_bytes()):
                event = _read(name, data)
                if event is not None:
                    yield event
                if isinstance(event, Ended):
                    return
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise WorkerLostError(f"its stream of events broke off ({_reason(error)})") from error
        raise WorkerLostError("its stream of events ended before the prediction did")

    async def close(self) -> None:
        """Let go of the prediction: the container cancels it if it has not ended."""
        await self.response.aclose()


class Worker:
    """One container, or a balancer before several."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=5.0),
            transport=httpx.AsyncHTTPTransport(
                socket_options=_KEEP_ALIVE, limits=httpx.Limits(max_keepalive_connections=0)
            ),
        )

    async def begin(self, run_id: str, inputs: dict[str, Any]) -> Run:
        """Begin a prediction.

        Args:
            run_id: names the prediction where the container uploads its files.
            inputs: the inputs of `predict`.

        Raises:
            WorkerBusyError, WorkerAwayError, WorkerRefusedError: see there.
        """
        request = self._client.build_request(
            "POST",
            "/predictions",
            json={"id": run_id, "input": inputs},
            headers={"Accept": "text/event-stream"},
        )
        # Frames may be long in coming: once it has begun, silence means nothing.
        request.extensions["timeout"]["read"] = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                response = await self._client.send(request, stream=True)
        except (httpx.HTTPError, TimeoutError) as error:
            raise WorkerAwayError(f"{self.url} cannot be reached ({_reason(error)})") from error
        if response.status_code == 200:
            return Run(response)
        try:
            await response.aread()
        except httpx.HTTPError as error:
            raise WorkerAwayError(f"{self.url} broke off ({_reason(error)})") from error
        finally:
            await response.aclose()
        if response.status_code in (409, 503):
            await self._check_health()
            raise WorkerBusyError
        if response.status_code in (400, 413, 422):
            raise WorkerRefusedError(_refusal(response))
        raise WorkerAwayError(f"{self.url} answers {response.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _check_health(self) -> None:
        """Tell a dead container, which goes on to say that it is busy, from a busy one."""
        try:
            answer = (await self._client.get("/health-check")).json()
            status = answer["status"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise WorkerAwayError(
                f"{self.url} cannot tell its health ({_reason(error)})"
            ) from error
        if status in _DEAD:
            raise WorkerAwayError(f"{self.url} says that it is {status}")


def _read(name: str, data: Any) -> Event | None:
    if name == "log":
        return Logged(str(data["data"]))
    if name == "output":
        return Yielded(int(data["index"]), str(data["chunk"]))
    if name != "completed":
        return None
    error = data.get("error")
    if error is not None and str(error).startswith(_CRASHED):
        raise WorkerLostError("it crashed")
    outputs = data.get("output")
    return Ended(
        status=str(data["status"]),
        logs=str(data.get("logs") or ""),
        error=None if error is None else _PREFIX.sub("", str(error), count=1),
        count=len(outputs) if isinstance(outputs, list) else 0,
        predict_time=(data.get("metrics") or {}).get("predict_time"),
    )


class _Line:
    """One line of a stream while it arrives.

    The last event repeats all outputs, and they may be inside it: their contents, which have been
    read by then, are cut out as they come.
    """

    def __init__(self, cuts_contents: bool) -> None:
        self.text = bytearray()
        self._cuts_contents = cuts_contents
        self._searched = 0
        self._is_inside = False

    def add(self, piece: bytes) -> None:
        """Add what has come.

        Raises:
            ValueError: the line is too long.
        """
        if self._is_inside:
            piece = piece.lstrip(_BASE64)
            self._is_inside = not piece
        self.text += piece
        while self._cuts_contents and not self._is_inside:
            found = self.text.find(_CONTENT, self._searched)
            if found < 0:
                self._searched = max(self._searched, len(self.text) - len(_CONTENT))
                break
            self._searched = found + len(_CONTENT)
            rest = self.text[self._searched :].lstrip(_BASE64)
            self.text[self._searched :] = rest
            self._is_inside = not rest
        if len(self.text) > _MAX_EVENT_BYTES:
            raise ValueError("an event is too large; start the worker with --upload-url")


async def server_sent(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, Any]]:
    """Names and data of server-sent events."""
    name, line = "", _Line(cuts_contents=False)
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        line.add(first)
        for other in others:
            key, _, value = bytes(line.text).partition(b":")
            if key == b"event":
                name = value.strip().decode()
            elif key == b"data":
                yield name, json.loads(value)
            line = _Line(cuts_contents=name == "completed")
            line.add(other)


def _refusal(response: httpx.Response) -> str:
    """What the container says of inputs that its schema refuses."""
    try:
        details = response.json()["detail"]
        return "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in details)
    except (ValueError, KeyError, TypeError, IndexError):
        return f"the worker refuses the inputs ({response.status_code})"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

"""One container, over its public HTTP API: begin a prediction, follow its events.

A prediction runs as a stream of server-sent events. The stream is also what tells that either
side has gone: the container cancels a prediction whose stream is closed, and a stream that ends
without the event `completed` means that the container died.
"""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import IO, Any

import anyio.to_thread
import httpx

from sam2_video.service.jobs.container_events import End, InlineOutput, Log, read_events
from sam2_video.service.jobs.outputs import OutputList, OutputName, OutputNameError
from sam2_video.service.storage.files import FileRefusedError

Receive = Callable[[OutputName, AsyncIterator[bytes]], Awaitable[None]]

_ANSWER_SECONDS = 60.0  # until a prediction has begun
_HEALTH_SECONDS = 5.0
_CHUNK = 1 << 20
_CRASHED = "Worker crashed"
_MODEL = re.compile(r"^(?:\[[^\]]*\] )?model: (\S{1,60}) \(", re.MULTILINE)
_PREFIX = re.compile(r"^(?:Prediction failed: )?(?:Generator iteration error: )?(?:\w+Error: )?")

DEAD = ("UNHEALTHY", "DEFUNCT", "SETUP_FAILED")

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


class WorkerUnavailableError(Exception):
    """The container cannot be reached or is dead; the message says how it shows."""


class WorkerLostError(Exception):
    """A prediction had begun, and its container died or lost it; the message says how it shows."""


class WorkerRefusedError(Exception):
    """The container does not take these inputs, and would not at another attempt."""


@dataclass
class Run:
    """A prediction that a container has begun."""

    response: httpx.Response = field(repr=False)

    async def follow(
        self, outputs: OutputList, receive: Receive, log: Callable[[str], Awaitable[None]]
    ) -> End:
        """Follow it to its end, which has the error without what the container puts before it.

        Args:
            outputs: which it has.
            receive: takes an output that comes inside its event; remembers what it refuses.
            log: takes lines of the log.

        Raises:
            WorkerLostError: the container died, or its answer cannot be read.
        """
        try:
            async with aclosing(read_events(self.response.aiter_bytes())) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Log):
                        await log(event.text)
                    elif isinstance(event, InlineOutput):
                        with event.content, suppress(FileRefusedError):
                            name = outputs.nth(event.content_type, event.position)
                            await receive(name, _chunks(event.content))
                    elif event.error is None:
                        return event
                    elif event.error.startswith(_CRASHED):
                        raise WorkerLostError("it crashed")
                    else:
                        return replace(event, error=_PREFIX.sub("", event.error, count=1))
        except OutputNameError as error:
            raise WorkerLostError(f"it sent an output that cannot be read ({error})") from error
        except (httpx.HTTPError, ValueError) as error:
            raise WorkerLostError(f"its stream of events broke off ({_reason(error)})") from error
        raise WorkerLostError("its stream of events ended before the prediction did")

    async def close(self) -> None:
        """Let go of the prediction: the container cancels it if it has not ended."""
        await self.response.aclose()


class ContainerClient:
    """One container, or a balancer before several.

    Attributes:
        url: where it is.
        model: the name of its model, by the log of its start; None until a health check told it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.model: str | None = None
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
            WorkerBusyError, WorkerUnavailableError, WorkerRefusedError: see there.
        """
        # A video may be inside: writing it as JSON takes a while.
        body = await anyio.to_thread.run_sync(json.dumps, {"id": run_id, "input": inputs})
        request = self._client.build_request(
            "POST",
            "/predictions",
            content=body,
            headers={"Accept": "text/event-stream", "Content-Type": "application/json"},
        )
        # Frames may be long in coming: once it has begun, silence means nothing.
        request.extensions["timeout"]["read"] = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                response = await self._client.send(request, stream=True)
        except (httpx.HTTPError, TimeoutError) as error:
            raise WorkerUnavailableError(
                f"{self.url} cannot be reached ({_reason(error)})"
            ) from error
        if response.status_code == 200:
            return Run(response)
        try:
            await response.aread()
        except httpx.HTTPError as error:
            raise WorkerUnavailableError(f"{self.url} broke off ({_reason(error)})") from error
        finally:
            await response.aclose()
        if response.status_code in (409, 503):
            # A dead container, too, says that it is busy.
            status = await self.health()
            if status in DEAD:
                raise WorkerUnavailableError(f"{self.url} says that it is {status}")
            raise WorkerBusyError
        if response.status_code in (400, 413, 422):
            raise WorkerRefusedError(_refusal(response))
        raise WorkerUnavailableError(f"{self.url} answers {response.status_code}")

    async def health(self) -> str:
        """What its health check says, as `READY`.

        Raises:
            WorkerUnavailableError: it does not answer.
        """
        try:
            answer = await self._client.get("/health-check", timeout=_HEALTH_SECONDS)
            found = answer.json()
            logs = (found.get("setup") or {}).get("logs") or ""
            if name := _MODEL.search(logs):
                self.model = name[1]
            return str(found["status"])
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise WorkerUnavailableError(
                f"the health check of {self.url} does not answer ({_reason(error)})"
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await anyio.to_thread.run_sync(content.read, _CHUNK):
        yield chunk


def _refusal(response: httpx.Response) -> str:
    """What the container says of inputs that its schema refuses."""
    try:
        details = response.json()["detail"]
        return "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in details)
    except (ValueError, KeyError, TypeError, IndexError):
        return f"the worker refuses the inputs ({response.status_code})"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

"""URLs that clients name: where they may lead, and fetching what is there.

An IP address is checked at the moment of connecting: every redirect makes a new connection, and the
connection goes to the very address that was checked, so a name cannot resolve to another one in
between.
"""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpcore
import httpx

from sam2_video.core.addresses import AddressRules, Network, PrivateAddressError
from sam2_video.core.errors import shown
from sam2_video.prediction.content_encoding import ContentDecoder

logger = logging.getLogger(__name__)

_MAX_REDIRECTS = 5
_SILENCE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_POST_SECONDS = 30.0
_LOOKUPS = 16  # at a time; they have threads of their own
_USER_AGENT = "sam2-video"


class UrlError(Exception):
    """A URL may not be used, or does not answer; the message is a clause of a sentence."""


@dataclass(frozen=True)
class Fetched:
    """The answer to a GET whose body has not been read yet."""

    url: str
    headers: httpx.Headers
    body: AsyncIterator[bytes]


class Guard:
    """Opens connections for clients to public addresses, and to networks that are allowed."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._rules = AddressRules(allowed)
        self._lookups = anyio.CapacityLimiter(_LOOKUPS)

    async def resolve(self, host: str, port: int) -> list[str]:
        """The IP addresses of a host, all of them permitted.

        Raises:
            UrlError: there is none, or one of them is private.
        """
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                found = await anyio.to_thread.run_sync(
                    lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
                    abandon_on_cancel=True,
                    limiter=self._lookups,
                )
            return self._rules.checked(host, (str(entry[4][0]) for entry in found))
        except PrivateAddressError as error:
            logger.warning("%s; --allow-private allows a network", error)
            raise UrlError(str(error)) from error
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            raise UrlError(f"the name {host!r} cannot be resolved") from error

    async def check(self, text: str) -> None:
        """Check a URL before anything is done with it.

        Raises:
            UrlError: it is not http(s), or leads to where it may not.
        """
        url = _parsed(text)
        await self.resolve(url.host, url.port or (443 if url.scheme == "https" else 80))

    @asynccontextmanager
    async def get(self, text: str) -> AsyncIterator[Fetched]:
        """GET a URL and what it redirects to; the body comes without its content encoding.

        Raises:
            UrlError: it may not be used, does not answer, or does not answer 200.
        """
        url = _parsed(text)
        async with self._pool() as pool:
            for _ in range(_MAX_REDIRECTS + 1):
                async with _explained(), _stream(pool, "GET", url) as response:
                    named = httpx.Headers(response.headers)
                    if response.status in (301, 302, 303, 307, 308) and "location" in named:
                        url = _parsed(str(url.join(named["location"])))
                        continue
                    if response.status != 200:
                        raise UrlError(f"its server answers {response.status}")
                    yield Fetched(str(url), named, _decoded(response, named))
                    return
        raise UrlError(f"it redirects more than {_MAX_REDIRECTS} times")

    async def post(self, text: str, body: bytes, headers: dict[str, str]) -> int:
        """POST to a URL, redirects not followed; the status of the answer.

        Raises:
            UrlError: it may not be used, or does not answer within 30 seconds in all.
        """
        url = _parsed(text)
        try:
            async with (
                asyncio.timeout(_POST_SECONDS),
                self._pool() as pool,
                _explained(),
                _stream(pool, "POST", url, body, headers) as response,
            ):
                return response.status
        except TimeoutError as error:
            raise UrlError("its server does not answer in time") from error

    def _pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(network_backend=_GuardedBackend(self))


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that a guard has resolved and permits, and to no other."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("there is no address")
        for address in await self._guard.resolve(host, port):
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def _decoded(response: httpcore.Response, headers: httpx.Headers) -> AsyncIterator[bytes]:
    """The body of an answer without its content encoding.

    Raises:
        UrlError: the encoding is unknown, or the body damaged.
    """
    try:
        decoder = ContentDecoder(headers.get("Content-Encoding", ""))
        async for data in response.aiter_stream():
            for chunk in decoder.feed(data):
                yield chunk
        decoder.finish()
    except ValueError as error:
        raise UrlError(str(error)) from error


@asynccontextmanager
async def _explained() -> AsyncIterator[None]:
    """Say in a clause why a connection failed."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise UrlError("its server does not answer in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise UrlError(
            f"its server cannot be reached ({str(error) or 'no reason given'})"
        ) from error


def _stream(
    pool: httpcore.AsyncConnectionPool,
    method: str,
    url: httpx.URL,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> AbstractAsyncContextManager[httpcore.Response]:
    """A request by one connection; `httpx` offers no way to say where a connection may go."""
    named = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": _USER_AGENT,
        "Accept": "*/*",
        **({} if body is None else {"Content-Length": str(len(body))}),
        **(headers or {}),
    }
    return pool.stream(
        method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=[(name.encode(), value.encode()) for name, value in named.items()],
        content=body,
        extensions={
            "timeout": {
                "connect": _CONNECT_SECONDS,
                "read": _SILENCE_SECONDS,
                "write": _SILENCE_SECONDS,
                "pool": _CONNECT_SECONDS,
            }
        },
    )


def _parsed(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        is_usable = url.scheme in ("http", "https") and url.host and (url.port or 80) < 65536
    except (httpx.InvalidURL, TypeError, ValueError) as error:  # ValueError: of an IDNA name
        raise UrlError("it is not a URL") from error
    if not is_usable:
        raise UrlError("it is not an http(s) URL")
    if url.userinfo:
        raise UrlError("it carries a user or password, which is not supported")
    return url.copy_with(fragment=None)


def shown_url(text: str) -> str:
    """A client's URL as an error shows it: without a user and password."""
    scheme, mark, rest = text.partition("//")
    place = re.match(r"[^/?#]*", rest)
    assert place is not None
    if mark and "@" in place[0]:
        rest = "***@" + place[0].rpartition("@")[2] + rest[place.end() :]
    return shown(scheme + mark + rest)

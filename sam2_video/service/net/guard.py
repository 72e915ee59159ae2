"""URLs that clients name: where they may lead, and fetching what is there.

An IP address is checked at the moment of connecting: every redirect makes a new connection, and the
connection goes to the very address that was checked, so a name cannot resolve to another one in
between.
"""

import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpcore
import httpx

from sam2_video.service.settings import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_REDIRECTS = 5
_SILENCE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
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
        self._allowed = tuple(allowed)

    def permits(self, address: str) -> bool:
        """Whether a connection may go to an IP address."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if any(
            parsed.version == network.version and parsed in network for network in self._allowed
        ):
            return True
        if isinstance(parsed, ipaddress.IPv6Address):
            if parsed.sixtofour is not None or parsed.teredo is not None:
                return False
            inner = parsed.ipv4_mapped
            if inner is None and parsed in _NAT64:
                inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
            if inner is not None:
                return self.permits(str(inner))
        return parsed.is_global and not parsed.is_multicast

    async def resolve(self, host: str, port: int) -> list[str]:
        """The IP addresses of a host, all of them permitted.

        Raises:
            UrlError: there is none, or one of them is private.
        """
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UrlError(f"the name {host!r} cannot be resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self.permits(address):
                raise UrlError(
                    f"{host!r} leads to the private address {address}, to which this server does "
                    "not connect"
                )
        return addresses

    async def check(self, text: str) -> None:
        """Check a URL before anything is done with it.

        Raises:
            UrlError: it is not http(s), or leads to where it may not.
        """
        url = _parsed(text)
        await self.resolve(url.host, url.port or (443 if url.scheme == "https" else 80))

    @asynccontextmanager
    async def get(self, text: str) -> AsyncIterator[Fetched]:
        """GET a URL and what it redirects to.

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
                    yield Fetched(str(url), named, response.aiter_stream())
                    return
        raise UrlError(f"it redirects more than {_MAX_REDIRECTS} times")

    async def post(self, text: str, body: bytes, headers: dict[str, str]) -> int:
        """POST to a URL, redirects not followed; the status of the answer.

        Raises:
            UrlError: it may not be used, or does not answer.
        """
        url = _parsed(text)
        async with (
            self._pool() as pool,
            _explained(),
            _stream(pool, "POST", url, body, headers) as response,
        ):
            return response.status

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
        raise UrlError("it carries a name or password")
    return url.copy_with(fragment=None)

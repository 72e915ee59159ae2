"""Where a request comes from, by headers that a browser sets and anybody may forge."""

from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from sam2_video.service.settings import ANY_HOST, Settings

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1", *ANY_HOST)


def host_name(headers: Headers) -> str:
    """The `Host` header without its port; empty if it cannot be read."""
    return _part(f"//{headers.get('Host', '')}", "hostname")


def is_foreign(headers: Headers) -> bool:
    """Whether a page of another site sends the request; a malformed `Origin` counts as one."""
    origin = headers.get("Origin")
    if origin is not None and (_part(origin, "netloc") or None) != headers.get("Host"):
        return True
    return headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")


def base_url(request: Request, public_url: str | None) -> str:
    """The server's URL as the caller knows it."""
    return public_url or f"{request.url.scheme}://{request.headers.get('Host', 'localhost')}"


def own_urls(request: Request, settings: Settings) -> tuple[str, ...]:
    """The URLs by which clients may know this server; those of this machine if it listens there.

    The first is the one that answers contain.
    """
    scheme = request.url.scheme
    names = ("localhost", "127.0.0.1", "[::1]") if settings.host in _LOOPBACK_HOSTS else ()
    return (
        base_url(request, settings.public_url),
        base_url(request, None),
        *(f"{scheme}://{name}:{settings.port}" for name in names),
    )


def file_url(base_url: str, file_id: str) -> str:
    """The URL of a file that a client has sent."""
    return f"{base_url}/v1/files/{file_id}"


def _part(url: str, part: Literal["hostname", "netloc"]) -> str:
    try:
        return getattr(urlsplit(url), part) or ""
    except ValueError:
        return ""

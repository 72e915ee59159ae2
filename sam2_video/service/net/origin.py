"""Where a request comes from, by headers that a browser sets and anybody may forge."""

from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request


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


def _part(url: str, part: Literal["hostname", "netloc"]) -> str:
    try:
        return getattr(urlsplit(url), part) or ""
    except ValueError:
        return ""

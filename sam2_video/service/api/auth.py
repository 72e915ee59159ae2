"""Who may call, and whose predictions and files a call can see."""

import hashlib
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from sam2_video.service.api.problems import ApiError
from sam2_video.service.settings import is_loopback

ANYBODY = "anybody"


class Access:
    """Knows the tokens; without any, whoever reaches this machine's own address may call."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._owners = {_digest(token): _digest(token)[:32] for token in tokens}

    def owner(self, request: Request) -> str:
        """Who calls.

        Raises:
            ApiError: it is nobody who may.
        """
        if not self._owners:
            self._refuse_strange_pages(request)
            return ANYBODY
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # Digests are looked up, not tokens: how long that takes tells nothing about a token.
        owner = self._owners.get(_digest(token.strip()))
        if scheme.lower() not in ("bearer", "token") or owner is None:
            raise ApiError(401, "You did not pass a valid authentication token")
        return owner

    def _refuse_strange_pages(self, request: Request) -> None:
        """Keep other sites' pages in this machine's browser away from a server without tokens."""
        host = request.headers.get("Host", "")
        if not is_loopback(_part(f"//{host}", "hostname")):
            raise ApiError(403, f"This server takes no calls for {host[:100]!r} without tokens.")
        origin = request.headers.get("Origin")
        if origin is not None and _part(origin, "netloc") != host:
            raise ApiError(403, f"This server takes no calls from pages of {origin[:100]!r}.")


def _part(address: str, part: Literal["hostname", "netloc"]) -> str:
    """A part of an address that a stranger wrote; empty if it is none."""
    try:
        return getattr(urlsplit(address), part) or ""
    except ValueError:
        return ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

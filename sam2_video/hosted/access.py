"""Who may call, and whose predictions and files a call can see."""

import hashlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request

from sam2_video.hosted.problems import ApiError
from sam2_video.hosted.settings import is_loopback

ANYBODY = "anybody"


class Access:
    """Knows the tokens; without any, whoever reaches this machine's own address may call.

    Args:
        tokens: who may call.
        public_url: this server as clients know it, if that was said.
    """

    def __init__(self, tokens: Iterable[str], public_url: str | None) -> None:
        self._owners = {_digest(token): _digest(token)[:32] for token in tokens}
        self._public_host = urlsplit(public_url).hostname if public_url else None

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
        name = urlsplit(f"//{host}").hostname or ""
        if not is_loopback(name) and name != self._public_host:
            raise ApiError(403, f"This server takes no calls for {host[:100]!r} without tokens.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise ApiError(403, f"This server takes no calls from pages of {origin[:100]!r}.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

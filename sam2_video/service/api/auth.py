"""Who may call, and whose predictions and files a call can see."""

import hashlib
from collections.abc import Iterable

from starlette.requests import Request

from sam2_video.service.errors import RequestError
from sam2_video.service.net.origin import host_name, is_foreign
from sam2_video.service.settings import is_loopback

ANYBODY = "anybody"


class Access:
    """Knows the tokens; without any, everybody on this machine may call."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._owners = {_digest(token): _digest(token)[:32] for token in tokens}

    def owner(self, request: Request) -> str:
        """Who calls.

        Raises:
            RequestError: the caller has no valid token.
        """
        if not self._owners:
            self._refuse_other_sites(request)
            return ANYBODY
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # Digests are looked up, not tokens: how long that takes tells nothing about a token.
        owner = self._owners.get(_digest(token.strip()))
        if scheme.lower() not in ("bearer", "token") or owner is None:
            raise RequestError(401, "You did not pass a valid authentication token")
        return owner

    def _refuse_other_sites(self, request: Request) -> None:
        """Keep pages of other sites, in a browser on this machine, away from an open server."""
        if not is_loopback(host_name(request.headers)):
            host = request.headers.get("Host", "")[:100]
            raise RequestError(403, f"This server takes no calls for {host!r} without tokens.")
        if is_foreign(request.headers):
            origin = request.headers.get("Origin", "")[:100]
            raise RequestError(403, f"This server takes no calls from pages of {origin!r}.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""What keeps the page to the people it is for: headers, visitors, and where requests come from."""

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sam2_video.service.settings import is_loopback

COOKIE = "sam2_video_visitor"
_SAFE_METHODS = ("GET", "HEAD")
_HEADERS = {
    # Everything comes from this server; pictures may also be made by the page itself.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Middleware: refuses requests that another site sends, tells visitors apart, sets headers.

    A visitor is a random cookie that scripts cannot read, and that other sites can send only by
    a link to the page. Its value is in `scope["state"]["visitor"]`.

    Args:
        app: what is guarded.
        only_local: answer only to names of this machine,
        public_host: and to this one, under which the container fetches large videos.
    """

    def __init__(self, app: ASGIApp, only_local: bool, public_host: str | None) -> None:
        self._app = app
        self._only_local = only_local
        self._public_host = public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        visitor = _visitor(headers)
        cookie = None if visitor or refusal else secrets.token_urlsafe(24)
        scope.setdefault("state", {})["visitor"] = visitor or cookie

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if cookie:
                    answer.append(
                        "set-cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax"
                    )
            await send(message)

        app = self._app
        if refusal:
            app = JSONResponse({"sentence": refusal, "field": None}, status_code=403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        """Why a request is refused; None if it is not."""
        host = headers.get("host", "")
        name = _name_of(host)
        if self._only_local and not is_loopback(name) and name != self._public_host:
            return f"This page answers to localhost only, not to {host[:60]!r}."
        if method in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "This request comes from another site."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "This request comes from another site."
        return None


def _name_of(host: str) -> str:
    """A `Host` header without its port; empty if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _visitor(headers: Headers) -> str | None:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel and len(morsel.value) >= 32 else None

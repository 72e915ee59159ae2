"""Security of the page in browsers: headers, visitors, and which sites may send requests."""

import hashlib
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sam2_video.service.net.origin import host_name, is_foreign
from sam2_video.service.settings import Settings, is_loopback
from sam2_video.service.storage.database import VISITOR

COOKIE = "sam2_video_visitor"
# Kept after the browser is closed: how long the work stays is the server's to say.
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000"
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


class BrowserGuard:
    """Middleware: refuses requests that another site sends, tells visitors apart, sets headers.

    A visitor is a random cookie that scripts cannot read, and that other sites can send only by
    a link to the page. `scope["state"]["visitor"]` is the owner of what the visitor makes: a
    digest of the cookie.

    Args:
        app: what is guarded.
        settings: a server on a loopback address answers only to names of this machine, and to its
            public name, so that a site cannot point a name of its own to it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._is_local = is_loopback(settings.host)
        self._public_host = urlsplit(settings.public_url or "").hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        visitor = _visitor(headers)
        cookie = None if visitor or refusal else secrets.token_urlsafe(24)
        scope.setdefault("state", {})["visitor"] = _owner(visitor or cookie or "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if cookie:
                    secure = "; Secure" if scope["scheme"] == "https" else ""
                    answer.append("set-cookie", f"{COOKIE}={cookie}; {_ATTRIBUTES}{secure}")
            await send(message)

        app = self._app
        if refusal:
            app = JSONResponse({"sentence": refusal, "field": None}, status_code=403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        """Why a request is refused; None if it is not."""
        name = host_name(headers)
        if self._is_local and not is_loopback(name) and name != self._public_host:
            host = headers.get("host", "")[:60]
            return f"This page answers to localhost only, not to {host!r}."
        if method not in _SAFE_METHODS and is_foreign(headers):
            return "This request comes from another site."
        return None


def _visitor(headers: Headers) -> str | None:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel and len(morsel.value) >= 32 else None


def _owner(cookie: str) -> str:
    return VISITOR + hashlib.sha256(cookie.encode()).hexdigest()[:32]

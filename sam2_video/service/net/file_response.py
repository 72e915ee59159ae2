"""Sending a file's content: whole or a range of it, as players and downloads ask."""

import re

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sam2_video.service.storage.database import StoredFile, now
from sam2_video.service.storage.files import Files

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII)


def send_content(request: Request, files: Files, file: StoredFile) -> Response:
    """The answer to a GET or HEAD of a file's content."""
    etag = f'"{file.sha256}"'
    seconds_left = max(int((file.expires_at - now()).total_seconds()), 0)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": f"private, max-age={seconds_left}, immutable",
        # Whatever a client has uploaded, a browser does not run it as a page of this server.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    }
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    try:
        start, end = _wanted(request, file, etag)
    except ValueError:
        return Response(
            status_code=416, headers={**headers, "Content-Range": f"bytes */{file.size}"}
        )
    headers["Content-Length"] = str(end - start)
    status = 200
    if (start, end) != (0, file.size):
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.content_type)
    content = files.read(file, start, end)
    return StreamingResponse(content, status, headers, file.content_type)


def _wanted(request: Request, file: StoredFile, etag: str) -> tuple[int, int]:
    """First and, excluded, last byte that are asked for.

    Raises:
        ValueError: the file has no such bytes.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    whole = (0, file.size)
    # More than one range, and what cannot be read, may be answered with the whole.
    if found is None or not (found[1] or found[2]):
        return whole
    if request.headers.get("If-Range", etag) != etag:
        return whole
    if not found[1]:
        start, end = max(file.size - int(found[2]), 0), file.size
        if int(found[2]) == 0:
            raise ValueError
    else:
        start = int(found[1])
        end = min(int(found[2]) + 1, file.size) if found[2] else file.size
    if start >= file.size or start >= end:
        raise ValueError
    return start, end

"""Writing server-sent events."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

KEEP_ALIVE = ": waiting\n\n"  # a comment, which tells a client that the server is there


def server_sent(data: str, event: str | None = None, event_id: object = None) -> str:
    """One event as text."""
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    head = "" if event is None else f"event: {event}\n"
    head += "" if event_id is None else f"id: {event_id}\n"
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"


def event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    """The answer that sends events as they come."""
    return StreamingResponse(
        events,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        media_type="text/event-stream",
    )

"""Checks what a client sends before anything is done with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sam2_video.core.errors import shown
from sam2_video.prediction.contract import Contract, is_text
from sam2_video.service.api.views import MODEL, Json
from sam2_video.service.api.webhooks import EVENTS
from sam2_video.service.errors import InvalidField, RequestError

MAX_WAIT = 60

_LONGEST_TEXT = 100_000  # a thousand clicks take a fifth of it

_SHORTEST_LIFETIME = timedelta(seconds=5)

_DURATION = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s?)?", re.ASCII)
_VERSION = re.compile(r"[0-9a-f]{64}")
_WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?([0-9]{1,6})\"?)?\s*(?=$|[,;])", re.IGNORECASE)


@dataclass(frozen=True)
class Hook:
    """Where to tell what happens, and which events."""

    url: str | None
    events: list[str]


class InputSchema:
    """Checks inputs and lists everything that is wrong with them.

    Args:
        document: the container's OpenAPI document.
    """

    def __init__(self, document: Json) -> None:
        self._contract = Contract(document)

    @property
    def names(self) -> list[str]:
        """The inputs that there are, in their order."""
        return list(self._contract.inputs)

    def unknown(self, name: str) -> str:
        """The sentence for a name that no input has."""
        return self._contract.unknown(name)

    def check(self, given: Any) -> Json:
        """The inputs, without those that are null or unknown.

        Raises:
            RequestError: one of them is missing or invalid.
        """
        if not isinstance(given, dict):
            raise RequestError.of_field(
                "input", "input should be an object of inputs", "invalid_type"
            )
        known = self._contract.normalized(given)
        fields = tuple(
            InvalidField(f"input.{problem.name}", problem.rule, problem.sentence)
            for problem in self._contract.problems(known)
        )
        fields = fields or tuple(self._too_long(known))
        if fields:
            detail = "; ".join(field.sentence for field in fields)
            raise RequestError(422, detail, fields=fields)
        return known

    def _too_long(self, inputs: Json) -> Iterator[InvalidField]:
        for name, value in inputs.items():
            is_file = name in self._contract.files
            if not is_file and isinstance(value, str) and len(value) > _LONGEST_TEXT:
                sentence = (
                    f"{name} has {len(value)} characters, but at most {_LONGEST_TEXT} are allowed"
                )
                yield InvalidField(f"input.{name}", "max_length", sentence)


def check_version(version: Any) -> str:
    """The id, or the model, that the `version` of a request names.

    Raises:
        RequestError: it is none, or one of another model.
    """
    if not isinstance(version, str) or not version:
        raise RequestError.of_field(
            "version", f"version is required: a version id, or {MODEL}", "required"
        )
    model, _, name = version.rpartition(":") if ":" in version else ("", "", version)
    if "/" in version and (model or version) != MODEL:
        raise RequestError.of_field(
            "version", f"version is {shown(version)}, but this server runs {MODEL} alone"
        )
    if name != MODEL and not _VERSION.fullmatch(name):
        raise RequestError.of_field(
            "version",
            f"version is {shown(version)}, but it should be 64 hexadecimal digits, {MODEL}, "
            f"or {MODEL}: and the digits",
        )
    return name


def check_hook(body: Json) -> Hook:
    """Read the webhook of a request.

    Raises:
        RequestError: it is not a URL, or an event is unknown.
    """
    completed = body.get("webhook_completed")
    url = body.get("webhook") or completed
    if url is None:
        return Hook(None, [])
    field = "webhook" if body.get("webhook") else "webhook_completed"
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    except ValueError:
        parts = urlsplit("")
    is_url = parts.scheme in ("http", "https") and parts.hostname
    if not is_url or len(url) > _LONGEST_TEXT or not is_text(url):
        raise RequestError.of_field(
            field, f"{field} is {shown(url)}, but it should be an http(s) URL"
        )
    if field == "webhook_completed":
        return Hook(url, ["completed"])
    events = body.get("webhook_events_filter")
    if events is None:
        return Hook(url, list(EVENTS))
    if not isinstance(events, list) or not all(event in EVENTS for event in events):
        raise RequestError.of_field(
            "webhook_events_filter",
            f"webhook_events_filter is {shown(events)}, but it should be a list of "
            + ", ".join(EVENTS),
        )
    return Hook(url, events)


def lifetime_of(cancel_after: str | None) -> timedelta | None:
    """How long after its creation a `Cancel-After` header lets a prediction live.

    Raises:
        RequestError: it is no duration, or too short a one.
    """
    if cancel_after is None:
        return None
    found = _DURATION.fullmatch(cancel_after.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    lifetime = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if lifetime < _SHORTEST_LIFETIME:
        raise RequestError.of_field(
            "Cancel-After",
            f"Cancel-After is {shown(cancel_after)}, but it should be a duration of 5 seconds or "
            "more, as 90s, 5m or 1h30m",
        )
    return lifetime


def read_time(query: Mapping[str, str], name: str) -> datetime | None:
    """The time in UTC, without a zone, that a parameter of a query gives in ISO 8601.

    Raises:
        RequestError: it is no such time.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (
            (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
        )
    except (ValueError, OverflowError) as error:
        raise RequestError.of_field(
            name, f"{name} is {shown(text)}, but it should be a time as 2026-01-31T12:00:00Z"
        ) from error


def wait_seconds(prefer: str) -> int | None:
    """How long a `Prefer` header asks to wait for the end; None for not at all."""
    found = _WAIT.search(prefer)
    if found is None:
        return None
    return MAX_WAIT if found[1] is None else min(max(int(found[1]), 1), MAX_WAIT)

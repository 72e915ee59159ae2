"""What a client sends, held against what is allowed, before anything is done with it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jsonschema
from jsonschema.exceptions import ValidationError

from sam2_video.service.api.views import MODEL, Json
from sam2_video.service.api.webhooks import EVENTS
from sam2_video.service.errors import InvalidField, RequestError
from sam2_video.service.net.inputs import INPUT, shown_value

MAX_WAIT = 60

_LONGEST_TEXT = 100_000  # a thousand clicks take a fifth of it

_KINDS = {"string": "a string", "integer": "a whole number", "boolean": "true or false"}
_VERSION = re.compile(r"[0-9a-f]{64}")
_WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?([0-9]{1,6})\"?)?\s*(?=$|[,;])", re.IGNORECASE)


@dataclass(frozen=True)
class Hook:
    """Where to tell what happens, and which events."""

    url: str | None
    events: list[str]


class InputSchema:
    """The schema of the inputs, and sentences about what breaks it.

    Args:
        document: the container's OpenAPI document.
    """

    def __init__(self, document: Json) -> None:
        self._schemas = document["components"]["schemas"]
        self._properties = self._schemas["Input"]["properties"]
        self._validator = jsonschema.Draft202012Validator(
            {"$ref": "#/components/schemas/Input", "components": document["components"]}
        )

    @property
    def names(self) -> list[str]:
        """The inputs that there are, in their order."""
        return sorted(self._properties, key=lambda name: self._properties[name].get("x-order", 0))

    def check(self, given: Any) -> Json:
        """The inputs, without those that are null or unknown.

        Raises:
            RequestError: one of them is missing or not as it should be.
        """
        if not isinstance(given, dict):
            raise RequestError.of_field(
                "input", "input should be an object of inputs", "invalid_type"
            )
        known = {
            name: value
            for name, value in given.items()
            if name in self._properties and value is not None
        }
        fields = tuple(self._field(error) for error in self._validator.iter_errors(known))
        fields = fields or tuple(filter(None, (_unsound(*pair) for pair in known.items())))
        if fields:
            detail = "; ".join(field.sentence for field in fields)
            raise RequestError(422, detail, fields=fields)
        # JSON knows one kind of number: the schema takes 25.0 for a whole one, the model does not.
        return {
            name: int(value) if isinstance(value, float) else value for name, value in known.items()
        }

    def _field(self, error: ValidationError) -> InvalidField:
        kind = str(error.validator)
        if kind == "required":
            names = self._schemas["Input"]["required"]
            name = next(name for name in names if error.message.startswith(f"'{name}'"))
            return InvalidField(f"input.{name}", kind, f"{name} is required")
        name = str(error.absolute_path[0])
        sentence = f"{name} is {shown_value_of(error.instance)}, but it should be "
        return InvalidField(f"input.{name}", kind, sentence + self._allowed(name))

    def _allowed(self, name: str) -> str:
        rule = dict(self._properties[name])
        for part in rule.get("allOf", ()):
            rule |= self._schemas[part["$ref"].rpartition("/")[2]]
        if "enum" in rule:
            return "one of " + ", ".join(map(str, rule["enum"]))
        kind = _KINDS.get(rule.get("type", ""), "something else")
        if "minimum" in rule and "maximum" in rule:
            return f"{kind} from {rule['minimum']} to {rule['maximum']}"
        return kind


def _unsound(name: str, value: Any) -> InvalidField | None:
    """What is wrong with a text that the schema takes: too long, or no text at all."""
    if not isinstance(value, str):
        return None
    field = f"input.{name}"
    if name != INPUT and len(value) > _LONGEST_TEXT:
        sentence = f"{name} has {len(value)} characters, but at most {_LONGEST_TEXT} are allowed"
        return InvalidField(field, "max_length", sentence)
    if not is_text(value):
        return InvalidField(field, "value_error", f"{name} contains an unpaired surrogate")
    return None


def is_text(value: str) -> bool:
    """Whether a string can be encoded: JSON lets unpaired surrogates through."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_value_of(value: Any) -> str:
    """A value of any type as an error shows it."""
    return shown_value(value) if isinstance(value, str) else shown_value(str(value))[1:-1]


def check_version(version: Any) -> None:
    """Hold a request's `version` against the model that is here.

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
            "version", f"version is {shown_value(version)}, but this server runs {MODEL} alone"
        )
    if name != MODEL and not _VERSION.fullmatch(name):
        raise RequestError.of_field(
            "version",
            f"version is {shown_value(version)}, but it should be 64 hexadecimal digits, {MODEL}, "
            f"or {MODEL}: and the digits",
        )


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
            field, f"{field} is {shown_value_of(url)}, but it should be an http(s) URL"
        )
    if field == "webhook_completed":
        return Hook(url, ["completed"])
    events = body.get("webhook_events_filter")
    if events is None:
        return Hook(url, list(EVENTS))
    if not isinstance(events, list) or not all(event in EVENTS for event in events):
        raise RequestError.of_field(
            "webhook_events_filter",
            f"webhook_events_filter is {shown_value_of(events)}, but it should be a list of "
            + ", ".join(EVENTS),
        )
    return Hook(url, events)


def wait_seconds(prefer: str) -> int | None:
    """How long a `Prefer` header asks to wait for the end; None for not at all."""
    found = _WAIT.search(prefer)
    if found is None:
        return None
    return MAX_WAIT if found[1] is None else min(max(int(found[1]), 1), MAX_WAIT)

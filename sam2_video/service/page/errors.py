"""What a visitor is told when something is wrong: one sentence, and the input it speaks of."""

import re

_PREFIX = re.compile(r"^.*?\b[A-Z]\w*Error: ", re.DOTALL)
_INPUT = re.compile(r"^([a-z][a-z_]*[a-z])\b")


class PageError(Exception):
    """A sentence for the visitor.

    Attributes:
        sentence: what is wrong and what would be right.
        field: the input that it speaks of; None if it is none in particular.
        status: the HTTP status it goes out with.
    """

    def __init__(self, sentence: str, *, field: str | None = None, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.status = status

    def as_json(self) -> dict[str, str | None]:
        """The form in which the page gets it."""
        return {"sentence": self.sentence, "field": self.field}


def field_of(sentence: str) -> str | None:
    """The input that a sentence of the model speaks of: the one that it begins with."""
    found = _INPUT.match(sentence)
    return found[1] if found and "_" in found[1] else None


def from_model(error: str) -> PageError:
    """The sentence that a failed prediction ends with, the server's own prefix taken off."""
    sentence = _PREFIX.sub("", error, count=1).strip() or "The model stopped without a reason."
    return PageError(sentence, field=field_of(sentence))


def from_refusal(body: object) -> PageError:
    """What the server's check of inputs against the schema says (its answer 422), as a sentence."""
    details = body.get("detail") if isinstance(body, dict) else None
    detail = details[0] if isinstance(details, list) and details else None
    if not isinstance(detail, dict):
        return PageError("The model's server refused the inputs.")
    places = [part for part in detail.get("loc") or [] if part not in ("body", "input")]
    name = str(places[-1]) if places else None
    message = str(detail.get("msg") or "it does not fit")
    return PageError(f"{name}: {message}" if name else message, field=name)

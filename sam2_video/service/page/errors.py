"""What a visitor is told when something is wrong: one sentence, and the input it is about."""

import re

_INPUT = re.compile(r"^([a-z][a-z_]*[a-z])\b")


class PageError(Exception):
    """A sentence for the visitor.

    Attributes:
        sentence: what is wrong and what would be right.
        field: the input that it is about; None if it is none in particular.
        status: the HTTP status of the answer.
    """

    def __init__(self, sentence: str, *, field: str | None = None, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.status = status

    @classmethod
    def of(cls, sentence: str, status: int = 400) -> "PageError":
        """A sentence of the model, about the input that it begins with."""
        return cls(sentence, field=field_of(sentence), status=status)

    def as_json(self) -> dict[str, str | None]:
        """The form in which the page gets it."""
        return {"sentence": self.sentence, "field": self.field}


def field_of(sentence: str) -> str | None:
    """The input that a sentence of the model is about: the one that it begins with."""
    found = _INPUT.match(sentence)
    return found[1] if found and "_" in found[1] else None

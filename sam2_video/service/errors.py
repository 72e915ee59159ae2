"""What a client is told when a request is refused: one sentence, and the inputs it is about."""

from dataclasses import dataclass

SERVER_FAILED = "The server failed; its log says why."
NO_WORKER = "No worker is alive; the server's log says why."  # not where: that is internal


@dataclass(frozen=True)
class InvalidField:
    """One invalid input.

    Attributes:
        field: where it stands in the request, as `input.video_fps`.
        type: which rule of the schema it breaks, as `required`.
        sentence: the value and what would be right.
    """

    field: str
    type: str
    sentence: str


@dataclass(eq=False)
class RequestError(Exception):
    """A request that is refused.

    Attributes:
        status: the HTTP status.
        sentence: what is wrong and what would be right.
        fields: the inputs that are at fault, for 422.
        retry_after: seconds after which another try may succeed, for 429.
    """

    status: int
    sentence: str
    fields: tuple[InvalidField, ...] = ()
    retry_after: int | None = None

    def __str__(self) -> str:
        return self.sentence

    @classmethod
    def of_field(
        cls, field: str, sentence: str, kind: str = "value_error", status: int = 422
    ) -> "RequestError":
        """A refusal about one field of the request."""
        return cls(status, sentence, fields=(InvalidField(field, kind, sentence),))

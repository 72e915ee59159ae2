"""The form in which the page gets an error."""

from sam2_video.service.errors import input_of


def problem(sentence: str, field: str | None = None) -> dict[str, str | None]:
    """A sentence, and the input that it is about; None if it is about no input."""
    return {"sentence": sentence, "field": field or input_of(sentence)}

"""A form with a file, read as it arrives: no part of the file waits on the disk or in memory."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from sam2_video.service.errors import RequestError

_MAX_FIELDS = 8
_MAX_HEADER_BYTES = 8192


class UploadForm:
    """The fields of a form, and its file as a stream.

    Args:
        request: carries the form.
        name: of the field that is the file.
        longest: bytes that are read of every other field; what follows is dropped.

    Attributes:
        fields: the other fields, complete once `content` has ended.
        file_name, media_type: as the client says; empty if it does not.
    """

    def __init__(self, request: Request, name: str, longest: int) -> None:
        self.fields: dict[str, bytearray] = {}
        self.file_name = self.media_type = ""
        self._request = request
        self._name = name
        self._longest = longest
        self._has_content = False
        self._headers: dict[bytes, bytes] = {}
        self._header = self._value = b""
        self._chunks: list[bytes] = []
        self._field: bytearray | None = None  # None: the part is the file

    def text(self, name: str) -> str:
        """A field as text; empty if there is none."""
        return self.fields.get(name, b"").decode(errors="replace")

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the file.

        Raises:
            RequestError: the form is malformed, too large, or has no file.
        """
        _, options = parse_options_header(self._request.headers.get("Content-Type"))
        if b"boundary" in options:
            try:
                parser = MultipartParser(
                    options[b"boundary"],
                    {
                        "on_part_begin": self._begin,
                        "on_header_field": self._add_header,
                        "on_header_value": self._add_value,
                        "on_header_end": self._end_header,
                        "on_headers_finished": self._end_headers,
                        "on_part_data": self._add_data,
                    },
                )
                async for chunk in self._request.stream():
                    parser.write(chunk)
                    if self._chunks:
                        yield b"".join(self._chunks)
                        self._chunks.clear()
                parser.finalize()
            except FormParserError as error:
                raise RequestError(422, "The form is malformed.") from error
        if not self._has_content:
            raise RequestError.of_field(
                self._name, f"{self._name} is required: the file", "required"
            )

    def _begin(self) -> None:
        self._headers.clear()

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header = _short(self._header + data[start:end])

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _short(self._value + data[start:end])

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode(errors="replace")
        if name == self._name and b"filename" in options and not self._has_content:
            self._has_content, self._field = True, None
            self.file_name = options[b"filename"].decode(errors="replace")
            self.media_type = self._headers.get(b"content-type", b"").decode(errors="replace")
            return
        if len(self.fields) >= _MAX_FIELDS:
            raise RequestError(422, f"The form has more than {_MAX_FIELDS} fields.")
        self._field = self.fields[name] = bytearray()

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._chunks.append(data[start:end])
        else:
            self._field += data[start:end][: self._longest - len(self._field)]


def _short(header: bytes) -> bytes:
    if len(header) > _MAX_HEADER_BYTES:
        raise RequestError(422, "A header of the form is too long.")
    return header

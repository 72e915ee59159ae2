"""Data URIs as browsers, shells and client libraries write them."""

import binascii
import re
from base64 import b64decode
from urllib.parse import unquote_to_bytes

_LONGEST_HEAD = 4096
# The media type, parameters that may hold commas (`codecs=vp8,opus`, as browsers write them), and
# the mark that the content is base64.
_BASE64_HEAD = re.compile(r'data:([^,;]*)(?:;(?:"[^"]*"|[^";])*+)*?;\s*base64\s*,', re.IGNORECASE)
_PLAIN_HEAD = re.compile(r"data:([^,;]*+)[^,]*+,", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\s-]++[=\s]*")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# Content in percent encoding is decoded piece by piece, none of which ends inside a `%xx`.
_PIECE = re.compile(rb"(?s).{1,65536}(?:(?<=%)..|(?<=%.).)?")


def is_data_uri(value: str) -> bool:
    """Whether a value carries its content in itself."""
    return value.lstrip()[:5].lower() == "data:"


def read_data_uri(value: str) -> tuple[str, bytes]:
    """Media type and content of a data URI (RFC 2397), with what is written in practice.

    White space around it and in base64 is ignored; base64 may lack its padding, or be in the
    URL-safe alphabet. Content that is base64 throughout is decoded as such even if not marked.

    Returns:
        The media type in small letters, `application/octet-stream` where there is none, and the
        content.

    Raises:
        ValueError: it is malformed or empty; the message is a clause.
    """
    value = value.strip()
    head = _BASE64_HEAD.match(value[:_LONGEST_HEAD])
    is_marked = head is not None
    head = head or _PLAIN_HEAD.match(value)
    if head is None:
        raise ValueError("it has no comma before its content")
    text = value[head.end() :].encode(errors="replace")
    content = None
    if is_marked or _BASE64.fullmatch(text):
        content = _from_base64(_unquoted(text) if is_marked else text)
    if content is None and is_marked:
        raise ValueError("its content is not base64")
    if content is None:
        content = _unquoted(text)
    if not content:
        raise ValueError("it is empty")
    media_type = head[1].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream", content


def _unquoted(text: bytes) -> bytes:
    return b"".join(unquote_to_bytes(piece[0]) for piece in _PIECE.finditer(text))


def _from_base64(text: bytes) -> bytes | None:
    """The bytes that a text encodes; None if it is no base64."""
    digits = text.translate(_URL_SAFE, delete=b" \t\r\n\f\v").rstrip(b"=")
    try:
        return b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        return None

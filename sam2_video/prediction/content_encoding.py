"""Undoing the content encoding of an HTTP answer, in bounded memory."""

import zlib
from collections.abc import Iterator

from sam2_video.core.errors import shown

_CHUNK = 1 << 20
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class ContentDecoder:
    """Decodes a body that arrives in parts.

    Args:
        encoding: the answer's `Content-Encoding`; empty if it has none.

    Attributes:
        encoding: in small letters, empty if nothing is to be undone.

    Raises:
        ValueError: the encoding is not known; the message is a clause.
    """

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        self.encoding = "" if encoding == "identity" else encoding
        if self.encoding not in ("", "gzip", "x-gzip", "deflate"):
            raise ValueError(f"its content encoding {shown(self.encoding)} is not supported")
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._is_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The content of one more part of the body, in chunks of at most 1 MiB if it is encoded.

        Raises:
            ValueError: it is damaged.
        """
        if not self.encoding:
            yield data
            return
        self._is_begun = self._is_begun or bool(data)
        is_more = bool(data)
        while is_more:
            if self._inflater.eof:  # gzip files may be joined
                self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                chunk = self._inflater.decompress(data, _CHUNK)
            except zlib.error as error:
                raise ValueError(f"its {self.encoding} content is damaged") from error
            if chunk:
                yield chunk
            data = self._inflater.unused_data or self._inflater.unconsumed_tail
            is_more = bool(data) or (len(chunk) == _CHUNK and not self._inflater.eof)

    def finish(self) -> None:
        """Make sure that the body was whole.

        Raises:
            ValueError: it breaks off.
        """
        if self.encoding and self._is_begun and not self._inflater.eof:
            raise ValueError(f"its {self.encoding} content breaks off")

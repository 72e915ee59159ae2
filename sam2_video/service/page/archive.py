"""Files as one zip that is made while it is sent."""

import io
import zipfile
from collections.abc import Iterable, Iterator


def zip_chunks(
    files: Iterable[tuple[str, Iterable[bytes]]], texts: dict[str, str]
) -> Iterator[bytes]:
    """The bytes of a zip archive, piece by piece; never whole in memory or on disk.

    Args:
        files: names and contents, stored uncompressed: pictures and video are already.
        texts: further files, by name.
    """
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for name, chunks in files:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
                for chunk in chunks:
                    target.write(chunk)
                    yield outlet.take()
    yield outlet.take()


class _Outlet(io.RawIOBase):
    """A file that can only be written, whose content is taken away as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data

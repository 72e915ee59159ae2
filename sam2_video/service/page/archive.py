"""Files as one zip that is made while it is sent."""

from collections.abc import Iterable, Iterator

from zipstream import ZipStream


def zip_stream(
    files: Iterable[tuple[str, int, Iterator[bytes]]], texts: dict[str, str]
) -> ZipStream:
    """A zip archive as an iterable of bytes; its `len` is the archive's size in bytes.

    Args:
        files: names, sizes and contents, which are stored uncompressed: pictures and video are
            compressed already.
        texts: further files, by name.
    """
    archive = ZipStream(sized=True)
    for name, text in texts.items():
        archive.add(text, name)
    for name, size, chunks in files:
        archive.add(chunks, name, size=size)
    return archive

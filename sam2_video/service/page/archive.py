"""Files as one zip that is made while it is sent."""

from collections.abc import Sequence
from pathlib import Path

from zipstream import ZipStream


def zip_stream(files: Sequence[Path], texts: dict[str, str]) -> ZipStream:
    """A zip archive as an iterable of bytes; its `len` is the archive's size in bytes.

    Args:
        files: stored under their own names, uncompressed: pictures and video are already.
        texts: further files, by name.
    """
    archive = ZipStream(sized=True)
    for name, text in texts.items():
        archive.add(text, name)
    for path in files:
        archive.add_path(path, recurse=False)
    return archive

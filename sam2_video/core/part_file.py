"""Files that are complete or absent: written under another name, then renamed."""

from contextlib import suppress
from pathlib import Path


def part_of(path: Path) -> Path:
    """The name of a file while it is being written, in the same folder."""
    return path.with_name(f".{path.name}.part")


def remove_part(part: Path) -> None:
    """Remove an unfinished file; one that cannot be removed raises nothing."""
    with suppress(OSError):
        part.unlink(missing_ok=True)

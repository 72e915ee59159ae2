"""The child processes of a process."""

import os
from pathlib import Path


def children(pid: int | None = None) -> set[int]:
    """The processes that a process (this one if None) has started, unreaped ones included."""
    return {child for child, _ in _children(pid)}


def ffmpeg_children(pid: int | None = None) -> set[int]:
    """Those of them that are ffmpeg."""
    return {child for child, name in _children(pid) if name.startswith("ffmpeg")}


def _children(pid: int | None) -> list[tuple[int, str]]:
    """Number and name of each child."""
    parent = os.getpid() if pid is None else pid
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it ended meanwhile
        if int(rest.split()[1]) == parent:
            found.append((int(stat.parent.name), name))
    return found

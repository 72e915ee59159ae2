"""Names of output files, and file names from what people call their objects."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

VIDEO_NAME = "output_video"
"""Of a video, before its ending."""
MASKS_NAME = "masks.json"

_LONGEST = 80  # bytes in UTF-8; file systems end at 255 bytes, Windows at 260 characters a path
_RESERVED = {"CON", "PRN", "AUX", "NUL"} | {
    f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"
}


def safe_names(names: Sequence[str]) -> list[str]:
    """Names that can be a file's or a folder's on every system, each of them once.

    Letters and digits of every script stay, and so do spaces, '.', '-', '_' and the like inside of
    a name. What Linux, macOS or Windows forbid, and what cannot be seen, becomes '_'. Names that
    differ in nothing but case, or in how an accent is encoded, count as the same; later ones get a
    number, as `dog_2`.
    """
    return unique_names(map(_safe, names), _compared)


def unique_names(
    names: Iterable[str], compared: Callable[[str], str] = lambda name: name
) -> list[str]:
    """The names, numbered from 2 where one comes again.

    Args:
        names: any names.
        compared: what two names have in common that count as the same.
    """
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        unique, number = name, 1
        while compared(unique) in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(compared(unique))
        found.append(unique)
    return found


def _safe(name: str) -> str:
    """One name, safe but perhaps not unique."""
    text = unicodedata.normalize("NFC", name)
    # Control characters, formats such as a change of direction, lone surrogates, unassigned ones.
    text = "".join("_" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in text)
    text = re.sub(r'[<>:"/\\|?*%#]', "_", text)  # '%' and '#' mean something in a URL
    text = text.encode()[:_LONGEST].decode(errors="ignore")
    text = re.sub(r"^[ .~-]+|[ .]+$", "", text)
    if text.split(".")[0].rstrip().upper() in _RESERVED:
        text = f"_{text}"
    return text or "object"


def _compared(name: str) -> str:
    """What file systems that ignore case compare."""
    return unicodedata.normalize("NFKD", name.casefold())

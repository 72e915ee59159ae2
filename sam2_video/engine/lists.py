"""The comma-separated lists that the string inputs hold.

Every function takes the input's name, because errors and log lines name it.
"""

import json
import logging
import re

from sam2_video.core.errors import InputError, shown

logger = logging.getLogger(__name__)

# Two digit runs that can match the same text would make a refusal take quadratic time.
_NUMBER = r"(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_LIST_START = re.compile(r"""\[\s*[\["'{]""")  # "[dog" may be a name


def parse_tuples(
    name: str, text: str, *, item: str, form: str, max_items: int
) -> list[tuple[float, ...]]:
    """Read a list of number tuples in brackets.

    White space anywhere, a trailing comma and one pair of outer brackets are allowed; an empty text
    holds none.

    Args:
        name: the input's name.
        text: its value.
        item: what one tuple is called in errors, as in "click".
        form: how one tuple is written, as in "[x,y]"; all have as many numbers as this.
        max_items: the most tuples allowed, which `SAM2_MAX_CLICKS` sets.

    Raises:
        InputError: the text is malformed, or holds more than `max_items`.
    """
    numbers = r"\s*,\s*".join([_NUMBER] * (form.count(",") + 1))
    pattern = re.compile(rf"\s*\[\s*{numbers}\s*\]\s*")
    hint = f"write {form},{form},..."
    body = text.strip()
    if body.endswith("]") and re.match(r"\[\s*\[", body):
        body = body[1:-1].strip()
    items: list[tuple[float, ...]] = []
    position = 0
    while position < len(body):
        match = pattern.match(body, position)
        if match is None:
            raise InputError(
                f"{name} has {shown(body[position:])} where {item} {len(items)} should be; {hint}"
            )
        items.append(tuple(float(number) for number in match.groups()))
        if len(items) > max_items:
            raise InputError(
                f"{name} has more than the {max_items} {_plural(item)} allowed (SAM2_MAX_CLICKS)"
            )
        position = match.end()
        if position < len(body):
            if body[position] != ",":
                raise InputError(
                    f"{name} has {shown(body[position:])} where a comma should follow "
                    f"{item} {len(items) - 1}; {hint}"
                )
            position += 1
    return items


def parse_integers(name: str, text: str, default: str, *, count: int, item: str) -> list[int]:
    """Read `count` whole numbers.

    Fewer are repeated from their start, more are dropped with a line in the log. A trailing comma
    and one pair of outer brackets are allowed.

    Args:
        name: the input's name.
        text: its value.
        default: what an empty value stands for.
        count: how many items there are, one number each.
        item: what one of them is called in the log, as in "click".

    Raises:
        InputError: an entry is not a whole number of at most 15 digits.
    """
    body = text.strip()
    if body.startswith("[") and body.endswith("]"):
        body = body[1:-1].strip()
    body = body.removesuffix(",").rstrip() or default
    values = []
    for i, entry in enumerate(body.split(",")):
        if not _INTEGER.fullmatch(entry.strip()):
            raise InputError(
                f"{name}[{i}] is {shown(entry.strip())}, but it should be a whole number"
            )
        values.append(int(entry))
    _log_surplus(name, len(values), count, item)
    return [values[i % len(values)] for i in range(count)]


def parse_names(name: str, text: str, *, count: int, item: str) -> list[str]:
    """Read `count` names, empty where one is missing; a single name is repeated for all items.

    They are separated by commas, or a list as JSON or Python writes it. More are dropped with a
    line in the log; `item` is what one is called there, as in "click".

    Raises:
        InputError: the text starts as such a list does, but is none.
    """
    names = _names(name, text)
    if len(names) == 1:
        return names * count
    _log_surplus(name, len(names), count, item)
    return (names + [""] * count)[:count]


def distinct_names(name: str, text: str) -> tuple[str, ...]:
    """Every name in a list of names once, in order of first appearance; see `parse_names`."""
    return tuple(dict.fromkeys(entry for entry in _names(name, text) if entry))


def _names(name: str, text: str) -> list[str]:
    body = text.strip()
    entries = _flat_list(body)
    if entries is None:
        if _LIST_START.match(body):
            raise InputError(
                f"{name} is {shown(body)}, but it should be names separated by commas, or a JSON "
                "list of names"
            )
        entries = body.removesuffix(",").split(",")
    return [entry.strip() for entry in entries]


def _flat_list(text: str) -> list[str] | None:
    """The entries of a list as JSON or Python writes it; None if the text is none."""
    if text[:1] + text[-1:] != "[]":
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        inner = text[1:-1]
        if "[" in inner or "]" in inner:
            return None
        return [entry.strip().strip("\"'") for entry in inner.strip().removesuffix(",").split(",")]
    if any(isinstance(item, list | dict) for item in items):
        return None
    # JSON's escapes can name a lone surrogate, which no file name or log can hold.
    names = ["" if item is None else str(item) for item in items] or [""]
    return [name.encode(errors="replace").decode() for name in names]


def _log_surplus(name: str, given: int, count: int, item: str) -> None:
    if given > count:
        logger.warning(
            "%s has %d entries for %d %s: the surplus is dropped",
            name,
            given,
            count,
            item if count == 1 else _plural(item),
        )


def _plural(item: str) -> str:
    return f"{item}es" if item.endswith("x") else f"{item}s"

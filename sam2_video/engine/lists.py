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


def parse_tuples(
    name: str, text: str, *, item: str, form: str, max_items: int
) -> list[tuple[float, ...]]:
    """Read a list of number tuples in brackets.

    White space anywhere, a trailing comma and one pair of outer brackets are allowed.

    Args:
        name: the input's name.
        text: its value.
        item: what one tuple is called in errors, as in "click".
        form: how one tuple is written, as in "[x,y]"; all have as many numbers as this.
        max_items: the most tuples allowed.

    Raises:
        InputError: the text is malformed, or holds no tuple or more than `max_items`.
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
            raise InputError(f"{name} has more than {max_items} {item}s, the most that are allowed")
        position = match.end()
        if position < len(body):
            if body[position] != ",":
                raise InputError(
                    f"{name} has {shown(body[position:])} where a comma should follow "
                    f"{item} {len(items) - 1}; {hint}"
                )
            position += 1
    if not items:
        raise InputError(f"{name} is empty; {hint}")
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
    """
    names = [entry.strip() for entry in _entries(text.strip())]
    if len(names) == 1:
        return names * count
    _log_surplus(name, len(names), count, item)
    return (names + [""] * count)[:count]


def distinct_names(text: str) -> tuple[str, ...]:
    """Every name in a list of names once, in order of first appearance."""
    names = (entry.strip() for entry in _entries(text.strip()))
    return tuple(dict.fromkeys(name for name in names if name))


def _entries(text: str) -> list[str]:
    inner = text[1:-1]
    if text[:1] + text[-1:] != "[]" or len(text) < 2:
        return text.removesuffix(",").split(",")
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        if "[" in inner or "]" in inner:
            return text.split(",")
        return [entry.strip().strip("\"'") for entry in inner.strip().removesuffix(",").split(",")]
    if any(isinstance(item, list | dict) for item in items):
        return text.split(",")
    # JSON's escapes can name a lone surrogate, which no file name or log can hold.
    names = ["" if item is None else str(item) for item in items] or [""]
    return [name.encode(errors="replace").decode() for name in names]


def _log_surplus(name: str, given: int, count: int, item: str) -> None:
    if given > count:
        logger.warning(
            "%s has %d entries for %d %ss: the surplus is dropped", name, given, count, item
        )

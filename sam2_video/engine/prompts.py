"""The four click strings, and the prompts they stand for.

The order of things: `parse_clicks` reads the strings, `check_clicks` holds them against the
video, `build_prompts` groups them into what the model takes. Nothing here needs a model.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sam2_video.core.errors import InputError, shown
from sam2_video.core.limits import DEFAULT_LIMITS

logger = logging.getLogger(__name__)

_NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_PAIR = re.compile(rf"\s*\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]\s*")
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_COORDINATES_HINT = "write [x,y],[x,y],..."


@dataclass(frozen=True)
class Click:
    """One click: a point of one frame that is, or is not, part of an object.

    `x`, `y` are pixels of the decoded frame from its top left corner, `object_name` is empty
    where the user named none.
    """

    x: float
    y: float
    is_foreground: bool
    frame: int
    object_name: str


@dataclass(frozen=True)
class Prompt:
    """All clicks of one object on one frame; they reach the model together, in this order."""

    frame: int
    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]

    @property
    def is_conditioning(self) -> bool:
        """Whether this starts a track (a foreground click) or corrects one (background only)."""
        return 1 in self.labels


@dataclass(frozen=True)
class TrackedObject:
    """One object to track: its name and its prompts, one a frame, in frame order."""

    name: str
    prompts: tuple[Prompt, ...]

    @property
    def conditioning(self) -> tuple[Prompt, ...]:
        """The prompts that are encoded before tracking starts."""
        return tuple(p for p in self.prompts if p.is_conditioning)

    @property
    def corrections(self) -> tuple[Prompt, ...]:
        """The prompts that are applied when tracking reaches their frame."""
        return tuple(p for p in self.prompts if not p.is_conditioning)


def parse_clicks(
    coordinates: str,
    labels: str,
    frames: str,
    object_ids: str,
    max_clicks: int = DEFAULT_LIMITS.max_clicks,
) -> list[Click]:
    """Read the four click strings of the interface, one click for every coordinate pair.

    Labels and frames that are too few repeat from their start; surplus entries are dropped
    with a line in the log. One object name alone stands for all clicks.

    Raises:
        InputError: a string is malformed, there is no click or more than `max_clicks`, a
            label is not 0 or 1.
    """
    points = _parse_coordinates(coordinates, max_clicks)
    count = len(points)
    label_values = _fit("click_labels", _parse_integers("click_labels", labels, "1"), count)
    frame_values = _fit("click_frames", _parse_integers("click_frames", frames, "0"), count)
    for i, label in enumerate(label_values):
        if label not in (0, 1):
            raise InputError(
                f"click_labels[{i}] is {label}, but a label is 1 (foreground) or 0 (background)"
            )
    names = _parse_names(object_ids, count)
    return [
        Click(x, y, label == 1, frame, name)
        for (x, y), label, frame, name in zip(
            points, label_values, frame_values, names, strict=True
        )
    ]


def check_clicks(clicks: Iterable[Click], width: int, height: int, num_frames: int) -> None:
    """Hold clicks against the video they are meant for.

    Raises:
        InputError: a click lies outside 0 <= x < width, 0 <= y < height, or its frame
            outside the video.
    """
    for i, click in enumerate(clicks):
        if not (0 <= click.x < width and 0 <= click.y < height):
            raise InputError(
                f"click_coordinates[{i}] is [{click.x:.12g},{click.y:.12g}], but the video has "
                f"{width}x{height} pixels (x 0-{width - 1}, y 0-{height - 1})"
            )
        if not 0 <= click.frame < num_frames:
            noun = "frame" if num_frames == 1 else "frames"
            raise InputError(
                f"click_frames[{i}] is {click.frame}, but the video has {num_frames} {noun} "
                f"(0-{num_frames - 1})"
            )


def build_prompts(
    clicks: Sequence[Click],
    max_objects: int = DEFAULT_LIMITS.max_objects,
    max_conditioning_frames: int = DEFAULT_LIMITS.max_conditioning_frames,
) -> list[TrackedObject]:
    """Group clicks into objects, in order of first appearance, and their prompts.

    A foreground click without a name makes an object of its own. A background click without
    a name belongs to every object with a foreground click on its frame, else to every object
    first clicked on an earlier frame, else to every object.

    Raises:
        InputError: an object has no foreground click, or more prompted frames than
            `max_conditioning_frames` (each costs memory and attention on every frame), or
            there are more than `max_objects`.
    """
    named = name_foreground(clicks)
    order = list(dict.fromkeys(click.object_name for click in named if click.object_name))
    first_foreground: dict[str, int] = {}
    for click in named:
        if click.is_foreground:
            earliest = first_foreground.get(click.object_name, click.frame)
            first_foreground[click.object_name] = min(earliest, click.frame)
    if not first_foreground:
        raise InputError(
            "click_labels has no foreground click (1), and an object needs at least one"
        )
    for name in order:
        if name not in first_foreground:
            raise InputError(
                f"click_object_ids names {shown(name)}, which has background clicks (0) only, "
                "but an object needs at least one foreground click (1)"
            )

    if len(order) > max_objects:
        raise InputError(
            f"click_object_ids makes {len(order)} objects, but at most {max_objects} are allowed "
            "in one run; clicks that share a name belong to one object"
        )

    by_object: dict[str, dict[int, list[Click]]] = {name: {} for name in order}
    for click in named:
        owners = [click.object_name] if click.object_name else _owners(click, named, order)
        for name in owners:
            by_object[name].setdefault(click.frame, []).append(click)

    objects = []
    for name, by_frame in by_object.items():
        if len(by_frame) > max_conditioning_frames:
            raise InputError(
                f"click_frames gives object {shown(name)} clicks on {len(by_frame)} frames, "
                f"but at most {max_conditioning_frames} are allowed"
            )
        prompts = tuple(
            Prompt(
                frame,
                tuple((c.x, c.y) for c in by_frame[frame]),
                tuple(int(c.is_foreground) for c in by_frame[frame]),
            )
            for frame in sorted(by_frame)
        )
        objects.append(TrackedObject(name, prompts))
    return objects


def name_foreground(clicks: Sequence[Click]) -> list[Click]:
    """Give every nameless foreground click `object_<k>`, k its position or the next free one."""
    taken = {click.object_name for click in clicks}
    named = []
    for position, click in enumerate(clicks, start=1):
        name = click.object_name
        if click.is_foreground and not name:
            number = position
            while f"object_{number}" in taken:
                number += 1
            name = f"object_{number}"
            taken.add(name)
        named.append(Click(click.x, click.y, click.is_foreground, click.frame, name))
    return named


def _owners(click: Click, named: Sequence[Click], order: Sequence[str]) -> list[str]:
    """The objects that a background click without a name belongs to."""
    foreground = [c for c in named if c.is_foreground]
    here = {c.object_name for c in foreground if c.frame == click.frame}
    earlier = {c.object_name for c in foreground if c.frame < click.frame}
    owners = here or earlier or set(order)
    return [name for name in order if name in owners]


def _parse_coordinates(text: str, max_clicks: int) -> list[tuple[float, float]]:
    body = _without_outer_brackets(text)
    points: list[tuple[float, float]] = []
    position = 0
    while position < len(body):
        match = _PAIR.match(body, position)
        if match is None:
            raise InputError(
                f"click_coordinates has {shown(body[position:])} where click {len(points)} "
                f"should be; {_COORDINATES_HINT}"
            )
        points.append((float(match[1]), float(match[2])))
        if len(points) > max_clicks:
            raise InputError(
                f"click_coordinates has more than {max_clicks} clicks, the most that are allowed"
            )
        position = match.end()
        if position < len(body):
            if body[position] != ",":
                raise InputError(
                    f"click_coordinates has {shown(body[position:])} where a comma "
                    f"should follow click {len(points) - 1}; {_COORDINATES_HINT}"
                )
            position += 1
    if not points:
        raise InputError(f"click_coordinates is empty; {_COORDINATES_HINT}")
    return points


def _without_outer_brackets(text: str) -> str:
    """Strip white space, and the one pair of brackets that a JSON encoder puts round a list."""
    body = text.strip()
    opens_a_list = re.match(r"\[\s*\[", body)
    if opens_a_list and body.endswith("]"):
        body = body[1:-1].strip()
    return body


def _parse_integers(name: str, text: str, default: str) -> list[int]:
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
    return values


def _parse_names(text: str, count: int) -> list[str]:
    names = [name.strip() for name in text.strip().removesuffix(",").split(",")]
    if len(names) == 1:
        return names * count
    if len(names) > count:
        _log_surplus("click_object_ids", len(names), count)
    return (names + [""] * count)[:count]


def _fit(name: str, values: list[int], count: int) -> list[int]:
    """Repeat `values` from their start, or drop the surplus, so that there are `count`."""
    if len(values) > count:
        _log_surplus(name, len(values), count)
    return [values[i % len(values)] for i in range(count)]


def _log_surplus(name: str, given: int, count: int) -> None:
    logger.warning("%s has %d entries for %d clicks: the surplus is dropped", name, given, count)

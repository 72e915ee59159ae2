"""Prompts as the model takes them: the clicks of one object on one frame, grouped into objects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from sam2_video.core.errors import InputError, shown
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.clicks import Click


@dataclass(frozen=True)
class Prompt:
    """All clicks of one object on one frame, in the order given; the model takes them together.

    Attributes:
        frame: index of the frame, from 0.
        points: (x, y) of each click, in pixels of the video.
        labels: of each click, 1 for foreground and 0 for background.
    """

    frame: int
    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]

    @property
    def is_conditioning(self) -> bool:
        """Whether this starts a track (has a foreground click); if not, it corrects one."""
        return 1 in self.labels


@dataclass(frozen=True)
class TrackedObject:
    """One object to track: its name and its prompts, at most one per frame, in frame order."""

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


def build_prompts(
    clicks: Sequence[Click],
    max_objects: int = DEFAULT_LIMITS.max_objects,
    max_conditioning_frames: int = DEFAULT_LIMITS.max_conditioning_frames,
) -> list[TrackedObject]:
    """Group clicks into objects, in order of first appearance.

    Each foreground click without a name makes an object of its own, see `name_foreground`. A
    background click without a name belongs to every object with a foreground click on its frame;
    if there is none, to every object with a foreground click on an earlier frame; if there is
    none, to every object.

    Args:
        clicks: as `parse_clicks` returns them.
        max_objects: the most objects allowed.
        max_conditioning_frames: the most prompted frames of one object; each costs memory.

    Raises:
        InputError: an object has no foreground click, or a limit is exceeded.
    """
    named = name_foreground(clicks)
    names = list(dict.fromkeys(click.object_name for click in named if click.object_name))
    _check_objects(named, names, max_objects)
    clicks_by_frame: dict[str, dict[int, list[Click]]] = {name: {} for name in names}
    for click in named:
        owners = [click.object_name] if click.object_name else _owners(click, named, names)
        for name in owners:
            clicks_by_frame[name].setdefault(click.frame, []).append(click)
    for name, by_frame in clicks_by_frame.items():
        if len(by_frame) > max_conditioning_frames:
            raise InputError(
                f"click_frames gives object {shown(name)} clicks on {len(by_frame)} frames, "
                f"but at most {max_conditioning_frames} are allowed (SAM2_MAX_CONDITIONING_FRAMES)"
            )
    return [
        TrackedObject(name, tuple(_prompt(frame, by_frame[frame]) for frame in sorted(by_frame)))
        for name, by_frame in clicks_by_frame.items()
    ]


def name_foreground(clicks: Sequence[Click]) -> list[Click]:
    """Name every foreground click that has no name.

    The k-th click, from 1, becomes `object_<k>`, or the next number whose name is not taken.
    """
    taken = {click.object_name for click in clicks}
    named = []
    for position, click in enumerate(clicks, start=1):
        name = click.object_name
        if click.is_foreground and not name:
            name = next(n for k in count(position) if (n := f"object_{k}") not in taken)
            taken.add(name)
        named.append(replace(click, object_name=name))
    return named


def _check_objects(clicks: Sequence[Click], names: Sequence[str], max_objects: int) -> None:
    """Check that every object has a foreground click, and that there are not too many objects."""
    with_foreground = {click.object_name for click in clicks if click.is_foreground}
    if not with_foreground:
        raise InputError(
            "click_labels has no foreground click (1), and an object needs at least one"
        )
    for name in names:
        if name not in with_foreground:
            raise InputError(
                f"click_object_ids names {shown(name)}, which has background clicks (0) only, "
                "but an object needs at least one foreground click (1)"
            )
    if len(names) > max_objects:
        raise InputError(
            f"click_object_ids makes {len(names)} objects, but at most {max_objects} are allowed "
            "in one run (SAM2_MAX_OBJECTS); clicks that share a name belong to one object"
        )


def _owners(click: Click, clicks: Sequence[Click], names: Sequence[str]) -> list[str]:
    """The objects that a background click without a name belongs to."""
    foreground = [c for c in clicks if c.is_foreground]
    same_frame = {c.object_name for c in foreground if c.frame == click.frame}
    earlier = {c.object_name for c in foreground if c.frame < click.frame}
    owners = same_frame or earlier or set(names)
    return [name for name in names if name in owners]


def _prompt(frame: int, clicks: Sequence[Click]) -> Prompt:
    points = tuple((click.x, click.y) for click in clicks)
    return Prompt(frame, points, tuple(int(click.is_foreground) for click in clicks))

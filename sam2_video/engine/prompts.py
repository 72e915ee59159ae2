"""Prompts as the model takes them: all that is given of one object on one frame, by object."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import InputError, shown
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.boxes import Box
from sam2_video.engine.clicks import Click

ReadMask = Callable[[], NDArray[np.bool_]]
"""Gives an (H, W) mask at the video's size when it is needed: many would fill the memory."""


@dataclass(frozen=True)
class MaskPrompt:
    """The mask of an object on a frame, given by the user.

    Attributes:
        frame: index of the frame, from 0.
        object_name: not empty.
        read: gives the mask.
    """

    frame: int
    object_name: str
    read: ReadMask


Given = Click | Box | MaskPrompt
Named = TypeVar("Named", Click, Box)


@dataclass(frozen=True)
class Prompt:
    """All that is given of one object on one frame; the model takes it together.

    A mask comes first, then the box and the clicks, which refine it.

    Attributes:
        frame: index of the frame, from 0.
        points: (x, y) of each click in the order given, in pixels of the video.
        labels: of each click, 1 for foreground and 0 for background.
        box: (x1, y1, x2, y2) in pixels of the video, if there is one.
        mask: gives the mask, if there is one.
    """

    frame: int
    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: ReadMask | None = None

    @property
    def is_conditioning(self) -> bool:
        """Whether this starts a track; if not, it has background clicks only and corrects one."""
        return 1 in self.labels or self.box is not None or self.mask is not None


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
    boxes: Sequence[Box] = (),
    masks: Sequence[MaskPrompt] = (),
    *,
    max_objects: int = DEFAULT_LIMITS.max_objects,
    max_conditioning_frames: int = DEFAULT_LIMITS.max_conditioning_frames,
) -> list[TrackedObject]:
    """Group masks, clicks and boxes into objects, in order of first appearance.

    Each foreground click and each box without a name makes an object of its own, see
    `name_foreground` and `name_boxes`. A background click without a name belongs to every object
    that a foreground click, a box or a mask gives on its frame; if there is none, to every object
    so given on an earlier frame; if there is none, to every object.

    Args:
        clicks: as `parse_clicks` returns them.
        boxes: as `parse_boxes` returns them.
        masks: with the names of their objects.
        max_objects: the most objects allowed.
        max_conditioning_frames: the most prompted frames of one object; each costs memory.

    Raises:
        InputError: there is nothing to track, an object has background clicks only or two boxes or
            masks on one frame, or a limit is exceeded.
    """
    if not clicks and not boxes and not masks:
        raise InputError(
            "click_coordinates is empty; write [x,y],[x,y],..., or give box_coordinates or "
            "input_masks"
        )
    clicks = name_foreground(clicks, _names(*boxes, *masks))
    boxes = name_boxes(boxes, _names(*clicks, *masks))
    everything: list[Given] = [*masks, *clicks, *boxes]
    names = _names(*everything)
    started: list[Given] = [*(click for click in clicks if click.is_foreground), *boxes, *masks]
    _check_started(names, _names(*started))
    source = "click_object_ids" if clicks else "box_object_ids" if boxes else "input_masks"
    what = "prompts" if boxes or masks else "clicks"
    if len(names) > max_objects:
        raise InputError(
            f"{source} makes {len(names)} objects, but at most {max_objects} are allowed in one "
            f"run (SAM2_MAX_OBJECTS); {what} that share a name belong to one object"
        )
    given: dict[str, dict[int, list[Given]]] = {name: {} for name in names}
    for item in everything:
        owners = [item.object_name] if item.object_name else _owners(item.frame, started, names)
        for name in owners:
            given[name].setdefault(item.frame, []).append(item)
    for name, by_frame in given.items():
        if len(by_frame) > max_conditioning_frames:
            raise InputError(
                f"{source.replace('object_ids', 'frames')} gives object {shown(name)} {what} on "
                f"{len(by_frame)} frames, but at most {max_conditioning_frames} are allowed "
                "(SAM2_MAX_CONDITIONING_FRAMES)"
            )
    return [
        TrackedObject(
            name, tuple(_prompt(name, frame, by_frame[frame]) for frame in sorted(by_frame))
        )
        for name, by_frame in given.items()
    ]


def name_foreground(clicks: Sequence[Click], others: Iterable[str] = ()) -> list[Click]:
    """Name every foreground click that has no name.

    The k-th click, from 1, becomes `object_<k>`, or the next number whose name is not taken, by
    another click or in `others`.
    """
    return _named(clicks, others, lambda click: click.is_foreground)


def name_boxes(boxes: Sequence[Box], others: Iterable[str] = ()) -> list[Box]:
    """Name every box that has no name, as `name_foreground` does."""
    return _named(boxes, others, lambda _: True)


def _named(
    items: Sequence[Named], others: Iterable[str], is_own: Callable[[Named], bool]
) -> list[Named]:
    taken = {*others, *(item.object_name for item in items)}
    named = []
    for position, item in enumerate(items, start=1):
        name = item.object_name
        if not name and is_own(item):
            name = next(n for k in count(position) if (n := f"object_{k}") not in taken)
            taken.add(name)
        named.append(replace(item, object_name=name))
    return named


def _check_started(names: Sequence[str], started: Container[str]) -> None:
    """Check that every object has a foreground click, a box or a mask."""
    if not started:
        raise InputError(
            "click_labels has no foreground click (1), and an object needs at least one"
        )
    for name in names:
        if name not in started:
            raise InputError(
                f"click_object_ids names {shown(name)}, which has background clicks (0) only, "
                "but an object needs at least one foreground click (1)"
            )


def _names(*given: Given) -> list[str]:
    """The names of objects, in order of first appearance."""
    return list(dict.fromkeys(item.object_name for item in given if item.object_name))


def _owners(frame: int, started: Sequence[Given], names: Sequence[str]) -> list[str]:
    """The objects that a background click without a name belongs to."""
    same_frame = _names(*(item for item in started if item.frame == frame))
    earlier = _names(*(item for item in started if item.frame < frame))
    owners = same_frame or earlier or names
    return [name for name in names if name in owners]


def _prompt(name: str, frame: int, given: Sequence[Given]) -> Prompt:
    """What is given of one object on one frame."""
    clicks = [item for item in given if isinstance(item, Click)]
    boxes = [(b.x1, b.y1, b.x2, b.y2) for b in given if isinstance(b, Box)]
    masks = [item.read for item in given if isinstance(item, MaskPrompt)]
    for source, count_given in (("box_coordinates", len(boxes)), ("input_masks", len(masks))):
        if count_given > 1:
            raise InputError(
                f"{source} has {count_given} for object {shown(name)} on frame {frame}, but an "
                "object has at most one on a frame"
            )
    return Prompt(
        frame,
        points=tuple((click.x, click.y) for click in clicks),
        labels=tuple(int(click.is_foreground) for click in clicks),
        box=next(iter(boxes), None),
        mask=next(iter(masks), None),
    )


def moved(objects: Iterable[TrackedObject], frames: int) -> list[TrackedObject]:
    """The same objects, their prompts so many frames later."""
    return [
        replace(
            tracked,
            prompts=tuple(replace(p, frame=p.frame + frames) for p in tracked.prompts),
        )
        for tracked in objects
    ]

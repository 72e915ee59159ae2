"""The three box strings of the interface, read and checked against the video."""

from collections.abc import Iterable
from dataclasses import dataclass

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.clicks import check_frame
from sam2_video.engine.lists import parse_integers, parse_names, parse_tuples


@dataclass(frozen=True)
class Box:
    """A box around an object on a frame.

    Attributes:
        x1, y1: the top left corner, in pixels of the decoded frame from its top left corner.
        x2, y2: the bottom right corner.
        frame: index of the frame, from 0.
        object_name: empty if the user named no object.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    frame: int = 0
    object_name: str = ""


def parse_boxes(
    coordinates: str,
    frames: str = "0",
    object_ids: str = "",
    max_boxes: int = DEFAULT_LIMITS.max_clicks,
) -> list[Box]:
    """Read the three box strings: one box for each four coordinates, none if they are empty.

    Frames and names are read as `parse_clicks` reads those of clicks.

    Args:
        coordinates: `box_coordinates`, as "[x1,y1,x2,y2],...".
        frames: `box_frames`, as "0,150,..."; "0" if empty.
        object_ids: `box_object_ids`, as "dog,cat,...".
        max_boxes: the most boxes allowed.

    Raises:
        InputError: a string is malformed, or there are more than `max_boxes`.
    """
    corners = parse_tuples(
        "box_coordinates", coordinates, item="box", form="[x1,y1,x2,y2]", max_items=max_boxes
    )
    if not corners:
        return []
    frame_values = parse_integers("box_frames", frames, "0", count=len(corners), item="box")
    names = parse_names("box_object_ids", object_ids, count=len(corners), item="box")
    return [
        Box(x1, y1, x2, y2, frame, name)
        for (x1, y1, x2, y2), frame, name in zip(corners, frame_values, names, strict=True)
    ]


def check_boxes(
    boxes: Iterable[Box],
    width: int,
    height: int,
    num_frames: int,
    first: int = 0,
    last: int | None = None,
) -> None:
    """Check that boxes lie inside their video.

    Args:
        boxes: as `parse_boxes` returns them.
        width: of the video, in pixels.
        height: of the video, in pixels.
        num_frames: length of the video.
        first: `start_frame`, the first frame that is processed.
        last: `end_frame`, the last frame that is processed; the video's last if None.

    Raises:
        InputError: a corner lies outside 0 <= x <= width, 0 <= y <= height, a box is not at least
            a little wide and high, or its frame is outside the video or the range.
    """
    for i, box in enumerate(boxes):
        xs, ys = (box.x1, box.x2), (box.y1, box.y2)
        corners = ",".join(f"{value:.12g}" for value in (box.x1, box.y1, box.x2, box.y2))
        if not all(0 <= x <= width for x in xs) or not all(0 <= y <= height for y in ys):
            raise InputError(
                f"box_coordinates[{i}] is [{corners}], but the video has {width}x{height} pixels "
                f"(x 0-{width}, y 0-{height})"
            )
        if not (box.x1 < box.x2 and box.y1 < box.y2):
            raise InputError(
                f"box_coordinates[{i}] is [{corners}], but x1 should be less than x2 and y1 less "
                "than y2"
            )
        check_frame(f"box_frames[{i}]", box.frame, num_frames, first, last)

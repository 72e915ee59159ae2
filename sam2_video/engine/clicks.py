"""The four click strings of the interface, read and checked against the video."""

from collections.abc import Iterable
from dataclasses import dataclass

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.lists import parse_integers, parse_names, parse_tuples


@dataclass(frozen=True)
class Click:
    """One click: a point on a frame that is, or is not, part of an object.

    Attributes:
        x, y: pixels of the decoded frame, from its top left corner.
        is_foreground: whether the point is part of the object.
        frame: index of the frame, from 0.
        object_name: empty if the user named no object.
    """

    x: float
    y: float
    is_foreground: bool = True
    frame: int = 0
    object_name: str = ""


def parse_clicks(
    coordinates: str,
    labels: str,
    frames: str,
    object_ids: str,
    max_clicks: int = DEFAULT_LIMITS.max_clicks,
) -> list[Click]:
    """Read the four click strings: one click for each pair of coordinates, none if they are empty.

    Labels and frames that are too few are repeated from their start; surplus entries are dropped
    with a line in the log. A single object name applies to all clicks.

    Args:
        coordinates: `click_coordinates`, as "[x,y],[x,y],...".
        labels: `click_labels`, as "1,0,..."; "1" if empty.
        frames: `click_frames`, as "0,150,..."; "0" if empty.
        object_ids: `click_object_ids`, as "dog,cat,...".
        max_clicks: the most clicks allowed.

    Raises:
        InputError: a string is malformed, there are more than `max_clicks`, or a label is neither
            0 nor 1.
    """
    points = parse_tuples(
        "click_coordinates", coordinates, item="click", form="[x,y]", max_items=max_clicks
    )
    if not points:
        return []
    count = len(points)
    label_values = parse_integers("click_labels", labels, "1", count=count, item="click")
    frame_values = parse_integers("click_frames", frames, "0", count=count, item="click")
    for i, label in enumerate(label_values):
        if label not in (0, 1):
            raise InputError(
                f"click_labels[{i}] is {label}, but a label is 1 (foreground) or 0 (background)"
            )
    names = parse_names("click_object_ids", object_ids, count=count, item="click")
    return [
        Click(x, y, label == 1, frame, name)
        for (x, y), label, frame, name in zip(
            points, label_values, frame_values, names, strict=True
        )
    ]


def check_clicks(
    clicks: Iterable[Click],
    width: int,
    height: int,
    num_frames: int,
    first: int = 0,
    last: int | None = None,
) -> None:
    """Check that clicks lie inside their video.

    Args:
        clicks: as `parse_clicks` returns them.
        width: of the video, in pixels.
        height: of the video, in pixels.
        num_frames: length of the video.
        first: `start_frame`, the first frame that is processed.
        last: `end_frame`, the last frame that is processed; the video's last if None.

    Raises:
        InputError: a click lies outside 0 <= x < width, 0 <= y < height, or its frame is outside
            the video or the range.
    """
    for i, click in enumerate(clicks):
        if not (0 <= click.x < width and 0 <= click.y < height):
            raise InputError(
                f"click_coordinates[{i}] is [{click.x:.12g},{click.y:.12g}], but the video has "
                f"{width}x{height} pixels (x 0-{width - 1}, y 0-{height - 1})"
            )
        check_frame(f"click_frames[{i}]", click.frame, num_frames, first, last)


def check_frame(
    subject: str, frame: int, num_frames: int, first: int = 0, last: int | None = None
) -> None:
    """Check that the frame of a prompt is one that is processed.

    Args:
        subject: what holds the frame, as an error names it.
        frame: its index.
        num_frames: length of the video.
        first: `start_frame`, the first frame that is processed.
        last: `end_frame`, the last frame that is processed; the video's last if None.

    Raises:
        InputError: it is outside the video or the range.
    """
    end = num_frames - 1 if last is None else last
    if not 0 <= frame < num_frames:
        noun = "frame" if num_frames == 1 else "frames"
        raise InputError(
            f"{subject} is {frame}, but the video has {num_frames} {noun} (0-{num_frames - 1})"
        )
    if not first <= frame <= end:
        raise InputError(
            f"{subject} is {frame}, but start_frame and end_frame choose frames {first}-{end}"
        )

"""The four click strings as the page shows them: read by the model's own rules."""

from collections.abc import Mapping
from typing import Any

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.clicks import check_clicks, parse_clicks
from sam2_video.engine.prompts import build_prompts, name_foreground
from sam2_video.service.errors import problem
from sam2_video.service.page.videos import VideoInfo

_INPUTS = ("click_coordinates", "click_labels", "click_frames", "click_object_ids")


def view(strings: Mapping[str, str], video: VideoInfo | None, limits: Limits) -> dict[str, Any]:
    """Clicks, the objects they make, and what is wrong with them.

    Returns:
        `clicks`: None if the strings cannot be read, else for each `x`, `y`, `foreground`,
        `frame` and `name` (as the model names it); `objects`: for each `name` and `prompts`,
        which are what the model gets on one `frame`; `error`: a sentence and its field, or None.
    """
    coordinates, labels, frames, names = (strings.get(name, "") for name in _INPUTS)
    answer: dict[str, Any] = {"clicks": None, "objects": [], "error": None}
    try:
        clicks = name_foreground(
            parse_clicks(coordinates, labels, frames, names, max_clicks=limits.max_clicks)
        )
        answer["clicks"] = [
            {
                "x": click.x,
                "y": click.y,
                "foreground": click.is_foreground,
                "frame": click.frame,
                "name": click.object_name,
            }
            for click in clicks
        ]
        if video is not None:
            check_clicks(clicks, video.width, video.height, video.num_frames)
        objects = build_prompts(
            clicks,
            max_objects=limits.max_objects,
            max_conditioning_frames=limits.max_conditioning_frames,
        )
    except InputError as error:
        answer["error"] = problem(str(error))
        return answer
    answer["objects"] = [
        {
            "name": tracked.name,
            "prompts": [
                {
                    "frame": prompt.frame,
                    "points": prompt.points,
                    "labels": prompt.labels,
                    "is_conditioning": prompt.is_conditioning,
                }
                for prompt in tracked.prompts
            ],
        }
        for tracked in objects
    ]
    return answer

"""Clips that visitors may try the page with, each with its clicks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from pydantic import Field, ValidationError

from sam2_video.core.limits import Limits
from sam2_video.service.errors import RequestError
from sam2_video.service.net.bodies import Body
from sam2_video.service.net.places import Places, decode
from sam2_video.service.page.frames import thumbnail_of
from sam2_video.service.page.requests import FrameNumber, ObjectId, Pixel
from sam2_video.service.settings import PREVIEWS, Settings, SettingsError
from sam2_video.video.open_video import probe_video

_HEIGHT = 270


class Click(Body):
    """A point to start with."""

    object: ObjectId
    name: str
    frame: FrameNumber
    x: Pixel
    y: Pixel
    foreground: bool = True


class Description(Body):
    """What the JSON file beside a clip holds."""

    title: str
    clicks: list[Click] = Field(default=[], max_length=100)


@dataclass(frozen=True)
class Example:
    """A clip, what it is called, and what to click on.

    Attributes:
        id: its number, from 1.
        clip: the file.
        description: title and clicks.
        preview: a short video of the result; None if there is none.
    """

    id: str
    clip: Path
    description: Description
    preview: Path | None


class Examples:
    """The clips that the operator gives.

    Args:
        settings: the clips, and what decoding one may cost.

    Raises:
        SettingsError: what lies beside a clip cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._examples = [
            _example(number, clip) for number, clip in enumerate(settings.examples, 1)
        ]
        self._limits: Limits = settings.video_limits
        self._seconds = settings.bounds.max_check_seconds
        self._reading = Places(1)
        self._thumbnails: LRUCache[str, bytes] = LRUCache(64)

    def about(self) -> list[dict[str, Any]]:
        """The examples as the page gets them."""
        return [
            {
                "id": one.id,
                "title": one.description.title,
                "thumbnail": f"/api/examples/{one.id}/thumbnail",
                "preview": one.preview and f"/api/examples/{one.id}/preview",
                "clicks": [click.model_dump() for click in one.description.clicks],
            }
            for one in self._examples
        ]

    def get(self, name: str) -> Example:
        """The example of that id.

        Raises:
            RequestError: there is none.
        """
        for one in self._examples:
            if one.id == name:
                return one
        raise RequestError(404, "There is no such example here.")

    async def thumbnail(self, example: Example) -> bytes:
        """The frame in the middle of a clip, as a small JPEG."""
        async with self._reading.held(""):
            if (found := self._thumbnails.get(example.id)) is None:
                found = await decode(self._seconds, self._middle, example.clip)
                self._thumbnails[example.id] = found
        return found

    def _middle(self, clip: Path) -> bytes:
        video = probe_video(clip, self._limits)
        return thumbnail_of(video, video.num_frames // 2, _HEIGHT)


def _example(number: int, clip: Path) -> Example:
    beside = clip.with_suffix(".json")
    description = Description(title=clip.stem.replace("_", " "))
    if beside.is_file():
        try:
            description = Description.model_validate_json(beside.read_bytes())
        except (OSError, ValidationError) as error:
            raise SettingsError(
                f"--example: {str(beside)!r} should hold a title and clicks as JSON"
            ) from error
    previews = [clip.with_name(f"{clip.stem}{ending}") for ending in PREVIEWS]
    preview = next((path for path in previews if path.is_file()), None)
    return Example(str(number), clip, description, preview)

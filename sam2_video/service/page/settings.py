"""What the page's server is told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from sam2_video.core.limits import Limits

_GIB = 1024**3


@dataclass(frozen=True)
class Settings:
    """Where the model is, and what strangers may use up.

    Attributes:
        api: address of the container, without a slash at its end.
        public_url: address under which the container reaches this server, for videos that are
            too large to be sent within a request.
        only_local: whether only names of this machine are answered to, so that a web page
            elsewhere cannot pose as this one by pointing its own name here.
        example: a clip that people may try the page with.
        keep_seconds: how long after its last use a file is deleted.
        max_disk_bytes: what all files together may take.
        max_videos: how many videos one visitor may keep; the oldest goes first.
        limits: what one video may cost; the same as the container's by default.
    """

    api: str
    public_url: str
    only_local: bool = True
    example: Path | None = None
    keep_seconds: float = 2 * 3600.0
    max_disk_bytes: int = 20 * _GIB
    max_videos: int = 5
    limits: Limits = field(default_factory=Limits)

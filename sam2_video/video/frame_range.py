"""Which frames of a video are wanted."""

from dataclasses import dataclass

from sam2_video.core.errors import InputError

_LAST = "or -1 for the video's last frame"


@dataclass(frozen=True)
class FrameRange:
    """The inputs `start_frame` and `end_frame`: frame numbers count from the video's first frame.

    Attributes:
        start_frame: the first frame.
        end_frame: the last frame, itself included; -1 for the video's last.

    Raises:
        InputError: they are no range, whatever the video.
    """

    start_frame: int = 0
    end_frame: int = -1

    def __post_init__(self) -> None:
        """Check what needs no video."""
        start, end = self.start_frame, self.end_frame
        if start < 0:
            raise InputError(f"start_frame is {start}, but it should be 0 or more")
        if end < -1:
            raise InputError(f"end_frame is {end}, but it should be 0 or more, {_LAST}")
        if -1 < end < start:
            raise InputError(
                f"end_frame is {end}, but start_frame is {start}: it should be {start} or more, "
                + _LAST
            )

    @property
    def stop(self) -> int | None:
        """One more than the last frame; None if that is the video's last."""
        return None if self.end_frame == -1 else self.end_frame + 1

    def within(self, count: int) -> range:
        """The frames of a video of which `count` frames were found.

        Raises:
            InputError: the range reaches beyond them.
        """
        for name, frame in (("start_frame", self.start_frame), ("end_frame", self.end_frame)):
            if frame >= count:
                raise InputError(
                    f"{name} is {frame}, but the video has {count} frame{'s'[: count != 1]} "
                    f"(0-{count - 1})"
                )
        return range(self.start_frame, count if self.stop is None else self.stop)

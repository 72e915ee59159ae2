"""Bounds on what one request may cost, each a setting of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from sam2_video.core.errors import SettingError, shown


class FromEnvironment:
    """A dataclass of numbers above zero, each read from a variable of the environment.

    Each field is read under its own name in capitals, `SAM2_` before it (`SAM2_MAX_FRAMES`).
    """

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the fields from `environ` (the process's own when None).

        A variable that is unset or blank leaves its default.

        Raises:
            SettingError: a variable is not a number above zero; one sentence that names it.
        """
        environ = os.environ if environ is None else environ
        given: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]
            name = f"SAM2_{field.name.upper()}"
            text = environ.get(name, "").strip()
            if text:
                given[field.name] = _positive(name, text, whole=isinstance(field.default, int))
        return cls(**given)


@dataclass(frozen=True)
class Limits(FromEnvironment):
    """What the file of an untrusted client may cost before it is refused.

    The defaults are generous: they stop abuse, not long videos.

    Attributes:
        max_video_bytes: size of the input file (4 GiB).
        max_fetch_seconds: seconds that its download may take (600).
        max_frame_pixels: width x height of a frame (7680 x 4320, that is 8K).
        max_frames: frames of a video (1,000,000: more than nine hours at 30 a second).
        max_decode_seconds: seconds that one pass over the video may wait for the decoder
            (1,800). A video is read in several passes; what the caller does with a frame
            between two reads does not count.
        max_decoder_bytes: address space of a decoder process (4 GiB). H.264, HEVC and AV1 in
            8K take up to 2.1 GiB of it, ProRes 4444 and FFV1 in 8K up to 3.1 GiB.
        max_mask_bytes: disk for the compressed masks of frames before the first click, which
            wait there until all are tracked (16 GiB).
        max_clicks: clicks of a request, and boxes (1,000 of each).
        max_objects: objects of a request (64); each costs model time on every frame.
        max_conditioning_frames: frames on which one object has prompts (1,000); each keeps a
            mask and a memory on the model's device, 0.75 MiB at 1,024 pixels.
    """

    max_video_bytes: int = 4 * 1024**3
    max_fetch_seconds: float = 600.0
    max_frame_pixels: int = 7680 * 4320
    max_frames: int = 1_000_000
    max_decode_seconds: float = 1800.0
    max_decoder_bytes: int = 4 * 1024**3
    max_mask_bytes: int = 16 * 1024**3
    max_clicks: int = 1000
    max_objects: int = 64
    max_conditioning_frames: int = 1000


def _positive(name: str, text: str, *, whole: bool) -> int | float:
    """Parse `text`, the value of the variable `name`, as a finite number above zero."""
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        kind = "whole number" if whole else "number"
        raise SettingError(f"{name} is {shown(text)}; give a {kind} above 0")
    return value


DEFAULT_LIMITS = Limits()

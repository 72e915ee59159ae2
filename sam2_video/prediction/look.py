"""How results look, checked before any work."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sam2_video.core.errors import InputError
from sam2_video.video.draw_rgb import GREEN, MOST_INDEXED, parse_colour
from sam2_video.video.encode_images import IMAGE_SIDES
from sam2_video.video.encode_video import VideoFormat, video_format
from sam2_video.video.open_video import StartStream
from sam2_video.video.pictures import Colour
from sam2_video.video.probe import Video
from sam2_video.video.streams import RgbStream, planes_if_plain

logger = logging.getLogger(__name__)

MOST_SEPARATE_PIXELS = 64 * 1920 * 1080
"""Of all videos that are encoded at a time: what an encoder needs grows with its picture."""
SOFT_TYPES = ("alpha", "greenscreen", "highlighted")
"""Mask types whose edges can be soft."""


@dataclass(frozen=True)
class Look:
    """How results look and what they are written as; the inputs that need no prompt.

    Attributes:
        mask_type, annotation_type: what is drawn; see the interface.
        video_format: `mp4`, `webm` or `mov`; None for an image sequence.
        image_format: `webp`, `jpg` or `png`.
        quality: of webp and jpg, 0 to 100.
        fps: frames a second of a video.
        interval: every n-th frame is written.
        is_separate: whether each object gets files of its own.
        keeps_time: whether a video keeps the source's sound and frame times.
        writes_masks: whether `masks.json` is written too.
        expand: pixels that masks grow by.
        feather: pixels over which edges are softened.
        background: behind a green screen.
    """

    mask_type: str
    annotation_type: str
    video_format: str | None
    image_format: str
    quality: int
    fps: int
    interval: int
    is_separate: bool
    keeps_time: bool
    writes_masks: bool
    expand: int
    feather: int
    background: Colour

    def __post_init__(self) -> None:
        """Check that the inputs go together.

        Raises:
            InputError: they do not.
        """
        if self.mask_type == "alpha":
            if self.video_format == "mp4":
                raise InputError(
                    "video_format is 'mp4', which holds no transparency: for mask_type 'alpha' it "
                    "should be webm or mov"
                )
            if self.video_format is None and self.image_format == "jpg":
                raise InputError(
                    "output_format is 'jpg', which holds no transparency: for mask_type 'alpha' it "
                    "should be png or webp"
                )
        if self.mask_type == "indexed" and self.video_format is not None:
            raise InputError(
                "output_video is true, but mask_type 'indexed' is written as PNGs only: "
                "output_video should be false"
            )

    @property
    def is_soft(self) -> bool:
        """Whether edges come from the mask logits, as coverage."""
        return self.mask_type == "alpha" or (self.feather > 0 and self.mask_type in SOFT_TYPES)

    @property
    def start_stream(self) -> StartStream[Any]:
        """What a video is read as: its own planes where they can be drawn on as they are."""
        is_plain = (
            self.video_format == "mp4"
            and self.mask_type in ("highlighted", "greenscreen")
            and not (self.is_soft or self.is_separate)
            and self.background == GREEN
        )
        return planes_if_plain if is_plain else RgbStream

    @property
    def encoding(self) -> VideoFormat:
        """How a video is encoded."""
        assert self.video_format is not None
        return video_format(self.video_format, has_alpha=self.mask_type == "alpha")

    @property
    def suffix(self) -> str:
        """The ending of pictures."""
        return "png" if self.mask_type == "indexed" else self.image_format


def check_output_size(video: Video, look: Look, count: int) -> None:
    """Refuse what the chosen output cannot hold, before any work is done.

    Args:
        video: what is drawn on.
        look: how.
        count: of the objects.

    Raises:
        InputError: a side is too long, there are too many objects for one picture, or too many
            large videos would be encoded at a time; the sentence says what would do.
    """
    if look.mask_type == "indexed" and count > MOST_INDEXED:
        raise InputError(
            f"mask_type is 'indexed', which holds at most {MOST_INDEXED} objects, but there are "
            f"{count}"
        )
    pixels = count * video.width * video.height
    if look.is_separate and look.video_format and pixels > MOST_SEPARATE_PIXELS:
        raise InputError(
            f"separate_objects makes {count} videos of {video.width}x{video.height} at a time, "
            f"which is more than {MOST_SEPARATE_PIXELS} pixels: choose an image sequence, or fewer "
            "objects"
        )
    side = max(video.width, video.height)
    if look.video_format is None:
        limit, output = IMAGE_SIDES[look.suffix], f"a {look.suffix} picture"
    else:
        limit, output = look.encoding.side, f"a video in {look.video_format}"
    if side <= limit:
        return
    roomy = " or ".join(name for name, longest in IMAGE_SIDES.items() if side <= longest)
    advice = f"choose an image sequence in {roomy}" if roomy else "make it smaller"
    raise InputError(
        f"input_video is {video.width}x{video.height} pixels, but {output} ends at {limit} a side: "
        f"{advice}"
    )


def look_of(inputs: Mapping[str, Any]) -> Look:
    """How results look, from the inputs of a prediction as `Contract.complete` gives them.

    Raises:
        InputError: inputs do not go together.
    """
    interval = inputs["output_frame_interval"]
    if interval < 1:
        raise InputError(f"output_frame_interval is {interval}, but it should be 1 or more")
    look = Look(
        mask_type=inputs["mask_type"],
        annotation_type=inputs["annotation_type"],
        video_format=inputs["video_format"] if inputs["output_video"] else None,
        image_format=inputs["output_format"],
        quality=inputs["output_quality"],
        fps=inputs["video_fps"],
        interval=interval,
        is_separate=inputs["separate_objects"],
        keeps_time=inputs["keep_audio"],
        writes_masks=inputs["output_masks"],
        expand=inputs["mask_expand"],
        feather=inputs["mask_feather"],
        background=parse_colour(inputs["background_color"]),
    )
    if look.video_format is None and look.suffix != inputs["output_format"]:
        logger.info("output_format is %s, but indexed pictures are png", inputs["output_format"])
    return look

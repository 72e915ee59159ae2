"""Outputs that no encoder can hold are refused, and no others."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sam2_video.core.errors import InputError, OutputError
from sam2_video.prediction.contract import contract
from sam2_video.prediction.look import check_output_size, look_of
from sam2_video.video.encode_images import ImageSequence
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.pictures import Picture


def check(width: int, height: int, objects: int = 1, **inputs: object) -> None:
    given = {"input_video": Path("clip.mp4"), "click_coordinates": "[0,0]", **inputs}
    look = look_of(contract().complete(given))
    check_output_size(SimpleNamespace(width=width, height=height), look, objects)


def test_not_more_videos_are_encoded_at_a_time_than_memory_holds() -> None:
    separate = {"separate_objects": True, "output_video": True}
    check(1920, 1080, 64, **separate)
    check(7680, 4320, 64, separate_objects=True)
    with pytest.raises(InputError, match="makes 64 videos of 1920x1088 at a time"):
        check(1920, 1088, 64, **separate)


def test_an_indexed_picture_holds_255_objects() -> None:
    check(64, 64, 255, mask_type="indexed")
    with pytest.raises(InputError, match="at most 255 objects, but there are 256"):
        check(64, 64, 256, mask_type="indexed")


@pytest.mark.parametrize(
    ("image_format", "longest"), [("webp", 16383), ("jpg", 65500), ("png", 1_000_000)]
)
def test_image_sides_end_where_the_encoder_ends(
    tmp_path: Path, image_format: str, longest: int
) -> None:
    check(longest, 1, output_format=image_format)
    sequence = ImageSequence(tmp_path, image_format, 80)
    sequence.write(0, Picture(np.zeros((1, longest), np.uint8)))
    for width, height in ((longest + 1, 1), (1, longest + 1)):
        with pytest.raises(InputError, match=f"{width}x{height}.* {longest} ") as caught:
            check(width, height, output_format=image_format)
        assert image_format not in str(caught.value).split(":")[1]


def test_video_sides_end_where_the_encoder_ends(tmp_path: Path) -> None:
    check(16384, 16384, output_video=True)
    with VideoFile(tmp_path / "a.mp4", 16384, 2, 30, "center") as file:
        file.write(np.zeros((3, 16384), np.uint8))
    with pytest.raises(InputError, match=r"16385x9 .* 16384 .*: choose .* jpg or png"):
        check(16385, 9, output_video=True)
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: [^/\n]+$"),
        VideoFile(tmp_path / "b.mp4", 16386, 2, 30, "center") as file,
    ):
        file.write(np.zeros((3, 16386), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

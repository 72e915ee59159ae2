"""Outputs that no encoder can hold are refused, and no others."""

from pathlib import Path

import numpy as np
import pytest

from sam2_video.core.errors import InputError, OutputError
from sam2_video.prediction.outputs import check_output_size
from sam2_video.video.encode_images import ImageSequence
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.pictures import Picture


@pytest.mark.parametrize(
    ("image_format", "longest"), [("webp", 16383), ("jpg", 65500), ("png", 1_000_000)]
)
def test_image_sides_end_where_the_encoder_ends(
    tmp_path: Path, image_format: str, longest: int
) -> None:
    check_output_size(longest, 1, False, image_format)
    sequence = ImageSequence(tmp_path, image_format, 80)
    sequence.write(0, Picture(np.zeros((1, longest), np.uint8)))
    for width, height in ((longest + 1, 1), (1, longest + 1)):
        with pytest.raises(InputError, match=f"{width}x{height}.* {longest} ") as caught:
            check_output_size(width, height, False, image_format)
        assert image_format not in str(caught.value).split(":")[1]


def test_video_sides_end_where_the_encoder_ends(tmp_path: Path) -> None:
    check_output_size(16384, 16384, True, "webp")
    with VideoFile(tmp_path / "a.mp4", 16384, 2, 30, "center") as file:
        file.write(np.zeros((3, 16384), np.uint8))
    with pytest.raises(InputError, match=r"16385x9 .* 16384 .*: choose .* jpg or png"):
        check_output_size(16385, 9, True, "webp")
    with (
        pytest.raises(OutputError, match=r"^the video could not be encoded: [^/\n]+$"),
        VideoFile(tmp_path / "b.mp4", 16386, 2, 30, "center") as file,
    ):
        file.write(np.zeros((3, 16386), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

"""Limits are read from the environment."""

import pytest

from sam2_video.core.limits import Limits


def test_limits_from_the_environment():
    environ = {
        "SAM2_MAX_FRAMES": " 12 ",
        "SAM2_MAX_DECODE_SECONDS": "1.5",
        "SAM2_MAX_VIDEO_BYTES": "",
    }
    limits = Limits.from_env(environ)
    assert limits == Limits(max_frames=12, max_decode_seconds=1.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SAM2_MAX_FRAMES", "many"),
        ("SAM2_MAX_FRAMES", "1.5"),
        ("SAM2_MAX_FRAME_PIXELS", "0"),
        ("SAM2_MAX_VIDEO_BYTES", "-1"),
        ("SAM2_MAX_DECODE_SECONDS", "nan"),
        ("SAM2_MAX_DECODE_SECONDS", "inf"),
    ],
)
def test_a_limit_that_is_no_number(name, text):
    with pytest.raises(ValueError, match=f"{name} is '{text}'; give a (whole )?number above 0"):
        Limits.from_env({name: text})

"""The length of a video costs time, not memory."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import FFMPEG, ROOT

ALLOWED_GROWTH = 100e6  # bytes

# The whole job but the writing of files, both directions; prints frames and peak bytes.
RUN = """
import resource, sys
from sam2_video import load_model, segment
model = load_model("nano", image_size=128)
clicks = {"click_coordinates": "[32,32]", "click_frames": sys.argv[2]}
frames = sum(1 for _ in segment(sys.argv[1], **clicks, model=model))
print(frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def make_clip(path: Path, frames: int) -> Path:
    source = f"testsrc2=size=64x64:rate=30:duration={frames / 30}"
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", source, "-preset", "ultrafast", path]
    subprocess.run(command, check=True)
    return path


def peak_memory(clip: Path, frames: int) -> float:
    """Bytes at the peak of a run that starts in the middle."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, clip, str(frames // 2)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    counted, peak = done.stdout.split()
    assert int(counted) == frames
    return float(peak)


def test_memory_does_not_grow_with_length(tmp_path) -> None:
    short = peak_memory(make_clip(tmp_path / "short.mp4", 100), 100)
    long = peak_memory(make_clip(tmp_path / "long.mp4", 3000), 3000)
    print(f"{short / 1e6:.0f} MB for 100 frames, {long / 1e6:.0f} MB for 3,000")
    assert long - short < ALLOWED_GROWTH

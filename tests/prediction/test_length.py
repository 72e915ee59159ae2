"""The length of a video costs time, not memory."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import FFMPEG, ROOT

ALLOWED_GROWTH = 40e6  # bytes

# The whole job but the writing of files, in both directions, with nano's network on a trunk that
# costs nothing; prints frames and peak bytes.
RUN = """
import os, sys, torch
from torch.nn.functional import avg_pool2d
from sam2_video import LoadedModel, segment
from sam2_video.models.registry import find_checkpoint
from sam2_video.engine.model import build_network
from bench.memory import memory_of

class Trunk(torch.nn.Module):
    channel_list = [320, 112, 40, 24]
    def forward(self, x):
        pooled = [avg_pool2d(x, stride).mean(1, keepdim=True) for stride in (4, 8, 16, 32)]
        return [p.expand(-1, c, -1, -1) for p, c in zip(pooled, reversed(self.channel_list))]

torch.manual_seed(0)
network = build_network(find_checkpoint("nano"), 128)
network.image_encoder.trunk = Trunk()
clicks = {"click_coordinates": "[32,32]", "click_frames": sys.argv[2]}
frames = sum(1 for _ in segment(sys.argv[1], **clicks, model=LoadedModel("small", network)))
print(frames, memory_of([os.getpid()], peak=True))  # `ru_maxrss` begins at its parent's
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
    long = peak_memory(make_clip(tmp_path / "long.mp4", 1000), 1000)
    print(f"{short / 1e6:.0f} MB for 100 frames, {long / 1e6:.0f} MB for 1,000")
    assert long - short < ALLOWED_GROWTH

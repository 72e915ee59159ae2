"""The first start on a machine, whose cache is empty, gives what later ones give."""

import os
import subprocess
import sys

import pytest

from tests import clips

TRACK = """
import hashlib, locale, sys
encoding = locale.getencoding()
from sam2_video import load_model, segment
digest = hashlib.sha256()
for frame in segment(sys.argv[1], "[30,30]", model=load_model("nano", image_size=128)):
    digest.update(frame.masks.tobytes() + frame.scores.tobytes())
assert locale.getencoding() == encoding
print(digest.hexdigest())
"""
LOAD = """
import logging
logging.basicConfig(level="INFO")
from sam2_video import load_model
load_model("nano", image_size=128)
"""
UNFINISHED = """
import sys
from sam2_video import load_model, segment
frames = segment(sys.argv[1], "[30,30]", model=load_model("nano", image_size=512))
next(frames)
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return clips.encode(path, clips.numbered(6), *clips.H264)


def start(script: str, clip, cache) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(clip)],
        env={**os.environ, "LC_ALL": "C.UTF-8", "SAM2_COMPILE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(processes: list[subprocess.Popen[str]]) -> set[str]:
    found = set()
    for process in processes:
        output, log = process.communicate(timeout=120)
        assert process.returncode == 0, log
        assert "not cached" not in log
        found.add(output)
    return found


def test_processes_that_start_at_once_and_later_ones_find_the_same(clip, tmp_path) -> None:
    cache = tmp_path / "cache"
    first = outputs([start(TRACK, clip, cache) for _ in range(3)])
    assert len(first) == 1
    assert outputs([start(TRACK, clip, cache)]) == first


def test_the_first_start_says_what_it_waits_for(clip, tmp_path) -> None:
    logs = [start(LOAD, clip, tmp_path / "cache").communicate(timeout=120)[1] for _ in range(2)]
    assert [log.count("compiling the model for this processor") for log in logs] == [1, 0]


def test_without_a_cache_the_same_is_found(clip, tmp_path) -> None:
    expected = outputs([start(TRACK, clip, tmp_path / "cache")])
    file = tmp_path / "file"
    file.touch()
    output, log = start(TRACK, clip, file).communicate(timeout=120)
    assert {output} == expected
    assert log.count("not cached") == 1


def test_python_ends_while_a_frame_is_encoded(clip, tmp_path) -> None:
    assert outputs([start(UNFINISHED, clip, tmp_path / "cache") for _ in range(2)]) == {""}

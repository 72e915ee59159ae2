"""Clips that flash and beep at the same moments, and the way to find both in a result."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.clips import FFMPEG, H264, ffmpeg

RATE = 48_000
SIZE = (96, 64)
_BEEP_SECONDS = 0.05


def flashing(
    path: Path,
    times: Sequence[float],
    flashes: Sequence[int],
    codec: str = "aac",
    *,
    sound_from: float = 0.0,
    sound_to: float | None = None,
) -> Path:
    """Encode black pictures, some of them white, and a beep that starts with each white one.

    Args:
        path: the clip.
        times: when each picture is shown, in whole milliseconds.
        flashes: the numbers of the white pictures.
        codec: ffmpeg's encoder for the sound; none if empty.
        sound_from: seconds at which the stream of sound starts.
        sound_to: seconds at which it ends; by default a second after the last picture.
    """
    width, height = SIZE
    white_or_black = np.zeros((len(times), height * width), np.uint8)
    white_or_black[list(flashes)] = 255
    raw = path.with_suffix(".raw")
    white_or_black.tofile(raw)
    stamps = [round(1000 * time) for time in times]
    # A sum of steps: each picture's time, as one expression of its number.
    steps = "+".join(f"{b - a}*gt(N\\,{k})" for k, (a, b) in enumerate(pairwise(stamps)))
    end = times[-1] + 1 if sound_to is None else sound_to
    sound = np.zeros(round((end - sound_from) * RATE))
    wave = np.sin(np.arange(round(_BEEP_SECONDS * RATE)) * 2 * np.pi * 1500 / RATE)
    for flash in flashes:
        at = round((times[flash] - sound_from) * RATE)
        if 0 <= at < len(sound):
            sound[at : at + len(wave)] = 0.8 * wave[: len(sound) - at]
    samples = path.with_suffix(".pcm")
    (32767 * sound).astype("<i2").tofile(samples)
    pictures, beeps = path.with_suffix(".pictures.mkv"), path.with_suffix(".mka")
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", "1000"),
        *("-i", raw, "-vf", f"settb=1/1000,setpts='{stamps[0]}+{steps or 0}'", *H264),
        *("-fps_mode", "passthrough", "-enc_time_base", "1/1000", pictures),
    )
    both = ("-copyts", "-i", pictures)
    if codec:
        ffmpeg("-f", "s16le", "-ar", str(RATE), "-i", samples, "-c:a", codec, beeps)
        both += ("-itsoffset", str(sound_from), "-i", beeps)
    ffmpeg(*both, "-c", "copy", path)
    return path


def shown_times(path: Path) -> list[tuple[float, bool]]:
    """When each picture of a video is shown, and whether it is white."""
    command = [FFMPEG, "-v", "error", "-copyts", "-i", str(path), "-map", "0:v"]
    command += ["-fps_mode", "passthrough", "-vf", "scale=1:1", "-pix_fmt", "gray"]
    stamped = [*command, "-enc_time_base", "demux", "-f", "framecrc", "-"]
    listed = subprocess.run(stamped, capture_output=True, check=True).stdout.decode()
    levels = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True)
    numerator, denominator = map(int, re.findall(r"#tb 0: (\d+)/(\d+)", listed)[0])
    stamps = [int(line.split(",")[2]) for line in listed.splitlines() if line[0] != "#"]
    return [
        (stamp * numerator / denominator, level > 128)
        for stamp, level in zip(stamps, levels.stdout, strict=True)
    ]


def flash_times(path: Path) -> list[float]:
    """When a video's white pictures are shown."""
    return [time for time, is_white in shown_times(path) if is_white]


def beep_times(path: Path) -> list[float]:
    """When beeps start, in seconds by the file's clock."""
    command = [FFMPEG, "-v", "error", "-copyts", "-i", str(path), "-map", "0:a"]
    command += ["-af", f"aresample={RATE}:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-"]
    run = subprocess.run(command, capture_output=True, check=True)
    level = np.abs(np.frombuffer(run.stdout, "<i2").astype(int))
    loud = np.flatnonzero(level > 6000)
    starts = loud[np.diff(loud, prepend=-RATE) > RATE // 10]
    return [int(start) / RATE for start in starts]


def streams(path: Path) -> list[str]:
    """What ffmpeg says of each stream."""
    return re.findall(r"Stream #0:\d+.*?: (\w+: \w+)", _log("-i", path))


def length(path: Path) -> float:
    """Seconds that a file states."""
    hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", _log("-i", path))[0]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _log(*arguments: str | Path) -> str:
    command = [FFMPEG, "-hide_banner", "-nostdin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode()

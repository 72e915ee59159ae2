"""Peak memory and disk over a video's length, ours and Meta's.

    python -m bench.length [--frames 100 1000 10000] [--late]

Every length runs in a process of its own, on a drawn clip of 320x180. `--late` clicks on the last
frame, so that every frame is tracked backward and its masks wait on disk. Meta's side reads JPEG
files and keeps every frame in memory; where its process is killed the table shows NaN.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from bench.clip import disc_centre, write_clip
from bench.memory import memory_of
from sam2_video.models.registry import find_checkpoint

SIZE = (320, 180)


def run_ours(clip: Path, frames: int, late: bool) -> None:
    """The whole job by the predictor, with a video as its result."""
    from predict import Predictor

    predictor = Predictor()
    predictor.setup()
    at = frames - 1 if late else 0
    x, y = disc_centre(at, SIZE)
    for _ in predictor.predict(
        input_video=clip, click_coordinates=f"[{x},{y}]", click_frames=str(at), output_video=True
    ):
        pass
    predictor.close()


def run_meta(clip: Path) -> None:
    """Decode to JPEG files, load, track."""
    from bench.sides import network_of, predictor_of

    predictor = predictor_of(network_of("nano", find_checkpoint("nano").image_size))
    with tempfile.TemporaryDirectory() as folder:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(clip)]
        subprocess.run([*command, "-start_number", "0", f"{folder}/%05d.jpg"], check=True)
        state = predictor.init_state(folder)
        labels = np.array([1], np.int32)
        predictor.add_new_points_or_box(
            state, 0, 1, np.array([disc_centre(0, SIZE)], np.float32), labels
        )
        for _ in predictor.propagate_in_video(state):
            pass


def disk_peak(folder: Path, done: threading.Event, peak: list[int]) -> None:
    """Watch how many bytes a folder takes on disk, deleted files that are still open included."""
    free = _free(folder)
    while not done.wait(0.5):
        peak[0] = max(peak[0], free - _free(folder))


def _free(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def measure(side: str, frames: int, late: bool) -> tuple[float, float, float]:
    """Peak megabytes of memory, of disk, and seconds; memory is NaN if the process was killed."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.mp4")
        write_clip(clip, frames, SIZE)
        command = [sys.executable, "-m", "bench.length", "--alone", side, "--clip", str(clip)]
        command += ["--frames", str(frames), *(["--late"] if late else [])]
        done, peak = threading.Event(), [0]
        watcher = threading.Thread(target=disk_peak, args=(Path(folder), done, peak))
        watcher.start()
        start = time.perf_counter()
        ended = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    killed = ended.returncode != 0
    memory = float("nan") if killed else json.loads(ended.stdout.splitlines()[-1]) / 1e6
    return memory, peak[0] / 1e6, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--sides", nargs="+", choices=["ours", "meta"], default=["ours", "meta"])
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--alone", choices=["ours", "meta"], help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        if options.alone == "ours":
            run_ours(options.clip, options.frames[0], options.late)
        else:
            run_meta(options.clip)
        print(json.dumps(memory_of([os.getpid()], peak=True)))
        return
    print("| frames | side | peak memory MB | disk MB | seconds |")
    print("|---|---|---|---|---|")
    for frames in options.frames:
        for side in options.sides:
            memory, disk, seconds = measure(side, frames, options.late)
            print(f"| {frames} | {side} | {memory:.0f} | {disk:.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()

"""Peak memory and disk over a video's length, ours and Meta's.

    python -m bench.length [--frames 100 1000 10000] [--late]

Every length is run in a process of its own, on a drawn clip of 320x180. `--late` clicks on the
last frame, so that every frame is tracked backward and its masks wait on disk. Meta's side gets
JPEG files, as it wants them, and keeps every frame; it stops where its process is killed.
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

import cv2
import imageio_ffmpeg
import numpy as np

from bench.memory import memory_of
from sam2_video.models.registry import find_checkpoint

SIZE = (320, 180)


def draw(path: Path, frames: int, size: tuple[int, int] = SIZE) -> None:
    """A disc that goes to and fro, in the left half of the picture."""
    width, height = size
    radius = height // 6
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=30, quality=5, macro_block_size=4)
    writer.send(None)
    for frame in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        place = (2 * radius + abs(frame % 400 - 200) * width // 320, height // 2)
        cv2.circle(picture, place, radius, (230, 120, 40), -1)
        writer.send(picture.tobytes())
    writer.close()


def run_ours(clip: Path, frames: int, late: bool) -> None:
    """The whole job by the predictor, with a video as its result."""
    from predict import Predictor

    predictor = Predictor()
    predictor.setup()
    at = frames - 1 if late else 0
    click = f"[{60 + abs(at % 400 - 200)},90]"
    for _ in predictor.predict(
        input_video=clip, click_coordinates=click, click_frames=str(at), output_video=True
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
        predictor.add_new_points_or_box(state, 0, 1, np.array([[260, 90]], np.float32), labels)
        for _ in predictor.propagate_in_video(state):
            pass


def disk_peak(folder: Path, done: threading.Event, peak: list[int]) -> None:
    """Watch how many bytes a folder holds, open files without a name included."""
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
        draw(clip, frames)
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

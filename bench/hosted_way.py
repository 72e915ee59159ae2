"""How the hosted model works on a video, written out to be measured against.

It decodes the video into JPEG files, loads all of them, tracks, keeps every mask, decodes a second
time, writes every result as a PNG file, reads it back, and hands it to an encoder at its defaults.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from sam2.sam2_video_predictor import SAM2VideoPredictor
from torch import Tensor

from sam2_video.clicks import TrackedObject
from sam2_video.render import renderer


def run(
    predictor: SAM2VideoPredictor | None,
    video: Path,
    objects: list[TrackedObject],
    mask_type: str,
    output_format: str,
    out: Path,
) -> int:
    """Do the whole job; without a predictor every frame has the same mask.

    Args:
        predictor: Meta's, with its weights.
        video: the file.
        objects: what to track.
        mask_type: as in the interface.
        output_format: `video`, or the format of an image sequence.
        out: folder for the result.

    Returns:
        The number of frames.
    """
    with tempfile.TemporaryDirectory() as folder:
        frames, results = Path(folder, "frames"), Path(folder, "results")
        frames.mkdir()
        results.mkdir()
        _decode(video, frames)
        masks = _constant(frames) if predictor is None else _track(predictor, frames, objects)
        count = _render(video, dict(masks), mask_type, results)
        if output_format == "video":
            _encode(results, count, out / "output_video.mp4")
        else:
            for index in range(count):
                picture = cv2.imread(str(results / f"{index:05d}.png"))
                cv2.imwrite(str(out / f"frame_{index:05d}.{output_format}"), picture)
    return count


def _decode(video: Path, folder: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(video)]
    command += ["-q:v", "2", "-start_number", "0", str(folder / "%05d.jpg")]
    subprocess.run(command, check=True)


def _constant(frames: Path) -> Iterator[tuple[int, np.ndarray]]:
    """The mask of a disc for every JPEG file, which is loaded as Meta's loader loads it."""
    from sam2.utils.misc import load_video_frames

    images, height, width = load_video_frames(str(frames), 256, offload_video_to_cpu=True)
    for index in range(len(images)):
        mask = np.zeros((1, height, width), np.uint8)
        cv2.circle(mask[0], (width // 2, height // 2), height // 4, 1, -1)
        yield index, mask.astype(bool)


def _track(
    predictor: SAM2VideoPredictor, frames: Path, objects: list[TrackedObject]
) -> Iterator[tuple[int, np.ndarray]]:
    state = predictor.init_state(str(frames))
    for tracked in objects:
        for prompt in tracked.prompts:
            points, labels = np.array(prompt.points, np.float32), np.array(prompt.labels, np.int32)
            predictor.add_new_points_or_box(state, prompt.frame, tracked.name, points, labels)
    for index, _, logits in predictor.propagate_in_video(state):
        yield index, _masks(logits)


def _masks(logits: Tensor) -> np.ndarray:
    return (logits > 0).cpu().numpy()[:, 0]


def _render(video: Path, masks: dict[int, np.ndarray], mask_type: str, folder: Path) -> int:
    render = renderer(mask_type, "mask")
    capture = cv2.VideoCapture(str(video))
    count = 0
    while True:
        done, frame = capture.read()
        if not done:
            return count
        picture = render(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), masks[count])
        if picture.ndim == 3:
            picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{count:05d}.png"), picture)
        count += 1


def _encode(folder: Path, count: int, path: Path) -> None:
    height, width = cv2.imread(str(folder / "00000.png")).shape[:2]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=30)
    writer.send(None)
    for index in range(count):
        picture = cv2.imread(str(folder / f"{index:05d}.png"))
        writer.send(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).tobytes())
    writer.close()

"""The hosted model's processing of a video, reimplemented as a baseline.

The steps come from public copies of its predictor; bench/README.md names them and what had to be
replaced. OpenCV decodes every frame into a JPEG file. Meta's loader reads all of them into one
tensor at the model's size. OpenCV decodes the video a second time during tracking. Pillow writes
every picture of a video as a PNG file, and at the end reads them back for ffmpeg's pipe. Pictures
of an image sequence are written by Pillow at once.
"""

import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from sam2.sam2_video_predictor import SAM2VideoPredictor
from sam2.utils.misc import load_video_frames
from torch import Tensor

from sam2_video.engine.prompts import TrackedObject
from sam2_video.video.draw_rgb import GREEN, colour_of

# The hosted model encodes on the GPU (NVENC). A machine without one uses what the same predictor
# used before that: libx264 with this preset and rate factor.
ENCODER = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "fast", "-crf", "23")
QUALITY = 80


class StubPredictor:
    """Meta's predictor without its network: every frame gets `logits`.

    Args:
        image_size: the model's input, pixels a side.
        logits: (1, 1, h, w) mask logits.
    """

    def __init__(self, image_size: int, logits: Tensor) -> None:
        self.image_size = image_size
        self.logits = logits

    def track(self, frames: Path) -> Iterator[Tensor]:
        """(1, 1, H, W) logits of every frame, all frames loaded before the first."""
        images, height, width = load_video_frames(
            str(frames), self.image_size, offload_video_to_cpu=True
        )
        for _ in range(len(images)):
            yield F.interpolate(self.logits, (height, width), mode="bilinear", align_corners=False)


class HostedPredictor:
    """Meta's predictor with the clicks of a request."""

    def __init__(self, predictor: SAM2VideoPredictor, objects: list[TrackedObject]) -> None:
        self.predictor = predictor
        self.objects = objects

    def track(self, frames: Path) -> Iterator[Tensor]:
        """(K, 1, H, W) logits of every frame, all frames loaded before the first."""
        state = self.predictor.init_state(str(frames))
        for tracked in self.objects:
            for prompt in tracked.prompts:
                points = np.array(prompt.points, np.float32)
                labels = np.array(prompt.labels, np.int32)
                self.predictor.add_new_points_or_box(
                    state, prompt.frame, tracked.name, points, labels
                )
        for _, _, logits in self.predictor.propagate_in_video(state):
            yield logits


def run(
    predictor: HostedPredictor | StubPredictor,
    video: Path,
    mask_type: str,
    output_format: str,
    out: Path,
) -> int:
    """Do the whole job.

    Args:
        predictor: computes the masks.
        video: the file.
        mask_type: as in the interface.
        output_format: `video`, or the format of an image sequence.
        out: folder for the result.

    Returns:
        The number of frames.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, frame in enumerate(_decoded(video)):
            cv2.imwrite(str(folder / f"{index:05d}.jpeg"), frame)
        results = zip(_decoded(video), predictor.track(folder), strict=False)
        pictures = (_render(frame, logits, mask_type) for frame, logits in results)
        if output_format == "video":
            return _write_video(pictures, folder, out / "output_video.mp4")
        count = 0
        for index, picture in enumerate(pictures):
            _save(Image.fromarray(picture), out / f"frame_{index:05d}.{output_format}")
            count += 1
        return count


def _decoded(video: Path) -> Generator[np.ndarray, None, None]:
    """Frames as OpenCV reads them: (H, W, 3) uint8 BGR."""
    capture = cv2.VideoCapture(str(video))
    while True:
        is_there, frame = capture.read()
        if not is_there:
            capture.release()
            return
        yield frame


def _render(frame: np.ndarray, logits: Tensor, mask_type: str) -> np.ndarray:
    """A picture from a BGR frame and (K, 1, H, W) logits, in full size throughout."""
    masks: NDArray[np.bool_] = (logits > 0.0).cpu().numpy().astype(bool).squeeze(axis=1)
    for mask in masks:  # the box of each object, whether or not it is drawn
        rows, columns = np.where(mask)
        if len(rows):
            _ = columns.min(), rows.min(), columns.max(), rows.max()
    if mask_type == "binary":
        return np.where(masks.any(axis=0), np.uint8(255), np.uint8(0))
    if mask_type == "greenscreen":
        green = np.full(frame.shape, GREEN, dtype=np.uint8)
        return np.where(np.expand_dims(masks.any(axis=0), -1), frame, green)
    scene, tinted = frame.copy(), frame.copy()
    for index in np.flip(np.argsort([mask.sum() for mask in masks])):
        tinted[masks[index]] = colour_of(int(index))[::-1]
    return cv2.addWeighted(tinted, 0.5, scene, 0.5, 0, dst=scene)


def _save(picture: Image.Image, path: Path) -> None:
    if path.suffix == ".png":
        picture.save(path, format="PNG")
    else:
        form = "JPEG" if path.suffix == ".jpg" else "WEBP"
        picture.save(path, format=form, quality=QUALITY, optimize=True)


def _write_video(pictures: Iterator[np.ndarray], folder: Path, path: Path) -> int:
    files = []
    for index, picture in enumerate(pictures):
        files.append(folder / f"frame_{index:05d}.png")
        Image.fromarray(picture).save(files[-1])
    with Image.open(files[0]) as first:
        width, height = first.size
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-f", "rawvideo"]
    command += ["-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "30", "-i", "-"]
    with subprocess.Popen([*command, *ENCODER, str(path)], stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for file in files:
            with Image.open(file) as image:
                encoder.stdin.write(np.array(image.convert("RGB"))[:, :, ::-1].tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise RuntimeError(f"ffmpeg ended with {encoder.returncode}")
    return len(files)


def disc_logits(image_size: int) -> Tensor:
    """(1, 1, S/4, S/4) logits of a disc, a stub's result for every frame."""
    side = image_size // 4
    disc = np.zeros((side, side), np.float32)
    cv2.circle(disc, (side // 2, side // 2), side // 4, 1.0, -1)
    return torch.from_numpy(disc - 0.5)[None, None]

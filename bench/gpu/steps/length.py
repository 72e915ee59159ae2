"""Step 7: memory does not grow with length, and too little of it is one sentence."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from unittest import mock

import torch

from bench.clip import disc_centre, write_clip
from bench.gpu.check import Check, release_memory
from bench.gpu.engines import accelerated, forget_peak, peak_bytes, plain_model
from bench.length import SIZE
from bench.memory import memory_of
from sam2_video.core.errors import DeviceMemoryError
from sam2_video.engine.model import LoadedModel
from sam2_video.engine.tracker import TrackingPass
from sam2_video.prediction.segment import segment

CLICK = "[{},{}]".format(*disc_centre(0, SIZE))
HOST_GROWTH, GPU_GROWTH = 150e6, 50e6  # bytes
LOOK_EVERY = 25  # frames
SPARE_BYTES = 8 * 2**20


def run(check: Check) -> None:
    """`nano` throughout: what is kept of a frame is the same with every model."""
    model = accelerated(plain_model("nano", check.scale.nano_size, check.device), "auto")
    check.unit("length", lambda: _lengths(check, model))
    check.unit("too little memory", lambda: _too_little(check, model))


def _lengths(check: Check, model: LoadedModel) -> None:
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in check.scale.length_frames:
            if not check.has_time(f"{frames} frames"):
                continue
            clip = Path(folder) / f"{frames}.mp4"
            write_clip(clip, frames, SIZE)
            forget_peak(check.device)
            host = _track(model, clip)
            gpu = peak_bytes(check.device)
            peaks.append((host, gpu or 0))
            check.row(frames=frames, host_MB=host / 1e6, GPU_MB=None if gpu is None else gpu / 1e6)
    growth = [last - first for first, last in zip(peaks[0], peaks[-1], strict=True)]
    check.expect(growth[0] < HOST_GROWTH, f"host memory grows by {growth[0] / 1e6:.0f} MB")
    check.expect(growth[1] < GPU_GROWTH, f"GPU memory grows by {growth[1] / 1e6:.0f} MB")


def _track(model: LoadedModel, clip: Path) -> int:
    """Bytes of this process at most, as seen every few frames of a prediction."""
    highest = 0
    with closing(segment(clip, CLICK, model=model)) as frames:
        for frame in frames:
            if frame.index % LOOK_EVERY == 0:
                highest = max(highest, memory_of([os.getpid()]))
    return highest


def _too_little(check: Check, model: LoadedModel) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, min(check.scale.length_frames), SIZE)
        release_memory()
        sentence = ""
        with _shortage(check):
            try:
                _track(model, clip)
            except DeviceMemoryError as error:
                sentence = str(error)
        check.row(what="with too little memory", found=sentence or "it worked")
        check.expect("SAM2_IMAGE_SIZE" in sentence, "no sentence says what to lower")
        _track(model, clip)
        check.row(what="the next prediction", found="works")


def _shortage(check: Check) -> AbstractContextManager:
    """Hardly more memory than is in use; on a CPU the exception that a GPU would raise."""
    if check.is_cuda:
        return _limited()
    failure = torch.OutOfMemoryError("CUDA out of memory.")
    return mock.patch.object(TrackingPass, "step_encoded", side_effect=failure)


@contextmanager
def _limited() -> Iterator[None]:
    """Let PyTorch take at most `SPARE_BYTES` more of the GPU's memory than it has already."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + SPARE_BYTES) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)

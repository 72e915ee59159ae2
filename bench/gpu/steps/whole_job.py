"""Step 6: from a file to files, and where the time goes."""

import tempfile
import time
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from unittest import mock

from imageio_ffmpeg import get_ffmpeg_version

from bench.clip import disc_centre, write_clip
from bench.engine import Stopwatch
from bench.gpu.check import Check
from bench.gpu.engines import accelerated, plain_model, synchronize, timed_block, track
from bench.sides import clicked, pictures, stages_of
from sam2_video.core.limits import Limits
from sam2_video.engine.model import LoadedModel
from sam2_video.models.registry import find_checkpoint
from sam2_video.prediction import request as requests
from sam2_video.prediction import track as tracking
from sam2_video.prediction.contract import contract
from sam2_video.prediction.request import Request, checked_request
from sam2_video.prediction.track import warm_up
from sam2_video.video.colour_space import to_planes
from sam2_video.video.decode import read_frames
from sam2_video.video.draw_rgb import rgb_renderer
from sam2_video.video.encode_video import VideoFile
from sam2_video.video.open_video import probe_video

BATCH = 4


def run(check: Check) -> None:
    """As the product runs by default, then with both levers, then stage by stage."""
    width, height, frames = check.scale.job_clip
    with tempfile.TemporaryDirectory() as folder, _known_tags():
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, frames, (width, height))
        for name in check.scale.job_models:
            check.unit(name, partial(_model, check, name, clip))
        check.unit("decoding and encoding alone", lambda: _files(check, clip))


def _known_tags() -> AbstractContextManager:
    """Leave out the one tag of our videos that the kit's FFmpeg cannot set; it costs no time."""
    if not get_ffmpeg_version().lstrip("n").startswith("7."):
        return nullcontext()
    tags = VideoFile._TAGS.replace(":chroma_location={}", "")
    return mock.patch.object(VideoFile, "_TAGS", tags)


def _model(check: Check, name: str, clip: Path) -> None:
    size = find_checkpoint(name).image_size
    plain = plain_model(name, size, check.device)
    models = {"as by default": accelerated(plain, "auto")}
    if check.is_cuda:
        models["both levers"] = accelerated(plain, "auto", graphs=True, batch=BATCH)
    else:
        check.leave_out("the job with both levers", "only on a GPU")
    for label, model in models.items():
        warm_up(model)
        engine = _engine_alone(check, model)
        for form in ("video", "png"):
            count, seconds = _job(model, clip, form)
            check.row(
                model=name,
                way=label,
                output=f"highlighted {form}",
                frames_a_second=count / seconds,
                engine_alone=1 / engine,
                share_of_engine=engine * count / seconds,
            )
    _stages(check, models["as by default"], clip)


def _engine_alone(check: Check, model: LoadedModel) -> float:
    """Seconds a frame, one object."""
    scale = check.scale
    images = [x.to(check.device) for x in pictures(model.image_size, scale.warm + scale.block + 1)]
    steps = track(model, images, clicked(1, model.image_size))
    timed_block(steps, scale.warm - 1, check.device, is_mixed=False)
    return timed_block(steps, scale.block, check.device, is_mixed=False)


def _job(model: LoadedModel, clip: Path, form: str) -> tuple[int, float]:
    """Frames of one prediction, and its seconds, checks included."""
    video = probe_video(clip)
    x, y = disc_centre(0, (video.width, video.height))
    inputs = {
        "input_video": clip,
        "click_coordinates": f"[{x},{y}]",
        "mask_type": "highlighted",
        "output_video": form == "video",
        "output_format": "png",
    }
    request = Request(**contract().complete(inputs))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        with checked_request(request, folder, Limits()) as checked:
            files = checked.run(model, folder / "out", folder, lambda: None)
            with closing(files):
                written = list(files)
        seconds = time.perf_counter() - begin
        if len(written) != (1 if form == "video" else video.num_frames):
            raise RuntimeError(f"{len(written)} files were written for {video.num_frames} frames")
    return video.num_frames, seconds


def _stages(check: Check, model: LoadedModel, clip: Path) -> None:
    """Milliseconds a frame of each stage, the GPU waited for after each: they add up to more."""
    stages = {
        **stages_of(model.network),
        "copy": (tracking, "normalize_image"),
        "masks to full size": (requests, "masks_of"),
    }
    watch = Stopwatch(stages, partial(synchronize, check.device))
    with watch.running():
        count, _ = _job(model, clip, "video")
    for stage, seconds in watch.seconds.items():
        check.row(model=model.name, stage=stage, ms_a_frame=1000 * seconds / count)


def _files(check: Check, clip: Path) -> None:
    """What other threads and processes do meanwhile, each alone."""
    video = probe_video(clip)
    begin = time.perf_counter()
    with closing(read_frames(video)) as frames:
        kept = list(frames)
    decoded = time.perf_counter() - begin
    masks = [frame[None, :, :, 0] > 128 for frame in kept]
    draw = rgb_renderer("highlighted", "mask")
    begin = time.perf_counter()
    pictures_drawn = [to_planes(draw(*both)) for both in zip(kept, masks, strict=True)]
    drawing = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        file = VideoFile(Path(folder) / "a.mp4", video.width, video.height, 30, "center")
        with file:
            for planes in pictures_drawn:
                file.write(planes)
        encoded = time.perf_counter() - begin
    for stage, seconds in (("decode", decoded), ("draw", drawing), ("encode video", encoded)):
        check.row(model="none", stage=stage, ms_a_frame=1000 * seconds / len(kept))

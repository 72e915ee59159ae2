"""The whole job, from a file to files, against the hosted model's way of working.

    python -m bench.job CLIP --clicks '[640,360]' [--model nano | --stub]

`--stub` replaces the model on both sides by constant logits, which leaves decoding, preprocessing
for a model of `--size`, masks in full size, drawing and encoding. The sides take turns, round by
round.
"""

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from unittest import mock

import torch
from sam2.modeling.sam2_base import SAM2Base

from bench import hosted_way
from bench.sides import network_of, predictor_of
from predict import Predictor
from sam2_video.core.limits import Limits
from sam2_video.engine.tracker import FrameMasks
from sam2_video.models.registry import find_checkpoint
from sam2_video.prediction import track
from sam2_video.prediction.prepare import PromptInputs, prepare
from sam2_video.video.open_video import probe_video
from sam2_video.video.streams import first_frame_only

MASK_TYPES = ("binary", "highlighted", "greenscreen")
FORMATS = ("video", "webp", "jpg", "png")


class StubPass:
    """A tracking pass that returns the same disc for every frame."""

    def __init__(self, network: SAM2Base, *_: object, **__: object) -> None:
        logits = hosted_way.disc_logits(int(network.image_size))
        self.masks = FrameMasks(logits, torch.ones(len(logits)))

    def needs_features(self, frame: int) -> bool:
        """Never."""
        return False

    def step_encoded(self, frame: int, features: None) -> FrameMasks:
        """The mask of one object."""
        return self.masks


@contextmanager
def stubbed(is_stubbed: bool) -> Iterator[None]:
    """Replace the model of our side by a stub."""
    if not is_stubbed:
        yield
        return
    clicked = [SimpleNamespace(masks={0: None})]
    with (
        mock.patch.object(track._Tracking, "_encode_prompted_frames", return_value=clicked),
        mock.patch.object(track, "TrackingPass", StubPass),
    ):
        yield


def hosted_predictor(
    options: argparse.Namespace, size: int
) -> hosted_way.StubPredictor | hosted_way.HostedPredictor:
    """The predictor of the hosted side."""
    if options.stub:
        return hosted_way.StubPredictor(size, hosted_way.disc_logits(size))
    clicks = PromptInputs(options.clicks)
    with prepare(options.clip, clicks, Limits(), first_frame_only) as prepared:
        objects = prepared.objects
    return hosted_way.HostedPredictor(predictor_of(network_of(options.model, size)), objects)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--clicks", default="[10,10]")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--stub", action="store_true")
    parser.add_argument("--size", type=int, help="of the model's input; 1024 for a stub")
    parser.add_argument("--types", nargs="+", choices=MASK_TYPES, default=["highlighted"])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=["video"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    size = options.size or (1024 if options.stub else find_checkpoint(options.model).image_size)
    theirs = hosted_predictor(options, size)
    os.environ["SAM2_MODEL"], os.environ["SAM2_IMAGE_SIZE"] = options.model, str(size)
    ours = Predictor()
    _ = ours.model  # loading is not measured
    if not options.stub:
        ours.setup()
    video = probe_video(options.clip)
    print(
        f"{options.clip.name}: {video.width}x{video.height}, {video.num_frames} frames, "
        f"{'no model' if options.stub else options.model} at {size}, "
        f"{torch.get_num_threads()} threads"
    )
    print("| mask type | output | hosted way, frames/s | ours, frames/s | ratio |")
    print("|---|---|---|---|---|")
    for mask_type, form in itertools.product(options.types, options.formats):
        seconds: dict[str, list[float]] = {"hosted": [], "ours": []}
        for _ in range(options.rounds):
            out = Path(tempfile.mkdtemp())
            start = time.perf_counter()
            with redirect_stderr(StringIO()):
                count = hosted_way.run(theirs, options.clip, mask_type, form, out)
            seconds["hosted"].append(time.perf_counter() - start)
            shutil.rmtree(out)
            start = time.perf_counter()
            with stubbed(options.stub), redirect_stderr(StringIO()):
                paths = list(
                    ours.predict(
                        input_video=options.clip,
                        click_coordinates=options.clicks,
                        mask_type=mask_type,
                        output_video=form == "video",
                        output_format="webp" if form == "video" else form,
                    )
                )
            seconds["ours"].append(time.perf_counter() - start)
            if count != video.num_frames or len(paths) != (1 if form == "video" else count):
                sys.exit(f"{len(paths)} files, {count} frames of {video.num_frames}")
        slow, fast = (median(seconds[side]) for side in ("hosted", "ours"))
        row = f"{count / slow:.1f} | {count / fast:.1f} | {slow / fast:.1f}"
        print(f"| {mask_type} | {form} | {row} |", flush=True)
    ours.close()


if __name__ == "__main__":
    main()

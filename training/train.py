"""Train nano by the recipe; started again, it resumes where it stopped.

    python -m training.train

Writes `training/runs/NAME/`: `state.pt` to resume from, `weights.pt` (the averaged weights),
`plain.pt` (the last ones) and `log.csv`: stage, step, minutes, loss, IoU after the first click, IoU
on the last frame or after the last click, prompt insensitivity (`losses.Score`), and the loss of
the affinity.
"""

import argparse
import csv
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sam2.modeling.sam2_base import SAM2Base

from sam2_video.accelerate.network import keep_freed_memory
from training.affinity import Affinity
from training.calibration import calibrate_presence
from training.data import Batch, Batches, stream
from training.folded import fold, patch_for_autograd, unfolded
from training.inputs import MissingMaterialError, existing_file
from training.library import require_library
from training.losses import Score
from training.memory_init import init_memory
from training.model import (
    ANY_SIDE,
    DecoderOutputs,
    MovingAverage,
    build,
    init_weights,
    interpolate_trunk,
    load,
)
from training.optimisers import make_optimisers
from training.recipe import Recipe, RecipeError, Stage, read_recipe
from training.steps import StepOptions, forward
from training.whitening import whiten_features

HERE = Path(__file__).parent
CLIP_NORM = 2.0
SAVE_EVERY = 120.0
LOG_EVERY = 20
MEASURED_BATCHES = 20
"""Number of batches on which whitening, memory initialisation and calibration measure the model."""
LONGEST_STEP = 20.0
"""Seconds; anything beyond is a pause of the process and does not count as training time."""


def learning_rate(stage: Stage, step: int, spent: float) -> float:
    """The learning rate: a warm-up in steps, then half a cosine over the stage's minutes."""
    done = min(spent / stage.minutes, 1.0)
    low = stage.final_rate
    shape = low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done))
    return stage.learning_rate * shape * min(1.0, (step + 1) / stage.warmup)


def freeze_all_but(model: torch.nn.Module, prefixes: tuple[str, ...]) -> None:
    """Train only weights whose names start with one of the prefixes."""
    for name, parameter in model.named_parameters():
        if not name.startswith(prefixes):
            parameter.requires_grad_(False)


@dataclass
class Progress:
    """How far a run has come: the stage, and the steps and minutes in it."""

    stage: int = 0
    step: int = 0
    minutes: float = 0.0


@dataclass(frozen=True)
class Trained:
    """What is trained together.

    Attributes:
        modules: nano as `0`, the affinity as `1`; named so in saved states.
        average: the moving average of nano's weights.
    """

    modules: torch.nn.ModuleList
    average: MovingAverage

    @property
    def model(self) -> SAM2Base:
        """Nano, folded."""
        return self.modules[0]

    @property
    def affinity(self) -> Affinity:
        """The encoder's auxiliary task."""
        affinity = self.modules[1]
        assert isinstance(affinity, Affinity)
        return affinity


@dataclass(frozen=True)
class BatchSource:
    """Batches of a stage's clips, or of single frames, and how to train on them."""

    stage: Stage
    batches: Iterator[Batch]

    def forward(
        self, trained: Trained, outputs: DecoderOutputs, rng: np.random.Generator
    ) -> tuple[list[Score], torch.Tensor]:
        """`steps.forward` on the next batch."""
        corrections = int(rng.choice(len(self.stage.clicks), p=self.stage.clicks))
        second_frame = None
        if rng.random() < self.stage.second_frame:
            second_frame = int(rng.integers(1, self.stage.frames))
        options = StepOptions(
            corrections, second_frame, self.stage.trained_frames, self.stage.object_pointers
        )
        batch = next(self.batches)
        with torch.autocast("cpu", torch.bfloat16):
            return forward(trained.model, outputs, trained.affinity, batch, rng, options)


class Run:
    """A training run on disk: model, averaged weights, optimiser and progress."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe
        self.progress = Progress()
        self._state = folder / "state.pt"
        self._saved: dict[str, Any] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            self._saved = torch.load(self._state, weights_only=True)
            self.progress = Progress(**self._saved["progress"])

    def train(self, library: Path) -> None:
        """Run every stage that is not done yet."""
        stages = self.recipe.stages
        while self.progress.stage < len(stages):
            self._stage(stages[self.progress.stage], library)
            self.progress = Progress(self.progress.stage + 1)
            saved = torch.load(self._state, weights_only=True) | {"optimisers": None}
            saved["progress"] = asdict(self.progress)
            # A stage begins with the averaged weights of the one before, which are better.
            averaged = saved["average"].items()
            saved["model"] |= {f"0.{name}": value for name, value in averaged}
            torch.save(saved, self._state)
            self._saved = saved

    def _stage(self, stage: Stage, library: Path) -> None:
        trained = self._models(stage.side)
        outputs = DecoderOutputs(trained.model.sam_mask_decoder)
        progress = self.progress
        rng = np.random.default_rng([self.recipe.seed, progress.stage, progress.step])
        sources = self._sources(stage, library, rng)
        if progress.step == 0:
            trained = self._prepared(stage, trained, outputs, sources[0])
        if stage.trained_parts is not None:
            freeze_all_but(trained.modules, tuple(f"0.{part}" for part in stage.trained_parts))
        optimisers = make_optimisers(trained.modules, self.recipe.weight_decay)
        if self._saved and self._saved["optimisers"]:
            for optimiser, state in zip(optimisers, self._saved["optimisers"], strict=True):
                optimiser.load_state_dict(state)
        last, saved = time.monotonic(), time.monotonic()
        recent: list[tuple[float, ...]] = []
        while progress.minutes < stage.minutes:
            for group in (g for optimiser in optimisers for g in optimiser.param_groups):
                rate = learning_rate(stage, progress.step, progress.minutes)
                group["lr"] = rate * group["share"]
            source = sources[progress.step % len(sources)]
            scores, affinity_term = source.forward(trained, outputs, rng)
            loss = torch.stack([score.loss for score in scores]).mean() + affinity_term
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained.modules.parameters(), CLIP_NORM)
            for optimiser in optimisers:
                optimiser.step()
            trained.average.update(trained.model)
            # The last score of a single frame is not one of a last frame.
            last_iou = scores[-1].iou if source is sources[0] else np.nan
            first = scores[0]
            recent.append(
                (loss.item(), first.iou, last_iou, first.prompt_insensitivity, affinity_term.item())
            )
            now = time.monotonic()
            progress.step += 1
            progress.minutes += min(now - last, LONGEST_STEP) / 60
            last = now
            if progress.step % LOG_EVERY == 0:
                self._log(stage.name, np.nanmean(recent, axis=0))
                recent = []
            if now - saved > SAVE_EVERY:
                self._save(trained, optimisers)
                saved = now
        self._save(trained, optimisers)

    def _models(self, side: int) -> Trained:
        """The models as saved, or as the recipe starts."""
        model = build(side)
        modules = torch.nn.ModuleList([model, Affinity(model.image_encoder.neck.d_model)])
        if self._saved is None:
            if self.recipe.start is not None:
                load(model, HERE.parent / self.recipe.start)
            else:
                init_weights(model)
        fold(model, self.recipe.frozen_blocks)
        if self._saved is None and self.recipe.interpolate_trunk:
            interpolate_trunk(model, self.recipe.interpolate_trunk)
        average = MovingAverage(model, self.recipe.average_decay)
        if self._saved is not None:
            modules.load_state_dict(self._saved["model"])
            average.state, average.steps = self._saved["average"], self._saved["updates"]
        return Trained(modules, average)

    def _prepared(
        self, stage: Stage, trained: Trained, outputs: DecoderOutputs, source: BatchSource
    ) -> Trained:
        """Set weights by measurement if the stage asks for it; the average then starts over."""
        if not (stage.whiten_features or stage.init_memory or stage.calibrate_presence):
            return trained
        batches = [next(source.batches) for _ in range(MEASURED_BATCHES)]
        if stage.whiten_features:
            whiten_features(trained.model, torch.cat([batch.frames[:, 0] for batch in batches]))
        if stage.init_memory:
            init_memory(trained.model, batches)
        if stage.calibrate_presence:
            calibrate_presence(trained.model, outputs, batches)
        return Trained(trained.modules, MovingAverage(trained.model, self.recipe.average_decay))

    def _sources(self, stage: Stage, library: Path, rng: np.random.Generator) -> list[BatchSource]:
        """The sources of the steps, in turns: the stage's clips, then its single frames if any."""
        sources = [BatchSource(stage, self._batches(stage, library, rng))]
        if stage.single_frames is not None:
            single = stage.on_single_frames(stage.single_frames)
            source = BatchSource(single, self._batches(single, library, rng))
            sources += [source] * stage.single_frames.steps
        return sources

    def _batches(self, stage: Stage, library: Path, rng: np.random.Generator) -> Iterator[Batch]:
        seed = int(rng.integers(2**31))
        shape = (stage.images, stage.prompts, stage.frames, stage.side)
        return stream(Batches(library, seed, shape, stage.mosaics, stage.pairs, self.recipe.uses))

    def _log(self, stage: str, means: np.ndarray) -> None:
        progress = self.progress
        row = [stage, progress.step, round(progress.minutes, 2), *np.round(means, 4)]
        print(*row, flush=True)
        with (self.folder / "log.csv").open("a", newline="") as file:
            csv.writer(file).writerow(row)

    def _save(self, trained: Trained, optimisers: list[torch.optim.Optimizer]) -> None:
        average = trained.average
        state = {
            "model": trained.modules.state_dict(),
            "average": average.state,
            "updates": average.steps,
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "progress": asdict(self.progress),
        }
        plain = trained.model.state_dict()
        for content, path in (
            (state, self._state),
            ({"model": unfolded(average.state, build(ANY_SIDE))}, self.folder / "weights.pt"),
            ({"model": unfolded(plain, build(ANY_SIDE))}, self.folder / "plain.pt"),
        ):
            torch.save(content, path.with_suffix(".part"))
            path.with_suffix(".part").replace(path)


def main() -> None:
    """Train, or resume."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--recipe", type=existing_file, default=HERE / "recipe.toml", help="the stages to train"
    )
    parser.add_argument(
        "--library",
        type=Path,
        default=HERE / "assets/library",
        help="folder of the images that clips are made of, written by training.materials",
    )
    parser.add_argument(
        "--run",
        type=Path,
        default=HERE / "runs/nano",
        help="folder of the run; if it exists, training resumes from its state.pt",
    )
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of PyTorch")
    arguments = parser.parse_args()
    try:
        recipe = read_recipe(arguments.recipe)
        require_library(arguments.library)
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(0)
        keep_freed_memory()
        patch_for_autograd()
        Run(arguments.run, recipe).train(arguments.library)
    except (MissingMaterialError, RecipeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

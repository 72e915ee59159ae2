"""Train nano by the recipe; started again, it goes on where it was.

    python -m training.train

Writes `training/runs/NAME/`: `state.pt` to resume from, `weights.pt` (the averaged weights),
`plain.pt` (the last ones) and `log.csv`: stage, step, minutes, loss, IoU after the first click, IoU
on the last frame or after the last click, how deaf the decoder is to the click (`losses.Score`),
and the loss of the affinity.
"""

import argparse
import csv
import math
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sam2_video.accelerate.network import keep_freed_memory
from training.affinity import Affinity
from training.binding import bind_memory
from training.data import Batch, Batches, stream
from training.folded import differentiate_quickly, fold, unfolded
from training.losses import Score
from training.model import ANY_SIDE, AllMasks, Average, build, load, recall, start
from training.optimisers import make_optimisers
from training.presence import make_honest
from training.spread import spread
from training.steps import forward

HERE = Path(__file__).parent
CLIP_NORM = 2.0
SAVE_EVERY = 120.0
LOG_EVERY = 20
SPREAD_BATCHES = 20
"""So many are looked at before weights are set by hand."""
LONGEST_STEP = 20.0
"""Seconds; what a step took beyond it was a pause of the process, and is not training time."""


def rate(stage: dict[str, Any], step: int, spent: float) -> float:
    """The learning rate: a warm-up in steps, then half a cosine over the stage's minutes."""
    done = min(spent / stage["minutes"], 1.0)
    low = stage["last_rate"]
    shape = low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done))
    return stage["rate"] * shape * min(1.0, (step + 1) / stage["warmup"])


def freeze_all_but(model: torch.nn.Module, beginnings: tuple[str, ...]) -> None:
    """Let only weights learn whose names begin so."""
    for name, parameter in model.named_parameters():
        if not name.startswith(beginnings):
            parameter.requires_grad_(False)


@dataclass(frozen=True)
class Lesson:
    """What a step learns from: the clips of a stage, or single frames between them.

    Attributes:
        plan: the stage's table in the recipe.
        batches: made as it says.
    """

    plan: dict[str, Any]
    batches: Iterator[Batch]

    def learn(
        self,
        model: torch.nn.Module,
        seen: AllMasks,
        affinity: Affinity,
        rng: np.random.Generator,
    ) -> tuple[list[Score], torch.Tensor]:
        """`forward` on the next batch."""
        corrections = int(rng.choice(len(self.plan["clicks"]), p=self.plan["clicks"]))
        again = None
        if rng.random() < self.plan["again"]:
            again = int(rng.integers(1, self.plan["frames"]))
        batch = next(self.batches)
        with torch.autocast("cpu", torch.bfloat16):
            return forward(
                model,
                seen,
                batch,
                rng,
                corrections,
                affinity,
                again,
                self.plan.get("learned"),
                self.plan.get("pointers", 1.0),
            )


class Run:
    """A training run on disk: model, averaged weights, optimiser, and how far it has come."""

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self.folder = folder
        self.recipe = recipe
        self.place = {"stage": 0, "step": 0, "minutes": 0.0}
        self._state = folder / "state.pt"
        self._saved: dict[str, Any] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            self._saved = torch.load(self._state, weights_only=True)
            self.place = self._saved["place"]

    def train(self, library: Path) -> None:
        """Run every stage that is not done yet."""
        stages = self.recipe["stage"]
        while self.place["stage"] < len(stages):
            self._stage(stages[self.place["stage"]], library)
            self.place = {"stage": self.place["stage"] + 1, "step": 0, "minutes": 0.0}
            self._saved = torch.load(self._state, weights_only=True) | {"optimisers": None}
            self._saved["place"] = self.place
            # A stage begins with the averaged weights of the one before, which are better.
            averaged = self._saved["average"].items()
            self._saved["model"] |= {f"0.{name}": value for name, value in averaged}
            torch.save(self._saved, self._state)

    def _stage(self, stage: dict[str, Any], library: Path) -> None:
        both, average = self._models(stage["side"])
        model, affinity = both
        seen = AllMasks(model.sam_mask_decoder)
        seed = [self.recipe["seed"], self.place["stage"], self.place["step"]]
        rng = np.random.default_rng(seed)
        lessons = self._lessons(stage, library, rng)
        if self.place["step"] == 0 and any(stage.get(k) for k in ("spread", "bound", "honest")):
            batches = [next(lessons[0].batches) for _ in range(SPREAD_BATCHES)]
            if stage.get("spread"):
                spread(model, torch.cat([batch.frames[:, 0] for batch in batches]))
            if stage.get("bound"):
                bind_memory(model, batches)
            if stage.get("honest"):
                make_honest(model, seen, batches)
            average = Average(model, self.recipe["average"])
        if "parts" in stage:
            freeze_all_but(both, tuple(f"0.{part}" for part in stage["parts"]))
        optimisers = make_optimisers(both, self.recipe["decay"])
        if self._saved and self._saved["optimisers"]:
            for optimiser, state in zip(optimisers, self._saved["optimisers"], strict=True):
                optimiser.load_state_dict(state)
        last, saved, recent = time.monotonic(), time.monotonic(), []
        while self.place["minutes"] < stage["minutes"]:
            step = self.place["step"]
            for group in (g for optimiser in optimisers for g in optimiser.param_groups):
                group["lr"] = rate(stage, step, self.place["minutes"]) * group["share"]
            lesson = lessons[step % len(lessons)]
            scores, kinship = lesson.learn(model, seen, affinity, rng)
            loss = torch.stack([score.loss for score in scores]).mean() + kinship
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(both.parameters(), CLIP_NORM)
            for optimiser in optimisers:
                optimiser.step()
            average.update(model)
            # What is last on a still is no last frame.
            last_iou = scores[-1].iou if lesson is lessons[0] else np.nan
            recent.append((loss.item(), scores[0].iou, last_iou, scores[0].deaf, kinship.item()))
            now = time.monotonic()
            self.place["step"] += 1
            self.place["minutes"] += min(now - last, LONGEST_STEP) / 60
            last = now
            if self.place["step"] % LOG_EVERY == 0:
                self._log(stage["name"], np.nanmean(recent, axis=0))
                recent = []
            if now - saved > SAVE_EVERY:
                self._save(both, average, optimisers)
                saved = now
        self._save(both, average, optimisers)

    def _models(self, side: int) -> tuple[torch.nn.ModuleList, Average]:
        """Nano, folded, and the affinity; nano's average: all as saved, or as the recipe starts."""
        model = build(side)
        both = torch.nn.ModuleList([model, Affinity(model.image_encoder.neck.d_model)])
        if self._saved is None:
            if self.recipe.get("start"):
                load(model, HERE.parent / self.recipe["start"])
            else:
                start(model)
        fold(model, self.recipe["frozen_blocks"])
        if self._saved is None and "recalled" in self.recipe:
            recall(model, self.recipe["recalled"])
        average = Average(model, self.recipe["average"])
        if self._saved is not None:
            both.load_state_dict(self._saved["model"])
            average.state, average.steps = self._saved["average"], self._saved["updates"]
        return both, average

    def _lessons(
        self, stage: dict[str, Any], library: Path, rng: np.random.Generator
    ) -> list[Lesson]:
        """What steps learn from in turn: the stage's clips, then its stills if it has any."""
        lessons = [Lesson(stage, self._batches(stage, library, int(rng.integers(2**31))))]
        if "stills" in stage:
            stills = stage | stage["stills"] | {"frames": 1, "again": 0.0}
            batches = self._batches(stills, library, int(rng.integers(2**31)))
            lessons += [Lesson(stills, batches)] * stills["each"]
        return lessons

    def _batches(self, stage: dict[str, Any], library: Path, seed: int) -> Iterator[Batch]:
        shape = (stage["images"], stage["prompts"], stage["frames"], stage["side"])
        uses = self.recipe["uses"]
        return stream(Batches(library, seed, shape, stage["mosaics"], stage["pairs"], uses))

    def _log(self, stage: str, means: np.ndarray) -> None:
        row = [stage, self.place["step"], round(self.place["minutes"], 2), *np.round(means, 4)]
        print(*row, flush=True)
        with (self.folder / "log.csv").open("a", newline="") as file:
            csv.writer(file).writerow(row)

    def _save(self, model: torch.nn.ModuleList, average: Average, optimisers: list[Any]) -> None:
        plain = model[0].state_dict()
        state = {
            "model": model.state_dict(),
            "average": average.state,
            "updates": average.steps,
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "place": self.place,
        }
        for content, path in (
            (state, self._state),
            ({"model": unfolded(average.state, build(ANY_SIDE))}, self.folder / "weights.pt"),
            ({"model": unfolded(plain, build(ANY_SIDE))}, self.folder / "plain.pt"),
        ):
            torch.save(content, path.with_suffix(".part"))
            path.with_suffix(".part").replace(path)


def main() -> None:
    """Train, or go on training."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.toml")
    parser.add_argument("--library", type=Path, default=HERE / "assets/library")
    parser.add_argument("--run", type=Path, default=HERE / "runs/nano")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    differentiate_quickly()
    Run(arguments.run, tomllib.loads(arguments.recipe.read_text())).train(arguments.library)


if __name__ == "__main__":
    main()

"""Write trained weights as the checkpoint that is shipped, in half precision and with metadata.

    python -m training.export WEIGHTS... [--out checkpoints/sam2_nano.pt]

WEIGHTS is a run's `weights.pt`, the averaged ones, or its `plain.pt`, the last ones: after a short
stage the average lags behind. Several files are averaged.
"""

import argparse
import hashlib
from pathlib import Path

import torch
from torch import Tensor

from training.inputs import existing_file
from training.model import CONFIG

HERE = Path(__file__).parent
VERSION = "7"
LICENCE = "Apache-2.0"


def recipe_hash(recipe: Path, config: Path = CONFIG) -> str:
    """SHA-256 of the recipe and of the model's config, in this order."""
    return hashlib.sha256(recipe.read_bytes() + config.read_bytes()).hexdigest()


def mean_of(files: list[Path]) -> dict[str, Tensor]:
    """The mean of several weights, which have to be of one run to be close to each other."""
    states = [torch.load(file, weights_only=True)["model"] for file in files]
    return {
        name: torch.stack([state[name] for state in states]).mean(0)
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
    }


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floats in half precision, the rest unchanged."""
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "weights", type=existing_file, nargs="+", help="weights.pt or plain.pt of a run"
    )
    parser.add_argument(
        "--recipe",
        type=existing_file,
        default=HERE / "recipe.toml",
        help="recipe of the run, whose hash is written into the checkpoint",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE.parent / "checkpoints/sam2_nano.pt",
        help="the checkpoint to write",
    )
    arguments = parser.parse_args()
    state = mean_of(arguments.weights)
    meta = {"version": VERSION, "licence": LICENCE, "recipe": recipe_hash(arguments.recipe)}
    arguments.out.parent.mkdir(exist_ok=True)
    torch.save({"model": halved(state), "meta": meta}, arguments.out)
    print(arguments.out, f"{arguments.out.stat().st_size / 1e6:.1f} MB", meta)


if __name__ == "__main__":
    main()

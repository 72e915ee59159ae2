"""The training recipe, `recipe.toml`, checked and with types."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar


class RecipeError(Exception):
    """The recipe cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class SingleFrames:
    """Steps of single frames between the steps of clips.

    A step of clips teaches little about clicks: three pictures of four objects, clicked once or
    twice, in five seconds. Single frames, six pictures of eight objects with five clicks and more,
    take one and a half. Half an hour of them raised 53 real frames from an IoU of 0.655, 0.686 and
    0.715 (one, three, six clicks) to 0.672, 0.719 and 0.761; in the first ten minutes the share of
    foreground clicks that were followed rose from 54 to 71 %. Two such steps after each step of
    clips keep that while memory adapts.

    Attributes:
        steps: number of such steps after each step of clips.
        images, prompts, pairs, clicks: as in `Stage`, for these steps.
    """

    steps: int
    images: int
    prompts: int
    pairs: float
    clicks: tuple[float, ...]


@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Attributes:
        name: for the log.
        minutes: of training, not of evaluation.
        side: image size in pixels.
        images: clips encoded per step.
        prompts: objects decoded for each clip.
        pairs: share of the prompts that ask for two objects as one.
        frames: length of a clip.
        second_frame: share of the steps on which objects are clicked on another frame too.
        clicks: shares of the steps on which the first mask gets no, one, two and more corrections.
        mosaics: share of easy clips without a background.
        learning_rate: the highest.
        warmup: steps until it is reached.
        final_rate: the last learning rate over the highest.
        trained_frames: tracked frames with gradients, at a random position in the clip; all if
            None.
        object_pointers: share of the frames on which memory has object pointers.
        whiten_features: first whiten the feature map in part, see `training.whitening`.
        init_memory: first initialise memory to match positions, see `training.memory_init`.
        calibrate_presence: first calibrate the presence head, see `training.calibration`.
        trained_parts: only weights whose names start with one of these are trained; all if None.
        single_frames: steps between those of clips, if any.
    """

    name: str
    minutes: float
    side: int
    images: int
    prompts: int
    pairs: float
    frames: int
    second_frame: float
    clicks: tuple[float, ...]
    mosaics: float
    learning_rate: float
    warmup: int
    final_rate: float
    trained_frames: int | None = None
    object_pointers: float = 1.0
    whiten_features: bool = False
    init_memory: bool = False
    calibrate_presence: bool = False
    trained_parts: tuple[str, ...] | None = None
    single_frames: SingleFrames | None = None

    def on_single_frames(self, options: SingleFrames) -> "Stage":
        """This stage with steps of single frames."""
        return replace(
            self,
            frames=1,
            second_frame=0.0,
            images=options.images,
            prompts=options.prompts,
            pairs=options.pairs,
            clicks=options.clicks,
        )


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Attributes:
        seed: of all random choices.
        weight_decay: AdamW's and Muon's.
        average_decay: decay of the moving average of the weights.
        frozen_blocks: this many first blocks of the trunk are not trained, nor is its stem.
        uses: how often a clip is used on average, each time with other clicks.
        stages: run one after the other.
        start: checkpoint to start from, relative to the repository; ImageNet's trunk if None.
        interpolate_trunk: move the trunk's first weights this far back to ImageNet's.
    """

    seed: int
    weight_decay: float
    average_decay: float
    frozen_blocks: int
    uses: int
    stages: tuple[Stage, ...]
    start: str | None = None
    interpolate_trunk: float = 0.0


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: it is not TOML, or a key is missing or unknown.
    """
    try:
        return parse_recipe(tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not a TOML file: {error}") from error


def parse_recipe(table: Mapping[str, Any]) -> Recipe:
    """The recipe of a TOML document.

    Raises:
        RecipeError: a key is missing or unknown.
    """
    stages = []
    for number, stage in enumerate(table.get("stage", []), start=1):
        values = dict(stage)
        if "single_frames" in values:
            name = f"single_frames of stage {number}"
            values["single_frames"] = _build(SingleFrames, values["single_frames"], name)
        stages.append(_build(Stage, values, f"stage {number}"))
    values = {key: value for key, value in table.items() if key != "stage"}
    return _build(Recipe, {**values, "stages": stages}, "the recipe")


T = TypeVar("T", Recipe, Stage, SingleFrames)


def _build(kind: type[T], values: Mapping[str, Any], name: str) -> T:
    known = {field.name for field in fields(kind)}
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    for key in values.keys() - known:
        raise RecipeError(f"{name} has the key {key!r}, but it should be one of {sorted(known)}")
    for key in sorted(needed - values.keys()):
        raise RecipeError(f"{name} has no {key!r}")
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return kind(**arguments)

"""The models, the location of their files, and the choice of the one to run."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from sam2_video.core.errors import shown

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = _PACKAGE.parent
"""The checkout; in an installed package the folder of all packages."""

_INSTALLED_WEIGHTS = _PACKAGE / "weights"  # `checkpoints/` in the wheel
IS_INSTALLED = _INSTALLED_WEIGHTS.is_dir()
EMBEDDED_FOLDER = _INSTALLED_WEIGHTS if IS_INSTALLED else PROJECT / "checkpoints"
"""Folder of the weights that are part of the project."""

PREDICTOR_FILE = (_PACKAGE / "container" if IS_INSTALLED else PROJECT) / "predict.py"
"""The file that cog's server loads."""

DOWNLOAD = "sam2-video download" if IS_INSTALLED else "scripts/download_weights.sh"
NANO_NOTE = (
    "nano is the small embedded model that runs anywhere; for Meta's far better masks run "
    f"{DOWNLOAD}"
)


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged or not the named model; the message is one sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """One set of weights.

    Attributes:
        name: its value of `SAM2_MODEL`.
        file: its name in the checkpoint folder.
        config: its model configuration, a path inside the package that `package` names.
        image_size: the resolution it was trained at, pixels a side.
        size, sha256: of the published file; None for `nano`, which is part of the project.
    """

    name: str
    file: str
    package: str
    config: str
    image_size: int
    size: int | None = None
    sha256: str | None = None


def _published(name: str, config: str, size: int, sha256: str) -> Checkpoint:
    """One of Meta's SAM 2.1 files."""
    file, config = f"sam2.1_hiera_{name}.pt", f"configs/sam2.1/sam2.1_hiera_{config}.yaml"
    return Checkpoint(name, file, "sam2", config, 1024, size, sha256)


# Best first. Sizes and digests are those of Meta's published files (Apache-2.0).
CHECKPOINTS = (
    _published(
        "large", "l", 898083611, "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318"
    ),
    _published(
        "base_plus",
        "b+",
        323606802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    _published(
        "small", "s", 184416285, "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38"
    ),
    _published(
        "tiny", "t", 156008466, "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69"
    ),
    Checkpoint("nano", "sam2_nano.pt", "sam2_video.models", "nano/sam2_nano.yaml", 320),
)
NAMES = tuple(checkpoint.name for checkpoint in CHECKPOINTS)


def checkpoint_folder() -> Path:
    """Folder of fetched weights.

    `SAM2_CHECKPOINTS`, else `checkpoints/` of the checkout, else a folder in the user's data.
    """
    given = os.environ.get("SAM2_CHECKPOINTS")
    if given:
        return Path(given)
    if not IS_INSTALLED:
        return EMBEDDED_FOLDER
    # Imported here: `scripts/download_weights.sh` runs without any package installed.
    from platformdirs import user_data_path

    return user_data_path("sam2-video", appauthor=False) / "checkpoints"


def weights_file(checkpoint: Checkpoint, folder: Path) -> Path:
    """The file of a checkpoint: in `folder`, or for `nano` also the project's own."""
    path = folder / checkpoint.file
    return path if checkpoint.sha256 or path.is_file() else EMBEDDED_FOLDER / checkpoint.file


def find_checkpoint(name: str, setting: str = "SAM2_MODEL") -> Checkpoint:
    """The checkpoint of that name; `setting` says in errors where the name came from.

    Raises:
        CheckpointError: there is none of that name.
    """
    for checkpoint in CHECKPOINTS:
        if checkpoint.name == name:
            return checkpoint
    raise CheckpointError(f"{setting} is {shown(name)}, but it should be one of {', '.join(NAMES)}")


def choose_checkpoint(
    folder: Path, name: str | None = None, setting: str = "SAM2_MODEL"
) -> Checkpoint:
    """Choose what to run: the named checkpoint, else the best one present.

    Args:
        folder: of fetched weights; the embedded ones are always present.
        name: the model to run; None for the best one present.
        setting: what gave the name, for errors.

    Raises:
        CheckpointError: the name is unknown, its file is missing, or there are no weights.
    """
    present = [c for c in CHECKPOINTS if weights_file(c, folder).is_file()]
    if name:
        checkpoint = find_checkpoint(name, setting)
        if checkpoint not in present:
            raise CheckpointError(
                f"{setting} is {name!r}, but {checkpoint.file} is not in the checkpoint folder; "
                f"{DOWNLOAD} {name} fetches it"
            )
    elif present:
        checkpoint = present[0]
    else:
        raise CheckpointError(f"the checkpoint folder holds no weights; {DOWNLOAD} fetches them")
    logger.info("model: %s (%s)", checkpoint.name, checkpoint.file)
    if checkpoint.name == "nano":
        logger.info("%s", NANO_NOTE)
    return checkpoint

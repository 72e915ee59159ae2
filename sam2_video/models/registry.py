"""Which models there are, where their files lie, and which one to run."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from sam2_video.core.errors import shown

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = _PACKAGE.parent
"""The checkout; in an installed package the folder of all packages."""

_INSTALLED_WEIGHTS = _PACKAGE / "weights"  # what the wheel holds of `checkpoints/`
IS_INSTALLED = _INSTALLED_WEIGHTS.is_dir()
EMBEDDED_FOLDER = _INSTALLED_WEIGHTS if IS_INSTALLED else PROJECT / "checkpoints"
"""Where the weights lie that come with the project."""

PREDICTOR_FILE = (_PACKAGE / "container" if IS_INSTALLED else PROJECT) / "predict.py"
"""What the container's server loads."""

DOWNLOAD = "sam2-video download" if IS_INSTALLED else "scripts/download_weights.sh"
NANO_NOTE = (
    "nano is the small embedded model that runs anywhere; for Meta's far better masks run "
    f"{DOWNLOAD}"
)


class CheckpointError(RuntimeError):
    """A checkpoint that is missing, damaged or not what its name says, told in one sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """One set of weights.

    Attributes:
        name: what `SAM2_MODEL` calls it.
        file: its name in the checkpoint folder.
        config: its model configuration, a path inside the package that `package` names.
        image_size: the resolution it was trained at, pixels a side.
        size, sha256: of the published file; None for the one that the project makes itself.
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
    """Where weights lie that were fetched.

    `SAM2_CHECKPOINTS`, else `checkpoints/` of the checkout, else a folder of the user's data.
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
    """The file of a checkpoint in `folder`; of an embedded one that is not there, the project's."""
    path = folder / checkpoint.file
    return path if checkpoint.sha256 or path.is_file() else EMBEDDED_FOLDER / checkpoint.file


def find_checkpoint(name: str, setting: str | None = None) -> Checkpoint:
    """Look a checkpoint up by name.

    Args:
        name: which one.
        setting: the environment variable that holds the name, for the error.

    Raises:
        CheckpointError: there is none of that name.
    """
    for checkpoint in CHECKPOINTS:
        if checkpoint.name == name:
            return checkpoint
    problem = f"there is no model {shown(name)}"
    if setting:
        problem = f"{setting} is {shown(name)}, but there is no such model"
    raise CheckpointError(f"{problem}; there are {', '.join(NAMES)}")


def choose_checkpoint(folder: Path, name: str | None = None) -> Checkpoint:
    """Choose what to run: the named checkpoint, else the best one present.

    Args:
        folder: where fetched weights lie; the embedded ones are always present.
        name: what to run, and nothing else.

    Raises:
        CheckpointError: no checkpoint has that name, its file is missing, or none is there.
    """
    present = [c for c in CHECKPOINTS if weights_file(c, folder).is_file()]
    if name:
        checkpoint = find_checkpoint(name, "SAM2_MODEL")
        if checkpoint not in present:
            raise CheckpointError(
                f"SAM2_MODEL is {name!r}, but {checkpoint.file} is not in the checkpoint folder; "
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

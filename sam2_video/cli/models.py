"""The table of models that `--list-models` prints."""

import os

from sam2_video.models.registry import (
    CHECKPOINTS,
    DOWNLOAD,
    Checkpoint,
    checkpoint_folder,
    find_checkpoint,
    weights_file,
)


def model_table() -> str:
    """One line a model, best first: whether it is here, and which one would run.

    Raises:
        CheckpointError: `SAM2_MODEL` names no model.
    """
    folder = checkpoint_folder()
    present = [c.name for c in CHECKPOINTS if weights_file(c, folder).is_file()]
    named = os.environ.get("SAM2_MODEL")
    chosen = find_checkpoint(named).name if named else next(iter(present), None)

    def state(checkpoint: Checkpoint) -> str:
        if checkpoint.name not in present:
            gigabytes = (checkpoint.size or 0) / 1e9
            what = "not here, but SAM2_MODEL names it" if checkpoint.name == named else "not here"
            return f"{what}; {DOWNLOAD} {checkpoint.name} fetches {gigabytes:.1f} GB"
        return "here, would run" if checkpoint.name == chosen else "here"

    return "\n".join(f"{c.name:<10}  {state(c)}" for c in CHECKPOINTS)

"""The table of models that `--list-models` prints."""

import os

from sam2_video.models.registry import (
    CHECKPOINTS,
    DOWNLOAD,
    Checkpoint,
    checkpoint_folder,
    weights_file,
)


def model_table() -> str:
    """One line a model, best first: whether it is here, and which one would run."""
    folder = checkpoint_folder()
    present = [c.name for c in CHECKPOINTS if weights_file(c, folder).is_file()]
    chosen = os.environ.get("SAM2_MODEL") or next(iter(present), None)

    def state(checkpoint: Checkpoint) -> str:
        if checkpoint.name not in present:
            gigabytes = (checkpoint.size or 0) / 1e9
            return f"not here; {DOWNLOAD} {checkpoint.name} fetches {gigabytes:.1f} GB"
        return "here, would run" if checkpoint.name == chosen else "here"

    return "\n".join(f"{c.name:<10}  {state(c)}" for c in CHECKPOINTS)

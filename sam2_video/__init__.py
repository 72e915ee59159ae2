"""SAM 2 over a stream of frames: clicks in, cut-outs of every frame out.

from sam2_video import segment

for frame in segment("clip.mp4", [320, 180]):
    frame.index, frame.names, frame.masks  # masks: (K, H, W) bool
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sam2_video.core.errors import InputError
    from sam2_video.engine.model import LoadedModel, load_model
    from sam2_video.prediction.segment import SegmentedFrame, segment

__version__ = "0.2.0"
__all__ = ["InputError", "LoadedModel", "SegmentedFrame", "load_model", "segment"]

# PyTorch's threads spin while they wait for one another, by default for 300,000 rounds: where other
# processes want the cores, they hold up themselves and all others. 10,000 rounds outlast the pauses
# between operations; with 1,000 a thread sleeps in each of them, and waking it takes longer than
# its work (`bench/README.md`). libgomp reads this when torch is loaded.
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "10000"

_HOMES = {
    "InputError": "core.errors",
    "LoadedModel": "engine.model",
    "SegmentedFrame": "prediction.segment",
    "load_model": "engine.model",
    "segment": "prediction.segment",
}


def __getattr__(name: str) -> Any:
    """Import on first use: fetching weights or printing help should not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""The memory bank: all that tracking may ever read again, and nothing else.

SAM 2 conditions a frame on the memories of all conditioning frames, of the 6 frames before it
in tracking direction, and on the object pointers of the 15 before it (SAM 2 paper, section 4;
`SAM2Base._prepare_memory_conditioned_features`). Older entries are dead, so they are dropped:
the bank's size does not depend on the length of the video.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """What is remembered of one frame, for B objects tracked together.

    Attributes:
        features: (B, C_mem, h, w) bfloat16, the memory encoder's output, as Meta keeps it;
            None once the frame is too far away for its picture to be attended to.
        position: (1, C_mem, h, w) in what the network computes in, the memory's positional
            encoding; the same tensor for every frame and object of a video.
        pointer: (B, C) float32, the object pointer.
    """

    features: Tensor | None
    position: Tensor
    pointer: Tensor


@dataclass
class MemoryBank:
    """The memories of B objects that are tracked together, in one direction.

    Attributes:
        num_memories: conditioning slot and adjacent frames together (`num_maskmem`, 7).
        num_pointers: pointers attended to, the conditioning frame's included (16).
        conditioning: memories of prompted frames, by frame index; kept for the whole pass.
        recent: memories of tracked frames, by frame index; only what can still be read.
    """

    num_memories: int
    num_pointers: int
    conditioning: dict[int, Memory]
    recent: dict[int, Memory] = field(default_factory=dict)

    def remember(self, frame: int, memory: Memory) -> None:
        """Keep a tracked frame's memory, and let go of what the next frame cannot reach."""
        self.recent[frame] = self._with_known_position(memory)
        for other in list(self.recent):
            distance = abs(frame - other) + 1  # as seen from the next frame
            if distance >= self.num_pointers:
                del self.recent[other]
            elif distance >= self.num_memories:
                self.recent[other] = replace(self.recent[other], features=None)

    def promote(self, frame: int, memory: Memory) -> None:
        """Keep a corrected frame's memory for good, in place of what tracking made of it."""
        self.recent.pop(frame, None)
        self.conditioning[frame] = self._with_known_position(memory)

    def _with_known_position(self, memory: Memory) -> Memory:
        """A memory on the positions of the first one: each of its own would be kept as well."""
        return replace(memory, position=next(iter(self.conditioning.values())).position)

    def as_output_dict(self, objects: slice = slice(None)) -> dict[str, dict[int, dict]]:
        """The bank in the form that `SAM2Base.track_step` reads, for some of its objects.

        Memories are read back as float32: with pointers among them Meta's concatenation
        promotes them to the same values, and without one its fp32 path fails on mixed types.
        """
        return {
            "cond_frame_outputs": _outputs(self.conditioning, objects),
            "non_cond_frame_outputs": _outputs(self.recent, objects),
        }


def _outputs(memories: dict[int, Memory], objects: slice) -> dict[int, dict]:
    return {frame: _output(memory, objects) for frame, memory in memories.items()}


def _output(memory: Memory, objects: slice) -> dict:
    pointer = memory.pointer[objects]
    if memory.features is None:
        return {"obj_ptr": pointer}
    features = memory.features[objects].to(torch.float32)
    position = memory.position.expand(len(features), -1, -1, -1)
    return {"maskmem_features": features, "maskmem_pos_enc": [position], "obj_ptr": pointer}

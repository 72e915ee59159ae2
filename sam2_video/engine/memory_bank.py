"""The memory bank: the memories that later frames can attend to.

SAM 2 conditions a frame on the memories of the nearest conditioning frames, on those of the 6
frames before it in tracking direction, and on the object pointers of the 15 frames before it (SAM 2
paper, section 4; `SAM2Base._prepare_memory_conditioned_features`). What no later frame can read is
dropped, so the size of the bank does not depend on the length of the video.
"""

from dataclasses import dataclass, field, replace

import torch
from sam2.modeling.sam2_utils import select_closest_cond_frames
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """The memory of one frame, for B objects tracked together.

    Attributes:
        features: (B, C_mem, h, w) bfloat16, the memory encoder's output; None once the frame is
            so far away that only its pointer is attended to.
        position: (1, C_mem, h, w) in the network's dtype, the positional encoding of `features`;
            all memories of a bank share one tensor.
        pointer: (B, C) float32, the object pointers.
    """

    features: Tensor | None
    position: Tensor
    pointer: Tensor


@dataclass
class MemoryBank:
    """The memories of B objects that are tracked together, in one direction.

    Attributes:
        num_memories: temporal slots (`SAM2Base.num_maskmem`, 7): one for conditioning frames and
            one for each of the 6 adjacent frames.
        num_pointers: pointers attended to (`SAM2Base.max_obj_ptrs_in_encoder`, 16), that of a
            conditioning frame included.
        num_conditioning: conditioning frames attended to, the nearest ones
            (`SAM2Base.max_cond_frames_in_attn`, 32).
        reverse: whether frames come in descending order.
        conditioning: memories of prompted frames, by frame index.
        recent: memories of tracked frames, by frame index, within reach of the next frame.
    """

    num_memories: int
    num_pointers: int
    num_conditioning: int
    reverse: bool
    conditioning: dict[int, Memory]
    recent: dict[int, Memory] = field(default_factory=dict)

    def add(self, frame: int, memory: Memory) -> None:
        """Add the memory of a tracked frame, and drop what later frames cannot attend to."""
        self.recent[frame] = self._with_shared_position(memory)
        for other in list(self.recent):
            distance = abs(frame - other) + 1  # as seen from the next frame
            if distance >= self.num_pointers:
                del self.recent[other]
            elif distance >= self.num_memories:
                self.recent[other] = replace(self.recent[other], features=None)
        self._drop_conditioning(frame)

    def add_conditioning(self, frame: int, memory: Memory) -> None:
        """Add the memory of a corrected frame, which replaces its memory as a tracked frame."""
        self.recent.pop(frame, None)
        self.conditioning[frame] = self._with_shared_position(memory)
        self._drop_conditioning(frame)

    def _drop_conditioning(self, frame: int) -> None:
        """Drop conditioning memories that no frame after this one can attend to.

        Of those behind, the newest are the nearest for every frame to come.
        """
        sign = -1 if self.reverse else 1
        ages = sorted((frame - other) * sign for other in self.conditioning)
        for age in [age for age in ages if age >= 0][self.num_conditioning :]:
            if age + 1 >= self.num_pointers:
                del self.conditioning[frame - age * sign]

    def _with_shared_position(self, memory: Memory) -> Memory:
        """The memory with the first one's positional encoding, so that no equal one is kept."""
        return replace(memory, position=next(iter(self.conditioning.values())).position)

    def as_output_dict(
        self, frame: int, objects: slice = slice(None)
    ) -> dict[str, dict[int, dict]]:
        """What a frame attends to, as the argument `output_dict` of `SAM2Base.track_step`.

        Memories are converted to float32. `SAM2Base` would get the same values by concatenating
        them with float32 pointers, but fails on mixed dtypes where there is no pointer.

        Args:
            frame: its index.
            objects: which of the B objects to include.
        """
        # `SAM2Base` selects again: with the selected ones first, ties included, it finds the same.
        # Close to the frame it reads those that it does not select as if they were tracked frames.
        selected, others = select_closest_cond_frames(
            frame, self.conditioning, self.num_conditioning
        )
        close = {t: memory for t, memory in others.items() if abs(frame - t) < self.num_pointers}
        return {
            "cond_frame_outputs": _outputs({**selected, **close}, objects),
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

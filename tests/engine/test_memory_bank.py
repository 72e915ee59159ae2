"""The memory bank keeps what later frames attend to, and drops the rest."""

import torch

from sam2_video.engine.memory_bank import Memory, MemoryBank


def memory(batch: int = 2) -> Memory:
    return Memory(
        features=torch.zeros(batch, 4, 2, 2, dtype=torch.bfloat16),
        position=torch.zeros(1, 4, 2, 2),
        pointer=torch.zeros(batch, 8),
    )


def bank(*, reverse: bool = False, **conditioning: Memory) -> MemoryBank:
    return MemoryBank(7, 16, 32, reverse, {int(k[1:]): m for k, m in conditioning.items()})


def test_memory_does_not_grow_with_the_number_of_frames() -> None:
    memories = bank(f0=memory())
    for frame in range(1, 200):
        memories.add(frame, memory())
        assert len(memories.recent) <= 15
        assert sum(m.features is not None for m in memories.recent.values()) <= 6
    assert sorted(memories.recent) == list(range(185, 200))
    assert [f for f, m in memories.recent.items() if m.features is not None] == list(
        range(194, 200)
    )
    assert list(memories.conditioning) == [0]


def test_a_backward_pass_keeps_the_frames_above() -> None:
    memories = bank(reverse=True, f100=memory())
    for frame in range(99, 50, -1):
        memories.add(frame, memory())
    assert sorted(memories.recent) == list(range(51, 66))


def test_a_conditioning_frame_leaves_a_gap_in_the_window() -> None:
    memories = bank(f0=memory(), f5=memory())
    for frame in (1, 2, 3, 4, 6, 7):
        memories.add(frame, memory())
    with_features = [f for f, m in memories.recent.items() if m.features is not None]
    assert with_features == [2, 3, 4, 6, 7]


def test_a_correction_becomes_a_conditioning_memory() -> None:
    memories = bank(f0=memory())
    memories.add(1, memory())
    memories.add_conditioning(1, memory())
    assert not memories.recent
    assert list(memories.conditioning) == [0, 1]


def test_one_object_of_a_group_reads_its_own_memories_as_float32() -> None:
    memories = bank(f0=memory(3))
    memories.conditioning[0].features[1] = 1
    output = memories.as_output_dict(1, slice(1, 2))["cond_frame_outputs"][0]
    assert output["maskmem_features"].shape == (1, 4, 2, 2)
    assert output["maskmem_features"].dtype == torch.float32
    assert output["maskmem_features"].eq(1).all()
    assert output["maskmem_pos_enc"][0].shape == (1, 4, 2, 2)
    assert output["obj_ptr"].shape == (1, 8)

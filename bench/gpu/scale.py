"""How much the check does: all of it on a GPU, the smallest sizes on a CPU."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of the check.

    Attributes:
        parity_size: the network's input in the comparison with Meta's predictor, in pixels.
        parity_scenes: which of its scenes to run, in order: objects and direction.
        nano_size, tiny_size: inputs for the comparison of precisions.
        precision_frames: frames of it.
        levers_size: input for the comparison with graphs and batches.
        levers_frames: frames of it, enough for every shape to be captured.
        models: what is timed, in order, each with 1 object and with several.
        many: how many several are.
        speed_size: the network's input where time is measured.
        warm: frames before time is measured: the memory bank is full, graphs are captured.
        rounds, block: blocks of frames that each side is timed on, in turns.
        job_models: what does whole jobs.
        job_clip: width, height and frames of their clip.
        length_frames: lengths of the videos over which memory must not grow.
    """

    parity_size: int = 512
    parity_scenes: tuple[tuple[str, bool], ...] = (
        ("one_object", False),
        ("three_objects", False),
        ("one_object", True),
        ("three_objects", True),
    )
    nano_size: int = 320
    tiny_size: int = 1024
    precision_frames: int = 48
    levers_size: int = 512
    levers_frames: int = 56
    models: tuple[str, ...] = ("large", "tiny")
    many: int = 8
    speed_size: int = 1024
    warm: int = 40
    rounds: int = 3
    block: int = 8
    job_models: tuple[str, ...] = ("large", "tiny")
    job_clip: tuple[int, int, int] = (1280, 720, 150)
    length_frames: tuple[int, ...] = (200, 2000)


FULL = Scale()
SMALL = Scale(
    parity_size=128,
    parity_scenes=(("three_objects", True),),
    nano_size=128,
    tiny_size=128,
    precision_frames=5,
    levers_size=128,
    levers_frames=8,
    models=("tiny",),
    many=2,
    speed_size=128,
    warm=2,
    rounds=1,
    block=2,
    job_models=("nano",),
    job_clip=(160, 96, 6),
    length_frames=(6, 12),
)
"""For a CPU: everything that runs there, in seconds."""

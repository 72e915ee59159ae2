"""Making a loaded network faster: the same function, computed in another way.

On a CPU, OpenVINO runs its large parts. On CUDA, time is lost to float32 where bfloat16 is enough,
and to launching kernels one by one from Python.
"""

import ctypes
import logging
from contextlib import suppress
from pathlib import Path

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.sam2_base import SAM2Base
from torch import nn

from sam2_video.accelerate.caching import cache_empty_prompt
from sam2_video.accelerate.cuda_graphs import Capture, Graphed
from sam2_video.accelerate.parts import Run, parts_of, replace_parts
from sam2_video.accelerate.runtime import (
    Part,
    compile_part,
    core,
    kept_locale,
    locked,
    prefers_bfloat16,
)
from sam2_video.core.prefetch import map_in_background

logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "fp32")

# Options of glibc's mallopt: above how many bytes freed memory is returned to the system, and an
# allocation is mapped separately.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIM_BYTES, _MMAP_BYTES = 512 * 1024**2, 256 * 1024**2


def accelerate(
    network: SAM2Base,
    precision: str = "auto",
    *,
    cuda_graphs: bool = False,
    cache: Path | None = None,
) -> None:
    """Make a network faster, in place.

    Args:
        network: in evaluation mode, with its weights loaded, on its device. Afterwards its state
            dict no longer fits a checkpoint.
        precision: `fp32` computes in float32, so that mask logits differ from Meta's predictor by
            rounding errors only; `auto` uses reduced precision where it is faster, so that masks
            differ in a few pixels.
        cuda_graphs: on CUDA, replay the parts of a frame as CUDA graphs, see `replay_graphs`.
        cache: on a CPU, the folder of what OpenVINO compiled before, see `compile_part`.
    """
    device = next(network.parameters()).device
    if device.type == "cpu":
        reduced = precision == "auto" and prefers_bfloat16() and supports_bfloat16(network)
        run_on_openvino(network, torch.bfloat16 if reduced else torch.float32, cache)
        keep_freed_memory()  # only now: what was traced goes back to the system
    elif device.type == "cuda":
        # Both, whatever they are: PyTorch's default lets cuDNN's convolutions use TF32.
        torch.backends.cuda.matmul.allow_tf32 = precision == "auto"
        torch.backends.cudnn.allow_tf32 = precision == "auto"
        # GPUs before Ampere only emulate bfloat16, slower than float32.
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        if precision == "auto" and has_bfloat16 and supports_bfloat16(network):
            compute_in_bfloat16(network, device.type)
        if cuda_graphs:
            replay_graphs(network)


def keep_freed_memory() -> None:
    """Have the allocator keep up to 512 MiB of freed memory.

    Large tensors are freed and allocated hundreds of times a second. By default each of them is
    mapped, zeroed and unmapped by the system every time.
    """
    with suppress(OSError, AttributeError):  # no glibc
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def return_freed_memory() -> None:
    """Have the allocator return to the system what it keeps at this moment."""
    with suppress(OSError, AttributeError):  # no glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def supports_bfloat16(network: SAM2Base) -> bool:
    """Whether a network keeps its accuracy in bfloat16.

    Meta's networks were trained in it. `nano`'s masks change: with memory attention alone in
    bfloat16 their mean IoU with those of float32 falls to 0.96 on some clips.
    """
    return isinstance(network.image_encoder.trunk, Hiera)


def compute_in_bfloat16(network: SAM2Base, device_type: str) -> None:
    """Run a network under bfloat16 autocast, in place, as Meta's examples do on CUDA.

    The weights of linear and convolutional layers are converted once, here. Autocast would convert
    them to the same values, hundreds of them on every frame. With them converted, its cache of cast
    weights has no use and is off: it is emptied when the context ends, and a CUDA graph would still
    read from it.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.to(torch.bfloat16)
    for name in ("forward_image", "track_step", "_encode_new_memory"):
        # The calls are nested, and an autocast context cannot be entered twice.
        mixed = torch.autocast(device_type, torch.bfloat16, cache_enabled=False)
        setattr(network, name, mixed(getattr(network, name)))


def replay_graphs(network: SAM2Base, capture: Capture | None = None) -> None:
    """Capture the large parts of a frame as CUDA graphs and replay them, in place; see `Graphed`.

    There are four graphs: the image encoder, and for each group of objects memory attention, SAM's
    heads (prompt encoder, mask decoder, choice of the mask, object pointer) and the memory encoder.
    Whether an object is in sight and which of its masks is best is decided on the device, so each
    part depends on shapes only, and shapes are constant once the memory bank is full. The code
    between the parts is not captured: it reads the memory bank in Python, and passes the distance
    of each memory as new values, which a graph of the whole step would freeze.

    Args:
        network: in its final precision. Its image size is fixed, so cached positional encodings
            keep their addresses.
        capture: how calls are captured; as CUDA graphs if None.
    """
    parts: tuple[tuple[str, nn.Module, str], ...] = (
        ("image encoder", network, "forward_image"),
        ("memory attention", network.memory_attention, "forward"),
        ("mask decoder", network, "_forward_sam_heads"),
        ("memory encoder", network.memory_encoder, "forward"),
    )
    for name, owner, method in parts:
        setattr(owner, method, Graphed(name, getattr(owner, method), capture))


@torch.no_grad()
def run_on_openvino(
    network: SAM2Base, reduced: torch.dtype = torch.float32, cache: Path | None = None
) -> None:
    """Let OpenVINO run the large parts of a network on the CPU, in place.

    Where OpenVINO is missing the network stays as it is.

    Args:
        network: in evaluation mode, with its weights loaded.
        reduced: the precision of most parts, see `parts_of`.
        cache: see `compile_part`.
    """
    cache_empty_prompt(network.sam_prompt_encoder)
    if core() is None:
        logger.warning("OpenVINO is not installed, so the network runs several times slower")
        return
    parts = parts_of(network, reduced)

    def compiled(part: Part) -> Run:
        run = compile_part(part, cache)
        return_freed_memory()  # a traced part takes several times the memory of its weights
        return run

    with locked(cache), kept_locale():
        # One part is compiled while the next is converted.
        runs = map_in_background(compiled, iter(parts.values()), threads=2)
        replace_parts(network, dict(zip(parts, runs, strict=True)))

"""Replacing the slow parts of a loaded network by fast ones that compute the same function.

On a CPU, time is lost to cache misses and memory allocation: modules are replaced according to
their type, and modules of an unknown type stay as they are. On CUDA, time is lost to float32 where
bfloat16 is enough, and to launching kernels one by one from Python.
"""

import ctypes
import sys
from contextlib import suppress

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.sam.transformer import TwoWayTransformer
from sam2.modeling.sam2_base import SAM2Base
from torch import nn

from sam2_video.accelerate.caching import (
    CachedPositionEncoding,
    cache_empty_prompt,
    cache_position_embedding,
)
from sam2_video.accelerate.convolutions import pack_convolutions
from sam2_video.accelerate.cuda_graphs import Capture, Graphed
from sam2_video.accelerate.folding import fold_decoder_projections, fuse_norms
from sam2_video.accelerate.hiera import FastBlock
from sam2_video.accelerate.matmul import (
    FLOAT32,
    PackedLinear,
    Precision,
    has_bfloat16_matmul,
    has_int8_matmul,
)
from sam2_video.accelerate.memory_attention import FastMemoryAttention
from sam2_video.accelerate.memory_encoder import FastMemoryEncoder
from sam2_video.accelerate.nano_blocks import FastNeck, FastTrunk
from sam2_video.models.nano.neck import FilteringNeck
from sam2_video.models.nano.trunk import EfficientNetLite0Trunk

PRECISIONS = ("auto", "fp32")

# Options of glibc's mallopt: above how many bytes freed memory is returned to the system, and an
# allocation is mapped separately.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIM_BYTES, _MMAP_BYTES = 512 * 1024**2, 256 * 1024**2


def accelerate(network: SAM2Base, precision: str = "auto", *, cuda_graphs: bool = False) -> None:
    """Make a network faster, in place.

    Args:
        network: in evaluation mode, with its weights loaded, on its device. Afterwards its state
            dict no longer fits a checkpoint.
        precision: `fp32` computes in float32, so that mask logits differ from Meta's predictor by
            rounding errors only; `auto` uses reduced precision where it is faster, so that masks
            differ in a few pixels.
        cuda_graphs: on CUDA, replay the parts of a frame as CUDA graphs, see `replay_graphs`.
    """
    device = next(network.parameters()).device
    if device.type == "cpu":
        keep_freed_memory()
        rewrite_for_cpu(network, fastest_precision() if precision == "auto" else FLOAT32)
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
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # no glibc
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def supports_bfloat16(network: SAM2Base) -> bool:
    """Whether a whole network keeps its accuracy in bfloat16.

    Meta's networks were trained in it. `nano` loses accuracy in its first blocks, see
    `nano_blocks`, and is too small to gain much speed.
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


def fastest_precision() -> Precision:
    """The fastest precision on this processor whose masks differ from float32 in a few pixels."""
    matmul = torch.bfloat16 if has_bfloat16_matmul() else torch.float32
    return Precision(matmul, int8_scores=has_int8_matmul())


@torch.no_grad()
def rewrite_for_cpu(network: SAM2Base, precision: Precision = FLOAT32) -> None:
    """Replace a network's modules by their fast forms, in place; see `accelerate`.

    Args:
        network: in evaluation mode, with its weights loaded.
        precision: the number formats of the Hiera trunk, memory attention and memory encoder. The
            rest stays in float32, and so does the mask decoder: it decides whether an object is in
            sight and which of three masks is best.
    """
    encoder = network.image_encoder
    fold_decoder_projections(network)
    fuse_norms(encoder)
    encoder.neck.position_encoding = CachedPositionEncoding(encoder.neck.position_encoding)
    network.to(memory_format=torch.channels_last)
    if isinstance(encoder.trunk, Hiera):
        cache_position_embedding(encoder.trunk)
        encoder.trunk.blocks = nn.ModuleList(
            FastBlock(block, precision) for block in encoder.trunk.blocks
        )
    if isinstance(encoder.trunk, EfficientNetLite0Trunk):
        encoder.trunk = FastTrunk(encoder.trunk)
    if isinstance(encoder.neck, FilteringNeck):
        encoder.neck = FastNeck(encoder.neck, encoder.scalp)
        encoder.scalp = 0  # the fast neck does not compute the maps that it would discard
    pack_convolutions(encoder)
    network.memory_attention = FastMemoryAttention(network.memory_attention, precision)
    memory_encoder = network.memory_encoder
    memory_encoder.position_encoding = CachedPositionEncoding(memory_encoder.position_encoding)
    network.memory_encoder = FastMemoryEncoder(memory_encoder, precision)
    _pack_linears(network.sam_mask_decoder.transformer)
    cache_empty_prompt(network.sam_prompt_encoder)


def _pack_linears(transformer: TwoWayTransformer) -> None:
    """Replace the large linear layers of the mask decoder by `PackedLinear`, in float32.

    Layers with few tokens and small weights stay: calling oneDNN would take longer than they do.
    """
    large_layers = [(transformer.final_attn_token_to_image, ("k_proj", "v_proj"))]
    for layer in transformer.layers:
        large_layers.append((layer.cross_attn_token_to_image, ("k_proj", "v_proj")))
        large_layers.append((layer.cross_attn_image_to_token, ("q_proj", "out_proj")))
        large_layers.append((layer.mlp.layers, ("0", "1")))
    for owner, names in large_layers:
        for name in names:
            packed = PackedLinear.from_linear(getattr(owner, name), torch.float32)
            setattr(owner, name, packed)

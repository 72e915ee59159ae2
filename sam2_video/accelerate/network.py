"""Rewriting a loaded network so that it computes the same faster.

On the CPU time goes where data leaves the cache and where memory is asked for anew. Each rewriting
for it is exact but for rounding, and goes by what the network is made of: a part that it does not
know is left as it is. On CUDA it goes where numbers are wider than they need be, and where Python
launches kernels one by one.
"""

import ctypes
import sys
from contextlib import suppress

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sam2_video.accelerate.attention import FastMemoryAttention
from sam2_video.accelerate.convolutions import replace_convolutions
from sam2_video.accelerate.cuda_graphs import Capture, Graphed
from sam2_video.accelerate.hiera import FastBlock
from sam2_video.accelerate.matmul import (
    EXACT,
    Projection,
    Rounding,
    multiplies_bfloat16,
    multiplies_bytes,
)
from sam2_video.accelerate.memory_encoder import FastMemoryEncoder
from sam2_video.accelerate.nano_blocks import FastNeck, FastTrunk
from sam2_video.models.nano.neck import FilteringNeck
from sam2_video.models.nano.trunk import EfficientNetLite0Trunk

PRECISIONS = ("auto", "fp32")

# glibc's mallopt: give freed memory back to the system, and map large pieces, only beyond these.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _MAPPED_BYTES = 512 * 1024**2, 256 * 1024**2


def accelerate(network: SAM2Base, precision: str = "auto", *, cuda_graphs: bool = False) -> None:
    """Rewrite a network in evaluation mode, in place.

    Args:
        network: with its weights loaded, on its device; its state no longer fits a checkpoint
            afterwards.
        precision: `fp32` computes what Meta's predictor computes in float32, but for rounding;
            `auto` also what is faster and gives the same masks but for a few pixels.
        cuda_graphs: replay the parts of a frame as CUDA graphs, see `replay_graphs`; nothing on
            other devices.
    """
    device = next(network.parameters()).device
    if device.type == "cpu":
        keep_freed_memory()
        rewrite_for_cpu(network, rounding_of_this_processor() if precision == "auto" else EXACT)
    elif device.type == "cuda":
        # cuDNN's convolutions use TF32 unless told not to.
        torch.backends.cuda.matmul.allow_tf32 = precision == "auto"
        torch.backends.cudnn.allow_tf32 = precision == "auto"
        if precision == "auto" and stands_bfloat16(network):
            compute_in_bfloat16(network, device.type)
        if cuda_graphs:
            replay_graphs(network)


def keep_freed_memory() -> None:
    """Have the allocator keep what it is given back, up to half a gigabyte.

    The large tensors of a frame are freed and asked for again hundreds of times a second; without
    this each of them is mapped, zeroed and unmapped by the system every time.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # a system without glibc has other allocators
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def stands_bfloat16(network: SAM2Base) -> bool:
    """Whether all of a network may compute in bfloat16, in which Meta trained its own.

    What is rounded in the first blocks of `nano`'s trunk changes its masks, see `nano/fast.py`; and
    it is too small to gain much.
    """
    return isinstance(network.image_encoder.trunk, Hiera)


def compute_in_bfloat16(network: SAM2Base, device_type: str) -> None:
    """Let a network compute where it is safe in bfloat16, as Meta's own examples do on CUDA.

    The weights that autocast would convert are converted here, once: it computes the same, without
    hundreds of conversions a frame. So its cache of converted weights, which ends with the context,
    has nothing to hold, and is off: a CUDA graph would go on reading from it.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.to(torch.bfloat16)
    for name in ("forward_image", "track_step", "_encode_new_memory"):
        # One context each: they are nested, and a context that is entered twice is never left.
        mixed = torch.autocast(device_type, torch.bfloat16, cache_enabled=False)
        setattr(network, name, mixed(getattr(network, name)))


def replay_graphs(network: SAM2Base, capture: Capture | None = None) -> None:
    """Have the large parts of a frame replayed as CUDA graphs; see `Graphed`.

    Four graphs a frame: the encoder, and for each group of objects memory attention, SAM's heads
    (prompt encoder, mask decoder, the choice of the mask, the pointer) and the memory encoder.
    Whether an object is in sight and which of its masks is best is chosen on the device, so they
    depend on shapes only, and the shapes are the same on every frame once the memory bank is full.
    What lies between them reads the bank in Python, frame by frame: how far away each memory is
    comes to the device as new numbers, which a graph of the whole step would keep.

    Args:
        network: computes in the precision that it will keep; its image size is fixed, so that
            cached positions stay where they are.
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


def rounding_of_this_processor() -> Rounding:
    """What is faster here than float32, and gives the same masks but for a few pixels."""
    products = torch.bfloat16 if multiplies_bfloat16() else torch.float32
    return Rounding(products, int8_scores=multiplies_bytes())


@torch.no_grad()
def rewrite_for_cpu(network: SAM2Base, rounding: Rounding = EXACT) -> None:
    """Make a network's encoder and memory attention faster; see `accelerate`.

    Args:
        network: in evaluation mode.
        rounding: what may be rounded.
    """
    encoder = network.image_encoder
    _join_projections(network)
    fuse_norms(encoder)
    encoder.neck.position_encoding = _Remembered(encoder.neck.position_encoding)
    network.to(memory_format=torch.channels_last)
    if isinstance(encoder.trunk, Hiera):
        _remember_positions(encoder.trunk)
        encoder.trunk.blocks = nn.ModuleList(
            FastBlock(block, rounding) for block in encoder.trunk.blocks
        )
    if isinstance(encoder.trunk, EfficientNetLite0Trunk):
        encoder.trunk = FastTrunk(encoder.trunk)
    if isinstance(encoder.neck, FilteringNeck):
        encoder.neck = FastNeck(encoder.neck, encoder.scalp)
        encoder.scalp = 0  # what it would drop is not computed
    replace_convolutions(encoder)
    network.memory_attention = FastMemoryAttention(network.memory_attention, rounding)
    memory_encoder = network.memory_encoder
    memory_encoder.position_encoding = _Remembered(memory_encoder.position_encoding)
    network.memory_encoder = FastMemoryEncoder(memory_encoder, rounding)
    # The decoder decides whether an object is in sight, and which of three masks is best.
    _replace_linears(network.sam_mask_decoder.transformer)
    _remember_no_prompt(network.sam_prompt_encoder)


class _Remembered(nn.Module):
    """A positional encoding that is computed once for each size, and handed out again."""

    def __init__(self, encoding: PositionEmbeddingSine) -> None:
        super().__init__()
        self.encoding = encoding
        self._known: dict[tuple[int, int], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W), the same for every picture of the batch."""
        size = (x.shape[-2], x.shape[-1])
        if size not in self._known:
            self._known[size] = self.encoding(x[:1])
        return self._known[size].expand(len(x), -1, -1, -1)


def _remember_positions(trunk: Hiera) -> None:
    """Interpolate the trunk's positional embedding once for each size."""
    compute = trunk._get_pos_embed
    known: dict[tuple[int, int], Tensor] = {}

    def remembered(size: tuple[int, int]) -> Tensor:
        size = (size[0], size[1])
        if size not in known:
            known[size] = compute(size).contiguous()
        return known[size]

    trunk._get_pos_embed = remembered


def _remember_no_prompt(encoder: PromptEncoder) -> None:
    """Compute the decoder's positions once, and what no prompt is for each number of objects.

    A frame that is tracked has no prompt, which `SAM2Base` says with points of label -1.
    """
    positions, compute = encoder.get_dense_pe(), encoder.forward
    known: dict[int, tuple[Tensor, Tensor]] = {}

    def remembered(
        points: tuple[Tensor, Tensor], boxes: Tensor | None, masks: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        _, labels = points
        if boxes is not None or masks is not None or labels.shape[1] != 1 or (labels != -1).any():
            return compute(points, boxes, masks)
        if len(labels) not in known:
            known[len(labels)] = compute(points, boxes, masks)
        return known[len(labels)]

    encoder.get_dense_pe, encoder.forward = lambda: positions, remembered


def _join_projections(network: SAM2Base) -> None:
    """Make one projection of the neck's and the decoder's at the two finest levels.

    Nothing lies between them there, and nothing else reads what the neck gives.
    """
    if not network.use_high_res_features_in_sam:
        return
    decoder = network.sam_mask_decoder
    for level, name in ((0, "conv_s0"), (1, "conv_s1")):
        place = _last_projection(network.image_encoder.neck, level)
        if place is None:
            continue
        owner, attribute = place
        first, second = getattr(owner, attribute), getattr(decoder, name)
        joined = nn.Conv2d(first.in_channels, second.out_channels, 1)
        weight = second.weight[:, :, 0, 0]
        joined.weight = nn.Parameter((weight @ first.weight[:, :, 0, 0])[:, :, None, None])
        joined.bias = nn.Parameter(weight @ first.bias + second.bias)
        setattr(owner, attribute, joined)
        setattr(decoder, name, nn.Identity())


def _last_projection(neck: nn.Module, level: int) -> tuple[nn.Module, str] | None:
    """The owner and the name of a neck's last projection at a level, of which 0 is the finest.

    None where the neck does something else after it.
    """
    if isinstance(neck, FilteringNeck):
        return neck.outputs, str(len(neck.outputs) - 1 - level)
    if isinstance(neck, FpnNeck) and level not in neck.fpn_top_down_levels:
        return neck.convs[len(neck.convs) - 1 - level], "conv"
    return None


def _replace_linears(transformer: TwoWayTransformer) -> None:
    """Have the large products of a decoder multiply through oneDNN, in float32.

    Those of a few tokens with small weights stay: calling oneDNN takes longer than they do.
    """
    places = [(transformer.final_attn_token_to_image, ("k_proj", "v_proj"))]
    for layer in transformer.layers:
        places.append((layer.cross_attn_token_to_image, ("k_proj", "v_proj")))
        places.append((layer.cross_attn_image_to_token, ("q_proj", "out_proj")))
        places.append((layer.mlp.layers, ("0", "1")))
    for owner, names in places:
        for name in names:
            setattr(owner, name, Projection.of(getattr(owner, name), torch.float32))


def fuse_norms(module: nn.Module) -> None:
    """Fold every batch norm into the convolution that comes before it, by their order."""
    previous: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and previous is not None:
            fused = fuse_conv_bn_eval(previous[1], child)
            setattr(module, previous[0], fused)
            setattr(module, name, nn.Identity())
        fuse_norms(child)
        previous = (name, child) if isinstance(child, nn.Conv2d) else None

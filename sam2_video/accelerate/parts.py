"""The parts of a network that OpenVINO runs, and how each takes the place of Meta's.

What decides between masks and reads the memory bank stays Meta's code. All objects of a frame have
the same features, so a part takes them once.
"""

from collections.abc import Callable, Mapping

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from sam2_video.accelerate.caching import CachedPositionEncoding
from sam2_video.accelerate.memory_attention import RealMemoryAttention
from sam2_video.accelerate.runtime import DYNAMIC, Part

TOKENS_ONE_BY_ONE = 4096
"""Tokens of a frame from which memory attention takes one object at a time: one is enough for all
cores, and several only need more memory and cache."""

Run = Callable[..., list[Tensor]]
"""A compiled part: tensors in, tensors out."""


class ImageEncoder(nn.Module):
    """The image encoder, with the mask decoder's projections of the two finest maps."""

    def __init__(self, network: SAM2Base) -> None:
        super().__init__()
        self.encoder, decoder = network.image_encoder, network.sam_mask_decoder
        projects = network.use_high_res_features_in_sam
        self.projections = nn.ModuleList([decoder.conv_s0, decoder.conv_s1] if projects else [])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, S, S) -> the maps of `SAM2Base.forward_image`, finest first."""
        maps = self.encoder(image)["backbone_fpn"]
        for level, projection in enumerate(self.projections):
            maps[level] = projection(maps[level])
        return tuple(maps)


class MaskDecoder(nn.Module):
    """`MaskDecoder.predict_masks`: everything up to the choice of the mask."""

    positions: Tensor

    def __init__(self, network: SAM2Base) -> None:
        super().__init__()
        self.decoder = network.sam_mask_decoder
        self.register_buffer("positions", network.sam_prompt_encoder.get_dense_pe())

    def forward(
        self, features: Tensor, sparse: Tensor, dense: Tensor, *finer: Tensor
    ) -> tuple[Tensor, ...]:
        """(B, C, h, w), (B, P, C), (B, C, h, w) and finer maps -> see `predict_masks`."""
        return self.decoder.predict_masks(
            features, self.positions, sparse, dense, False, list(finer) or None
        )


class MemoryEncoder(nn.Module):
    """`MemoryEncoder` without the sigmoid before it and without its positional encoding."""

    def __init__(self, network: SAM2Base) -> None:
        super().__init__()
        original = network.memory_encoder
        self.downsample, self.project = original.mask_downsampler, original.pix_feat_proj
        self.fuse, self.output = original.fuser, original.out_proj

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """(1, C, h, w) features, (B, 1, S, S) masks from 0 to 1 -> (B, C_mem, h, w)."""
        # Projected for each object: OpenVINO adds the result of one convolution inside the other,
        # and fails where their batches differ.
        features = self.project(features.expand(masks.shape[0], -1, -1, -1))
        return self.output(self.fuse(features + self.downsample(masks)))


def parts_of(network: SAM2Base, reduced: torch.dtype) -> dict[str, Part]:
    """The parts of a network, by name.

    Args:
        network: in evaluation mode, with its weights loaded.
        reduced: the precision of all but the mask decoder, which stays in float32: it decides
            whether an object is in sight and which of three masks is best.
    """
    size, width, channels = network.image_size, network.hidden_dim, network.mem_dim
    side, batch = size // 16, DYNAMIC
    picture, mask = torch.zeros(1, 3, size, size), torch.zeros(1, 1, size, size)
    features, tokens = torch.zeros(1, width, side, side), torch.zeros(1, side**2, width)
    memory, pointers = torch.zeros(1, side**2, channels), torch.zeros(1, 4, channels)
    finer = []
    if network.use_high_res_features_in_sam:
        finer = [torch.zeros(1, width // (2 * k), k * side, k * side) for k in (4, 2)]
    return {
        "image_encoder": Part(
            ImageEncoder(network),
            (picture,),
            (picture.shape,),
            reduced,
        ),
        "memory_attention": Part(
            RealMemoryAttention(network.memory_attention, side),
            (tokens, memory, pointers, torch.cat([memory, pointers], 1)),
            (tokens.shape, *[(batch, DYNAMIC, channels)] * 3),
            reduced,
        ),
        "mask_decoder": Part(
            MaskDecoder(network),
            (features, torch.zeros(1, 2, width), features, *finer),
            (
                (batch, width, side, side),
                (batch, DYNAMIC, width),
                (batch, width, side, side),
                *(x.shape for x in finer),
            ),
            torch.float32,
        ),
        "memory_encoder": Part(
            MemoryEncoder(network),
            (features, mask),
            (features.shape, (batch, *mask.shape[1:])),
            reduced,
        ),
    }


def replace_parts(network: SAM2Base, compiled: Mapping[str, Run]) -> None:
    """Let a network call compiled parts, in place; its image encoder and attention are deleted."""
    positions = CachedPositionEncoding(network.image_encoder.neck.position_encoding)
    network.forward_image = _ForwardImage(compiled["image_encoder"], positions)
    del network.image_encoder
    network.memory_attention = CompiledMemoryAttention(compiled["memory_attention"])
    network.sam_mask_decoder.predict_masks = _PredictMasks(compiled["mask_decoder"])
    positions = CachedPositionEncoding(network.memory_encoder.position_encoding)
    network.memory_encoder = CompiledMemoryEncoder(compiled["memory_encoder"], positions)


class _ForwardImage:
    """Takes the place of `SAM2Base.forward_image`."""

    def __init__(self, run: Run, positions: CachedPositionEncoding) -> None:
        self.run, self.positions = run, positions

    def __call__(self, images: Tensor) -> dict[str, list[Tensor]]:
        """(N, 3, S, S) -> maps and their positional encodings, finest first."""
        levels = zip(*(self.run(image) for image in images.split(1)), strict=True)
        maps = [torch.cat(level) for level in levels]
        return {"backbone_fpn": maps, "vision_pos_enc": [self.positions(x) for x in maps]}


class CompiledMemoryAttention(nn.Module):
    """Takes the place of a network's `memory_attention`."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def forward(
        self,
        curr: list[Tensor],
        memory: Tensor,
        curr_pos: list[Tensor],
        memory_pos: Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> Tensor:
        """Compute what `MemoryAttention.forward` computes.

        Args:
            curr: one (h * w, B, C) tensor: the frame's coarsest features, equal for all B objects.
            memory: (N, B, C_mem): h * w tokens of each memory, then the object pointers' tokens.
            curr_pos: one (h * w, B, C) tensor: the positional encoding of `curr`.
            memory_pos: (N, B, C_mem): the positional encoding of `memory`.
            num_obj_ptr_tokens: how many of the N tokens belong to object pointers; they get no
                rotary embedding.

        Returns:
            (h * w, B, C) float32.
        """
        tokens = (curr[0][:, :1] + 0.1 * curr_pos[0][:, :1]).transpose(0, 1)
        values = memory.transpose(0, 1)
        keys = values + memory_pos.transpose(0, 1)
        split = [len(memory) - num_obj_ptr_tokens, num_obj_ptr_tokens]
        at_once = 1 if tokens.shape[1] >= TOKENS_ONE_BY_ONE else len(values)
        batches = (x.split(at_once) for x in (*keys.split(split, dim=1), values))
        return torch.cat([self.run(tokens, *batch)[0] for batch in zip(*batches, strict=True)], 1)


class _PredictMasks:
    """Takes the place of `MaskDecoder.predict_masks`."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __call__(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        repeat_image: bool,
        high_res_features: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """See `MaskDecoder.predict_masks`; `high_res_features` are equal for all objects."""
        finer = [x[:1] for x in high_res_features or ()]
        return self.run(image_embeddings, sparse_prompt_embeddings, dense_prompt_embeddings, *finer)


class CompiledMemoryEncoder(nn.Module):
    """Takes the place of a network's `memory_encoder`."""

    def __init__(self, run: Run, positions: CachedPositionEncoding) -> None:
        super().__init__()
        self.run, self.positions = run, positions

    def forward(self, pix_feat: Tensor, masks: Tensor, skip_mask_sigmoid: bool = False) -> dict:
        """Compute what `MemoryEncoder.forward` computes.

        Args:
            pix_feat: (B, C, h, w) features of one frame, equal for all B objects.
            masks: (B, 1, S, S) mask logits, or scaled probabilities with `skip_mask_sigmoid`.
            skip_mask_sigmoid: whether the sigmoid has been applied already.
        """
        (features,) = self.run(pix_feat[:1], masks if skip_mask_sigmoid else masks.sigmoid())
        return {"vision_features": features, "vision_pos_enc": [self.positions(features)]}

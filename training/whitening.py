"""Whiten the feature map in part, and make positions and labels of clicks matter again.

In version 4 features had collapsed, as measured on training pictures:

- 94 % of the variance of the map at stride 16, which decoder and memory read, lay along four of 128
  directions. Its mean was four fifths of its norm, and that norm was twelve times the norm of the
  positional encoding. So the decoder's first layer attended to the same few positions wherever the
  click was, with saturated softmax weights, which pass no gradient.
- All tokens left the first self-attention alike, so no label of a click reached any value: of
  background clicks on pixels wrongly in the mask, 15 % were followed.
- Memory wrote one direction into the map, three times as large as all else in it.
- Presence and IoU on tracked frames were constants, and nearly so in version 5.

Weights can be set so that none of this holds and much of what was learned still does: a linear map
before everything that reads the features, its inverse in everything that reads them linearly, and
new first weights where nothing useful was learned. Making the variances along the principal axes
equal is whitening (https://arxiv.org/abs/1804.08450); here they are equalised in part, to 36 % in
four directions. From there 13 minutes of the decoder alone, the encoder frozen, took it from
nothing to the level of hours: 0.653 and 0.714 on 53 real frames with one and three clicks.
"""

from dataclasses import dataclass

import torch
from sam2.modeling.sam.transformer import TwoWayAttentionBlock
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from training.model import normalise, scale_parameters

POWER = 0.35
"""Standard deviations along the principal axes become this power of themselves."""
POSITION_GAIN = 6.0
"""Factor on the product of a position's query and key."""
FREE_GAIN = 0.5
"""Factor on query and on key in the heads without a set function."""
POSITION_HEADS = 4
"""Heads of the first layer in which positions attend to clicks near them; the rest are free."""
LABEL_GAIN = 1.55
"""Factor on a label as it leaves the first self-attention."""
LABEL_WEIGHT = 1.5
"""The norm's weight on a label; elsewhere it is 0.1."""
SELF_GAIN = 1.8
"""Factor on query and on key in the head in which a click's token attends to itself."""
SECOND_ATTENTION = 0.07
"""Factor on the second self-attention, which drowned each token's own features."""
MEMORY_OUTPUT = 0.01
"""Factor on what memory writes into the map."""
CLICK_OUTPUT = 0.04
"""Factor on what clicks write into the map at first."""


@dataclass(frozen=True)
class Basis:
    """Another basis for the map at stride 16: x' = forward (x - mean), x = inverse x' + mean.

    Attributes:
        mean: (C,) of the map.
        forward: (C, C).
        inverse: (C, C).
        deviation: mean standard deviation over the channels of a position before the change, by
            which a layer norm divides.
        deviation_ratio: the same after the change, over before.
    """

    mean: Tensor
    forward: Tensor
    inverse: Tensor
    deviation: float
    deviation_ratio: float


@torch.no_grad()
def whiten_features(model: SAM2Base, frames: Tensor) -> None:
    """Change weights in place. Afterwards the decoder and memory need training.

    Args:
        model: nano, folded or not.
        frames: (N, S, S, 3) uint8, pictures on which the map is measured; a hundred are plenty.
    """
    decoder = model.sam_mask_decoder.transformer
    waves = _lowest_frequencies_first(model)
    basis = _measure(model, frames, [c for wave in waves for c in wave])
    _init_label_head(model, [channel for wave in waves[-2:] for channel in wave])
    scale_parameters(decoder.layers[1].self_attn.out_proj, SECOND_ATTENTION)
    _change_encoder_basis(model, basis)
    _change_memory_basis(model, basis)
    _init_position_heads(decoder.layers[0], basis, waves)


def _lowest_frequencies_first(model: SAM2Base) -> list[tuple[int, int]]:
    """The sine and cosine channels of each frequency of the positional encoding, lowest first."""
    frequencies = model.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    count = frequencies.shape[1]
    return [(wave, wave + count) for wave in frequencies.norm(dim=0).argsort().tolist()]


def _measure(model: SAM2Base, frames: Tensor, channels: list[int]) -> Basis:
    """The basis whose channels, in the given order, have increasing variance.

    So the directions of least variance share their channels with the low frequencies of the
    positional encoding, by which a position is found.
    """
    maps = [model.image_encoder(normalise(part))["backbone_fpn"][-1] for part in frames.split(8)]
    features = torch.cat([m.flatten(2).mT.flatten(0, 1) for m in maps]).double()
    mean = features.mean(0)
    variances, axes = torch.linalg.eigh((features - mean).T.cov())
    gains = variances.clamp(min=1e-6).sqrt() ** (POWER - 1)
    order = torch.zeros_like(axes)
    order[channels, range(len(channels))] = 1
    forward, inverse = order @ (axes * gains).T, (axes / gains) @ order.T
    before = features.std(-1).mean()
    after = ((features - mean) @ forward.T).std(-1).mean()
    ratio = float(after / before)
    return Basis(mean.float(), forward.float(), inverse.float(), float(before), ratio)


def _init_label_head(model: SAM2Base, channels: list[int]) -> None:
    """Make the first self-attention pass on each click's label, in these channels.

    This attention averages over all tokens, so its heads are one linear map. It is approximated by
    one head fewer, and the freed head passes on labels: tokens of clicks attend to themselves in
    it. It outputs nothing for a foreground click.
    """
    layer, prompts = model.sam_mask_decoder.transformer.layers[0], model.sam_prompt_encoder
    attention = layer.self_attn
    width = attention.internal_dim // attention.num_heads
    kept = attention.internal_dim - width
    whole = attention.out_proj.weight @ attention.v_proj.weight
    constant = attention.out_proj.weight @ attention.v_proj.bias + attention.out_proj.bias
    left, sizes, right = torch.linalg.svd(whole)
    background, foreground = (prompts.point_embeddings[label].weight[0] for label in (0, 1))
    label = nn.functional.normalize(background - foreground, dim=0)
    roots = sizes[:kept].sqrt()
    for parameter in (attention.v_proj.weight, attention.v_proj.bias, attention.out_proj.weight):
        parameter.zero_()
    attention.v_proj.weight[:kept] = roots[:, None] * right[:kept]
    attention.v_proj.weight[kept] = label
    attention.v_proj.bias[kept] = -label @ foreground
    attention.out_proj.weight[:, :kept] = left[:, :kept] * roots
    attention.out_proj.weight[channels] = 0
    signs = 1 - 2 * (torch.arange(len(channels)) % 2)
    attention.out_proj.weight[channels, kept] = LABEL_GAIN * signs
    constant[channels] = 0
    attention.out_proj.bias.copy_(constant)
    own = SELF_GAIN * _orthonormal(width, attention.embedding_dim)
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight[kept:] = own
        projection.bias[kept:] = 0
    # The norm's weights on these channels were nearly 0; its bias keeps their mean output.
    layer.norm1.bias[channels] += LABEL_WEIGHT * constant.mean() / constant.std()
    layer.norm1.weight[channels] = LABEL_WEIGHT


def _change_encoder_basis(model: SAM2Base, basis: Basis) -> None:
    """Let the neck's projection output the map in the new basis, and change what is added to it."""
    projection = model.image_encoder.neck.outputs[1]
    projection.bias.sub_(basis.mean)
    _write(projection, basis)
    model.no_mem_embed.copy_(model.no_mem_embed @ basis.forward.T)


def _change_memory_basis(model: SAM2Base, basis: Basis) -> None:
    """Let memory read and write the map in the new basis.

    What reads it after a layer norm is unchanged for positions of average standard deviation.
    """
    _read(model.memory_encoder.pix_feat_proj, basis)
    centred = torch.eye(len(basis.mean)) - 1 / len(basis.mean)
    attention = model.memory_attention
    for layer in attention.layers:
        own, memory = layer.self_attn, layer.cross_attn_image
        for norm, readers in (
            (layer.norm1, (own.q_proj, own.k_proj, own.v_proj)),
            (layer.norm2, (memory.q_proj,)),
            (layer.norm3, (layer.linear1,)),
        ):
            offset = norm.bias + norm.weight * (centred @ basis.mean) / basis.deviation
            for reader in readers:
                reader.bias.add_(reader.weight @ offset)
                reader.weight.copy_(
                    (reader.weight * norm.weight) @ centred @ basis.inverse * basis.deviation_ratio
                )
            norm.reset_parameters()
        for writer in (own.out_proj, memory.out_proj, layer.linear2):
            _write(writer, basis)
            scale_parameters(writer, MEMORY_OUTPUT)
    attention.norm.reset_parameters()


def _init_position_heads(
    layer: TwoWayAttentionBlock, basis: Basis, waves: list[tuple[int, int]]
) -> None:
    """Let the decoder's first layer find a click's position, each head with other frequencies."""
    to_image, to_token = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
    _read(to_image.v_proj, basis)
    inner, heads = to_image.internal_dim, to_image.num_heads
    position = torch.zeros(inner, to_image.embedding_dim)
    low = waves[: inner // 2]
    channels = [channel for head in range(heads) for wave in low[head::heads] for channel in wave]
    position[range(inner), channels] = POSITION_GAIN**0.5
    near = POSITION_HEADS * inner // heads
    for projection in (to_image.q_proj, to_image.k_proj):
        projection.weight.copy_(position)
        projection.bias.zero_()
    for projection in (to_token.q_proj, to_token.k_proj):
        projection.weight[:near] = position[:near]
        projection.weight[near:] = FREE_GAIN * _orthonormal(inner - near, to_token.embedding_dim)
        projection.bias.zero_()
    scale_parameters(to_token.out_proj, CLICK_OUTPUT)


def _read(layer: nn.Linear | nn.Conv2d, basis: Basis) -> None:
    """Change a linear layer that reads the map, so that its output stays the same."""
    assert layer.bias is not None
    weight = layer.weight.flatten(1)
    layer.bias.add_(weight @ basis.mean)
    layer.weight.copy_((weight @ basis.inverse).view_as(layer.weight))


def _write(layer: nn.Linear | nn.Conv2d, basis: Basis) -> None:
    """Change a linear layer so that its output is in the new basis."""
    assert layer.bias is not None
    layer.bias.copy_(basis.forward @ layer.bias)
    layer.weight.copy_((basis.forward @ layer.weight.flatten(1)).view_as(layer.weight))


def _orthonormal(rows: int, columns: int) -> Tensor:
    return torch.linalg.qr(torch.randn(columns, rows))[0].T

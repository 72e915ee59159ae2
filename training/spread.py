"""Spread what a place is over all channels again, and let places and labels of clicks be heard.

What version 4 had learned had shrunk to little, measured on pictures of training:

- Of the map at stride 16, which decoder and memory read, 94 % of the variance lay along four of
  128 directions; its mean was four fifths of its norm, and that twelve times the norm of the
  positional encoding. So the decoder's first layer looked at the same few odd places wherever the
  click was, as sure of them as softmax allows, which lets no gradient through.
- All tokens left the first self-attention alike, so that no label of a click reached any value: of
  background clicks on what was wrongly taken, 15 % were obeyed.
- Memory wrote one direction into the map, three times as loud as all else in it.

Weights can be set so that none of this holds and much of what was learned still does: a linear map
before all that reads the features, its inverse in all that reads them linearly, and new first
weights for what was of no use. Making variances along principal axes equal is whitening
(https://arxiv.org/abs/1804.08450); here they go only a part of the way.
"""

from dataclasses import dataclass

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from training.model import normalise, quieten

POWER = 0.35
"""Standard deviations along the principal axes become this power of themselves."""
PLACE_GAIN = 6.0
"""Factor on the product of a place's query and key."""
ANY_GAIN = 0.5
"""Factor on either, in heads that are to find out what to look for."""
NEARBY = 4
"""Heads of the first layer in which places look for clicks near them; the rest are free."""
LABEL_GAIN = 1.55
"""Factor on a label as it leaves the first self-attention."""
LABEL_WEIGHT = 1.5
"""The norm's own factor on it, which is 0.1 elsewhere."""
OWN_GAIN = 1.8
"""Factor on query and on key where a click's token is to attend to itself."""
MIXED = 0.07
"""Factor on the second self-attention, beside which nothing of a token's own was left."""
REMEMBERED = 0.01
"""Factor on what memory writes into the map."""
TOLD = 0.04
"""Factor on what clicks write into the map at first."""


@dataclass(frozen=True)
class Basis:
    """Another basis for the map at stride 16: x' = into (x - mean), x = back x' + mean.

    Attributes:
        mean: (C,) of the map.
        into: (C, C).
        back: (C, C), its inverse.
        wider: mean standard deviation over the channels of a place, after over before: what a layer
            norm divides by.
        before: that standard deviation before.
    """

    mean: Tensor
    into: Tensor
    back: Tensor
    wider: float
    before: float


@torch.no_grad()
def spread(model: SAM2Base, frames: Tensor) -> None:
    """Change weights in place; the decoder is to be trained anew after it, memory to be mended.

    Args:
        model: nano, folded or not.
        frames: (N, S, S, 3) uint8, pictures to measure the map on; a hundred are plenty.
    """
    decoder = model.sam_mask_decoder.transformer
    waves = _slowest_first(model)
    basis = _measure(model, frames, [c for wave in waves for c in wave])
    _tell_labels(model, [channel for wave in waves[-2:] for channel in wave])
    quieten(decoder.layers[1].self_attn.out_proj, MIXED)
    _move_encoder(model, basis)
    _move_memory(model, basis)
    _bind_places(decoder.layers[0], basis, waves)


def _slowest_first(model: SAM2Base) -> list[tuple[int, int]]:
    """The positional encoding's waves, longest first: the channels of sine and cosine of each."""
    frequencies = model.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    count = frequencies.shape[1]
    return [(wave, wave + count) for wave in frequencies.norm(dim=0).argsort().tolist()]


def _measure(model: SAM2Base, frames: Tensor, channels: list[int]) -> Basis:
    """The basis in which the least variance goes to the first of the channels, and so on.

    So what varies least shares its channels with the slow waves of the positional encoding, by
    which a place is found.
    """
    maps = [model.image_encoder(normalise(part))["backbone_fpn"][-1] for part in frames.split(8)]
    places = torch.cat([m.flatten(2).mT.flatten(0, 1) for m in maps]).double()
    mean = places.mean(0)
    variances, axes = torch.linalg.eigh((places - mean).T.cov())
    gains = variances.clamp(min=1e-6).sqrt() ** (POWER - 1)
    order = torch.zeros_like(axes)
    order[channels, range(len(channels))] = 1
    into, back = order @ (axes * gains).T, (axes / gains) @ order.T
    before, after = places.std(-1).mean(), ((places - mean) @ into.T).std(-1).mean()
    return Basis(mean.float(), into.float(), back.float(), float(after / before), float(before))


def _tell_labels(model: SAM2Base, channels: list[int]) -> None:
    """Make the first self-attention hand each click's label on, in these channels.

    It averages over all tokens, so its heads are one linear map, of which one head's worth of
    directions can be spared. That head is given to the labels: tokens of clicks attend to
    themselves. A foreground click changes nothing by it.
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
    own = OWN_GAIN * _orthonormal(width, attention.embedding_dim)
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight[kept:] = own
        projection.bias[kept:] = 0
    # These channels were all but silenced by the norm; its offset keeps what they were on average.
    layer.norm1.bias[channels] += LABEL_WEIGHT * constant.mean() / constant.std()
    layer.norm1.weight[channels] = LABEL_WEIGHT


def _move_encoder(model: SAM2Base, basis: Basis) -> None:
    """Let the neck's projection give the map in the new basis, and all that is added to it too."""
    projection = model.image_encoder.neck.outputs[1]
    projection.bias.sub_(basis.mean)
    _write(projection, basis)
    model.no_mem_embed.copy_(model.no_mem_embed @ basis.into.T)


def _move_memory(model: SAM2Base, basis: Basis) -> None:
    """Let memory read and write the map in the new basis.

    What reads it after a layer norm computes what it did where that norm divides by its mean.
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
            offset = norm.bias + norm.weight * (centred @ basis.mean) / basis.before
            for reader in readers:
                reader.bias.add_(reader.weight @ offset)
                reader.weight.copy_(
                    (reader.weight * norm.weight) @ centred @ basis.back * basis.wider
                )
            norm.reset_parameters()
        for writer in (own.out_proj, memory.out_proj, layer.linear2):
            _write(writer, basis)
            quieten(writer, REMEMBERED)
    attention.norm.reset_parameters()


def _bind_places(layer: nn.Module, basis: Basis, waves: list[tuple[int, int]]) -> None:
    """Let the decoder's first layer find the place of a click: every head by other slow waves."""
    reading, telling = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
    _read(reading.v_proj, basis)
    inner, heads = reading.internal_dim, reading.num_heads
    place = torch.zeros(inner, reading.embedding_dim)
    slow = waves[: inner // 2]
    channels = [channel for head in range(heads) for wave in slow[head::heads] for channel in wave]
    place[range(inner), channels] = PLACE_GAIN**0.5
    near = NEARBY * inner // heads
    for projection in (reading.q_proj, reading.k_proj):
        projection.weight.copy_(place)
        projection.bias.zero_()
    for projection in (telling.q_proj, telling.k_proj):
        projection.weight[:near] = place[:near]
        projection.weight[near:] = ANY_GAIN * _orthonormal(inner - near, telling.embedding_dim)
        projection.bias.zero_()
    quieten(telling.out_proj, TOLD)


def _read(layer: nn.Module, basis: Basis) -> None:
    """Let a linear layer compute from the map in the new basis what it did from the old one."""
    weight = layer.weight.flatten(1)
    layer.bias.add_(weight @ basis.mean)
    layer.weight.copy_((weight @ basis.back).view_as(layer.weight))


def _write(layer: nn.Module, basis: Basis) -> None:
    """Let a linear layer give in the new basis what it gave in the old one."""
    layer.bias.copy_(basis.into @ layer.bias)
    layer.weight.copy_((basis.into @ layer.weight.flatten(1)).view_as(layer.weight))


def _orthonormal(rows: int, columns: int) -> Tensor:
    return torch.linalg.qr(torch.randn(columns, rows))[0].T

"""Initialise memory so that it encodes from the first step where an object was.

Without this, memory learned whatever is easiest. With object pointers, the second layer of its
attention read only the clicked frame's pointer; trained for minutes without them, every
position of the picture attended to the object's stored positions, with saturated softmax weights.
Both encode what to look for, neither where it was: over 60 frames of each real clip version 5
had a J of 0.583 with the true masks stored, and of 0.571 with its own. Yet the map that memory
stores can match positions: true masks propagated by feature similarity and distance alone, cell by
cell, kept an IoU of 0.85.

So the first weights of SAM 2's own layers compute just this label propagation
(https://arxiv.org/abs/1906.07929). Memory stores of each position its whitened, normalised features
and how much of it, and of each of its quarters, the mask covers. A query is the same features, as
far as a linear layer can compute them from the map. Slow frequencies of the rotary encoding carry
the features, faster ones a preference for what is near. The coverage that attention reads is
written into the map along directions in which it varies least, and the decoder reads it from there
in two channels of its upscaled maps. J on 30 frames of each real clip, with the model's own masks
and with true ones stored:

version 5               0.643  0.656
initialised, untrained  0.351  0.622
240 steps at 256 pixels 0.704  0.751
version 6               0.733  0.780

At memory's former learning rate its second layer saturated on wrong positions within a hundred
steps. At an eighth of it (`optimisers.py`) it stays close to its initial weights and still learns.
Object pointers make no difference now.
"""

import torch
from sam2.modeling.memory_encoder import MaskDownSampler, MemoryEncoder
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from training.data import Batch
from training.model import normalise, scale_parameters
from training.tracking import empty_memory, encode, first_points, store, track

FEATURES = 48
"""Principal axes of the map that memory stores."""
COVERAGE = 5
"""Channels of a mask that memory stores: how much of the position it covers, and how much more or
less of each of its quarters."""
FREE_CHANNELS = 16
"""Channels of memory that are left to the mask."""
SIMILARITY = 18.0
"""Attention logit of two positions with the same features."""
PROXIMITY = 5.0
"""Attention logit of a position for itself, by distance alone."""
PROXIMITY_FREQUENCIES = range(8)
"""Rotary frequencies that encode distance: one to a sixth of a radian a cell."""
FEATURE_FREQUENCIES = range(20, 32)
"""Rotary frequencies that carry features, too slow to turn within a picture."""
STORED_SIZE = 4.0
"""Size of a channel of memory: well above the positional encoding that is added to keys."""
COVERAGE_SIZE = 0.5
"""Size of coverage beside features of 1, so that it hardly changes the norm over both."""
WRITTEN = (5.0, 2.5)
"""How far each layer moves the map where the mask covers all of a position, and one quarter."""
DECODER_SIZE = 2.0
"""Size, after the norm, of the channels of the upscaled map that carry coverage."""
FINE_WEIGHT = 2.0
"""Weight of either in the finest map."""
HYPERNETWORK_BIAS = 1.5
"""Bias of each mask's own vector on these two channels."""
REDUCED = 0.1
"""Factor on what else is written to the channels of coverage."""
RANDOM_DEVIATION = 0.02
"""Standard deviation of first weights that have no function yet."""
RIDGE = 1e-3
"""Ridge penalty of fitted weights, relative to the mean variance of their inputs."""


@torch.no_grad()
def init_memory(model: SAM2Base, batches: list[Batch]) -> None:
    """Set the weights of memory, and of what reads it, in place; all are to be trained afterwards.

    Turns object pointers off until the caller turns them on again.

    Args:
        model: nano, folded or not.
        batches: clips of three frames or more; a hundred objects are plenty.
    """
    model.use_obj_ptrs_in_encoder = False
    frames = torch.cat([batch.frames[:, 0] for batch in batches])
    masks = torch.cat([batch.masks[:, 0, 0] for batch in batches])
    encoded = [model.image_encoder(normalise(part)) for part in frames.split(8)]
    maps = torch.cat([part["backbone_fpn"][-1].flatten(2).mT for part in encoded])
    features = maps.flatten(0, 1).double()
    mean = features.mean(0)
    variances, axes = torch.linalg.eigh((features - mean).T.cov())
    whitening = (axes / variances.clamp(min=1e-6).sqrt())[:, -FEATURES:].T
    _init_encoder(model.memory_encoder, mean, whitening, masks)
    model.no_obj_embed_spatial.zero_()
    model.maskmem_tpos_enc.mul_(REDUCED)
    wanted = nn.functional.normalize((features - mean) @ whitening.T, dim=-1)
    inputs = maps + 0.1 * encoded[0]["vision_pos_enc"][-1][:1].flatten(2).mT
    attention = model.memory_attention
    for layer in attention.layers:
        scale_parameters(layer.self_attn.out_proj, REDUCED)
        scale_parameters(layer.linear2, REDUCED)
        layer.norm2.reset_parameters()
        _init_attention(layer.cross_attn_image, layer.norm2(inputs).flatten(0, 1), wanted, axes)
    # A map with memory written into it keeps the size of one without.
    attention.norm.reset_parameters()
    attention.norm.weight.fill_(float(features.std(-1).mean()))
    _init_decoder(model, batches)


def _init_encoder(encoder: MemoryEncoder, mean: Tensor, whitening: Tensor, masks: Tensor) -> None:
    """Store whitened, normalised features, and after them the mask's coverage."""
    width = encoder.pix_feat_proj.out_channels
    half = width // 2
    coverage = half + FEATURES
    _randomise(encoder.pix_feat_proj, 0.0)
    encoder.pix_feat_proj.weight[:FEATURES] = whitening.float()[..., None, None]
    encoder.pix_feat_proj.bias[:FEATURES] = -(whitening @ mean).float()
    first, second = encoder.fuser.layers
    for block in (first, second):
        nn.init.dirac_(block.dwconv.weight, groups=block.dwconv.groups)
        block.dwconv.bias.zero_()
        block.norm.weight.fill_(1)
        block.norm.bias.zero_()
        scale_parameters(block.pwconv2, REDUCED)
    # GELU(x) - GELU(-x) = x: the output of the first block's norm passes unchanged.
    for sign, start in ((1.0, 0), (-1.0, FEATURES)):
        hidden = slice(start, start + FEATURES)
        first.pwconv1.weight[hidden] = sign * torch.eye(FEATURES, width)
        first.pwconv1.bias[hidden] = 0
        first.pwconv2.weight[:, hidden] = 0
        first.pwconv2.weight[half:coverage, hidden] = sign * torch.eye(FEATURES)
    first.gamma[half:coverage] = 1
    _fit_coverage(encoder.mask_downsampler, masks, coverage)
    _randomise(encoder.out_proj, RANDOM_DEVIATION)
    out = encoder.out_proj.weight[..., 0, 0]
    normed = (width / FEATURES) ** 0.5
    out[:FEATURES, half:coverage] = torch.eye(FEATURES) * STORED_SIZE / normed
    out[FEATURES:, coverage:] = torch.eye(FREE_CHANNELS) * STORED_SIZE / COVERAGE_SIZE


def _fit_coverage(downsampler: MaskDownSampler, masks: Tensor, channel: int) -> None:
    """Fit the last layer of the mask downsampler so that it outputs coverage."""
    wanted, inputs = [], []
    *_, last = layers = downsampler.encoder
    for part in masks.split(32):
        # As `SAM2Base._encode_new_memory` gives a mask to the memory encoder.
        inputs.append(_positions(layers[:-1](part[:, None].float() * 20 - 10)))
        parts = quarters(part)
        whole = parts.mean(1, keepdim=True)
        wanted.append(_positions(torch.cat([whole, parts - whole], 1)))
    weight, bias = _ridge_regression(torch.cat(inputs), torch.cat(wanted))
    _randomise(last, RANDOM_DEVIATION)
    fitted = slice(channel, channel + COVERAGE)
    last.weight[fitted] = COVERAGE_SIZE * weight[..., None, None]
    last.bias[fitted] = COVERAGE_SIZE * bias


def _init_attention(attention: RoPEAttention, inputs: Tensor, wanted: Tensor, axes: Tensor) -> None:
    """Attend to similar and near positions; write the coverage that is stored there.

    Args:
        attention: of a picture to memory.
        inputs: (P, C), from which queries are computed.
        wanted: (P, FEATURES), what the queries should be, up to a factor.
        axes: (C, C), directions of the map, those of least variance first.
    """
    frequencies = attention.internal_dim // 4
    starts = [2 * axis * frequencies for axis in (0, 1)]
    similar = [
        s + 2 * wave + part for s in starts for wave in FEATURE_FREQUENCIES for part in (0, 1)
    ]
    near = [start + 2 * wave for start in starts for wave in PROXIMITY_FREQUENCIES]
    scale = attention.internal_dim**0.25
    for projection in (attention.q_proj, attention.k_proj):
        _randomise(projection, RANDOM_DEVIATION)
        projection.weight[similar + near] = 0
        projection.bias[near] = scale * (PROXIMITY / len(near)) ** 0.5
    weight, bias = _ridge_regression(inputs.double(), wanted)
    attention.q_proj.weight[similar] = scale * SIMILARITY**0.5 * weight
    attention.q_proj.bias[similar] = scale * SIMILARITY**0.5 * bias
    stored = STORED_SIZE * FEATURES**0.5
    attention.k_proj.weight[similar, range(FEATURES)] = scale * SIMILARITY**0.5 / stored
    for projection in (attention.v_proj, attention.out_proj):
        _randomise(projection, RANDOM_DEVIATION)
    coverage = range(FEATURES, FEATURES + COVERAGE)
    attention.v_proj.weight[:COVERAGE] = 0
    attention.v_proj.weight[range(COVERAGE), coverage] = 1 / STORED_SIZE
    sizes = torch.tensor([WRITTEN[0]] + [WRITTEN[1]] * (COVERAGE - 1))
    attention.out_proj.weight[:, :COVERAGE] = axes.float()[:, :COVERAGE] * sizes


def _init_decoder(model: SAM2Base, batches: list[Batch]) -> None:
    """Let the decoder show the coverage that it finds in the map.

    The two channels of either upscaled map with the smallest weights are used for it. One grows
    where the mask covered a position, one where it did not, and the masks' vectors read them with
    opposite signs. On a clicked frame, whose map has no memory, both are nearly zero.
    """
    decoder = model.sam_mask_decoder
    first, norm, _, second, _ = decoder.output_upscaling
    inputs: list[Tensor] = []
    deviations: list[Tensor] = []
    hooks = [
        first.register_forward_pre_hook(lambda _, args: inputs.append(_positions(args[0]))),
        norm.register_forward_pre_hook(
            lambda _, args: deviations.append(args[0].std((0, 2, 3)).mean())
        ),
    ]
    coverage = [_positions(part) for batch in batches for part in _tracked_coverage(model, batch)]
    for hook in hooks:
        hook.remove()
    weight, bias = _ridge_regression(torch.cat(inputs), torch.cat(coverage))
    size = DECODER_SIZE * torch.stack(deviations).mean()
    vectors = [mlp.layers[-1] for mlp in decoder.output_hypernetworks_mlps]
    coarse = second.weight.flatten(1).norm(dim=1).argsort()[:2]
    fine = torch.stack([last.weight.norm(dim=1) for last in vectors]).mean(0).argsort()[:2]
    second.weight[coarse] = 0
    second.weight[:, fine] = 0
    second.bias[fine] = 0
    for layer, channels in ((decoder.conv_s1, coarse), (decoder.conv_s0, fine)):
        layer.weight[channels] = 0
        layer.bias[channels] = 0
    norm.weight[coarse], norm.bias[coarse] = 1, 0
    signs = torch.tensor([1.0, -1.0])
    first.weight[:, coarse] = size * signs[:, None, None] * weight.T.view(-1, 1, 2, 2)
    first.bias[coarse] = size * signs * bias.mean()
    second.weight[coarse[:, None], fine] = FINE_WEIGHT * (signs[:, None] * signs)[..., None, None]
    for last in vectors:
        last.weight[fine] *= REDUCED
        last.bias[fine] = HYPERNETWORK_BIAS * signs


def _tracked_coverage(model: SAM2Base, batch: Batch) -> list[Tensor]:
    """Track over three frames of each clip with the true masks stored.

    Returns:
        For each frame, its masks' `quarters`, all 0 on the first, whose map has no memory.
    """
    prompts = batch.masks.shape[1]
    masks = batch.masks.flatten(0, 1)
    memory = empty_memory()
    views, _ = encode(model, batch.frames[:, :3])
    coverage = []
    for t, single in enumerate(views):
        view = single.repeated(prompts)
        points = first_points(batch.clicks) if t == 0 else None
        result = track(model, t, view, points, memory, len(views))
        coverage.append(quarters(masks[:, t]) * (t > 0))
        true = masks[:, t, None].float() * 20 - 10
        present = torch.ones_like(result.presence)
        store(model, t, view, points, memory, result, true, present)
    return coverage


def quarters(masks: Tensor) -> Tensor:
    """How much of each quarter of a position the masks cover, from -1 for none to 1 for all.

    (N, S, S) bool -> (N, 4, S / 16, S / 16).
    """
    eighths = nn.functional.avg_pool2d(masks[:, None].float(), 8)
    return 2 * nn.functional.pixel_unshuffle(eighths, 2) - 1


def _positions(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N * H * W, C) float64."""
    return maps.movedim(1, -1).flatten(0, -2).double()


def _ridge_regression(inputs: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in) and bias (out,) of the linear map that fits best."""
    centre, offset = inputs.mean(0), wanted.mean(0)
    inputs = inputs - centre
    products = inputs.T @ inputs / len(inputs)
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products))
    weight = torch.linalg.solve(products, inputs.T @ (wanted - offset) / len(inputs)).T
    return weight.float(), (offset - weight @ centre).float()


def _randomise(layer: nn.Linear | nn.Conv2d, deviation: float) -> None:
    """Normal weights of that standard deviation, and no bias."""
    nn.init.normal_(layer.weight, 0, deviation)
    if layer.bias is not None:
        layer.bias.zero_()

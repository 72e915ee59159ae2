"""First weights with which memory says from the first step where an object was.

Left to itself, memory settled into what is easiest to learn. With object pointers, its attention
looked at nothing but the click's pointer; without them, every place of the picture looked at the
object's remembered places, as sure of them as softmax allows. Either tells what to look for and
neither where it was: with true masks remembered on every frame, J on real clips was 0.583, with the
model's own 0.571. Yet in the map that memory stores, places find themselves again: true masks
carried over by likeness and nearness alone, cell by cell, kept an IoU of 0.85.

So weights are set that do just this, as label propagation does (https://arxiv.org/abs/1906.07929),
in SAM 2's own layers. What is remembered of a place is its whitened, normalised features, and how
much of it and of each of its quarters the mask covers; a query is the same features as far as a
linear layer can have them from the map; slow waves of the rotary encoding carry them, faster ones a
preference for what is near. What is read, the covers, is written into the map along directions in
which it varies least, and the decoder reads them from there in two channels of its upscaled maps.
"""

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from training.data import Batch
from training.model import normalise, quieten
from training.steps import encode, first_points

CONTENT = 48
"""Principal axes of the map that are remembered."""
COVERS = 5
"""What is remembered of a mask: how much of the place it covers, and how much more or less of each
of its quarters."""
SPARED = 16
"""Channels of memory that are left to the mask."""
LIKE = 18.0
"""Logit of a place for one that looks the same."""
NEAR = 5.0
"""Logit of a place for itself, by nearness alone."""
NEARNESS = range(8)
"""Rotary frequencies that tell near from far: one to a sixth of a radian a cell."""
CONTENT_WAVES = range(20, 32)
"""Rotary frequencies that carry likeness, too slow to turn over a picture."""
STORED = 4.0
"""Size of a channel of memory: well above the positional encoding that is added to keys."""
COVER_SIZE = 0.5
"""Size of a cover beside features of 1, so that the norm over both hardly feels it."""
TOLD = (5.0, 2.5)
"""By how much each layer moves the map where the mask covers all of a place, and one quarter."""
SHOWN = 2.0
"""Size, after the norm, of the channels of the upscaled map that carry the covers."""
FINE = 2.0
"""Weight of either in the finest map."""
SAID = 1.5
"""What each mask's own vector makes of them there."""
QUIET = 0.1
"""Factor on what else is written where covers are."""
FREE = 0.02
"""Spread of first weights that have nothing to do yet."""
RIDGE = 1e-3
"""Penalty on large weights where some are fitted, beside the mean variance of what they read."""


@torch.no_grad()
def bind_memory(model: SAM2Base, batches: list[Batch]) -> None:
    """Set the weights of memory, and of what reads it, in place; all are to be trained after it.

    Object pointers are out of use until they are turned on again.

    Args:
        model: nano, folded or not.
        batches: clips of three frames or more; a hundred objects are plenty.
    """
    model.use_obj_ptrs_in_encoder = False
    frames = torch.cat([batch.frames[:, 0] for batch in batches])
    masks = torch.cat([batch.masks[:, 0, 0] for batch in batches])
    encoded = [model.image_encoder(normalise(part)) for part in frames.split(8)]
    maps = torch.cat([part["backbone_fpn"][-1].flatten(2).mT for part in encoded])
    places = maps.flatten(0, 1).double()
    mean = places.mean(0)
    variances, axes = torch.linalg.eigh((places - mean).T.cov())
    whitening = (axes / variances.clamp(min=1e-6).sqrt())[:, -CONTENT:].T
    _store(model.memory_encoder, mean, whitening, masks)
    model.no_obj_embed_spatial.zero_()
    model.maskmem_tpos_enc.mul_(QUIET)
    wanted = nn.functional.normalize((places - mean) @ whitening.T, dim=-1)
    given = maps + 0.1 * encoded[0]["vision_pos_enc"][-1][:1].flatten(2).mT
    attention = model.memory_attention
    for layer in attention.layers:
        quieten(layer.self_attn.out_proj, QUIET)
        quieten(layer.linear2, QUIET)
        layer.norm2.reset_parameters()
        _find(layer.cross_attn_image, layer.norm2(given).flatten(0, 1), wanted, axes)
    # A map that memory has been written into is to be of the size of one that has none.
    attention.norm.reset_parameters()
    attention.norm.weight.fill_(float(places.std(-1).mean()))
    _show(model, batches)


def _store(encoder: nn.Module, mean: Tensor, whitening: Tensor, masks: Tensor) -> None:
    """Remember features, whitened and normalised, and after them the mask's covers."""
    width = encoder.pix_feat_proj.out_channels
    half = width // 2
    covers = half + CONTENT
    _clear(encoder.pix_feat_proj, 0.0)
    encoder.pix_feat_proj.weight[:CONTENT] = whitening.float()[..., None, None]
    encoder.pix_feat_proj.bias[:CONTENT] = -(whitening @ mean).float()
    first, second = encoder.fuser.layers
    for block in (first, second):
        nn.init.dirac_(block.dwconv.weight, groups=block.dwconv.groups)
        block.dwconv.bias.zero_()
        block.norm.weight.fill_(1)
        block.norm.bias.zero_()
        quieten(block.pwconv2, QUIET)
    # GELU(x) - GELU(-x) = x: what the first block's norm gives is handed on as it is.
    for sign, start in ((1.0, 0), (-1.0, CONTENT)):
        hidden = slice(start, start + CONTENT)
        first.pwconv1.weight[hidden] = sign * torch.eye(CONTENT, width)
        first.pwconv1.bias[hidden] = 0
        first.pwconv2.weight[:, hidden] = 0
        first.pwconv2.weight[half:covers, hidden] = sign * torch.eye(CONTENT)
    first.gamma[half:covers] = 1
    _fit_covers(encoder.mask_downsampler.encoder, masks, covers)
    _clear(encoder.out_proj, FREE)
    out = encoder.out_proj.weight[..., 0, 0]
    normed = (width / CONTENT) ** 0.5
    out[:CONTENT, half:covers] = torch.eye(CONTENT) * STORED / normed
    out[CONTENT:, covers:] = torch.eye(SPARED) * STORED / COVER_SIZE


def _fit_covers(layers: nn.Sequential, masks: Tensor, channel: int) -> None:
    """Let the last of the layers that shrink a mask give its covers, as well as it can."""
    wanted, known = [], []
    for part in masks.split(32):
        # As `SAM2Base._encode_new_memory` gives a mask to the memory encoder.
        known.append(_places(layers[:-1](part[:, None].float() * 20 - 10)))
        parts = quarters(part)
        whole = parts.mean(1, keepdim=True)
        wanted.append(_places(torch.cat([whole, parts - whole], 1)))
    weight, bias = _ridge(torch.cat(known), torch.cat(wanted))
    _clear(layers[-1], FREE)
    layers[-1].weight[channel : channel + COVERS] = COVER_SIZE * weight[..., None, None]
    layers[-1].bias[channel : channel + COVERS] = COVER_SIZE * bias


def _find(attention: nn.Module, seen: Tensor, wanted: Tensor, axes: Tensor) -> None:
    """Look for what looks the same and is near; write what is remembered of its mask.

    Args:
        attention: of a picture to memory.
        seen: (P, C), what queries are made from.
        wanted: (P, CONTENT), what they should be, up to their size.
        axes: (C, C), directions of the map, those of least variance first.
    """
    waves = attention.internal_dim // 4
    ways = [2 * axis * waves for axis in (0, 1)]
    carry = [way + 2 * wave + part for way in ways for wave in CONTENT_WAVES for part in (0, 1)]
    near = [way + 2 * wave for way in ways for wave in NEARNESS]
    scale = attention.internal_dim**0.25
    for projection in (attention.q_proj, attention.k_proj):
        _clear(projection, FREE)
        projection.weight[carry + near] = 0
        projection.bias[near] = scale * (NEAR / len(near)) ** 0.5
    weight, bias = _ridge(seen.double(), wanted)
    attention.q_proj.weight[carry] = scale * LIKE**0.5 * weight
    attention.q_proj.bias[carry] = scale * LIKE**0.5 * bias
    stored = STORED * CONTENT**0.5
    attention.k_proj.weight[carry, range(CONTENT)] = scale * LIKE**0.5 / stored
    for projection in (attention.v_proj, attention.out_proj):
        _clear(projection, FREE)
    attention.v_proj.weight[:COVERS] = 0
    attention.v_proj.weight[range(COVERS), range(CONTENT, CONTENT + COVERS)] = 1 / STORED
    loud = torch.tensor([TOLD[0]] + [TOLD[1]] * (COVERS - 1))
    attention.out_proj.weight[:, :COVERS] = axes.float()[:, :COVERS] * loud


def _show(model: SAM2Base, batches: list[Batch]) -> None:
    """Let the decoder show the covers that it finds in the map.

    The two channels of either upscaled map that matter least are given to them: one grows where the
    mask covered a place, one where it did not, and the masks' vectors read them with opposite
    signs. On a clicked frame, whose map has no memory, both are nearly nothing.
    """
    decoder = model.sam_mask_decoder
    first, norm, _, second, _ = decoder.output_upscaling
    given: list[Tensor] = []
    sizes: list[Tensor] = []
    hooks = [
        first.register_forward_pre_hook(lambda _, args: given.append(_places(args[0]))),
        norm.register_forward_pre_hook(lambda _, args: sizes.append(args[0].std((0, 2, 3)).mean())),
    ]
    covers = [_places(cover) for batch in batches for cover in _followed(model, batch)]
    for hook in hooks:
        hook.remove()
    weight, bias = _ridge(torch.cat(given), torch.cat(covers))
    size = SHOWN * torch.stack(sizes).mean()
    vectors = [perceptron.layers[-1] for perceptron in decoder.output_hypernetworks_mlps]
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
    second.weight[coarse[:, None], fine] = FINE * (signs[:, None] * signs)[..., None, None]
    for last in vectors:
        last.weight[fine] *= QUIET
        last.bias[fine] = SAID * signs


def _followed(model: SAM2Base, batch: Batch) -> list[Tensor]:
    """Follow true masks over three frames of each clip.

    Returns:
        For each frame, its masks' `quarters`, all 0 on the first, whose map has no memory.
    """
    prompts = batch.masks.shape[1]
    masks = batch.masks.flatten(0, 1)
    memory: dict[str, dict] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    views, _ = encode(model, batch.frames[:, :3])
    covers = []
    for t, seen in enumerate(views):
        view = seen.repeated(prompts)
        points = first_points(batch.clicks) if t == 0 else None
        given = (view.maps, view.places, view.sizes, points, None, memory, len(views), False, None)
        out, sam, _, _ = model._track_step(t, t == 0, *given)
        covers.append(quarters(masks[:, t]) * (t > 0))
        out["obj_ptr"] = sam[5]
        true = masks[:, t, None].float() * 20 - 10
        there = torch.ones_like(sam[6])
        model._encode_memory_in_output(view.maps, view.sizes, points, True, true, there, out)
        memory["non_cond_frame_outputs" if t else "cond_frame_outputs"][t] = out
    return covers


def quarters(masks: Tensor) -> Tensor:
    """What masks cover of each quarter of a place, from -1 for nothing to 1 for all of it.

    (N, S, S) bool -> (N, 4, S / 16, S / 16).
    """
    eighths = nn.functional.avg_pool2d(masks[:, None].float(), 8)
    return 2 * nn.functional.pixel_unshuffle(eighths, 2) - 1


def _places(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N * H * W, C) float64."""
    return maps.movedim(1, -1).flatten(0, -2).double()


def _ridge(known: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in) and bias (out,) of the linear map of small weights that fits best."""
    centre, offset = known.mean(0), wanted.mean(0)
    known = known - centre
    products = known.T @ known / len(known)
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products))
    weight = torch.linalg.solve(products, known.T @ (wanted - offset) / len(known)).T
    return weight.float(), (offset - weight @ centre).float()


def _clear(layer: nn.Module, spread: float) -> None:
    nn.init.normal_(layer.weight, 0, spread)
    layer.bias.zero_()

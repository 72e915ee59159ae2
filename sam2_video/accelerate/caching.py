"""Caching what a network would compute again on every frame."""

from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from torch import Tensor, nn


class CachedPositionEncoding(nn.Module):
    """Replaces a `PositionEmbeddingSine`; each size is computed once."""

    def __init__(self, encoding: PositionEmbeddingSine) -> None:
        super().__init__()
        self.encoding = encoding
        self._cache: dict[tuple[int, int], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W), expanded from one positional encoding."""
        size = (x.shape[-2], x.shape[-1])
        if size not in self._cache:
            self._cache[size] = self.encoding(x[:1])
        return self._cache[size].expand(len(x), -1, -1, -1)


def cache_empty_prompt(encoder: PromptEncoder) -> None:
    """Compute the dense positional encoding once, and the empty prompt once for each batch size.

    A tracked frame has no prompt; `SAM2Base._forward_sam_heads` then passes one point with the
    label -1.
    """
    positions, compute = encoder.get_dense_pe(), encoder.forward
    cache: dict[int, tuple[Tensor, Tensor]] = {}

    def cached(
        points: tuple[Tensor, Tensor], boxes: Tensor | None, masks: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        _, labels = points
        if boxes is not None or masks is not None or labels.shape[1] != 1 or (labels != -1).any():
            return compute(points, boxes, masks)
        if len(labels) not in cache:
            cache[len(labels)] = compute(points, boxes, masks)
        return cache[len(labels)]

    encoder.get_dense_pe, encoder.forward = lambda: positions, cached

"""SAM 2's memory attention for CPUs: the same function as Meta's module, in less arithmetic.

What is saved, each of it exact but for rounding:

- Values. A value is a projection of 64 memory channels to 256, and the weights of one query's
  softmax sum to 1, so the projection may come after the weighted sum instead of before it: the
  second matrix product of an attention is a quarter as large.
- Scores. A tile of queries meets all keys in one buffer that is used again and again and stays in
  the cache; `scaled_dot_product_attention` tiles too, but needs values as wide as keys.
- Objects. Until the first memory is looked at, all objects of a frame have the same queries: the
  first self-attention runs once.
- Rotary encoding. With even channels before odd ones, which no product can tell, it is four real
  products of contiguous halves instead of complex ones of pairs.

In 8 bits, which is a choice, queries and keys are rounded after the rotary encoding, with a scale
for each query and for each memory, as SageAttention does (https://arxiv.org/abs/2410.02367): their
product is three times as fast where the processor has instructions for it.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.sam.transformer import RoPEAttention
from torch import Tensor, nn

TILE = 128
"""Queries whose scores are computed together: with fewer, keys are read too often; more leave the
cache."""
INT8_QUERIES = 1024
"""With fewer queries, rounding costs more time than it saves."""
MLP_TOKENS = 1024
"""Tokens that pass the perceptron together, so that its hidden layer stays in the cache."""


class Rotation(NamedTuple):
    """The rotary encoding of a grid: (h * w, C / 2) cosines and sines."""

    cosines: Tensor
    sines: Tensor

    def turn(self, halves: Tensor) -> Tensor:
        """Rotate (h * w, C) queries or keys whose even channels come first."""
        even, odd = halves.chunk(2, dim=-1)
        out = torch.empty_like(halves)
        first, second = out.chunk(2, dim=-1)
        torch.mul(even, self.cosines, out=first)
        first.addcmul_(odd, self.sines, value=-1)
        torch.mul(odd, self.cosines, out=second)
        second.addcmul_(even, self.sines)
        return out


class FastMemoryAttention(nn.Module):
    """Takes the place of a network's `memory_attention`; see the module's text.

    Args:
        original: Meta's module; its layers must be those of SAM 2's configurations, with one head.
        use_int8: round queries and keys to 8 bits.
    """

    def __init__(self, original: MemoryAttention, *, use_int8: bool) -> None:
        super().__init__()
        if not original.batch_first or not original.pos_enc_at_input:
            raise ValueError("memory attention of an unknown form")
        self.layers = nn.ModuleList(_Layer(layer, use_int8) for layer in original.layers)
        self.norm = original.norm

    def forward(
        self,
        curr: list[Tensor],
        memory: Tensor,
        curr_pos: list[Tensor],
        memory_pos: Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> Tensor:
        """What `MemoryAttention.forward` computes.

        Args:
            curr: one (h * w, B, C) tensor, the frame's coarsest features.
            memory: (N, B, 64): h * w tokens for each memory, then the object pointers' tokens.
            curr_pos: one tensor, like `curr`.
            memory_pos: (N, B, 64).
            num_obj_ptr_tokens: how many of the N tokens are of pointers, which have no place.

        Returns:
            (h * w, B, C).
        """
        count = memory.shape[1]
        # The objects' features are one frame's, expanded: what they share is done once.
        tokens = (curr[0] + 0.1 * curr_pos[0])[:, 0]
        keyed = memory + memory_pos
        layers = [layer for layer in self.layers if isinstance(layer, _Layer)]
        tokens = tokens + layers[0].attend_self(tokens)
        outputs = [tokens] * count
        for number, layer in enumerate(layers):
            if number > 0:
                outputs = [x + layer.attend_self(x) for x in outputs]
            for b, x in enumerate(outputs):
                crossed = layer.attend_memory(x, keyed[:, b], memory[:, b], num_obj_ptr_tokens)
                outputs[b] = layer.perceive(x + crossed)
        return self.norm(torch.stack(outputs, dim=1))


class _Layer(nn.Module):
    """One layer; tokens of one object at a time, (N, C)."""

    def __init__(self, original: MemoryAttentionLayer, use_int8: bool) -> None:
        super().__init__()
        if original.pos_enc_at_attn or original.pos_enc_at_cross_attn_queries:
            raise ValueError("memory attention of an unknown form")
        if not original.pos_enc_at_cross_attn_keys or original.activation is not F.relu:
            raise ValueError("memory attention of an unknown form")
        self.norm1, self.norm2, self.norm3 = original.norm1, original.norm2, original.norm3
        self.self_attention = _RotaryAttention(original.self_attn, use_int8)
        self.cross_attention = _RotaryAttention(original.cross_attn_image, use_int8)
        self.linear1, self.linear2 = original.linear1, original.linear2

    def attend_self(self, tokens: Tensor) -> Tensor:
        x = self.norm1(tokens)
        return self.self_attention(x, x, x, 0)

    def attend_memory(
        self, tokens: Tensor, keyed: Tensor, memory: Tensor, num_pointers: int
    ) -> Tensor:
        return self.cross_attention(self.norm2(tokens), keyed, memory, num_pointers)

    def perceive(self, tokens: Tensor) -> Tensor:
        """The perceptron and its residual."""
        out = torch.empty_like(tokens)
        for x, place in zip(tokens.split(MLP_TOKENS), out.split(MLP_TOKENS), strict=True):
            hidden = self.linear1(self.norm3(x)).relu_()
            torch.add(x, self.linear2(hidden), out=place)
        return out


class _RotaryAttention(nn.Module):
    """`RoPEAttention` of one head, for one object.

    The value projection is folded into the output projection.
    """

    def __init__(self, original: RoPEAttention, use_int8: bool) -> None:
        super().__init__()
        if original.num_heads != 1:
            raise ValueError("memory attention with several heads")
        self.use_int8 = use_int8
        self.width = original.internal_dim
        self.compute_cis = original.compute_cis
        self.query = _halved(original.q_proj)
        self.key = _halved(original.k_proj)
        value, output = original.v_proj, original.out_proj
        self.folds = value.in_features < value.out_features
        if self.folds:
            self.output = nn.Linear(value.in_features, output.out_features)
            with torch.no_grad():
                self.output.weight.copy_(output.weight @ value.weight)
                self.output.bias.copy_(output.weight @ value.bias + output.bias)
        else:
            self.value, self.output = value, output
        self._rotations: dict[int, Rotation] = {}

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, num_pointers: int) -> Tensor:
        """Attention before its residual.

        Args:
            queries: (h * w, C).
            keys: (N, C_mem), h * w tokens for each of several memories, then pointers.
            values: (N, C_mem).
            num_pointers: tokens at the end of the keys that are not rotated.
        """
        rotation = self._rotation(len(queries))
        q = rotation.turn(self.query(queries)).mul_(self.width**-0.5)
        placed = len(keys) - num_pointers
        blocks = [rotation.turn(self.key(k)) for k in keys[:placed].split(len(queries))]
        pointers = self.key(keys[placed:])
        v = values.contiguous() if self.folds else self.value(values)
        rounds = self.use_int8 and len(q) >= INT8_QUERIES
        attend = _attend_int8 if rounds else _attend
        return self.output(attend(q, blocks, pointers, v))

    def _rotation(self, tokens: int) -> Rotation:
        if tokens not in self._rotations:
            side = round(tokens**0.5)
            turns = self.compute_cis(end_x=side, end_y=side)
            self._rotations[tokens] = Rotation(turns.real.contiguous(), turns.imag.contiguous())
        return self._rotations[tokens]


def _halved(linear: nn.Linear) -> nn.Linear:
    """A projection whose even outputs come before its odd ones."""
    out = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        out.weight.copy_(torch.cat([linear.weight[0::2], linear.weight[1::2]]))
        out.bias.copy_(torch.cat([linear.bias[0::2], linear.bias[1::2]]))
    return out


def _attend(q: Tensor, blocks: list[Tensor], pointers: Tensor, v: Tensor) -> Tensor:
    """softmax(q @ keys) @ v with scaled queries (N, C); in float32."""
    keys = torch.cat([*blocks, pointers]).t()
    scores = torch.empty(TILE, len(v))
    out = torch.empty(len(q), v.shape[1])
    for part, place in zip(q.split(TILE), out.split(TILE), strict=True):
        s = scores[: len(part)]
        torch.mm(part, keys, out=s)
        torch.softmax(s, 1, out=s)
        torch.mm(s, v, out=place)
    return out


def _attend_int8(q: Tensor, blocks: list[Tensor], pointers: Tensor, v: Tensor) -> Tensor:
    """The same with queries and keys in 8 bits; pointers, which are few, stay as they are."""
    exact = q @ pointers.t()
    scores = torch.empty(TILE, len(v))
    products = torch.empty(TILE, len(blocks[0]), dtype=torch.int32)
    out = torch.empty(len(q), v.shape[1])
    small_keys, key_scales = zip(*(_rounded(k, None) for k in blocks), strict=True)
    small_queries, query_scales = _rounded(q, 1)
    for start in range(0, len(q), TILE):
        rows = slice(start, start + TILE)
        part = small_queries[rows]
        s = scores[: len(part)]
        at = 0
        for keys, scale in zip(small_keys, key_scales, strict=True):
            product = products[: len(part), : len(keys)]
            torch._int_mm(part, keys.t(), out=product)
            torch.mul(product, query_scales[rows] * scale, out=s[:, at : at + len(keys)])
            at += len(keys)
        s[:, at:] = exact[rows]
        torch.softmax(s, 1, out=s)
        torch.mm(s, v, out=out[rows])
    return out


def _rounded(x: Tensor, dim: int | None) -> tuple[Tensor, Tensor]:
    """Whole numbers from -127 to 127, and what to multiply them by: one factor, or one a row.

    Overwrites x.
    """
    least, most = torch.aminmax(x, dim=dim, keepdim=dim is not None)
    scale = torch.maximum(most, -least).clamp_(min=1e-20) / 127
    return x.div_(scale).round_().to(torch.int8), scale

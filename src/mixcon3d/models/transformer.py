"""Pre-norm transformer with the parameter names of the published PointBERT checkpoints."""

import torch.nn.functional as F
from torch import Tensor, nn


class PreNorm(nn.Module):
    """LayerNorm before a sub-layer; the residual is added by the transformer."""

    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Attention(nn.Module):
    """Multi-head self-attention without qkv bias; logits are scaled by head_dim^-1/2."""

    def __init__(self, dim: int, num_heads: int, head_dim: int) -> None:
        super().__init__()
        inner = num_heads * head_dim
        self.num_heads = num_heads
        self.to_qkv = nn.Linear(dim, 3 * inner, bias=False)
        # A Sequential of one only for the name `to_out.0` of the published state dicts.
        self.to_out = nn.Sequential(nn.Linear(inner, dim))

    def forward(self, x: Tensor) -> Tensor:
        batch_size, num_tokens, _ = x.shape
        qkv = self.to_qkv(x).view(batch_size, num_tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(*qkv.unbind(0))
        return self.to_out(out.transpose(1, 2).reshape(batch_size, num_tokens, -1))


class FeedForward(nn.Module):
    """Two-layer GELU MLP; the identity layers keep the indices 0 and 3 of the published state dicts."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, hidden_dim), nn.GELU(), nn.Identity(), nn.Linear(hidden_dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Transformer(nn.Module):
    """`depth` blocks x += attention(norm(x)); x += mlp(norm(x)), without a final norm."""

    def __init__(self, dim: int, depth: int, num_heads: int, head_dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([PreNorm(dim, Attention(dim, num_heads, head_dim)), PreNorm(dim, FeedForward(dim, mlp_dim))])
            for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, tokens, dim) -> (B, tokens, dim)."""
        for block in self.layers:
            attention, feed_forward = block.children()
            x = x + attention(x)
            x = x + feed_forward(x)
        return x

"""Pre-norm transformer with the parameter names of the published PointBERT checkpoints."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


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


class Block(nn.ModuleList):
    """x += attention(norm(x)); x += mlp(norm(x)). A list of two for the names of the published state dicts."""

    def __init__(self, dim: int, num_heads: int, head_dim: int, mlp_dim: int) -> None:
        super().__init__([PreNorm(dim, Attention(dim, num_heads, head_dim)), PreNorm(dim, FeedForward(dim, mlp_dim))])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self[0](x)
        return x + self[1](x)


class Transformer(nn.Module):
    """`depth` blocks, without a final norm.

    With `grad_checkpointing` the backward pass computes each block's activations again instead of keeping them.
    """

    def __init__(self, dim: int, depth: int, num_heads: int, head_dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(dim, num_heads, head_dim, mlp_dim) for _ in range(depth))
        self.grad_checkpointing = False

    def compile_blocks(self) -> None:
        """Compiles the blocks; all of them share one compiled program."""
        for block in self.layers:
            block.compile()

    def forward(self, x: Tensor) -> Tensor:
        """(B, tokens, dim) -> (B, tokens, dim)."""
        for block in self.layers:
            if self.grad_checkpointing and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return x

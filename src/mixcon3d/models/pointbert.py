"""The PointBERT ("point patch transformer") encoder and its scalings.

State-dict names and shapes are those of the published OpenShape and MixCon3D PointBERT checkpoints.
"""

from dataclasses import dataclass

import torch
import torch_redstone
from torch import Tensor, nn

from mixcon3d.models.set_abstraction import SetAbstraction
from mixcon3d.models.transformer import Transformer


@dataclass(frozen=True)
class PointBERTShape:
    """Sizes of a PointBERT.

    dim: token width D; depth: transformer blocks L; num_heads, head_dim: attention; mlp_dim: hidden size of a block's
    MLP; patch_dim: patch feature size E; num_patches: P; radius: of a ball, unit-sphere units; num_neighbours: K.
    """

    dim: int
    depth: int
    num_heads: int
    mlp_dim: int
    patch_dim: int
    num_patches: int
    radius: float
    num_neighbours: int
    head_dim: int = 64


# Scalings 1 to 6 are the published ones; 0 is this project's own, for CPUs and tests.
SCALINGS: dict[int, PointBERTShape] = {
    0: PointBERTShape(128, 4, 2, 256, 64, 48, 0.35, 32),
    1: PointBERTShape(256, 6, 4, 1024, 96, 64, 0.4, 256),
    2: PointBERTShape(512, 6, 8, 1024, 128, 64, 0.4, 256),
    3: PointBERTShape(512, 12, 8, 1024, 128, 128, 0.35, 128),
    4: PointBERTShape(512, 12, 8, 1536, 256, 384, 0.2, 64),
    5: PointBERTShape(768, 12, 12, 2304, 256, 512, 0.2, 64),
    6: PointBERTShape(768, 24, 12, 3072, 256, 512, 0.2, 64),
}


class _ChannelsLast(nn.Module):
    """(B, C, T) -> (B, T, C); parameterless, it holds index 1 in the published `lift`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class PointPatchTransformer(nn.Module):
    """Coloured point cloud -> class token."""

    def __init__(self, shape: PointBERTShape, in_channels: int) -> None:
        super().__init__()
        self.sa = SetAbstraction(
            shape.num_patches, shape.radius, shape.num_neighbours, in_channels, (64, 64, shape.patch_dim)
        )
        self.lift = nn.Sequential(
            nn.Conv1d(3 + shape.patch_dim, shape.dim, 1), _ChannelsLast(), nn.LayerNorm(shape.dim)
        )
        self.cls_token = nn.Parameter(torch.randn(shape.dim))
        self.transformer = Transformer(shape.dim, shape.depth, shape.num_heads, shape.head_dim, shape.mlp_dim)

    def forward(self, xyz: Tensor, features: Tensor, fps_start: Tensor | None = None) -> Tensor:
        """xyz (B, N, 3), features (B, N, C) -> class token (B, dim)."""
        centres, patch_features = self.sa(xyz, features, fps_start)
        tokens = self.lift(torch.cat([centres, patch_features], dim=1))
        tokens = torch_redstone.supercat([self.cls_token, tokens], dim=-2)
        return self.transformer(tokens)[:, 0]


class PointBERT(nn.Module):
    """Point patch transformer followed by a linear map into the CLIP space.

    Args:
        shape: sizes, an entry of SCALINGS or one's own.
        in_channels: channels of the point features, 6 for [xyz, rgb], 3 for xyz alone.
        out_channels: embedding size of the CLIP space.
    """

    def __init__(self, shape: PointBERTShape, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.ppat = PointPatchTransformer(shape, in_channels)
        self.proj = nn.Linear(shape.dim, out_channels)

    def forward(self, xyz: Tensor, features: Tensor, fps_start: Tensor | None = None) -> Tensor:
        """Embedding of each cloud.

        Args:
            xyz: (B, N, 3) coordinates in model space: z up, inside the unit sphere.
            features: (B, N, C) point features [xyz, rgb], rgb in [0, 1].
            fps_start: (B,) first point of the farthest point sampling; index 0 if None, as in evaluation.

        Returns:
            (B, out_channels), not normalised.
        """
        return self.proj(self.ppat(xyz, features, fps_start))

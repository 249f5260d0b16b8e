"""Grouping of a cloud into overlapping patches and their PointNet features (single-scale set abstraction)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixcon3d.models.geometry import ball_query, farthest_point_sample, gather_points


class SetAbstraction(nn.Module):
    """num_patches balls around farthest points, each turned into one vector by a shared MLP and a maximum.

    Args:
        num_patches: number P of balls.
        radius: of a ball, in the units of the (unit-sphere) coordinates.
        num_neighbours: number K of points taken from a ball.
        in_channels: channels of the point features, 6 for [xyz, rgb].
        mlp_channels: output channels of the shared layers; the last is the patch feature size E.
    """

    def __init__(
        self, num_patches: int, radius: float, num_neighbours: int, in_channels: int, mlp_channels: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.num_patches, self.radius, self.num_neighbours = num_patches, radius, num_neighbours
        sizes = (3 + in_channels, *mlp_channels)
        self.mlp_convs = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(sizes))
        self.mlp_bns = nn.ModuleList(nn.BatchNorm2d(b) for b in mlp_channels)

    def group(self, xyz: Tensor, fps_start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Indices of the centres (B, P) and of their neighbours (B, P, K) in xyz (B, N, 3)."""
        centre_index = farthest_point_sample(xyz, self.num_patches, fps_start)
        centres = gather_points(xyz, centre_index)
        return centre_index, ball_query(centres, xyz, self.radius, self.num_neighbours)

    def forward(self, xyz: Tensor, features: Tensor, fps_start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """xyz (B, N, 3), features (B, N, C) -> centres (B, 3, P), patch features (B, E, P)."""
        centre_index, neighbour_index = self.group(xyz, fps_start)
        centres = gather_points(xyz, centre_index)
        offsets = gather_points(xyz, neighbour_index) - centres.unsqueeze(2)
        patches = torch.cat([offsets, gather_points(features, neighbour_index)], dim=-1)
        # The (B, C, K, P) layout is kept through BatchNorm: on CPU its statistics are far more accurate there than on
        # (rows, C) or channels-last input.
        x = patches.permute(0, 3, 2, 1).contiguous()
        for conv, norm in zip(self.mlp_convs, self.mlp_bns, strict=True):
            x = F.relu(norm(conv(x)), inplace=True)
        return centres.transpose(1, 2), x.amax(dim=2)

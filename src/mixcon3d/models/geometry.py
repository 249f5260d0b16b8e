"""Point-set operations: farthest point sampling, ball query and gathering. Indices in, indices out; no parameters.

Distances are always computed in float32 by the direct difference, whatever the autocast or TF32 setting: the expanded
form |a|^2 + |b|^2 - 2ab loses enough digits to move points across the radius.
"""

import numpy as np
import torch
from torch import Tensor

# Largest number of (centre, point) pairs whose distances are held at once; bounds the memory of the ball query.
_MAX_PAIRS = 1 << 24


def squared_distances(points: Tensor, other: Tensor) -> Tensor:
    """Squared Euclidean distances (dx^2 + dy^2) + dz^2 in float32, rounded after each operation (no fused ones).

    Args:
        points, other: broadcastable (..., 3) coordinates.
    """
    delta = points.float() - other.float()
    x, y, z = delta.unbind(-1)
    return (x * x + y * y) + z * z


def farthest_point_sample(xyz: Tensor, num_samples: int, start: Tensor | None = None) -> Tensor:
    """Indices of `num_samples` points, each the farthest from those chosen before it; ties go to the lowest index.

    Args:
        xyz: (B, N, 3) coordinates.
        num_samples: number S of points to choose. With S > N (or only duplicates left) indices repeat.
        start: (B,) index of the first point of each cloud; index 0 if None (evaluation).

    Returns:
        (B, S) int64 indices.
    """
    batch_size, num_points, _ = xyz.shape
    xyz = xyz.detach().float()
    rows = torch.arange(batch_size, device=xyz.device)
    chosen = xyz.new_zeros(batch_size, num_samples, dtype=torch.int64)
    current = chosen[:, 0] if start is None else start.to(device=xyz.device, dtype=torch.int64)
    nearest = xyz.new_full((batch_size, num_points), float("inf"))
    for sample in range(num_samples):
        chosen[:, sample] = current
        centre = xyz[rows, current].unsqueeze(1)
        nearest = torch.minimum(nearest, squared_distances(xyz, centre))
        current = nearest.argmax(dim=1)
    return chosen


def ball_query(centres: Tensor, xyz: Tensor, radius: float, num_neighbours: int) -> Tensor:
    """For each centre the first `num_neighbours` points, in index order, no farther than `radius`.

    These are the first ones of the cloud's order, not the nearest: that is what published PointBERT weights were
    trained with, and why clouds are shuffled. A ball with fewer points is filled with its first point; an empty one
    with index 0.

    Args:
        centres: (B, S, 3) coordinates.
        xyz: (B, N, 3) coordinates.
        radius: in the units of the coordinates; compared as d^2 <= float32(radius^2).

    Returns:
        (B, S, num_neighbours) int64 indices into N.
    """
    batch_size, num_centres, _ = centres.shape
    clouds_at_once = max(1, _MAX_PAIRS // (num_centres * xyz.shape[1]))
    chunks = [
        _ball_query_chunk(centres[i : i + clouds_at_once], xyz[i : i + clouds_at_once], radius, num_neighbours)
        for i in range(0, batch_size, clouds_at_once)
    ]
    return torch.cat(chunks)


def _ball_query_chunk(centres: Tensor, xyz: Tensor, radius: float, num_neighbours: int) -> Tensor:
    squared_radius = float(np.float32(radius * radius))
    inside = squared_distances(centres.detach().unsqueeze(2), xyz.detach().unsqueeze(1)) <= squared_radius
    count = inside.sum(-1, keepdim=True)
    # nonzero() lists hits row by row in index order: hit k of a ball lies k places after the ball's first hit.
    hits = inside.nonzero()[:, 2]
    if hits.numel() == 0:
        return torch.zeros(*inside.shape[:2], num_neighbours, dtype=torch.int64, device=xyz.device)
    first = (count.flatten().cumsum(0) - count.flatten()).view_as(count)
    rank = torch.arange(num_neighbours, device=xyz.device)
    place = first + torch.where(rank < count, rank, torch.zeros_like(rank))
    neighbours = hits[place.clamp_max(hits.numel() - 1)]
    return torch.where(count > 0, neighbours, torch.zeros_like(neighbours))


def gather_points(values: Tensor, index: Tensor) -> Tensor:
    """values (B, N, C) at index (B, ...) of int64 -> (B, ..., C)."""
    rows = torch.arange(values.shape[0], device=values.device).view(-1, *[1] * (index.dim() - 1))
    return values[rows, index]

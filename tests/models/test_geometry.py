import numpy as np
import pytest
import torch

from mixcon3d.models import geometry
from mixcon3d.models.geometry import ball_query, farthest_point_sample, gather_points, squared_distances


def clouds(kind: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if kind == "random":
        return torch.rand(3, 300, 3, generator=generator)
    if kind == "clustered":
        return 0.01 * torch.randn(3, 300, 3, generator=generator) + torch.randint(
            0, 3, (3, 300, 1), generator=generator
        )
    if kind == "lattice":
        axis = torch.arange(7) / 7
        lattice = torch.cartesian_prod(axis, axis, axis)
        return torch.stack([lattice[torch.randperm(343, generator=generator)] for _ in range(3)])
    return torch.rand(3, 20, 3, generator=generator).repeat(1, 15, 1)


KINDS = pytest.mark.parametrize("kind", ["random", "clustered", "lattice", "duplicates"])


def slow_farthest_point_sample(cloud: np.ndarray, num_samples: int, start: int) -> list[int]:
    chosen = [start]
    while len(chosen) < num_samples:
        delta = cloud[:, None] - cloud[chosen][None]
        square = delta * delta
        nearest = ((square[..., 0] + square[..., 1]) + square[..., 2]).min(axis=1)
        chosen.append(int(nearest.argmax()))
    return chosen


def slow_ball_query(centre: np.ndarray, cloud: np.ndarray, radius: float, num_neighbours: int) -> list[int]:
    hits = []
    for index, point in enumerate(cloud):
        square = (centre - point) ** 2
        if (square[0] + square[1]) + square[2] <= np.float32(radius * radius):
            hits.append(index)
    hits = hits[:num_neighbours] or [0]
    return hits + [hits[0]] * (num_neighbours - len(hits))


@KINDS
def test_farthest_point_sample_equals_the_obvious_loop(kind):
    xyz, start = clouds(kind), torch.tensor([0, 7, 11])
    chosen = farthest_point_sample(xyz, 25, start)
    for cloud, first, indices in zip(xyz.numpy(), start.tolist(), chosen.tolist(), strict=True):
        assert indices == slow_farthest_point_sample(cloud, 25, first)


@KINDS
@pytest.mark.parametrize("radius", [0.05, 1 / 7, 0.4])
def test_ball_query_equals_the_obvious_loop(kind, radius, monkeypatch):
    monkeypatch.setattr(geometry, "_MAX_PAIRS", 10_000)
    xyz = clouds(kind)
    centres = xyz[:, ::29]
    neighbours = ball_query(centres, xyz, radius, 16)
    for cloud, cloud_centres, rows in zip(xyz.numpy(), centres.numpy(), neighbours.tolist(), strict=True):
        assert rows == [slow_ball_query(centre, cloud, radius, 16) for centre in cloud_centres]


def test_an_empty_ball_gives_index_0():
    xyz = torch.rand(2, 10, 3)
    far = torch.full((2, 1, 3), 9.0)
    assert ball_query(torch.cat([far, xyz[:, 4:5]], dim=1), xyz, 1e-4, 3).tolist() == [[[0] * 3, [4] * 3]] * 2
    assert ball_query(far, xyz, 1e-4, 3).tolist() == [[[0] * 3]] * 2


def test_distances_stay_float32_under_autocast():
    a, b = torch.rand(5, 1, 3), torch.rand(1, 6, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = squared_distances(a, b)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, squared_distances(a, b))


def test_gather_points_takes_rows_of_their_own_cloud():
    values = torch.arange(2 * 4 * 3).view(2, 4, 3)
    assert torch.equal(
        gather_points(values, torch.tensor([[1, 1], [3, 0]])), torch.stack([values[0, [1, 1]], values[1, [3, 0]]])
    )

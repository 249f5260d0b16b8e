"""Point clouds sampled from the surfaces of a design."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixcon3d.demo.design import Part
from mixcon3d.demo.paint import MATERIALS

GRAIN_STRIPES = 7.0  # wood stripes across an object


@dataclass(frozen=True)
class Cloud:
    """xyz (N, 3) inside the unit sphere, rgb (N, 3) in [0, 1] and unit normals (N, 3), all float32."""

    xyz: np.ndarray
    rgb: np.ndarray
    normals: np.ndarray

    def subset(self, indices: np.ndarray) -> "Cloud":
        return Cloud(self.xyz[indices], self.rgb[indices], self.normals[indices])


def sample_parts(parts: Sequence[Part], num_points: int, rng: np.random.Generator) -> Cloud:
    """Spread points evenly over the area of all parts, centred and scaled to touch the unit sphere."""
    corners = _fit(np.concatenate([part.surface.corners for part in parts]))
    corner_normals = np.concatenate([part.surface.normals for part in parts])
    part_of_face = np.repeat(np.arange(len(parts)), [len(part.surface.corners) for part in parts])
    first, u, v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.cumsum(np.sqrt((np.cross(u, v).astype(np.float64) ** 2).sum(1)))
    positions = (np.arange(num_points) + rng.random(num_points)) / num_points * areas[-1]
    faces = np.searchsorted(areas, positions).clip(0, len(areas) - 1)
    a, b = rng.random((2, num_points, 1), np.float32)
    folded = a + b > 1
    a, b = np.where(folded, 1 - a, a), np.where(folded, 1 - b, b)
    xyz = first[faces] + a * u[faces] + b * v[faces]
    ends = corner_normals[faces]
    normals = (1 - a - b) * ends[:, 0] + a * ends[:, 1] + b * ends[:, 2]
    normals /= np.sqrt((normals * normals).sum(1, keepdims=True)).clip(1e-6)
    return Cloud(xyz, _colour(parts, part_of_face[faces], xyz, rng), normals)


def _fit(corners: np.ndarray) -> np.ndarray:
    """Centre the bounding box at the origin and scale the farthest corner to just inside distance 1."""
    centred = corners - (corners.min((0, 1)) + corners.max((0, 1))) / 2
    reach = np.sqrt((centred * centred).sum(-1).max())
    return (centred * (0.999 / reach)).astype(np.float32)


def _colour(parts: Sequence[Part], part_of_point: np.ndarray, xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paint of each point with the stripes and the speckle of its material, (N, 3)."""
    base = np.array([part.paint.rgb for part in parts], np.float32)
    materials = [MATERIALS[part.paint.material] for part in parts]
    speckle = np.array([material.speckle for material in materials], np.float32)[part_of_point]
    grain = np.array([material.grain for material in materials], np.float32)[part_of_point]
    across = np.stack([_across(part) for part in parts])[part_of_point]
    phase = 2 * np.pi * GRAIN_STRIPES * ((xyz * across).sum(1) + 0.04 * np.sin(6 * xyz.sum(1)))
    brightness = 1 + grain * np.sin(phase) + speckle * rng.standard_normal(len(xyz), np.float32)
    return (base[part_of_point] * brightness[:, None]).clip(0, 1).astype(np.float32)


def _across(part: Part) -> np.ndarray:
    """Direction (3,) across the part's longest side: wood stripes run along that side."""
    corners = part.surface.corners
    extent = corners.max((0, 1)) - corners.min((0, 1))
    direction = np.full(3, 1.0, np.float32)
    direction[extent.argmax()] = 0.1
    return direction

"""Curves and flat outlines: splines, arcs, and plates cut from polygons."""

from collections.abc import Sequence

import numpy as np

from mixcon3d.demo.surfaces import Surface, join, triangles

TINY = 1e-12  # area below which three corners count as one straight line


def spline(points: Sequence[Sequence[float]] | np.ndarray, per_step: int = 5, closed: bool = False) -> np.ndarray:
    """Smooth (Catmull-Rom) curve through control points (K, D), `per_step` points for each of its pieces."""
    knots = np.asarray(points, np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    padded = np.concatenate([ends[0], knots, ends[1]])
    t = np.arange(per_step)[:, None] / per_step
    pieces = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        pieces.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.concatenate(pieces if closed else [*pieces, knots[-1:]])


def arc(radius: float, start_deg: float, end_deg: float, points: int = 13) -> np.ndarray:
    """Points (K, 2) on a circle about the origin, counter-clockwise from +x."""
    angles = np.deg2rad(np.linspace(start_deg, end_deg, points))
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def in_plane(curve: np.ndarray, plane: str = "xy") -> np.ndarray:
    """Place a flat curve (K, 2) in space, (K, 3); `plane` names the axes of its two coordinates."""
    placed = np.zeros((len(curve), 3))
    placed[:, ["xyz".index(axis) for axis in plane]] = curve
    return placed


def extrude(outline: Sequence[Sequence[float]] | np.ndarray, thickness: float) -> Surface:
    """Plate with the given outline (K, 2) in x and y, centred in z."""
    polygon = np.asarray(outline, np.float64)
    ears = polygon[_ears(polygon)]
    half = thickness / 2
    faces = [np.concatenate([ears, np.full((*ears.shape[:2], 1), z)], axis=2) for z in (-half, half)]
    a, b = polygon, np.roll(polygon, -1, axis=0)
    back, front = np.full((len(polygon), 1), -half), np.full((len(polygon), 1), half)
    a0, a1, b0, b1 = (np.concatenate([p, z], axis=1) for p in (a, b) for z in (back, front))
    rim = np.concatenate([np.stack([a0, b0, b1], axis=1), np.stack([a0, b1, a1], axis=1)])
    return join(triangles(np.concatenate(faces)), triangles(rim))


def _ears(polygon: np.ndarray) -> np.ndarray:
    """Triangles (T, 3) of indices that fill a simple polygon (K, 2), cut off one ear at a time."""
    x, y = polygon[:, 0], polygon[:, 1]
    turn = 1.0 if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0 else -1.0
    left = list(range(len(polygon)))
    result = []
    while len(left) > 3:
        ear = next((i for i in range(len(left)) if _is_ear(polygon, left, i, turn)), 0)
        result.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return np.array([*result, tuple(left)])


def _is_ear(polygon: np.ndarray, left: list[int], i: int, turn: float) -> bool:
    a, b, c = polygon[left[i - 1]], polygon[left[i]], polygon[left[(i + 1) % len(left)]]
    bend = turn * _cross(b - a, c - b)
    if bend <= TINY:
        return bool(abs(bend) <= TINY)
    corners = {left[i - 1], left[i], left[(i + 1) % len(left)]}
    others = polygon[[k for k in left if k not in corners]]
    sides = [turn * _cross(end - start, others - start) for start, end in ((a, b), (b, c), (c, a))]
    return not (np.min(sides, axis=0) >= -TINY).any()


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

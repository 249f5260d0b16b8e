"""Triangle surfaces with corner normals, and the primitives that the demo objects are put together from.

Boxes, cylinders and lathes stand on y = 0 and are centred in x and z; spheres, tori and extrusions are centred at
the origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMOOTH_COSINE = 0.75  # a profile that turns by less than about 40 degrees is shaded as one curved surface


@dataclass(frozen=True)
class Surface:
    """Triangles: corners (T, 3, 3) positions and normals (T, 3, 3) unit vectors."""

    corners: np.ndarray
    normals: np.ndarray

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Surface":
        return Surface(self.corners + np.array([x, y, z], np.float32), self.normals)

    def turned(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Surface":
        """Rotated about the x, then the y, then the z axis, by degrees."""
        matrix = _rotation(2, z) @ _rotation(1, y) @ _rotation(0, x)
        return Surface(self.corners @ matrix.T, self.normals @ matrix.T)

    def scaled(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> "Surface":
        factors = np.array([x, y, z], np.float32)
        return Surface(self.corners * factors, _unit(self.normals / factors))


def _rotation(axis: int, degrees: float) -> np.ndarray:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3, dtype=np.float32)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors * vectors).sum(-1, keepdims=True)).clip(1e-9)


def join(*surfaces: Surface) -> Surface:
    """All triangles as one surface."""
    return Surface(np.concatenate([s.corners for s in surfaces]), np.concatenate([s.normals for s in surfaces]))


def mirrored(surface: Surface) -> Surface:
    """The surface together with its mirror image in x."""
    return join(surface, surface.scaled(x=-1.0))


def triangles(corners: np.ndarray) -> Surface:
    """Flat-shaded surface of corners (T, 3, 3)."""
    corners = np.asarray(corners, np.float32)
    normal = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    return Surface(corners, np.repeat(normal[:, None], 3, axis=1))


def facets(*outlines: Sequence[Sequence[float] | np.ndarray] | np.ndarray) -> Surface:
    """Flat convex polygons, each a list of its corners in space."""
    fans = [[(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)] for ring in outlines]
    return triangles(np.array([corner for fan in fans for corner in fan]))


def grid(points: np.ndarray, normals: np.ndarray) -> Surface:
    """Two triangles for every square of a grid of points and normals, both (R, C, 3)."""

    def corners_of(values: np.ndarray) -> np.ndarray:
        a, b, c, d = values[:-1, :-1], values[1:, :-1], values[1:, 1:], values[:-1, 1:]
        return np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=2).reshape(-1, 3, 3)

    return Surface(corners_of(points).astype(np.float32), corners_of(normals).astype(np.float32))


def patch(points: np.ndarray) -> Surface:
    """Smooth surface through a grid of points (R, C, 3)."""
    return grid(points, _unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))))


def box(width: float, height: float, depth: float) -> Surface:
    """Sharp box of width in x, height in y and depth in z."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]], np.float32).reshape(2, 3, 2)
    faces, normals = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            face = np.insert(signs, axis, side, axis=2)
            faces.append(face)
            normals.append(np.broadcast_to(np.eye(3)[axis] * side, face.shape))
    corners = np.concatenate(faces) * np.array([width, height, depth]) / 2 + np.array([0, height / 2, 0])
    return Surface(corners.astype(np.float32), np.concatenate(normals).astype(np.float32))


def rounded_box(width: float, height: float, depth: float, radius: float) -> Surface:
    """Box with rounded edges: a sphere whose octants are pulled apart to the corners of a smaller box."""
    half = np.array([width, height, depth]) / 2
    radius = float(min(radius, half.min() * 0.999))
    arc = np.deg2rad([0, 30, 60, 90])
    latitudes = np.concatenate([arc[::-1] * -1, arc])
    longitudes = np.concatenate([arc + quarter * np.pi / 2 for quarter in range(4)] + [[0.0]])
    quarters = np.array([0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [0])
    y_signs = np.array([-1.0] * 4 + [1.0] * 4)
    x_signs, z_signs = np.array([1, -1, -1, 1])[quarters], np.array([1, 1, -1, -1])[quarters]
    flat = np.cos(latitudes)[:, None]
    normals = np.stack(
        [flat * np.cos(longitudes), np.repeat(np.sin(latitudes)[:, None], 17, 1), flat * np.sin(longitudes)], axis=-1
    )
    signs = np.stack(np.broadcast_arrays(x_signs[None], y_signs[:, None], z_signs[None]), axis=-1)
    points = signs * (half - radius) + radius * normals
    lid = box(2 * (half[0] - radius), 2 * half[1], 2 * (half[2] - radius)).at(y=-half[1])
    top_and_bottom = np.abs(lid.normals[:, 0, 1]) > 0.5
    lids = Surface(lid.corners[top_and_bottom], lid.normals[top_and_bottom])
    return join(grid(points, normals), lids).at(y=half[1])


def lathe(profile: Sequence[Sequence[float]] | np.ndarray, segments: int = 28) -> Surface:
    """Profile points (P, 2) of (radius, y) turned about the y axis; sharp turns of the profile stay sharp."""
    points = np.asarray(profile, np.float64)
    points = points[np.insert(np.abs(np.diff(points, axis=0)).sum(1) > 1e-7, 0, True)]
    steps = np.diff(points, axis=0)
    outward = _unit(np.stack([steps[:, 1], -steps[:, 0]], axis=1))
    shared = (outward[1:] * outward[:-1]).sum(1, keepdims=True) > SMOOTH_COSINE
    between = _unit(outward[1:] + outward[:-1])
    first = np.concatenate([outward[:1], np.where(shared, between, outward[1:])])
    last = np.concatenate([np.where(shared, between, outward[:-1]), outward[-1:]])
    angles = np.linspace(0, 2 * np.pi, segments + 1)

    def spun(values: np.ndarray) -> np.ndarray:
        radial, height = values[:, :1], np.repeat(values[:, 1:], len(angles), axis=1)
        return np.stack([radial * np.sin(angles), height, radial * np.cos(angles)], axis=-1)

    bands = zip(points[:-1], points[1:], first, last, strict=True)
    return join(*[grid(spun(np.stack([a, b])), spun(np.stack([n, m]))) for a, b, n, m in bands])


def cylinder(radius: float, height: float, top_radius: float | None = None, segments: int = 24) -> Surface:
    """Closed cylinder, or a cone where the top radius differs."""
    top = radius if top_radius is None else top_radius
    return lathe([(0, 0), (radius, 0), (top, height), (0, height)], segments)


def sphere(radius: float, low_deg: float = -90.0, high_deg: float = 90.0) -> Surface:
    """Sphere, or the open zone of it between two latitudes."""
    latitudes = np.deg2rad(np.linspace(low_deg, high_deg, 13))
    return lathe(np.stack([radius * np.cos(latitudes).clip(0), radius * np.sin(latitudes)], axis=1), 24)


def ellipsoid(x: float, y: float, z: float) -> Surface:
    """Ellipsoid of the given half axes."""
    return sphere(1.0).scaled(x, y, z)


def torus(radius: float, thickness: float, segments: int = 28) -> Surface:
    """Ring about the y axis; `radius` reaches to the middle of a tube of radius `thickness`."""
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    circle = np.stack([radius * np.sin(around), np.zeros(segments), radius * np.cos(around)], axis=1)
    return tube(circle, thickness, closed=True)


def rod(
    start: Sequence[float] | np.ndarray,
    end: Sequence[float] | np.ndarray,
    radius: float,
    end_radius: float | None = None,
) -> Surface:
    """Straight round bar between two points."""
    radii = np.array([radius, radius if end_radius is None else end_radius])
    return tube(np.array([start, end], np.float64), radii)


def tube(path: np.ndarray, radius: float | np.ndarray, closed: bool = False, sides: int = 10) -> Surface:
    """Round tube along a path (K, 3); radius is one number or one for each point of the path."""
    path = np.asarray(path, np.float64)
    if closed:
        path = np.concatenate([path, path[:1]])
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))
    tangents = _unit(np.gradient(path, axis=0))
    if closed:
        tangents[0] = tangents[-1] = _unit(path[1] - path[-2])
    side = _unit(np.cross(tangents[0], np.eye(3)[np.abs(tangents[0]).argmin()]))
    sides_along = []
    for tangent in tangents:
        side = _unit(side - tangent * (side @ tangent))
        sides_along.append(side)
    u = np.stack(sides_along)
    v = np.cross(tangents, u)
    angles = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    normals = np.cos(angles) * u[:, None] + np.sin(angles) * v[:, None]
    rings = path[:, None] + radii[:, None, None] * normals
    wall = grid(rings, normals)
    return wall if closed else join(wall, _fan(rings[0]), _fan(rings[-1]))


def _fan(ring: np.ndarray) -> Surface:
    """Disc inside a closed ring of points (C, 3)."""
    middle = np.broadcast_to(ring[:-1].mean(0), ring[:-1].shape)
    return triangles(np.stack([middle, ring[:-1], ring[1:]], axis=1))

"""What happens to a cloud between the disk and the model: draw, orient, normalise, augment, colour."""

from dataclasses import dataclass

import numpy as np

from mixcon3d.data.record import MISSING_RGB

# A cloud smaller than this (radius in stored units) has no shape; it becomes all zeros.
_DEGENERATE_RADIUS = 1e-6
_MAX_DROPOUT = 0.875
_SCALE = (0.8, 1.25)
_SHIFT = 0.1
_ANGLE_STD, _ANGLE_CLIP = 0.06, 0.18


@dataclass(frozen=True)
class Augmentation:
    """Drawn parameters of one augmentation.

    dropped (N,) bool: points that move onto point 0; scale: factor; shift (3,): in unit-sphere units; angles (3,):
    about x, y, z, radians; z_angle: of the rotation about the up axis, radians.
    """

    dropped: np.ndarray | None = None
    scale: float = 1.0
    shift: np.ndarray | None = None
    angles: np.ndarray | None = None
    z_angle: float = 0.0


def draw_augmentation(rng: np.random.Generator, num_points: int, augment: bool, random_z_rotate: bool) -> Augmentation:
    """Draws the parameters of the training augmentation (PointNet++'s ranges)."""
    if augment:
        ratio = rng.uniform(0, _MAX_DROPOUT)
        drawn = Augmentation(
            dropped=rng.random(num_points, dtype=np.float32) <= ratio,
            scale=rng.uniform(*_SCALE),
            shift=rng.uniform(-_SHIFT, _SHIFT, 3),
            angles=np.clip(_ANGLE_STD * rng.standard_normal(3), -_ANGLE_CLIP, _ANGLE_CLIP),
        )
    else:
        drawn = Augmentation()
    z_angle = rng.uniform(0, 2 * np.pi) if random_z_rotate else 0.0
    return Augmentation(drawn.dropped, drawn.scale, drawn.shift, drawn.angles, z_angle)


def draw_indices(rng: np.random.Generator, available: int, wanted: int) -> np.ndarray:
    """(wanted,) shuffled point indices: without repetition if there are enough, else all of them and some again.

    The order matters: a ball query takes the first points of this order.
    """
    if available >= wanted:
        return rng.permutation(available)[:wanted]
    extra = rng.integers(0, available, wanted - available)
    return rng.permutation(np.concatenate([np.arange(available), extra]))


def swap_up_axis(xyz: np.ndarray) -> np.ndarray:
    """y-up (N, 3) -> model space: axes 1 and 2 swapped. A reflection, as in all published checkpoints."""
    return xyz[:, [0, 2, 1]]


def normalize_cloud(xyz: np.ndarray) -> np.ndarray:
    """(N, 3) centred on the mean and scaled into the unit sphere, float32; a cloud without extent becomes zeros."""
    centred = xyz - xyz.mean(axis=0, dtype=np.float64)
    radius = np.sqrt((centred**2).sum(axis=1).max())
    if radius < _DEGENERATE_RADIUS:
        return np.zeros(xyz.shape, np.float32)
    return (centred / radius).astype(np.float32)


def rotation_matrix(angles: np.ndarray) -> np.ndarray:
    """Rz Ry Rx for angles (x, y, z) in radians, float64 (3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def augment_cloud(xyz: np.ndarray, rgb: np.ndarray, drawn: Augmentation) -> tuple[np.ndarray, np.ndarray]:
    """Applies dropout, scale, shift, small rotation and rotation about z, in this order.

    Args:
        xyz: (N, 3) float32, normalised.
        rgb: (N, 3); the colours of dropped points move with them.
        drawn: parameters.
    """
    if drawn.dropped is not None:
        kept = np.where(drawn.dropped, 0, np.arange(len(xyz)))
        xyz, rgb = xyz[kept], rgb[kept]
    # Row vectors: ((scale p + shift) R) Rz is one affine map.
    rotation = rotation_matrix(np.array([0.0, 0.0, drawn.z_angle]))
    if drawn.angles is not None:
        rotation = rotation_matrix(drawn.angles) @ rotation
    shift = np.zeros(3) if drawn.shift is None else drawn.shift
    matrix, offset = (drawn.scale * rotation).astype(np.float32), (shift @ rotation).astype(np.float32)
    return xyz @ matrix + offset, rgb


def prepare_cloud(
    xyz: np.ndarray, rgb: np.ndarray, rng: np.random.Generator, num_points: int, y_up: bool, normalize: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The part of the transform that training and evaluation share: draw, swap the up axis, normalise."""
    chosen = draw_indices(rng, len(xyz), num_points)
    xyz, rgb = xyz[chosen], rgb[chosen]
    if y_up:
        xyz = swap_up_axis(xyz)
    if normalize:
        xyz = normalize_cloud(xyz)
    return np.ascontiguousarray(xyz, dtype=np.float32), rgb.astype(np.float32, copy=False)


def make_features(xyz: np.ndarray, rgb: np.ndarray, use_color: bool) -> np.ndarray:
    """Point features [xyz, rgb] (N, 6), or xyz alone (N, 3)."""
    return np.concatenate([xyz, rgb], axis=1) if use_color else xyz


def grey(rgb: np.ndarray) -> np.ndarray:
    """All points in the colour of a point without colour."""
    return np.full_like(rgb, MISSING_RGB)

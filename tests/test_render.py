import numpy as np
import pytest

from mixcon3d.render import render_points, render_views, visible_points

WHITE = (255, 255, 255)


def sphere_points(count: int) -> np.ndarray:
    """Evenly spread points on the unit sphere (count, 3)."""
    index = np.arange(count) + 0.5
    y, angle = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], axis=1).astype(np.float32)


def square(z: float, half: float, count: int = 60) -> np.ndarray:
    """Points of a square in the plane at height z, seen face on from azimuth 0."""
    side = np.linspace(-half, half, count)
    x, y = np.meshgrid(side, side)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1).astype(np.float32)


def is_background(image: np.ndarray, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    return (image == np.array(background)).all(-1)


def disc(size_px: int, radius_px: float) -> np.ndarray:
    middle = (size_px - 1) / 2
    rows, columns = np.mgrid[:size_px, :size_px]
    return (rows - middle) ** 2 + (columns - middle) ** 2 < radius_px**2


@pytest.mark.parametrize(("count", "size_px"), [(2000, 96), (10000, 96), (10000, 300), (40000, 96)])
@pytest.mark.parametrize("with_normals", [True, False])
def test_silhouette_of_a_sphere_is_filled_and_round(count: int, size_px: int, with_normals: bool) -> None:
    xyz = sphere_points(count)
    image = render_points(xyz, np.full_like(xyz, 0.5), xyz if with_normals else None, size_px=size_px)
    empty = is_background(image)
    assert not empty[disc(size_px, 0.46 * size_px)].any()
    assert empty[~disc(size_px, 0.52 * size_px)].all()


def test_far_side_does_not_shine_through() -> None:
    xyz = sphere_points(8000)
    rgb = np.where(xyz[:, 2:] > 0, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    image = render_points(xyz, rgb, azimuth_deg=0, elevation_deg=0)
    assert image[disc(96, 40)][:, 2].max() == 0


@pytest.mark.parametrize("order", [1, -1])
def test_nearer_square_hides_the_farther_one(order: int) -> None:
    xyz = np.concatenate([square(0.5, 0.3), square(-0.5, 0.3)][::order])
    rgb = np.repeat(np.array([[1.0, 0, 0], [0, 1.0, 0]])[::order], 3600, axis=0)
    front = render_points(xyz, rgb, azimuth_deg=0, elevation_deg=0)[48, 48]
    back = render_points(xyz, rgb, azimuth_deg=180, elevation_deg=0)[48, 48]
    assert front[0] > 100
    assert front[1] == 0
    assert back[1] > 100
    assert back[0] == 0


def test_y_is_up_and_x_is_right_from_azimuth_zero() -> None:
    xyz = square(0.0, 0.1) + np.array([0.5, 0.5, 0.0], np.float32)
    rows, columns = np.nonzero(~is_background(render_points(xyz, np.zeros_like(xyz), azimuth_deg=0, elevation_deg=0)))
    assert rows.max() < 48
    assert columns.min() > 48


def test_light_falls_from_above_and_normals_may_point_inwards() -> None:
    xyz = sphere_points(20000)
    grey = np.full_like(xyz, 0.6)
    image = render_points(xyz, grey, xyz, azimuth_deg=0, elevation_deg=0)
    assert image[20, 48, 0] > image[76, 48, 0] + 30
    np.testing.assert_array_equal(render_points(xyz, grey, -xyz, azimuth_deg=0, elevation_deg=0), image)


def test_cloud_larger_than_the_unit_sphere_is_shrunk_into_the_picture() -> None:
    xyz = 7 * sphere_points(10000)
    image = render_points(xyz, np.zeros_like(xyz))
    border = np.ones((96, 96), bool)
    border[1:-1, 1:-1] = False
    assert is_background(image)[border].all()
    assert not is_background(image)[disc(96, 44)].any()


def test_background_colour_and_float16_input() -> None:
    xyz = square(0.0, 0.2).astype(np.float16)
    image = render_points(xyz, np.zeros_like(xyz), background=(10, 20, 30))
    assert image.dtype == np.uint8
    assert tuple(image[0, 0]) == (10, 20, 30)


def test_views_go_round_the_object_and_repeat_exactly() -> None:
    xyz = np.concatenate([square(0.6, 0.3), square(-0.6, 0.1)])
    rgb = np.random.default_rng(0).random(xyz.shape)
    views = render_views(xyz, rgb, num_views=4, size_px=64, elevations_deg=(0.0,))
    assert views.shape == (4, 64, 64, 3)
    areas = [(~is_background(view)).sum() for view in views]
    assert areas[0] > 2 * areas[1]
    np.testing.assert_array_equal(views, render_views(xyz, rgb, num_views=4, size_px=64, elevations_deg=(0.0,)))


def test_visible_points_are_those_of_the_near_half() -> None:
    xyz = sphere_points(20000)
    seen = visible_points(xyz, azimuth_deg=90, elevation_deg=0)
    assert seen[xyz[:, 0] > 0.6].all()
    assert not seen[xyz[:, 0] < -0.3].any()

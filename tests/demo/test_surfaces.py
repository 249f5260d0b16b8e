import numpy as np
import pytest

from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.surfaces import Surface, box, cylinder, ellipsoid, facets, lathe, mirrored, rounded_box, torus, tube


def area(surface: Surface) -> float:
    a, b, c = surface.corners.astype(np.float64).transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        (box(1, 2, 3), 22.0),
        (rounded_box(1, 2, 3, 1e-4), 22.0),
        (cylinder(0.5, 2, segments=200), 2.5 * np.pi),
        (ellipsoid(1, 1, 1), 4 * np.pi),
        (torus(1.0, 0.25), np.pi**2),
        (tube(np.array([[0, 0, 0], [0, 0, 2.0]]), 0.5, sides=200), 2.5 * np.pi),
        (facets([(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 1, 0)]), 2.0),
        (extrude([(0, 0), (2, 0), (2, 2), (1, 1), (0, 2)], 0.5), 6.0 + 0.5 * (6 + 2 * 2**0.5)),
    ],
)
def test_surface_has_the_right_area(surface: Surface, expected: float) -> None:
    assert area(surface) == pytest.approx(expected, rel=0.05)
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=2), 1, atol=1e-3)


@pytest.mark.parametrize("clockwise", [True, False])
def test_concave_outline_is_filled_without_overlap(clockwise: bool) -> None:
    star = np.concatenate([arc(r, a, a, 1) for k in range(5) for r, a in ((1.0, 72 * k), (0.4, 72 * k + 36))])
    plate = extrude(star[::-1] if clockwise else star, 0.0)
    assert area(plate) == pytest.approx(2 * 5 * 1.0 * 0.4 * np.sin(np.deg2rad(36)), rel=1e-3)


def test_boxes_stand_on_the_ground() -> None:
    for surface in (box(1, 2, 3), rounded_box(1, 2, 3, 0.2), cylinder(0.5, 2)):
        assert surface.corners[..., 1].min() == pytest.approx(0, abs=1e-6)
        assert surface.corners[..., 1].max() == pytest.approx(2, abs=1e-6)


def test_turning_and_moving() -> None:
    turned = box(2, 0, 0).turned(z=90).at(x=5, y=1)
    np.testing.assert_allclose(np.ptp(turned.corners, axis=(0, 1)), [0, 2, 0], atol=1e-6)
    np.testing.assert_allclose(turned.corners.mean((0, 1)), [5, 1, 0], atol=1e-6)


def test_sphere_normals_point_outwards_after_uneven_scaling() -> None:
    ball = ellipsoid(1.0, 0.3, 0.5)
    gradient = ball.corners / np.array([1.0, 0.09, 0.25])
    assert (gradient * ball.normals).sum(-1).min() > 0


def test_lathe_keeps_sharp_edges_and_smooths_shallow_ones() -> None:
    sharp = lathe([(0, 0), (1, 0), (1, 1)])
    assert set(np.round(np.abs(sharp.normals[..., 1]), 3).ravel()) == {0.0, 1.0}
    smooth = lathe([(1, 0), (1.1, 0.5), (1.1, 1.0)])
    assert len(set(np.round(smooth.normals[..., 1], 3).ravel())) == 3


def test_mirror_image_lies_on_the_other_side() -> None:
    pair = mirrored(box(1, 1, 1).at(x=2)).corners
    assert pair[..., 0].min() == pytest.approx(-2.5)
    assert pair[..., 0].max() == pytest.approx(2.5)


def test_spline_passes_through_its_knots() -> None:
    knots = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0)])
    curve = spline(knots, 4)
    np.testing.assert_allclose(curve[[0, 4, 8]], knots)
    np.testing.assert_allclose(in_plane(curve, "xz")[:, [0, 2]], curve)

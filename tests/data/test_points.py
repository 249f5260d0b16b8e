import numpy as np
import pytest

from helpers import golden_arrays
from mixcon3d.data.points import (
    Augmentation,
    augment_cloud,
    draw_augmentation,
    draw_indices,
    normalize_cloud,
    prepare_cloud,
    rotation_matrix,
    swap_up_axis,
)

GOLDEN = golden_arrays("g_normalize_augment")


@pytest.mark.parametrize("case", ["random", "one_point", "tiny", "f64"])
def test_normalisation_equals_the_reference(case):
    np.testing.assert_allclose(normalize_cloud(GOLDEN[f"{case}/in"]), GOLDEN[f"{case}/out"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_augmentation_equals_the_reference_on_its_legacy_random_stream(seed):
    xyz = GOLDEN["augment/in"]
    stream = np.random.RandomState(seed)
    ratio = stream.random_sample() * 0.875
    drawn = Augmentation(
        dropped=stream.random_sample(len(xyz)) <= ratio,
        scale=stream.uniform(0.8, 1.25),
        shift=stream.uniform(-0.1, 0.1, 3),
        angles=np.clip(0.06 * stream.randn(3), -0.18, 0.18),
    )
    augmented, _ = augment_cloud(xyz, xyz, drawn)
    np.testing.assert_allclose(augmented, GOLDEN[f"augment/seed{seed}/augment_pc"], rtol=0, atol=1e-5)
    whole = Augmentation(drawn.dropped, drawn.scale, drawn.shift, drawn.angles, z_angle=stream.uniform() * 2 * np.pi)
    rotated, _ = augment_cloud(xyz, xyz, whole)
    np.testing.assert_allclose(rotated, GOLDEN[f"augment/seed{seed}/then_rotate_z"], rtol=0, atol=1e-5)


def test_the_colour_of_a_dropped_point_moves_with_it():
    xyz, rgb = np.random.default_rng(0).random((2, 6, 3), dtype=np.float32)
    dropped = np.array([False, True, False, True, True, False])
    moved_xyz, moved_rgb = augment_cloud(xyz, rgb, Augmentation(dropped=dropped))
    np.testing.assert_allclose(moved_xyz[dropped], np.repeat(xyz[:1], 3, axis=0))
    np.testing.assert_array_equal(moved_rgb[dropped], np.repeat(rgb[:1], 3, axis=0))
    np.testing.assert_array_equal(moved_rgb[~dropped], rgb[~dropped])


def test_drawn_parameters_stay_in_their_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(rng, 500, augment=True, random_z_rotate=True) for _ in range(200)]
    assert all(0.8 <= d.scale <= 1.25 for d in drawn)
    assert all(np.abs(d.shift).max() <= 0.1 for d in drawn)
    assert all(np.abs(d.angles).max() <= 0.18 for d in drawn)
    ratios = np.array([d.dropped.mean() for d in drawn])
    assert ratios.max() < 0.95
    assert ratios.std() > 0.2
    assert np.ptp([d.z_angle for d in drawn]) > 6


def test_without_augmentation_a_cloud_only_rotates_about_z():
    rng = np.random.default_rng(0)
    xyz = rng.random((9, 3), dtype=np.float32)
    same, _ = augment_cloud(xyz, xyz, draw_augmentation(rng, 9, augment=False, random_z_rotate=False))
    np.testing.assert_array_equal(same, xyz)
    rotated, _ = augment_cloud(xyz, xyz, draw_augmentation(rng, 9, augment=False, random_z_rotate=True))
    np.testing.assert_allclose(rotated[:, 2], xyz[:, 2], atol=1e-6)
    assert np.abs(rotated[:, :2] - xyz[:, :2]).max() > 0.05


def test_enough_points_are_drawn_without_repetition_and_too_few_are_all_used():
    rng = np.random.default_rng(0)
    assert len(set(draw_indices(rng, 100, 60))) == 60
    few = draw_indices(rng, 40, 100)
    assert len(few) == 100
    assert set(few) == set(range(40))
    assert not np.array_equal(few[:40], np.arange(40))


def test_up_axis_swap_is_the_reflection_of_the_published_checkpoints():
    np.testing.assert_array_equal(swap_up_axis(np.array([[1.0, 2.0, 3.0]])), [[1.0, 3.0, 2.0]])


def test_rotation_is_rz_ry_rx():
    a = np.array([0.1, -0.2, 0.3])
    single = [rotation_matrix(np.eye(3)[i] * a[i]) for i in range(3)]
    np.testing.assert_allclose(rotation_matrix(a), single[2] @ single[1] @ single[0])


def test_preparing_draws_orients_and_normalises():
    rng = np.random.default_rng(0)
    stored = rng.random((200, 3)).astype(np.float32) * [1, 5, 1]
    xyz, rgb = prepare_cloud(stored, stored, rng, num_points=120, y_up=True, normalize=True)
    assert xyz.shape == rgb.shape == (120, 3)
    assert xyz.dtype == rgb.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(xyz, axis=1).max(), 1, rtol=1e-6)
    assert np.ptp(xyz[:, 2]) > 2 * np.ptp(xyz[:, 1])

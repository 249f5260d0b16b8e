import numpy as np
import pytest

from mixcon3d.demo import CATEGORIES, MODELNET40, SCANOBJECTNN
from mixcon3d.demo.captions import JUNK_TITLES, full_caption, write_texts
from mixcon3d.demo.objects import SCAN_POINTS, build_object, scan
from mixcon3d.demo.paint import MATERIALS, PALETTE

SEEDS = 5


def test_categories_cover_the_benchmarks() -> None:
    assert len(CATEGORIES) >= 40
    assert len(SCANOBJECTNN) == 15
    assert set(SCANOBJECTNN) <= set(CATEGORIES)
    assert len(MODELNET40) >= 20
    assert set(MODELNET40) <= set(CATEGORIES)


def test_every_material_has_colours_of_the_palette() -> None:
    assert {colour for material in MATERIALS.values() for colour in material.colours} <= set(PALETTE)


@pytest.mark.parametrize("category", CATEGORIES)
def test_category_builds_bounded_coloured_objects(category: str) -> None:
    clouds = []
    for seed in range(SEEDS):
        made = build_object(category, np.random.default_rng(seed), 500)
        cloud = made.cloud
        assert cloud.xyz.shape == cloud.rgb.shape == cloud.normals.shape == (500, 3)
        assert np.isfinite(cloud.xyz).all()
        assert 0.8 < np.linalg.norm(cloud.xyz, axis=1).max() <= 1
        assert cloud.rgb.min() >= 0
        assert cloud.rgb.max() <= 1
        np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, atol=1e-3)
        assert category in full_caption(made.attributes)
        assert made.attributes.colour in full_caption(made.attributes)
        clouds.append(cloud.xyz)
    assert not np.allclose(clouds[0], clouds[1])


def test_proportions_match_the_size_words() -> None:
    ratios: dict[str, list[float]] = {"tall": [], "short": []}
    for seed in range(60):
        made = build_object("lamp", np.random.default_rng(seed), 2000)
        extent = np.ptp(made.cloud.xyz, axis=0)
        for word in set(ratios) & set(made.attributes.sizes):
            ratios[word].append(extent[1] / extent[0])
    assert np.mean(ratios["tall"]) > np.mean(ratios["short"]) + 0.2


def test_main_colour_is_the_one_in_the_caption() -> None:
    for seed in range(20):
        made = build_object("apple", np.random.default_rng(seed), 2000)
        nearest = min(
            PALETTE, key=lambda name: min(np.abs(np.median(made.cloud.rgb, 0) - c).sum() for c in PALETTE[name])
        )
        assert nearest == made.attributes.colour


def test_complete_texts_name_the_category() -> None:
    for category in CATEGORIES:
        rng = np.random.default_rng(1)
        texts = write_texts(build_object(category, rng, 100).attributes, rng, complete=True)
        fields = [*texts.text, texts.blip_caption, texts.msft_caption, *texts.retrieval_text]
        assert 1 <= len(texts.retrieval_text) <= 3
        for field in fields:
            assert category in field
            assert field == " ".join(field.split())
            assert "{" not in field


def test_some_training_texts_are_missing_or_junk() -> None:
    attributes = build_object("umbrella", np.random.default_rng(0), 100).attributes
    rng = np.random.default_rng(2)
    drawn = [write_texts(attributes, rng) for _ in range(2000)]
    fields = [[t.text, t.blip_caption, t.msft_caption, t.retrieval_text] for t in drawn]
    no_text = sum(not any(f) for f in fields)
    lacking_one = sum(sum(map(bool, f)) == 3 for f in fields)
    junk = [t.text[0] for t in drawn if t.is_junk]
    assert 15 <= no_text <= 75
    assert 140 <= lacking_one <= 260
    assert 40 <= len(junk) <= 130
    assert set(junk) <= set(JUNK_TITLES)


def test_captions_have_the_right_article() -> None:
    rng = np.random.default_rng(3)
    assert full_caption(build_object("scissors", rng, 100).attributes).startswith("a pair of ")
    captions = [full_caption(build_object("pillow", rng, 100).attributes) for _ in range(150)]
    assert {caption.split()[0] for caption in captions} == {"a", "an"}
    assert all((c.split()[0] == "an") == (c.split()[1][0] in "aeiou") for c in captions)


def test_scan_sees_one_side_less() -> None:
    rng = np.random.default_rng(4)
    cloud = build_object("apple", rng, 20000).cloud
    xyz = scan(cloud, rng)
    assert xyz.shape == (SCAN_POINTS, 3)
    assert xyz.dtype == np.float32
    assert np.linalg.norm(xyz, axis=1).max() == pytest.approx(1, abs=1e-5)
    sectors = np.histogram(np.arctan2(xyz[:, 0], xyz[:, 2]), bins=12, range=(-np.pi, np.pi))[0]
    assert sectors.min() < 0.35 * np.median(sectors)

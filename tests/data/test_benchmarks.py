import numpy as np
import pytest

from helpers import small_config
from mixcon3d.data.benchmarks import SCANOBJECTNN_CLASSES, collate_eval, load_benchmarks
from mixcon3d.errors import DataError
from openshape_files import CATEGORIES, DIM, make_dataset, make_object, object_path, write_json, write_object


@pytest.fixture
def folder(tmp_path):
    return make_dataset(tmp_path / "data")


def load(folder, **changes):
    points = {f"{name}__num_points": 80 for name in ("objaverse_lvis", "modelnet40", "scanobjectnn")}
    return load_benchmarks(small_config(dataset__folder=str(folder), **{**points, **changes}))


def test_the_three_benchmarks_have_the_documented_order_of_classes(folder):
    lvis, modelnet, scan = load(folder)
    assert lvis.class_names == sorted(CATEGORIES)
    assert modelnet.class_names == ["chair", "bed"]
    assert [len(b.dataset) for b in (lvis, modelnet, scan)] == [7, 5, 6]
    assert modelnet.dataset.labels == [0, 1, 0, 1, 0]
    assert scan.dataset.labels == [0, 4, 4, 14, 7, 4]
    assert [b.class_feat.shape for b in (lvis, modelnet, scan)] == [(3, DIM), (2, DIM), (15, DIM)]
    assert len(SCANOBJECTNN_CLASSES) == 15


def test_items_are_drawn_from_the_evaluation_seed(folder):
    lvis = load(folder)[0].dataset
    first, again = lvis[2], lvis[2]
    np.testing.assert_array_equal(first[2], again[2])
    assert first[2].shape == (80, 3)
    assert not np.array_equal(first[2], load(folder, evaluation__seed=1)[0].dataset[2][2])


def test_lvis_gives_evenly_spread_views(folder):
    item = load(folder)[0].dataset[0]
    np.testing.assert_array_equal(item[4], make_object(16)["image_feat"][[0, 3, 6, 9]])
    single = load(folder, dataset__inference_image_feat_mode="Original")[0].dataset[0]
    np.testing.assert_array_equal(single[4], make_object(16)["image_feat"][[0]])


def test_colour_rules(folder):
    _, modelnet, scan = load(folder)
    np.testing.assert_allclose(modelnet.dataset[0][3][:, 3:], 102 / 255, rtol=1e-6)
    np.testing.assert_allclose(scan.dataset[0][3][:, 3:], 0.4, rtol=1e-6)


def test_scanobjectnn_fills_up_to_the_points_asked(folder):
    assert load(folder)[2].dataset[0][2].shape == (80, 3)


def test_a_batch_of_points_only_has_no_views(folder):
    lvis, modelnet, _ = load(folder)
    batch = collate_eval([modelnet.dataset[i] for i in range(3)])
    assert batch.image_feat is None
    assert batch.raw_views is None
    assert batch.index.tolist() == [0, 1, 2]
    assert collate_eval([lvis.dataset[i] for i in range(3)]).image_feat.shape == (3, 4, DIM)


def test_a_bad_object_is_refused(folder):
    write_object(object_path(folder, 17), make_object(17, xyz=np.full((9, 3), np.nan), rgb=np.zeros((9, 3))))
    with pytest.raises(DataError, match=r"object17.npy: xyz holds values that are not finite"):
        load(folder)[0].dataset[1]


def test_an_object_without_views_is_refused(folder):
    write_object(object_path(folder, 17), make_object(17, image_feat=None))
    with pytest.raises(DataError, match=r"object17.npy: no image features"):
        load(folder)[0].dataset[1]


def test_features_of_another_size_are_refused_with_both_values(folder):
    with pytest.raises(DataError, match="size 16, but clip_embed_dim=384"):
        load(folder, clip_embed_dim=384)


def test_class_features_for_other_classes_are_refused_with_both_counts(folder):
    np.save(folder / "meta_data" / "lvis_cat_name_pt_feat.npy", np.zeros((1156, DIM)))
    with pytest.raises(DataError, match="holds 1156 class features, .* names 3 classes"):
        load(folder)


def test_a_modelnet_category_without_class_feature_is_named(folder):
    entries = [{"name": f"m{i}", "category": "spaceship"} for i in range(5)]
    write_json(folder / "meta_data/modelnet40/test_split.json", entries)
    with pytest.raises(DataError, match="no class feature for spaceship"):
        load(folder)


def test_clouds_and_split_of_different_length_are_refused(folder):
    write_json(folder / "meta_data/modelnet40/test_split.json", [{"name": "m", "category": "bed"}])
    with pytest.raises(DataError, match="holds 5 clouds, .* lists 1"):
        load(folder)


def test_a_missing_benchmark_file_is_named_with_its_key(folder):
    (folder / "meta_data/scanobjectnn/xyz_label.npy").unlink()
    with pytest.raises(DataError, match=r"scanobjectnn.data_path: no such file"):
        load(folder)
    assert [b.name for b in load(folder, benchmarks=["modelnet40"])] == ["modelnet40"]

from dataclasses import replace

import numpy as np
import pytest

from helpers import small_config
from mixcon3d.data.batch import collate
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.errors import DataError
from openshape_files import DIM, make_dataset, make_object, object_path, write_object


@pytest.fixture
def folder(tmp_path):
    return make_dataset(tmp_path / "data")


def build(folder, seed=0, **changes):
    config = small_config(dataset__num_points=100).dataset
    return EnsembleDataset(replace(config, folder=str(folder), **changes), DIM, seed)


def arrays(sample):
    return np.concatenate([a.ravel() for a in (sample.xyz, sample.features, sample.image_feat, sample.text_feat)])


def test_a_sample_has_the_documented_shapes(folder):
    sample = build(folder)[0, 3]
    assert sample.xyz.shape == (100, 3)
    assert sample.features.shape == (100, 6)
    np.testing.assert_array_equal(sample.features[:, :3], sample.xyz)
    assert sample.image_feat.shape == (4, DIM)
    assert sample.text_feat.shape == (DIM,)
    assert {a.dtype for a in (sample.xyz, sample.features, sample.image_feat, sample.text_feat)} == {
        np.dtype("float32")
    }
    assert (sample.name, sample.has_text, sample.failures) == ("object3", True, [])


def test_a_sample_depends_on_seed_epoch_and_index_alone(folder):
    first = arrays(build(folder)[2, 3])
    np.testing.assert_array_equal(first, arrays(build(folder)[2, 3]))
    for other in (build(folder)[3, 3], build(folder)[2, 6], build(folder, seed=1)[2, 3]):
        assert not np.array_equal(first, arrays(other))


def test_an_object_without_text_has_zeros_and_no_text(folder):
    sample = build(folder)[0, 4]
    assert not sample.has_text
    assert not sample.text_feat.any()


def test_clouds_with_fewer_points_than_asked_are_filled_up(folder):
    assert build(folder, num_points=400)[0, 0].xyz.shape == (400, 3)


def test_colours_are_dropped_with_the_given_probability(folder):
    assert np.unique(build(folder, rgb_random_drop_prob=1.0)[0, 0].features[:, 3:]).tolist() == [np.float32(0.4)]
    assert len(np.unique(build(folder, rgb_random_drop_prob=0.0)[0, 0].features[:, 3:])) > 10


def test_the_thumbnail_is_one_of_the_views_half_of_the_time(folder):
    content = make_object(0)
    dataset = build(folder)
    with_thumbnail = [np.array_equal(dataset[e, 0].image_feat[0], content["thumbnail_feat"]) for e in range(200)]
    assert 60 < sum(with_thumbnail) < 140


BAD_FILES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:500]),
    "missing": lambda path: path.unlink(),
    "nan": lambda path: write_object(path, make_object(xyz=np.full((9, 3), np.nan), rgb=np.zeros((9, 3)))),
    "no views": lambda path: write_object(path, make_object(image_feat=None)),
    "empty views": lambda path: write_object(path, make_object(image_feat=np.zeros((0, DIM)))),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_object_is_replaced_and_named(folder, kind):
    BAD_FILES[kind](object_path(folder, 3))
    sample = build(folder)[0, 3]
    assert sample.name != "object3"
    assert len(sample.failures) == 1
    assert "object3.npy" in sample.failures[0]
    again = build(folder)[0, 3]
    assert (again.name, again.failures) == (sample.name, sample.failures)


def test_when_nothing_can_be_read_the_last_reason_is_told(folder):
    for i in range(16):
        object_path(folder, i).write_bytes(b"junk")
    with pytest.raises(DataError, match=r"objects in a row could not be used; the last: .*object"):
        build(folder)[0, 0]
    with pytest.raises(DataError, match="none of the first objects can be used"):
        build(folder).check_first_object()


def test_features_of_another_size_are_found_before_training(folder):
    config = small_config().dataset
    with pytest.raises(DataError, match=r"expected \(any, 384\)"):
        EnsembleDataset(replace(config, folder=str(folder)), 384, 0).check_first_object()


def test_train_partial_takes_the_first_objects(folder):
    assert build(folder, train_partial=5).uids == [f"object{i}" for i in range(5)]


def test_the_filtering_file_is_needed_only_when_it_is_used(folder):
    assert build(folder).flagged == {"object1"}
    (folder / "meta_data" / "gpt4_filtering.json").unlink()
    with pytest.raises(DataError, match="gpt4_filtering_path: no such file"):
        build(folder)
    assert build(folder, use_text_filtering=False).flagged == set()


def test_points_without_colour_have_three_channels(folder):
    assert build(folder, use_color=False)[0, 0].features.shape == (100, 3)


def test_a_batch_stacks_samples_and_masks_missing_texts(folder):
    dataset = build(folder)
    batch = collate([dataset[0, i] for i in (3, 4, 5)])
    assert batch.xyz.shape == (3, 100, 3)
    assert batch.image_feat.shape == (3, 4, DIM)
    assert batch.text_mask.tolist() == [True, False, True]
    assert batch.fps_start.dtype.is_signed
    assert 0 <= batch.fps_start.min() <= batch.fps_start.max() < 100
    assert (len(batch), batch.names) == (3, ["object3", "object4", "object5"])

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import small_config
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.loaders import GlobalBatchSampler, build_train_loader, fitting_batch_size, iterate, shard
from mixcon3d.data.neighbours import NeighbourGroups
from mixcon3d.errors import DataError
from openshape_files import DIM, make_dataset, object_path, write_object


def indices(sampler, epoch=0):
    sampler.epoch = epoch
    return [[index for _, index in batch] for batch in sampler]


def test_an_epoch_visits_no_object_twice_and_the_next_has_another_order():
    sampler = GlobalBatchSampler(23, 4, 1, seed=0, rank=0, world_size=1)
    first, second = indices(sampler, 0), indices(sampler, 1)
    flat = [i for batch in first for i in batch]
    assert len(first) == sampler.steps_per_epoch == 5
    assert len(set(flat)) == 20
    assert first != second
    assert first == indices(sampler, 0)
    assert [key[0] for key in next(iter(sampler))] == [0] * 4


def test_ranks_and_micro_batches_are_slices_of_the_same_global_batch():
    def steps(batch_size, accum_freq, world_size):
        ranks = [indices(GlobalBatchSampler(50, batch_size, accum_freq, 0, r, world_size)) for r in range(world_size)]
        micro = [[i for batch in together for i in batch] for together in zip(*ranks, strict=True)]
        return [[i for batch in micro[s : s + accum_freq] for i in batch] for s in range(0, len(micro), accum_freq)]

    assert steps(12, 1, 1) == steps(6, 2, 1) == steps(6, 1, 2) == steps(3, 2, 2)


def test_an_incomplete_accumulation_group_is_dropped():
    sampler = GlobalBatchSampler(30, 4, 4, seed=0, rank=0, world_size=1)
    assert (sampler.global_batch_size, sampler.steps_per_epoch, len(indices(sampler))) == (16, 1, 4)


def test_shards_hold_each_object_once():
    assert sorted(i for r in range(3) for i in shard(10, r, 3)) == list(range(10))


def test_a_data_set_smaller_than_a_batch_shrinks_the_batch_with_a_warning(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("mixcon3d"), "propagate", True)
    config = small_config(dataset__train_batch_size=64, dataset__accum_freq=2).dataset
    assert fitting_batch_size(config, 1000, 2) == 64
    assert fitting_batch_size(config, 41, 2) == 10
    assert "the batch size is 10" in caplog.text
    with pytest.raises(DataError, match="3 objects, too few for 2 processes x dataset.accum_freq=2"):
        fitting_batch_size(config, 3, 2)


@pytest.fixture
def dataset(tmp_path):
    config = small_config(dataset__num_points=50, dataset__train_batch_size=4).dataset
    return EnsembleDataset(replace(config, folder=str(make_dataset(tmp_path / "data"))), DIM, seed=0)


def test_batches_are_the_same_whatever_the_number_of_workers(dataset):
    def batches(num_workers):
        loader, _ = build_train_loader(dataset, replace(dataset.config, num_workers=num_workers), 0, 0, 1)
        return list(iterate(loader))

    alone, helped = batches(0), batches(2)
    assert len(alone) == len(helped) == 4
    for a, b in zip(alone, helped, strict=True):
        assert a.names == b.names
        assert all(torch.equal(getattr(a, k), getattr(b, k)) for k in ("xyz", "features", "image_feat", "text_feat"))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_workers_data_error_arrives_as_one_line(dataset, num_workers):
    for i in range(16):
        object_path(Path(dataset.config.folder), i).unlink()
    loader, _ = build_train_loader(dataset, replace(dataset.config, num_workers=num_workers), 0, 0, 1)
    with pytest.raises(DataError) as error:
        list(iterate(loader))
    assert "no such file" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pass_that_starts_at_a_later_step_brings_the_rest_of_the_same_epoch():
    sampler = GlobalBatchSampler(num_objects=26, batch_size=2, accum_freq=2, seed=3, rank=1, world_size=2)
    sampler.epoch = 5
    whole = list(sampler)
    sampler.first_step = 2
    assert list(sampler) == whole[4:]
    assert len(sampler) == len(whole) - 4 == 2


def circle(num_objects: int, size: int) -> NeighbourGroups:
    """Objects on a circle: the nearest to i are i + 1, i - 1, i + 2; every seventh object is not in the file."""
    steps = np.array([1, -1, 2])
    neighbours = (np.arange(num_objects)[:, None] + steps) % num_objects
    neighbours[::7] = -1
    return NeighbourGroups(neighbours.astype(np.int32), size)


def global_batches(batch_size, accum_freq, world_size, size=3, num_objects=100, first_step=0):
    """[step][micro-batch][rank] -> object indices."""
    groups, ranks = circle(num_objects, size), []
    for rank in range(world_size):
        sampler = GlobalBatchSampler(num_objects, batch_size, accum_freq, 5, rank, world_size, groups)
        sampler.epoch, sampler.first_step = 2, first_step
        ranks.append([[index for _, index in batch] for batch in sampler])
        assert len(sampler) == len(ranks[-1])
    micro = list(zip(*ranks, strict=True))
    return [micro[s : s + accum_freq] for s in range(0, len(micro), accum_freq)]


def flat(step):
    return [index for micro in step for share in micro for index in share]


def test_groups_multiply_the_objects_of_a_step_and_leave_each_object_once_a_seed():
    sampler = GlobalBatchSampler(100, 4, 2, seed=5, rank=1, world_size=2, groups=circle(100, 3))
    assert (sampler.seeds_per_step, sampler.global_batch_size, sampler.steps_per_epoch) == (16, 48, 6)
    sampler.epoch = 2
    assert [len(batch) for batch in sampler] == [12] * 12
    plain = GlobalBatchSampler(100, 16, 1, seed=5, rank=0, world_size=1)
    seeds = [flat(step)[::3] for step in global_batches(4, 2, 2)]
    assert seeds == indices(plain, epoch=2)


@pytest.mark.parametrize(("batch_size", "accum_freq", "world_size"), [(16, 1, 1), (4, 2, 2)])
def test_no_object_is_twice_in_a_global_batch_of_groups(batch_size, accum_freq, world_size):
    for step in global_batches(batch_size, accum_freq, world_size):
        assert len(flat(step)) == len(set(flat(step))) == 48


def test_groups_are_neighbours_where_these_are_free_and_stay_on_one_rank():
    for step in global_batches(4, 2, 2):
        seeds = set(flat(step)[::3])
        for share in (share for micro in step for share in micro):
            for seed, *others in zip(share[::3], share[1::3], share[2::3], strict=True):
                near = {(seed + s) % 100 for s in (1, -1, 2)}
                # Every object of the batch that is near is a seed, in the group, or was taken by an earlier one.
                assert seed % 7 == 0 or set(others) <= near or near <= set(flat(step))
                assert not seeds & set(others)
    firsts = [flat(step)[:3] for step in global_batches(4, 2, 2)]
    assert any({abs(a - seed), abs(b - seed)} == {1} for seed, a, b in firsts)


def test_global_batches_of_groups_are_the_same_however_they_are_cut():
    whole = [flat(step) for step in global_batches(16, 1, 1)]
    assert whole == [flat(step) for step in global_batches(4, 2, 2)] == [flat(step) for step in global_batches(4, 4, 1)]


def test_a_pass_with_groups_can_start_inside_an_epoch():
    assert global_batches(4, 2, 2, first_step=4) == global_batches(4, 2, 2)[4:]


def test_other_epochs_have_other_groups():
    sampler = GlobalBatchSampler(100, 16, 1, 0, 0, 1, circle(100, 3))
    first, second = indices(sampler, 0), indices(sampler, 1)
    assert first == indices(sampler, 0) != second


def test_a_data_set_smaller_than_a_batch_of_groups_shrinks_the_number_of_groups(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("mixcon3d"), "propagate", True)
    config = small_config(dataset__train_batch_size=8, dataset__accum_freq=2).dataset
    assert fitting_batch_size(config, 8 * 2 * 2 * 3, 2, group_size=3) == 8
    assert fitting_batch_size(config, 8 * 2 * 2 * 3 - 1, 2, group_size=3) == 7
    assert "accum_freq 2 x dataset.negative_sample_num=3 exceeds the 95 objects" in caplog.text
    with pytest.raises(DataError, match="11 objects, too few .*accum_freq=2 x dataset.negative_sample_num=3"):
        fitting_batch_size(config, 11, 2, group_size=3)
    # The smallest that fits takes the whole data set.
    assert [sorted(flat(step)) for step in global_batches(1, 2, 2, num_objects=12)] == [list(range(12))] * 3


def test_the_loader_brings_groups_of_the_file(dataset):
    names = [f"object{i}" for i in range(16)]
    ring = {name: np.array([i, (i + 1) % 16, (i + 15) % 16]) for i, name in enumerate(names)}
    write_object(Path(dataset.config.folder) / "meta_data" / "point_feat_knn.npy", {"name": names, "index": ring})
    hard = {"train_batch_size": 2, "use_knn_negative_sample": True, "negative_sample_num": 3}
    loader, sampler = build_train_loader(dataset, replace(dataset.config, **hard), 0, 0, 1)
    assert (sampler.global_batch_size, sampler.steps_per_epoch) == (6, 8)
    batches = [batch.names for batch in iterate(loader)]
    assert [len(set(batch)) for batch in batches] == [6] * 8
    assert sorted(name for batch in batches for name in batch[::3]) == sorted(names)
    # At least the group of a batch's first seed loses no neighbour but to the other seed.
    for first, *others in (batch[:3] for batch in batches):
        assert len({names[i] for i in ring[first]} & set(others)) >= 1

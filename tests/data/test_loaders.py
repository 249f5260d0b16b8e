import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers import small_config
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.loaders import GlobalBatchSampler, build_train_loader, fitting_batch_size, iterate, shard
from mixcon3d.errors import DataError
from openshape_files import DIM, make_dataset, object_path


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

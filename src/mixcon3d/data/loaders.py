"""Which samples go to which rank, in which order, and the loaders that bring them."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from mixcon3d.config import DatasetConfig
from mixcon3d.data.batch import Batch, collate
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.neighbours import NeighbourGroups, build_groups
from mixcon3d.errors import DataError
from mixcon3d.stop_signal import outlive_stop_signals

log = logging.getLogger(__name__)

LOADER_WAS_KILLED = (
    "a loader process was killed, perhaps because memory ran out: fewer dataset.num_workers need less; --resume or "
    "--autoresume goes on from the last checkpoint"
)
T = TypeVar("T")


class GlobalBatchSampler(Sampler[list[tuple[int, int]]]):
    """Micro-batches of (epoch, index) keys of one rank. All ranks' together are slices of one seeded permutation.

    The objects that do not fill a global batch at the end of an epoch are dropped; another epoch has another order.
    A pass starts at optimizer step `first_step` of the epoch `epoch`.

    With groups the permutation gives the seeds, and each brings its group into the global batch, which holds no object
    twice. A group stays together in one micro-batch. So an epoch has every object once as a seed, and as a neighbour as
    often as it comes.

    Args:
        num_objects: in the data set; enough for one global batch.
        batch_size: objects, or seeds where there are groups, per micro-batch and rank.
        accum_freq: micro-batches per optimizer step.
        seed: of the permutations.
        rank, world_size: of this process.
        groups: of hard negatives; None for plain batches.
    """

    def __init__(
        self,
        num_objects: int,
        batch_size: int,
        accum_freq: int,
        seed: int,
        rank: int,
        world_size: int,
        groups: NeighbourGroups | None = None,
    ) -> None:
        self.num_objects, self.batch_size, self.accum_freq = num_objects, batch_size, accum_freq
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self.groups = groups
        self.epoch, self.first_step = 0, 0

    @property
    def seeds_per_step(self) -> int:
        """Objects of the permutation that an optimizer step uses."""
        return self.batch_size * self.world_size * self.accum_freq

    @property
    def global_batch_size(self) -> int:
        """Objects per optimizer step, neighbours included."""
        return self.seeds_per_step * (self.groups.size if self.groups else 1)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps."""
        return self.num_objects // self.seeds_per_step

    def __len__(self) -> int:
        return (self.steps_per_epoch - self.first_step) * self.accum_freq

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.num_objects)
        for step in range(self.first_step, self.steps_per_epoch):
            objects = order[step * self.seeds_per_step : (step + 1) * self.seeds_per_step]
            if self.groups:
                # The 1 keeps these draws apart from those of the sample of the same number.
                objects = self.groups.form(objects, np.random.default_rng([self.seed, self.epoch, step, 1]))
            shares = objects.reshape(self.accum_freq, self.world_size, -1)
            for share in shares[:, self.rank]:
                yield [(self.epoch, int(index)) for index in share]


def fitting_batch_size(config: DatasetConfig, num_objects: int, world_size: int, group_size: int = 1) -> int:
    """train_batch_size, or with a warning the largest that a data set smaller than one global batch can fill.

    Args:
        config: section `dataset`.
        num_objects: in the data set.
        world_size: number of processes.
        group_size: objects that each of the train_batch_size brings with it, itself included.

    Raises:
        DataError: if there are fewer objects than processes x accum_freq x group_size.
    """
    least = world_size * config.accum_freq * group_size
    if num_objects >= config.train_batch_size * least:
        return config.train_batch_size
    in_groups = f" x dataset.negative_sample_num={group_size}" if group_size > 1 else ""
    if num_objects < least:
        raise DataError(
            f"{config.train_split} holds {num_objects} objects, too few for {world_size} processes x "
            f"dataset.accum_freq={config.accum_freq}{in_groups}"
        )
    smaller = num_objects // least
    log.warning(
        "dataset.train_batch_size=%d x %d processes x accum_freq %d%s exceeds the %d objects of %s: the batch size is "
        "%d", config.train_batch_size, world_size, config.accum_freq, in_groups, num_objects, config.train_split,
        smaller,
    )  # fmt: skip
    return smaller


def build_train_loader(
    dataset: EnsembleDataset, config: DatasetConfig, seed: int, rank: int, world_size: int
) -> tuple[DataLoader[Batch], GlobalBatchSampler]:
    """The loader of micro-batches and its sampler, whose `epoch` and `first_step` are to be set before each pass."""
    groups = build_groups(config, dataset.uids)
    batch_size = fitting_batch_size(config, len(dataset), world_size, groups.size if groups else 1)
    sampler = GlobalBatchSampler(len(dataset), batch_size, config.accum_freq, seed, rank, world_size, groups)
    loader = build_loader(dataset, config.num_workers, collate, batch_sampler=sampler)
    return loader, sampler


def build_loader(dataset: Dataset, num_workers: int, collate_fn: Callable, **options: Any) -> DataLoader:
    """A DataLoader with at most one worker per CPU; pinned memory when there is a GPU.

    It draws its seeds from a generator of its own, so that torch's is the same whether or not a run was interrupted.
    """
    num_workers = min(num_workers, len(os.sched_getaffinity(0)))
    return DataLoader(
        dataset,
        num_workers=num_workers,
        collate_fn=collate_fn,
        generator=torch.Generator(),
        worker_init_fn=_set_up_worker,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
        **options,
    )


def _set_up_worker(_worker: int) -> None:
    outlive_stop_signals()


def shard(num_objects: int, rank: int, world_size: int) -> Sequence[int]:
    """Every world_size-th index: all ranks' shards together hold each object once."""
    return range(rank, num_objects, world_size)


def iterate(loader: Iterable[T]) -> Iterator[T]:
    """The loader's items; a DataError of a worker arrives as its one line, without the worker's traceback.

    Raises:
        DataError: that, or if a loader process was killed.
    """
    try:
        yield from loader
    except DataError as error:
        raise DataError(str(error).strip().splitlines()[-1].removeprefix("mixcon3d.errors.DataError: ")) from None
    except (ConnectionError, EOFError):
        raise DataError(LOADER_WAS_KILLED) from None

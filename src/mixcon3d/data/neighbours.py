"""Hard negatives: the file of nearest objects, and batches made of groups of them."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mixcon3d.config import DatasetConfig
from mixcon3d.data.locate import find_metadata
from mixcon3d.data.npy import read_npy
from mixcon3d.errors import DataError

log = logging.getLogger(__name__)

# Objects translated at once: bounds the memory that reading needs beside the file and the table.
_CHUNK = 16384
_NONE = np.empty(0, np.int64)


class NeighbourGroups:
    """Turns the seeds of a global batch into groups: a seed and the objects nearest to it.

    Args:
        neighbours: (n, m) int32 positions in the data set, of each object the nearest first, without itself; -1 behind
            the last.
        size: objects of a group, the seed included.
    """

    def __init__(self, neighbours: np.ndarray, size: int) -> None:
        self.neighbours, self.size = neighbours, size

    def form(self, seeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(S,) seeds -> (S, size) objects, a row for each seed, which comes first. No object appears twice.

        A seed takes its nearest neighbours that are in no earlier group and no seeds themselves. Where it has too few,
        the group is filled up by objects drawn at random from those that are in no group after all seeds have taken
        their neighbours.

        Args:
            seeds: positions in the data set, all different.
            rng: of the objects that fill up.

        Raises:
            ValueError: if the data set holds fewer than S x size objects.
        """
        groups = np.full((len(seeds), self.size), -1, np.int64)
        groups[:, 0] = seeds
        taken = set(seeds.tolist())
        for group, seed in zip(groups, seeds, strict=True):
            nearest = self._take_nearest(seed, taken)
            group[1 : 1 + len(nearest)] = nearest
        lacking = groups < 0
        if lacking.any():
            is_free = np.ones(len(self.neighbours), bool)
            is_free[list(taken)] = False
            groups[lacking] = rng.choice(np.flatnonzero(is_free), lacking.sum(), replace=False)
        return groups

    def _take_nearest(self, seed: int, taken: set[int]) -> list[int]:
        nearest: list[int] = []
        for neighbour in self.neighbours[seed].tolist():
            if neighbour < 0 or len(nearest) == self.size - 1:
                break
            if neighbour not in taken:
                taken.add(neighbour)
                nearest.append(neighbour)
        return nearest


def build_groups(config: DatasetConfig, uids: Sequence[str]) -> NeighbourGroups | None:
    """The groups that use_knn_negative_sample and negative_sample_num ask for; None for plain batches.

    Args:
        config: section `dataset`.
        uids: ids of the training objects, in the order of the data set.

    Raises:
        DataError: as `read_neighbours`.
    """
    size = config.negative_sample_num
    if config.use_knn_negative_sample and size > 1:
        return NeighbourGroups(read_neighbours(config, uids), size)
    if config.use_knn_negative_sample:
        log.warning(
            "dataset.use_knn_negative_sample=True with dataset.negative_sample_num=1: a group is the object alone, so "
            "the batches are plain"
        )
    elif size > 1:
        log.warning("dataset.negative_sample_num=%d without dataset.use_knn_negative_sample has no effect", size)
    return None


def read_neighbours(config: DatasetConfig, uids: Sequence[str]) -> np.ndarray:
    """The nearest objects of each training object, those outside the split left out.

    Args:
        config: section `dataset`; reads knn_path and folder.
        uids: ids of the training objects, in the order of the data set.

    Returns:
        (n, m) int32 positions in `uids`, the nearest first, without the object itself; -1 behind the last.

    Raises:
        DataError: if there is no such file, it is not as documented, or it knows none of the objects.
    """
    path = _find(config)
    names, index = _check_content(path, read_npy(path))
    position = {uid: i for i, uid in enumerate(uids)}
    positions = np.fromiter((position.get(str(name), -1) for name in names), np.int32, len(names))
    rows = [index.get(uid, _NONE) for uid in uids]
    own = np.fromiter((position[uid] for uid in uids), np.int32, len(uids))
    try:
        table = np.full((len(uids), max(len(row) for row in rows)), -1, np.int32)
        for start in range(0, len(uids), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            _translate(rows[chunk], uids[chunk], own[chunk], positions, table[chunk])
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {error}; each entry of index is an array of positions in name") from None
    counts = (table >= 0).sum(axis=1)
    if not counts.any():
        raise DataError(f"{path} holds no neighbours of the {len(uids)} objects of {config.train_split}")
    log.info(
        "hard negatives: %d of %d objects have fewer than %d neighbours in the split, the mean is %.1f",
        (counts < config.negative_sample_num - 1).sum(), len(uids), config.negative_sample_num - 1, counts.mean(),
    )  # fmt: skip
    return table


def write_neighbours(file: BinaryIO, uids: Sequence[str], table: np.ndarray) -> None:
    """Writes what `read_neighbours` reads.

    Args:
        file: to write to.
        uids: n ids.
        table: (n, m) positions in `uids`, the object itself first.
    """
    content = {"name": list(uids), "index": dict(zip(uids, table, strict=True))}
    np.save(file, np.array(content, dtype=object), allow_pickle=True)


def _find(config: DatasetConfig) -> Path:
    try:
        return find_metadata(config.knn_path, config.folder, "dataset.knn_path")
    except DataError as error:
        raise DataError(f"{error}, or make it: python src/tools/make_point_knn.py --resume CHECKPOINT") from None


def _check_content(path: Path, content: Any) -> tuple[Sequence[Any], dict[str, Any]]:
    if isinstance(content, dict):
        names, index = content.get("name"), content.get("index")
        is_list = isinstance(names, list | tuple) or (isinstance(names, np.ndarray) and names.ndim == 1)
        if is_list and isinstance(index, dict):
            return names, index  # type: ignore[return-value]
    raise DataError(f'{path}: expected a pickled dict {{"name": [id], "index": {{id: array, itself first}}}}')


def _translate(rows: list[Any], uids: Sequence[str], own: np.ndarray, positions: np.ndarray, table: np.ndarray) -> None:
    """Fills `table` by the rows, entry by entry replaced by `positions`, without `own` and what has none."""
    # An empty list would become an array of floats.
    flat = np.concatenate([row if len(row) else _NONE for row in rows])
    if flat.ndim != 1 or flat.dtype.kind not in "iu":
        raise ValueError(f"index holds {flat.dtype} of {flat.ndim} dimensions")
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    wrong = np.flatnonzero((flat < 0) | (flat >= len(positions)))
    if len(wrong):
        uid, value = uids[owner[wrong[0]]], flat[wrong[0]]
        raise ValueError(f"index[{uid!r}] holds {value}, but name has {len(positions)} entries")
    found = positions[flat]
    keep = (found >= 0) & (found != own[owner])
    found, owner = found[keep], owner[keep]
    counts = np.bincount(owner, minlength=len(rows))
    column = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[owner, column] = found

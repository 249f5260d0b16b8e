"""Makes the file of nearest objects that hard negatives need, from a trained checkpoint."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.data import Dataset

from mixcon3d.config import Config
from mixcon3d.console import console, set_up_logging
from mixcon3d.data.benchmarks import BenchmarkDataset, EvalBatch, EvalItem, LabelledObject, collate_eval
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.loaders import build_loader, iterate
from mixcon3d.data.neighbours import write_neighbours
from mixcon3d.data.record import read_record
from mixcon3d.distributed import choose_device
from mixcon3d.errors import ConfigError, DataError
from mixcon3d.launch import read_launch
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.optim import ExponentialMovingAverage
from mixcon3d.resume import check_fits, find_checkpoint
from mixcon3d.state import TrainState

log = logging.getLogger(__name__)
T = TypeVar("T")

# Similarities held at once: 512 MB.
_MAX_SIMILARITIES = 2**27


def make_point_knn(config: Config, num_neighbours: int, out: str | None) -> None:
    """Encodes every object of dataset.train_split and writes which are nearest to which.

    Args:
        config: of a training run, with the checkpoint in `resume`.
        num_neighbours: kept of each object, besides itself.
        out: file to write; None for dataset.knn_path in dataset.folder.

    Raises:
        UserError: if data, checkpoint and config do not fit together, or the file exists.
    """
    set_up_logging(is_main=True)
    if num_neighbours < 1:
        raise ConfigError(f"--neighbours {num_neighbours} must be at least 1")
    if read_launch().world_size > 1:
        raise ConfigError("the neighbours are computed by one process: start it by python, not by torchrun")
    path = Path(out) if out else Path(config.dataset.folder, config.dataset.knn_path)
    _refuse_existing(path)
    device = choose_device(set_device_rank=not config.no_set_device_rank)
    encoder = _load_encoder(config, device)
    # Nothing is read but clouds: the flags of texts need not be there.
    objects = EnsembleDataset(replace(config.dataset, use_text_filtering=False), config.clip_embed_dim, seed=0)
    with _new_file(path) as file:
        embeddings, read = encode_clouds(encoder, clouds_of(objects, config), config, device)
        table = nearest_neighbours(embeddings, num_neighbours)
        write_neighbours(file, [objects.uids[i] for i in read], table)
    log.info("%d nearest objects of each of %d: %s", table.shape[1] - 1, len(table), path)


def _load_encoder(config: Config, device: torch.device) -> nn.Module:
    """The point encoder of the checkpoint in evaluation mode: of the EMA weights, or the raw ones without."""
    checkpoint = find_checkpoint(config)
    if checkpoint is None:
        raise ConfigError("the neighbours need the weights of a trained model: add --resume CHECKPOINT")
    content = checkpoint.content
    # As in evaluation, the optimizer's settings may differ, and so may what the checkpoint keeps.
    config.eval_only, config.training.ema = True, content["state"]["ema"] is not None
    if config.dataset.features == "online":
        # The tower set this size when the model was trained; there is no need of it here.
        config.clip_embed_dim = config.model.out_channel = content["config"]["clip_embed_dim"]
    check_fits(checkpoint, config)
    model = TriModalModel(config.model, config.training, config.clip_embed_dim).to(device)
    ema = ExponentialMovingAverage(model, config.training) if config.training.ema else None
    state = TrainState(model, ema, optimizer=None)
    state.load_state_dict(content["state"])
    weights = "ema" if ema else "raw"
    log.info("encoding by the %s weights of %s, on %s", weights, checkpoint.path, device)
    return state.models()[weights].point_encoder.eval()


def clouds_of(objects: EnsembleDataset, config: Config) -> BenchmarkDataset:
    """The training objects as the benchmarks prepare theirs: no augmentation, points drawn from evaluation.seed."""

    def read(index: int) -> LabelledObject:
        record = read_record(objects.locator(objects.data_paths[index]), embed_dim=None)
        return LabelledObject(record.xyz, record.rgb)

    section = config.dataset
    return BenchmarkDataset(
        read,
        objects.uids,
        [0] * len(objects),
        num_points=section.num_points,
        y_up=section.y_up,
        normalize=section.normalize,
        use_color=section.use_color,
        seed=config.evaluation.seed,
    )


class _OrReason(Dataset[EvalItem | str]):
    """The items of a data set, or, for one that cannot be read, the reason."""

    def __init__(self, clouds: BenchmarkDataset) -> None:
        self.clouds = clouds

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> EvalItem | str:
        try:
            return self.clouds[index]
        except DataError as error:
            return str(error)


def _collate_readable(items: Sequence[EvalItem | str]) -> tuple[EvalBatch | None, list[str]]:
    readable = [item for item in items if not isinstance(item, str)]
    return collate_eval(readable) if readable else None, [item for item in items if isinstance(item, str)]


@torch.no_grad()
def encode_clouds(
    encoder: nn.Module, clouds: BenchmarkDataset, config: Config, device: torch.device
) -> tuple[Tensor, list[int]]:
    """Embeddings of all clouds; those that cannot be read are left out with a warning.

    Returns:
        (n, D) of unit length on `device`, and the n indices of the clouds that they belong to, rising.

    Raises:
        DataError: if none can be read.
    """
    section = config.dataset
    batch_size = section.train_batch_size
    loader = build_loader(_OrReason(clouds), section.num_workers, _collate_readable, batch_size=batch_size)
    embeddings = torch.empty(len(clouds), config.clip_embed_dim, device=device)
    read: list[int] = []
    failures: list[str] = []
    log.info("encoding %d objects of %s", len(clouds), section.train_split)
    for batch, reasons in _with_bar(iterate(loader), f"encoding, batches of {batch_size}", len(loader)):
        for reason in reasons:
            log.warning("object left out: %s", reason)
        failures += reasons
        if batch is None:
            continue
        embedding = encoder(batch.xyz.to(device, non_blocking=True), batch.features.to(device, non_blocking=True))
        # In place, so that there is one such array: of 876,000 objects it takes 4.5 GB.
        embeddings[len(read) : len(read) + len(embedding)] = F.normalize(embedding, dim=-1)
        read += batch.index.tolist()
    if not read:
        raise DataError(f"none of the {len(clouds)} objects of {section.train_split} can be read: {failures[0]}")
    return embeddings[: len(read)], read


@torch.no_grad()
def nearest_neighbours(
    embeddings: Tensor, num_neighbours: int, max_similarities: int = _MAX_SIMILARITIES
) -> np.ndarray:
    """For each embedding the positions of the most similar ones, itself first, then by falling cosine.

    Args:
        embeddings: (n, D) of unit length.
        num_neighbours: k besides itself, or all where there are fewer.
        max_similarities: computed at once; bounds the memory, never n x n for many objects.

    Returns:
        (n, min(k + 1, n)) int32.
    """
    total = len(embeddings)
    width = min(num_neighbours + 1, total)
    rows = max(1, max_similarities // total)
    table = np.empty((total, width), np.int32)
    log.info("comparing %d objects", total)
    starts = range(0, total, rows)
    for start in _with_bar(starts, "neighbours", len(starts)):
        chunk = embeddings[start : start + rows]
        similarity = chunk @ embeddings.T
        # An object comes first among its own copies too.
        similarity.diagonal(start).fill_(torch.inf)
        table[start : start + rows] = similarity.topk(width).indices.cpu().numpy()
    return table


def _with_bar(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total, description=label)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise DataError(f"{path} already exists, and nothing is overwritten; choose another --out")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` if the block ends well, and else leaves nothing behind.

    It is opened first, so that a folder that cannot be written is told before hours of encoding.
    """
    unfinished = path.with_name(path.name + ".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _refuse_existing(path)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)

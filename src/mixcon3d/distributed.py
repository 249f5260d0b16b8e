"""Ranks and the few collectives the project needs. A leaf: the only importer of torch.distributed.

Every helper works without a process group, as if there were one process.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

_TIMEOUT = timedelta(minutes=30)


def is_distributed() -> bool:
    """True inside a process group."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Number of this process among all, from 0."""
    return dist.get_rank() if is_distributed() else 0


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if is_distributed() else 1


def is_main() -> bool:
    """True on the process that writes files and talks to the user."""
    return rank() == 0


def launched_rank() -> int:
    """Number of this process as torchrun gives it, known before the process group exists; 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


def choose_device(set_device_rank: bool = True) -> torch.device:
    """The GPU of this process's local rank (GPU 0 if not set_device_rank), or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local_rank = int(os.environ.get("LOCAL_RANK", "0")) if set_device_rank else 0
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


@contextmanager
def process_group(backend: str | None, url: str, device: torch.device) -> Iterator[None]:
    """The process group of a torchrun launch for the time of a `with` block; nothing without torchrun.

    Args:
        backend: nccl or gloo; None chooses by the device.
        url: rendezvous, `env://` for torchrun.
        device: of this process.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield
        return
    backend = backend or ("nccl" if device.type == "cuda" else "gloo")
    dist.init_process_group(backend, init_method=url, timeout=_TIMEOUT, device_id=device if backend == "nccl" else None)
    try:
        yield
        dist.barrier()
    finally:
        dist.destroy_process_group()


def wrap_model(model: nn.Module, device: torch.device) -> nn.Module:
    """DDP around the model when there are several processes; BatchNorm is synchronised on GPUs, but not on CPU."""
    if not is_distributed():
        return model
    if device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return DistributedDataParallel(model, device_ids=[device.index])
    return DistributedDataParallel(model)


def no_gradient_reduction(model: nn.Module) -> AbstractContextManager[None]:
    """Within it, backward passes leave the reduction of gradients across ranks to a later one."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()


def gather_rows(rows: Tensor) -> Tensor:
    """(n, ...) on every rank, n the same on all -> (world_size * n, ...) in rank order. Carries no gradient."""
    if not is_distributed():
        return rows.detach()
    rows = rows.detach().contiguous()
    parts = [torch.empty_like(rows) for _ in range(world_size())]
    dist.all_gather(parts, rows)
    return torch.cat(parts)


@torch.no_grad()
def average_buffers(model: nn.Module) -> None:
    """Sets every float buffer to its mean over the ranks: BatchNorm's running statistics, which are local on CPU.

    Parameters are equal on all ranks after every step, buffers are not; without this each rank would evaluate, average
    and save a model of its own.
    """
    buffers = [b for b in model.buffers() if b.is_floating_point()]
    if not is_distributed() or not buffers:
        return
    flat = torch.cat([b.flatten() for b in buffers])
    dist.all_reduce(flat)
    flat /= world_size()
    for buffer, values in zip(buffers, flat.split([b.numel() for b in buffers]), strict=True):
        buffer.copy_(values.view_as(buffer))


def gather_objects(value: Any) -> list[Any]:
    """The picklable values of all ranks, in rank order, on every rank. For small things of uneven size."""
    if not is_distributed():
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def from_main(value: Any) -> Any:
    """Rank 0's value on every rank."""
    if not is_distributed():
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def barrier() -> None:
    """Waits for all ranks."""
    if is_distributed():
        dist.barrier()

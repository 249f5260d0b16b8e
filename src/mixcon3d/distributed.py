"""Ranks and the few collectives the project needs. A leaf: the only importer of torch.distributed.

Every helper works without a process group, as if there were one process.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mixcon3d.errors import ConfigError, TrainingError, UserError
from mixcon3d.launch import end_with_launcher, read_launch, rendezvous_variables

T = TypeVar("T")

# What gloo and nccl say when another process is gone or silent.
_LOST_PROCESS = re.compile(r"gloo|nccl|connection (closed|reset|refused)|timed ?out|TCPStore", re.IGNORECASE)


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


def choose_device(set_device_rank: bool = True) -> torch.device:
    """The GPU of this process's local rank (GPU 0 if not set_device_rank), or the CPU.

    Raises:
        ConfigError: if this node has fewer GPUs than processes.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local_rank = read_launch().local_rank if set_device_rank else 0
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"the process of local rank {local_rank} sees only {torch.cuda.device_count()} GPU(s); start as many "
            "processes as GPUs, or add --no-set-device-rank where each process sees a GPU of its own"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


@contextmanager
def process_group(backend: str | None, url: str, device: torch.device, timeout_s: float = 1800) -> Iterator[None]:
    """The process group of a torchrun or srun launch for the time of a `with` block; nothing for one process.

    Args:
        backend: nccl or gloo; None chooses by the device.
        url: rendezvous, `env://` for torchrun and srun.
        device: of this process.
        timeout_s: how long a collective waits for the other processes, seconds.

    Raises:
        TrainingError: if another process is gone or does not answer within the time-out.
    """
    launch = read_launch()
    if not launch.launcher:
        yield
        return
    end_with_launcher(launch)
    os.environ.update(rendezvous_variables(launch))
    backend = backend or ("nccl" if device.type == "cuda" else "gloo")
    try:
        dist.init_process_group(
            backend, init_method=url, timeout=timedelta(seconds=timeout_s), rank=launch.rank,
            world_size=launch.world_size, device_id=device if backend == "nccl" else None,
        )  # fmt: skip
        yield
        dist.barrier()
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        if not _LOST_PROCESS.search(reason):
            raise
        raise TrainingError(
            f"another of the {launch.world_size} processes has ended, or did not answer for {timeout_s:g} seconds "
            f"(dist_timeout_s); its own message says why; --resume goes on from the last checkpoint ({reason[:160]})"
        ) from error
    finally:
        if is_distributed():
            dist.destroy_process_group()


def synchronise_batch_norm(model: nn.Module) -> nn.Module:
    """The model with every BatchNorm taking its statistics over all ranks; its forward pass then needs GPUs."""
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def wrap_model(model: nn.Module, device: torch.device) -> nn.Module:
    """DDP around the model when there are several processes; BatchNorm is synchronised on GPUs, but not on CPU.

    Buffers are left alone by DDP: `average_buffers` keeps them equal.
    """
    if not is_distributed():
        return model
    if device.type == "cuda":
        model = synchronise_batch_norm(model)
        return DistributedDataParallel(model, device_ids=[device.index], forward_sync_buffers=False)
    return DistributedDataParallel(model, forward_sync_buffers=False)


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
def sum_over_ranks(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Each tensor (all of one type) summed over the ranks, the same on every rank; one collective for all."""
    if not is_distributed() or not tensors:
        return [tensor.detach() for tensor in tensors]
    flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
    dist.all_reduce(flat)
    return [
        part.view_as(tensor)
        for part, tensor in zip(flat.split([tensor.numel() for tensor in tensors]), tensors, strict=True)
    ]


@torch.no_grad()
def average_buffers(model: nn.Module) -> None:
    """Sets every float buffer to its mean over the ranks: BatchNorm's running statistics, which are local on CPU.

    Parameters are equal on all ranks after every step, buffers are not; without this each rank would evaluate, average
    and save a model of its own.
    """
    if not is_distributed():
        return
    buffers = [b for b in model.buffers() if b.is_floating_point()]
    for buffer, total in zip(buffers, sum_over_ranks(buffers), strict=True):
        buffer.copy_(total / world_size())


def on_any_rank(value: bool, device: torch.device) -> bool:
    """True on every rank if it is on one; `device` holds what is sent."""
    if not is_distributed():
        return value
    flag = torch.tensor(float(value), device=device)
    dist.all_reduce(flag)
    return bool(flag.item())


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


def on_main(function: Callable[[], T]) -> T:
    """What function() gives on rank 0, where alone it is called, on every rank; a UserError of it is raised on all."""
    error, value = None, None
    if is_main():
        try:
            value = function()
        except UserError as raised:
            error = raised.on_all_ranks()
    error, value = from_main((error, value))
    if error:
        raise error
    return cast(T, value)

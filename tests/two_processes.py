"""Runs a function in two gloo processes, as torchrun would start them."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp

from mixcon3d.distributed import process_group


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def _work(rank: int, function: Callable[..., Any], arguments: tuple, port: int, folder: str) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
                   "MASTER_PORT": str(port)}  # fmt: skip
    torch.set_num_threads(1)
    with process_group("gloo", "env://", torch.device("cpu")):
        torch.save(function(*arguments), Path(folder) / f"rank{rank}.pt")


def in_two_processes(function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """The values that `function(*arguments)`, a function of a module, returns on rank 0 and rank 1."""
    mp.spawn(_work, (function, arguments, free_port(), str(folder)), nprocs=2)
    return [torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in (0, 1)]

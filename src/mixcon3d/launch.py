"""Which process of how many this is, read from what torchrun or SLURM's srun puts into the environment. A leaf."""

import ctypes
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from mixcon3d.errors import ConfigError

_FIRST_SLURM_PORT, _NUM_SLURM_PORTS = 20000, 20000
# Of Linux' prctl.
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Launch:
    """rank: number of this process among all world_size; local_rank: among those of its node, which is its GPU.

    launcher: torchrun or srun, whose processes form a group (torchrun's even if it is one alone); "" without either.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    launcher: str = ""


def read_launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """The launch that the environment describes; a single process without torchrun and SLURM.

    The script of an sbatch job sees the number of its job's tasks too, but is one process: only steps started by srun
    count.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        local_rank = int(environment.get("LOCAL_RANK", "0"))
        return Launch(int(environment["RANK"]), int(environment["WORLD_SIZE"]), local_rank, "torchrun")
    in_step = "SLURM_STEP_ID" in environment or "SLURM_JOB_ID" not in environment
    num_tasks = environment.get("SLURM_STEP_NUM_TASKS") or environment.get("SLURM_NTASKS", "1")
    if not in_step or "SLURM_PROCID" not in environment or int(num_tasks) == 1:
        return Launch()
    local_rank = int(environment.get("SLURM_LOCALID", "0"))
    return Launch(int(environment["SLURM_PROCID"]), int(num_tasks), local_rank, "srun")


def rendezvous_variables(launch: Launch, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that `env://` needs and srun does not set; what the user has set stays.

    Raises:
        ConfigError: if SLURM's list of nodes cannot be understood and MASTER_ADDR is not set.
    """
    if launch.launcher != "srun":
        return {}
    port = _FIRST_SLURM_PORT + int(environment.get("SLURM_JOB_ID", "0")) % _NUM_SLURM_PORTS
    return {
        "RANK": str(launch.rank),
        "WORLD_SIZE": str(launch.world_size),
        "LOCAL_RANK": str(launch.local_rank),
        "MASTER_ADDR": environment.get("MASTER_ADDR") or _first_node(environment),
        "MASTER_PORT": environment.get("MASTER_PORT", str(port)),
    }


def end_with_launcher(launch: Launch) -> None:
    """Has the kernel send SIGTERM to this process when torchrun dies, which otherwise leaves its processes running."""
    if launch.launcher == "torchrun" and "TORCHELASTIC_RUN_ID" in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _first_node(environment: Mapping[str, str]) -> str:
    """node7 of `node7`, `node7,node9` and `node[7-9,12]`."""
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "")
    match = re.match(r"([^\[,]+)(?:\[(\w+)[^\]]*\]([^,]*))?", nodes)
    if not match:
        raise ConfigError(f"SLURM's list of nodes {nodes!r} names none; set MASTER_ADDR to the first node's name")
    return "".join(part or "" for part in match.groups())

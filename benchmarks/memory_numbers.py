"""The points that `memory.py` measures, and how they grow."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from memory_checks import TOLERANCE, check_loss, check_step
from memory_measure import in_own_process, measure
from memory_workloads import LossCase, StepCase, input_bytes
from mixcon3d.run_folder import code_revision

# The gradients are compared on micro-batches of so many objects: double precision takes its time.
_CHECKED_MICRO_BATCHES, _CHECKED_OBJECTS = 3, 2
Case = StepCase | LossCase


@dataclass(frozen=True)
class Sizes:
    """What is measured, and where.

    global_batches, micro_batch, scaling, num_points: of the training steps; loss_batches: rows of the loss alone;
    ranks: that share those; dim: of the embeddings; threads: of the CPU.
    """

    global_batches: tuple[int, ...]
    micro_batch: int
    scaling: int
    num_points: int
    loss_batches: tuple[int, ...]
    ranks: int
    dim: int
    device: str
    threads: int


def step_curves(sizes: Sizes) -> dict[str, list[StepCase]]:
    """By label: with and without accumulation, with and without grad_checkpointing."""
    shape = (sizes.scaling, sizes.num_points, sizes.dim, sizes.device)
    whole = [(batch, batch) for batch in sizes.global_batches]
    parts = [(batch, sizes.micro_batch) for batch in sizes.global_batches]
    return {
        label + more: [StepCase(batch, micro_batch, bool(more), *shape) for batch, micro_batch in batches]
        for label, batches in (("accum_freq 1", whole), (f"micro-batches of {sizes.micro_batch}", parts))
        for more in ("", " + grad_checkpointing")
    }


def loss_curves(sizes: Sizes) -> dict[str, list[LossCase]]:
    """By label: all rows on each rank, a fixed number of ranks, a fixed number of rows a rank."""
    fixed = min(sizes.loss_batches) // sizes.ranks
    own: dict[str, Callable[[int], int]] = {
        "local_loss False": lambda batch: batch,
        f"local_loss True, {sizes.ranks} ranks": lambda batch: batch // sizes.ranks,
        f"local_loss True, {fixed} rows a rank": lambda batch: fixed,  # noqa: ARG005
    }
    return {
        label: [LossCase(batch, rows(batch), sizes.dim, sizes.device) for batch in sizes.loss_batches]
        for label, rows in own.items()
    }


def check(sizes: Sizes) -> dict[str, float]:
    """Largest relative differences of gradients that must be equal.

    Raises:
        SystemExit: if they are not.
    """
    objects = _CHECKED_MICRO_BATCHES * _CHECKED_OBJECTS
    step = StepCase(objects, _CHECKED_OBJECTS, False, sizes.scaling, sizes.num_points, sizes.dim, sizes.device)
    batch = min(sizes.loss_batches)
    loss = LossCase(batch, batch // sizes.ranks, sizes.dim, sizes.device)
    differences = {
        "step": in_own_process(sizes.threads, check_step, step),
        "loss": in_own_process(sizes.threads, check_loss, loss),
    }
    for name, difference in differences.items():
        # Not a number is no equality.
        if not difference <= TOLERANCE:
            raise SystemExit(f"the gradients of the {name} differ by {difference:.1e}; nothing was measured")
    return {**differences, "tolerance": TOLERANCE, "step_objects": objects}


def collect(sizes: Sizes, tell: Callable[[str], None]) -> dict[str, Any]:
    """All numbers, as docs/memory.json holds them; peaks in bytes."""
    checks = check(sizes)
    tell("gradients are equal")
    steps, losses = step_curves(sizes), loss_curves(sizes)
    # Two curves may share a point.
    cases = dict.fromkeys(case for curves in (steps, losses) for points in curves.values() for case in points)
    peaks: dict[Case, dict[str, Any]] = {}
    for i, case in enumerate(cases):
        peaks[case] = in_own_process(sizes.threads, measure, case)
        tell(f"point {i + 1} of {len(cases)}: {case}")
    return {
        "code": code_revision(),
        "machine": in_own_process(sizes.threads, machine, sizes.device),
        "sizes": asdict(sizes),
        "input_bytes_per_object": input_bytes(next(iter(steps.values()))[0]),
        "checks": checks,
        "step": {label: _step_summary(points, peaks) for label, points in steps.items()},
        "loss": {label: _loss_summary(points, peaks) for label, points in losses.items()},
    }


def machine(device: str) -> dict[str, Any]:
    """What the numbers depend on; asked in a process of its own, for CUDA does not outlive a fork."""
    is_gpu = torch.device(device).type == "cuda"
    name = torch.cuda.get_device_name() if is_gpu else f"{os.cpu_count()} cores"
    return {"device": "GPU" if is_gpu else "CPU", "name": name, "torch": torch.__version__}


def _step_summary(cases: Sequence[StepCase], peaks: dict[Case, dict[str, Any]]) -> dict[str, Any]:
    points = [{"global_batch": c.global_batch, "micro_batch": c.micro_batch, **peaks[c]} for c in cases]
    batches, values = [c.global_batch for c in cases], [p["peak"] for p in points]
    slope = float(np.polyfit(batches, values, 1)[0])
    return {"points": points, "bytes_per_object": slope, "factor": values[-1] / values[0]}


def _loss_summary(cases: Sequence[LossCase], peaks: dict[Case, dict[str, Any]]) -> dict[str, Any]:
    points = [{"global_batch": c.global_batch, "own_rows": c.own_rows, **peaks[c]} for c in cases]
    batches, values = np.array([c.global_batch for c in cases]), np.array([p["peak"] for p in points])
    # Float32 bytes of the logits of the own rows, and of the embeddings of all.
    parts = 4.0 * np.array([[c.own_rows * c.global_batch, c.global_batch * c.dim] for c in cases])
    logs = np.log(batches), np.log(values)
    return {
        "points": points,
        "logit_bytes": parts[:, 0].tolist(),
        "exponent": float(np.polyfit(*logs, 1)[0]),
        "last_exponent": float(np.diff(logs[1])[-1] / np.diff(logs[0])[-1]),
        "embedding_bytes": parts[:, 1].tolist(),
    }


def fit_loss(curves: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    """Peak = a x logits + c x embeddings in the least squares of relative deviations.

    Returns:
        a, c and the largest relative deviation.
    """
    logits, embeddings, peaks = (
        np.concatenate([values(curve) for curve in curves])
        for values in (
            lambda curve: curve["logit_bytes"],
            lambda curve: curve["embedding_bytes"],
            lambda curve: [point["peak"] for point in curve["points"]],
        )
    )
    relative = np.stack([logits, embeddings], axis=1) / peaks[:, None]
    solution, *_ = np.linalg.lstsq(relative, np.ones(len(peaks)), rcond=None)
    return float(solution[0]), float(solution[1]), float(np.abs(relative @ solution - 1).max())

"""What is measured must be the same computation: gradients compared in double precision before anything is measured."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from memory_workloads import (
    LossCase,
    StepCase,
    build_config,
    build_model,
    loss_gradients,
    random_batch,
    random_embeddings,
)
from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.data.batch import Batch, map_tensors
from mixcon3d.objective import Objective

TOLERANCE = 1e-9


def check_step(case: StepCase) -> float:
    """Largest relative difference of a parameter's gradient between one batch and micro-batches of it.

    Both with and without grad_checkpointing; BatchNorm in evaluation mode.
    """
    config = build_config(case)
    model = build_model(case, config).double().eval()
    whole = _double(random_batch(case, case.global_batch, seed=0))
    micro_batches = [_rows(whole, i, i + case.micro_batch) for i in range(0, case.global_batch, case.micro_batch)]
    results = []
    for grad_checkpointing, batches in product((False, True), ([whole], micro_batches)):
        model.point_encoder.ppat.transformer.grad_checkpointing = grad_checkpointing
        model.zero_grad(set_to_none=True)
        terms = accumulate_gradients(model, model.log_scales(), Objective(config.training), batches)
        results.append([terms.total, *(p.grad for p in model.parameters() if p.grad is not None)])
    return max(_difference(result, results[0]) for result in results[1:])


def check_loss(case: LossCase) -> float:
    """Largest relative difference between the loss of all rows and the sum of the shares of the ranks."""
    embeddings = random_embeddings(case, torch.float64)
    shares = [
        loss_gradients(embeddings, slice(start, start + case.own_rows))
        for start in range(0, case.global_batch, case.own_rows)
    ]
    summed = [torch.stack(parts).sum(dim=0) for parts in zip(*shares, strict=True)]
    return _difference(summed, loss_gradients(embeddings, slice(None)))


def _difference(ours: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    pairs = zip(ours, expected, strict=True)
    return max(((a - b).norm() / b.norm()).item() for a, b in pairs)


def _double(batch: Batch) -> Batch:
    return map_tensors(batch, lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)


def _rows(batch: Batch, start: int, stop: int) -> Batch:
    part = map_tensors(batch, lambda tensor: tensor[start:stop])
    part.names = batch.names[start:stop]
    return part

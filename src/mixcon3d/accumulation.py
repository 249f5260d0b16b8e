"""Loss and gradients of a global batch that is spread over ranks and micro-batches, exactly as if it were one batch.

The loss needs the embeddings of all objects at once, the backward pass of the model does not. So embeddings are
collected without a graph, the loss and its gradients with respect to them are computed once, and those are sent back
through the model micro-batch by micro-batch (Gao et al. 2021, "GradCache"). With one micro-batch its only forward
pass keeps the graph and nothing is computed twice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields

import torch
from torch import Tensor, nn

from mixcon3d.data.batch import Batch
from mixcon3d.distributed import gather_rows, no_gradient_reduction, rank, world_size
from mixcon3d.models.trimodal import Embeddings
from mixcon3d.objective import LossTerms

LossFunction = Callable[[Embeddings, dict[str, Tensor], Tensor], LossTerms]


def accumulate_gradients(
    model: nn.Module, log_scales: dict[str, Tensor], objective: LossFunction, micro_batches: Sequence[Batch]
) -> LossTerms:
    """Adds the gradients of the global batch's loss to every parameter's .grad, reduced across ranks.

    Args:
        model: maps a batch to Embeddings; possibly wrapped in DDP.
        log_scales: the model's log-scale parameters.
        objective: loss of the global batch.
        micro_batches: this rank's share, equally sized, the same number on every rank.

    Returns:
        The terms of the global batch, the same on every rank, without a graph.
    """
    single_pass = len(micro_batches) == 1
    outputs = []
    for batch in micro_batches:
        with nullcontext() if single_pass else _first_pass(model):
            outputs.append(_embed(model, batch))
    text_mask = torch.cat([batch.text_mask for batch in micro_batches])
    terms, row_gradients, scale_gradients = _loss_and_gradients(outputs, text_mask, log_scales, objective)
    start = 0
    for i, batch in enumerate(micro_batches):
        is_last = i == len(micro_batches) - 1
        rows = slice(start, start + len(batch))
        start += len(batch)
        with nullcontext() if is_last else no_gradient_reduction(model):
            embeddings = outputs[i] if single_pass else _embed(model, batch)
            pairs = [(getattr(embeddings, name), gradient[rows]) for name, gradient in row_gradients.items()]
            # The scales' own backward is the identity; it goes with the last one so that DDP sees every parameter.
            pairs += scale_gradients if is_last else []
            tensors, gradients = zip(*[pair for pair in pairs if pair[0].requires_grad], strict=True)
            torch.autograd.backward(tensors, gradients)
    return terms


def _embed(model: nn.Module, batch: Batch) -> Embeddings:
    return model(batch.xyz, batch.features, batch.image_feat, batch.text_feat, batch.fps_start)


def _loss_and_gradients(
    outputs: Sequence[Embeddings], text_mask: Tensor, log_scales: dict[str, Tensor], objective: LossFunction
) -> tuple[LossTerms, dict[str, Tensor], list[tuple[Tensor, Tensor]]]:
    """The global loss, its gradients for this rank's rows of every embedding, and (log-scale, gradient) pairs.

    DDP averages gradients over the ranks. Those of the rows add up over the ranks, so they are multiplied by the world
    size; those of the log-scales are complete on every rank already.
    """
    leaves: dict[str, Tensor | None] = {}
    for name in (f.name for f in fields(Embeddings)):
        parts = [getattr(output, name) for output in outputs]
        leaves[name] = None if parts[0] is None else gather_rows(torch.cat(parts)).requires_grad_()
    terms = objective(Embeddings(**leaves), log_scales, gather_rows(text_mask))  # type: ignore[arg-type]
    rows = {name: leaf for name, leaf in leaves.items() if leaf is not None}
    # A scale that several losses share appears once.
    scales = list({id(scale): scale for scale in log_scales.values() if scale.requires_grad}.values())
    gradients = torch.autograd.grad(terms.total, [*rows.values(), *scales], materialize_grads=True)
    mine = slice(rank() * len(text_mask), (rank() + 1) * len(text_mask))
    row_gradients = {name: g[mine] * world_size() for name, g in zip(rows, gradients, strict=False)}
    losses = {name: loss.detach() for name, loss in terms.losses.items()}
    detached = LossTerms(terms.total.detach(), losses, terms.accuracies)
    return detached, row_gradients, list(zip(scales, gradients[len(rows) :], strict=True))


@contextmanager
def _first_pass(model: nn.Module) -> Iterator[None]:
    """No graph, and BatchNorm leaves its running statistics alone: the second pass updates them, once per sample."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        with torch.no_grad():
            yield
    finally:
        for norm in norms:
            norm.track_running_stats = True

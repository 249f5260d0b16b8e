"""Loss and gradients of a global batch that is spread over ranks and micro-batches, exactly as if it were one batch.

The loss needs the embeddings of all objects at once, the backward pass of the model does not. So embeddings are
collected without a graph, the loss and its gradients with respect to them are computed once, and those are sent back
through the model micro-batch by micro-batch (Gao et al. 2021, "GradCache"). With one micro-batch its only forward
pass keeps the graph and nothing is computed twice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from mixcon3d.data.batch import Batch
from mixcon3d.distributed import gather_rows, no_gradient_reduction, rank, sum_over_ranks, world_size
from mixcon3d.models.trimodal import Embeddings
from mixcon3d.objective import LossTerms

LossFunction = Callable[[Embeddings, dict[str, Tensor], Tensor, slice], LossTerms]


def accumulate_gradients(
    model: nn.Module,
    log_scales: dict[str, Tensor],
    objective: LossFunction,
    micro_batches: Sequence[Batch],
    *,
    local_loss: bool = True,
    autocast: torch.dtype | None = None,
    scale_gradient: Callable[[Tensor], Tensor] | None = None,
) -> LossTerms:
    """Adds the gradients of the global batch's loss to every parameter's .grad, reduced across ranks.

    Args:
        model: maps a batch to Embeddings; possibly wrapped in DDP.
        log_scales: the model's log-scale parameters.
        objective: loss of the global batch.
        micro_batches: this rank's share, equally sized, the same number on every rank.
        local_loss: each rank computes the loss of its own rows only, and the gradients are summed; else every rank
            computes all of it. The same loss and gradients.
        autocast: type of the model's forward pass, None for that of its weights; the loss is never in half precision.
        scale_gradient: applied to all gradients before they go through the model (fp16); the caller undoes it.

    Returns:
        The terms of the global batch, the same on every rank, without a graph.
    """
    single_pass = len(micro_batches) == 1
    outputs, random_states = [], []
    for batch in micro_batches:
        random_states.append(None if single_pass else _RandomState.of(batch.xyz.device))
        with nullcontext() if single_pass else _first_pass(model):
            outputs.append(_embed(model, batch, autocast))
    text_mask = torch.cat([batch.text_mask for batch in micro_batches])
    terms, row_gradients, scale_gradients = _loss_and_gradients(outputs, text_mask, log_scales, objective, local_loss)
    sizes = [len(batch) for batch in micro_batches]
    for i, (batch, random_state) in enumerate(zip(micro_batches, random_states, strict=True)):
        share = {name: gradient.split(sizes)[i] for name, gradient in row_gradients.items()}
        is_last = i == len(micro_batches) - 1
        with nullcontext() if is_last else no_gradient_reduction(model):
            with random_state.replayed() if random_state else nullcontext():
                embeddings = outputs[i] if single_pass else _embed(model, batch, autocast)
            # The scales' own backward is the identity; it goes with the last one so that DDP sees every parameter.
            _backward(embeddings, share, scale_gradients if is_last else [], scale_gradient)
    return terms


def _backward(
    embeddings: Embeddings,
    row_gradients: dict[str, Tensor],
    scale_gradients: list[tuple[Tensor, Tensor]],
    scale_gradient: Callable[[Tensor], Tensor] | None,
) -> None:
    pairs = [(getattr(embeddings, name), gradient) for name, gradient in row_gradients.items()] + scale_gradients
    tensors, gradients = zip(*[pair for pair in pairs if pair[0].requires_grad], strict=True)
    if scale_gradient:
        gradients = tuple(scale_gradient(gradient) for gradient in gradients)
    torch.autograd.backward(tensors, gradients)


def _embed(model: nn.Module, batch: Batch, autocast: torch.dtype | None) -> Embeddings:
    with torch.autocast(batch.xyz.device.type, dtype=autocast, enabled=autocast is not None):
        output = model(batch.xyz, batch.features, batch.image_feat, batch.text_feat, batch.fps_start)
    half = (torch.float16, torch.bfloat16)
    values = {f.name: getattr(output, f.name) for f in fields(Embeddings)}
    return Embeddings(**{k: v.float() if v is not None and v.dtype in half else v for k, v in values.items()})


def _loss_and_gradients(
    outputs: Sequence[Embeddings],
    text_mask: Tensor,
    log_scales: dict[str, Tensor],
    objective: LossFunction,
    local_loss: bool,
) -> tuple[LossTerms, dict[str, Tensor], list[tuple[Tensor, Tensor]]]:
    """The global loss, its gradients for this rank's rows of every embedding, and (log-scale, gradient) pairs.

    DDP averages gradients over the ranks. Those of the rows add up over the ranks, so they are multiplied by the world
    size; those of the log-scales are complete on every rank already.
    """
    leaves: dict[str, Tensor | None] = {}
    for name in (f.name for f in fields(Embeddings)):
        parts = [getattr(output, name) for output in outputs]
        leaves[name] = None if parts[0] is None else gather_rows(torch.cat(parts)).requires_grad_()
    mine = slice(rank() * len(text_mask), (rank() + 1) * len(text_mask))
    own = mine if local_loss else slice(None)
    terms = objective(Embeddings(**leaves), log_scales, gather_rows(text_mask), own)  # type: ignore[arg-type]
    rows = {name: leaf for name, leaf in leaves.items() if leaf is not None}
    # A scale that several losses share appears once.
    scales = list({id(scale): scale for scale in log_scales.values() if scale.requires_grad}.values())
    gradients = list(torch.autograd.grad(terms.total, [*rows.values(), *scales], materialize_grads=True))
    values = [terms.total, *terms.losses.values(), *terms.accuracies.values()]
    if local_loss:
        summed = sum_over_ranks([*gradients, *values])
        gradients, values = summed[: len(gradients)], summed[len(gradients) :]
    total, *parts = (value.detach() for value in values)
    losses, accuracies = parts[: len(terms.losses)], parts[len(terms.losses) :]
    row_gradients = {name: g[mine] * world_size() for name, g in zip(rows, gradients, strict=False)}
    named = LossTerms(
        total, dict(zip(terms.losses, losses, strict=True)), dict(zip(terms.accuracies, accuracies, strict=True))
    )
    return named, row_gradients, list(zip(scales, gradients[len(rows) :], strict=True))


@dataclass
class _RandomState:
    """The state of torch's generators, of the CPU and of the device of the computation."""

    cpu: Tensor
    device: torch.device
    gpu: Tensor | None

    @classmethod
    def of(cls, device: torch.device) -> "_RandomState":
        return cls(torch.get_rng_state(), device, torch.cuda.get_rng_state(device) if device.type == "cuda" else None)

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Draws the numbers that followed this state once more (dropout), and goes on as if it had not."""
        with torch.random.fork_rng([self.device] if self.gpu is not None else []):
            torch.set_rng_state(self.cpu)
            if self.gpu is not None:
                torch.cuda.set_rng_state(self.gpu, self.device)
            yield


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

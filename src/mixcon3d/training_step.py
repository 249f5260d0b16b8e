"""One optimizer step: gradients of the global batch, precision, clipping, and steps that are not finite."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.config import TrainingConfig
from mixcon3d.data.batch import Batch
from mixcon3d.distributed import average_buffers, gather_objects
from mixcon3d.errors import TrainingError
from mixcon3d.objective import LossTerms, Objective
from mixcon3d.optim import Schedule, clamp_log_scales
from mixcon3d.state import TrainState

log = logging.getLogger(__name__)

# training.precision -> type of autocast; None leaves everything in float32.
AUTOCAST = {"fp32": None, "supress": None, "bf16": torch.bfloat16, "fp16": torch.float16}
# Names that an error message holds; all of them go to the log.
_NAMES_IN_MESSAGE = 8


@dataclass
class StepResult:
    """Loss terms of the global batch, the learning rate, and the norm of all gradients before clipping."""

    terms: LossTerms
    learning_rate: float
    grad_norm: float


class TrainingStep:
    """Applies a global batch to the state.

    Args:
        config: section `training`.
        state: changed by every step; has an optimizer and a gradient scaler.
        model: state.model, possibly wrapped in DDP.
        schedule: learning rate by step.
    """

    def __init__(self, config: TrainingConfig, state: TrainState, model: nn.Module, schedule: Schedule) -> None:
        self.config, self.state, self.model, self.schedule = config, state, model, schedule
        self.objective = Objective(config)

    def __call__(self, micro_batches: Sequence[Batch]) -> StepResult:
        """One step; if loss or gradient is not finite, nothing but the counters of the state changes.

        Raises:
            TrainingError: after max_skipped_steps such steps in a row.
        """
        state, config = self.state, self.config
        optimizer, scaler = state.optimizer, state.scaler
        assert optimizer is not None
        assert scaler is not None
        learning_rate = self.schedule(state.progress.step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.zero_grad(set_to_none=True)
        buffers = [buffer.clone() for buffer in state.model.buffers()]
        terms = accumulate_gradients(
            self.model, state.model.log_scales(), self.objective, micro_batches,
            local_loss=config.local_loss, autocast=AUTOCAST[config.precision], scale_gradient=scaler.scale,
        )  # fmt: skip
        scaler.unscale_(optimizer)
        gradients = [p.grad for p in state.model.parameters() if p.grad is not None]
        norm = get_total_norm(gradients)
        grad_norm = norm.item()
        if math.isfinite(grad_norm) and math.isfinite(terms.total.item()):
            if config.grad_clip_norm is not None:
                clip_grads_with_norm_(state.model.parameters(), config.grad_clip_norm, norm)
            scaler.step(optimizer)
            average_buffers(state.model)
            clamp_log_scales(state.model, config)
            if state.ema:
                state.ema.update(state.model, state.progress.step)
            scaler.update()
            state.progress.skipped_in_a_row = 0
        else:
            for buffer, before in zip(state.model.buffers(), buffers, strict=True):
                buffer.copy_(before)
            # Also where every gradient is finite and only their norm is not, which the scaler would not notice.
            if scaler.is_enabled():
                scaler.update(scaler.get_scale() * scaler.get_backoff_factor())
            self._count_skipped(terms, grad_norm, micro_batches)
        state.progress.step += 1
        return StepResult(terms, learning_rate, grad_norm)

    def _count_skipped(self, terms: LossTerms, grad_norm: float, micro_batches: Sequence[Batch]) -> None:
        progress = self.state.progress
        progress.skipped_steps += 1
        progress.skipped_in_a_row += 1
        what = f"loss {terms.total.item():g}, gradient norm {grad_norm:g}"
        log.warning(
            "step %d left out: %s (%d in a row, %d so far)",
            progress.step + 1, what, progress.skipped_in_a_row, progress.skipped_steps,
        )  # fmt: skip
        if progress.skipped_in_a_row < self.config.max_skipped_steps:
            return
        names = [name for names in gather_objects([n for b in micro_batches for n in b.names]) for name in names]
        log.info("objects of step %d: %s", progress.step + 1, ", ".join(names))
        more = f" and {len(names) - _NAMES_IN_MESSAGE} more (all in the log)" if len(names) > _NAMES_IN_MESSAGE else ""
        raise TrainingError(
            f"{progress.skipped_in_a_row} steps in a row were not finite (training.max_skipped_steps), the last: step "
            f"{progress.step + 1}, {what}; lower training.lr ({self.schedule(progress.step):g}) or look at the objects "
            f"of this step: {', '.join(names[:_NAMES_IN_MESSAGE])}{more}"
        ).on_all_ranks()

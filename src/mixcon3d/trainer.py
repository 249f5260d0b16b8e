"""The training loop. Logging, checkpoints and evaluation are observers of it."""

import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.utils.data import DataLoader

from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.config import Config
from mixcon3d.data.batch import Batch
from mixcon3d.data.loaders import GlobalBatchSampler, iterate
from mixcon3d.distributed import average_buffers, gather_objects, is_main
from mixcon3d.errors import DataError, TrainingError
from mixcon3d.objective import LossTerms, Objective
from mixcon3d.optim import Schedule, clamp_log_scales
from mixcon3d.state import TrainState

log = logging.getLogger(__name__)


@dataclass
class StepLog:
    """Values of one optimizer step for people: losses and accuracies by their dashboard names, speed, data wait."""

    epoch: int
    step: int
    metrics: dict[str, float]


class Observer(Protocol):
    """What the loop tells. All methods are called on every rank."""

    def on_step(self, state: TrainState) -> None:
        """After every optimizer step."""

    def on_log(self, entry: StepLog) -> None:
        """After every log_freq-th step and the last of an epoch."""

    def on_epoch_end(self, state: TrainState, is_last: bool) -> None:
        """After every epoch; state.progress.epoch counts it already."""


class Trainer:
    """Runs epochs until config.training.max_epoch.

    Args:
        config: of the run.
        state: changed by training.
        model: state.model, possibly wrapped in DDP.
        loader, sampler: of this rank's micro-batches.
        steps_per_epoch: at most the sampler's; fewer in a smoke run.
        schedule: learning rate by step.
        prepare: moves a batch to the device and completes its features.
        observers: told in this order.
    """

    def __init__(
        self,
        config: Config,
        state: TrainState,
        model: nn.Module,
        loader: DataLoader[Batch],
        sampler: GlobalBatchSampler,
        steps_per_epoch: int,
        schedule: Schedule,
        prepare: Callable[[Batch], Batch],
        observers: Sequence[Observer],
    ) -> None:
        self.config, self.state, self.model = config, state, model
        self.loader, self.sampler, self.schedule, self.prepare = loader, sampler, schedule, prepare
        self.objective = Objective(config.training)
        self.observers = observers
        self.steps_per_epoch = steps_per_epoch
        self._new_failures: list[str] = []
        self._bad_objects: set[str] = set()

    def fit(self) -> None:
        """Trains from where the state is to the last epoch."""
        progress = self.state.progress
        if progress.epoch >= self.config.training.max_epoch:
            log.warning(
                "nothing to train: the checkpoint has %d epochs, training.max_epoch=%d",
                progress.epoch, self.config.training.max_epoch,
            )  # fmt: skip
        while progress.epoch < self.config.training.max_epoch:
            self._run_epoch(progress.epoch)
            progress.epoch += 1
            for observer in self.observers:
                observer.on_epoch_end(self.state, is_last=progress.epoch == self.config.training.max_epoch)

    def _run_epoch(self, epoch: int) -> None:
        self.sampler.epoch = epoch
        self.model.train()
        micro_batch = iter(iterate(self.loader))
        groups = zip(*[micro_batch] * self.sampler.accum_freq, strict=False)
        started = time.perf_counter()
        waited, steps_since_log = 0.0, 0
        for step_in_epoch, (micro_batches, wait) in enumerate(itertools.islice(_timed(groups), self.steps_per_epoch)):
            for batch in micro_batches:
                self._new_failures += batch.failures
            batches = [self.prepare(batch) for batch in micro_batches]
            terms, learning_rate = self._step(batches)
            waited, steps_since_log = waited + wait, steps_since_log + 1
            is_last = step_in_epoch == self.steps_per_epoch - 1
            if is_last or self.state.progress.step % self.config.training.log_freq == 0:
                seconds = time.perf_counter() - started
                speed = {
                    "train/samples_per_second": steps_since_log * self.sampler.global_batch_size / seconds,
                    "train/data_wait_fraction": waited / seconds,
                }
                self._log(epoch, terms, learning_rate, batches, speed)
                started, waited, steps_since_log = time.perf_counter(), 0.0, 0
            for observer in self.observers:
                observer.on_step(self.state)

    def _step(self, micro_batches: Sequence[Batch]) -> tuple[LossTerms, float]:
        state, training = self.state, self.config.training
        assert state.optimizer is not None
        learning_rate = self.schedule(state.progress.step)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate
        state.optimizer.zero_grad(set_to_none=True)
        terms = accumulate_gradients(self.model, state.model.log_scales(), self.objective, micro_batches)
        state.optimizer.step()
        average_buffers(state.model)
        clamp_log_scales(state.model, training)
        if state.ema:
            state.ema.update(state.model, state.progress.step)
        state.progress.step += 1
        return terms, learning_rate

    def _log(
        self, epoch: int, terms: LossTerms, learning_rate: float, batches: Sequence[Batch], speed: dict[str, float]
    ) -> None:
        self._report_failures()
        if not math.isfinite(terms.total.item()):
            raise TrainingError(
                f"the loss is {terms.total.item()} at step {self.state.progress.step}: training diverged; "
                f"lower training.lr ({learning_rate:g} at this step)"
            )
        metrics = {"train/loss": terms.total.item(), "train/lr": learning_rate}
        for name in terms.losses:
            metrics[f"train/{name}_contras_loss"] = terms.losses[name].item()
            metrics[f"train/{name}_contras_acc"] = terms.accuracies[name].item()
        for name, log_scale in self.state.model.log_scales().items():
            metrics[f"train/{name}"] = log_scale.exp().item()
        texts = torch.cat([batch.text_mask for batch in batches]).float()
        metrics["train/has_text"] = texts.mean().item()
        entry = StepLog(epoch, self.state.progress.step, {**metrics, **speed})
        for observer in self.observers:
            observer.on_log(entry)

    def _report_failures(self) -> None:
        """Names objects that could not be read, from all ranks, and ends the run when there are too many."""
        gathered = [failure for failures in gather_objects(self._new_failures) for failure in failures]
        self._new_failures = []
        fresh = sorted(set(gathered) - self._bad_objects)
        if is_main():
            for number, failure in enumerate(fresh, len(self._bad_objects) + 1):
                log.warning("object left out (%d so far): %s", number, failure)
        self._bad_objects.update(fresh)
        limit = self.config.dataset.max_bad_objects
        if len(self._bad_objects) > limit:
            raise DataError(
                f"{len(self._bad_objects)} objects could not be used, more than dataset.max_bad_objects={limit}; "
                f"the last: {sorted(fresh)[-1]}"
            )


def _timed(items: Iterator[tuple[Batch, ...]]) -> Iterator[tuple[tuple[Batch, ...], float]]:
    """Each item with the seconds it took to come."""
    while True:
        started = time.perf_counter()
        item = next(items, None)
        if item is None:
            return
        yield item, time.perf_counter() - started

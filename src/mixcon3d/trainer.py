"""The training loop. Logging, checkpoints and evaluation are observers of it."""

import itertools
import logging
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader

from mixcon3d.config import Config
from mixcon3d.data.batch import Batch
from mixcon3d.data.loaders import GlobalBatchSampler, iterate
from mixcon3d.distributed import gather_objects, is_main, on_any_rank, sum_over_ranks, world_size
from mixcon3d.errors import DataError, StoppedBySignal, TrainingError
from mixcon3d.state import TrainState
from mixcon3d.stop_signal import StopSignal
from mixcon3d.training_step import StepResult, TrainingStep

log = logging.getLogger(__name__)


@dataclass
class StepLog:
    """Values of one optimizer step for people: losses and accuracies by their dashboard names, speed, data wait."""

    epoch: int
    step: int
    metrics: dict[str, float]


class Observer:
    """What the loop tells; by itself it does nothing. All methods are called on every rank."""

    def on_step(self, state: TrainState) -> None:
        """After every optimizer step."""

    def on_log(self, entry: StepLog) -> None:
        """After every log_freq-th step and the last of an epoch."""

    def on_save(self, state: TrainState) -> None:
        """When the state is to be saved: inside an epoch, at its end before it is evaluated, and before stopping."""

    def on_epoch_end(self, state: TrainState, is_last: bool) -> None:
        """After every epoch; state.progress.epoch counts it already."""


class Trainer:
    """Runs epochs until config.training.max_epoch.

    Args:
        config: of the run.
        state: changed by training.
        step: one optimizer step of that state.
        loader, sampler: of this rank's micro-batches.
        steps_per_epoch: at most the sampler's; fewer in a smoke run.
        prepare: moves a batch to the device and completes its features.
        stop: tells when a signal asks to end.
        observers: told in this order.
    """

    def __init__(
        self,
        config: Config,
        state: TrainState,
        step: TrainingStep,
        loader: DataLoader[Batch],
        sampler: GlobalBatchSampler,
        steps_per_epoch: int,
        prepare: Callable[[Batch], Batch],
        stop: StopSignal,
        observers: Sequence[Observer],
    ) -> None:
        self.config, self.state, self.step = config, state, step
        self.loader, self.sampler, self.prepare = loader, sampler, prepare
        self.stop, self.observers = stop, observers
        self.steps_per_epoch = steps_per_epoch
        self.device = next(state.model.parameters()).device
        self._new_failures: list[str] = []

    def fit(self, at_epoch_end: bool = False) -> None:
        """Trains from where the state is to the last epoch.

        Args:
            at_epoch_end: the state is that of the end of an epoch, whose evaluation may have been cut off.

        Raises:
            StoppedBySignal: after the state was saved.
        """
        progress, max_epoch = self.state.progress, self.config.training.max_epoch
        if progress.epoch >= max_epoch:
            log.warning(
                "nothing to train: the checkpoint has %d epochs, training.max_epoch=%d", progress.epoch, max_epoch
            )
        if at_epoch_end:
            # The checkpoint of an epoch's end is written before its evaluation.
            self._end_epoch()
        while progress.epoch < max_epoch:
            with self.stop.deferred():
                self._run_epoch()
                progress.epoch, progress.epoch_step = progress.epoch + 1, 0
                self._save()
                if on_any_rank(self.stop.requested, self.device):
                    self._leave()
            self._end_epoch()

    def _end_epoch(self) -> None:
        for observer in self.observers:
            observer.on_epoch_end(self.state, is_last=self.state.progress.epoch >= self.config.training.max_epoch)

    def _run_epoch(self) -> None:
        """From the state's position in the epoch to its end."""
        progress, training = self.state.progress, self.config.training
        self.sampler.epoch, self.sampler.first_step = progress.epoch, progress.epoch_step
        self.state.model.train()
        groups = zip(*[iter(iterate(self.loader))] * self.sampler.accum_freq, strict=False)
        remaining = self.steps_per_epoch - progress.epoch_step
        started, waited, steps_since_log = time.perf_counter(), 0.0, 0
        for micro_batches, wait in itertools.islice(_timed(groups), remaining):
            self._new_failures += [failure for batch in micro_batches for failure in batch.failures]
            result = self.step([self.prepare(batch) for batch in micro_batches])
            progress.epoch_step += 1
            waited, steps_since_log = waited + wait, steps_since_log + 1
            is_last = progress.epoch_step == self.steps_per_epoch
            if is_last or progress.step % training.log_freq == 0:
                seconds = time.perf_counter() - started
                speed = {
                    "train/samples_per_second": steps_since_log * self.sampler.global_batch_size / seconds,
                    "train/data_wait_fraction": waited / seconds,
                    "train/peak_memory_gib": _peak_memory_gib(self.device),
                }
                self._log(result, micro_batches, speed)
                started, waited, steps_since_log = time.perf_counter(), 0.0, 0
            for observer in self.observers:
                observer.on_step(self.state)
            if is_last:
                return
            asked = on_any_rank(self.stop.requested, self.device)
            if asked or self._is_save_due():
                self._save()
            if asked:
                self._leave()

    def _is_save_due(self) -> bool:
        every = self.config.training.checkpoint_every_steps
        return every > 0 and self.state.progress.step % every == 0

    def _leave(self) -> None:
        progress = self.state.progress
        raise StoppedBySignal(
            f"{self.stop.name or 'a signal to another process'}: stopped and saved at step {progress.step} "
            f"({progress.epoch} epochs and {progress.epoch_step} steps of {self.steps_per_epoch}); "
            "--resume or --autoresume goes on from there"
        )

    def _save(self) -> None:
        self._report_failures()
        if not all(torch.isfinite(p).all() for p in self.state.model.parameters()):
            raise TrainingError(
                f"weights are not finite after step {self.state.progress.step}, which is not saved; lower training.lr, "
                "and go on from an older checkpoint with --resume"
            ).on_all_ranks()
        for observer in self.observers:
            observer.on_save(self.state)

    def _log(self, result: StepResult, micro_batches: Sequence[Batch], speed: dict[str, float]) -> None:
        self._report_failures()
        progress, terms = self.state.progress, result.terms
        metrics = {"train/loss": terms.total.item(), "train/lr": result.learning_rate}
        for name in terms.losses:
            metrics[f"train/{name}_contras_loss"] = terms.losses[name].item()
            metrics[f"train/{name}_contras_acc"] = terms.accuracies[name].item()
        for name, log_scale in self.state.model.log_scales().items():
            metrics[f"train/{name}"] = log_scale.exp().item()
        texts = torch.cat([batch.text_mask for batch in micro_batches]).float().mean().to(self.device)
        metrics["train/has_text"] = sum_over_ranks([texts])[0].item() / world_size()
        metrics["train/grad_norm"] = result.grad_norm
        metrics["train/skipped_steps"] = progress.skipped_steps
        metrics["train/skipped_samples"] = len(progress.bad_objects)
        entry = StepLog(progress.epoch, progress.step, {**metrics, **speed})
        for observer in self.observers:
            observer.on_log(entry)

    def _report_failures(self) -> None:
        """Names objects that could not be read, from all ranks, and ends the run when there are too many."""
        known = self.state.progress.bad_objects
        gathered = [failure for failures in gather_objects(self._new_failures) for failure in failures]
        self._new_failures = []
        fresh = sorted(set(gathered) - set(known))
        if is_main():
            for number, failure in enumerate(fresh, len(known) + 1):
                log.warning("object left out (%d so far): %s", number, failure)
        known += fresh
        limit = self.config.dataset.max_bad_objects
        if len(known) > limit:
            raise DataError(
                f"{len(known)} objects could not be used, more than dataset.max_bad_objects={limit}; "
                f"the last: {known[-1]}"
            ).on_all_ranks()


def _peak_memory_gib(device: torch.device) -> float:
    """Most memory held so far: of the GPU by torch, or of this process, GiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _timed(items: Iterator[tuple[Batch, ...]]) -> Iterator[tuple[tuple[Batch, ...], float]]:
    """Each item with the seconds it took to come."""
    while True:
        started = time.perf_counter()
        item = next(items, None)
        if item is None:
            return
        yield item, time.perf_counter() - started

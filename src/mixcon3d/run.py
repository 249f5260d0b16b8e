"""A run from config to report, as a straight line."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from mixcon3d import distributed
from mixcon3d.config import Config
from mixcon3d.console import ConsoleObserver, set_up_logging
from mixcon3d.data.batch import Batch
from mixcon3d.data.benchmarks import Benchmark, load_benchmarks
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.loaders import GlobalBatchSampler, build_train_loader
from mixcon3d.demo_data import prepare_demo_data
from mixcon3d.errors import DataError
from mixcon3d.evaluation.suite import EvaluationSuite
from mixcon3d.models.clip import FrozenTower
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.observers import (
    CheckpointObserver,
    EvaluationObserver,
    JsonLinesSink,
    MetricSink,
    MetricsObserver,
    results_meta,
)
from mixcon3d.optim import ExponentialMovingAverage, Schedule, build_optimizer, peak_learning_rate
from mixcon3d.report import write_report
from mixcon3d.run_folder import RunFolder, add_log_file, create_run_folder, find_checkpoint
from mixcon3d.state import TrainState, check_fits, config_as_dict, read_checkpoint
from mixcon3d.trainer import Observer, Trainer
from mixcon3d.wandb_sink import WandbSink, wants_wandb

log = logging.getLogger(__name__)

# Of a smoke run (training.debug).
_DEBUG_STEPS, _DEBUG_OBJECTS = 5, 64


def run(config: Config) -> None:
    """Trains and evaluates, or only evaluates, as the config says.

    Raises:
        UserError: before anything is written, if data, checkpoint and config do not fit together.
    """
    set_up_logging(is_main=distributed.launched_rank() == 0)
    device = distributed.choose_device(set_device_rank=not config.no_set_device_rank)
    torch.manual_seed(config.training.seed)
    with distributed.process_group(config.dist_backend, config.dist_url, device), ExitStack() as stack:
        _warn_of_other_world_size(config)
        if config.demo.generate:
            prepare_demo_data(config)
        inputs = _load_inputs(config, device)
        model = TriModalModel(config.model, config.training, config.clip_embed_dim).to(device)
        ema = ExponentialMovingAverage(model, config.training) if config.training.ema else None
        state = TrainState(model, ema, optimizer=None)
        plan = _plan_training(config, inputs.dataset, state) if inputs.dataset else None
        if inputs.checkpoint:
            state.load_state_dict(inputs.checkpoint["state"])
        folder = _create_folder(config)
        log.info("%s on %d x %s, output in %s", config.trial_name, distributed.world_size(), device, folder.root)
        sinks = _open_sinks(config, folder, state, stack) if distributed.is_main() else []
        evaluation = _build_evaluation(config, inputs, folder, device, sinks)
        if plan:
            _train(config, inputs.tower, plan, folder, state, evaluation, device)
        else:
            evaluation.evaluate(state)
        if distributed.is_main() and config.training.report and evaluation.results:
            num_objects = len(inputs.dataset) if inputs.dataset else None
            if path := write_report(folder, config, evaluation, state, num_objects):
                log.info("report: %s", path)


@dataclass
class _Inputs:
    """All that is read before anything is written; whatever is wrong with it is found here."""

    tower: FrozenTower | None
    benchmarks: list[Benchmark]
    dataset: EnsembleDataset | None
    checkpoint: dict[str, Any] | None


def _load_inputs(config: Config, device: torch.device) -> _Inputs:
    if not Path(config.dataset.folder).is_dir():
        raise DataError(f"dataset.folder={config.dataset.folder}: no such folder")
    path = find_checkpoint(config)
    checkpoint = read_checkpoint(path) if path else None
    tower = FrozenTower(config.clip, device) if config.dataset.features == "online" else None
    if tower:
        config.clip_embed_dim = config.model.out_channel = tower.embed_dim
    if checkpoint and path:
        check_fits(path, checkpoint, config)
        log.info("going on from %s", path)
    benchmarks = load_benchmarks(config)
    if config.eval_only:
        return _Inputs(tower, benchmarks, None, checkpoint)
    dataset = EnsembleDataset(config.dataset, config.clip_embed_dim, config.training.seed)
    dataset.check_first_object()
    return _Inputs(tower, benchmarks, dataset, checkpoint)


def _create_folder(config: Config) -> RunFolder:
    folder = distributed.from_main(create_run_folder(config) if distributed.is_main() else None)
    if distributed.is_main():
        add_log_file(folder.log)
    return folder


def _open_sinks(config: Config, folder: RunFolder, state: TrainState, stack: ExitStack) -> list[MetricSink]:
    """Where the metrics go; what has to be closed is closed by the stack."""
    training = config.training
    sinks: list[MetricSink] = [JsonLinesSink(folder.metrics)] if "jsonl" in training.report_to else []
    if wants_wandb(training):
        # An evaluation alone gets a curve of its own: it must not add to that of the training run.
        run_id = None if config.eval_only else state.wandb_id
        sink = WandbSink(
            training.wandb_mode, run_id, config.project_name, config.trial_name, config_as_dict(config), folder.root
        )
        sinks.append(stack.enter_context(sink))
        if sink.is_running:
            state.wandb_id = sink.run_id
    return sinks


def _build_evaluation(
    config: Config, inputs: _Inputs, folder: RunFolder, device: torch.device, sinks: list[MetricSink]
) -> EvaluationObserver:
    max_objects = _DEBUG_OBJECTS if config.training.debug else None
    suite = EvaluationSuite(inputs.benchmarks, inputs.tower, device, max_objects)
    chance = {benchmark.name: 100 / len(benchmark.class_names) for benchmark in inputs.benchmarks}
    features = inputs.tower.description if inputs.tower else "stored in the data set"
    return EvaluationObserver(config, folder, suite, results_meta(config, features, chance), sinks)


@dataclass
class _Plan:
    """What a training run needs besides its state."""

    loader: DataLoader[Batch]
    sampler: GlobalBatchSampler
    steps_per_epoch: int
    schedule: Schedule


def _plan_training(config: Config, dataset: EnsembleDataset, state: TrainState) -> _Plan:
    rank, world_size = distributed.rank(), distributed.world_size()
    loader, sampler = build_train_loader(dataset, config.dataset, config.training.seed, rank, world_size)
    peak_lr = peak_learning_rate(config.training, sampler.global_batch_size)
    steps_per_epoch = min(sampler.steps_per_epoch, _DEBUG_STEPS if config.training.debug else sampler.steps_per_epoch)
    state.optimizer = build_optimizer(state.model, config.training, peak_lr)
    return _Plan(loader, sampler, steps_per_epoch, Schedule(config.training, peak_lr, steps_per_epoch))


def _train(
    config: Config,
    tower: FrozenTower | None,
    plan: _Plan,
    folder: RunFolder,
    state: TrainState,
    evaluation: EvaluationObserver,
    device: torch.device,
) -> None:
    log.info(
        "%d objects, global batch %d, %d steps per epoch, %d parameters, peak learning rate %.2e",
        plan.sampler.num_objects, plan.sampler.global_batch_size, plan.steps_per_epoch,
        sum(p.numel() for p in state.model.parameters()), plan.schedule.peak_lr,
    )  # fmt: skip
    if plan.schedule.warmup_steps > plan.schedule.total_steps:
        log.warning("the run ends within the warm-up (training.warmup_epoch): the peak learning rate is never reached")

    def prepare(batch: Batch) -> Batch:
        batch = batch.to(device)
        return tower.fill(batch) if tower else batch

    observers: list[Observer] = [CheckpointObserver(config, folder), evaluation]
    with ExitStack() as stack:
        if distributed.is_main():
            observers.insert(0, MetricsObserver(evaluation.sinks))
            if "console" in config.training.report_to:
                console = ConsoleObserver(plan.schedule.total_steps, state.progress.step)
                observers.insert(0, stack.enter_context(console))
        model = distributed.wrap_model(state.model, device)
        steps, schedule = plan.steps_per_epoch, plan.schedule
        Trainer(config, state, model, plan.loader, plan.sampler, steps, schedule, prepare, observers).fit()


def _warn_of_other_world_size(config: Config) -> None:
    actual = distributed.world_size()
    if config.ngpu is not None and config.ngpu != actual:
        log.warning("--ngpu %d, but %d process(es) were started: going on with %d", config.ngpu, actual, actual)

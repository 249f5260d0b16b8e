"""A run from config to report, as a straight line."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from mixcon3d import distributed
from mixcon3d.checkpoints import Checkpoint, CheckpointObserver, list_checkpoints, set_aside_later
from mixcon3d.config import Config
from mixcon3d.console import ConsoleObserver, set_up_logging
from mixcon3d.data.batch import Batch
from mixcon3d.data.benchmarks import Benchmark, load_benchmarks
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.data.loaders import GlobalBatchSampler, build_train_loader
from mixcon3d.demo_data import prepare_demo_data
from mixcon3d.errors import CheckpointError, DataError
from mixcon3d.evaluation.suite import EvaluationSuite
from mixcon3d.launch import read_launch
from mixcon3d.models.clip import FrozenTower
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.observers import EvaluationObserver, JsonLinesSink, MetricSink, MetricsObserver, results_meta
from mixcon3d.optim import (
    ExponentialMovingAverage,
    Schedule,
    build_gradient_scaler,
    build_optimizer,
    peak_learning_rate,
)
from mixcon3d.report import write_report
from mixcon3d.resume import (
    adapt_position,
    autoresume_checkpoints,
    check_fits,
    continue_metrics,
    open_checkpoint,
    other_settings,
)
from mixcon3d.run_folder import FolderLock, RunFolder, add_log_file, create_run_folder
from mixcon3d.state import Layout, TrainState, config_as_dict
from mixcon3d.stop_signal import StopSignal
from mixcon3d.trainer import Observer, Trainer
from mixcon3d.training_step import TrainingStep
from mixcon3d.wandb_sink import WandbSink, wants_wandb

log = logging.getLogger(__name__)

# Of a smoke run (training.debug).
_DEBUG_STEPS, _DEBUG_OBJECTS = 5, 64


def run(config: Config) -> None:
    """Trains and evaluates, or only evaluates, as the config says.

    Raises:
        UserError: before anything is written, if data, checkpoint and config do not fit together.
    """
    set_up_logging(is_main=read_launch().rank == 0)
    device = distributed.choose_device(set_device_rank=not config.no_set_device_rank)
    torch.manual_seed(config.training.seed)
    group = distributed.process_group(config.dist_backend, config.dist_url, device, config.dist_timeout_s)
    with StopSignal() as stop, group, FolderLock() as lock, ExitStack() as stack:
        _warn_of_other_world_size(config)
        if config.demo.generate:
            prepare_demo_data(config)
        if config.autoresume and not config.eval_only:
            distributed.on_main(lambda: _wait_for_predecessor(config, lock))
        inputs = _load_inputs(config, device)
        model = TriModalModel(config.model, config.training, config.clip_embed_dim).to(device)
        ema = ExponentialMovingAverage(model, config.training) if config.training.ema else None
        state = TrainState(model, ema, optimizer=None)
        plan = _plan_training(config, inputs.dataset, state, device) if inputs.dataset else None
        if inputs.checkpoint:
            _go_on(config, inputs.checkpoint, state, plan)
        folder = distributed.on_main(lambda: _open_folder(config, inputs.checkpoint, state, lock))
        log.info("%s on %d x %s, output in %s", config.trial_name, distributed.world_size(), device, folder.root)
        sinks = _open_sinks(config, folder, state, stack) if distributed.is_main() else []
        evaluation = _build_evaluation(config, inputs, folder, device, sinks)
        if plan:
            _train(config, inputs.tower, plan, folder, state, evaluation, device, stop)
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
    checkpoint: Checkpoint | None


def _load_inputs(config: Config, device: torch.device) -> _Inputs:
    if not Path(config.dataset.folder).is_dir():
        raise DataError(f"dataset.folder={config.dataset.folder}: no such folder")
    checkpoint = open_checkpoint(config)
    tower = FrozenTower(config.clip, device) if config.dataset.features == "online" else None
    if tower:
        config.clip_embed_dim = config.model.out_channel = tower.embed_dim
    if checkpoint:
        check_fits(checkpoint, config)
        log.info("going on from %s", checkpoint.path)
    benchmarks = load_benchmarks(config)
    if config.eval_only:
        return _Inputs(tower, benchmarks, None, checkpoint)
    dataset = EnsembleDataset(config.dataset, config.clip_embed_dim, config.training.seed)
    dataset.check_first_object()
    return _Inputs(tower, benchmarks, dataset, checkpoint)


def _go_on(config: Config, checkpoint: Checkpoint, state: TrainState, plan: "_Plan | None") -> None:
    """Loads the state; where training goes on, its position is moved into this run's steps."""
    state.load_state_dict(checkpoint.content["state"])
    changed = other_settings(checkpoint, config)
    if changed:
        log.warning("settings that differ from the checkpoint's: %s", ", ".join(changed))
    if not plan:
        return
    progress, before = state.progress, replace(state.progress)
    order_keys = ("training.seed", "dataset.train_split", "dataset.train_partial")
    same_order = not any(change.startswith(order_keys) for change in changed)
    saved = checkpoint.content["layout"]
    told = adapt_position(progress, Layout(**saved) if saved else None, plan.layout, same_order)
    plan.is_moved = progress != before
    plan.at_epoch_end = progress.epoch_step == 0 and (before.epoch_step == 0 or progress.epoch > before.epoch)
    assert state.optimizer
    rates = state.optimizer.param_groups[0]["lr"], plan.schedule(progress.step)
    if told or changed:
        told.append(f"the learning rate was {rates[0]:.3g} and is {rates[1]:.3g} in the next step")
    for line in told:
        log.warning("%s", line)


def _wait_for_predecessor(config: Config, lock: FolderLock) -> None:
    """A run that is still saving in the folder must have ended before its newest checkpoint is looked for."""
    folder = autoresume_checkpoints(config)
    if folder.is_dir():
        lock.acquire(folder)


def _open_folder(config: Config, checkpoint: Checkpoint | None, state: TrainState, lock: FolderLock) -> RunFolder:
    """The folder of this run, locked, with the metrics from which it goes on."""
    folder = create_run_folder(config)
    add_log_file(folder.log)
    if not config.eval_only:
        lock.acquire(folder.checkpoints)
        if config.autoresume and checkpoint is None and list_checkpoints(folder.checkpoints):
            raise CheckpointError(f"{folder.checkpoints}: another process began this run meanwhile; start again")
        continue_metrics(checkpoint, folder, state.progress.step)
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
    layout: Layout
    schedule: Schedule
    # Of the position from which the run goes on: an epoch has just ended; it is not where the checkpoint was.
    at_epoch_end: bool = False
    is_moved: bool = False


def _plan_training(config: Config, dataset: EnsembleDataset, state: TrainState, device: torch.device) -> _Plan:
    rank, world_size = distributed.rank(), distributed.world_size()
    loader, sampler = build_train_loader(dataset, config.dataset, config.training.seed, rank, world_size)
    peak_lr = peak_learning_rate(config.training, sampler.global_batch_size)
    steps_per_epoch = min(sampler.steps_per_epoch, _DEBUG_STEPS if config.training.debug else sampler.steps_per_epoch)
    layout = Layout(world_size, sampler.batch_size, sampler.accum_freq, sampler.num_objects, steps_per_epoch)
    state.optimizer = build_optimizer(state.model, config.training, peak_lr)
    state.scaler = build_gradient_scaler(config.training, device)
    return _Plan(loader, sampler, layout, Schedule(config.training, peak_lr, steps_per_epoch))


def _train(
    config: Config,
    tower: FrozenTower | None,
    plan: _Plan,
    folder: RunFolder,
    state: TrainState,
    evaluation: EvaluationObserver,
    device: torch.device,
    stop: StopSignal,
) -> None:
    log.info(
        "%d objects, global batch %d, %d steps per epoch, %d parameters, peak learning rate %.2e",
        plan.sampler.num_objects, plan.sampler.global_batch_size, plan.layout.steps_per_epoch,
        sum(p.numel() for p in state.model.parameters()), plan.schedule.peak_lr,
    )  # fmt: skip
    if plan.schedule.warmup_steps > plan.schedule.total_steps:
        log.warning("the run ends within the warm-up (training.warmup_epoch): the peak learning rate is never reached")

    def prepare(batch: Batch) -> Batch:
        batch = batch.to(device)
        return tower.fill(batch) if tower else batch

    transformer = state.model.point_encoder.ppat.transformer
    transformer.grad_checkpointing = config.training.grad_checkpointing
    if config.training.compile:
        transformer.compile_blocks()
    checkpoints = CheckpointObserver(config, folder, plan.layout)
    if plan.is_moved:
        # Before the one it comes from is set aside.
        checkpoints.on_save(state)
    distributed.on_main(lambda: set_aside_later(folder.checkpoints, state.progress))
    observers: list[Observer] = [checkpoints, evaluation]
    with ExitStack() as stack:
        if distributed.is_main():
            observers.insert(0, MetricsObserver(evaluation.sinks))
            if "console" in config.training.report_to:
                console = ConsoleObserver(plan.schedule.total_steps, state.progress.step)
                observers.insert(0, stack.enter_context(console))
        step = TrainingStep(config.training, state, distributed.wrap_model(state.model, device), plan.schedule)
        steps = plan.layout.steps_per_epoch
        Trainer(config, state, step, plan.loader, plan.sampler, steps, prepare, stop, observers).fit(plan.at_epoch_end)


def _warn_of_other_world_size(config: Config) -> None:
    actual = distributed.world_size()
    if config.ngpu is not None and config.ngpu != actual:
        log.warning("--ngpu %d, but %d process(es) were started: going on with %d", config.ngpu, actual, actual)

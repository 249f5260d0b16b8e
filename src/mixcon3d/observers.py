"""Observers of the training loop that write files: metrics, evaluations."""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mixcon3d.config import Config
from mixcon3d.console import print_results
from mixcon3d.distributed import is_main
from mixcon3d.errors import TrainingError
from mixcon3d.evaluation.dashboard import dashboard_metrics
from mixcon3d.evaluation.suite import BenchmarkResult, EvaluationSuite, results_as_json
from mixcon3d.run_folder import RunFolder, code_revision
from mixcon3d.state import TrainState
from mixcon3d.trainer import Observer, StepLog

log = logging.getLogger(__name__)


class MetricSink(Protocol):
    """A place that metrics go to."""

    def write(self, metrics: dict[str, float]) -> None:
        """Takes the metrics of one step, training's or an evaluation's, by their dashboard names."""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A full disk names no file by itself."""
    try:
        yield
    except OSError as error:
        raise TrainingError(f"{path} could not be written: {error}; checkpoints are intact") from None


class JsonLinesSink:
    """A JSON object a line; values that JSON has no number for become null."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, metrics: dict[str, float]) -> None:
        """Adds a line."""
        values = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        with _told(self.path), self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")


class MetricsObserver(Observer):
    """Training metrics to all sinks."""

    def __init__(self, sinks: Sequence[MetricSink]) -> None:
        self.sinks = sinks

    def on_log(self, entry: StepLog) -> None:
        """Writes."""
        for sink in self.sinks:
            sink.write({"train/epoch": entry.epoch, "train/step": entry.step, **entry.metrics})


class EvaluationObserver(Observer):
    """Zero-shot evaluation every eval_freq epochs and at the end; results.json, a table, metrics to all sinks."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        suite: EvaluationSuite,
        meta: dict[str, Any],
        sinks: Sequence[MetricSink] = (),
    ) -> None:
        self.config, self.folder, self.suite, self.meta, self.sinks = config, folder, suite, meta, sinks
        self.results: dict[str, BenchmarkResult] = {}

    def on_epoch_end(self, state: TrainState, is_last: bool) -> None:
        """Evaluates when it is time."""
        every = self.config.training.eval_freq
        if is_last or (every and state.progress.epoch % every == 0):
            self.evaluate(state)

    def evaluate(self, state: TrainState) -> None:
        """Evaluates now; all ranks take part, the first writes."""
        self.results = self.suite(state.models())
        if not is_main() or not self.results:
            return
        progress = {"epoch": state.progress.epoch, "step": state.progress.step}
        content = results_as_json(self.results, {**self.meta, **progress})
        unfinished = self.folder.results.with_name("results.json.tmp")
        with _told(self.folder.results):
            unfinished.write_text(json.dumps(content, indent=1) + "\n")
            unfinished.replace(self.folder.results)
        metrics = {"train/epoch": progress["epoch"], "train/step": progress["step"], **dashboard_metrics(self.results)}
        for sink in self.sinks:
            sink.write(metrics)
        print_results(self.results, self.meta["features"])


def results_meta(config: Config, features: str, benchmarks_chance: dict[str, float]) -> dict[str, Any]:
    """What the numbers of results.json mean: run, features, chance, code."""
    return {
        "project": config.project_name,
        "trial": config.trial_name,
        "features": features,
        "model": f"{config.model.name} scaling {config.model.scaling}",
        "chance_top1": benchmarks_chance,
        "evaluation_seed": config.evaluation.seed,
        "training_seed": config.training.seed,
        "code": code_revision(),
    }

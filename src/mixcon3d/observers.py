"""Observers of the training loop that write files: metrics, evaluations."""

import json
import logging
from pathlib import Path
from typing import Any

from mixcon3d.config import Config
from mixcon3d.console import print_results
from mixcon3d.distributed import is_main
from mixcon3d.evaluation.suite import BenchmarkResult, EvaluationSuite, results_as_json
from mixcon3d.run_folder import RunFolder, code_revision
from mixcon3d.state import TrainState
from mixcon3d.trainer import Observer, StepLog

log = logging.getLogger(__name__)


def append_json_line(path: Path, content: dict[str, Any]) -> None:
    """Adds one line to a JSON-lines file."""
    with path.open("a") as file:
        file.write(json.dumps(content) + "\n")


class MetricsObserver(Observer):
    """Training metrics as JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(self, entry: StepLog) -> None:
        """One line."""
        append_json_line(self.path, {"train/epoch": entry.epoch, "train/step": entry.step, **entry.metrics})


class EvaluationObserver(Observer):
    """Zero-shot evaluation every eval_freq epochs and at the end; results.json, a table, a metrics line."""

    def __init__(self, config: Config, folder: RunFolder, suite: EvaluationSuite, meta: dict[str, Any]) -> None:
        self.config, self.folder, self.suite, self.meta = config, folder, suite, meta
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
        self.folder.results.write_text(json.dumps(content, indent=1) + "\n")
        del content["meta"]
        append_json_line(self.folder.metrics, {"eval": content, **progress})
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

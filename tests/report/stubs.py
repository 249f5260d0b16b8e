"""A run of eight objects and what a browser would see of its page."""

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from helpers import small_config
from mixcon3d.data.benchmarks import Benchmark, BenchmarkDataset, LabelledObject
from mixcon3d.evaluation.dashboard import dashboard_metrics
from mixcon3d.evaluation.metrics import score
from mixcon3d.evaluation.suite import BenchmarkResult, EvaluationSuite
from mixcon3d.evaluation.zero_shot import Predictions
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.observers import EvaluationObserver
from mixcon3d.report import write_report
from mixcon3d.run_folder import RunFolder
from mixcon3d.state import Progress, TrainState

DIM = 16
NAMES = ["chair", "lamp", "sofa", "table"]
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 3])
# Objects 1 (chair -> sofa), 2 (chair -> sofa) and 7 (table -> lamp) are wrong.
POINT_TOP1 = np.array([0, 2, 2, 1, 1, 2, 2, 1])


def ranked(top1: np.ndarray, num_classes: int) -> np.ndarray:
    """(n, k) rankings that begin with the given classes."""
    return np.stack([(first + np.arange(min(5, num_classes))) % num_classes for first in top1])


def make_result(
    name: str = "objaverse_lvis",
    class_names: list[str] = NAMES,
    labels: np.ndarray = LABELS,
    top1: np.ndarray = POINT_TOP1,
    views: list[bytes] | None = None,
    uid: str = "uid",
) -> BenchmarkResult:
    """A benchmark of point clouds whose embedding is the unit vector of their class."""

    def read(index: int) -> LabelledObject:
        xyz = np.random.default_rng(index).normal(size=(50, 3)).astype(np.float32)
        return LabelledObject(xyz, np.full((50, 3), 0.5, np.float32), views=views or ())

    dataset = BenchmarkDataset(
        read, [f"{uid}{i}" for i in range(len(labels))], labels.tolist(),
        num_points=50, y_up=True, normalize=True, use_color=True, seed=0,
    )  # fmt: skip
    unit = np.eye(max(DIM, len(class_names)), dtype=np.float32)
    benchmark = Benchmark(name, dataset, class_names, unit[: len(class_names)], True, 4, 0)
    top = {"point": ranked(top1, len(class_names)), "joint_mv": ranked(labels, len(class_names))}
    predictions = {weights: Predictions(labels, top, unit[labels]) for weights in ("ema", "raw")}
    scores = {
        weights: {readout: score(t, labels, len(class_names)) for readout, t in top.items()} for weights in predictions
    }
    return BenchmarkResult(benchmark, scores, predictions)


def make_tower(is_random: bool = False) -> Any:
    return SimpleNamespace(
        is_random=is_random,
        description="online tower",
        encode_texts=lambda texts: torch.eye(DIM)[[NAMES.index(text.split()[-1]) for text in texts]],
    )


def train_line(step: int) -> dict[str, float]:
    return {
        "train/epoch": 0,
        "train/step": step,
        "train/loss": 5.0 / step,
        "train/lr": 1e-3,
        "train/text_contras_loss": 1.0,
        "train/text_contras_acc": 0.5,
        "train/text_logit_scale": 14.0,
        "train/samples_per_second": 100.0,
    }


def eval_line(step: int, *results: BenchmarkResult) -> dict[str, Any]:
    return {"train/epoch": step, "train/step": step, **dashboard_metrics({r.benchmark.name: r for r in results})}


def write(
    root: Path,
    *results: BenchmarkResult,
    tower: Any = None,
    lines: Sequence[dict[str, Any]] = (),
    trial_name: str = "try",
    num_train_objects: int | None = 7,
) -> Path | None:
    root.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(root, root / "ckpt")
    folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = small_config(trial_name=trial_name, training__use_text_proj=False)
    suite = EvaluationSuite([r.benchmark for r in results], tower, torch.device("cpu"))
    evaluation = EvaluationObserver(config, folder, suite, {"features": "of the test", "code": "c0ffee"})
    evaluation.results = {r.benchmark.name: r for r in results}
    torch.manual_seed(0)
    model = TriModalModel(config.model, config.training, DIM)
    state = TrainState(model, SimpleNamespace(model=model), None, progress=Progress(epoch=3, step=21))  # type: ignore[arg-type]
    return write_report(folder, config, evaluation, state, num_train_objects)


def page_of(root: Path, *results: BenchmarkResult, **options: Any) -> str:
    path = write(root, *results, **options)
    assert path is not None
    return path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Tags with attributes, and all text, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def cards(page: str) -> dict[str, str]:
    """HTML of the example cards by uid, from the value of their class on."""
    blocks = re.split(r'<div class="(?=card[ "])', section(page, "examples"))[1:]
    return {re.search(r'title="(uid\d+)"', block)[1]: block for block in blocks}  # type: ignore[index]

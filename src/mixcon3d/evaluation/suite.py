"""All benchmarks, raw and EMA weights, one result."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset

from mixcon3d.data.benchmarks import Benchmark, EvalBatch, collate_eval
from mixcon3d.data.loaders import build_loader, iterate, shard
from mixcon3d.distributed import rank, world_size
from mixcon3d.evaluation.metrics import Scores, score
from mixcon3d.evaluation.zero_shot import Predictions, predict
from mixcon3d.models.clip import FrozenTower
from mixcon3d.models.trimodal import TriModalModel

log = logging.getLogger(__name__)


@dataclass
class BenchmarkResult:
    """Scores and predictions of one benchmark, by weights ("ema", "raw") and readout."""

    benchmark: Benchmark
    scores: dict[str, dict[str, Scores]]
    predictions: dict[str, Predictions]

    @property
    def chance(self) -> float:
        """Top-1 of guessing, percent."""
        return 100 / len(self.benchmark.class_names)


class EvaluationSuite:
    """Evaluates models on benchmarks; all ranks take part, each object is seen by exactly one.

    Args:
        benchmarks: to evaluate.
        tower: encodes class names and views when features are computed online, else None.
        device: of the models.
        max_objects: at most so many of each benchmark (smoke runs); None for all.
    """

    def __init__(
        self,
        benchmarks: list[Benchmark],
        tower: FrozenTower | None,
        device: torch.device,
        max_objects: int | None = None,
    ) -> None:
        self.benchmarks, self.tower, self.device, self.max_objects = benchmarks, tower, device, max_objects

    def __call__(self, models: dict[str, TriModalModel]) -> dict[str, BenchmarkResult]:
        """Results by benchmark, the same on every rank."""
        return {benchmark.name: self._evaluate(benchmark, models) for benchmark in self.benchmarks}

    def _evaluate(self, benchmark: Benchmark, models: dict[str, TriModalModel]) -> BenchmarkResult:
        log.info("evaluating %s", benchmark.name)
        predictions = predict(
            models, self._batches(benchmark), self.class_feat(benchmark), self._encode_views, self.device
        )
        num_classes = len(benchmark.class_names)
        scores = {
            weights: {readout: score(top, p.labels, num_classes) for readout, top in p.top.items()}
            for weights, p in predictions.items()
        }
        return BenchmarkResult(benchmark, scores, predictions)

    def _batches(self, benchmark: Benchmark) -> Iterator[EvalBatch]:
        num_objects = min(len(benchmark.dataset), self.max_objects or len(benchmark.dataset))
        subset = Subset(benchmark.dataset, shard(num_objects, rank(), world_size()))
        loader = build_loader(subset, benchmark.num_workers, collate_eval, batch_size=benchmark.batch_size)
        return iterate(loader)

    def class_feat(self, benchmark: Benchmark) -> Tensor:
        """(C, D) CLIP features of the class names, stored or encoded now."""
        if benchmark.class_feat is not None:
            return torch.from_numpy(benchmark.class_feat)
        assert self.tower is not None
        return self.tower.encode_prompted(benchmark.class_names)

    def _encode_views(self, batch: EvalBatch) -> Tensor | None:
        if batch.raw_views is None:
            return batch.image_feat
        assert self.tower is not None
        features = self.tower.encode_images([view for views in batch.raw_views for view in views])
        return features.view(len(batch.labels), -1, features.shape[-1])


def results_as_json(results: dict[str, BenchmarkResult], meta: dict[str, Any]) -> dict[str, Any]:
    """{benchmark: {weights: {readout: scores}}, "meta": meta}; percentages as numbers."""
    tables = {
        name: {
            weights: {readout: asdict(s) for readout, s in table.items()} for weights, table in result.scores.items()
        }
        for name, result in results.items()
    }
    return {**tables, "meta": meta}

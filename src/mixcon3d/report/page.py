"""What the page says, section by section; the template says how it looks."""

from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from mixcon3d.config import Config
from mixcon3d.evaluation.suite import BenchmarkResult
from mixcon3d.observers import EvaluationObserver
from mixcon3d.report import confusion
from mixcon3d.report.curves import WEIGHTS_TITLES, Metrics, draw_curves, read_metrics
from mixcon3d.report.objects import answer_queries, choose_examples
from mixcon3d.report.pictures import ObjectPictures
from mixcon3d.run_folder import RunFolder
from mixcon3d.state import TrainState

_SHOWN_BENCHMARK = "objaverse_lvis"
_TITLES = {"objaverse_lvis": "Objaverse-LVIS", "modelnet40": "ModelNet40", "scanobjectnn": "ScanObjectNN"}
_READOUTS = {
    "point": "the point cloud alone",
    "image": "one view, without the point cloud",
    "image_mv": "several views fused, without the point cloud",
    "joint": "point cloud and one view through the joint head",
    "joint_mv": "point cloud and several views through the joint head",
    "point_image": "sum of the cosines of the point cloud and of the views",
}
_NUM_PAIRS_BESIDE_MATRIX = 10
_NUM_PAIRS_ALONE = 25


@dataclass(frozen=True)
class Headline:
    """Top-1 of a benchmark from points alone, which every benchmark has, and of its best readout; percent."""

    title: str
    point_top1: float
    best_readout: str
    best_top1: float
    chance: float


def render_page(
    folder: RunFolder, config: Config, evaluation: EvaluationObserver, state: TrainState, num_train_objects: int | None
) -> str:
    """The HTML text; arguments as of write_report."""
    results, tower = evaluation.results, evaluation.suite.tower
    result = results.get(_SHOWN_BENCHMARK) or next(iter(results.values()))
    weights, model = next(iter(state.models().items()))
    metrics = read_metrics(folder.metrics)
    name_queries, attribute_queries = answer_queries(result, weights, model, evaluation.suite)
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html").render(
        config=config,
        folder_name=folder.root.name,
        facts=_facts(config, evaluation, state, metrics, num_train_objects),
        features=evaluation.meta["features"],
        is_random_tower=tower is not None and tower.is_random,
        max_objects=evaluation.suite.max_objects,
        headlines=[_headline(r, weights) for r in results.values()],
        results=results,
        best={name: best_readouts(r) for name, r in results.items()},
        titles=_TITLES,
        weights_titles=WEIGHTS_TITLES,
        readouts=_used_readouts(results),
        is_training=num_train_objects is not None,
        has_steps=bool(metrics.train),
        curves=draw_curves(metrics, weights, {name: r.chance for name, r in results.items()}),
        weights=weights,
        shown=result,
        picture=ObjectPictures(result.benchmark.dataset).picture,
        examples=choose_examples(result, weights),
        name_queries=name_queries,
        attribute_queries=attribute_queries,
        **_confusion(result, weights),
    )


def best_readouts(result: BenchmarkResult) -> dict[str, str]:
    """The readout with the highest top-1, by weights."""
    return {w: max(scores, key=lambda readout: scores[readout].top1) for w, scores in result.scores.items()}


def _headline(result: BenchmarkResult, weights: str) -> Headline:
    name, scores, readout = result.benchmark.name, result.scores[weights], best_readouts(result)[weights]
    return Headline(_TITLES.get(name, name), scores["point"].top1, readout, scores[readout].top1, result.chance)


def _facts(
    config: Config, evaluation: EvaluationObserver, state: TrainState, metrics: Metrics, num_train_objects: int | None
) -> list[tuple[str, str]]:
    """(name, value) pairs that say what was run."""
    num_parameters, progress = sum(p.numel() for p in state.model.parameters()), state.progress
    what = "evaluation of a checkpoint"
    if num_train_objects is not None:
        what = (
            f"training on {num_train_objects:,} objects for {progress.epoch:,} of {config.training.max_epoch:,} epochs"
        )
    facts = [
        ("Model", f"{config.model.name}, scaling {config.model.scaling}, {num_parameters:,} parameters"),
        ("Run", what),
        ("Weights", f"after epoch {progress.epoch:,}, step {progress.step:,}"),
        ("Seeds", f"training {config.training.seed}, evaluation {config.evaluation.seed}"),
        ("Code", str(evaluation.meta["code"])),
    ]
    speeds = [speed for line in metrics.train if (speed := line.get("train/samples_per_second")) is not None]
    if speeds:
        facts.insert(3, ("Speed", f"{np.median(speeds):,.0f} objects per second (median)"))
    return facts


def _used_readouts(results: dict[str, BenchmarkResult]) -> dict[str, str]:
    used = {readout for r in results.values() for scores in r.scores.values() for readout in scores}
    return {readout: meaning for readout, meaning in _READOUTS.items() if readout in used}


def _confusion(result: BenchmarkResult, weights: str) -> dict[str, object]:
    """Values of the section: heat map (None where there are too many classes) and most confused pairs."""
    names, predictions = result.benchmark.class_names, result.predictions[weights]
    predicted = predictions.top["point"][:, 0]
    heat_map = None
    if len(names) <= confusion.MAX_MATRIX_CLASSES:
        heat_map = confusion.draw_matrix(confusion.count_matrix(predictions.labels, predicted, len(names)), names)
    most = _NUM_PAIRS_BESIDE_MATRIX if heat_map else _NUM_PAIRS_ALONE
    numbered = len(names) <= confusion.MAX_NUMBERED_CLASSES
    return {
        "heat_map": heat_map,
        "numbered": numbered,
        "pairs": confusion.most_confused(predictions.labels, predicted, names, most),
    }

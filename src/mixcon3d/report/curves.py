"""Curves of a run, from its metrics.jsonl."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mixcon3d.evaluation.dashboard import dashboard_names
from mixcon3d.report.pictures import figure_uri

WEIGHTS_TITLES = {"ema": "EMA weights", "raw": "raw weights"}
_MAX_POINTS = 300
_FEW_POINTS = 40
_SIZE_IN = (5.6, 3.1)
_SHORT_LABEL = 14
_TERMS = {"text": "point-text", "img": "point-image", "img_text": "image-text", "pc_img_to_text": "joint-text"}
_SCALES = {"text": "point-text", "image": "point-image", "img_text": "image-text", "pc_img_to_text": "joint-text"}
_COLORS = {
    "total": "#30363d",
    "point-text": "#2563a8",
    "point-image": "#d1702c",
    "image-text": "#3d8f52",
    "joint-text": "#a33b6f",
}
_BENCHMARK_COLORS = ("#2563a8", "#d1702c", "#3d8f52", "#a33b6f")
# Readouts of the zero-shot curve, with their line.
_CURVE_READOUTS = {"point": "-", "joint_mv": "--"}


@dataclass(frozen=True)
class Metrics:
    """Lines of metrics.jsonl by optimizer step: training metrics, evaluations."""

    train: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]


@dataclass(frozen=True)
class Curve:
    """A figure: title, data URI, description for those who cannot see it."""

    title: str
    uri: str
    alt: str


def read_metrics(path: Path) -> Metrics:
    """The lines of a run; of a step that was repeated after an interruption, the last."""
    train: dict[int, dict[str, Any]] = {}
    evaluations: dict[int, dict[str, Any]] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # a run that was killed may leave half a line
        if "train/step" in entry:
            (train if "train/loss" in entry else evaluations)[entry["train/step"]] = entry
    return Metrics([train[step] for step in sorted(train)], [evaluations[step] for step in sorted(evaluations)])


def thin(values: np.ndarray, most: int = _MAX_POINTS) -> np.ndarray:
    """(n,) -> at most `most` means of equally long, consecutive pieces."""
    pieces = np.array_split(values, min(most, len(values)))
    return np.array([piece.mean() for piece in pieces])


def draw_curves(metrics: Metrics, weights: str, chance: dict[str, float]) -> list[Curve]:
    """All curves that the metrics allow.

    Args:
        metrics: of the run.
        weights: "ema" or "raw", for the zero-shot accuracies.
        chance: top-1 of guessing by benchmark, percent.
    """
    losses = {"total": "train/loss", **{label: f"train/{term}_contras_loss" for term, label in _TERMS.items()}}
    accuracies = {label: f"train/{term}_contras_acc" for term, label in _TERMS.items()}
    scales = {label: f"train/{name}_logit_scale" for name, label in _SCALES.items()}
    curves = []
    if metrics.train:
        curves = [
            _training_curve(metrics, "Loss", "loss", losses),
            _training_curve(metrics, "Accuracy within the batch", "percent", accuracies, factor=100),
            _training_curve(metrics, "Learning rate", "learning rate", {"": "train/lr"}),
            _training_curve(metrics, "Inverse temperatures", "logit scale", scales),
        ]
    if len(metrics.evaluations) > 1:
        curves.append(_zero_shot_curve(metrics.evaluations, weights, chance))
    return curves


def _training_curve(metrics: Metrics, title: str, unit: str, keys: dict[str, str], factor: float = 1.0) -> Curve:
    def draw(axes: Axes) -> None:
        for label, key in keys.items():
            lines = [line for line in metrics.train if key in line]
            if lines:
                steps = thin(np.array([line["train/step"] for line in lines], float))
                values = thin(np.array([line[key] for line in lines], float)) * factor
                color = _COLORS.get(label, _COLORS["point-text"])
                axes.plot(steps, values, "o-" if len(steps) <= _FEW_POINTS else "-", label=label or None, color=color)
        _finish(axes, unit, from_zero=unit == "percent")

    return Curve(title, figure_uri(*_SIZE_IN, draw), f"{title} ({unit}) over optimizer steps")


def _zero_shot_curve(evaluations: list[dict[str, Any]], weights: str, chance: dict[str, float]) -> Curve:
    def draw(axes: Axes) -> None:
        for (benchmark, guessing), color in zip(chance.items(), _BENCHMARK_COLORS, strict=False):
            for readout, line in _CURVE_READOUTS.items():
                name, percent = dashboard_names(benchmark, readout, weights).get("top1", ("", 1.0))
                points = [(entry["train/step"], entry[name] * percent) for entry in evaluations if name in entry]
                if points:
                    axes.plot(*zip(*points, strict=True), f"o{line}", color=color, label=f"{benchmark} {readout}")
            axes.axhline(guessing, color=color, lw=0.9, ls=":")
        _finish(axes, "top-1, percent", from_zero=True)

    title = f"Zero-shot top-1 during training ({WEIGHTS_TITLES[weights]}; dotted: chance)"
    return Curve(title, figure_uri(*_SIZE_IN, draw), title)


def _finish(axes: Axes, unit: str, from_zero: bool) -> None:
    for line in axes.get_lines():
        line.set_markersize(3)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(unit)
    axes.grid(color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if from_zero:
        axes.set_ylim(bottom=0)
    labels = axes.get_legend_handles_labels()[1]
    if labels:
        columns = 5 if max(map(len, labels)) < _SHORT_LABEL else 2
        axes.figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=8, handlelength=2.2)

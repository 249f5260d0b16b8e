"""What the runs of `ablation.py` came to, in numbers."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

_PAPER = "+ multi-view = `train.yaml`"


@dataclass(frozen=True)
class Row:
    """A line of the tables: which weights of which training, and the row that it is compared with."""

    label: str
    training: str
    weights: str
    against: str | None = None


@dataclass(frozen=True)
class Readout:
    """A column of the tables, by its names in results.json."""

    title: str
    benchmark: str
    name: str


ROWS = (
    Row("baseline", "baseline", "raw"),
    Row("+ separate temperatures", "temperatures", "raw", "baseline"),
    Row("+ EMA", "temperatures", "ema", "+ separate temperatures"),
    Row("+ image-text", "image_text", "ema", "+ EMA"),
    Row("+ joint", "joint", "ema", "+ image-text"),
    Row(_PAPER, "train", "ema", "+ joint"),
    Row("`train.yaml`, raw weights", "train", "raw", _PAPER),
    Row("`train.yaml`, joint head frozen", "frozen_joint_head", "ema", _PAPER),
    Row("hard negatives, groups of 4", "hard_negatives", "ema", _PAPER),
    Row("`released.yaml`", "released", "ema", _PAPER),
    Row("`released.yaml`, raw weights", "released", "raw", "`train.yaml`, raw weights"),
    Row("`released.yaml` at this rate", "released_same_rate", "ema", _PAPER),
    Row("`released.yaml` at this rate, raw weights", "released_same_rate", "raw", "`train.yaml`, raw weights"),
)
READOUTS = (
    Readout("LVIS `point`", "objaverse_lvis", "point"),
    Readout("LVIS `joint`, 1 view", "objaverse_lvis", "joint"),
    Readout("LVIS `joint_mv`, 4 views", "objaverse_lvis", "joint_mv"),
    Readout("LVIS `point_image`", "objaverse_lvis", "point_image"),
    Readout("ModelNet40 `point`", "modelnet40", "point"),
    Readout("ScanObjectNN `point`", "scanobjectnn", "point"),
)


@dataclass(frozen=True)
class Run:
    """A finished training: results.json, resolved config, wall time."""

    results: dict[str, Any]
    config: DictConfig
    seconds: float


Runs = dict[tuple[str, int], Run]


def read_runs(exp_dir: Path, seeds: Sequence[int]) -> Runs:
    """By (training, seed); those that have not finished are left out."""
    runs = {}
    for training in dict.fromkeys(row.training for row in ROWS):
        for seed in seeds:
            folder = exp_dir / f"{training}_seed{seed}@autoresume"
            # Written last.
            if (folder / "seconds.json").is_file():
                config = OmegaConf.load(folder / "config.yaml")
                assert isinstance(config, DictConfig)
                seconds = json.loads((folder / "seconds.json").read_text())
                runs[training, seed] = Run(json.loads((folder / "results.json").read_text()), config, seconds)
    return runs


def summarize(runs: Runs, seeds: Sequence[int]) -> dict[str, Any]:
    """All numbers, as docs/ablation.json holds them; top-1 in percent, differences in points."""
    trainings = dict.fromkeys(row.training for row in ROWS)
    absent = {training: [seed for seed in seeds if (training, seed) not in runs] for training in trainings}
    missing = {training: lacking for training, lacking in absent.items() if lacking}
    rows = {row.label: {"training": row.training, "weights": row.weights, "against": row.against} for row in ROWS}
    for row in ROWS:
        seconds = {str(seed): runs[row.training, seed].seconds for seed in seeds if (row.training, seed) in runs}
        scores = {readout.title: _scores(row, readout, runs, seeds) for readout in READOUTS}
        rows[row.label] |= {"seconds": seconds, "top1": {title: s for title, s in scores.items() if s}}
    for row in rows.values():
        other = rows[row["against"]]["top1"] if row["against"] else {}
        pairs = {title: _difference(row["top1"][title], other[title]) for title in row["top1"] if title in other}
        row["differences"] = {title: pair for title, pair in pairs.items() if pair}
    chance = next((run.results["meta"]["chance_top1"] for run in runs.values()), {})
    code = sorted({run.results["meta"]["code"] for run in runs.values()})
    return {"seeds": list(seeds), "missing": missing, "code": code, "chance_top1": chance, "rows": rows}


def _scores(row: Row, readout: Readout, runs: Runs, seeds: Sequence[int]) -> dict[str, Any] | None:
    """Top-1 by seed with its statistics; None where the model has no such readout."""
    finished = {str(seed): runs[row.training, seed].results for seed in seeds if (row.training, seed) in runs}
    scores = {seed: results.get(readout.benchmark, {}).get(row.weights, {}) for seed, results in finished.items()}
    by_seed = {seed: s[readout.name]["top1"] for seed, s in scores.items() if readout.name in s}
    if not by_seed:
        return None
    num_objects = next(s[readout.name]["num_objects"] for s in scores.values() if readout.name in s)
    share = statistics.mean(by_seed.values()) / 100
    error = 100 * math.sqrt(share * (1 - share) / num_objects)
    return {"by_seed": by_seed, **_statistics(by_seed), "num_objects": num_objects, "sampling_error": error}


def _difference(row: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """Row minus other, seed by seed; None without a common seed."""
    common = [seed for seed in row["by_seed"] if seed in other["by_seed"]]
    by_seed = {seed: row["by_seed"][seed] - other["by_seed"][seed] for seed in common}
    if not by_seed:
        return None
    summary = {"by_seed": by_seed, **_statistics(by_seed)}
    if summary["std"] is not None:
        summary["seed_error"] = summary["std"] / math.sqrt(len(common))
        parts = (summary["seed_error"], row["sampling_error"], other["sampling_error"])
        summary["combined_error"] = math.hypot(*parts)
    return summary


def _statistics(by_seed: dict[str, float]) -> dict[str, float | None]:
    values = list(by_seed.values())
    return {"mean": statistics.mean(values), "std": statistics.stdev(values) if len(values) > 1 else None}

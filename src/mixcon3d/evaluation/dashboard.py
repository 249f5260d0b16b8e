"""Scores under the names that dashboards of the original code plot."""

from mixcon3d.evaluation.suite import BenchmarkResult

_LVIS = "objaverse_lvis"
# Of Objaverse-LVIS, by readout; the other benchmarks have points only, and no suffix.
_READOUTS = {
    "point": "_pc",
    "image": "_img",
    "image_mv": "_img_mv",
    "joint": "_pc_img",
    "joint_mv": "_pc_img_mv",
    "point_image": "_merge",
}
_WEIGHTS = {"raw": "_sgd", "ema": "_ema"}
# By field of Scores: the word of the name, and how many percent a value of 1 stands for.
_LVIS_WORDS = {"top1": ("top1", 1.0), "top3": ("top3", 1.0), "top5": ("top5", 1.0), "class_avg": ("class", 1.0)}
_OTHER_WORDS = {"top1": ("overall", 100.0), "top3": ("top3", 1.0), "top5": ("top5", 1.0), "class_avg": ("class", 100.0)}


def dashboard_names(benchmark: str, readout: str, weights: str) -> dict[str, tuple[str, float]]:
    """{field of Scores: (name, percent that a value of 1 stands for)}; empty for a readout without a name."""
    if benchmark == _LVIS:
        suffix = _READOUTS[readout]
        prefix, tail, words = f"test_lvis{suffix}", suffix + _WEIGHTS[weights], _LVIS_WORDS
    elif readout == "point":
        prefix, tail, words = f"test_{benchmark}", _WEIGHTS[weights], _OTHER_WORDS
    else:
        return {}
    return {score: (f"{prefix}/{word}_acc{tail}", percent) for score, (word, percent) in words.items()}


def dashboard_metrics(results: dict[str, BenchmarkResult]) -> dict[str, float]:
    """{name: value} of all benchmarks, weights and readouts: percent, but fractions where the original has them."""
    return {
        name: getattr(scores, score) / percent
        for benchmark, result in results.items()
        for weights, table in result.scores.items()
        for readout, scores in table.items()
        for score, (name, percent) in dashboard_names(benchmark, readout, weights).items()
    }

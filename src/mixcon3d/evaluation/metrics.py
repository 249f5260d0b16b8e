"""Accuracies of ranked predictions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """Zero-shot accuracies in percent.

    top1, top3, top5: of all objects; class_avg: mean over classes of the top-1 of their objects, classes without
    objects left out; num_classes: that could be predicted; num_empty_classes: of these, without an object.
    """

    top1: float
    top3: float
    top5: float
    class_avg: float
    num_objects: int
    num_classes: int
    num_empty_classes: int


def score(predictions: np.ndarray, labels: np.ndarray, num_classes: int) -> Scores:
    """Scores of ranked predictions.

    Args:
        predictions: (n, k) class indices, best first, k = min(5, num_classes).
        labels: (n,) true class indices.
        num_classes: that could be predicted.
    """
    hits = predictions == labels[:, None]
    counts = np.bincount(labels, minlength=num_classes)
    correct = np.bincount(labels[hits[:, 0]], minlength=num_classes)
    present = counts > 0
    top1, top3, top5 = (100 * float(hits[:, :k].any(axis=1).mean()) for k in (1, 3, 5))
    class_avg = 100 * float((correct[present] / counts[present]).mean())
    return Scores(top1, top3, top5, class_avg, len(labels), num_classes, int((~present).sum()))

"""Which classes are taken for which."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from mixcon3d.report.pictures import figure_uri

MAX_MATRIX_CLASSES = 120
MAX_NUMBERED_CLASSES = 40
_LONGEST_LABEL = 22
_SMALLEST_IN, _MARGIN_IN = 3.6, 1.1
# Width of a cell in inches and size of the class names in points: with numbers in the cells, and without.
_NUMBERED_STYLE, _DENSE_STYLE = (0.21, 7.5), (0.14, 5.5)
# Percent from which a cell is so dark that its number must be white.
_DARK_PERCENT = 55


@dataclass(frozen=True)
class ConfusedPair:
    """`count` of the `total` objects of one class were taken for another."""

    true_name: str
    predicted_name: str
    count: int
    total: int


def count_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """(C, C) numbers of objects by true class (row) and predicted class (column) from (n,) class indices."""
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def most_confused(labels: np.ndarray, predicted: np.ndarray, names: list[str], most: int) -> list[ConfusedPair]:
    """The pairs with the most objects, of equal ones those with the larger share of their class first.

    Args:
        labels, predicted: (n,) class indices.
        names: of the classes.
        most: pairs at most.
    """
    totals = np.bincount(labels, minlength=len(names))
    wrong = labels != predicted
    pairs, counts = np.unique(np.stack([labels[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    order = sorted(range(len(pairs)), key=lambda i: (-counts[i], totals[pairs[i, 0]], *pairs[i]))
    return [
        ConfusedPair(names[pairs[i, 0]], names[pairs[i, 1]], int(counts[i]), int(totals[pairs[i, 0]]))
        for i in order[:most]
    ]


def draw_matrix(matrix: np.ndarray, names: list[str]) -> str:
    """Data URI of a heat map of (C, C) counts; a row's colours are shares of its class, its numbers are objects."""
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)

    numbered = len(names) <= MAX_NUMBERED_CLASSES
    cell_in, font_pt = _NUMBERED_STYLE if numbered else _DENSE_STYLE

    def draw(axes: Axes) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="none")
        _name_classes(axes, [_label(name) for name in names], font_pt)
        if numbered:
            for row, column in np.argwhere(matrix > 0):
                color = "white" if shares[row, column] > _DARK_PERCENT else "#26303b"
                axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=6.5, color=color)

    size = max(_SMALLEST_IN, _MARGIN_IN + cell_in * len(names))
    return figure_uri(size, size, draw)


def _name_classes(axes: Axes, labels: list[str], font_pt: float) -> None:
    edges = np.arange(len(labels) - 1) + 0.5
    # Names are data: a dollar sign in one must not start a formula.
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=font_pt, parse_math=False)
    axes.set_yticks(range(len(labels)), labels, fontsize=font_pt, parse_math=False)
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="#e3e8ee", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


def _label(name: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in name)
    return printable if len(printable) <= _LONGEST_LABEL else printable[: _LONGEST_LABEL - 1] + "…"

"""The picture of the ablation: one panel a readout, one line a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_COLUMNS = 3
_PANEL_WIDTH_IN, _LABELS_WIDTH_IN, _ROW_HEIGHT_IN, _MARGIN_IN = 3.2, 2.4, 0.29, 0.75
# Okabe and Ito's colours, which those with a colour vision deficiency tell apart.
_SEED, _MEAN, _CHANCE, _GRID = "#E69F00", "#0072B2", "#5b6570", "#e6e9ed"
# Of a row's seeds above its line and of their mean below it.
_OFFSET = 0.14
_STYLE: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 10, "axes.edgecolor": "#9aa3ad", "xtick.color": "#414a55"}


def draw(rows: Mapping[str, Mapping[str, Any]], chance: Mapping[str, float | None], path: Path) -> None:
    """Writes a PNG.

    Args:
        rows: label -> title of a panel -> by_seed, mean and sampling_error; panels that a row lacks stay empty there.
        chance: title of a panel -> top-1 of guessing, percent.
        path: of the PNG.
    """
    lines = -(-len(chance) // _COLUMNS)
    width = _LABELS_WIDTH_IN + _COLUMNS * _PANEL_WIDTH_IN
    height = lines * (_MARGIN_IN + _ROW_HEIGHT_IN * len(rows))
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(lines, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for axes, (title, guessing) in zip(panels.flat, chance.items(), strict=False):
            _draw_panel(axes, [row.get(title) for row in rows.values()], guessing)
            axes.set_title(title.replace("`", ""), loc="left")
            axes.tick_params(labelbottom=True)
        panels[0, 0].set_yticks(range(len(rows)), [label.replace("`", "") for label in rows])
        panels[0, 0].set_ylim(len(rows) - 0.4, -0.6)
        panels[0, 0].set_xlim(left=0)
        figure.supxlabel("top-1, percent", fontsize=9)
        handles, labels = max((axes.get_legend_handles_labels() for axes in panels.flat), key=lambda both: len(both[1]))
        if handles:
            figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False)
        figure.savefig(path, dpi=150, metadata={"Software": None})


def _draw_panel(axes: Axes, scores: Sequence[Any], guessing: float | None) -> None:
    there = [(height, score) for height, score in enumerate(scores) if score]
    seeds = [(value, height - _OFFSET) for height, score in there for value in score["by_seed"].values()]
    means = [(score["mean"], height + _OFFSET) for height, score in there]
    errors = [score["sampling_error"] for _, score in there]
    if there:
        axes.plot(*zip(*seeds, strict=True), "o", color=_SEED, mec="white", mew=0.5, ms=5, label="one seed")
        axes.plot(*zip(*means, strict=True), "D", color=_MEAN, ms=4.5, label="mean of the seeds")
        style = {"fmt": "none", "color": _MEAN, "lw": 1.3, "capsize": 2, "label": "sampling error of the test objects"}
        axes.errorbar(*zip(*means, strict=True), xerr=errors, **style)
    if guessing is not None:
        axes.axvline(guessing, color=_CHANCE, lw=1, ls=":", label="chance")
    for height, score in enumerate(scores):
        if not score:
            axes.text(0.5, height, "–", transform=axes.get_yaxis_transform(), ha="center", va="center", color=_CHANCE)
    axes.grid(color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)

"""The picture of the memory: training steps on the left, the loss alone on the right."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

_SIZE_IN = (10.5, 4.4)
# Okabe and Ito's colours, which those with a colour vision deficiency tell apart; each curve has a marker of its own.
_LOOKS = (("#D55E00", "o", "-"), ("#E69F00", "s", "--"), ("#0072B2", "D", "-"), ("#56B4E9", "^", "--"))
_GRID = "#e6e9ed"
_STYLE: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 10, "axes.edgecolor": "#9aa3ad", "xtick.color": "#414a55"}
_MIB, _GIB = 2**20, 2**30


def draw(numbers: Mapping[str, Any], path: Path) -> None:
    """Writes a PNG of the numbers that docs/memory.json holds."""
    with rc_context(_STYLE):
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        FigureCanvasAgg(figure)
        steps, losses = figure.subplots(1, 2)
        _draw_curves(steps, numbers["step"], _GIB)
        steps.set_ylim(bottom=0)
        steps.set_xlim(left=0)
        steps.set_title("One training step", loc="left")
        steps.set_xlabel("global batch, objects")
        steps.set_ylabel("peak memory, GiB")
        losses.set_xscale("log", base=2)
        losses.set_yscale("log", base=2)
        _draw_curves(losses, numbers["loss"], _MIB)
        losses.set_title("Loss and its gradient alone (logarithmic axes)", loc="left")
        losses.set_xlabel("global batch, rows")
        losses.set_ylabel("peak memory, MiB")
        figure.savefig(path, dpi=150, metadata={"Software": None})


def _draw_curves(axes: Axes, curves: Mapping[str, Mapping[str, Any]], unit: int) -> None:
    batches: Sequence[int] = []
    for (label, curve), (color, marker, line) in zip(curves.items(), _LOOKS, strict=False):
        batches = [point["global_batch"] for point in curve["points"]]
        peaks = [point["peak"] / unit for point in curve["points"]]
        name = f"{label}: exponent {curve['exponent']:.2f}" if "exponent" in curve else label
        axes.plot(batches, peaks, marker=marker, ls=line, color=color, mec="white", mew=0.6, ms=6, lw=1.6, label=name)
    axes.xaxis.set_major_locator(FixedLocator(batches))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")

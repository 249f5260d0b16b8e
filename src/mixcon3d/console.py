"""What a run shows on the terminal: log lines, a progress bar, the table of results."""

import logging
import sys

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mixcon3d.evaluation.suite import BenchmarkResult
from mixcon3d.state import TrainState
from mixcon3d.trainer import Observer, StepLog

# Without a terminal rich assumes 80 columns, too few for the table of results.
console = Console(width=None if sys.stdout.isatty() else 120)
log = logging.getLogger(__name__)

_SHORT = {"text": "point-text", "img": "point-image", "img_text": "image-text", "pc_img_to_text": "joint-text"}


def set_up_logging(is_main: bool) -> None:
    """Lines on the terminal, behind the time where there is one; only errors from processes other than the first."""
    # A reader that closes the pipe (`| head`) must not get a traceback for every further line.
    logging.raiseExceptions = False
    logger = logging.getLogger("mixcon3d")
    logger.handlers.clear()
    logger.propagate = False
    logger.setLevel(logging.INFO if is_main else logging.ERROR)
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S", highlighter=None)
    else:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)


class ConsoleObserver(Observer):
    """A progress bar with loss, accuracy and samples/s; without a terminal one line per log_freq steps."""

    def __init__(self, total_steps: int, done_steps: int) -> None:
        self.total_steps = total_steps
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, TextColumn("{task.fields[values]}"), console=console, transient=True)
        self.task = self.progress.add_task("training", total=total_steps, completed=done_steps, values="")

    def __enter__(self) -> "ConsoleObserver":
        if console.is_terminal:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Also after an error: the bar hides the cursor.
        if console.is_terminal:
            self.progress.stop()

    def on_step(self, state: TrainState) -> None:
        """Moves the bar."""
        self.progress.update(self.task, completed=state.progress.step)

    def on_log(self, entry: StepLog) -> None:
        """Renews the values of the bar, or writes a line."""
        metrics = entry.metrics
        accuracies = [
            f"{_SHORT[name]} {100 * metrics[f'train/{name}_contras_acc']:.0f}%"
            for name in _SHORT
            if f"train/{name}_contras_acc" in metrics
        ]
        speed = metrics["train/samples_per_second"]
        if console.is_terminal:
            values = f"loss {metrics['train/loss']:.3f}  {'  '.join(accuracies)}  {speed:.0f}/s"
            self.progress.update(self.task, description=f"epoch {entry.epoch + 1}", values=values)
            return
        log.info(
            "epoch %d step %d/%d loss %.4f acc %s lr %.2e %.0f samples/s, waiting for data %.0f%%",
            entry.epoch + 1, entry.step, self.total_steps, metrics["train/loss"], " ".join(accuracies),
            metrics["train/lr"], speed, 100 * metrics["train/data_wait_fraction"],
        )  # fmt: skip

    def on_epoch_end(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        """Takes the bar away before the last evaluation's table."""
        if is_last and console.is_terminal:
            self.progress.stop()


def print_results(results: dict[str, BenchmarkResult], features: str) -> None:
    """The table of all benchmarks, readouts and weights, percent; chance beside it, and what the features are."""
    table = Table(title="Zero-shot classification, percent", caption=f"CLIP features: {features}")
    for column in ("benchmark", "readout", "weights"):
        table.add_column(column, no_wrap=True)
    for column in ("top-1", "top-3", "top-5", "class avg", "chance", "objects", "classes"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, result in results.items():
        for weights, by_readout in result.scores.items():
            for readout, s in by_readout.items():
                classes = f"{s.num_classes}" + (f" ({s.num_empty_classes} empty)" if s.num_empty_classes else "")
                accuracies = [f"{value:.1f}" for value in (s.top1, s.top3, s.top5, s.class_avg, result.chance)]
                table.add_row(name, readout, weights, *accuracies, str(s.num_objects), classes)
        table.add_section()
    console.print(table)

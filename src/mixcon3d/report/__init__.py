"""The page of a run's results: one HTML file that needs no other."""

import logging
from pathlib import Path

from mixcon3d.config import Config
from mixcon3d.observers import EvaluationObserver
from mixcon3d.report.page import render_page
from mixcon3d.run_folder import RunFolder
from mixcon3d.state import TrainState

log = logging.getLogger(__name__)

__all__ = ["write_report"]


def write_report(
    folder: RunFolder,
    config: Config,
    evaluation: EvaluationObserver,
    state: TrainState,
    num_train_objects: int | None = None,
) -> Path | None:
    """Writes report.html from what a run has computed; changes nothing else.

    Args:
        folder: of the run; its metrics.jsonl is read.
        config: of the run.
        evaluation: with results.
        state: whose models gave these results.
        num_train_objects: of the training set; None for a run that only evaluated.

    Returns:
        The page's path; None if it could not be made, which is logged.
    """
    unfinished = folder.report.with_name(folder.report.name + ".tmp")
    try:
        unfinished.write_text(render_page(folder, config, evaluation, state, num_train_objects), encoding="utf-8")
        unfinished.replace(folder.report)
    # The run is over and its results are on disk: whatever goes wrong in drawing must not make it look failed.
    except Exception:
        unfinished.unlink(missing_ok=True)
        log.exception("the report could not be written; the results are in %s", folder.results)
        return None
    return folder.report

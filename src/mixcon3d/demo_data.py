"""The demo data set, written before a run whose `demo.generate` asks for it."""

import logging
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mixcon3d.config import Config
from mixcon3d.console import console
from mixcon3d.demo.dataset import generate_dataset
from mixcon3d.distributed import on_main
from mixcon3d.errors import DataError

log = logging.getLogger(__name__)


def prepare_demo_data(config: Config) -> None:
    """Writes the demo data set to dataset.folder, or finds it there; the first process writes, the others wait.

    Raises:
        DataError: if the folder holds anything else.
    """
    on_main(lambda: _generate(config))


def _generate(config: Config) -> None:
    demo, folder = config.demo, Path(config.dataset.folder)
    if not folder.exists():
        log.info("writing the demo data set to %s", folder)
    columns = (TextColumn("demo objects"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("demo", total=None)
        try:
            generate_dataset(
                folder,
                seed=demo.seed,
                train_per_category=demo.train_per_category,
                lvis_per_category=demo.lvis_per_category,
                modelnet_per_category=demo.modelnet_per_category,
                scan_per_category=demo.scan_per_category,
                num_points=demo.num_points,
                image_size_px=demo.image_size_px,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        except (ValueError, OSError) as error:
            raise DataError(f"demo data set: {error}") from None
    log.info("demo data set: %s", folder)

"""The checkpoints of a run folder: their names, which are kept, which is the newest that can be read."""

import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixcon3d.config import Config
from mixcon3d.distributed import on_main
from mixcon3d.errors import CheckpointError
from mixcon3d.run_folder import LATEST, RunFolder
from mixcon3d.state import Layout, Origin, Progress, TrainState, read_checkpoint, save_checkpoint
from mixcon3d.trainer import Observer

log = logging.getLogger(__name__)

_NAME = re.compile(r"epoch_(\d+)(?:_step_(\d+))?\.pt")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file and what `read_checkpoint` gave."""

    path: Path
    content: dict[str, Any]


def checkpoint_name(progress: Progress) -> str:
    """epoch_0003.pt after three epochs, epoch_0003_step_00000123.pt at step 123 inside the fourth."""
    inside = f"_step_{progress.step:08d}" if progress.epoch_step else ""
    return f"epoch_{progress.epoch:04d}{inside}.pt"


def _position(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    assert match
    return int(match[1]), int(match[2] or 0)


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest position first; `latest.pt` counts where it is a file, not a link."""
    found = sorted((p for p in folder.glob("epoch_*.pt") if _NAME.fullmatch(p.name)), key=_position, reverse=True)
    latest = folder / LATEST
    return [latest, *found] if latest.is_file() and not latest.is_symlink() else found


def read_newest(paths: Sequence[Path]) -> Checkpoint:
    """The first of the paths, newest first, that can be read; a warning for each that cannot.

    Raises:
        CheckpointError: if none can.
    """
    damaged: list[CheckpointError] = []
    for path in paths:
        try:
            content = read_checkpoint(path)
        except CheckpointError as error:
            damaged.append(error)
            continue
        for fault in damaged:
            log.warning("%s; going back to %s", fault, path)
        return Checkpoint(path, content)
    faults = "; ".join(str(fault) for fault in damaged)
    raise CheckpointError(f"{faults}; move it away to start anew" if len(damaged) > 1 else faults)


class CheckpointObserver(Observer):
    """Saves, keeps the newest keep_checkpoints files and those of every save_freq-th and the last epoch."""

    def __init__(self, config: Config, folder: RunFolder, layout: Layout) -> None:
        self.config, self.folder, self.layout = config, folder, layout

    def on_save(self, state: TrainState) -> None:
        """Saves.

        Raises:
            CheckpointError: on all ranks, if it cannot be written; older checkpoints are untouched then.
        """
        on_main(lambda: self._save(state))

    def _save(self, state: TrainState) -> None:
        folder, metrics = self.folder.checkpoints, self.folder.metrics
        path = folder / checkpoint_name(state.progress)
        origin = Origin(str(self.folder.root.resolve()), _synced_size(metrics))
        save_checkpoint(path, state, self.config, self.layout, origin)
        link = folder / (LATEST + ".tmp")
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(path.name)
            link.replace(folder / LATEST)
        except OSError as error:
            raise CheckpointError(f"{folder / LATEST} could not be linked to {path.name}: {error}") from None
        self._remove_older_than(path)

    def _remove_older_than(self, newest: Path) -> None:
        """Removes what is not to be kept; files ahead of the newest neither count nor go: they will be set aside."""
        training = self.config.training
        found = [p for p in list_checkpoints(self.folder.checkpoints) if _position(p) <= _position(newest)]
        for path in found[training.keep_checkpoints :]:
            epoch, step = _position(path)
            if step == 0 and (epoch % training.save_freq == 0 or epoch == training.max_epoch):
                continue
            with suppress(OSError):
                path.unlink()


def _synced_size(path: Path) -> int:
    """Bytes of a file that are safely on the disk; 0 if there is none."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return file.seek(0, os.SEEK_END)


def set_aside_later(folder: Path, progress: Progress) -> None:
    """Renames checkpoints ahead of the position from which a run goes on, so that none of them passes for its newest.

    They are damaged, or of a run that cut its data into other steps.
    """
    for leftover in folder.glob("*.pt.tmp"):
        leftover.unlink()
    here = (progress.epoch, progress.step if progress.epoch_step else 0)
    for path in folder.glob("epoch_*.pt"):
        if _NAME.fullmatch(path.name) and _position(path) > here:
            path.rename(path.with_name(path.name + ".set_aside"))
            log.warning("%s lies ahead of where the run goes on: set aside as %s.set_aside", path, path.name)

"""What a training run is made of, saved and loaded as one list; checkpoint files."""

import errno
import os
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from mixcon3d.config import Config
from mixcon3d.config_loading import config_fields, get_value
from mixcon3d.errors import CheckpointError
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.optim import ExponentialMovingAverage

_FORMAT = "mixcon3d-checkpoint-1"
_STATE_KEYS = {"model", "ema", "optimizer", "progress", "torch_rng"}
# What the first checkpoints, written at the end of epochs only, did not hold yet.
_YOUNGER_KEYS = {"layout": None, "origin": {"run_folder": "", "metrics_bytes": 0}}
_YOUNGER_STATE_KEYS = {"scaler": None, "wandb_id": None}


@dataclass
class Progress:
    """How far a run is.

    epoch: finished ones; epoch_step: finished optimizer steps of the epoch that is not finished, which is the position
    in its data; step: of all epochs, skipped ones included. bad_objects: 'name: reason' of objects that could not be
    read.
    """

    epoch: int = 0
    epoch_step: int = 0
    step: int = 0
    skipped_steps: int = 0
    skipped_in_a_row: int = 0
    bad_objects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """How a run cuts its data into steps; a position in an epoch means something only together with it."""

    world_size: int
    train_batch_size: int
    accum_freq: int
    num_objects: int
    steps_per_epoch: int

    @property
    def seeds_per_step(self) -> int:
        """Objects of the epoch's order that an optimizer step uses up."""
        return self.world_size * self.train_batch_size * self.accum_freq


@dataclass
class TrainState:
    """Everything that training changes.

    `ema` is None without moving average; `optimizer` and `scaler` (of fp16 gradients) are None for evaluation only;
    `wandb_id`, of the curve in Weights & Biases that a resumed run continues, is None while nothing is sent there.
    """

    model: TriModalModel
    ema: ExponentialMovingAverage | None
    optimizer: torch.optim.Optimizer | None
    scaler: torch.amp.GradScaler | None = None
    progress: Progress = field(default_factory=Progress)
    wandb_id: str | None = None

    def models(self) -> dict[str, TriModalModel]:
        """The models to evaluate, by the name of their weights."""
        return {"ema": self.ema.model, "raw": self.model} if self.ema else {"raw": self.model}

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors only, so that it loads with weights_only."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.model.state_dict() if self.ema else None,
            "optimizer": self.optimizer.state_dict() if self.optimizer else None,
            "scaler": self.scaler.state_dict() if self.scaler else None,
            "progress": asdict(self.progress),
            "wandb_id": self.wandb_id,
            "torch_rng": torch.get_rng_state(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Sets everything this state has from what `state_dict` gave.

        Raises:
            CheckpointError: if they do not fit.
        """
        try:
            self.model.load_state_dict(saved["model"])
            if self.ema:
                self.ema.model.load_state_dict(saved["ema"])
            if self.optimizer:
                self._load_optimizer(self.optimizer, saved["optimizer"])
                torch.set_rng_state(saved["torch_rng"])
            if self.scaler and saved["scaler"]:
                self.scaler.load_state_dict(saved["scaler"])
            self.progress = Progress(**saved["progress"])
            self.wandb_id = saved["wandb_id"]
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"the checkpoint does not fit: {' '.join(str(error).split())[:300]}") from None

    @staticmethod
    def _load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
        """Moments and rate from the checkpoint; weight decay, betas and eps as this run has them."""
        settings = [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in optimizer.param_groups]
        optimizer.load_state_dict(saved)
        for group, values in zip(optimizer.param_groups, settings, strict=True):
            group.update(values)


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint comes from: the run's folder and how long its metrics file was, bytes."""

    run_folder: str
    metrics_bytes: int


def config_as_dict(config: Config) -> dict[str, Any]:
    """Flat {dotted key: value}."""
    return {key: get_value(config, key) for key, _ in config_fields()}


def save_checkpoint(path: Path, state: TrainState, config: Config, layout: Layout, origin: Origin) -> None:
    """Writes a checkpoint so that `path` holds either the old file or the whole new one, also after a power cut.

    Raises:
        CheckpointError: if it cannot be written; then an old file is untouched.
    """
    content = {
        "format": _FORMAT,
        "config": config_as_dict(config),
        "layout": asdict(layout),
        "origin": asdict(origin),
        "state": state.state_dict(),
    }
    unfinished = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        reason = " ".join(str(error.__context__ if isinstance(error.__context__, OSError) else error).split())[:200]
        raise CheckpointError(f"{path}: the checkpoint could not be written: {reason}; older ones are intact") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot sync folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint of this project: {"config": ..., "layout": ..., "origin": ..., "state": ...}.

    Raises:
        CheckpointError: for a missing, damaged or foreign file.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        # torch.load does not look at the checksums that torch.save writes.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise CheckpointError(f"{path}: damaged: {damaged} does not match its checksum")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    # A damaged file can raise nearly anything: in zipfile, pickle and torch.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: not a checkpoint that can be read: {reason}") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this project (no format {_FORMAT!r})")
    if not isinstance(content.get("config"), dict) or not set(content.get("state") or {}) >= _STATE_KEYS:
        raise CheckpointError(f"{path}: an incomplete checkpoint: it lacks config or state")
    return {**_YOUNGER_KEYS, **content, "state": {**_YOUNGER_STATE_KEYS, **content["state"]}}

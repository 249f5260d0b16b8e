"""What a training run is made of, saved and loaded as one list; checkpoint files."""

import os
import pickle
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
# Keys that shape the model: a checkpoint fits only where they agree.
_MODEL_KEYS = (
    "clip_embed_dim", "model.name", "model.scaling", "model.in_channel", "training.use_image_proj",
    "training.use_text_proj", "training.share_proj", "training.img_loss_mode", "training.use_MLP",
    "training.pc_img_to_text", "training.image_text_align", "training.share_logit_scale",
)  # fmt: skip
# Keys that shape the optimizer's state, of weight only where training goes on.
_OPTIMIZER_KEYS = ("training.weight_decay_on", "training.train_joint_head", "training.logit_scale_fix")
_STATE_KEYS = {"model", "ema", "optimizer", "progress", "torch_rng", "wandb_id"}


@dataclass
class Progress:
    """How far a run is: finished epochs and optimizer steps."""

    epoch: int = 0
    step: int = 0


@dataclass
class TrainState:
    """Everything that training changes.

    `ema` is None without moving average, `optimizer` for evaluation only, `wandb_id` (of the curve in Weights & Biases
    that a resumed run continues) while nothing is sent there.
    """

    model: TriModalModel
    ema: ExponentialMovingAverage | None
    optimizer: torch.optim.Optimizer | None
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
                self.optimizer.load_state_dict(saved["optimizer"])
                torch.set_rng_state(saved["torch_rng"])
            self.progress = Progress(**saved["progress"])
            self.wandb_id = saved["wandb_id"]
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"the checkpoint does not fit: {' '.join(str(error).split())[:300]}") from None


def config_as_dict(config: Config) -> dict[str, Any]:
    """Flat {dotted key: value}."""
    return {key: get_value(config, key) for key, _ in config_fields()}


def save_checkpoint(path: Path, state: TrainState, config: Config) -> None:
    """Writes a checkpoint so that `path` holds either the old file or the whole new one.

    Raises:
        CheckpointError: if it cannot be written.
    """
    content = {"format": _FORMAT, "config": config_as_dict(config), "state": state.state_dict()}
    unfinished = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: the checkpoint could not be written: {error}") from None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint of this project: {"config": ..., "state": ...}.

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
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: not a checkpoint that can be read: {reason}") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this project (no format {_FORMAT!r})")
    if not isinstance(content.get("config"), dict) or not set(content.get("state") or {}) >= _STATE_KEYS:
        raise CheckpointError(f"{path}: an incomplete checkpoint: it lacks config or state")
    return content


def check_fits(path: Path, content: dict[str, Any], config: Config) -> None:
    """Raises CheckpointError, naming each key with both values, if the checkpoint's model is another one."""
    here = config_as_dict(config)
    there = content["config"]
    keys = _MODEL_KEYS if config.eval_only else _MODEL_KEYS + _OPTIMIZER_KEYS
    different = [f"{key}={there.get(key)!r} (here {here[key]!r})" for key in keys if there.get(key) != here[key]]
    if different:
        raise CheckpointError(f"{path} holds another model: {', '.join(different)}; use its own --config and settings")
    if config.training.ema and content["state"]["ema"] is None:
        raise CheckpointError(f"{path} holds no EMA weights; set training.ema=False")

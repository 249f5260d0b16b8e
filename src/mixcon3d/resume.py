"""Going on from a checkpoint: which one, whether it fits, what differs, where in the data, and its metrics so far."""

import glob
import json
import logging
import os
from pathlib import Path
from typing import Any

from mixcon3d.checkpoints import Checkpoint, list_checkpoints, read_newest
from mixcon3d.config import Config
from mixcon3d.distributed import on_main
from mixcon3d.errors import CheckpointError
from mixcon3d.run_folder import LATEST, RunFolder, autoresume_root
from mixcon3d.state import Layout, Origin, Progress, config_as_dict, read_checkpoint

log = logging.getLogger(__name__)

# Keys that shape the model, or what it computes: a checkpoint fits only where they agree.
_MODEL_KEYS = (
    "clip_embed_dim", "model.name", "model.scaling", "model.in_channel", "training.use_image_proj",
    "training.use_text_proj", "training.share_proj", "training.img_loss_mode", "training.use_MLP",
    "training.pc_img_to_text", "training.image_text_align", "training.share_logit_scale",
    "training.normalize_before_fusion",
)  # fmt: skip
# Keys that shape the optimizer's state, of weight only where training goes on.
_OPTIMIZER_KEYS = ("training.weight_decay_on", "training.train_joint_head", "training.logit_scale_fix")
# Keys whose change says nothing about the training itself; the batch sizes are told by `adapt_position`.
_UNTOLD_KEYS = {
    "trial_name", "exp_dir", "ckpt_dir", "code_dir", "resume", "autoresume", "eval_only", "train", "ngpu",
    "dataset.folder", "dataset.num_workers", "dataset.train_batch_size", "dataset.accum_freq", "training.report",
}  # fmt: skip
# Beginnings of the keys that may change scores.
_EVALUATION_KEYS = (
    "model.", "evaluation.", "objaverse_lvis.", "modelnet40.", "scanobjectnn.", "clip.",
    "dataset.features", "dataset.image_amount", "dataset.inference_image_feat_mode",
)  # fmt: skip


def find_checkpoint(config: Config) -> Checkpoint | None:
    """The checkpoint that `resume` or `autoresume` asks for; None if autoresume finds nothing to go on from.

    If the newest one of a folder is damaged, the one before it, with a warning.

    Raises:
        CheckpointError: if `resume` names nothing that exists, or nothing that can be read.
    """
    if config.autoresume:
        return _find_own(config)
    if config.resume is None:
        return None
    return read_newest(_newest_run(config) if config.resume == "latest" else _named(Path(config.resume)))


def open_checkpoint(config: Config) -> Checkpoint | None:
    """The checkpoint that rank 0 finds by `find_checkpoint`, read on every rank."""
    found: list[Checkpoint] = []

    def find() -> Path | None:
        if checkpoint := find_checkpoint(config):
            found.append(checkpoint)
        return found[0].path if found else None

    path = on_main(find)
    if path is None:
        return None
    return found[0] if found else Checkpoint(path, read_checkpoint(path))


def autoresume_checkpoints(config: Config) -> Path:
    """The folder of checkpoints that `autoresume` continues."""
    return Path(config.ckpt_dir) if config.ckpt_dir else autoresume_root(config) / "ckpt"


def _find_own(config: Config) -> Checkpoint | None:
    folder = autoresume_checkpoints(config)
    paths = list_checkpoints(folder)
    if not paths and any(folder.glob("*.set_aside")):
        raise CheckpointError(f"{folder} holds only checkpoints that were set aside; rename one to go on from it")
    if not paths and config.eval_only:
        raise CheckpointError(f"--autoresume --eval_only: {folder} holds no checkpoint yet")
    if not paths:
        return None
    checkpoint = read_newest(paths)
    run = Path(checkpoint.content["origin"]["run_folder"]).name
    if run and run != autoresume_root(config).name:
        raise CheckpointError(f"{folder} holds checkpoints of another run, {run}; choose another --ckpt_dir")
    return checkpoint


def _newest_run(config: Config) -> list[Path]:
    pattern = f"{glob.escape(config.trial_name)}@*/ckpt"
    runs = [found for folder in Path(config.exp_dir).glob(pattern) if (found := list_checkpoints(folder))]
    if not runs:
        raise CheckpointError(f"--resume latest: no checkpoint in {config.exp_dir}/{config.trial_name}@*/ckpt")
    return max(runs, key=lambda paths: max(path.stat().st_mtime for path in paths))


def _named(path: Path) -> list[Path]:
    """All checkpoints of a folder, or of the folder of a `latest.pt`; else the one file that is named."""
    folder = path.parent if path.name == LATEST else path
    if folder.is_dir():
        found = list_checkpoints(folder) or list_checkpoints(folder / "ckpt")
        if found:
            return found
    if not path.is_file():
        raise CheckpointError(f"--resume {path}: no such checkpoint")
    return [path]


def check_fits(checkpoint: Checkpoint, config: Config) -> None:
    """Raises CheckpointError, naming each key with both values, if the checkpoint's model is another one."""
    path, content = checkpoint.path, checkpoint.content
    here, there = config_as_dict(config), _settings_of(content)
    keys = _MODEL_KEYS if config.eval_only else _MODEL_KEYS + _OPTIMIZER_KEYS
    different = [f"{key}={there.get(key)!r} (here {here[key]!r})" for key in keys if there.get(key) != here[key]]
    if different:
        raise CheckpointError(f"{path} holds another model: {', '.join(different)}; use its own --config and settings")
    if config.training.ema and content["state"]["ema"] is None:
        raise CheckpointError(f"{path} holds no EMA weights; set training.ema=False")


def _settings_of(content: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint's settings; keys that are younger than it have their defaults."""
    return {**config_as_dict(Config()), **content["config"]}


def other_settings(checkpoint: Checkpoint, config: Config) -> list[str]:
    """'key=value (checkpoint: value)' of every setting that differs and may change training, or only the evaluation."""
    here, there = config_as_dict(config), _settings_of(checkpoint.content)
    return [
        f"{key}={value!r} (checkpoint: {there.get(key)!r})"
        for key, value in here.items()
        if there.get(key) != value
        and (key.startswith(_EVALUATION_KEYS) if config.eval_only else key not in _UNTOLD_KEYS)
    ]


def adapt_position(progress: Progress, there: Layout | None, here: Layout, same_order: bool) -> list[str]:
    """Moves the position of a checkpoint into the steps of this run; says what differs and what that implies.

    Args:
        progress: of the checkpoint; epoch_step and step are changed.
        there, here: layouts of the checkpoint's run and of this one; a very old checkpoint does not tell its own.
        same_order: both draw the same objects of an epoch in the same order (seed and split agree).
    """
    if there is None or (there == here and same_order):
        return []
    told = []
    cuts = [f"{c.world_size} processes x {c.train_batch_size} x accum_freq {c.accum_freq}" for c in (there, here)]
    if cuts[0] != cuts[1]:
        told.append(f"the checkpoint was trained with {cuts[0]}, this run has {cuts[1]}")
    if not same_order or there.num_objects != here.num_objects:
        if progress.epoch_step:
            told.append(
                f"another training set or seed ({there.num_objects} objects there, {here.num_objects} here): the "
                "unfinished epoch begins again"
            )
        progress.epoch_step = 0
    elif there.seeds_per_step != here.seeds_per_step:
        seen = progress.epoch_step * there.seeds_per_step
        progress.epoch_step = seen // here.seeds_per_step
        again = seen - progress.epoch_step * here.seeds_per_step
        told.append(
            f"a step has {here.seeds_per_step} objects instead of {there.seeds_per_step}, so losses are others and "
            f"curves have a bend; {again} objects of this epoch are seen again"
        )
    elif cuts[0] != cuts[1]:
        told.append(
            "every step has the same objects, but rounding and, on CPU, BatchNorm's statistics (per process) differ: "
            "the run goes on, not to the same bits"
        )
    if progress.epoch_step >= here.steps_per_epoch:
        progress.epoch, progress.epoch_step = progress.epoch + 1, 0
    step = progress.epoch * here.steps_per_epoch + progress.epoch_step
    if step != progress.step:
        told.append(
            f"the step counter goes from {progress.step} to {step} ({here.steps_per_epoch} steps an epoch, "
            f"{there.steps_per_epoch} there), so that epochs and steps agree"
        )
    progress.step = step
    return told


def continue_metrics(checkpoint: Checkpoint | None, folder: RunFolder, step: int) -> None:
    """Makes the run's metrics file that of the checkpoint's run, as long as it was when the checkpoint was written.

    Lines that follow will be written again; those of the run's own folder are kept in metrics_repeated.jsonl.

    Args:
        checkpoint: from which the run goes on; None: from the start.
        folder: of this run.
        step: at which it goes on, which `adapt_position` may have put back.
    """
    origin = Origin(**checkpoint.content["origin"]) if checkpoint else Origin("", 0)
    is_own = folder.metrics.exists()
    source = folder.metrics if is_own else _metrics_of(checkpoint, origin) if checkpoint else None
    if source is None:
        if origin.metrics_bytes:
            log.warning("the metrics of the checkpoint's run were not found: the curves begin here")
        return
    content = source.read_bytes()
    if len(content) < origin.metrics_bytes:
        log.warning("%s is shorter than when the checkpoint was written: its curves have a gap", source)
    kept = content[: origin.metrics_bytes].splitlines(keepends=True)
    # Lines are in the order of their steps.
    while kept and json.loads(kept[-1]).get("train/step", 0) > step:
        kept.pop()
    length = sum(map(len, kept))
    if not is_own:
        folder.metrics.write_bytes(content[:length])
    elif content[length:]:
        with folder.metrics.with_name("metrics_repeated.jsonl").open("ab") as file:
            file.write(content[length:])
        os.truncate(folder.metrics, length)


def _metrics_of(checkpoint: Checkpoint, origin: Origin) -> Path | None:
    """The metrics file of the checkpoint's run, which may have been moved since."""
    beside = checkpoint.path.resolve().parent
    roots = ([beside.parent] if beside.name == "ckpt" else []) + [Path(origin.run_folder)]
    return next((path for root in roots if (path := root / "metrics.jsonl").is_file()), None)

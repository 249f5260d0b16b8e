"""Optimizer groups, learning-rate schedules, temperature clamping and the moving average of the weights."""

import math

import torch
from torch import nn

from mixcon3d.config import TrainingConfig
from mixcon3d.errors import ConfigError
from mixcon3d.models.trimodal import MAX_LOG_SCALE, TriModalModel
from mixcon3d.torchvision_mend import mend_torchvision

_PAPER_LR, _PAPER_BATCH = 1e-3, 256
# Gradients with respect to embeddings are of order 1 in small batches: torch's 2^16 would overflow in the first steps.
_FP16_SCALE = 2.0**12


def peak_learning_rate(config: TrainingConfig, global_batch_size: int) -> float:
    """The configured rate, or the paper's linear rule 1e-3 x batch / 256."""
    return _PAPER_LR * global_batch_size / _PAPER_BATCH if config.lr is None else config.lr


def build_optimizer(model: nn.Module, config: TrainingConfig, peak_lr: float) -> torch.optim.AdamW:
    """AdamW over every parameter that trains; biases, norms, scales and the class token do not decay."""
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim >= 2 or config.weight_decay_on == "everything"]
    ids = {id(p) for p in decayed}
    rest = [p for p in trained if id(p) not in ids]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}]
    if rest:
        groups.append({"params": rest, "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=peak_lr, betas=(config.beta1, config.beta2), eps=config.eps)


def build_gradient_scaler(config: TrainingConfig, device: torch.device) -> torch.amp.GradScaler:
    """The scaler of fp16's gradients; one that does nothing for the other precisions."""
    return torch.amp.GradScaler(device.type, init_scale=_FP16_SCALE, enabled=config.precision == "fp16")


class Schedule:
    """Learning rate as a function of the number of finished optimizer steps; it has no state.

    Args:
        config: section `training`.
        peak_lr: rate at the end of the warm-up.
        steps_per_epoch: optimizer steps.
    """

    def __init__(self, config: TrainingConfig, peak_lr: float, steps_per_epoch: int) -> None:
        if config.min_lr > peak_lr:
            raise ConfigError(f"training.min_lr={config.min_lr:g} is above the peak learning rate {peak_lr:g}")
        self.config, self.peak_lr = config, peak_lr
        self.total_steps = config.max_epoch * steps_per_epoch
        self.warmup_steps = round(config.warmup_epoch * steps_per_epoch)

    def __call__(self, step: int) -> float:
        """Rate of optimizer step `step`, counted from 0."""
        if not self.config.use_openclip_optimizer_scheduler:
            return self.peak_lr * self.config.lr_decay_rate ** (step // self.config.lr_decay_step)
        if self.config.schedule_before_step:
            return self._warmup_cosine(step)
        return self.peak_lr if step == 0 else self._warmup_cosine(step - 1)

    def _warmup_cosine(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.peak_lr * (step + 1) / self.warmup_steps
        progress = min(1.0, (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps))
        return self.config.min_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (self.peak_lr - self.config.min_lr)


# training.clamp_scales -> the log-scales that are clamped after every step.
_CLAMPED = {"all": ("image", "text", "img_text", "pc_img_to_text"), "point": ("image", "text")}


@torch.no_grad()
def clamp_log_scales(model: TriModalModel, config: TrainingConfig) -> None:
    """Keeps the temperatures in [0.01, 1]: log-scales in [0, ln 100]."""
    names = {f"{name}_logit_scale" for name in _CLAMPED[config.clamp_scales]}
    for name, log_scale in model.log_scales().items():
        if name in names:
            log_scale.clamp_(0, MAX_LOG_SCALE)


class ExponentialMovingAverage:
    """Moving average of every float parameter and buffer; integer buffers are copied. timm's ModelEmaV3.

    The decay at step t (from 0) is min(ema_decay, 1 - (1 + t)^(-2/3)) with `ema_warmup`, else ema_decay.
    """

    def __init__(self, model: TriModalModel, config: TrainingConfig) -> None:
        mend_torchvision()
        from timm.utils import ModelEmaV3

        self._average = ModelEmaV3(model, decay=config.ema_decay, use_warmup=config.ema_warmup)
        self._warmup = config.ema_warmup

    @property
    def model(self) -> TriModalModel:
        """The averaged model, in evaluation mode."""
        return self._average.module

    def update(self, model: TriModalModel, step: int) -> None:
        """Averages the weights in after optimizer step `step`, counted from 0."""
        # timm takes one off the step it is given, and leaves the warm-up out without one.
        self._average.update(model, step=step + 1 if self._warmup else None)

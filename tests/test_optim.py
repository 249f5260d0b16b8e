import pytest

from helpers import small_config
from mixcon3d.config import TrainingConfig
from mixcon3d.errors import ConfigError
from mixcon3d.optim import Schedule


def training(**changes) -> TrainingConfig:
    return small_config(**{f"training__{key}": value for key, value in changes.items()}).training


def test_step_decay_is_the_alternative_schedule():
    config = training(use_openclip_optimizer_scheduler=False, lr_decay_step=10, lr_decay_rate=0.5)
    schedule = Schedule(config, 1.0, steps_per_epoch=5)
    assert [schedule(s) for s in (0, 9, 10, 19, 20)] == [1, 1, 0.5, 0.5, 0.25]


def test_a_warmup_longer_than_the_run_is_allowed():
    schedule = Schedule(training(warmup_epoch=10, max_epoch=1), 1.0, steps_per_epoch=2)
    assert [schedule(0), schedule(1)] == [0.05, 0.1]


def test_a_final_rate_above_the_peak_is_refused():
    with pytest.raises(ConfigError, match=r"training.min_lr=0.5 is above the peak learning rate 0.1"):
        Schedule(training(min_lr=0.5), 0.1, 10)

import math

import numpy as np
import pytest
import torch
from torch import nn

from golden import formulas
from helpers import fill, golden_arrays, small_config
from mixcon3d.config import TrainingConfig
from mixcon3d.errors import ConfigError
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.optim import (
    ExponentialMovingAverage,
    Schedule,
    build_optimizer,
    clamp_log_scales,
    peak_learning_rate,
)


def training(**changes) -> TrainingConfig:
    return small_config(**{f"training__{key}": value for key, value in changes.items()}).training


def model(**changes) -> TriModalModel:
    config = small_config(**{f"training__{key}": value for key, value in changes.items()})
    return TriModalModel(config.model, config.training, config.clip_embed_dim)


def test_warmup_and_cosine_equal_the_reference_up_to_its_last_step_and_stay_there():
    golden = golden_arrays("e_cosine_lr")["lr"]
    schedule = Schedule(training(lr=0.006, min_lr=0.003, warmup_epoch=10, max_epoch=100), 0.006, steps_per_epoch=10)
    np.testing.assert_allclose([schedule(s) for s in range(1001)], golden[:1001], rtol=1e-12)
    assert schedule(1100) == schedule(1000) == 0.003


def test_the_released_order_runs_step_0_at_the_peak_and_lags_by_one():
    config = training(lr=0.006, min_lr=0.003, warmup_epoch=10, max_epoch=100, schedule_before_step=False)
    golden = golden_arrays("e_cosine_lr")["lr"]
    schedule = Schedule(config, 0.006, steps_per_epoch=10)
    np.testing.assert_allclose([schedule(s) for s in range(1001)], [0.006, *golden[:1000]], rtol=1e-12)


def test_step_decay_is_the_alternative_schedule():
    config = training(use_openclip_optimizer_scheduler=False, lr_decay_step=10, lr_decay_rate=0.5)
    schedule = Schedule(config, 1.0, steps_per_epoch=5)
    assert [schedule(s) for s in (0, 9, 10, 19, 20)] == [1, 1, 0.5, 0.5, 0.25]


def test_a_warmup_longer_than_the_run_is_allowed():
    schedule = Schedule(training(warmup_epoch=10, max_epoch=1), 1.0, steps_per_epoch=2)
    assert [schedule(0), schedule(1)] == [0.05, 0.1]


def test_the_linear_rule_gives_8e_3_at_the_papers_batch_and_an_explicit_rate_is_absolute():
    assert peak_learning_rate(training(), 2048) == pytest.approx(8e-3)
    assert peak_learning_rate(training(lr=0.5), 2048) == 0.5


def test_a_final_rate_above_the_peak_is_refused():
    with pytest.raises(ConfigError, match=r"training.min_lr=0.5 is above the peak learning rate 0.1"):
        Schedule(training(min_lr=0.5), 0.1, 10)


def groups(module: TriModalModel, config: TrainingConfig) -> tuple[set[str], set[str]]:
    names = {id(p): name for name, p in module.named_parameters()}
    optimizer = build_optimizer(module, config, 1.0)
    decayed = {names[id(p)] for g in optimizer.param_groups if g["weight_decay"] > 0 for p in g["params"]}
    rest = {names[id(p)] for g in optimizer.param_groups if g["weight_decay"] == 0 for p in g["params"]}
    return decayed, rest


def test_only_matrices_decay():
    module = model()
    decayed, rest = groups(module, training())
    assert decayed | rest == {name for name, _ in module.named_parameters()}
    assert {name.rsplit(".", 1)[-1] for name in decayed} == {"weight"}
    assert not any("norm" in name or "bns" in name or "lift.2" in name for name in decayed)
    assert {"point_encoder.ppat.cls_token", "text_logit_scale", "text_proj.bias"} <= rest


def test_released_decay_hits_everything_and_leaves_the_joint_head_out():
    released = {
        "weight_decay_on": "everything",
        "train_joint_head": False,
        "share_proj": True,
        "img_loss_mode": "Avg_proj",
    }
    module = model(**released)
    decayed, rest = groups(module, training(**released))
    assert rest == set()
    frozen = {name for name, _ in module.named_parameters()} - decayed
    assert frozen == {"pc_img_to_text_proj.weight", "pc_img_to_text_proj.bias", "multi_view_proj.weight",
                      "multi_view_proj.bias", "img_text_logit_scale", "pc_img_to_text_logit_scale"}  # fmt: skip


def test_log_scales_are_clamped_as_configured():
    module = model()
    with torch.no_grad():
        for log_scale in module.log_scales().values():
            log_scale.fill_(9.0)
    clamp_log_scales(module, training(clamp_scales="point"))
    assert module.text_logit_scale.item() == module.image_logit_scale.item() == pytest.approx(math.log(100))
    assert module.img_text_logit_scale.item() == module.pc_img_to_text_logit_scale.item() == 9
    clamp_log_scales(module, training())
    assert [s.item() for s in module.log_scales().values()] == pytest.approx([math.log(100)] * 4)
    with torch.no_grad():
        module.text_logit_scale.fill_(-1.0)
    clamp_log_scales(module, training())
    assert module.text_logit_scale.item() == 0


@pytest.mark.parametrize("decay", [0.9995, 0.9])
def test_the_moving_average_equals_the_reference(decay):
    golden = golden_arrays("f_ema")
    module = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7))
    fill(module)
    ema = ExponentialMovingAverage(module, training(ema_decay=decay, ema_warmup=False))
    for t in range(5):
        state = module.state_dict()
        for k, key in enumerate(sorted(state)):
            if state[key].is_floating_point():
                state[key] += torch.from_numpy(
                    (0.1 * formulas.pm1(4000 + 100 * t + k, state[key].shape)).astype(np.float32)
                )
            else:
                state[key].fill_(100 * (t + 1))
        ema.update(module, t)
        for key, value in ema.model.state_dict().items():
            if value.is_floating_point():
                np.testing.assert_allclose(
                    value.numpy(), golden[f"decay{decay}/step{t + 1}/{key}"], rtol=1e-5, atol=1e-7
                )
    # Integer buffers are copied here; the reference's stay behind.
    assert ema.model[1].num_batches_tracked == 500


def test_the_average_warms_up():
    module = nn.Linear(1, 1, bias=False)
    ema = ExponentialMovingAverage(module, training(ema_decay=0.9995))
    expected = 0.0
    for t in range(30):
        with torch.no_grad():
            module.weight.fill_(float(t))
        ema.update(module, t)
        decay = min(0.9995, 1 - (1 + t) ** (-2 / 3))
        expected = decay * expected + (1 - decay) * t
        assert ema.model.weight.item() == pytest.approx(expected, rel=1e-5)

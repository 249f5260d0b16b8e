"""One optimizer step: precision, clipping, and steps that are not finite."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from helpers import random_batch, small_config
from mixcon3d.errors import TrainingError
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.optim import ExponentialMovingAverage, Schedule, build_gradient_scaler, build_optimizer
from mixcon3d.state import TrainState
from mixcon3d.training_step import TrainingStep

DIM = 16
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
]


def build(device: str = "cpu", **settings: Any) -> TrainingStep:
    defaults = {"lr": 1e-3, "warmup_epoch": 0}
    config = small_config(**{f"training__{key}": value for key, value in {**defaults, **settings}.items()})
    torch.manual_seed(0)
    model = TriModalModel(config.model, config.training, DIM).to(device)
    optimizer = build_optimizer(model, config.training, 1e-3)
    scaler = build_gradient_scaler(config.training, torch.device(device))
    state = TrainState(model, ExponentialMovingAverage(model, config.training), optimizer, scaler)
    model.train()
    return TrainingStep(config.training, state, model, Schedule(config.training, 1e-3, steps_per_epoch=10))


def batch(device: str = "cpu", broken: bool = False):
    whole = random_batch([True, True, False, True, True, True], DIM).to(torch.device(device))
    if broken:
        whole.features[1, 0, 0] = float("inf")
    return whole


def snapshot(state: TrainState) -> dict[str, Any]:
    saved = state.state_dict()
    content = {"model": saved["model"], "ema": saved["ema"], "optimizer": saved["optimizer"]["state"]}
    return {key: torch.utils._pytree.tree_map(lambda v: v.clone() if torch.is_tensor(v) else v, value)
            for key, value in content.items()}  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_nearly_like_full_precision(device, precision):
    full, half = build(device), build(device, precision=precision)
    losses = {"full": [], "half": []}
    for _ in range(8):
        for name, step in (("full", full), ("half", half)):
            losses[name].append(step([batch(device)]).terms.total.item())
    assert half.state.progress.skipped_steps == 0
    assert losses["half"] != losses["full"]
    assert losses["half"] == pytest.approx(losses["full"], rel=0.05)
    assert losses["half"][-1] < 0.8 * losses["half"][0]
    assert all(p.dtype == torch.float32 for p in half.state.model.parameters())


def test_the_original_word_for_full_precision_means_the_same():
    results = [build(precision=precision) for precision in ("fp32", "supress")]
    first, second = ([step([batch()]).terms.total.item() for _ in range(2)] for step in results)
    assert first == second


def test_half_precision_groups_the_same_points():
    """Grouping is float32 under autocast: the distances that decide it carry no rounding of half precision."""
    encoder = build().state.model.point_encoder.ppat.sa
    xyz = batch().xyz
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = encoder.group(xyz)
    for ours, expected in zip(halved, encoder.group(xyz), strict=True):
        assert torch.equal(ours, expected)


def test_fp16_scales_gradients_and_unscales_them_before_they_are_clipped():
    scaled, plain = build(precision="fp16"), build()
    assert scaled.state.scaler.get_scale() > 1
    norms = [step([batch()]).grad_norm for step in (scaled, plain)]
    assert norms[0] == pytest.approx(norms[1], rel=0.05)


def test_an_overflow_of_fp16_halves_the_scale_and_leaves_the_step_out():
    step = build(precision="fp16")
    step([batch()])
    before, scale = snapshot(step.state), step.state.scaler.get_scale()
    step([batch(broken=True)])
    assert step.state.scaler.get_scale() == scale / 2
    torch.testing.assert_close(snapshot(step.state), before, rtol=0, atol=0)


def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(caplog):
    step = build()
    for _ in range(2):
        step([batch()])
    before = snapshot(step.state)
    result = step([batch(broken=True)])
    assert not torch.isfinite(torch.tensor(result.grad_norm))
    # Weights, BatchNorm's running statistics, moving average and optimizer.
    torch.testing.assert_close(snapshot(step.state), before, rtol=0, atol=0)
    progress = step.state.progress
    assert (progress.step, progress.skipped_steps, progress.skipped_in_a_row) == (3, 1, 1)
    assert "step 3 left out: loss nan" in caplog.text
    step([batch()])
    assert (progress.step, progress.skipped_steps, progress.skipped_in_a_row) == (4, 1, 0)


def test_accumulated_steps_are_left_out_as_a_whole():
    step = build()
    step([batch(), batch()])
    before = snapshot(step.state)
    step([batch(), batch(broken=True)])
    torch.testing.assert_close(snapshot(step.state), before, rtol=0, atol=0)


def test_too_many_steps_in_a_row_stop_the_run_with_the_names_of_the_objects():
    step = build(max_skipped_steps=2)
    step([batch(broken=True)])
    named = replace(batch(broken=True), names=[f"chair{i}" for i in range(6)])
    with pytest.raises(TrainingError, match=r"2 steps in a row .*step 2, loss nan.*chair0, chair1, .*chair5") as error:
        step([named])
    assert error.value.is_on_all_ranks


def test_clipping_scales_all_gradients_to_the_given_norm_together():
    free, clipped = build(), build(grad_clip_norm=0.1)
    norms = [step([batch()]).grad_norm for step in (free, clipped)]
    assert norms[0] == norms[1] > 0.1
    gradients = [[p.grad for p in step.state.model.parameters() if p.grad is not None] for step in (free, clipped)]
    total = torch.nn.utils.get_total_norm(gradients[1])
    torch.testing.assert_close(total.item(), 0.1, rtol=1e-4, atol=0)
    for ours, expected in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(ours, expected * (0.1 / norms[0]), rtol=1e-4, atol=1e-9)


def test_clipping_leaves_small_gradients_as_they_are():
    free, clipped = build(), build(grad_clip_norm=1e6)
    for step in (free, clipped):
        step([batch()])
    torch.testing.assert_close(snapshot(clipped.state), snapshot(free.state), rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_step_on_the_gpu_equals_that_on_the_cpu():
    cpu, gpu = build("cpu"), build("cuda")
    for _ in range(2):
        results = cpu([batch("cpu"), batch("cpu")]), gpu([batch("cuda"), batch("cuda")])
        assert results[1].terms.total.item() == pytest.approx(results[0].terms.total.item(), rel=1e-3)
        assert results[1].grad_norm == pytest.approx(results[0].grad_norm, rel=1e-2)


def test_fp16_backs_off_too_when_only_the_norm_of_finite_gradients_overflows(monkeypatch):
    step = build(precision="fp16")
    step([batch()])
    scale = step.state.scaler.get_scale()
    monkeypatch.setattr("mixcon3d.training_step.get_total_norm", lambda _: torch.tensor(float("inf")))
    step([batch()])
    assert step.state.scaler.get_scale() == scale / 2
    assert step.state.progress.skipped_steps == 1

"""The two recipes as their YAML files load: the paper's formulas written out, and the reference's golden e and f.

Golden c and d are compared with both presets in test_objective.py and test_accumulation.py.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from golden import formulas
from helpers import CONFIGS, fill, golden_arrays, preset, random_batch
from mixcon3d.cli import main
from mixcon3d.config import Config
from mixcon3d.config_loading import config_fields, get_value, load_config
from mixcon3d.data.pairing import choose_views
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.objective import Objective
from mixcon3d.optim import (
    ExponentialMovingAverage,
    Schedule,
    build_optimizer,
    clamp_log_scales,
    peak_learning_rate,
)
from openshape_files import make_dataset

DIM = 16
ROOT = CONFIGS.parent
DOCS = ROOT / "docs" / "presets.md"
NAMES = ("train", "released")
# What the released code built and never handed to its optimizer.
JOINT_HEAD = {"pc_img_to_text_proj.weight", "pc_img_to_text_proj.bias", "multi_view_proj.weight",
              "multi_view_proj.bias", "img_text_logit_scale", "pc_img_to_text_logit_scale"}  # fmt: skip


def build(config: Config) -> TriModalModel:
    torch.manual_seed(0)
    return TriModalModel(config.model, config.training, DIM)


# --- The loss, written out in numpy ---


def normalized(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def info_nce(left: np.ndarray, right: np.ndarray, scale: float) -> float:
    """Eq. 1: of every row its partner among all columns, and the other way round."""
    logits = scale * normalized(left) @ normalized(right).T
    return np.mean([np.log(np.exp(m).sum(axis=1)) - np.diag(m) for m in (logits, logits.T)])


class WrittenOut:
    """Both losses for given z^P (B, D), stored features of views (B, M, D) and texts (B, D), and weights by name."""

    def __init__(self, point, views, text, has_text, weights) -> None:
        self.point, self.views, self.text, self.weights = point, views, text, weights
        self.has_text = np.array(has_text)

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def scale(self, name: str) -> float:
        return math.exp(self.weights[f"{name}_logit_scale"])

    def terms(self, image: np.ndarray, joint: np.ndarray) -> tuple[float, float]:
        """L(joint,text) and L(point,image) + L(point,text) + L(image,text); an object without text has no text loss."""
        text, rows = self.linear("text_proj", self.text), self.has_text
        others = (
            info_nce(self.point, image, self.scale("image"))
            + info_nce(self.point[rows], text[rows], self.scale("text"))
            + info_nce(image[rows], text[rows], self.scale("img_text"))
        )
        return info_nce(joint[rows], text[rows], self.scale("pc_img_to_text")), others

    def train(self) -> float:
        """Eq. 5; views and points are normalised before they are fused, the mean of the views is not again."""
        image = normalized(self.linear("image_proj", self.views)).mean(axis=1)
        joint = self.linear("pc_img_to_text_proj", np.hstack([normalized(self.point), image]))
        joint_text, others = self.terms(image, joint)
        return joint_text + others / 3

    def released(self) -> float:
        """The plain sum; g^T serves views too, and all is fused as it is."""
        image = self.linear("text_proj", self.views).mean(axis=1)
        joint = self.linear("pc_img_to_text_proj", np.hstack([self.point, image]))
        return sum(self.terms(image, joint))


@pytest.mark.parametrize("has_text", [[True] * 6, [True, False, True, True, False, True]], ids=["all", "some"])
@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_the_formula_of_the_recipe(name, has_text):
    config = preset(name)
    model = build(config).double().eval()
    with torch.no_grad():
        for log_scale, scale in zip(model.log_scales().values(), (5.0, 10.0, 20.0, 40.0), strict=True):
            log_scale.fill_(math.log(scale))
        batch = random_batch(has_text, DIM, torch.float64)
        embeddings = model(batch.xyz, batch.features, batch.image_feat, batch.text_feat)
        loss = Objective(config.training)(embeddings, model.log_scales(), batch.text_mask).total.item()
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    views, text = batch.image_feat.numpy(), batch.text_feat.numpy()
    written_out = WrittenOut(embeddings.point.numpy(), views, text, has_text, weights)
    assert loss == pytest.approx(getattr(written_out, name)(), rel=1e-9)


# --- The optimizer ---


def after_a_step_from_one(config: Config, gradient: float) -> dict[str, float]:
    """Every parameter after one step at rate 1, from all ones and with the same gradient everywhere."""
    model = build(config)
    for parameter in model.parameters():
        parameter.data.fill_(1.0)
        if parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, gradient)
    build_optimizer(model, config.training, peak_lr=1.0).step()
    values = {key: parameter.unique().tolist() for key, parameter in model.named_parameters()}
    assert all(len(value) == 1 for value in values.values())
    return {key: value[0] for key, value in values.items()}


@pytest.mark.parametrize(("name", "never"), [("train", set()), ("released", JOINT_HEAD)])
def test_which_parameters_the_optimizer_changes(name, never):
    # g^MV exists in the modes with a projection only.
    values = after_a_step_from_one(preset(name, img_loss_mode="Avg_proj"), gradient=1.0)
    assert {key for key, value in values.items() if value == 1.0} == never
    assert set(values) >= JOINT_HEAD


def is_matrix(key: str) -> bool:
    return key.endswith(".weight") and not any(part in key for part in ("norm", "bns", "lift.2"))


@pytest.mark.parametrize("name", NAMES)
def test_which_parameters_decay(name):
    values = after_a_step_from_one(preset(name), gradient=0.0)
    decays = {"train": is_matrix, "released": lambda key: key not in JOINT_HEAD}[name]
    assert values == pytest.approx({key: 0.99 if decays(key) else 1.0 for key in values})
    assert {"point_encoder.ppat.cls_token", "text_logit_scale", "text_proj.bias", "text_proj.weight"} <= set(values)


@pytest.mark.parametrize(("name", "clamped"), [("train", {"image", "text", "img_text", "pc_img_to_text"}),
                                               ("released", {"image", "text"})])  # fmt: skip
def test_which_scales_are_clamped(name, clamped):
    config = preset(name)
    model = build(config)
    for start, bound in ((9.0, math.log(100)), (-1.0, 0.0)):
        with torch.no_grad():
            for log_scale in model.log_scales().values():
                log_scale.fill_(start)
        clamp_log_scales(model, config.training)
        values = {key.removesuffix("_logit_scale"): value.item() for key, value in model.log_scales().items()}
        assert values == pytest.approx({key: bound if key in clamped else start for key in values})


# --- The learning rate ---


@pytest.mark.parametrize(("name", "batch", "peak"), [("train", 2048, 8e-3), ("train", 256, 1e-3),
                                                     ("released", 2048, 6e-3), ("released", 256, 6e-3)])  # fmt: skip
def test_the_peak_follows_the_batch_unless_it_is_given(name, batch, peak):
    assert peak_learning_rate(preset(name).training, batch) == pytest.approx(peak)


def test_an_explicit_rate_is_absolute():
    assert peak_learning_rate(preset("train", lr=0.5).training, 2048) == 0.5


# 5 steps an epoch: the warm-up has 50 steps, the run 1000.
RATES = {
    "train": {
        0: 8e-3 / 50, 1: 8e-3 * 2 / 50, 49: 8e-3, 50: 8e-3, 525: 4e-3,
        999: 4e-3 * (1 + math.cos(math.pi * 949 / 950)), 1000: 0, 5000: 0,
    },
    "released": {
        0: 6e-3, 1: 6e-3 / 50, 2: 6e-3 * 2 / 50, 50: 6e-3, 51: 6e-3, 526: 4.5e-3,
        999: 3e-3 + 1.5e-3 * (1 + math.cos(math.pi * 948 / 950)), 1001: 3e-3, 5000: 3e-3,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rates_of_the_whole_run(name):
    config = preset(name).training
    schedule = Schedule(config, peak_learning_rate(config, 2048), steps_per_epoch=5)
    assert {step: schedule(step) for step in RATES[name]} == pytest.approx(RATES[name], rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_rates_equal_the_reference_up_to_its_last_step_and_stay_there(name):
    golden = golden_arrays("e_cosine_lr")["lr"]
    # Golden e: warm-up 100 of 1000 steps, from 6e-3 to 3e-3.
    config = preset(name, max_epoch=100, **({"lr": 6e-3, "min_lr": 3e-3} if name == "train" else {})).training
    schedule = Schedule(config, peak_learning_rate(config, 2048), steps_per_epoch=10)
    expected = {"train": golden[:1001], "released": [6e-3, *golden[:1001]]}[name]
    np.testing.assert_allclose([schedule(step) for step in range(len(expected))], expected, rtol=1e-12)
    assert schedule(1200) == expected[-1] == 3e-3
    assert golden[1200] > 3e-3


# --- The views ---


@pytest.mark.parametrize(("name", "repeats"), [("train", False), ("released", True)])
def test_whether_a_view_is_drawn_twice(name, repeats):
    rng, config = np.random.default_rng(0), preset(name).dataset
    draws = [choose_views(12, config, rng).tolist() for _ in range(200)]
    assert {len(views) for views in draws} == {4}
    assert any(len(set(views)) < 4 for views in draws) == repeats
    assert {view for views in draws for view in views} == set(range(12))


# --- The moving average ---


@pytest.mark.parametrize("decay", [0.9995, 0.9])
def test_the_released_moving_average_equals_the_reference(decay):
    golden = golden_arrays("f_ema")
    module = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7))
    fill(module)
    ema = ExponentialMovingAverage(
        module, preset("released", **({} if decay == 0.9995 else {"ema_decay": decay})).training
    )
    for t in range(5):
        state = module.state_dict()
        for k, key in enumerate(sorted(state)):
            if state[key].is_floating_point():
                change = 0.1 * formulas.pm1(4000 + 100 * t + k, state[key].shape)
                state[key] += torch.from_numpy(change.astype(np.float32))
            else:
                state[key].fill_(100 * (t + 1))
        ema.update(module, t)
        for key, value in ema.model.state_dict().items():
            if value.is_floating_point():
                expected = golden[f"decay{decay}/step{t + 1}/{key}"]
                np.testing.assert_allclose(value.numpy(), expected, rtol=1e-5, atol=1e-7)
    # Integer buffers are copied here; the reference's stay behind.
    assert ema.model[1].num_batches_tracked == 500


# 1 - (1 + t)^(-2/3) until that is more than 0.9995.
DECAYS = {
    "train": {0: 0.0, 7: 3 / 4, 26: 8 / 9, 999: 0.99, 10**6 - 1: 0.9995},
    "released": {0: 0.9995, 7: 0.9995, 10**6: 0.9995},
}


@pytest.mark.parametrize(("name", "step"), [(name, step) for name in NAMES for step in DECAYS[name]])
def test_decay_of_the_moving_average_of_every_parameter(name, step):
    config = preset(name, img_loss_mode="Avg_proj")
    model = build(config)
    ema = ExponentialMovingAverage(model, config.training)
    decay = DECAYS[name][step]
    expected = {}
    for number, (key, parameter) in enumerate(model.named_parameters(), start=2):
        parameter.data.fill_(float(number))
        ema.model.get_parameter(key).data.fill_(1.0)
        expected[key] = decay + (1 - decay) * number
    ema.update(model, step)
    averaged = {key: parameter.flatten()[0].item() for key, parameter in ema.model.named_parameters()}
    assert averaged == pytest.approx(expected, rel=1e-5)


# --- A run of each ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data"))


PEAK = 1e-3 * 4 / 256
RUN_RATES = {
    "train": [*(PEAK * n / 4 for n in (1, 2, 3, 4)), *(PEAK * (1 + math.cos(math.pi * n / 4)) / 2 for n in range(4))],
    "released": [6e-3, *(6e-3 * n / 4 for n in (1, 2, 3, 4)),
                 *(3e-3 + 1.5e-3 * (1 + math.cos(math.pi * n / 4)) for n in range(3))],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_run_follows_its_preset(folder, tmp_path, name):
    sections = ("dataset", "objaverse_lvis", "modelnet40", "scanobjectnn")
    small = [f"{section}.{key}" for section in sections for key in ("num_points=64", "num_workers=0")]
    small += ["model.scaling=0", f"clip_embed_dim={DIM}", "dataset.train_batch_size=4", "training.max_epoch=2"]
    small += ["training.warmup_epoch=1", "training.log_freq=1", "training.save_freq=1", "training.report=False"]
    words = ["--config", str(CONFIGS / f"{name}.yaml"), f"dataset.folder={folder}", "--exp_dir", str(tmp_path)]
    assert main([*words, *small]) == 0
    (run,) = tmp_path.iterdir()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["train/lr"] for line in lines if "train/lr" in line] == pytest.approx(RUN_RATES[name])
    epochs = [torch.load(run / f"ckpt/epoch_000{n}.pt", weights_only=True)["state"]["model"] for n in (1, 2)]
    heads = [key for key in epochs[0] if not key.startswith("point_encoder")]
    still = {key for key in heads if torch.equal(epochs[0][key], epochs[1][key])}
    assert still == {"train": set(), "released": JOINT_HEAD & set(heads)}[name]
    results = json.loads((run / "results.json").read_text())
    assert results["objaverse_lvis"]["ema"]["joint_mv"]["num_objects"] == 7


# --- docs/presets.md ---


def documented_keys() -> dict[str, tuple]:
    """Key -> its values in the first table of docs/presets.md."""
    rows = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \| `([^`]*)` \|", DOCS.read_text(), flags=re.MULTILINE)
    return {key: (yaml.safe_load(paper), yaml.safe_load(released)) for key, paper, released in rows}


def test_the_table_of_the_docs_holds_the_values_of_the_files():
    paper, released = (load_config(CONFIGS / f"{name}.yaml") for name in NAMES)
    values = {key: (get_value(paper, key), get_value(released, key)) for key, _ in config_fields()}
    documented = documented_keys()
    assert documented == {key: values[key] for key in documented}
    assert {key for key, (ours, theirs) in values.items() if ours != theirs} <= set(documented)


def test_every_test_named_in_the_docs_exists():
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCS.read_text()))
    assert len(named) > 20
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in Path(ROOT / path).read_text()]
    assert missing == []

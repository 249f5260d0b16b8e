"""Golden b and c. The case b/n6_d32_mask is left out: it belongs to the inert key training.use_mask."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from golden import formulas
from helpers import fill_heads, golden_arrays, golden_json, preset
from mixcon3d.config import Config
from mixcon3d.models.trimodal import Embeddings, TriModalModel
from mixcon3d.objective import Objective, info_nce

DIM = 32


@pytest.mark.parametrize(("case", "scale"), [("n6_d32", 14.28), ("n1_d32", 14.28), ("n16_d1280_s100", 100.0)])
def test_info_nce_equals_the_reference(case, scale):
    golden = {k.split("/")[1]: v for k, v in golden_arrays("b_contras_loss").items() if k.startswith(case + "/")}
    left, right = (torch.from_numpy(golden[f"feat{i}"]).requires_grad_() for i in (1, 2))
    log_scale = torch.tensor(math.log(scale), requires_grad=True)
    loss, accuracy = info_nce(left, right, log_scale)
    loss.backward()
    np.testing.assert_allclose(loss.item(), golden["loss"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(accuracy.item(), golden["accuracy"], rtol=1e-6)
    np.testing.assert_allclose(left.grad, golden["grad_feat1"], rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(right.grad, golden["grad_feat2"], rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(log_scale.grad, golden["grad_log_scale"], rtol=1e-4, atol=1e-6)


def golden_config(preset_name: str = "train", **training) -> Config:
    """A preset without normalisation before fusion, which the reference does not know."""
    return preset(preset_name, DIM, normalize_before_fusion=False, **training)


def golden_heads(config: Config) -> TriModalModel:
    model = TriModalModel(config.model, config.training, DIM)
    fill_heads(model, DIM)
    return model


def golden_inputs() -> tuple[Tensor, Tensor, Tensor]:
    point, img, text = formulas.pm1(1001, (6, DIM)), formulas.pm1(1002, (6, 4, DIM)), formulas.pm1(1003, (6, DIM))
    return tuple(torch.from_numpy(a).requires_grad_() for a in (point, img, text))


def embed(model: TriModalModel, point: Tensor, img: Tensor, text: Tensor) -> Embeddings:
    image = model.fuse_views(model.project_views(img))
    return Embeddings(point, image, model.project_texts(text), model.fuse_joint(point, image))


# golden case suffix -> (training settings, samples with a text or None for all)
MISSING = [0, 2, 3, 5]
CASES = {
    f"share{share}_{mode}_{suffix}": ({"share_proj": bool(share), "img_loss_mode": mode, **settings}, texts)
    for share in (0, 1)
    for mode, suffix, settings, texts in [
        ("Avg", "alltext", {"loss_avg": False}, None),
        ("Max", "alltext", {"loss_avg": False}, None),
        ("avg_proj", "alltext", {"loss_avg": False}, None),
        ("Max_proj", "alltext", {"loss_avg": False}, None),
        ("Avg", "alltext_lossavg", {"loss_avg": True}, None),
        ("Avg", "missing_2terms", {"loss_avg": False, "image_text_align": False, "pc_img_to_text": False}, MISSING),
        ("Max", "missing_2terms", {"loss_avg": False, "image_text_align": False, "pc_img_to_text": False}, MISSING),
    ]
}


def golden_case(case: str) -> dict[str, np.ndarray]:
    return {k.split("/")[1]: v for k, v in golden_arrays("c_losses").items() if k.startswith(case + "/")}


def check_against(golden: dict[str, np.ndarray], config: Config, texts: list[int] | None) -> None:
    model = golden_heads(config)
    point, img, text = golden_inputs()
    mask = torch.ones(6, dtype=torch.bool) if texts is None else torch.tensor([i in texts for i in range(6)])
    embeddings = embed(model, point, img, text * mask[:, None])
    terms = Objective(config.training)(embeddings, model.log_scales(), mask)
    terms.total.backward()
    np.testing.assert_allclose(terms.total.item(), golden["loss_f64"], rtol=1e-5)
    for ours, theirs in {"text": "text", "img": "img", "img_text": "img_text", "pc_img_to_text": "pc_img"}.items():
        if f"loss_{theirs}" in golden and ours in terms.losses:
            np.testing.assert_allclose(terms.losses[ours].item(), golden[f"loss_{theirs}"], rtol=1e-5)
            np.testing.assert_allclose(terms.accuracies[ours].item(), golden[f"acc_{theirs}"], rtol=1e-5)
    leaves = {"point": point, "img": img, "text": text, **dict(model.named_parameters())}
    compared = 0
    for key, value in golden.items():
        if key.startswith("grad_") and not key.endswith("_f64") and leaves[key[5:]].requires_grad:
            gradient = leaves[key[5:]].grad.numpy()
            if key == "grad_text" and texts is not None and len(value) == len(texts):
                gradient = gradient[texts]
            np.testing.assert_allclose(gradient, value, rtol=1e-4, atol=1e-5 * np.abs(value).max(), err_msg=key)
            compared += 1
    assert compared >= 4


@pytest.mark.parametrize("case", CASES)
def test_losses_and_gradients_equal_the_reference(case):
    golden = golden_case(case)
    if not golden:
        pytest.fail(f"the golden file has no case {case}")
    settings, texts = CASES[case]
    check_against(golden, golden_config(**settings), texts)


def derived_cases() -> list[str]:
    return sorted({k.split("/")[0] for k in golden_arrays("c_losses") if k.startswith("DERIVED")})


@pytest.mark.parametrize("case", derived_cases())
def test_missing_texts_with_four_terms_leave_the_text_losses(case):
    _, share, mode = case.split("_")[:3]
    settings = {"share_proj": share == "share1", "img_loss_mode": mode, "loss_avg": case.endswith("lossavg")}
    check_against(golden_case(case), golden_config(**settings), MISSING)


@pytest.mark.parametrize(
    ("name", "case", "texts"),
    [
        ("train", "share0_Avg_alltext_lossavg", None),
        ("released", "share1_Avg_alltext", None),
        ("released", "DERIVED_share1_Avg_missing_4terms", MISSING),
    ],
)
def test_the_presets_have_the_losses_of_the_reference(name, case, texts):
    check_against(golden_case(case), golden_config(name), texts)


def test_every_case_the_reference_could_run_is_compared():
    ran = {
        case
        for case, result in golden_json("c_losses").items()
        if "error" not in result and not case.startswith("DERIVED")
    }
    assert ran == {case for case in CASES if golden_case(case)}
    assert derived_cases()


@pytest.mark.parametrize("name", ["Avg_proj", "avg_proj"])
def test_both_spellings_of_the_average_with_projection_are_one_mode(name):
    assert golden_heads(golden_config(img_loss_mode=name)).multi_view_proj is not None


def test_a_batch_without_any_text_has_zero_text_losses_and_finite_gradients():
    model = golden_heads(golden_config())
    point, img, _ = golden_inputs()
    text = torch.zeros(6, DIM)
    terms = Objective(golden_config().training)(
        embed(model, point, img, text), model.log_scales(), torch.zeros(6, dtype=torch.bool)
    )
    terms.total.backward()
    assert {name: loss.item() for name, loss in terms.losses.items() if "text" in name} == {
        "text": 0, "img_text": 0, "pc_img_to_text": 0
    }  # fmt: skip
    assert terms.losses["img"] > 0
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert model.text_proj.weight.grad.abs().max() == 0

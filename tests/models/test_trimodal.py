from pathlib import Path

import pytest
import torch

from helpers import random_batch, small_config
from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.config import Config
from mixcon3d.config_loading import load_config
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.objective import Objective

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
DIM = 16


def build(config: Config) -> TriModalModel:
    torch.manual_seed(0)
    return TriModalModel(config.model, config.training, DIM)


SETTINGS = [
    *({"yaml": name} for name in ("train", "released", "demo", "real_objects")),
    *({"training.img_loss_mode": mode} for mode in ("Max", "Avg_proj", "Max_proj")),
    {"training.use_MLP": True},
    {"training.pc_img_to_text": False, "training.image_text_align": False},
    {"training.use_image_proj": False, "training.use_text_proj": False},
    {"training.logit_scale_fix": True},
    {"training.share_logit_scale": True},
    {"yaml": "released", "training.img_loss_mode": "Avg_proj", "training.use_MLP": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_parameter_that_trains_gets_a_gradient(settings):
    overrides = {"model.scaling": 0, "clip_embed_dim": DIM, **settings}
    yaml_path = CONFIGS / f"{overrides.pop('yaml')}.yaml" if "yaml" in overrides else None
    config = load_config(yaml_path, overrides.items())
    model = build(config)
    accumulate_gradients(model, model.log_scales(), Objective(config.training), [random_batch([True] * 6, DIM)])
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
        # Biases before a BatchNorm have no influence.
        if parameter.requires_grad and not ("mlp_convs" in name and name.endswith("bias")):
            assert parameter.grad.abs().max() > 0, name
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith("point_encoder") for name in trained)


def test_heads_that_are_not_used_are_not_built():
    names = {n.split(".")[0] for n, _ in build(small_config()).named_parameters()}
    assert names == {"point_encoder", "text_proj", "image_proj", "pc_img_to_text_proj", "image_logit_scale",
                     "text_logit_scale", "img_text_logit_scale", "pc_img_to_text_logit_scale"}  # fmt: skip
    bare = {"share_proj": True, "pc_img_to_text": False, "image_text_align": False, "img_loss_mode": "Max_proj"}
    names = {
        n.split(".")[0]
        for n, _ in build(small_config(**{f"training__{k}": v for k, v in bare.items()})).named_parameters()
    }
    assert names == {"point_encoder", "text_proj", "multi_view_proj", "image_logit_scale", "text_logit_scale"}


def test_the_shared_projection_serves_images_too():
    model = build(small_config(training__share_proj=True, training__normalize_before_fusion=False))
    views = torch.randn(2, 3, DIM)
    torch.testing.assert_close(model.project_views(views), model.text_proj(views))


def test_without_projections_features_pass_as_they_are():
    model = build(small_config(training__use_image_proj=False, training__use_text_proj=False,
                               training__normalize_before_fusion=False))  # fmt: skip
    views = torch.randn(2, 3, DIM)
    assert torch.equal(model.project_views(views), views)
    assert torch.equal(model.project_texts(views), views)


def test_the_joint_head_takes_the_point_first():
    model = build(small_config(training__normalize_before_fusion=False))
    point, image = torch.randn(2, DIM), torch.randn(2, DIM)
    weight, bias = model.pc_img_to_text_proj.weight, model.pc_img_to_text_proj.bias
    expected = point @ weight[:, :DIM].T + image @ weight[:, DIM:].T + bias
    torch.testing.assert_close(model.fuse_joint(point, image), expected)


def test_temperatures_start_as_configured():
    scales = build(small_config(training__logit_scale_init=20.0)).log_scales()
    assert len(scales) == 4
    assert [s.exp().item() for s in scales.values()] == pytest.approx([20.0] * 4)


def test_forward_leaves_the_module_as_it_is_in_evaluation():
    model = build(small_config()).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    batch = random_batch([True] * 6, DIM)
    with torch.no_grad():
        model(batch.xyz, batch.features, batch.image_feat, batch.text_feat)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_a_shared_temperature_is_one_parameter_with_the_gradients_of_all():
    def scale_gradients(share: bool) -> dict[str, torch.Tensor]:
        config = small_config(training__share_logit_scale=share)
        model = build(config)
        accumulate_gradients(model, model.log_scales(), Objective(config.training), [random_batch([True] * 6, DIM)])
        return {name: p.grad for name, p in model.named_parameters() if name.endswith("_logit_scale")}

    separate, shared = scale_gradients(False), scale_gradients(True)
    assert len(separate) == 4
    assert len(shared) == 1
    torch.testing.assert_close(*shared.values(), sum(separate.values()))

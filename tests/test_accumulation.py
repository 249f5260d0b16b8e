"""Golden d: BatchNorm in evaluation mode, four terms, no shared projection, averaged views."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden import formulas
from helpers import fill_heads, golden_arrays, golden_json, make_batch, preset
from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.data.batch import Batch
from mixcon3d.models.pointbert import PointBERT, PointBERTShape
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.objective import Objective

DIM = 32
# What golden d asks of the presets: the released sum and fusion, all heads trained.
CONFIGS = {
    "train": preset("train", DIM, loss_avg=False, normalize_before_fusion=False),
    "released": preset("released", DIM, share_proj=False, train_joint_head=True),
}


def golden_model(name: str = "train") -> TriModalModel:
    model = TriModalModel(CONFIGS[name].model, CONFIGS[name].training, DIM)
    model.point_encoder = PointBERT(PointBERTShape(32, 2, 2, 64, 24, 16, 0.4, 16, head_dim=16), 6, DIM)
    shapes = {key: tuple(shape) for key, shape in golden_json("d_accumulation_keys")["keys"]}
    assert {k: tuple(v.shape) for k, v in model.point_encoder.state_dict().items()} == shapes
    encoder = {k: torch.from_numpy(np.asarray(v)) for k, v in formulas.fill_all(shapes).items()}
    model.point_encoder.load_state_dict(encoder)
    fill_heads(model, DIM)
    return model


def golden_batches(sizes: list[int]) -> list[Batch]:
    golden = {k: torch.from_numpy(v) for k, v in golden_arrays("d_accumulation").items() if "/" not in k}
    rows = torch.arange(8).split(sizes)
    columns = [golden[name] for name in ("xyz", "features", "img", "text")]
    return [make_batch(*(column[r] for column in columns), [True] * len(r)) for r in rows]


def gradients(model, batches, name="train"):
    model.zero_grad()
    terms = accumulate_gradients(model, model.log_scales(), Objective(CONFIGS[name].training), batches)
    return terms, {key: p.grad.clone() for key, p in model.named_parameters()}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("accum_freq", [1, 2, 4])
def test_loss_and_gradients_equal_the_reference(accum_freq, name):
    golden = {
        k.split("/")[1]: v for k, v in golden_arrays("d_accumulation").items() if k.startswith(f"accum{accum_freq}/")
    }
    terms, ours = gradients(golden_model(name).eval(), golden_batches([8 // accum_freq] * accum_freq), name)
    np.testing.assert_allclose(terms.total.item(), golden["loss"], rtol=1e-5)
    names = {name.replace("point_encoder.", "model."): gradient for name, gradient in ours.items()}
    compared = 0
    for key, value in golden.items():
        if key.startswith("grad_") and not key.endswith("_f64"):
            # The reference multiplies the gradients of the scales by accum_freq; here they are the whole batch's.
            expected = value / accum_freq if key.endswith("logit_scale") else value
            np.testing.assert_allclose(
                names[key[5:]].numpy(), expected, rtol=1e-4, atol=1e-5 * np.abs(value).max() + 1e-9, err_msg=key
            )
            compared += 1
    assert compared == len(names)


def test_missing_texts_spread_unevenly_change_nothing_either():
    mask = torch.tensor([True, True, False, True, False, False, True, True])

    def masked(sizes):
        parts = mask.split(sizes)
        return [
            replace(b, text_mask=m, text_feat=b.text_feat * m[:, None])
            for b, m in zip(golden_batches(sizes), parts, strict=True)
        ]

    whole = gradients(golden_model().eval(), masked([8]))
    parts = gradients(golden_model().eval(), masked([2, 2, 2, 2]))
    torch.testing.assert_close(parts[0].total, whole[0].total)
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-4, atol=1e-6)


class Recorder(torch.nn.Module):
    """Noise on the features and a record of what the encoder was given: the first pass must look like the second."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder, self.seen = encoder, []

    def forward(self, xyz, features, fps_start=None):
        noisy = torch.nn.functional.dropout(features, 0.5)
        self.seen.append((noisy, fps_start))
        return self.encoder(xyz, noisy, fps_start)


def test_the_second_pass_makes_the_same_random_choices_as_the_first():
    model = golden_model().train()
    model.point_encoder = Recorder(model.point_encoder)
    batches = [replace(b, fps_start=torch.arange(4) + i) for i, b in enumerate(golden_batches([4, 4]))]
    torch.manual_seed(1)
    gradients(model, batches)
    after = torch.get_rng_state()
    first, second = model.point_encoder.seen[:2], model.point_encoder.seen[2:]
    assert not torch.equal(first[0][0], first[1][0])
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    # And the generator has moved by one pass only.
    torch.manual_seed(1)
    with torch.no_grad():
        for batch in batches:
            model.point_encoder(batch.xyz, batch.features)
    assert torch.equal(torch.get_rng_state(), after)


def test_running_statistics_are_updated_once_per_sample():
    batches = golden_batches([4, 4])
    model, expected = golden_model().train(), golden_model().train()
    gradients(model, batches)
    with torch.no_grad():
        for batch in batches:
            expected.point_encoder(batch.xyz, batch.features)
    for key, value in expected.state_dict().items():
        if "running" in key or "num_batches" in key:
            torch.testing.assert_close(model.state_dict()[key], value, msg=key)

import numpy as np
import pytest
import torch

from golden import formulas
from helpers import fill, golden_arrays, golden_json
from mixcon3d.models.pointbert import SCALINGS, PointBERT, PointBERTShape


def golden_clouds():
    xyz, rgb = (torch.from_numpy(a) for a in formulas.clouds())
    return xyz, torch.cat([xyz, rgb], dim=-1)


@pytest.fixture(params=[1, 3])
def filled(request):
    model = PointBERT(SCALINGS[request.param], in_channels=6, out_channels=1280)
    fill(model)
    return model.eval(), golden_arrays(f"a_pointbert_s{request.param}")


def test_grouping_indices_equal_the_reference(filled):
    model, golden = filled
    xyz, _ = golden_clouds()
    centres, neighbours = model.ppat.sa.group(xyz)
    np.testing.assert_array_equal(centres.numpy(), golden["fps_idx"])
    np.testing.assert_array_equal(neighbours.numpy(), golden["ball_idx"])


def test_embeddings_equal_the_reference(filled):
    model, golden = filled
    with torch.no_grad():
        embedding = model(*golden_clouds())
    np.testing.assert_allclose(embedding.numpy(), golden["embedding"], rtol=0, atol=1e-4)


def test_training_step_equals_the_reference():
    model = PointBERT(SCALINGS[1], in_channels=6, out_channels=1280)
    fill(model)
    golden, names = golden_arrays("a_pointbert_s1_train"), golden_json("a_pointbert_s1_train_names")
    model.train()
    embedding = model(*golden_clouds())
    loss = (embedding * torch.from_numpy(golden["weight_of_loss"])).sum() / 1280
    loss.backward()
    np.testing.assert_allclose(embedding.detach().numpy(), golden["embedding"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(loss.item(), golden["loss_f64"], rtol=1e-4)
    parameters = dict(model.named_parameters())
    # The biases before a BatchNorm have no gradient but rounding; all others agree relatively.
    for name, norm, first4 in zip(names, golden["grad_norm_f64"], golden["grad_first4_f64"], strict=True):
        gradient = parameters[name].grad
        before_norm = "mlp_convs" in name and name.endswith("bias")
        tolerance = 1e-5 if before_norm else 2e-3 * norm
        assert abs(gradient.norm().item() - norm) <= tolerance, name
        np.testing.assert_allclose(gradient.flatten()[:4].numpy(), first4, rtol=0, atol=tolerance, err_msg=name)
    # Only the `_f64` buffers are those after the step: the float32 ones of the file still hold the fill.
    buffers = {k[4:-4]: v for k, v in golden.items() if k.startswith("buf/") and k.endswith("_f64")}
    assert len(buffers) == 9
    for key, value in buffers.items():
        np.testing.assert_allclose(model.state_dict()[key].numpy(), value, rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("scaling", [1, 2, 3, 4])
def test_state_dict_has_the_published_names_and_shapes(scaling):
    golden = golden_json(f"a_pointbert_s{scaling}_keys")
    with torch.device("meta"):
        model = PointBERT(SCALINGS[scaling], in_channels=6, out_channels=1280)
    ours = {key: (list(v.shape), str(v.dtype)) for key, v in model.state_dict().items()}
    assert ours == {k["key"]: (k["shape"], f"torch.{k['dtype']}") for k in golden["keys"]}
    assert sum(p.numel() for p in model.parameters()) == golden["n_parameters"]


@pytest.mark.parametrize(("scaling", "count"), [(5, 72_070_336), (6, 171_262_144)])
def test_large_scalings_have_the_published_size(scaling, count):
    with torch.device("meta"):
        model = PointBERT(SCALINGS[scaling], in_channels=6, out_channels=1280)
    assert sum(p.numel() for p in model.parameters()) == count


def test_the_start_of_the_sampling_changes_the_embedding_and_index_0_is_the_default():
    torch.manual_seed(0)
    model = PointBERT(SCALINGS[0], in_channels=6, out_channels=16).eval()
    xyz = torch.rand(2, 200, 3)
    features = torch.rand(2, 200, 6)
    with torch.no_grad():
        default = model(xyz, features)
        assert torch.equal(default, model(xyz, features, torch.tensor([0, 0])))
        assert not torch.allclose(default, model(xyz, features, torch.tensor([5, 7])))


def test_fewer_points_than_patches_and_neighbours_are_enough():
    model = PointBERT(PointBERTShape(64, 1, 1, 64, 32, num_patches=16, radius=0.5, num_neighbours=32), 6, 16).eval()
    with torch.no_grad():
        assert torch.isfinite(model(torch.rand(2, 5, 3), torch.rand(2, 5, 6))).all()

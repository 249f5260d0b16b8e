import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import make_batch, small_config
from mixcon3d.config import ClipConfig
from mixcon3d.data.batch import Batch, RawInputs
from mixcon3d.errors import ConfigError, DataError
from mixcon3d.models.clip import FrozenTower, read_prompt_templates

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


def clip_config(**changes) -> ClipConfig:
    settings = {"model": str(ROOT / "configs" / "demo_tower.json"), "pretrained": None, **changes}
    return small_config(**{f"clip__{key}": value for key, value in settings.items()}).clip


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def tower() -> FrozenTower:
    return FrozenTower(clip_config(), CPU)


def test_the_tower_is_frozen_and_the_same_for_the_same_seed(tower):
    global_state = torch.get_rng_state()
    same, other = FrozenTower(clip_config(), CPU), FrozenTower(clip_config(seed=1), CPU)
    assert torch.equal(torch.get_rng_state(), global_state)
    assert torch.equal(tower.encode_texts(["a chair"]), same.encode_texts(["a chair"]))
    assert not torch.allclose(tower.encode_texts(["a chair"]), other.encode_texts(["a chair"]))
    assert not any(p.requires_grad for p in tower.model.parameters())
    assert not tower.model.training


def test_it_tells_texts_and_images_apart(tower):
    texts, images = tower.encode_texts(["a chair", "a lamp"]), tower.encode_images([png(0), png(1)])
    assert texts.shape == images.shape == (2, tower.embed_dim) == (2, 128)
    assert not torch.allclose(texts[0], texts[1], atol=1e-2)
    assert not torch.allclose(images[0], images[1], atol=1e-2)


def test_prompted_features_are_the_mean_over_the_templates(tower):
    templates = read_prompt_templates()
    assert len(templates) >= 10
    assert all(template.count("{}") == 1 for template in templates)
    expected = tower.encode_texts([template.format("red {lamp}") for template in templates]).mean(dim=0)
    torch.testing.assert_close(tower.encode_prompted(["red {lamp}"])[0], expected)


def test_each_distinct_input_is_encoded_once_while_it_is_in_the_cache(monkeypatch):
    tower = FrozenTower(clip_config(cache_items=3, batch_size=2), CPU)
    encoded: list[str] = []
    original = tower._encode_texts
    monkeypatch.setattr(tower, "_encode_texts", lambda texts: (encoded.extend(texts), original(texts))[1])
    first = tower.encode_texts(["a", "b", "a", "c"])
    assert encoded == ["a", "b", "c"]
    assert torch.equal(first[0], first[2])
    assert torch.equal(tower.encode_texts(["a", "c", "b"]), first[[0, 3, 1]])
    assert encoded == ["a", "b", "c"]
    tower.encode_texts(["d"])
    # "a" was used least recently, "b" most recently.
    tower.encode_texts(["b"])
    assert encoded == ["a", "b", "c", "d"]
    tower.encode_texts(["a"])
    assert encoded == ["a", "b", "c", "d", "a"]


def raw_batch(raw: list[RawInputs]) -> Batch:
    xyz = torch.zeros(len(raw), 5, 3)
    batch = make_batch(xyz, xyz, torch.empty(0), torch.zeros(len(raw), 1), [bool(r.text) for r in raw])
    batch.raw = raw
    return batch


def mean_cosine(features: torch.Tensor) -> float:
    unit = features / features.norm(dim=1, keepdim=True)
    return (unit @ unit.T).mean().item()


def test_random_features_are_spread_over_the_space(tower, monkeypatch):
    monkeypatch.setattr("mixcon3d.models.clip.spread_features", lambda *_: None)
    plain = FrozenTower(clip_config(), CPU)
    images = [png(i) for i in range(40)]
    assert mean_cosine(plain.encode_images(images)) > 0.9
    assert mean_cosine(tower.encode_images(images)) < mean_cosine(plain.encode_images(images)) - 0.1
    texts = [
        f"a {colour} {thing}" for colour in ("red", "old", "tall") for thing in ("chair", "lamp", "bed", "car", "cup")
    ]
    assert mean_cosine(tower.encode_texts(texts)) < mean_cosine(plain.encode_texts(texts)) - 0.1


def test_a_batch_is_completed_from_its_raw_inputs(tower):
    raw = [
        RawInputs("chair", True, [png(0), png(1)]),
        RawInputs("", False, [png(1), png(2)]),
        RawInputs("lamp", False, [png(3), png(0)]),
    ]
    filled = tower.fill(raw_batch(raw))
    assert filled.image_feat.shape == (3, 2, 128)
    assert torch.equal(filled.image_feat[1], tower.encode_images([png(1), png(2)]))
    assert torch.equal(filled.text_feat[0], tower.encode_prompted(["chair"])[0])
    assert not filled.text_feat[1].any()
    assert torch.equal(filled.text_feat[2], tower.encode_texts(["lamp"])[0])
    assert filled.raw is None
    assert tower.fill(filled) is filled


def test_a_view_that_is_no_image_is_told(tower):
    with pytest.raises(DataError, match="a view is not a readable image"):
        tower.encode_images([b"GIF89a?"])


def test_unknown_models_and_files_are_one_line():
    for model in ("ViT-nothing", "nothing.json", "local-dir:/nothing/here"):
        with pytest.raises(ConfigError, match="clip.model=") as error:
            FrozenTower(clip_config(model=model), CPU)
        assert "\n" not in str(error.value)


def test_description_says_whether_the_weights_are_random(tower):
    assert tower.is_random
    assert "seeded random weights (no pretrained CLIP)" in tower.description


def test_a_local_pretrained_tower_loads_by_its_folder(tower, tmp_path):
    model_config = json.loads((ROOT / "configs" / "demo_tower.json").read_text())
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3}
    (tmp_path / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": model_config, "preprocess_cfg": preprocess})
    )
    torch.save(tower.model.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    loaded = FrozenTower(clip_config(model=f"local-dir:{tmp_path}", seed=5), CPU)
    assert torch.equal(loaded.encode_texts(["a chair"]), tower.encode_texts(["a chair"]))
    assert not loaded.is_random


def test_a_feature_has_the_same_bits_whatever_is_encoded_with_it(tower):
    texts = [f"a chair of {i} legs" for i in range(7)]
    together = tower.encode_texts(texts)
    tower._cache.clear()
    alone = torch.cat([tower.encode_texts([text]) for text in reversed(texts)]).flip(0)
    assert torch.equal(alone, together)

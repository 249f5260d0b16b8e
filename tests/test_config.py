import re
from pathlib import Path

import pytest
import yaml

from mixcon3d.config_loading import config_fields, get_value, load_config, read_yaml
from mixcon3d.config_text import render_yaml

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def test_train_yaml_is_the_defaults():
    assert (CONFIGS / "train.yaml").read_text() == render_yaml()
    default, loaded = load_config(None), load_config(CONFIGS / "train.yaml")
    assert default == loaded


def test_every_key_of_train_yaml_has_a_comment_before_it():
    lines = (CONFIGS / "train.yaml").read_text().splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r"\s*\w+:", line)]
    assert all(lines[i - 1].lstrip().startswith("# ") for i in keys)
    assert len(keys) == len(list(config_fields())) + len(
        [k for k in yaml.safe_load("\n".join(lines)).values() if isinstance(k, dict)]
    )
    assert all(declared.metadata["meaning"] for _, declared in config_fields())


@pytest.mark.parametrize("name", ["train", "released", "demo", "real_objects"])
def test_every_preset_loads(name):
    assert load_config(CONFIGS / f"{name}.yaml").model.name == "PointBERT"


def test_src_configs_leads_to_the_same_files():
    assert (CONFIGS.parent / "src" / "configs").resolve() == CONFIGS


def test_the_papers_recipe():
    config = load_config(CONFIGS / "train.yaml")
    values = [get_value(config, key) for key in ("training.warmup_epoch", "training.max_epoch", "training.ema_decay",
              "dataset.image_amount", "dataset.num_points", "model.scaling", "clip_embed_dim")]  # fmt: skip
    assert values == [10, 200, 0.9995, 4, 10000, 3, 1280]


def test_presets_over_train_yaml_name_no_unknown_key():
    known = {key for key, _ in config_fields()}
    for path in CONFIGS.glob("*.yaml"):
        assert {key for key, _ in read_yaml(path)} <= known

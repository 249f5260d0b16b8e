"""Shared by the tests: golden files, their deterministic fill, and small configurations."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from golden import formulas
from mixcon3d.config import Config
from mixcon3d.config_loading import load_config
from mixcon3d.data.batch import Batch

GOLDEN = Path(__file__).parent / "golden"
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def golden_arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return dict(arrays)


def golden_json(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def fill(module: nn.Module) -> None:
    """Sets every parameter and buffer to the deterministic fill of the golden files."""
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    values = formulas.fill_all(shapes)
    module.load_state_dict({key: torch.from_numpy(np.asarray(value)) for key, value in values.items()})


def small_config(**overrides: Any) -> Config:
    """Scaling 0, 16-dimensional features; keys with `__` for the dot."""
    settings = {"model.scaling": 0, "clip_embed_dim": 16, "dataset.num_workers": 0}
    settings |= {key.replace("__", "."): value for key, value in overrides.items()}
    return load_config(None, settings.items())


def preset(name: str, dim: int = 16, **training: Any) -> Config:
    """configs/<name>.yaml at scaling 0 with features of size `dim`, and changes of section `training`."""
    settings = {"model.scaling": 0, "clip_embed_dim": dim}
    return load_config(CONFIGS / f"{name}.yaml", (settings | {f"training.{k}": v for k, v in training.items()}).items())


def fill_heads(model: nn.Module, dim: int) -> None:
    """Sets the heads that the model has to the fill of golden c and d."""
    # The fill depends on a key's place among all keys of the reference, which has every projection.
    shapes = {f"{name}.{kind}": (dim, dim) if kind == "weight" else (dim,) for kind in ("weight", "bias")
              for name in ("image_proj", "multi_view_proj", "text_proj", "pc_img_to_text_proj")}  # fmt: skip
    shapes["pc_img_to_text_proj.weight"] = (dim, 2 * dim)
    own = model.state_dict()
    values = {key: torch.from_numpy(value) for key, value in formulas.fill_all(shapes).items() if key in own}
    model.load_state_dict(values, strict=False)


def make_batch(
    xyz: torch.Tensor, features: torch.Tensor, image_feat: torch.Tensor, text_feat: torch.Tensor, texts: list[bool]
) -> Batch:
    """A batch as the loader gives it: no text features where there is no text, sampling from point 0."""
    mask = torch.tensor(texts)
    names = [str(i) for i in range(len(xyz))]
    start = torch.zeros(len(xyz), dtype=torch.int64)
    return Batch(names, xyz, features, image_feat, text_feat * mask[:, None], mask, start, None, [])


def random_batch(texts: list[bool], dim: int, dtype: torch.dtype = torch.float32) -> Batch:
    """Seeded; 60 points and 4 views an object."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(len(texts), *shape, generator=generator, dtype=dtype)

    xyz = 0.4 * normal(60, 3)
    return make_batch(xyz, torch.cat([xyz, normal(60, 3)], dim=-1), normal(4, dim), normal(dim), texts)

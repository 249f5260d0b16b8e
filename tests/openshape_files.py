"""A small data set in the OpenShape format, as the published one lies on disk."""

import json
from pathlib import Path
from typing import Any

import numpy as np

DIM = 16
CATEGORIES = ("bed", "chair", "lamp")
_PREFIX = "/mnt/data/objaverse-processed/merged_for_training_final/"


def feature(rng: np.random.Generator, dim: int = DIM) -> dict[str, np.ndarray]:
    # Published files hold both layouts.
    return {"original": rng.standard_normal(dim, np.float32), "prompt_avg": rng.standard_normal((1, dim), np.float32)}


def make_object(seed: int = 0, num_points: int = 150, dim: int = DIM, **changes: Any) -> dict[str, Any]:
    """The content of one object file; a change to None removes the key."""
    rng = np.random.default_rng(seed)
    content = {
        "dataset": "Objaverse",
        "group": "000-000",
        "id": f"object{seed}",
        "xyz": rng.uniform(-1, 1, (num_points, 3)).astype(np.float16),
        "rgb": rng.uniform(0, 1, (num_points, 3)).astype(np.float16),
        "image_feat": rng.standard_normal((12, dim), np.float32),
        "thumbnail_feat": rng.standard_normal(dim, np.float32),
        "text": ["a raw title", "another"],
        "text_feat": [feature(rng, dim), feature(rng, dim)],
        "blip_caption": "blip words",
        "blip_caption_feat": feature(rng, dim),
        "msft_caption": "msft words",
        "msft_caption_feat": feature(rng, dim),
        "retrieval_text": ["found", "found too"],
        "retrieval_text_feat": [feature(rng, dim), feature(rng, dim)],
    }
    content |= changes
    return {key: value for key, value in content.items() if value is not None}


def without_text(seed: int = 0, **changes: Any) -> dict[str, Any]:
    empty = {"text": [], "text_feat": [], "blip_caption": "", "blip_caption_feat": {}, "msft_caption": None,
             "msft_caption_feat": None, "retrieval_text": [], "retrieval_text_feat": []}  # fmt: skip
    return make_object(seed, **empty, **changes)


def write_object(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, content, allow_pickle=True)
    return path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def object_path(folder: Path, seed: int) -> Path:
    return folder / "Objaverse" / "000-000" / f"object{seed}.npy"


def make_dataset(folder: Path, num_train: int = 16, num_test: int = 7, num_points: int = 150, dim: int = DIM) -> Path:
    """Objects 0 .. num_train-1 train, the next num_test are lvis; plus both point benchmarks. Some have no text."""
    rng = np.random.default_rng(0)
    meta = folder / "meta_data"
    train, lvis = [], []
    for i in range(num_train + num_test):
        make = without_text if i % 5 == 4 else make_object
        write_object(object_path(folder, i), make(i, num_points=num_points, dim=dim))
        data_path = f"{_PREFIX}Objaverse/000-000/object{i}.npy"
        if i < num_train:
            train.append({"id": f"object{i}", "dataset": "Objaverse", "group": "000-000", "data_path": data_path})
        else:
            category = CATEGORIES[i % len(CATEGORIES)]
            lvis.append({"uid": f"object{i}", "category": category, "group": "000-000", "data_path": data_path})
    for split in ("train_all", "train_no_lvis", "ablation/train_shapenet_only"):
        write_json(meta / "split" / f"{split}.json", train)
    write_json(meta / "split" / "lvis.json", lvis)
    write_json(meta / "gpt4_filtering.json", {"object1": {"flag": "N"}, "object2": {"flag": "Y"}})
    np.save(meta / "lvis_cat_name_pt_feat.npy", rng.standard_normal((len(CATEGORIES), dim), np.float32))
    _write_point_benchmarks(meta, rng, num_points, dim)
    return folder


def _write_point_benchmarks(meta: Path, rng: np.random.Generator, num_points: int, dim: int) -> None:
    clouds = np.empty(5, dtype=object)
    for i in range(5):
        clouds[i] = {
            "xyz": rng.uniform(-1, 1, (num_points, 3)).astype(np.float32),
            "rgb": np.full((num_points, 3), 102, np.uint8),
        }
    entries = [{"name": f"m{i}", "category": ("chair", "bed")[i % 2]} for i in range(5)]
    write_json(meta / "modelnet40" / "test_split.json", entries)
    np.save(meta / "modelnet40" / "test_pc.npy", clouds, allow_pickle=True)
    scan = {"xyz": rng.uniform(-1, 1, (6, 64, 3)).astype(np.float32), "label": np.array([0, 4, 4, 14, 7, 4])}
    write_object(meta / "scanobjectnn" / "xyz_label.npy", scan)
    names = {"modelnet40": ("chair", "bed"), "scanobjectnn": tuple(f"class{i}" for i in range(15))}
    for benchmark, classes in names.items():
        table = {name: {"open_clip_text_feat": rng.standard_normal((1, dim), np.float32)} for name in classes}
        write_object(meta / benchmark / "cat_name_pt_feat.npy", table)

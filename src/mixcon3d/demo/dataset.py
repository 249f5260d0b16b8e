"""Writes a demo data set in the OpenShape layout."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mixcon3d.demo.categories import CATEGORIES, SCANOBJECTNN
from mixcon3d.demo.jobs import SPLITS, Job, Parameters, Product, plan_jobs, run_job
from mixcon3d.demo.objects import SCAN_POINTS

VERSION = 1
MARKER = "demo.json"
JOBS_AT_A_TIME = 4
MODELNET_GREY = 102


def generate_dataset(
    folder: str | os.PathLike[str],
    seed: int = 0,
    train_per_category: int = 12,
    lvis_per_category: int = 4,
    modelnet_per_category: int = 4,
    scan_per_category: int = 4,
    num_points: int = 10000,
    image_size_px: int = 96,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a data set into `folder`, which appears only when complete, and return its path.

    The contents depend on the parameters alone, not on the number of worker processes (default: one for each CPU).
    A complete folder with equal parameters is reused; one with anything else in it is refused with a ValueError.
    Processes are spawned, so a script must call this under `if __name__ == "__main__"` or pass workers=1.

    Args:
        on_progress: called with the number of finished objects and of all objects.
    """
    target = Path(folder)
    per_category = (train_per_category, lvis_per_category, modelnet_per_category, scan_per_category)
    parameters = Parameters(seed, *per_category, num_points, image_size_px)
    if _is_complete(target, parameters):
        return target
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        products = _run_jobs(plan_jobs(partial, parameters), workers or os.cpu_count() or 1, on_progress)
        _write_metadata(partial / "meta_data", products)
        counts = {split: sum(product.split == split for product in products) for split in SPLITS}
        _write_json(partial / MARKER, {**_marker(parameters), "counts": counts, "categories": list(CATEGORIES)})
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _marker(parameters: Parameters) -> dict[str, Any]:
    return {"version": VERSION, "parameters": asdict(parameters)}


def _is_complete(target: Path, parameters: Parameters) -> bool:
    """True if the folder holds just this data set, False if nothing is there; anything else is an error."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    try:
        found = json.loads((target / MARKER).read_text())
    except (OSError, ValueError):
        raise ValueError(f"{target}: exists and is no demo data set; choose another folder or remove it") from None
    wanted = _marker(parameters)
    differing = [
        key for key in wanted["parameters"] if found.get("parameters", {}).get(key) != wanted["parameters"][key]
    ]
    if found.get("version") != VERSION:
        differing.append("version")
    if differing:
        raise ValueError(
            f"{target}: holds a demo data set with another {', '.join(differing)}; choose another folder or remove it"
        )
    return True


def _run_jobs(jobs: list[Job], workers: int, on_progress: Callable[[int, int], None] | None) -> list[Product]:
    products = []
    with _mapper(workers) as map_jobs:
        for product in map_jobs(jobs):
            products.append(product)
            if on_progress:
                on_progress(len(products), len(jobs))
    return products


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[[list[Job]], Iterator[Product]]]:
    if workers == 1:
        yield lambda jobs: map(run_job, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield lambda jobs: pool.imap(run_job, jobs, JOBS_AT_A_TIME)


def _write_metadata(folder: Path, products: list[Product]) -> None:
    by_split = {split: [product for product in products if product.split == split] for split in SPLITS}
    train = [product.entry for product in by_split["train"]]
    lvis = [product.entry for product in by_split["lvis"]]
    lvis_as_train = [
        {"id": entry["uid"], "dataset": "Objaverse", "group": entry["group"], "data_path": entry["data_path"]}
        for entry in lvis
    ]
    shapenet = [entry for entry in train if entry["dataset"] == "ShapeNet"]
    _write_json(folder / "split/train_all.json", train + lvis_as_train)
    _write_json(folder / "split/train_no_lvis.json", train)
    _write_json(folder / "split/ablation/train_shapenet_only.json", shapenet)
    _write_json(folder / "split/lvis.json", lvis)
    _write_json(folder / "gpt4_filtering.json", {p.uid: {"flag": p.flag} for p in products if p.flag})
    _write_json(folder / "demo_objects.json", {product.uid: product.summary for product in products})
    _write_modelnet(folder / "modelnet40", by_split["modelnet40"])
    _write_scans(folder / "scanobjectnn", by_split["scanobjectnn"])


def _write_modelnet(folder: Path, products: list[Product]) -> None:
    _write_json(folder / "test_split.json", [product.entry for product in products])
    clouds = np.empty(len(products), dtype=object)
    for i, product in enumerate(products):
        assert product.xyz is not None
        clouds[i] = {"xyz": product.xyz, "rgb": np.full(product.xyz.shape, MODELNET_GREY, np.uint8)}
    np.save(folder / "test_pc.npy", clouds, allow_pickle=True)


def _write_scans(folder: Path, products: list[Product]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    xyz = np.array([product.xyz for product in products], np.float32).reshape(-1, SCAN_POINTS, 3)
    labels = np.array([SCANOBJECTNN.index(product.entry["category"]) for product in products], np.int64)
    np.save(folder / "xyz_label.npy", np.array({"xyz": xyz, "label": labels}, dtype=object), allow_pickle=True)


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))

"""The objects of a demo data set, each made by one independent job that any process can run."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mixcon3d.demo.captions import full_caption, write_texts
from mixcon3d.demo.categories import CATEGORIES, MODELNET40, SCANOBJECTNN
from mixcon3d.demo.objects import DENSE_POINTS, build_object, scan
from mixcon3d.render import render_views

SPLITS = ("train", "lvis", "modelnet40", "scanobjectnn")
NUM_VIEWS = 12
SOURCES = ("Objaverse", "Objaverse", "ShapeNet", "ABO", "3D-FUTURE")
GROUPS_PER_SOURCE = 4
PUBLISHED_ROOT = "/mnt/data/objaverse-processed/merged_for_training_final"


@dataclass(frozen=True)
class Parameters:
    """All that decides the contents of a data set."""

    seed: int
    train_per_category: int
    lvis_per_category: int
    modelnet_per_category: int
    scan_per_category: int
    num_points: int
    image_size_px: int


@dataclass(frozen=True)
class Job:
    """One object of one split; `folder` is where its file goes."""

    folder: Path
    parameters: Parameters
    split: str
    category: str
    index: int


@dataclass(frozen=True)
class Product:
    """What a job leaves for the metadata: split entries, and the cloud of a benchmark object."""

    split: str
    uid: str
    entry: dict[str, str]
    summary: dict[str, Any]
    flag: str | None = None
    xyz: np.ndarray | None = None


def plan_jobs(folder: Path, parameters: Parameters) -> list[Job]:
    """All jobs of a data set, in the order of its split files."""
    members = {
        "train": (list(CATEGORIES), parameters.train_per_category),
        "lvis": (list(CATEGORIES), parameters.lvis_per_category),
        "modelnet40": (list(MODELNET40), parameters.modelnet_per_category),
        "scanobjectnn": (list(SCANOBJECTNN), parameters.scan_per_category),
    }
    return [
        Job(folder, parameters, split, category, index)
        for split, (categories, count) in members.items()
        for category in categories
        for index in range(count)
    ]


def run_job(job: Job) -> Product:
    """Make the object; training and lvis objects are written to their files, benchmark clouds handed back."""
    seeds = [job.parameters.seed, SPLITS.index(job.split), list(CATEGORIES).index(job.category), job.index]
    rng = np.random.default_rng(seeds)
    uid = hashlib.sha256(repr(seeds).encode()).hexdigest()[:32]
    if job.split in ("train", "lvis"):
        return _write_object(job, uid, rng)
    is_scan = job.split == "scanobjectnn"
    made = build_object(job.category, rng, DENSE_POINTS // 2 if is_scan else job.parameters.num_points)
    summary = _summary(job, full_caption(made.attributes), made.attributes.as_dict())
    xyz = scan(made.cloud, rng) if is_scan else made.cloud.xyz
    category = job.category if is_scan else MODELNET40[job.category]
    return Product(job.split, uid, {"name": uid, "category": category}, summary, xyz=xyz)


def _write_object(job: Job, uid: str, rng: np.random.Generator) -> Product:
    num_points = job.parameters.num_points
    made = build_object(job.category, rng, max(DENSE_POINTS, num_points))
    texts = write_texts(made.attributes, rng, complete=job.split == "lvis")
    dataset = "Objaverse" if job.split == "lvis" else SOURCES[rng.integers(len(SOURCES))]
    number = int(rng.integers(GROUPS_PER_SOURCE))
    group = {"Objaverse": f"000-{number:03d}", "ShapeNet": f"{number:08d}"}.get(dataset, "")
    cloud = made.cloud
    views = render_views(cloud.xyz, cloud.rgb, cloud.normals, NUM_VIEWS, job.parameters.image_size_px)
    record = {
        "dataset": dataset,
        "group": group,
        "id": uid,
        "xyz": cloud.xyz[:num_points].astype(np.float16),
        "rgb": cloud.rgb[:num_points].astype(np.float16),
        "text": texts.text,
        "blip_caption": texts.blip_caption,
        "msft_caption": texts.msft_caption,
        "retrieval_text": texts.retrieval_text,
        "views": [_png(view) for view in views],
    }
    place = "/".join(part for part in (dataset, group, f"{uid}.npy") if part)
    path = job.folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(record, dtype=object), allow_pickle=True)
    location = {"group": group, "data_path": f"{PUBLISHED_ROOT}/{place}"}
    is_lvis = job.split == "lvis"
    entry = {"uid": uid, "category": job.category} if is_lvis else {"id": uid, "dataset": dataset}
    flag = ("N" if texts.is_junk else "Y") if dataset == "Objaverse" else None
    summary = _summary(job, full_caption(made.attributes), made.attributes.as_dict())
    return Product(job.split, uid, {**entry, **location}, summary, flag)


def _summary(job: Job, caption: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"category": job.category, "split": job.split, "attributes": attributes, "caption": caption}


def _png(view: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(view).save(stream, format="PNG", compress_level=4)
    return stream.getvalue()

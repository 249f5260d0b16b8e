"""The three zero-shot benchmarks: labelled clouds, for Objaverse-LVIS with views, and the names of their classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mixcon3d.config import Config
from mixcon3d.data.batch import map_tensors
from mixcon3d.data.locate import ObjectLocator, find_metadata, read_split
from mixcon3d.data.npy import read_npy
from mixcon3d.data.pairing import evaluation_views
from mixcon3d.data.points import make_features, prepare_cloud
from mixcon3d.data.record import check_cloud, read_record
from mixcon3d.errors import DataError

SCANOBJECTNN_CLASSES = (
    "bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table", "bed", "pillow", "sink",
    "sofa", "toilet",
)  # fmt: skip


@dataclass
class LabelledObject:
    """One test object as read: xyz (N, 3), rgb (N, 3) in [0, 1], image_feat (M, D) or None, views: encoded images."""

    xyz: np.ndarray
    rgb: np.ndarray
    image_feat: np.ndarray | None = None
    views: Sequence[bytes] = ()


@dataclass
class EvalBatch:
    """B test objects.

    index, labels (B,) int64; xyz (B, N, 3); features (B, N, C); image_feat (B, M, D), None for points only; raw_views:
    M encoded images of each object when features are computed online.
    """

    index: Tensor
    labels: Tensor
    xyz: Tensor
    features: Tensor
    image_feat: Tensor | None
    raw_views: list[Sequence[bytes]] | None

    def to(self, device: torch.device) -> "EvalBatch":
        """The batch with its tensors on `device`."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "EvalBatch":
        """The batch in page-locked memory; called by the loader when there is a GPU."""
        return map_tensors(self, Tensor.pin_memory)


EvalItem = tuple[int, int, np.ndarray, np.ndarray, np.ndarray | None, Sequence[bytes]]


class BenchmarkDataset(Dataset[EvalItem]):
    """Test objects with the transform of training less its randomness: no augmentation, rotation or colour drop.

    Args:
        read: index -> object; raises DataError for one that cannot be used, and evaluation stops.
        names, labels: of every object.
        num_points, y_up, normalize, use_color: of the transform.
        seed: of the points drawn, with the object's index.
    """

    def __init__(
        self,
        read: Callable[[int], LabelledObject],
        names: list[str],
        labels: list[int],
        *,
        num_points: int,
        y_up: bool,
        normalize: bool,
        use_color: bool,
        seed: int,
    ) -> None:
        self.read, self.names, self.labels, self.seed = read, names, labels, seed
        self.num_points, self.y_up, self.normalize, self.use_color = num_points, y_up, normalize, use_color

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> EvalItem:
        item = self.read(index)
        rng = np.random.default_rng([self.seed, index])
        xyz, rgb = prepare_cloud(item.xyz, item.rgb, rng, self.num_points, self.y_up, self.normalize)
        return index, self.labels[index], xyz, make_features(xyz, rgb, self.use_color), item.image_feat, item.views


def collate_eval(items: Sequence[EvalItem]) -> EvalBatch:
    """Items with equal N, M and D -> EvalBatch."""
    index, labels, xyz, features, image_feat, views = zip(*items, strict=True)
    return EvalBatch(
        torch.tensor(index),
        torch.tensor(labels),
        torch.from_numpy(np.stack(xyz)),
        torch.from_numpy(np.stack(features)),
        None if image_feat[0] is None else torch.from_numpy(np.stack(image_feat)),
        list(views) if views[0] else None,
    )


@dataclass
class Benchmark:
    """A benchmark ready to be read.

    class_feat: (C, D) stored CLIP features of the class names, None when they are computed online; has_images: the
    readouts with views exist.
    """

    name: str
    dataset: BenchmarkDataset
    class_names: list[str]
    class_feat: np.ndarray | None
    has_images: bool
    batch_size: int
    num_workers: int


def load_benchmarks(config: Config) -> list[Benchmark]:
    """The benchmarks of `config.benchmarks`; all their files are looked for before any is evaluated."""
    return [_load(name, config) for name in config.benchmarks]


def _load(name: str, config: Config) -> Benchmark:
    try:
        return _LOADERS[name](config)
    # Content of other types than documented fails in as many ways as there are types.
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise DataError(f"{name}: a file is not as documented: {error}") from None


def _load_objaverse_lvis(config: Config) -> Benchmark:
    section, folder, online = config.objaverse_lvis, config.dataset.folder, config.dataset.features == "online"
    split = find_metadata(section.split, folder, "objaverse_lvis.split")
    entries = read_split(split, ("uid", "category", "data_path"))
    names = sorted({str(e["category"]) for e in entries})
    label_of = {name: label for label, name in enumerate(names)}
    class_feat = None
    if not online:
        path = find_metadata(section.clip_feat_path, folder, "objaverse_lvis.clip_feat_path")
        class_feat = _class_matrix(path, read_npy(path), len(names), config.clip_embed_dim, split)
    locate = ObjectLocator([e["data_path"] for e in entries], folder, split)
    many = config.dataset.inference_image_feat_mode == "Multiple"
    num_views = config.dataset.image_amount if many else 1

    def read(index: int) -> LabelledObject:
        path = locate(entries[index]["data_path"])
        record = read_record(path, None if online else config.clip_embed_dim)
        available = len(record.views) if online else 0 if record.image_feat is None else len(record.image_feat)
        if available == 0:
            raise DataError(f"{path}: no {'views' if online else 'image features'}")
        views = evaluation_views(available, num_views)
        if online:
            return LabelledObject(record.xyz, record.rgb, views=[record.views[v] for v in views])
        assert record.image_feat is not None
        return LabelledObject(record.xyz, record.rgb, record.image_feat[views])

    dataset = BenchmarkDataset(
        read,
        [str(e["uid"]) for e in entries],
        [label_of[str(e["category"])] for e in entries],
        num_points=section.num_points,
        y_up=section.y_up,
        normalize=section.normalize,
        use_color=section.use_color,
        seed=config.evaluation.seed,
    )
    return Benchmark("objaverse_lvis", dataset, names, class_feat, True, section.batch_size, section.num_workers)


def _load_modelnet40(config: Config) -> Benchmark:
    section, folder = config.modelnet40, config.dataset.folder
    split = find_metadata(section.test_split, folder, "modelnet40.test_split")
    entries = read_split(split, ("name", "category"))
    path = find_metadata(section.test_pc, folder, "modelnet40.test_pc")
    clouds = read_npy(path)
    if not isinstance(clouds, np.ndarray) or len(clouds) != len(entries):
        raise DataError(f"{path} holds {np.size(clouds)} clouds, {split} lists {len(entries)}")
    names, class_feat = _named_classes(
        config, section.clip_feat_path, "modelnet40", sorted({str(e["category"]) for e in entries})
    )
    unknown = sorted({str(e["category"]) for e in entries} - set(names))
    if unknown:
        raise DataError(f"{split}: no class feature for {', '.join(unknown)}")

    def read(index: int) -> LabelledObject:
        return _checked(path, index, clouds[index], rgb_scale=1 / 255)

    labels = [names.index(str(e["category"])) for e in entries]
    return _points_benchmark("modelnet40", config, read, [str(e["name"]) for e in entries], labels, names, class_feat)


def _load_scanobjectnn(config: Config) -> Benchmark:
    path = find_metadata(config.scanobjectnn.data_path, config.dataset.folder, "scanobjectnn.data_path")
    content = read_npy(path)
    if not isinstance(content, dict) or not {"xyz", "label"} <= set(content):
        raise DataError(f"{path}: expected a pickled dict with xyz and label")
    names, class_feat = _named_classes(
        config, config.scanobjectnn.clip_feat_path, "scanobjectnn", list(SCANOBJECTNN_CLASSES)
    )
    labels = [int(label) for label in content["label"]]
    if len(labels) != len(content["xyz"]):
        raise DataError(f"{path}: {len(content['xyz'])} clouds, but {len(labels)} labels")
    if min(labels) < 0 or max(labels) >= len(names):
        raise DataError(f"{path}: labels from {min(labels)} to {max(labels)}, but there are {len(names)} classes")
    rgb = content.get("rgb")

    def read(index: int) -> LabelledObject:
        cloud = {"xyz": content["xyz"][index], "rgb": None if rgb is None else rgb[index]}
        return _checked(path, index, cloud, rgb_scale=1.0)

    uids = [f"scan_{i:05d}" for i in range(len(labels))]
    return _points_benchmark("scanobjectnn", config, read, uids, labels, names, class_feat)


def _points_benchmark(
    name: str,
    config: Config,
    read: Callable[[int], LabelledObject],
    uids: list[str],
    labels: list[int],
    class_names: list[str],
    class_feat: np.ndarray | None,
) -> Benchmark:
    section = getattr(config, name)
    dataset = BenchmarkDataset(
        read,
        uids,
        labels,
        num_points=section.num_points,
        y_up=section.y_up,
        normalize=True,
        use_color=config.dataset.use_color,
        seed=config.evaluation.seed,
    )
    return Benchmark(name, dataset, class_names, class_feat, False, section.test_batch_size, section.num_workers)


def _checked(path: Path, index: int, cloud: Any, rgb_scale: float) -> LabelledObject:
    try:
        rgb = cloud.get("rgb")
        return LabelledObject(*check_cloud(cloud["xyz"], None if rgb is None else np.asarray(rgb) * rgb_scale))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: cloud {index}: {error}") from None


def _named_classes(
    config: Config, clip_feat_path: str, section: str, default_names: list[str]
) -> tuple[list[str], np.ndarray | None]:
    """Class names in the order of the feature file, and their features; the default names when computed online."""
    if config.dataset.features == "online":
        return default_names, None
    path = find_metadata(clip_feat_path, config.dataset.folder, f"{section}.clip_feat_path")
    content = read_npy(path)
    try:
        matrix = np.concatenate([np.reshape(v["open_clip_text_feat"], (1, -1)) for v in content.values()])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(f"{path}: expected a pickled dict {{name: {{'open_clip_text_feat': (1, D)}}}}") from None
    return [str(n) for n in content], _class_matrix(path, matrix, len(content), config.clip_embed_dim, path)


def _class_matrix(path: Path, matrix: Any, num_classes: int, dim: int, split: Path) -> np.ndarray:
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or not np.isfinite(matrix.astype(np.float32)).all():
        raise DataError(f"{path}: expected a finite (classes, {dim}) array")
    if matrix.shape[0] != num_classes:
        raise DataError(f"{path} holds {matrix.shape[0]} class features, {split} names {num_classes} classes")
    if matrix.shape[1] != dim:
        raise DataError(f"{path} holds features of size {matrix.shape[1]}, but clip_embed_dim={dim}")
    return matrix.astype(np.float32)


_LOADERS = {
    "objaverse_lvis": _load_objaverse_lvis,
    "modelnet40": _load_modelnet40,
    "scanobjectnn": _load_scanobjectnn,
}

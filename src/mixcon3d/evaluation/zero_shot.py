"""Zero-shot classification: each object gets the class whose name lies nearest in the embedding space."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mixcon3d.data.benchmarks import EvalBatch
from mixcon3d.distributed import gather_objects
from mixcon3d.models.trimodal import TriModalModel

# A readout is a sum of cosines between the class texts and these features (DESIGN: 1 view is view 0; mv = M views).
READOUTS: dict[str, tuple[str, ...]] = {
    "point": ("point",),
    "image": ("image",),
    "image_mv": ("image_mv",),
    "joint": ("joint",),
    "joint_mv": ("joint_mv",),
    "point_image": ("point", "image_mv"),
}
TOP_K = 5


@dataclass
class Predictions:
    """Ranked classes of every object of a benchmark, in its order.

    labels (n,); top (n, k) by readout; point_embedding: (n, D) of unit length, for retrieval.
    """

    labels: np.ndarray
    top: dict[str, np.ndarray]
    point_embedding: np.ndarray


def object_features(model: TriModalModel, batch: EvalBatch, image_feat: Tensor | None) -> dict[str, Tensor]:
    """Unit-length features (B, D) of a batch by name: point; with image_feat (B, M, D) also image, joint, their _mv."""
    features: dict[str, Tensor | None] = {"point": model.point_encoder(batch.xyz, batch.features)}
    if image_feat is not None:
        views = model.project_views(image_feat)
        # A single view is not fused: it does not pass through g^MV of the `_proj` modes, as in the reference.
        for suffix, image in (("", views[:, 0]), ("_mv", model.fuse_views(views))):
            features["image" + suffix] = image
            features["joint" + suffix] = model.fuse_joint(features["point"], image)  # type: ignore[arg-type]
    return {name: F.normalize(value, dim=-1) for name, value in features.items() if value is not None}


def readout_logits(features: dict[str, Tensor], class_texts: Tensor) -> dict[str, Tensor]:
    """(B, C) sums of cosines by readout, for the readouts whose features exist.

    Args:
        features: unit-length, by name.
        class_texts: (C, D) unit-length text embeddings.
    """
    return {
        name: sum(features[part] @ class_texts.T for part in parts)  # type: ignore[misc]
        for name, parts in READOUTS.items()
        if all(part in features for part in parts)
    }


@torch.no_grad()
def predict(
    models: dict[str, TriModalModel],
    batches: Iterable[EvalBatch],
    class_feat: Tensor,
    encode_views: Callable[[EvalBatch], Tensor | None],
    device: torch.device,
) -> dict[str, Predictions]:
    """Predictions of each model for all objects, gathered from the shards of all ranks.

    Args:
        models: by name; the same pass over the data serves all.
        batches: this rank's shard.
        class_feat: (C, D) CLIP features of the class names.
        encode_views: gives the CLIP features (B, M, D) of a batch's views, or None for points only.
        device: of the models.
    """
    was_training = {name: model.training for name, model in models.items()}
    for model in models.values():
        model.eval()
    texts = {name: F.normalize(model.project_texts(class_feat.to(device)), dim=-1) for name, model in models.items()}
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in models}
    for cpu_batch in batches:
        batch = cpu_batch.to(device)
        image_feat = encode_views(batch)
        for name, model in models.items():
            features = object_features(model, batch, image_feat)
            logits = readout_logits(features, texts[name])
            ranked = {r: v.topk(min(TOP_K, v.shape[1])).indices.cpu().numpy() for r, v in logits.items()}
            parts[name].append(
                {"index": batch.index.cpu().numpy(), "labels": batch.labels.cpu().numpy(),
                 "point_embedding": features["point"].cpu().numpy(), **ranked}
            )  # fmt: skip
    for name, model in models.items():
        model.train(was_training[name])
    return {name: _merge(parts[name]) for name in models}


def _merge(local: list[dict[str, np.ndarray]]) -> Predictions:
    """All ranks' batches as one, in the order of the benchmark."""
    batches = [batch for shard in gather_objects(local) for batch in shard]
    merged = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    order = np.argsort(merged.pop("index"))
    values = {key: value[order] for key, value in merged.items()}
    return Predictions(values.pop("labels"), point_embedding=values.pop("point_embedding"), top=values)

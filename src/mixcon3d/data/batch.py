"""A sample of the training data, and a batch of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


BatchT = TypeVar("BatchT", bound="DataclassInstance")


def map_tensors(batch: BatchT, function: Callable[[Tensor], Tensor]) -> BatchT:
    """The batch with `function` applied to each of its tensors."""
    values = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return replace(batch, **{k: function(v) for k, v in values.items() if isinstance(v, Tensor)})


@dataclass
class RawInputs:
    """What the frozen tower encodes when features are computed online.

    text: "" for none; use_prompts: average it over the prompt templates; views: M encoded images (PNG, JPEG ...).
    """

    text: str
    use_prompts: bool
    views: list[bytes]


@dataclass
class Sample:
    """One transformed object.

    xyz (N, 3) and features (N, C): float32, model space. image_feat (M, D) and text_feat (D,): float32 CLIP features,
    None when they are to be computed online from `raw`. failures: 'name: reason' of objects that could not be read and
    that this one stands in for.
    """

    name: str
    xyz: np.ndarray
    features: np.ndarray
    image_feat: np.ndarray | None
    text_feat: np.ndarray | None
    has_text: bool
    fps_start: int
    raw: RawInputs | None = None
    failures: list[str] = field(default_factory=list)


@dataclass
class Batch:
    """B samples.

    xyz (B, N, 3), features (B, N, C), image_feat (B, M, D), text_feat (B, D) with zeros where text_mask (B,) is False,
    fps_start (B,) int64. image_feat and text_feat are empty until the tower fills them when `raw` is given.
    """

    names: list[str]
    xyz: Tensor
    features: Tensor
    image_feat: Tensor
    text_feat: Tensor
    text_mask: Tensor
    fps_start: Tensor
    raw: list[RawInputs] | None
    failures: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device) -> "Batch":
        """The batch with its tensors on `device`."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory; called by the loader when there is a GPU."""
        return map_tensors(self, Tensor.pin_memory)


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples with equal N, M and D -> Batch."""
    online = samples[0].raw is not None
    empty = torch.empty(0)
    return Batch(
        names=[s.name for s in samples],
        xyz=torch.from_numpy(np.stack([s.xyz for s in samples])),
        features=torch.from_numpy(np.stack([s.features for s in samples])),
        image_feat=empty if online else torch.from_numpy(np.stack([s.image_feat for s in samples])),  # type: ignore[misc]
        text_feat=empty if online else torch.from_numpy(np.stack([s.text_feat for s in samples])),  # type: ignore[misc]
        text_mask=torch.tensor([s.has_text for s in samples]),
        fps_start=torch.tensor([s.fps_start for s in samples]),
        raw=[s.raw for s in samples if s.raw is not None] if online else None,
        failures=[failure for s in samples for failure in s.failures],
    )

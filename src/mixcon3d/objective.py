"""The contrastive objective (paper, Eq. 1-5) over the global batch. Knows nothing of ranks: it is given all rows."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mixcon3d.config import TrainingConfig
from mixcon3d.models.trimodal import Embeddings

# Finite, so that a row without any valid column still has a gradient (of zero); its exponential is exactly 0.
_MASKED_LOGIT = -1e30


@dataclass(frozen=True)
class Pairing:
    """One term of the objective: which two embeddings are aligned, and by which temperature."""

    left: str
    right: str
    log_scale: str
    needs_text: bool


# Keyed by the names under which users of this family know the terms in their dashboards.
PAIRINGS = {
    "text": Pairing("point", "text", "text_logit_scale", True),
    "img": Pairing("point", "image", "image_logit_scale", False),
    "img_text": Pairing("image", "text", "img_text_logit_scale", True),
    "pc_img_to_text": Pairing("joint", "text", "pc_img_to_text_logit_scale", True),
}


@dataclass
class LossTerms:
    """The total loss and, by term, losses and accuracies (fractions of rows whose own column is the best)."""

    total: Tensor
    losses: dict[str, Tensor]
    accuracies: dict[str, Tensor]


def info_nce(
    left: Tensor, right: Tensor, log_scale: Tensor, valid: Tensor | None = None, own: slice = slice(None)
) -> tuple[Tensor, Tensor]:
    """Symmetric InfoNCE between l2-normalised features (paper, Eq. 1), and the accuracy of left -> right.

    Args:
        left, right: (B, D), row i of one belongs to row i of the other; not normalised.
        log_scale: scalar, logarithm of the inverse temperature.
        valid: (B,) bool; rows and columns where it is False are left out. All if None.
        own: the b rows of left and of right whose share of loss and accuracy is wanted; the shares of disjoint slices
            add up to those of the whole. Memory grows with b x B.

    Returns:
        Loss and accuracy, scalars; both 0 (with zero gradients) if no row is valid.
    """
    left, right = F.normalize(left, dim=-1), F.normalize(right, dim=-1)
    labels = torch.arange(len(left), device=left.device)
    if valid is None:
        valid = torch.ones_like(labels, dtype=torch.bool)
    targets = torch.where(valid, labels, -100)[own]
    num_valid = valid.sum().clamp_min(1)
    rows = (log_scale.exp() * left[own] @ right.T).masked_fill(~valid, _MASKED_LOGIT)
    columns = (log_scale.exp() * right[own] @ left.T).masked_fill(~valid, _MASKED_LOGIT)
    loss = F.cross_entropy(rows, targets, reduction="sum") + F.cross_entropy(columns, targets, reduction="sum")
    correct = rows.argmax(dim=1) == targets
    return loss / (2 * num_valid), correct.sum().to(loss.dtype) / num_valid


class Objective:
    """The weighted sum of the terms that the configuration asks for."""

    def __init__(self, config: TrainingConfig) -> None:
        asked = {
            "text": True,
            "img": True,
            "img_text": config.image_text_align,
            "pc_img_to_text": config.pc_img_to_text,
        }
        self.pairings = {name: pairing for name, pairing in PAIRINGS.items() if asked[name]}
        other = 1 / 3 if config.loss_avg else 1.0
        self.weights = {name: 1.0 if name == "pc_img_to_text" else other for name in self.pairings}

    def __call__(
        self, embeddings: Embeddings, log_scales: dict[str, Tensor], text_mask: Tensor, own: slice = slice(None)
    ) -> LossTerms:
        """Loss of a global batch, or the share of some of its rows.

        Args:
            embeddings: of all B objects, every one (B, D).
            log_scales: scalars by name, see PAIRINGS.
            text_mask: (B,) bool, False where an object has no text.
            own: the rows whose share is wanted, see `info_nce`.
        """
        losses, accuracies = {}, {}
        for name, pairing in self.pairings.items():
            losses[name], accuracies[name] = info_nce(
                getattr(embeddings, pairing.left),
                getattr(embeddings, pairing.right),
                log_scales[pairing.log_scale],
                text_mask if pairing.needs_text else None,
                own,
            )
        total = torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()
        return LossTerms(total, losses, accuracies)

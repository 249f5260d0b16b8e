"""Fusion of the views of an object into one image feature, and of that with the point feature."""

import torch
from torch import Tensor, nn

from mixcon3d.torchvision_mend import mend_torchvision

# img_loss_mode -> how the views are pooled; those with `_proj` pass the result through g^MV.
_POOLING = {
    "Avg": lambda views: views.mean(dim=1),
    "Max": lambda views: views.amax(dim=1),
}


def pool_views(views: Tensor, mode: str, multi_view_proj: nn.Module | None) -> Tensor:
    """(B, M, D) projected views -> (B, D) image feature z^I.

    Args:
        mode: Avg, Max, Avg_proj or Max_proj.
        multi_view_proj: g^MV of the `_proj` modes.
    """
    pooled = _POOLING[mode.removesuffix("_proj")](views)
    return pooled if multi_view_proj is None else multi_view_proj(pooled)


class LinearJointHead(nn.Linear):
    """g^(I,P): [z^P, z^I], point first, (B, 2D) -> (B, D)."""

    def __init__(self, dim: int) -> None:
        super().__init__(2 * dim, dim)

    def forward(self, point: Tensor, image: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([point, image], dim=-1))


class MLPJointHead(nn.Module):
    """g^(I,P) with one hidden GELU layer of 2D units."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        mend_torchvision()
        from timm.layers import Mlp

        self.mlp = Mlp(2 * dim, 2 * dim, dim)

    def forward(self, point: Tensor, image: Tensor) -> Tensor:
        return self.mlp(torch.cat([point, image], dim=-1))

"""The whole trainable model as one module: point encoder, projections, view fusion, joint head and temperatures."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixcon3d.config import ModelConfig, TrainingConfig
from mixcon3d.models.fusion import LinearJointHead, MLPJointHead, pool_views
from mixcon3d.models.registry import build_point_encoder

MAX_LOG_SCALE = math.log(100)


@dataclass
class Embeddings:
    """Features of a batch, each (B, D) and not normalised: z^P, z^I (of the pooled views), z^T, z^(I,P).

    `joint` is None for a model without a joint head.
    """

    point: Tensor
    image: Tensor
    text: Tensor
    joint: Tensor | None


class TriModalModel(nn.Module):
    """MixCon3D (paper, section 3). Heads that the configuration does not use are not built.

    Args:
        model: section `model`.
        training: section `training`; reads the keys of the heads and temperatures.
        embed_dim: size D of the CLIP features and of every embedding.
    """

    def __init__(self, model: ModelConfig, training: TrainingConfig, embed_dim: int) -> None:
        super().__init__()
        self.img_loss_mode = training.img_loss_mode
        self.normalize_before_fusion = training.normalize_before_fusion
        self.point_encoder = build_point_encoder(model)
        self.text_proj = nn.Linear(embed_dim, embed_dim) if training.use_text_proj else None
        own_image_proj = training.use_image_proj and not training.share_proj
        self.image_proj = nn.Linear(embed_dim, embed_dim) if own_image_proj else None
        self.share_proj = training.share_proj and training.use_image_proj
        has_view_proj = training.img_loss_mode.endswith("_proj")
        self.multi_view_proj = nn.Linear(embed_dim, embed_dim) if has_view_proj else None
        self.pc_img_to_text_proj: LinearJointHead | MLPJointHead | None = None
        if training.pc_img_to_text:
            self.pc_img_to_text_proj = MLPJointHead(embed_dim) if training.use_MLP else LinearJointHead(embed_dim)
        used = {
            "image_logit_scale": True,
            "text_logit_scale": True,
            "img_text_logit_scale": training.image_text_align,
            "pc_img_to_text_logit_scale": training.pc_img_to_text,
        }
        self._scale_names = [name for name, is_used in used.items() if is_used]
        self._shared_scale = self._scale_names[0] if training.share_logit_scale else None
        start = torch.tensor(math.log(training.logit_scale_init))
        for name in [self._shared_scale] if self._shared_scale else self._scale_names:
            setattr(self, name, nn.Parameter(start.clone(), requires_grad=not training.logit_scale_fix))
        if not training.train_joint_head:
            self._freeze_joint_head()

    def _freeze_joint_head(self) -> None:
        # The released code built these but never handed them to its optimizer.
        for name, parameter in self.named_parameters():
            if name.startswith(("pc_img_to_text_", "multi_view_proj", "img_text_logit_scale")):
                parameter.requires_grad_(False)

    def log_scales(self) -> dict[str, Tensor]:
        """The learnable logarithms of the inverse temperatures, by name; all the same tensor if they are shared."""
        return {name: getattr(self, self._shared_scale or name) for name in self._scale_names}

    def project_texts(self, text_feat: Tensor) -> Tensor:
        """g^T of CLIP text features (..., D)."""
        return text_feat if self.text_proj is None else self.text_proj(text_feat)

    def project_views(self, image_feat: Tensor) -> Tensor:
        """g^I (g^T when shared) of CLIP image features (..., D), normalised if fusion wants it."""
        projected = self.project_texts(image_feat) if self.share_proj else image_feat
        if self.image_proj is not None:
            projected = self.image_proj(image_feat)
        return F.normalize(projected, dim=-1) if self.normalize_before_fusion else projected

    def fuse_views(self, views: Tensor) -> Tensor:
        """(B, M, D) projected views -> (B, D) z^I."""
        return pool_views(views, self.img_loss_mode, self.multi_view_proj)

    def fuse_joint(self, point: Tensor, image: Tensor) -> Tensor | None:
        """(B, D) z^P and z^I -> (B, D) z^(I,P), or None without a joint head."""
        if self.pc_img_to_text_proj is None:
            return None
        if self.normalize_before_fusion:
            point = F.normalize(point, dim=-1)
        return self.pc_img_to_text_proj(point, image)

    def forward(
        self, xyz: Tensor, features: Tensor, image_feat: Tensor, text_feat: Tensor, fps_start: Tensor | None = None
    ) -> Embeddings:
        """Embeddings of a batch.

        Args:
            xyz: (B, N, 3) clouds in model space.
            features: (B, N, C) point features.
            image_feat: (B, M, D) CLIP features of M views, as stored (not normalised).
            text_feat: (B, D) CLIP features of a text; zeros where there is none.
            fps_start: (B,) first points of the farthest point sampling, None for index 0.
        """
        point = self.point_encoder(xyz, features, fps_start)
        image = self.fuse_views(self.project_views(image_feat))
        return Embeddings(point, image, self.project_texts(text_feat), self.fuse_joint(point, image))

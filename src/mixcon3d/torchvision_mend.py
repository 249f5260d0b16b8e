"""Lets torchvision import beside a torch build that lacks its compiled operators (torchvision CUDA wheel, CPU torch).

timm and open_clip import torchvision. Its Python code needs only that the schemas of two operators exist; the operators
themselves (non-maximum suppression) are not used here. Call `mend_torchvision()` before importing timm or open_clip.

It also imports timm, which in its turn imports wandb wherever that is installed: here it must not, since that costs
seconds that a run without Weights & Biases need not spend.
"""

import sys

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# Kept alive: torch drops the declarations when the Library object is collected.
_library: torch.library.Library | None = None
_is_done = False


def mend_torchvision() -> None:
    """Declares torchvision::nms and ::qnms if torchvision cannot register them itself, and imports timm. Idempotent."""
    global _library, _is_done
    if _is_done:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            _library.define(f"{name}{_SCHEMA}")
        _forget_failed_import()
    _import_timm_without_wandb()
    _is_done = True


def _import_timm_without_wandb() -> None:
    if "wandb" in sys.modules:
        return
    sys.modules["wandb"] = None  # type: ignore[assignment]
    try:
        import timm.utils  # noqa: F401
    finally:
        del sys.modules["wandb"]


def _forget_failed_import() -> None:
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]

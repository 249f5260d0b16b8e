"""Lets torchvision import beside a torch build that lacks its compiled operators (torchvision CUDA wheel, CPU torch).

timm and open_clip import torchvision. Its Python code needs only that the schemas of two operators exist; the operators
themselves (non-maximum suppression) are not used here. Call `mend_torchvision()` before importing timm or open_clip.
"""

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# Kept alive: torch drops the declarations when the Library object is collected.
_library: torch.library.Library | None = None


def mend_torchvision() -> None:
    """Declares torchvision::nms and ::qnms, only if torchvision cannot register them itself. Idempotent."""
    global _library
    if _library is not None:
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


def _forget_failed_import() -> None:
    import sys

    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]

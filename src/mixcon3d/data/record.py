"""One object as stored on disk (OpenShape format), typed and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mixcon3d.data.npy import read_npy
from mixcon3d.errors import DataError

# Colour of a point without colour, in all published checkpoints.
MISSING_RGB = 0.4
# float16 storage may step over the ends of [0, 1] by rounding.
_RGB_SLACK = 1e-2


@dataclass
class Text:
    """A text and its CLIP features, (D,) or None if not stored: of the text itself, and averaged over templates."""

    text: str
    original: np.ndarray | None
    prompt_avg: np.ndarray | None


@dataclass
class Record:
    """An object of the training data.

    xyz (N, 3) float32; rgb (N, 3) float32 in [0, 1]; image_feat (V, D) or None; thumbnail_feat (D,) or None; views:
    encoded images, empty if not stored; texts by kind, empty texts left out; blip and msft are the two captions.
    """

    dataset: str
    uid: str
    xyz: np.ndarray
    rgb: np.ndarray
    image_feat: np.ndarray | None
    thumbnail_feat: np.ndarray | None
    views: list[bytes]
    texts: list[Text]
    blip: Text | None
    msft: Text | None
    retrieval: list[Text]


def check_cloud(xyz: Any, rgb: Any) -> tuple[np.ndarray, np.ndarray]:
    """Checked float32 copies of coordinates (N, 3) and colours (N, 3) or None, which becomes 0.4 grey.

    Raises:
        ValueError: naming what is wrong.
    """
    xyz = _float_array("xyz", xyz, (None, 3))
    if len(xyz) == 0:
        raise ValueError("xyz holds no point")
    if rgb is None:
        return xyz, np.full_like(xyz, MISSING_RGB)
    rgb = _float_array("rgb", rgb, (len(xyz), 3))
    if rgb.min() < -_RGB_SLACK or rgb.max() > 1 + _RGB_SLACK:
        raise ValueError(f"rgb reaches from {rgb.min():g} to {rgb.max():g}, expected [0, 1]")
    return xyz, rgb


def read_record(path: Path, embed_dim: int | None) -> Record:
    """Reads and checks one object file.

    Args:
        path: of the .npy file.
        embed_dim: size D of the stored features; None to leave them alone (they are computed online).

    Raises:
        DataError: with the path, for a file that cannot be read or whose content is not as documented.
    """
    content = read_npy(path)
    try:
        return _to_record(content, embed_dim)
    except (ValueError, TypeError, KeyError) as error:
        reason = f"lacks the key {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: {reason}") from None


def _to_record(content: Any, dim: int | None) -> Record:
    if not isinstance(content, dict):
        raise ValueError(f"expected a pickled dict, found {type(content).__name__}")
    xyz, rgb = check_cloud(content["xyz"], content.get("rgb"))
    stored = dim is not None
    image_feat = content.get("image_feat") if stored else None
    thumbnail = content.get("thumbnail_feat") if stored else None
    views = content.get("views", [])
    if not (isinstance(views, list) and all(isinstance(view, bytes) for view in views)):
        raise ValueError("views is not a list of encoded images")
    return Record(
        dataset=str(content.get("dataset", "")),
        uid=str(content.get("id", "")),
        xyz=xyz,
        rgb=rgb,
        image_feat=None if image_feat is None else _float_array("image_feat", image_feat, (None, dim)),
        thumbnail_feat=None if thumbnail is None else _float_array("thumbnail_feat", np.ravel(thumbnail), (dim,)),
        views=views,
        texts=_texts(content, "text", dim),
        blip=_caption(content, "blip_caption", dim),
        msft=_caption(content, "msft_caption", dim),
        retrieval=_texts(content, "retrieval_text", dim),
    )


def _float_array(name: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {array.dtype}, not numbers")
    if array.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has the shape {array.shape}, expected ({wanted})")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def _text(text: str, features: Any, name: str, dim: int | None) -> Text:
    if dim is None:
        return Text(text, None, None)
    if not isinstance(features, dict):
        raise ValueError(f"{name} has a text but no features")
    vectors = [
        _float_array(f"{name}[{kind!r}]", np.ravel(features[kind]), (dim,)) for kind in ("original", "prompt_avg")
    ]
    return Text(text, *vectors)


def _texts(content: dict, key: str, dim: int | None) -> list[Text]:
    texts = content.get(key) or []
    texts = [texts] if isinstance(texts, str) else list(texts)
    features = list(content.get(f"{key}_feat") or []) if dim is not None else [None] * len(texts)
    if len(features) != len(texts):
        raise ValueError(f"{len(texts)} entries in {key}, but {len(features)} in {key}_feat")
    return [_text(str(t), f, f"{key}_feat", dim) for t, f in zip(texts, features, strict=True) if str(t).strip()]


def _caption(content: dict, key: str, dim: int | None) -> Text | None:
    text = str(content.get(key) or "").strip()
    return _text(text, content.get(f"{key}_feat"), f"{key}_feat", dim) if text else None

"""Spreads the features of an open_clip tower with random weights.

A random tower answers all images with nearly the same vector (mean cosine 0.98), and little can be learned from that
in the minutes of a demo; trained towers spread theirs. So the two output projections are whitened once, on seeded
synthetic inputs: a data-dependent initialisation of the last layer (Krähenbühl et al. 2016). Nothing is trained.
"""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

_NUM_INPUTS = 1024
# Share of the mean eigenvalue that is added to all of them: directions that hold nothing are not blown up.
_RIDGE = 1e-2


@torch.no_grad()
def spread_features(model: nn.Module, preprocess: Callable[[Image.Image], Tensor], seed: int) -> None:
    """Gives image and text features of synthetic inputs an identity second moment, by their last linear maps.

    Only for open_clip's CLIP class, whose `visual.proj` and `text_projection` are such maps; others stay as they are.

    Args:
        model: with random weights; changed in place.
        preprocess: of its images.
        seed: of the inputs.
    """
    projections = [getattr(getattr(model, "visual", None), "proj", None), getattr(model, "text_projection", None)]
    if not all(isinstance(projection, nn.Parameter) for projection in projections):
        return
    rng = np.random.default_rng(seed)
    images = torch.stack([preprocess(image) for image in _synthetic_images(rng)])
    tokens = _synthetic_tokens(rng, int(model.context_length), int(model.vocab_size))  # type: ignore[arg-type]
    was_training = model.training
    model.eval()
    _whiten(projections[0], model.encode_image(images))  # type: ignore[operator, arg-type]
    _whiten(projections[1], model.encode_text(tokens))  # type: ignore[operator, arg-type]
    model.train(was_training)


def _whiten(projection: Tensor, features: Tensor) -> None:
    """Right-multiplies a projection (width, D), so that the features (n, D) it gave would have had E[f f^T] = I."""
    moment = features.double().T @ features.double() / len(features)
    values, vectors = torch.linalg.eigh(moment)
    whitening = vectors @ torch.diag((values.clamp_min(0) + _RIDGE * values.mean()).rsqrt()) @ vectors.T
    projection.copy_(projection.double() @ whitening)


def _synthetic_images(rng: np.random.Generator, size: int = 96) -> list[Image.Image]:
    """A few coloured rectangles and ellipses on white, as a rendered object is."""
    images = []
    for _ in range(_NUM_INPUTS):
        image = Image.new("RGB", (size, size), "white")
        draw = ImageDraw.Draw(image)
        for _ in range(rng.integers(1, 7)):
            left, top = rng.uniform(0.1, 0.6, 2) * size
            width, height = rng.uniform(0.05, 0.4, 2) * size
            shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
            red, green, blue = (int(c) for c in rng.integers(0, 256, 3))
            shape((left, top, left + width, top + height), fill=(red, green, blue))
        images.append(image)
    return images


def _synthetic_tokens(rng: np.random.Generator, context_length: int, vocab_size: int) -> Tensor:
    """Sentences of 1 to 12 random words between the start and end tokens, the two last of the vocabulary."""
    tokens = torch.zeros(_NUM_INPUTS, context_length, dtype=torch.int64)
    for row in tokens:
        length = int(rng.integers(1, min(13, context_length - 1)))
        row[0], row[length + 1] = vocab_size - 2, vocab_size - 1
        row[1 : length + 1] = torch.from_numpy(rng.integers(0, vocab_size - 2, length))
    return tokens

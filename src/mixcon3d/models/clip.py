"""The frozen CLIP image/text tower (open_clip), imported only when features are computed online."""

import io
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mixcon3d.config import ClipConfig
from mixcon3d.data.batch import Batch
from mixcon3d.errors import ConfigError, DataError
from mixcon3d.models.random_tower import spread_features
from mixcon3d.torchvision_mend import mend_torchvision

log = logging.getLogger(__name__)

PROMPT_TEMPLATES = Path(__file__).resolve().parents[3] / "meta_data" / "prompt_templates.txt"


def read_prompt_templates(path: Path = PROMPT_TEMPLATES) -> list[str]:
    """One template a line, `{}` for the name."""
    return [line for line in path.read_text().splitlines() if line.strip()]


class FrozenTower:
    """Encodes encoded images and texts; each distinct one once, as long as it stays in the cache.

    Args:
        config: section `clip`.
        device: where the tower runs and its features live.

    Raises:
        ConfigError: if open_clip does not know the model or its weights cannot be had.
    """

    def __init__(self, config: ClipConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.model, self._preprocess, self._tokenize = _build_open_clip(config)
        self.model.to(device).eval().requires_grad_(False)
        self.templates = read_prompt_templates()
        self._cache: OrderedDict[Hashable, Tensor] = OrderedDict()
        self.embed_dim = self.encode_texts(["x"]).shape[1]

    @property
    def is_random(self) -> bool:
        """True without pretrained weights: the features then have no meaning beyond telling inputs apart."""
        return self.config.pretrained is None and not _has_own_weights(self.config.model)

    @property
    def description(self) -> str:
        """What the features are, for results and reports."""
        if _has_own_weights(self.config.model):
            return f"online, {self.config.model}"
        if self.is_random:
            return f"online, {self.config.model} with seeded random weights (no pretrained CLIP)"
        return f"online, {self.config.model} / {self.config.pretrained}"

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """(n, D) features of the texts as they are, not normalised."""
        return self._cached([("text", t) for t in texts], lambda keys: self._encode_texts([k[1] for k in keys]))

    def encode_prompted(self, texts: Sequence[str]) -> Tensor:
        """(n, D) features averaged over the prompt templates, not normalised."""
        return self._cached([("prompted", t) for t in texts], lambda keys: self._encode_prompted([k[1] for k in keys]))

    def encode_images(self, images: Sequence[bytes]) -> Tensor:
        """(n, D) features of encoded images (PNG, JPEG ...), not normalised."""
        return self._cached([("image", i) for i in images], lambda keys: self._encode_images([k[1] for k in keys]))

    def fill(self, batch: Batch) -> Batch:
        """The batch with image_feat (B, M, D) and text_feat (B, D) computed from its raw inputs; others unchanged."""
        if batch.raw is None:
            return batch
        images = self.encode_images([view for raw in batch.raw for view in raw.views])
        text_feat = images.new_zeros(len(batch), self.embed_dim)
        for prompted, encode in ((True, self.encode_prompted), (False, self.encode_texts)):
            rows = [i for i, raw in enumerate(batch.raw) if raw.text and raw.use_prompts == prompted]
            if rows:
                text_feat[rows] = encode([batch.raw[i].text for i in rows])
        return replace(batch, image_feat=images.view(len(batch), -1, self.embed_dim), text_feat=text_feat, raw=None)

    def _cached(self, keys: list[tuple], encode: Callable[[list[tuple]], Tensor]) -> Tensor:
        missing = list(dict.fromkeys(key for key in keys if key not in self._cache))
        fresh: dict[Hashable, Tensor] = {}
        for start in range(0, len(missing), self.config.batch_size):
            chunk = missing[start : start + self.config.batch_size]
            with torch.no_grad():
                # Rows of their own: a view would keep the whole chunk alive as long as one of its rows is cached.
                fresh.update((key, row.clone()) for key, row in zip(chunk, encode(chunk).float(), strict=True))
        for key in keys:
            if key in self._cache:
                self._cache.move_to_end(key)
        rows = [fresh[key] if key in fresh else self._cache[key] for key in keys]
        self._cache.update(fresh)
        while len(self._cache) > self.config.cache_items:
            self._cache.popitem(last=False)
        return torch.stack(rows)

    def _encode_texts(self, texts: list[str]) -> Tensor:
        encode: Callable[[Tensor], Tensor] = self.model.encode_text  # type: ignore[assignment]
        return self._padded(self._tokenize(texts), encode)

    def _padded(self, inputs: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """encode(inputs) in a chunk of batch_size rows, always.

        Matrix products round by their size: so a feature has the same bits whatever else is not in the cache yet, as
        after the restart of a run.
        """
        padding = inputs[-1:].expand(self.config.batch_size - len(inputs), *inputs.shape[1:])
        return encode(torch.cat([inputs, padding]).to(self.device))[: len(inputs)]

    def _encode_prompted(self, texts: list[str]) -> Tensor:
        filled = [template.format(text) for text in texts for template in self.templates]
        pieces = [filled[i : i + self.config.batch_size] for i in range(0, len(filled), self.config.batch_size)]
        features = torch.cat([self._encode_texts(piece) for piece in pieces])
        return features.view(len(texts), len(self.templates), -1).mean(dim=1)

    def _encode_images(self, images: list[bytes]) -> Tensor:
        from PIL import Image, UnidentifiedImageError

        try:
            pixels = [self._preprocess(Image.open(io.BytesIO(image)).convert("RGB")) for image in images]
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise DataError(f"a view is not a readable image: {error}") from None
        encode: Callable[[Tensor], Tensor] = self.model.encode_image  # type: ignore[assignment]
        return self._padded(torch.stack(pixels), encode)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """open_clip warns of random weights, which here are asked for and stated with every result."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _has_own_weights(name: str) -> bool:
    return name.startswith(("hf-hub:", "local-dir:"))


def _build_open_clip(config: ClipConfig) -> tuple[nn.Module, Callable, Callable]:
    mend_torchvision()
    import open_clip

    name = config.model
    if name.endswith(".json"):
        if not Path(name).is_file():
            raise ConfigError(f"clip.model={name}: no such file")
        open_clip.add_model_config(name)
        name = Path(name).stem
    own_weights = _has_own_weights(name)
    try:
        with torch.random.fork_rng(devices=[]), _without_warnings() if not config.pretrained else nullcontext():
            torch.manual_seed(config.seed)
            model, _, preprocess = open_clip.create_model_and_transforms(
                name, pretrained=None if own_weights else config.pretrained
            )
            if not own_weights and config.pretrained is None:
                spread_features(model, preprocess, config.seed)
        return model, preprocess, open_clip.get_tokenizer(name)
    # open_clip, huggingface_hub and torch each raise errors of their own for unknown names and unreachable hubs.
    except Exception as error:
        lines = " ".join(str(error).split())
        raise ConfigError(f"clip.model={config.model}, clip.pretrained={config.pretrained}: {lines}") from None

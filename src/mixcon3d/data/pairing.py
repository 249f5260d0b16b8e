"""Which text and which views a training sample is paired with (DESIGN: OpenShape's rules)."""

from dataclasses import dataclass

import numpy as np

from mixcon3d.config import DatasetConfig
from mixcon3d.data.record import Record, Text


@dataclass(frozen=True)
class ChosenText:
    """A text, whether it is to be averaged over prompt templates, and its feature (D,), None if computed online."""

    text: str
    use_prompts: bool
    feature: np.ndarray | None


def choose_text(record: Record, config: DatasetConfig, flagged: bool, rng: np.random.Generator) -> ChosenText | None:
    """One candidate from each source of `text_source`, then one of the candidates at random; None without any.

    Args:
        record: the object.
        config: reads text_source, use_prompt_engineering.
        flagged: the raw text is known to be bad (GPT-4 filtering) and not used.
        rng: of this sample.
    """
    candidates = []
    if "text" in config.text_source and record.texts and not flagged:
        # An Objaverse text is the title given by the author; the others are lists of synonyms.
        index = 0 if record.dataset == "Objaverse" else int(rng.integers(len(record.texts)))
        candidates.append(_with_prompts(record.texts[index], config))
    if "caption" in config.text_source:
        captions = [record.blip, record.msft] if rng.random() < 0.5 else [record.msft, record.blip]
        caption = next((c for c in captions if c is not None), None)
        if caption is not None:
            candidates.append(_with_prompts(caption, config))
    if "retrieval_text" in config.text_source and record.retrieval:
        retrieved = record.retrieval[int(rng.integers(len(record.retrieval)))]
        candidates.append(ChosenText(retrieved.text, False, retrieved.original))
    return candidates[int(rng.integers(len(candidates)))] if candidates else None


def _with_prompts(text: Text, config: DatasetConfig) -> ChosenText:
    use_prompts = config.use_prompt_engineering
    return ChosenText(text.text, use_prompts, text.prompt_avg if use_prompts else text.original)


def choose_views(num_views: int, config: DatasetConfig, rng: np.random.Generator) -> np.ndarray:
    """(M,) indices of the views of a training sample; with fewer than M views all of them, then repeats.

    Args:
        num_views: how many the object has, at least 1.
        config: reads image_feat_mode, image_amount, view_sampling.
        rng: of this sample.
    """
    wanted = config.image_amount if config.image_feat_mode == "Multiple" else 1
    if config.view_sampling == "with_replacement":
        return rng.integers(0, num_views, wanted)
    return np.resize(rng.permutation(num_views), wanted)


def evaluation_views(num_views: int, wanted: int) -> np.ndarray:
    """(wanted,) evenly spread view indices floor(num_views i / wanted)."""
    return np.arange(wanted) * num_views // wanted

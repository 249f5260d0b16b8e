"""The words that go with an object: what it is, and the texts that people and captioning models would give it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixcon3d.demo.design import Design

UNSPOKEN_MATERIALS = ("leafy", "natural")
GROUPS = {"scissors": "pair", "headphones": "pair", "eyeglasses": "pair", "stairs": "flight"}
JUNK_TITLES = ("untitled", "model 3", "asset_0412", "scene.gltf", "new project 2", "test", "export final v2", "mesh001")
NO_TEXT, LACKING, JUNK = 0.02, 0.10, 0.04  # shares of the training objects

TITLES = (
    "{name}",
    "{name}",
    "{colour} {name}",
    "{look} {name}",
    "old {material} {name}",
    "{kind} {name}",
    "{name} 3d model",
    "low poly {name}",
)
BLIP_CAPTIONS = (
    "{one} {details} on a white background",
    "a 3d model of {one} {detail}",
    "{one} {detail}",
    "a rendering of {one} on a white background",
)
MSFT_CAPTIONS = (
    "{group} that is {colour}, {details}",
    "a close up of {one}",
    "{plain} {details}, mostly {colour}",
    "an image of {plain} made in {colour}",
)
PHRASES = ("{colour} {name}", "{look} {name} {detail}", "{material} {name}", "{name} {details}", "{name} free 3d model")


@dataclass(frozen=True)
class Attributes:
    """What is true of an object; `kind` goes with the name ("grand" piano), `sizes` are adjectives (with others such
    as "round"), `details` phrases that follow the name."""

    category: str
    kind: str
    colour: str
    material: str
    sizes: tuple[str, ...]
    details: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Texts:
    """The four text fields of the OpenShape format, and whether the raw title says nothing about the object."""

    text: list[str]
    blip_caption: str
    msft_caption: str
    retrieval_text: list[str]
    is_junk: bool = False


def attributes_of(category: str, design: Design) -> Attributes:
    if design.main_paint is None:
        raise ValueError(f"the category {category!r} chose no main paint")
    material = design.main_paint.material
    if material in UNSPOKEN_MATERIALS or material in category.split():
        material = ""
    sizes, details = tuple(dict.fromkeys(design.adjectives)), tuple(dict.fromkeys(design.phrases))
    return Attributes(category, design.kind_word, design.main_paint.colour, material, sizes, details)


def full_caption(attributes: Attributes) -> str:
    """Everything that is known about the object in one phrase."""
    words = [*attributes.sizes, attributes.colour, attributes.material, attributes.kind, attributes.category]
    return " ".join([_one(words, attributes.category), *_joined(attributes.details)])


def write_texts(attributes: Attributes, rng: np.random.Generator, complete: bool = False) -> Texts:
    """Draw the text fields; unless `complete`, some are left empty as in data gathered from the web."""
    size = [attributes.sizes[rng.integers(len(attributes.sizes))]] if attributes.sizes else []
    look = [*size, attributes.colour, attributes.material]
    detail = attributes.details[rng.integers(len(attributes.details))] if attributes.details else ""
    words = {
        "name": attributes.category,
        "group": _one([attributes.category], attributes.category),
        "kind": attributes.kind,
        "colour": attributes.colour,
        "material": attributes.material,
        "look": " ".join(word for word in look if word),
        "one": _one([*look, attributes.kind, attributes.category], attributes.category),
        "plain": _one([*size, attributes.kind, attributes.category], attributes.category),
        "detail": detail,
        "details": " ".join(_joined(attributes.details)),
    }
    phrases = rng.permutation(len(PHRASES))[: rng.integers(1, 4)]
    texts = Texts(
        [_fill(TITLES[rng.integers(len(TITLES))], words)],
        _fill(BLIP_CAPTIONS[rng.integers(len(BLIP_CAPTIONS))], words),
        _fill(MSFT_CAPTIONS[rng.integers(len(MSFT_CAPTIONS))], words),
        list(dict.fromkeys(_fill(PHRASES[i], words) for i in phrases)),
    )
    return texts if complete else _with_gaps(texts, rng)


def _with_gaps(texts: Texts, rng: np.random.Generator) -> Texts:
    chance, field, title = rng.random(), rng.integers(4), JUNK_TITLES[rng.integers(len(JUNK_TITLES))]
    if chance < NO_TEXT:
        return Texts([], "", "", [])
    if chance < NO_TEXT + LACKING:
        return Texts(
            [] if field == 0 else texts.text,
            "" if field == 1 else texts.blip_caption,
            "" if field == 2 else texts.msft_caption,
            [] if field == 3 else texts.retrieval_text,
        )
    if chance < NO_TEXT + LACKING + JUNK:
        return Texts([title], texts.blip_caption, texts.msft_caption, texts.retrieval_text, is_junk=True)
    return texts


def _one(words: list[str], category: str) -> str:
    """The words with their article: "a red chair", "an open box", "a pair of red scissors"."""
    phrase = " ".join(word for word in words if word)
    if category in GROUPS:
        return f"a {GROUPS[category]} of {phrase}"
    return f"{_article(phrase)} {phrase}"


def _article(phrase: str) -> str:
    return "an" if phrase[0] in "aeiou" else "a"


def _joined(details: tuple[str, ...]) -> list[str]:
    """Details with "and" before all but the first."""
    return [detail if i == 0 else f"and {detail}" for i, detail in enumerate(details)]


def _fill(template: str, words: dict[str, str]) -> str:
    return " ".join(template.format(**words).split()).replace(" ,", ",").rstrip(",")

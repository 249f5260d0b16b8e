"""The drawing board on which a category builds one random object."""

from dataclasses import dataclass, field

import numpy as np

from mixcon3d.demo.paint import MATERIALS, Paint, mix_paint
from mixcon3d.demo.surfaces import Surface

ADJECTIVES: dict[str, tuple[str, str]] = {
    "height": ("short", "tall"),
    "width": ("narrow", "wide"),
    "length": ("short", "long"),
    "depth": ("shallow", "deep"),
    "thickness": ("thin", "thick"),
    "size": ("small", "big"),
}
NOTABLE = 0.22  # the share of a dimension's range, at either end, that earns an adjective


@dataclass(frozen=True)
class Part:
    """A surface and its paint."""

    surface: Surface
    paint: Paint


@dataclass
class Design:
    """Collects the parts of one object together with the words that describe them.

    Category functions draw every random choice from here. Metres are the usual unit; only proportions survive,
    since the finished object is scaled into the unit sphere.
    """

    rng: np.random.Generator
    parts: list[Part] = field(default_factory=list)
    adjectives: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    main_paint: Paint | None = None
    kind_word: str = ""

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """Whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *options: str) -> str:
        return options[int(self.rng.integers(len(options)))]

    def dimension(self, name: str, low: float, high: float) -> float:
        """A length that earns its adjective ("tall", "narrow" ...) near either end of the range."""
        share = float(self.rng.random())
        if share < NOTABLE or share > 1 - NOTABLE:
            self.adjectives.append(ADJECTIVES[name][share > 0.5])
        return low + share * (high - low)

    def paint(self, *materials: str, colours: tuple[str, ...] = ()) -> Paint:
        """A paint of one of the materials, in one of its usual colours or of those given."""
        material = self.pick(*materials)
        return mix_paint(material, self.pick(*(colours or MATERIALS[material].colours)), self.rng)

    def main(self, *materials: str, colours: tuple[str, ...] = ()) -> Paint:
        """The paint that captions speak of."""
        self.main_paint = self.paint(*materials, colours=colours)
        return self.main_paint

    def either(self, first: Paint, *materials: str, colours: tuple[str, ...] = ()) -> Paint:
        """The first paint or, as often, a new one."""
        return first if self.chance(0.5) else self.paint(*materials, colours=colours)

    def add(self, paint: Paint, *surfaces: Surface) -> None:
        self.parts.extend(Part(surface, paint) for surface in surfaces)

    @property
    def shadow(self) -> Paint:
        """Near black, for gaps and rubber."""
        return Paint((0.13, 0.12, 0.12), "black", "plastic")

    def say(self, phrase: str) -> None:
        """Words after the name: "with armrests"."""
        self.phrases.append(phrase)

    def call(self, adjective: str) -> None:
        """A word that describes the object: "round"."""
        self.adjectives.append(adjective)

    def kind(self, word: str) -> None:
        """A word that goes with the name itself: "grand" of a grand piano."""
        self.kind_word = word

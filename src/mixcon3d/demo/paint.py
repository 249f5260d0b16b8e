"""Colours and materials of the demo objects."""

from dataclasses import dataclass

import numpy as np

PALETTE: dict[str, tuple[tuple[float, float, float], ...]] = {
    "red": ((0.80, 0.12, 0.12), (0.66, 0.08, 0.12)),
    "green": ((0.18, 0.58, 0.22), (0.12, 0.42, 0.20), (0.45, 0.65, 0.20)),
    "blue": ((0.14, 0.30, 0.76), (0.10, 0.20, 0.50), (0.30, 0.55, 0.90)),
    "yellow": ((0.95, 0.82, 0.16), (0.90, 0.75, 0.25)),
    "orange": ((0.94, 0.50, 0.10), (0.88, 0.40, 0.08)),
    "purple": ((0.48, 0.20, 0.62), (0.58, 0.36, 0.74)),
    "pink": ((0.95, 0.60, 0.72), (0.92, 0.45, 0.62)),
    "brown": ((0.50, 0.30, 0.15), (0.36, 0.21, 0.11), (0.60, 0.39, 0.20)),
    "black": ((0.10, 0.10, 0.11),),
    "white": ((0.95, 0.95, 0.94),),
    "grey": ((0.55, 0.56, 0.58), (0.42, 0.43, 0.45), (0.68, 0.69, 0.71)),
    "beige": ((0.86, 0.77, 0.60), (0.90, 0.83, 0.70)),
    "turquoise": ((0.18, 0.72, 0.70), (0.40, 0.80, 0.78)),
    "gold": ((0.83, 0.65, 0.22),),
    "silver": ((0.75, 0.76, 0.79),),
}
BRIGHT = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "turquoise", "white", "black", "grey")
COLOUR_JITTER = 0.035


@dataclass(frozen=True)
class Material:
    """What a material looks like: its usual colours, the noise of single points and the contrast of its stripes."""

    colours: tuple[str, ...]
    speckle: float = 0.01
    grain: float = 0.0


MATERIALS: dict[str, Material] = {
    "wooden": Material(("brown", "brown", "brown", "beige", "white", "black", "red", "green", "blue"), 0.015, 0.09),
    "metal": Material(("grey", "silver", "black", "white", "red", "blue", "green", "gold"), 0.008),
    "plastic": Material(BRIGHT, 0.004),
    "fabric": Material((*BRIGHT, "beige", "brown"), 0.025),
    "glass": Material(("turquoise", "green", "blue", "white", "brown"), 0.006),
    "ceramic": Material(("white", "white", "beige", "blue", "red", "green", "turquoise", "yellow", "pink"), 0.006),
    "leather": Material(("brown", "black", "beige", "red", "white"), 0.02),
    "stone": Material(("grey", "beige", "white"), 0.025),
    "paper": Material(BRIGHT, 0.008),
    "leafy": Material(("green",), 0.035),
    "natural": Material(BRIGHT, 0.02),
}


@dataclass(frozen=True)
class Paint:
    """One colour of one material; rgb in [0, 1]."""

    rgb: tuple[float, float, float]
    colour: str
    material: str


def mix_paint(material: str, colour: str, rng: np.random.Generator) -> Paint:
    """A shade of the named colour, slightly off the palette."""
    shades = PALETTE[colour]
    shade = np.array(shades[rng.integers(len(shades))])
    mixed = (shade + rng.normal(0, COLOUR_JITTER, 3)).clip(0.03, 0.98)
    return Paint((float(mixed[0]), float(mixed[1]), float(mixed[2])), colour, material)

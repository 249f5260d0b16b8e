"""The table of all categories."""

from collections.abc import Callable

from mixcon3d.demo import (
    belongings,
    craft,
    electronics,
    fixtures,
    food,
    kitchen,
    lighting,
    music,
    nature,
    outdoors,
    rooms,
    seating,
    storage,
    tools,
    vehicles,
)
from mixcon3d.demo.design import Design

Builder = Callable[[Design], None]

SCANOBJECTNN = (
    "bag",
    "bin",
    "box",
    "cabinet",
    "chair",
    "desk",
    "display",
    "door",
    "shelf",
    "table",
    "bed",
    "pillow",
    "sink",
    "sofa",
    "toilet",
)
MODELNET40_NAMES = (
    "airplane",
    "bathtub",
    "bed",
    "bench",
    "bottle",
    "bowl",
    "car",
    "chair",
    "cone",
    "cup",
    "curtain",
    "desk",
    "door",
    "dresser",
    "flower pot",
    "guitar",
    "keyboard",
    "lamp",
    "laptop",
    "person",
    "piano",
    "plant",
    "radio",
    "sink",
    "sofa",
    "stairs",
    "stool",
    "table",
    "tent",
    "toilet",
    "vase",
    "wardrobe",
)

CATEGORIES: dict[str, Builder] = {
    **seating.CATEGORIES,
    **storage.CATEGORIES,
    **rooms.CATEGORIES,
    **lighting.CATEGORIES,
    **fixtures.CATEGORIES,
    **kitchen.CATEGORIES,
    **food.CATEGORIES,
    **tools.CATEGORIES,
    **belongings.CATEGORIES,
    **music.CATEGORIES,
    **electronics.CATEGORIES,
    **nature.CATEGORIES,
    **outdoors.CATEGORIES,
    **vehicles.CATEGORIES,
    **craft.CATEGORIES,
}

MODELNET40 = {name: name.replace(" ", "_") for name in MODELNET40_NAMES if name in CATEGORIES}

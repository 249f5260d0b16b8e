"""Furniture and containers that hold things."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import door_leaf, drawer, handle, legs, trough, vessel
from mixcon3d.demo.surfaces import box, cylinder, rod, rounded_box, sphere, torus


def cabinet(d: Design) -> None:
    width, depth, height = d.dimension("width", 0.7, 1.1), d.uniform(0.36, 0.46), d.dimension("height", 0.8, 1.2)
    wood = d.main("wooden", "wooden", "metal")
    metal = d.paint("metal", colours=("gold", "black", "silver"))
    fronts = d.either(wood, wood.material)
    d.add(wood, box(width, height - 0.1, depth).at(y=0.1), box(width + 0.06, 0.04, depth + 0.05).at(y=height))
    legs(d, wood, width, depth, 0.1, 0.06)
    top = 0.22 if d.chance(0.5) else 0.0
    for side in (-1, 1):
        door_leaf(d, fronts, width * 0.47, height - 0.16 - top, side * width * 0.24, 0.13, depth / 2)
        handle(d, metal, "bar", 0.14, side * 0.07, 0.13 + (height - 0.16 - top) * 0.6, depth / 2 + 0.03, upright=True)
        if top:
            drawer(d, fronts, metal, "knob", width * 0.47, top * 0.85, side * width * 0.24, height - 0.13, depth / 2)
    d.say("with two doors and two drawers" if top else "with two doors")


def shelf(d: Design) -> None:
    width, depth, height = d.dimension("width", 0.6, 1.2), 0.3, d.dimension("height", 1.0, 1.9)
    wood = d.main("wooden", "metal")
    rows = d.count(3, 5)
    d.say(f"with {('three', 'four', 'five')[rows - 3]} levels")
    for x in (-width / 2, width / 2):
        d.add(wood, box(0.03, height, depth).at(x))
    for y in np.linspace(0.06, height - 0.03, rows + 1):
        d.add(wood, box(width, 0.03, depth).at(y=y))
    if d.chance(0.7):
        d.add(wood, box(width, height, 0.012).at(z=-depth / 2))
    if d.chance(0.65):
        d.say("full of books")
        step = (height - 0.09) / rows
        for level in range(rows):
            _books(d, width - 0.06, 0.09 + level * step, step * 0.78)


def _books(d: Design, width: float, y: float, height: float) -> None:
    x, end = -width / 2, -width / 2 + width * d.uniform(0.4, 1.0)
    while x < end - 0.08:
        thickness = d.uniform(0.04, 0.08)
        d.add(d.paint("paper"), box(thickness * 0.94, height * d.uniform(0.7, 1.0), 0.2).at(x + thickness / 2, y))
        x += thickness


def dresser(d: Design) -> None:
    width, depth, height = d.dimension("width", 0.8, 1.5), 0.48, d.dimension("height", 0.75, 1.05)
    wood = d.main("wooden")
    metal = d.paint("metal", colours=("gold", "black", "silver"))
    d.add(wood, box(width, height - 0.1, depth).at(y=0.1), box(width + 0.06, 0.04, depth + 0.05).at(y=height))
    legs(d, wood, width, depth, 0.1, 0.07, d.pick("square", "turned"))
    columns, rows = (2 if width > 0.95 else 1), d.count(3, 4)
    d.say(f"with {('three', 'four')[rows - 3]} rows of drawers")
    style, fronts = d.pick("knob", "bar"), d.either(wood, "wooden")
    row = (height - 0.14) / rows
    for k in range(rows):
        for c in range(columns):
            x = ((c + 0.5) / columns - 0.5) * width * 0.97
            drawer(d, fronts, metal, style, width * 0.95 / columns, row * 0.96, x, 0.12 + (k + 0.5) * row, depth / 2)
    if d.chance(0.4):
        d.say("with a mirror")
        d.add(wood, rounded_box(width * 0.6, 0.6, 0.04, 0.02).at(0, height + 0.04, -depth * 0.4))
        d.add(
            d.paint("glass", colours=("silver",)),
            box(width * 0.5, 0.5, 0.01).at(0, height + 0.09, -depth * 0.4 + 0.022),
        )


def wardrobe(d: Design) -> None:
    width, depth, height = d.dimension("width", 0.9, 1.5), 0.55, d.dimension("height", 1.8, 2.2)
    wood = d.main("wooden")
    metal = d.paint("metal", colours=("gold", "black", "silver"))
    d.add(wood, box(width, height - 0.08, depth).at(y=0.08), box(width + 0.1, 0.08, depth + 0.08).at(y=height))
    d.add(wood, box(width + 0.04, 0.1, depth + 0.03))
    doors = 2 if width < 1.2 else 3
    d.say(f"with {'two' if doors == 2 else 'three'} tall doors")
    fronts = d.either(wood, "wooden")
    for k in range(doors):
        x = ((k + 0.5) / doors - 0.5) * width * 0.97
        door_leaf(d, fronts, width * 0.95 / doors, height - 0.2, x, 0.14, depth / 2)
        side = 1 if k == 0 else -1
        handle(d, metal, "bar", 0.22, x + side * width * 0.38 / doors, height * 0.5, depth / 2 + 0.03, upright=True)


def box_category(d: Design) -> None:
    width, depth, height = d.dimension("width", 0.5, 1.0), d.uniform(0.45, 0.7), d.dimension("height", 0.25, 0.7)
    card = d.main("paper", "wooden", "plastic", colours=("brown", "beige", "brown", "white", "red", "blue"))
    wall = 0.02
    d.add(card, box(width, wall, depth))
    for side in (-1, 1):
        d.add(card, box(wall, height, depth).at(side * width / 2), box(width, height, wall).at(0, 0, side * depth / 2))
    style = d.pick("open", "closed", "flaps", "flaps")
    if style == "closed":
        d.call("closed")
        d.add(card, box(width * 1.04, height * 0.18, depth * 1.04).at(y=height * 0.86))
        tape = d.paint("paper", colours=("beige", "white", "yellow"))
        d.add(
            tape,
            box(width * 0.14, 0.004, depth * 1.05).at(y=height * 1.04),
            box(width * 0.14, height * 0.3, 0.006).at(0, height * 0.72, depth * 0.53),
        )
    else:
        d.call("open")
    if style == "flaps":
        d.say("with four flaps")
        tilt, reach = d.uniform(20, 60), depth * 0.45
        for turn, half in ((0, depth / 2), (90, width / 2), (180, depth / 2), (270, width / 2)):
            flap = box(depth if turn % 180 else width, 0.015, reach).at(z=reach / 2).turned(x=tilt).at(0, height, half)
            d.add(card, flap.turned(y=turn))


def bin_category(d: Design) -> None:
    radius, height = d.uniform(0.2, 0.26), d.dimension("height", 0.5, 0.85)
    body = d.main("plastic", "metal")
    style = d.pick("wheelie", "pedal", "open")
    if style == "wheelie":
        d.say("with wheels and a lid")
        _wheelie_bin(d, height)
        return
    if style == "open":
        d.call("open")
        d.add(body, vessel([(radius * 0.75, 0), (radius * 0.88, height / 2), (radius, height)], 0.012, 2))
        d.add(body, torus(radius, 0.015).at(y=height))
        for y in (0.3, 0.6):
            d.add(body, torus(radius * (0.75 + 0.25 * y), 0.008).at(y=height * y))
        return
    d.say("with a domed lid and a pedal")
    lid = d.either(body, "plastic", "metal")
    d.add(body, cylinder(radius, height))
    d.add(d.shadow, cylinder(radius * 0.97, 0.03).at(y=height))
    d.add(
        lid,
        sphere(radius * 1.03, 0, 90).scaled(y=0.45).at(y=height + 0.025),
        cylinder(radius * 1.03, 0.02).at(y=height + 0.02),
    )
    d.add(d.shadow, box(0.14, 0.025, 0.12).at(0, 0.03, radius + 0.03), cylinder(radius * 1.03, 0.04))


def _wheelie_bin(d: Design, height: float) -> None:
    body = d.main_paint or d.main("plastic")
    low, high = np.array([0.2, 0.19]), np.array([0.27, 0.28])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    bottom = np.insert(corners * low, 1, 0.05, axis=1)
    top = np.insert(corners * high, 1, height, axis=1)
    d.add(body, trough(bottom, top))
    lid = d.either(body, "plastic")
    d.add(lid, rounded_box(0.6, 0.07, 0.62, 0.03).turned(x=-4).at(0, height, 0.02))
    d.add(d.shadow, cylinder(0.09, 0.48).at(y=-0.24).turned(z=90).at(0, 0.09, -0.2))
    d.add(d.shadow, rod((-0.24, height - 0.02, -0.34), (0.24, height - 0.02, -0.34), 0.02))


CATEGORIES = {
    "cabinet": cabinet,
    "shelf": shelf,
    "dresser": dresser,
    "wardrobe": wardrobe,
    "box": box_category,
    "bin": bin_category,
}

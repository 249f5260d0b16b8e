"""Tables and what else furnishes a room."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import drawer, legs
from mixcon3d.demo.outlines import spline
from mixcon3d.demo.surfaces import box, cylinder, lathe, patch, rod, sphere


def table(d: Design) -> None:
    height, depth = d.dimension("height", 0.4, 0.85), d.uniform(0.6, 0.9)
    wood = d.main("wooden", "wooden", "metal", "plastic")
    top = d.either(wood, "wooden", "glass", "stone")
    thick = d.uniform(0.03, 0.06)
    if d.chance(0.4):
        d.call("round")
        radius = d.dimension("width", 0.38, 0.62)
        d.add(top, cylinder(radius, thick, segments=32).at(y=height))
        if d.chance(0.5):
            d.say("with a pedestal base")
            knots = [
                (0, 0),
                (radius * 0.55, 0),
                (radius * 0.5, 0.03),
                (0.07, 0.09),
                (0.05, height * 0.6),
                (0.12, height),
            ]
            d.add(wood, lathe(knots))
        else:
            d.say("with four legs")
            legs(d, wood, radius * 1.3, radius * 1.3, height, 0.06, "tapered", 0.06)
        return
    width = d.dimension("length", 0.9, 1.9)
    d.add(top, box(width, thick, depth).at(y=height))
    d.say("with four legs")
    style = d.pick("square", "turned", "tapered")
    legs(d, wood, width * 0.94, depth * 0.92, height, d.uniform(0.06, 0.09), style)
    for z in (-depth * 0.42, depth * 0.42):
        d.add(wood, box(width * 0.88, 0.09, 0.025).at(0, height - 0.09, z))
    for x in (-width * 0.43, width * 0.43):
        d.add(wood, box(0.025, 0.09, depth * 0.84).at(x, height - 0.09))


def desk(d: Design) -> None:
    width, depth, height = d.dimension("width", 1.1, 1.7), d.uniform(0.6, 0.75), d.uniform(0.72, 0.8)
    wood = d.main("wooden", "metal")
    metal = d.paint("metal", colours=("gold", "black", "silver"))
    d.add(wood, box(width, 0.04, depth).at(y=height))
    d.add(wood, box(width * 0.9, 0.4, 0.02).at(0, height - 0.4, -depth * 0.42))
    style = d.pick("knob", "bar")
    sides = (-1, 1) if d.chance(0.45) else (d.count(0, 1) * 2 - 1,)
    pedestal, rows = width * 0.27, d.count(3, 4)
    d.say("with drawers on both sides" if len(sides) == 2 else "with drawers on one side")
    for side in sides:
        x = side * (width - pedestal) / 2
        d.add(wood, box(pedestal, height - 0.05, depth * 0.94).at(x, 0.05))
        row = (height - 0.07) / rows
        for k in range(rows):
            drawer(d, wood, metal, style, pedestal * 0.92, row * 0.94, x, 0.06 + (k + 0.5) * row, depth * 0.47)
    if len(sides) == 1:
        for z in (-depth * 0.42, depth * 0.42):
            d.add(wood, box(0.05, height, 0.05).at(-sides[0] * (width / 2 - 0.04), 0, z))
    if d.chance(0.35):
        d.say("with a lamp on it")
        lamp, x = d.paint("metal"), -width * 0.34
        d.add(
            lamp,
            cylinder(0.08, 0.02).at(x, height + 0.04, -0.1),
            rod((x, height, -0.1), (x - 0.05, height + 0.3, -0.1), 0.014),
        )
        d.add(lamp, cylinder(0.1, 0.12, 0.04).turned(z=-30).at(x - 0.02, height + 0.25, -0.1))


def door(d: Design) -> None:
    width, height = d.dimension("width", 0.75, 1.05), d.uniform(2.0, 2.2)
    wood = d.main("wooden")
    frame = d.either(wood, "wooden")
    metal = d.paint("metal", colours=("gold", "black", "silver"))
    for x in (-1.0, 1.0):
        d.add(frame, box(0.1, height + 0.1, 0.14).at(x * (width / 2 + 0.05)))
    d.add(frame, box(width + 0.2, 0.1, 0.14).at(y=height))
    d.add(wood, box(width, height, 0.05))
    style = d.pick("panels", "window", "planks")
    for z in (-1.0, 1.0):
        if style == "planks":
            for x in np.linspace(-0.5, 0.5, 6)[1:-1]:
                d.add(d.shadow, box(0.015, height, 0.003).at(x * width, 0, z * 0.026))
            for y in (0.2, 0.75):
                d.add(wood, box(width * 0.94, 0.12, 0.02).at(0, height * y, z * 0.03))
        for y, tall in ((0.08, 0.32), (0.5, 0.4)) if style != "planks" else ():
            for x in (-0.22, 0.22):
                glazed = style == "window" and y == 0.5
                paint = d.paint("glass", colours=("turquoise", "blue")) if glazed else d.shadow
                d.add(paint, box(width * 0.36, height * tall, 0.004).at(x * width, height * y, z * 0.027))
                if not glazed:
                    d.add(
                        wood,
                        box(width * 0.29, height * tall * 0.9, 0.012).at(
                            x * width, height * (y + 0.05 * tall), z * 0.032
                        ),
                    )
        d.add(metal, sphere(0.045).at(width * 0.42, height * 0.46, z * 0.08))
        d.add(metal, box(0.06, 0.2, 0.02).at(width * 0.42, height * 0.43, z * 0.03))
    d.say({"panels": "with four panels", "window": "with a glass window", "planks": "made of planks"}[style])


def curtain(d: Design) -> None:
    width, height = d.dimension("width", 1.0, 1.8), d.uniform(1.5, 1.9)
    cloth, pole = d.main("fabric"), d.paint("wooden", "metal")
    d.add(pole, rod((-width * 0.6, height, 0), (width * 0.6, height, 0), 0.03))
    d.add(pole, sphere(0.06).at(width * 0.6, height), sphere(0.06).at(-width * 0.6, height))
    tied = d.chance(0.5)
    d.say("tied back" if tied else "with deep folds")
    down, across = np.linspace(0, 1, 15)[:, None], np.linspace(0, 1, 61)[None, :]
    folds = d.count(5, 8)
    waist = 1 - 0.6 * np.exp(-(((down - 0.6) / 0.22) ** 2)) if tied else 1 - 0.06 * np.sin(np.pi * down)
    x = width * 0.56 * (1 - across * waist * 0.84)
    z = 0.05 * np.sin(2 * np.pi * folds * across) * (0.5 + waist / 2)
    sheet = patch(np.stack(np.broadcast_arrays(x, height * (1 - down), z), axis=-1))
    d.add(cloth, sheet, sheet.scaled(x=-1.0))
    if tied:
        band = d.paint("fabric")
        for side in (-1, 1):
            d.add(band, box(width * 0.22, 0.06, 0.13).at(side * width * 0.465, height * 0.38))


def fireplace(d: Design) -> None:
    width, height = d.dimension("width", 1.2, 1.7), d.uniform(1.0, 1.25)
    stone = d.main("stone", "wooden", colours=("white", "beige", "grey", "brown", "red"))
    mantel = d.either(stone, "wooden")
    opening = width * 0.42
    pillar = (width - opening) / 2
    for side in (-1, 1):
        d.add(stone, box(pillar, height, 0.4).at(side * (opening + pillar) / 2))
        d.add(stone, box(pillar * 0.5, height, 0.48).at(side * (opening + pillar) / 2))
    d.add(stone, box(opening, height * 0.35, 0.4).at(y=height * 0.65), box(width * 1.15, 0.08, 0.6).at(y=height))
    d.add(mantel, box(width * 1.1, 0.06, 0.55).at(y=height - 0.06), box(width * 1.1, 0.06, 0.75).at(y=-0.05, z=0.1))
    d.add(d.shadow, box(opening, height * 0.65, 0.02).at(z=-0.18))
    log = d.paint("wooden", colours=("brown",))
    for x, z in ((-0.06, 0.0), (0.06, 0.06), (0.0, 0.12)):
        d.add(log, rod((x - opening * 0.3, 0.06, z), (x + opening * 0.3, 0.09, z), 0.05))
    if d.chance(0.7):
        d.say("with a burning fire")
        for x in (-0.14, -0.05, 0.04, 0.13):
            flame = d.paint("natural", colours=("orange", "yellow", "red"))
            tall = d.uniform(0.2, 0.4)
            d.add(flame, lathe(spline([(0, 0), (0.07, tall * 0.25), (0.03, tall * 0.7), (0, tall)])).at(x, 0.08, 0.06))
    else:
        d.say("with logs")


def stairs(d: Design) -> None:
    steps, width = d.count(5, 8), d.dimension("width", 0.8, 1.3)
    wood = d.main("wooden", "stone")
    tread = d.either(wood, "wooden", "stone")
    rise, run = 0.18, 0.26
    for k in range(steps):
        d.add(wood, box(width, rise * (k + 1) - 0.03, run).at(0, 0, -k * run))
        d.add(tread, box(width * 1.04, 0.04, run * 1.1).at(0, rise * (k + 1) - 0.03, -k * run + 0.02))
    if d.chance(0.5):
        d.say("with a handrail")
        x = width * 0.48
        for k in range(steps):
            d.add(tread, rod((x, rise * (k + 1), -k * run), (x, rise * (k + 1) + 0.7, -k * run), 0.025))
        d.add(tread, rod((x, rise + 0.7, 0.05), (x, rise * steps + 0.7, -(steps - 1) * run - 0.05), 0.04))
    d.say(f"with {('five', 'six', 'seven', 'eight')[steps - 5]} steps")


def ladder(d: Design) -> None:
    height, rungs = d.dimension("height", 1.4, 2.2), d.count(5, 8)
    rail = d.main("wooden", "metal")
    half = 0.22
    stepladder = d.chance(0.5)
    lean = 0.35 if stepladder else 0.0
    for x in (-half, half):
        d.add(rail, rod((x * 1.15, 0, lean), (x * 0.85, height, 0), 0.032))
        if stepladder:
            d.add(rail, rod((x * 1.15, 0, -lean), (x * 0.85, height, 0), 0.028))
    for k in range(rungs):
        share = (k + 0.7) / (rungs + 0.3)
        z, y = lean * (1 - share), height * share
        if stepladder:
            d.add(rail, box(half * 2.1, 0.03, 0.11).at(0, y, z))
        else:
            d.add(rail, rod((-half, y, z), (half, y, z), 0.024))
    if stepladder:
        d.call("folding")
        d.add(d.either(rail, "plastic"), box(half * 2.1, 0.04, 0.24).at(0, height))
    d.say(f"with {('five', 'six', 'seven', 'eight')[rungs - 5]} {'steps' if stepladder else 'rungs'}")


CATEGORIES = {
    "table": table,
    "desk": desk,
    "door": door,
    "curtain": curtain,
    "fireplace": fireplace,
    "stairs": stairs,
    "ladder": ladder,
}

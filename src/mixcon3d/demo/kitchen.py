"""Crockery and cutlery."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import loop_handle, vessel
from mixcon3d.demo.outlines import extrude, in_plane, spline
from mixcon3d.demo.surfaces import cylinder, ellipsoid, lathe, rod, rounded_box, sphere, torus, tube


def cup(d: Design) -> None:
    china = d.main("ceramic")
    height = d.dimension("height", 0.26, 0.36)
    d.add(china, vessel([(0.1, 0), (0.13, 0.03), (0.2, height * 0.5), (0.25, height)], 0.02))
    d.add(china, loop_handle(0.14, height * 0.55, 0.025).at(0.21, height * 0.3))
    saucer = d.either(china, "ceramic")
    d.add(saucer, lathe(spline([(0, -0.03), (0.2, -0.03), (0.32, 0.0), (0.42, 0.05)], 3)))
    d.add(saucer, torus(0.42, 0.012).at(y=0.05))
    drink = d.paint("natural", colours=("brown", "white", "green"))
    d.add(drink, cylinder(0.2, 0.01).at(y=height * 0.75))
    d.say("on a saucer")


def mug(d: Design) -> None:
    china = d.main("ceramic", "plastic", "metal")
    height, radius = d.dimension("height", 0.45, 0.62), 0.22
    d.add(china, vessel([(radius * 0.96, 0), (radius, height * 0.1), (radius, height)], 0.025, 2))
    d.add(china, loop_handle(0.19, height * 0.6, 0.035).at(radius, height * 0.2))
    d.say("with a big handle")
    if d.chance(0.6):
        band = d.paint("ceramic")
        d.say(f"with a {band.colour} stripe")
        d.add(band, lathe([(radius + 0.004, height * 0.35), (radius + 0.004, height * 0.65)]))


def teapot(d: Design) -> None:
    china = d.main("ceramic", "metal")
    fat = d.dimension("width", 0.3, 0.42)
    outline = [(0.0, 0), (0.18, 0), (fat * 0.95, 0.14), (fat, 0.26), (fat * 0.6, 0.44), (0.15, 0.47)]
    d.add(china, lathe(spline(outline, 5)))
    lid = d.either(china, "ceramic")
    d.add(lid, lathe(spline([(0.17, 0.46), (0.12, 0.52), (0.04, 0.55), (0.0, 0.55)], 3)), sphere(0.045).at(y=0.59))
    spout = in_plane(spline([(fat * 0.8, 0.14), (fat + 0.14, 0.22), (fat + 0.2, 0.38), (fat + 0.3, 0.46)]))
    d.add(china, tube(spout, np.linspace(0.085, 0.035, len(spout))))
    d.add(d.either(china, "wooden"), loop_handle(0.22, 0.32, 0.03).turned(y=180).at(-fat * 0.85, 0.1))
    d.say("with a spout and a lid")


def bottle(d: Design) -> None:
    glass = d.main("glass", "plastic")
    height, radius = d.dimension("height", 0.7, 1.1), d.uniform(0.13, 0.17)
    shoulder = height * d.uniform(0.5, 0.65)
    outline = [(0, 0), (radius, 0), (radius, shoulder)]
    neck = spline([(radius, shoulder), (radius * 0.85, shoulder + 0.06), (0.05, shoulder + 0.2), (0.045, height)], 5)
    d.add(glass, lathe([*outline, *neck, (0, height)]))
    cap = d.paint("metal", "plastic", "wooden")
    d.add(cap, cylinder(0.058, 0.07).at(y=height - 0.01))
    label = d.paint("paper")
    d.say(f"with a {label.colour} label")
    low, high = shoulder * 0.25, shoulder * 0.8
    d.add(label, lathe([(radius + 0.004, low), (radius + 0.004, high)]))
    stripe = d.paint("paper")
    middle = (low + high) / 2
    d.add(stripe, lathe([(radius + 0.008, middle - 0.03), (radius + 0.008, middle + 0.03)]))


def bowl(d: Design) -> None:
    china = d.main("ceramic", "wooden", "glass", "metal")
    height = d.dimension("depth", 0.22, 0.42)
    d.add(china, vessel([(0.16, 0), (0.3, height * 0.25), (0.42, height * 0.65), (0.47, height)], 0.03, 5))
    d.add(china, cylinder(0.17, 0.05).at(y=-0.03))
    if d.chance(0.4):
        band = d.paint("ceramic")
        d.say(f"with a {band.colour} rim")
        d.add(band, torus(0.46, 0.028).at(y=height))
    if d.chance(0.5):
        d.say("full of fruit")
        for x, z in ((0.15, 0.05), (-0.14, 0.12), (-0.05, -0.17), (0.02, 0.0)):
            fruit = d.paint("natural", colours=("red", "orange", "green", "yellow"))
            d.add(fruit, sphere(0.15).at(x, height - 0.02 + (0.14 if x == 0.02 else 0), z))


def plate(d: Design) -> None:
    china = d.main("ceramic")
    rim = d.either(china, "ceramic")
    radius = 0.5
    flat = lathe([(0, 0.0), (radius * 0.55, 0.0), (radius * 0.66, 0.045)])
    edge = lathe([(radius * 0.66, 0.045), (radius, 0.08), (radius, 0.06), (radius * 0.6, -0.02), (0, -0.02)])
    tilt = d.uniform(0, 50)
    d.add(china, flat.turned(x=tilt))
    d.add(rim, edge.turned(x=tilt))
    if rim is not china:
        d.say(f"with a {rim.colour} rim")
    if d.chance(0.5):
        ring = d.paint("ceramic")
        d.say(f"with {ring.colour} rings")
        for share in (0.35, 0.88):
            d.add(ring, torus(radius * share, 0.012).at(y=0.07 if share > 0.5 else 0.004).turned(x=tilt))


def wine_glass(d: Design) -> None:
    glass = d.main("glass", colours=("white", "turquoise", "green", "blue"))
    stem, cup_height = d.dimension("height", 0.35, 0.6), 0.45
    foot = [(0, 0), (0.2, 0), (0.19, 0.015), (0.04, 0.04), (0.022, 0.1), (0.022, stem)]
    cup_outline = spline([(0.03, stem), (0.17, stem + 0.08), (0.2, stem + 0.2), (0.15, stem + cup_height)], 5)
    d.add(glass, lathe(foot), lathe(cup_outline))
    if d.chance(0.7):
        wine = d.paint("natural", colours=("red", "purple", "yellow"))
        d.say(f"with {wine.colour} wine")
        inside = cup_outline[: len(cup_outline) * 2 // 3]
        d.add(wine, lathe([*(inside + np.array([0.006, 0])), (0, inside[-1][1])]))


def vase(d: Design) -> None:
    china = d.main("ceramic", "glass")
    height, fat = d.dimension("height", 0.6, 1.0), d.uniform(0.16, 0.3)
    neck, high = d.uniform(0.06, 0.1), d.uniform(0.3, 0.6)
    outline = [(fat * 0.5, 0), (fat, height * high), (neck, height * 0.85), (neck * 1.8, height)]
    d.add(china, vessel(outline, 0.02, 7))
    for k in range(d.count(0, 2)):
        band = d.paint("ceramic")
        d.say(f"with {band.colour} bands")
        d.add(band, torus(fat * 0.97, 0.02).at(y=height * (high + 0.04 - 0.08 * k)))
    if d.chance(0.35):
        d.say("with two handles")
        for turn in (0, 180):
            d.add(china, loop_handle(0.13, height * 0.3, 0.025).at(neck * 1.2, height * 0.62).turned(y=turn))


def frying_pan(d: Design) -> None:
    metal = d.main("metal", colours=("black", "grey", "red", "blue"))
    grip = d.either(d.shadow, "wooden", "metal")
    radius, length = 0.32, d.dimension("length", 0.4, 0.6)
    d.add(metal, vessel([(radius * 0.82, 0), (radius * 0.95, 0.05), (radius, 0.09)], 0.015))
    tail = [(radius - 0.02, 0.07, 0), (radius + 0.1, 0.1, 0), (radius + length, 0.14, 0)]
    d.add(grip, tube(spline(tail), 0.03).scaled(z=1.3))
    d.say("with a long handle")
    if d.chance(0.4):
        d.say("with a fried egg")
        blob = spline(
            [(0.17, 0), (0.1, 0.14), (-0.06, 0.17), (-0.17, 0.03), (-0.09, -0.15), (0.09, -0.12)], 4, closed=True
        )
        d.add(d.paint("natural", colours=("white",)), extrude(blob, 0.02).turned(x=90).at(y=0.03))
        d.add(d.paint("natural", colours=("yellow", "orange")), ellipsoid(0.07, 0.035, 0.07).at(y=0.045))


def spoon(d: Design) -> None:
    metal = d.main("metal", "wooden", "plastic", colours=("silver", "gold", "brown", "beige", "red", "grey"))
    length = d.dimension("length", 0.7, 1.0)
    hollow = sphere(1.0, -90, 0).scaled(0.14, 0.08, 0.21).turned(x=90)
    rim = torus(0.14, 0.012).scaled(z=1.5).turned(x=90)
    d.add(metal, hollow.at(y=0.2), rim.at(y=0.2))
    stem = spline([(0, 0.01, 0), (0, -0.15, 0.04), (0, -length * 0.6, 0.03), (0, -length, 0)])
    d.add(metal, tube(stem, np.linspace(0.026, 0.05, len(stem))).scaled(z=0.6))


def fork(d: Design) -> None:
    metal = d.main("metal", "wooden", "plastic", colours=("silver", "gold", "brown", "beige", "red", "grey"))
    length, prongs = d.dimension("length", 0.7, 1.0), d.count(3, 4)
    head = [(-0.02, 0), (-0.11, 0.1), (-0.12, 0.22), (0.12, 0.22), (0.11, 0.1), (0.02, 0)]
    d.add(metal, extrude(head, 0.03))
    for x in np.linspace(-0.102, 0.102, prongs):
        d.add(metal, rod((x, 0.2, 0), (x, 0.46, 0.03), 0.02, 0.012))
    stem = spline([(0, 0.02, 0), (0, -0.1, 0.03), (0, -length * 0.7, 0.02)])
    d.add(metal, tube(stem, np.linspace(0.024, 0.045, len(stem))).scaled(z=0.6))
    d.say(f"with {'three' if prongs == 3 else 'four'} prongs")


def knife(d: Design) -> None:
    steel = d.paint("metal", colours=("silver", "grey"))
    grip = d.main("wooden", "plastic", "metal")
    length, height = d.dimension("length", 0.6, 0.9), d.uniform(0.12, 0.2)
    blade = [
        (0, 0.02),
        (length * 0.6, 0.02),
        *spline([(length * 0.6, 0.02), (length * 0.88, height * 0.4), (length, height)], 4),
    ]
    d.add(steel, extrude([*blade[:-1], (length, height), (0, height)], 0.02))
    d.add(grip, rounded_box(0.4, 0.1, 0.06, 0.03).at(-0.2, height - 0.1))
    for x in (-0.3, -0.2, -0.1):
        d.add(steel, cylinder(0.018, 0.064).turned(x=90).at(x, height - 0.05, -0.032))
    d.say(f"with a {grip.colour} handle")


CATEGORIES = {
    "cup": cup,
    "mug": mug,
    "teapot": teapot,
    "bottle": bottle,
    "bowl": bowl,
    "plate": plate,
    "wine glass": wine_glass,
    "vase": vase,
    "frying pan": frying_pan,
    "spoon": spoon,
    "fork": fork,
    "knife": knife,
}

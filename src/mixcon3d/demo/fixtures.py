"""Bathroom fittings and household machines."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import handle, vessel
from mixcon3d.demo.outlines import extrude, in_plane, spline
from mixcon3d.demo.surfaces import (
    box,
    cylinder,
    ellipsoid,
    join,
    lathe,
    mirrored,
    rod,
    rounded_box,
    sphere,
    torus,
    tube,
)


def sink(d: Design) -> None:
    width, depth = d.dimension("width", 0.5, 0.75), 0.46
    white = d.main("ceramic", "metal", "stone")
    metal = d.paint("metal", colours=("silver", "gold", "black"))
    top = 0.85
    style = d.pick("pedestal", "cabinet", "wall")
    bowl = vessel([(0.12, -0.2), (0.36, -0.13), (0.48, 0.0)], 0.05)
    d.add(white, bowl.scaled(width, 0.9, depth).at(0, top, 0.02))
    d.add(white, box(width, 0.05, 0.1).at(0, top - 0.03, -depth / 2))
    d.add(d.shadow, cylinder(0.03, 0.004).at(0, top - 0.13, 0.02))
    spout = spline([(0, 0), (0, 0.16), (0.06, 0.23), (0.15, 0.21), (0.17, 0.15)])
    d.add(metal, tube(in_plane(spout, "zy"), 0.02).at(0, top + 0.02, -depth / 2))
    d.add(metal, mirrored(cylinder(0.03, 0.07).at(0.13, top + 0.02, -depth / 2)))
    d.say("with a tap")
    if style == "pedestal":
        d.say("on a pedestal")
        d.add(white, lathe([(0, 0), (0.15, 0), (0.14, 0.04), (0.09, 0.12), (0.08, 0.5), (0.12, 0.7), (0, 0.7)]))
    elif style == "cabinet":
        d.say("on a cabinet")
        wood = d.paint("wooden")
        d.add(wood, box(width * 0.92, 0.68, depth * 0.85).at(0, 0, -0.02))
        d.add(d.shadow, box(0.012, 0.66, 0.004).at(0, 0.01, depth * 0.85 / 2 - 0.016))
        for x in (-0.05, 0.05):
            handle(d, metal, "bar", 0.12, x, 0.45, depth * 0.85 / 2 - 0.02, upright=True)
    else:
        d.say("with a drain pipe")
        pipe = spline([(0, 0.2), (0, 0), (0.06, -0.06), (0.12, 0), (0.12, 0.06), (0.2, 0.1)])
        d.add(metal, tube(in_plane(-pipe * [1, -1], "zy"), 0.028).at(0, top - 0.38, 0.02))


def toilet(d: Design) -> None:
    white = d.main("ceramic")
    seat = d.either(white, "plastic", "wooden")
    tank = d.dimension("height", 0.32, 0.55)
    foot = [(0, 0), (0.14, 0), (0.13, 0.04), (0.1, 0.16), (0.12, 0.24), (0.19, 0.36), (0.2, 0.4)]
    d.add(white, lathe([*foot, (0.15, 0.4), (0.1, 0.25), (0, 0.22)]).scaled(z=1.3).at(z=0.12))
    ring = torus(0.165, 0.035).scaled(y=0.5, z=1.3)
    d.add(seat, ring.at(0, 0.41, 0.12))
    d.add(white, box(0.26, 0.3, 0.2).at(0, 0.1, -0.16))
    lid = join(cylinder(0.2, 0.025).scaled(z=1.25))
    if d.chance(0.6):
        d.say("with the lid up")
        d.add(seat, lid.turned(x=96).at(0, 0.66, -0.12))
    else:
        d.say("with the lid down")
        d.add(seat, lid.at(0, 0.425, 0.12))
    d.add(white, rounded_box(0.46, tank, 0.18, 0.03).at(0, 0.4, -0.25))
    d.add(white, rounded_box(0.49, 0.04, 0.21, 0.015).at(0, 0.4 + tank, -0.25))
    d.add(d.paint("metal", colours=("silver", "gold")), cylinder(0.035, 0.02).at(0, 0.44 + tank, -0.25))


def bathtub(d: Design) -> None:
    length = d.dimension("length", 1.4, 1.9)
    white = d.main("ceramic", "ceramic", "metal")
    metal = d.paint("metal", colours=("silver", "gold", "black"))
    tub = vessel([(0.26, 0), (0.33, 0.08), (0.37, 0.3), (0.39, 0.48)], 0.04)
    stretch = length / 0.78
    d.add(white, tub.scaled(x=stretch).at(y=0.1), torus(0.39, 0.025).scaled(x=stretch).at(y=0.58))
    for x in (-1, 1):
        for z in (-1, 1):
            d.add(metal, rod((x * length * 0.33, 0, z * 0.25), (x * length * 0.26, 0.18, z * 0.2), 0.03, 0.05))
    d.say("with four feet")
    spout = spline([(0, 0), (0, 0.2), (0.08, 0.27), (0.17, 0.22)])
    d.add(
        metal,
        tube(in_plane(spout, "xy"), 0.025).at(-length / 2, 0.58, 0),
        mirrored(sphere(0.05).at(0.001)).at(-length / 2, 0.72),
    )
    if d.chance(0.4):
        d.say("full of water")
        water = d.paint("glass", colours=("turquoise", "blue"))
        d.add(water, cylinder(0.35, 0.01).scaled(x=stretch).at(y=0.48))


def radiator(d: Design) -> None:
    ribs, height = d.count(6, 11), d.dimension("height", 0.5, 0.9)
    metal = d.main("metal")
    d.say(f"with {('six', 'seven', 'eight', 'nine', 'ten', 'eleven')[ribs - 6]} ribs")
    for k in range(ribs):
        d.add(metal, rounded_box(0.06, height, 0.17, 0.028).at((k - (ribs - 1) / 2) * 0.085, 0.08))
    half = ribs * 0.0425
    for y in (0.16, height):
        d.add(metal, rod((-half - 0.06, y, 0), (half + 0.06, y, 0), 0.028))
    for x in (-half * 0.75, half * 0.75):
        d.add(metal, box(0.05, 0.1, 0.14).at(x))
    brass = d.paint("metal", colours=("gold", "silver"))
    d.add(brass, rod((half + 0.06, 0.0, 0), (half + 0.06, 0.16, 0), 0.026), sphere(0.055).at(half + 0.08, 0.18))


def washing_machine(d: Design) -> None:
    body = d.main("metal", "plastic", colours=("white", "grey", "silver", "black", "blue", "red"))
    height = d.dimension("height", 0.75, 1.0)
    ring, dark = d.paint("metal", colours=("silver", "grey", "black")), d.paint("glass", colours=("blue", "turquoise"))
    d.add(body, rounded_box(0.62, height, 0.6, 0.02))
    middle = height * 0.43
    d.add(ring, torus(0.2, 0.035).turned(x=90).at(0, middle, 0.31))
    d.add(dark, sphere(0.19, 0, 90).scaled(y=0.45).turned(x=90).at(0, middle, 0.3))
    panel = d.paint("plastic", colours=("grey", "black", "white"))
    d.add(panel, box(0.56, height * 0.12, 0.02).at(0, height * 0.84, 0.3))
    d.add(ring, cylinder(0.04, 0.04).turned(x=90).at(0.16, height * 0.9, 0.31))
    d.add(d.shadow, box(0.18, 0.05, 0.01).at(-0.17, height * 0.88, 0.313))
    d.say("with a round glass door")


def refrigerator(d: Design) -> None:
    width, height = d.dimension("width", 0.55, 0.8), d.dimension("height", 1.4, 1.9)
    body = d.main("metal", "plastic", colours=("white", "silver", "red", "turquoise", "black", "beige"))
    d.add(body, rounded_box(width, height, 0.6, 0.03))
    split = height * d.uniform(0.6, 0.7)
    for low, high in ((0.05, split), (split, height)):
        d.add(body, rounded_box(width, high - low - 0.02, 0.06, 0.025).at(0, low + 0.01, 0.34))
    d.add(d.shadow, box(width * 0.98, height - 0.08, 0.02).at(0, 0.05, 0.305))
    grip = d.paint("metal", colours=("silver", "grey"))
    for y in (split - 0.34, split + 0.08):
        d.add(grip, rod((-width * 0.38, y, 0.41), (-width * 0.38, y + 0.26, 0.41), 0.022))
    d.say("with a freezer on top")


def fan(d: Design) -> None:
    height, radius = d.dimension("height", 0.3, 0.9), 0.24
    body = d.main("plastic", "metal")
    blades = d.either(body, "plastic")
    d.add(body, cylinder(0.17, 0.04), rod((0, 0, -0.05), (0, height, -0.05), 0.03))
    y = height + radius * 0.4
    d.add(body, cylinder(0.07, 0.16).turned(x=90).at(0, y, -0.14))
    for z in (0.08, -0.02):
        d.add(body, torus(radius, 0.014).turned(x=90).at(0, y, z))
    for k in range(8):
        angle = np.pi * k / 8
        tip = np.array([np.cos(angle), np.sin(angle), 0]) * radius
        front = np.array([0, y, 0.09])
        d.add(body, rod(tuple(front - tip), tuple(front + tip), 0.008))
    petal = extrude(spline([(0, 0), (0.11, 0.06), (0.1, 0.19), (0, 0.2), (-0.04, 0.1)], 4, closed=True), 0.015)
    for k in range(4):
        d.add(blades, petal.turned(y=18).turned(z=90 * k + 20).at(0, y, 0.03))
    d.add(blades, ellipsoid(0.05, 0.05, 0.04).at(0, y, 0.1))
    d.say(f"with {blades.colour} blades")


CATEGORIES = {
    "sink": sink,
    "toilet": toilet,
    "bathtub": bathtub,
    "radiator": radiator,
    "washing machine": washing_machine,
    "refrigerator": refrigerator,
    "fan": fan,
}

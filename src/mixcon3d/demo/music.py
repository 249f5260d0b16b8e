"""Musical instruments and what plays music."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import legs
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import box, cylinder, mirrored, rod, rounded_box, sphere, torus, tube


def guitar(d: Design) -> None:
    wood = d.main("wooden", colours=("brown", "beige", "red", "black", "orange", "blue"))
    neck = d.paint("wooden", colours=("brown", "black"))
    length = d.dimension("length", 0.62, 0.82)
    electric = d.chance(0.4)
    half = [(0.0, -0.46), (0.24, -0.42), (0.31, -0.22), (0.2, 0.0), (0.22, 0.16), (0.12, 0.27), (0.0, 0.28)]
    if electric:
        d.kind("electric")
        half = [(0.0, -0.4), (0.22, -0.36), (0.27, -0.2), (0.18, 0.0), (0.25, 0.22), (0.16, 0.16), (0.06, 0.12)]
    right = spline(half, 4)
    outline = np.concatenate([right, right[-2:0:-1] * [-1, 1]])
    thick = 0.07 if electric else 0.16
    d.add(wood, extrude(outline, thick))
    front = thick / 2
    _guitar_front(d, neck, outline, front, electric)
    d.add(neck, box(0.075, length + 0.1, 0.045).at(0, 0.14, front - 0.005))
    for k in range(7):
        d.add(d.paint("metal", colours=("silver",)), box(0.077, 0.01, 0.01).at(0, 0.3 + k * length / 9, front + 0.02))
    head = extrude([(-0.05, 0), (0.05, 0), (0.075, 0.2), (-0.075, 0.2)], 0.04).at(0, 0.22 + length, front - 0.01)
    d.add(neck, head)
    for k in range(3):
        d.add(
            d.paint("metal", colours=("silver", "gold")),
            mirrored(sphere(0.024).at(0.095, 0.27 + length + 0.06 * k, front - 0.01)),
        )
    for x in (-0.022, 0, 0.022):
        d.add(
            d.paint("metal", colours=("silver",)),
            rod((x, -0.25, front + 0.035), (x, 0.3 + length, front + 0.03), 0.004),
        )


def _guitar_front(d: Design, neck: Paint, outline: np.ndarray, front: float, electric: bool) -> None:
    if electric:
        plastic = d.paint("plastic", colours=("white", "black", "grey"))
        d.add(plastic, extrude(outline * 0.62 - [0.03, 0.08], 0.01).at(z=front + 0.006))
        for y in (-0.2, -0.06):
            d.add(d.shadow, box(0.16, 0.05, 0.03).at(0, y, front + 0.012))
    else:
        d.kind("acoustic")
        d.add(
            d.shadow,
            cylinder(0.095, 0.006).turned(x=90).at(0, 0.04, front),
            box(0.2, 0.035, 0.03).at(0, -0.26, front + 0.01),
        )
        d.add(neck, torus(0.1, 0.01).turned(x=90).at(0, 0.04, front))


def drum(d: Design) -> None:
    shell = d.main("wooden", "plastic", "metal", colours=("red", "blue", "brown", "green", "yellow", "white"))
    rim = d.paint("metal", "wooden", colours=("gold", "silver", "black", "white"))
    height, radius = d.dimension("height", 0.28, 0.6), 0.36
    d.add(shell, cylinder(radius, height))
    d.add(d.paint("fabric", colours=("white", "beige")), cylinder(radius * 0.97, 0.01).at(y=height))
    for y in (0.02, height):
        d.add(rim, torus(radius, 0.03).at(y=y))
    count = 8
    for k in range(count):
        a, b = 2 * np.pi * k / count, 2 * np.pi * (k + 0.5) / count
        low, high = [
            (radius * 1.02 * np.sin(t), y, radius * 1.02 * np.cos(t)) for t, y in ((a, 0.03), (b, height - 0.01))
        ]
        after = (radius * 1.02 * np.sin(2 * b - a), 0.03, radius * 1.02 * np.cos(2 * b - a))
        d.add(rim, rod(low, high, 0.013), rod(high, after, 0.013))
    if d.chance(0.6):
        d.say("with two drumsticks")
        stick = d.paint("wooden", colours=("brown", "beige"))
        for x, turn in ((-0.08, 25), (0.1, -20)):
            d.add(
                stick,
                rod((-0.42, 0.05, 0), (0.25, 0.04, 0), 0.02).turned(y=turn).at(x, height, 0),
                sphere(0.034).at(0.25, 0.04).turned(y=turn).at(x, height),
            )


def piano(d: Design) -> None:
    wood = d.main("wooden", colours=("black", "brown", "white", "red"))
    width = d.dimension("width", 1.2, 1.5)
    ivory = d.paint("plastic", colours=("white",))
    if d.chance(0.5):
        d.kind("upright")
        d.add(wood, box(width, 1.15, 0.35).at(z=-0.15), box(width * 1.04, 0.05, 0.4).at(0, 1.15, -0.15))
        d.add(
            wood, box(width, 0.1, 0.36).at(0, 0.58, 0.18), mirrored(box(0.07, 0.6, 0.07).at(width / 2 - 0.05, 0, 0.3))
        )
        d.add(wood, mirrored(box(0.06, 0.2, 0.36).at(width / 2 - 0.03, 0.6, 0.18)))
        d.add(d.paint("paper", colours=("white", "beige")), box(0.4, 0.3, 0.01).turned(x=-10).at(0, 0.8, 0.06))
        front, y = 0.2, 0.68
    else:
        d.kind("grand")
        curve = spline(
            [(-0.5, 0.0), (-0.5, -1.5), (-0.2, -1.6), (0.05, -1.2), (0.3, -0.75), (0.5, -0.45), (0.5, 0.0)], 4
        )
        outline = curve * [width, 1.0]
        body = extrude(outline, 0.25).turned(x=90)
        d.add(wood, body.at(y=0.75), box(width, 0.1, 0.3).at(0, 0.62, 0.13))
        d.add(wood, extrude(outline, 0.03).turned(x=90).at(x=width / 2).turned(z=48).at(x=-width / 2, y=0.9))
        d.add(wood, rod((width * 0.42, 0.88, -0.5), (width * 0.14, 1.5, -0.5), 0.02))
        for x, z in ((-0.43, 0.1), (0.43, 0.1), (-0.22, -1.3)):
            d.add(wood, rod((x * width, 0, z), (x * width, 0.65, z), 0.04, 0.07))
        front, y = 0.14, 0.72
    d.add(ivory, box(width * 0.88, 0.02, 0.2).at(0, y, front))
    for k in range(20):
        if k % 7 not in (2, 6):
            d.add(
                d.shadow,
                box(width * 0.024, 0.03, 0.12).at((k / 20 - 0.475 + 0.025) * width * 0.88, y + 0.015, front - 0.04),
            )
    if d.chance(0.5):
        d.say("with a stool")
        legs(d, wood, 0.5, 0.32, 0.42, 0.05)
        d.parts[-4:] = [type(p)(p.surface.at(z=0.75), p.paint) for p in d.parts[-4:]]
        d.add(
            d.paint("leather", colours=("black", "red", "brown")), rounded_box(0.54, 0.09, 0.36, 0.03).at(0, 0.4, 0.75)
        )


def radio(d: Design) -> None:
    width, height = d.dimension("width", 0.8, 1.1), 0.5
    body = d.main("plastic", "wooden", "metal")
    grille = d.paint("metal", "fabric", colours=("beige", "grey", "silver", "black"))
    d.add(body, rounded_box(width, height, 0.26, 0.05))
    metal = d.paint("metal", colours=("silver", "gold", "black"))
    if d.chance(0.5):
        d.say("with two round speakers")
        for x in (-width * 0.3, width * 0.3):
            d.add(grille, cylinder(0.14, 0.02).turned(x=90).at(x, height * 0.42, 0.125))
            d.add(d.shadow, cylinder(0.05, 0.03).turned(x=90).at(x, height * 0.42, 0.125))
            d.add(metal, torus(0.14, 0.018).turned(x=90).at(x, height * 0.42, 0.14))
        d.add(
            d.paint("glass", colours=("white", "yellow", "green")),
            box(width * 0.3, 0.1, 0.02).at(0, height * 0.7, 0.13),
        )
        d.add(metal, mirrored(cylinder(0.03, 0.05).turned(x=90).at(width * 0.07, height * 0.3, 0.12)))
    else:
        d.say("with a speaker grille and a dial")
        for k in range(6):
            d.add(grille, box(width * 0.46, 0.03, 0.02).at(-width * 0.2, 0.09 + 0.055 * k, 0.13))
        d.add(
            d.paint("glass", colours=("white", "yellow")),
            cylinder(0.13, 0.02).turned(x=90).at(width * 0.27, height * 0.6, 0.125),
        )
        d.add(d.shadow, box(0.016, 0.12, 0.01).turned(z=30).at(width * 0.27, height * 0.6, 0.15))
        d.add(metal, mirrored(cylinder(0.04, 0.05).turned(x=90).at(0.07, 0, 0)).at(width * 0.27, 0.1, 0.12))
    d.add(metal, rod((width * 0.4, height, -0.08), (width * 0.4 + 0.2, height + 0.45, -0.08), 0.012))
    loop = np.array([(-width * 0.3, 0), (-width * 0.3, 0.12), (width * 0.3, 0.12), (width * 0.3, 0)])
    d.add(d.either(body, "leather", "metal"), tube(in_plane(loop), 0.022).at(0, height - 0.01))
    d.say("with an antenna")


def headphones(d: Design) -> None:
    shell = d.main("plastic", "metal")
    pad = d.paint("leather", "fabric", colours=("black", "grey", "brown", "white", "red"))
    radius = d.dimension("width", 0.36, 0.45)
    d.add(shell, tube(in_plane(arc(radius, 0, 180, 21)) * [1, 1.15, 1], 0.035).scaled(z=1.8))
    d.add(pad, tube(in_plane(arc(radius - 0.035, 45, 135, 13)) * [1, 1.15, 1], 0.035).scaled(z=1.6))
    ear = cylinder(0.19, 0.1, 0.15).scaled(z=0.85).turned(z=-90).at(radius - 0.02, -0.1)
    soft = torus(0.13, 0.06).scaled(z=0.85).turned(z=90).at(radius - 0.07, -0.1)
    d.add(shell, mirrored(ear))
    d.add(pad, mirrored(soft))
    d.say(f"with {pad.colour} ear pads")


CATEGORIES = {
    "guitar": guitar,
    "drum": drum,
    "piano": piano,
    "radio": radio,
    "headphones": headphones,
}

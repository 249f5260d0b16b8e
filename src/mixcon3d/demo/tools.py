"""Tools of house and garden."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import trough, vessel, wheel
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.surfaces import box, cylinder, facets, lathe, patch, rod, rounded_box, torus, tube


def hammer(d: Design) -> None:
    shaft = d.main("wooden", "plastic", "metal")
    steel = d.paint("metal", colours=("grey", "silver", "black"))
    length = d.dimension("length", 0.7, 1.1)
    d.add(shaft, rod((0, -length, 0), (0, 0.05, 0), 0.055, 0.042))
    if d.chance(0.5):
        d.kind("claw")
        claw = [(0.06, -0.08), (0.06, 0.08), (-0.1, 0.1), (-0.26, 0.04), (-0.36, -0.1), (-0.24, -0.01), (-0.08, -0.06)]
        d.add(steel, extrude(claw, 0.11), rod((0.04, 0, 0), (0.24, 0, 0), 0.075))
        d.add(steel, cylinder(0.095, 0.07).turned(z=-90).at(0.22))
    else:
        d.kind("sledge")
        d.add(steel, rounded_box(0.5, 0.2, 0.2, 0.03).at(y=-0.1))
    d.say(f"with a {shaft.colour} handle")


def axe(d: Design) -> None:
    shaft = d.main("wooden", "wooden", "plastic")
    steel = d.paint("metal", colours=("grey", "silver", "black", "red"))
    length = d.dimension("length", 0.8, 1.3)
    path = spline([(0.03, -length, 0), (-0.02, -length * 0.8, 0), (0.02, -length * 0.4, 0), (0, 0.12, 0)])
    d.add(shaft, tube(path, 0.042).scaled(z=0.8))
    edge = spline([(0.34, 0.24), (0.4, 0.05), (0.36, -0.17)], 5)
    outline = [(-0.08, 0.07), (0.06, 0.08), *edge.tolist(), (0.06, -0.08), (-0.08, -0.07)]
    blade = extrude(outline, 0.06)
    d.add(steel, blade)
    if d.chance(0.35):
        d.call("double-bladed")
        d.add(steel, blade.scaled(x=-1))
    d.say(f"with a {shaft.colour} handle")


def scissors(d: Design) -> None:
    grip = d.main("plastic", "metal")
    steel = d.paint("metal", colours=("silver", "grey"))
    angle, length = d.uniform(9, 24), d.dimension("length", 0.55, 0.85)
    blade = extrude([(-0.05, -0.12), (0.05, -0.12), (0.055, 0.1), (0.02, length), (-0.05, 0.15)], 0.03)
    for side in (-1, 1):
        ring = torus(0.13, 0.038).scaled(z=1.35).turned(x=90).at(-0.13 * 1.0, -0.47)
        half_blade = blade.at(z=0.017)
        arm = rod((0, -0.1, 0.017), (-0.05, -0.32, 0.017), 0.035)
        for paint, surface in ((steel, half_blade), (grip, ring), (grip, arm)):
            d.add(paint, surface.scaled(x=side, z=side).turned(z=side * -angle))
    d.add(steel, cylinder(0.035, 0.1).turned(x=90).at(z=-0.05))
    d.say(f"with {grip.colour} handles")


def key(d: Design) -> None:
    metal = d.main("metal", colours=("gold", "silver", "grey", "black"))
    length = d.dimension("length", 0.8, 1.2)
    if d.chance(0.5):
        d.say("with a heart-shaped bow")
        heart = spline(
            [(0, 0), (0.22, 0.2), (0.2, 0.4), (0.06, 0.42), (0, 0.32), (-0.06, 0.42), (-0.2, 0.4), (-0.22, 0.2)],
            5,
            True,
        )
        d.add(metal, tube(in_plane(heart), 0.045, closed=True))
    else:
        d.say("with a ring-shaped bow")
        d.add(metal, torus(0.2, 0.05).turned(x=90).at(y=0.22))
    d.add(metal, rod((0, 0, 0), (0, -length, 0), 0.05), torus(0.06, 0.025).at(y=-0.06), torus(0.055, 0.02).at(y=-0.14))
    for k in range(d.count(2, 3)):
        d.add(metal, box(d.uniform(0.16, 0.26), 0.07, 0.06).at(0.11, -length + 0.02 + 0.11 * k))


def broom(d: Design) -> None:
    stick = d.main("wooden", "plastic", "metal")
    bristle = d.paint("natural", colours=("yellow", "beige", "brown", "green", "red", "blue"))
    length = d.dimension("length", 1.0, 1.5)
    d.add(stick, rod((0, 0.3, 0), (0, 0.3 + length, 0), 0.03))
    if d.chance(0.5):
        d.say(f"with round {bristle.colour} bristles")
        d.add(bristle, lathe([(0, 0), (0.2, 0), (0.17, 0.2), (0.05, 0.38), (0, 0.4)]).scaled(z=0.6))
        d.add(d.paint("fabric", colours=("red", "black")), torus(0.1, 0.022).scaled(z=0.65).at(y=0.3))
        for k in range(10):
            x = -0.18 + 0.04 * k
            d.add(bristle, rod((x, -0.05, 0), (x * 0.8, 0.15, 0), 0.02))
    else:
        d.say(f"with straight {bristle.colour} bristles")
        d.add(stick, rounded_box(0.5, 0.1, 0.13, 0.03).at(y=0.24))
        for x in np.linspace(-0.22, 0.22, 10):
            d.add(bristle, rod((x, 0.26, 0), (x * 1.15, 0, 0), 0.026))


def bucket(d: Design) -> None:
    body = d.main("plastic", "metal", "wooden")
    height = d.dimension("height", 0.45, 0.65)
    d.add(body, vessel([(0.2, 0), (0.25, height / 2), (0.3, height)], 0.015, 2), torus(0.3, 0.02).at(y=height))
    wire = d.paint("metal", colours=("silver", "black", "grey"))
    lift = d.uniform(-60, 60)
    bail = in_plane(arc(0.3, 0, 180, 19)) * [1, 1.05, 1]
    d.add(wire, tube(bail, 0.014).turned(x=lift).at(y=height))
    grip = rod((-0.08, 0.315, 0), (0.08, 0.315, 0), 0.03)
    d.add(d.either(wire, "wooden", "plastic"), grip.turned(x=lift).at(y=height))
    d.say("with a handle")
    if d.chance(0.4):
        d.say("full of water")
        d.add(d.paint("glass", colours=("blue", "turquoise")), cylinder(0.27, 0.01).at(y=height * 0.8))


def shovel(d: Design) -> None:
    shaft = d.main("wooden", "plastic", "metal")
    steel = d.paint("metal", colours=("grey", "silver", "black", "red", "green"))
    length = d.dimension("length", 0.9, 1.3)
    d.add(shaft, rod((0, 0.3, 0), (0, 0.4 + length, 0), 0.032))
    across, down = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(0, 1, 9))
    half = 0.19 * np.sqrt((1 - down**3).clip(0.0)) + 0.005
    blade = patch(np.stack([across * half, 0.42 - 0.5 * down, 0.07 * (across * half / 0.19) ** 2], axis=-1))
    d.add(steel, blade, rod((0, 0.36, 0), (0, 0.6, 0), 0.045, 0.036))
    if d.chance(0.6):
        d.say("with a D-shaped handle")
        end = 0.4 + length
        loop = [(0, end), (-0.1, end + 0.06), (-0.1, end + 0.17), (0.1, end + 0.17), (0.1, end + 0.06)]
        d.add(shaft, tube(in_plane(np.array(loop)), 0.026, closed=True))
    d.say(f"with a {steel.colour} blade")


def wheelbarrow(d: Design) -> None:
    tray = d.main("metal", "plastic", colours=("green", "red", "blue", "grey", "orange", "yellow"))
    frame = d.paint("wooden", "metal", colours=("brown", "black", "grey"))
    length, depth = d.dimension("length", 0.7, 0.95), 0.24
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    low, high = (
        np.insert(corners * [0.18, length * 0.3], 1, 0.34, axis=1),
        np.insert(corners * [0.3, length / 2], 1, 0.34 + depth, axis=1),
    )
    d.add(tray, facets(low), trough(low, high), tube(high, 0.018, closed=True))
    for x in (-1, 1):
        d.add(frame, rod((x * 0.07, 0.16, length * 0.62), (x * 0.26, 0.42, -length * 0.95), 0.025))
        d.add(frame, rod((x * 0.2, 0.34, -length * 0.25), (x * 0.24, 0, -length * 0.3), 0.022))
        d.add(d.shadow, rod((x * 0.25, 0.41, -length * 0.85), (x * 0.265, 0.43, -length * 1.02), 0.036))
    wheel(d, d.shadow, d.either(tray, "metal"), 0.17, 0.09, 0, 0.17, length * 0.62)
    d.say("with one wheel and two handles")


def watering_can(d: Design) -> None:
    body = d.main("metal", "plastic")
    height = d.dimension("height", 0.36, 0.52)
    d.add(body, cylinder(0.24, height, 0.2))
    spout = in_plane(spline([(0.2, 0.08), (0.42, 0.22), (0.62, height + 0.1)]))
    d.add(body, tube(spout, np.linspace(0.06, 0.03, len(spout))))
    rose = cylinder(0.03, 0.1, 0.1).turned(z=-38).at(0.6, height + 0.08)
    d.add(d.either(body, "metal"), rose)
    back = spline(
        [(-0.22, height * 0.25), (-0.42, height * 0.5), (-0.4, height + 0.05), (-0.1, height + 0.12), (0.08, height)]
    )
    d.add(body, tube(in_plane(back), 0.025))
    d.say("with a long spout")


def screwdriver(d: Design) -> None:
    grip = d.main("plastic", "wooden")
    steel = d.paint("metal", colours=("silver", "grey"))
    length = d.dimension("length", 0.5, 0.9)
    outline = spline([(0, 0.0), (0.09, 0.02), (0.1, 0.2), (0.08, 0.36), (0.1, 0.42), (0.05, 0.48)], 4)
    d.add(grip, lathe(outline, 8))
    band = d.paint("plastic")
    d.add(band, torus(0.09, 0.022).at(y=0.1))
    d.add(steel, rod((0, 0.45, 0), (0, 0.45 + length, 0), 0.032), box(0.1, 0.1, 0.02).at(y=0.42 + length))
    d.say(f"with a {grip.colour} handle")


CATEGORIES = {
    "hammer": hammer,
    "axe": axe,
    "scissors": scissors,
    "key": key,
    "broom": broom,
    "bucket": bucket,
    "shovel": shovel,
    "wheelbarrow": wheelbarrow,
    "watering can": watering_can,
    "screwdriver": screwdriver,
}

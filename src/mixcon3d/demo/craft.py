"""Things that fly and sail."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import wheel
from mixcon3d.demo.outlines import extrude, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import (
    box,
    cylinder,
    ellipsoid,
    facets,
    lathe,
    mirrored,
    patch,
    rod,
    sphere,
    torus,
    tube,
)


def airplane(d: Design) -> None:
    body = d.main("metal", "plastic", colours=("white", "silver", "red", "blue", "yellow", "green"))
    wing = d.either(body, "metal")
    length, span = d.dimension("length", 1.6, 2.1), d.dimension("width", 0.75, 1.05)
    half, radius = length / 2, 0.15
    nose = [(0, half), (0.09, half * 0.95), (radius, half * 0.75), (radius, -half * 0.35), (0.04, -half), (0, -half)]
    d.add(body, lathe(np.array(nose)[::-1], 24).turned(x=90))
    jet = d.chance(0.6)
    sweep = 0.35 if jet else 0.04
    outline = [(0, 0.2), (span, 0.2 - sweep - 0.1), (span, -0.02 - sweep), (0, -0.2)]
    plate = extrude(np.array(outline), 0.035).turned(x=90)
    tail = plate.scaled(0.38, 1.0, 0.5).at(0, 0.03, -half * 0.86)
    d.add(wing, mirrored(plate.at(0, -0.04 if jet else 0.08, 0.1)), mirrored(tail))
    fin = extrude(np.array([(0.18, 0), (-0.16, 0), (-0.22, 0.36), (-0.08, 0.36)]), 0.03).turned(y=-90)
    d.add(d.either(wing, "metal"), fin.at(0, 0.05, -half * 0.86))
    if jet:
        d.say("with two jet engines")
        engine = lathe([(0.05, -0.14), (0.08, -0.05), (0.08, 0.14), (0.06, 0.14), (0, 0.06)], 16).turned(x=90)
        d.add(d.paint("metal", colours=("grey", "silver", "blue")), mirrored(engine.at(span * 0.42, -0.13, 0.12)))
        for z in np.linspace(-half * 0.35, half * 0.7, 9):
            d.add(d.shadow, mirrored(sphere(0.026).at(radius * 0.97, 0.05, z)))
        d.add(d.shadow, mirrored(box(0.1, 0.06, 0.08).at(0.05, 0.07, half * 0.8)))
        return
    d.say("with a propeller")
    d.add(d.shadow, box(0.6, 0.06, 0.02).turned(z=d.uniform(0, 180)).at(0, 0, half), sphere(0.05).at(0, 0, half))
    d.add(d.paint("glass", colours=("turquoise", "blue")), ellipsoid(0.11, 0.13, 0.24).at(0, 0.1, half * 0.25))
    for x in (-0.2, 0.2):
        d.add(d.shadow, rod((x * 0.4, -0.1, half * 0.4), (x, -0.28, half * 0.4), 0.02))
        wheel(d, d.shadow, d.shadow, 0.075, 0.05, x, -0.28, half * 0.4)


def helicopter(d: Design) -> None:
    body = d.main("metal", "plastic")
    length, span = d.dimension("length", 0.7, 1.0), d.dimension("width", 0.7, 0.95)
    d.add(body, ellipsoid(0.27, 0.27, 0.42))
    d.add(d.paint("glass", colours=("turquoise", "blue")), ellipsoid(0.235, 0.22, 0.26).at(0, 0.035, 0.205))
    d.add(body, rod((0, 0.06, -0.25), (0, 0.14, -0.3 - length), 0.1, 0.035))
    fin = extrude(np.array([(0, 0), (-0.14, 0.3), (-0.24, 0.3), (-0.16, 0)]), 0.03).turned(y=-90)
    d.add(body, fin.at(0, 0.1, -0.2 - length), box(0.4, 0.02, 0.1).at(0, 0.12, -0.15 - length))
    d.add(d.shadow, rod((0, 0.2, 0), (0, 0.4, 0), 0.03), sphere(0.05).at(y=0.4))
    turn, count = d.uniform(0, 90), d.count(2, 4)
    for k in range(count):
        d.add(d.shadow, box(span, 0.02, 0.08).at(x=span / 2).turned(y=turn + 360 * k / count).at(y=0.39))
    d.add(d.shadow, box(0.02, 0.34, 0.045).at(y=-0.17).turned(x=35).at(0.05, 0.26, -0.36 - length))
    skid = spline([(0, 0.06, 0.46), (0, 0, 0.36), (0, 0, -0.36)], 4)
    metal = d.paint("metal", colours=("grey", "silver", "black"))
    d.add(metal, mirrored(tube(skid, 0.022).at(0.24, -0.42)))
    for z in (-0.2, 0.2):
        d.add(metal, mirrored(rod((0.1, -0.2, z), (0.24, -0.42, z), 0.018)))
    d.say(f"with {('two', 'three', 'four')[count - 2]} rotor blades")


def rocket(d: Design) -> None:
    body = d.main("metal", "plastic", colours=("white", "red", "silver", "blue", "yellow"))
    trim = d.paint("metal", colours=("red", "blue", "orange", "yellow", "black", "green"))
    height, fat = d.dimension("height", 1.1, 1.6), d.uniform(0.2, 0.28)
    hull = spline([(fat * 0.75, 0.15), (fat, height * 0.45), (fat * 0.75, height * 0.75)], 6)
    tip = spline([(fat * 0.75, height * 0.75), (fat * 0.42, height * 0.92), (0, height * 1.06)], 4)
    d.add(body, lathe([(0, 0.15), *hull]))
    d.add(trim, lathe(tip), cylinder(fat * 0.6, 0.1, fat * 0.45).at(y=0.06))
    fins = d.count(3, 4)
    shape = spline([(fat * 0.8, 0.5), (fat + 0.2, 0.24), (fat + 0.26, -0.05), (fat + 0.12, 0.05), (fat * 0.6, 0.16)], 3)
    for k in range(fins):
        d.add(trim, extrude(shape, 0.05).turned(y=360 * k / fins + 25))
    d.add(d.paint("glass", colours=("turquoise", "blue")), sphere(0.1).scaled(z=0.5).at(0, height * 0.55, fat * 0.93))
    d.add(trim, torus(0.105, 0.025).turned(x=90).at(0, height * 0.55, fat * 0.94))
    d.say(f"with {'three' if fins == 3 else 'four'} {trim.colour} fins")
    if d.chance(0.4):
        d.say("with flames")
        for paint, wide, low in (
            (d.paint("natural", colours=("orange",)), 0.15, -0.35),
            (d.paint("natural", colours=("yellow",)), 0.09, -0.45),
        ):
            d.add(paint, lathe(spline([(0, low), (wide * 0.6, low * 0.5), (wide, 0), (0.05, 0.08)], 4)))


def sailboat(d: Design) -> None:
    wood = d.main("wooden", "plastic")
    sail = d.paint("fabric", colours=("white", "beige", "red", "blue", "yellow", "orange"))
    length, height = d.dimension("length", 1.2, 1.6), d.dimension("height", 1.2, 1.6)
    _hull(d, wood, length)
    mast = d.paint("wooden", "metal", colours=("brown", "white", "grey"))
    boom_end = (-length * 0.42, 0.14, 0.06)
    d.add(mast, rod((0.08, -0.05, 0), (0.08, height, 0), 0.024), rod((0.08, 0.16, 0), boom_end, 0.018))
    d.add(sail, facets([(0.05, 0.2, 0), (-length * 0.42, 0.18, 0.06), (0.05, height * 0.97, 0)]))
    jib = facets([(0.12, height * 0.85, 0), (0.15, 0.18, 0.03), (length * 0.48, 0.1, 0)])
    d.add(d.either(sail, "fabric"), jib)
    if d.chance(0.5):
        flag = d.paint("fabric")
        d.say(f"with a {flag.colour} flag")
        d.add(flag, box(0.2, 0.1, 0.01).at(-0.02, height - 0.02, 0))
    d.say(f"with {sail.colour} sails")


def _hull(d: Design, wood: Paint, length: float) -> None:
    """Boat with its deck at about y = 0, the bow towards +x."""
    along, up = np.linspace(0, 1, 13)[None, :], np.array([0.0, 0.6, 1.0])[:, None]
    half = 0.26 * np.sin(np.pi * (0.12 + 0.88 * along)) ** 0.7
    x, y = (along - 0.5) * length * (0.75 + 0.25 * up), 0.22 * (up - 1) + 0.05 * along**2
    side = np.stack([x, y, half * (0.25 + 0.75 * up)], axis=-1)
    other = side * [1, 1, -1]
    d.add(wood, patch(side), patch(other), patch(np.stack([side[0], other[0]])))
    d.add(wood, patch(np.stack([side[:, 0], other[:, 0]])))
    deck = patch(np.stack([side[2], other[2]]))
    d.add(d.paint("wooden", colours=("brown", "beige")), deck.at(y=-0.03))


CATEGORIES = {
    "airplane": airplane,
    "helicopter": helicopter,
    "rocket": rocket,
    "sailboat": sailboat,
}

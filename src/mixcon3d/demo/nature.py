"""Plants and figures."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import leaf, shifted, vessel
from mixcon3d.demo.outlines import in_plane, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import (
    Surface,
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

POT_COLOURS = ("orange", "brown", "white", "blue", "turquoise", "grey", "red")


def tree(d: Design) -> None:
    bark = d.paint("wooden", colours=("brown",))
    height = d.dimension("height", 0.9, 1.6)
    style = d.pick("fir", "broad", "palm")
    if style == "fir":
        d.kind("fir")
        crown = d.main("leafy")
        d.add(bark, rod((0, 0, 0), (0, height, 0), 0.08))
        layers = d.count(3, 5)
        for k in range(layers):
            low, radius = 0.2 + height * k / layers, 0.5 * (1 - 0.72 * k / layers)
            d.add(crown, lathe([(0, low + 0.06), (radius, low), (0, low + height * 1.5 / layers)], 18))
    elif style == "broad":
        crown = d.main("leafy", colours=("green", "green", "orange", "red", "yellow", "pink"))
        d.say(f"with {crown.colour} leaves")
        d.add(bark, rod((0, 0, 0), (0, height * 0.6, 0), 0.09, 0.06))
        for k in range(7):
            angle, reach = 2.4 * k, 0.26 if k else 0.0
            y = height * 0.75 + d.uniform(-0.1, 0.16)
            d.add(crown, sphere(d.uniform(0.24, 0.34)).at(reach * np.sin(angle), y, reach * np.cos(angle)))
        d.add(bark, rod((0, height * 0.4, 0), (0.2, height * 0.65, 0), 0.035))
    else:
        d.kind("palm")
        crown = d.main("leafy")
        trunk = spline([(0, 0, 0), (0.06, height * 0.4, 0), (0.02, height * 0.8, 0), (-0.05, height, 0)])
        d.add(bark, tube(trunk, np.linspace(0.08, 0.05, len(trunk))))
        for k in range(9):
            d.add(crown, leaf(0.62, 0.2, 1.2, 0.5).turned(y=40 * k + 10).at(-0.05, height))
        d.add(bark, *[sphere(0.06).at(-0.05 + 0.07 * np.sin(a), height - 0.05, 0.07 * np.cos(a)) for a in (0, 2, 4)])


def plant(d: Design) -> None:
    clay = d.paint("ceramic", "plastic", colours=POT_COLOURS)
    height = _pot(d, clay)
    d.say(f"in a {clay.colour} pot")
    green = d.main("leafy")
    if d.chance(0.35):
        d.kind("cactus")
        tall = d.dimension("height", 0.5, 0.9)
        d.add(green, _rounded_column(0.13, tall).at(y=height - 0.05))
        for side, low in ((1, 0.35), (-1, 0.5)):
            path = in_plane(spline([(0, 0), (0.18, 0.0), (0.24, 0.08), (0.24, 0.28)])) * [side, 1, 1]
            d.add(
                green,
                tube(path, 0.06).at(y=height + tall * low),
                sphere(0.06).at(side * 0.24, height + tall * low + 0.28),
            )
        return
    count, length = d.count(9, 14), d.dimension("height", 0.5, 0.8)
    for k in range(count):
        droop, lift = (0.9, 1.1) if k % 2 else (0.6, 1.7)
        shape = leaf(length * d.uniform(0.6, 0.9) * (1.0 if k % 2 else 0.6), 0.2, droop, lift)
        d.add(green, shape.turned(y=360 * k / count * 2.0 + 13 * k).at(y=height - 0.05))
    d.say("with long leaves")


def _pot(d: Design, clay: Paint) -> float:
    """Pot with earth in it; gives its height."""
    height = 0.36
    d.add(clay, vessel([(0.15, 0), (0.19, height / 2), (0.24, height)], 0.02, 2))
    d.add(clay, torus(0.235, 0.03).at(y=height))
    d.add(d.paint("natural", colours=("brown",)), cylinder(0.21, 0.02).at(y=height - 0.05))
    return height


def _rounded_column(radius: float, height: float) -> Surface:
    return join(cylinder(radius, height), sphere(radius, 0, 90).at(y=height))


def flower_pot(d: Design) -> None:
    height = _pot(d, d.main("ceramic", "plastic", colours=POT_COLOURS))
    petal = d.paint("natural", colours=("red", "yellow", "pink", "purple", "orange", "white", "blue"))
    green, heart = d.paint("leafy"), d.paint("natural", colours=("yellow", "brown"))
    count, tall = d.count(3, 6), d.dimension("height", 0.3, 0.55)
    d.say(f"with {petal.colour} flowers")
    for k in range(count):
        angle, reach = 2 * np.pi * k / count + 0.4, 0.24 if count > 1 else 0.0
        top = np.array([reach * np.sin(angle), height + tall * d.uniform(0.8, 1.1), reach * np.cos(angle)])
        d.add(green, rod((top[0] * 0.2, height - 0.05, top[2] * 0.2), tuple(top), 0.014))
        flower = join(*[ellipsoid(0.075, 0.025, 0.05).at(x=0.085).turned(y=60 * i) for i in range(6)])
        tilt = np.rad2deg(angle)
        d.add(petal, flower.turned(x=42).turned(y=tilt).at(*top))
        d.add(heart, sphere(0.05).scaled(y=0.7).turned(x=42).turned(y=tilt).at(*shifted(top, y=0.012)))
    for k in range(7):
        d.add(green, leaf(0.34, 0.15, 0.8, 1.0).turned(y=51 * k).at(y=height - 0.04))


def mushroom(d: Design) -> None:
    cap = d.main("natural", colours=("red", "brown", "orange", "beige", "white", "purple"))
    stem = d.paint("natural", colours=("white", "beige"))
    height, radius = d.dimension("height", 0.35, 0.65), d.dimension("width", 0.3, 0.48)
    d.add(stem, lathe(spline([(0, 0), (0.14, 0.02), (0.11, height * 0.5), (0.09, height)], 4)))
    dome = d.uniform(0.7, 1.0)
    d.add(cap, sphere(radius, 0, 90).scaled(y=dome).at(y=height - 0.05))
    d.add(stem, lathe([(0.08, height), (radius * 0.98, height - 0.05)]), torus(0.12, 0.02).at(y=height * 0.7))
    if cap.colour in ("red", "brown", "orange", "purple"):
        d.say("with white spots")
        for k, latitude in enumerate((80, 50, 48, 52, 46, 20, 22, 18, 24, 20, 21)):
            turn = 2 * np.pi * (k - 1) / 4 if k < 5 else 2 * np.pi * (k - 4.6) / 6
            flat, up = np.cos(np.deg2rad(latitude)), np.sin(np.deg2rad(latitude))
            spot = sphere(radius * 0.13)
            d.add(
                stem,
                spot.at(radius * flat * np.sin(turn), height - 0.05 + radius * dome * up, radius * flat * np.cos(turn)),
            )


def snowman(d: Design) -> None:
    snow = d.main("natural", colours=("white",))
    size = d.dimension("height", 0.85, 1.15)
    for radius, y in ((0.4, 0.34), (0.29, 0.88), (0.21, 1.28)):
        d.add(snow, sphere(radius).at(y=y * size))
    face = 1.28 * size
    d.add(d.paint("natural", colours=("orange",)), cylinder(0.05, 0.28, 0.0).turned(x=90).at(0, face, 0.18))
    d.add(d.shadow, mirrored(sphere(0.032).at(0.08, face + 0.07, 0.19)))
    for y in (0.78, 0.92, 1.04):
        d.add(d.shadow, sphere(0.034).at(0, y * size, 0.28 if y > 0.8 else 0.29))
    d.add(
        d.paint("wooden", colours=("brown",)), mirrored(rod((0.22, 0.92 * size, 0), (0.62, 1.12 * size, 0.05), 0.022))
    )
    hat = d.paint("fabric", colours=("black", "red", "blue", "green"))
    d.add(hat, cylinder(0.26, 0.03).at(y=face + 0.16), cylinder(0.16, 0.24).at(y=face + 0.17))
    scarf = d.paint("fabric", colours=("red", "green", "blue", "yellow", "purple"))
    d.add(scarf, torus(0.2, 0.055).at(y=1.08 * size), box(0.1, 0.3, 0.05).turned(x=-8).at(0.12, 0.78 * size, 0.27))
    d.say(f"with a {hat.colour} hat and a {scarf.colour} scarf")


def person(d: Design) -> None:
    skin = d.paint("natural", colours=("beige", "brown", "pink"))
    d.kind("toy")
    shirt, trousers = d.main("plastic"), d.paint("fabric", colours=("blue", "black", "grey", "brown", "beige"))
    hair = d.paint("natural", colours=("black", "brown", "yellow", "orange", "grey"))
    tall = d.dimension("height", 0.92, 1.1)
    swing, dress = d.uniform(4, 22), d.chance(0.35)
    for side in (-1, 1):
        limb = join(
            rod((0, 0, 0), (0, -0.8 * tall, 0), 0.085, 0.06), ellipsoid(0.07, 0.05, 0.13).at(0, -0.82 * tall, 0.05)
        )
        leg_paint = skin if dress else trousers
        d.add(leg_paint, limb.turned(x=side * swing).at(side * 0.1, 0.86 * tall))
        arm = join(sphere(0.075), rod((0, 0, 0), (0, -0.5, 0), 0.065, 0.045)).turned(x=-side * swing, z=side * 9)
        hand = sphere(0.058).at(y=-0.54).turned(x=-side * swing, z=side * 9)
        d.add(shirt, arm.at(side * 0.24, 1.36 * tall))
        d.add(skin, hand.at(side * 0.24, 1.36 * tall))
    d.add(shirt, ellipsoid(0.23, 0.32, 0.14).at(y=1.15 * tall), rounded_box(0.44, 0.5, 0.22, 0.1).at(y=0.9 * tall))
    if dress:
        d.say(f"wearing a {shirt.colour} dress")
        d.add(shirt, lathe([(0.34, 0.5 * tall), (0.16, 1.05 * tall)]).scaled(z=0.75))
    else:
        d.say(f"wearing a {shirt.colour} shirt and {trousers.colour} trousers")
    d.add(skin, rod((0, 1.4 * tall, 0), (0, 1.55 * tall, 0), 0.055), ellipsoid(0.12, 0.155, 0.13).at(y=1.64 * tall))
    d.add(hair, sphere(0.135, 5, 90).scaled(y=1.15).turned(x=-25).at(0, 1.66 * tall, -0.012))
    if dress:
        d.add(hair, ellipsoid(0.13, 0.22, 0.07).at(0, 1.55 * tall, -0.09))
    d.add(d.shadow, mirrored(sphere(0.017).at(0.045, 1.66 * tall, 0.12)))


CATEGORIES = {
    "tree": tree,
    "plant": plant,
    "flower pot": flower_pot,
    "mushroom": mushroom,
    "snowman": snowman,
    "person": person,
}

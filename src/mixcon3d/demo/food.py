"""Fruit and sweets."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.surfaces import cylinder, ellipsoid, lathe, rod, sphere, torus, tube


def cake(d: Design) -> None:
    icing = d.main("natural", colours=("pink", "white", "brown", "yellow", "blue"))
    filling = d.paint("natural", colours=("brown", "beige", "white"))
    tiers = d.count(1, 3)
    y = 0.0
    for k in range(tiers):
        radius = 0.42 - 0.11 * k
        d.add(filling if k % 2 else icing, cylinder(radius, 0.2, segments=32).at(y=y))
        for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
            d.add(filling, sphere(0.035).at(radius * np.sin(angle), y + 0.2, radius * np.cos(angle)))
        y += 0.2
    d.say(f"with {('one tier', 'two tiers', 'three tiers')[tiers - 1]}")
    d.add(d.paint("ceramic", colours=("white", "silver", "blue")), cylinder(0.52, 0.025).at(y=-0.025))
    for angle in np.linspace(0, 2 * np.pi, d.count(3, 5), endpoint=False):
        x, z = 0.11 * np.sin(angle), 0.11 * np.cos(angle)
        d.add(d.paint("natural", colours=("red", "blue", "yellow", "green")), rod((x, y, z), (x, y + 0.16, z), 0.018))
        d.add(d.paint("natural", colours=("orange",)), ellipsoid(0.016, 0.03, 0.016).at(x, y + 0.19, z))
    d.say("with candles")


def apple(d: Design) -> None:
    fruit = d.main("natural", colours=("red", "green", "yellow"))
    outline = spline([(0, 0.05), (0.16, 0.0), (0.38, 0.22), (0.42, 0.5), (0.24, 0.68), (0.08, 0.63), (0, 0.58)], 5)
    d.add(fruit, lathe(outline).scaled(y=d.dimension("height", 0.9, 1.2)))
    d.add(d.paint("wooden", colours=("brown",)), tube(spline([(0, 0.55, 0), (0.02, 0.7, 0), (0.07, 0.85, 0)]), 0.022))
    if d.chance(0.7):
        d.say("with a leaf")
        shape = spline([(0, 0), (0.12, 0.07), (0.28, 0.02), (0.12, -0.06)], 4, closed=True)
        d.add(d.paint("leafy"), extrude(shape, 0.02).turned(x=70, z=15).at(0.04, 0.78))


def banana(d: Design) -> None:
    peel = d.main("natural", colours=("yellow", "yellow", "green"))
    size, count = d.dimension("thickness", 0.075, 0.1), d.count(1, 3)
    for k in range(count):
        path = in_plane(arc(0.5, 200, 320, 17))
        radii = size * np.concatenate([[0.35, 0.4], np.sin(np.linspace(0.5, np.pi - 0.5, 13)) ** 0.6, [0.4, 0.25]])
        d.add(peel, tube(path, radii, sides=6).turned(x=12 * (k - 1), y=10 * k).at(z=0.13 * (k - (count - 1) / 2)))
        d.add(d.shadow, sphere(0.03).at(path[-1, 0], path[-1, 1], 0.13 * (k - (count - 1) / 2)))
    if count > 1:
        d.say(f"in a bunch of {'two' if count == 2 else 'three'}")


def ice_cream(d: Design) -> None:
    waffle = d.paint("natural", colours=("beige", "orange"))
    scoops = d.count(1, 3)
    d.add(waffle, lathe([(0, 0), (0.2, 0.62), (0.22, 0.64), (0.18, 0.66)]))
    for k in range(5):
        d.add(d.paint("natural", colours=("brown",)), torus(0.2 * (k + 1) / 6 + 0.004, 0.008).at(y=0.62 * (k + 1) / 6))
    for k in range(scoops):
        scoop = (
            d.main("natural", colours=("pink", "white", "brown", "green", "yellow")) if k == 0 else d.paint("natural")
        )
        y, radius = 0.72 + 0.25 * k, 0.24 - 0.03 * k
        d.add(scoop, sphere(radius).at(y=y), torus(radius * 0.88, 0.05).at(y=y - radius * 0.4))
    d.say(f"with {('one scoop', 'two scoops', 'three scoops')[scoops - 1]} in a cone")
    if d.chance(0.4):
        d.say("with a cherry on top")
        d.add(d.paint("natural", colours=("red",)), sphere(0.07).at(y=0.72 + 0.25 * (scoops - 1) + 0.26))


def pineapple(d: Design) -> None:
    fruit = d.main("natural", colours=("orange", "yellow", "brown"))
    dark = d.paint("natural", colours=("brown",))
    height = d.dimension("height", 0.5, 0.75)
    d.add(fruit, ellipsoid(0.27, height / 2, 0.27).at(y=height / 2))
    bump = cylinder(0.045, 0.03, 0.0, segments=6)
    for latitude in range(-66, 67, 22):
        for k in range(10):
            turn = 36.0 * (k + 0.5 * (latitude // 22 % 2))
            across, up = 0.265 * np.cos(np.deg2rad(latitude)), height / 2 * (1 + np.sin(np.deg2rad(latitude)))
            d.add(dark, bump.turned(x=90 - latitude).at(0, up, across).turned(y=turn))
    green = d.paint("leafy")
    for k in range(14):
        tilt, turn = 12 + 34 * (k % 3) / 2, 360 / 14 * k * 3
        blade = lathe([(0.05, 0), (0.045, 0.15), (0, 0.42)], 6).scaled(z=0.35)
        d.add(green, blade.turned(x=tilt).turned(y=turn).at(y=height - 0.03))
    d.say("with green leaves")


CATEGORIES = {
    "cake": cake,
    "apple": apple,
    "banana": banana,
    "ice cream": ice_cream,
    "pineapple": pineapple,
}

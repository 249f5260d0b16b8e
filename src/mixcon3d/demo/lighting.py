"""Lamps, candles, clocks and screens."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import vessel
from mixcon3d.demo.outlines import arc, in_plane, spline
from mixcon3d.demo.surfaces import box, cylinder, lathe, mirrored, rod, rounded_box, sphere, torus, tube


def lamp(d: Design) -> None:
    height = d.dimension("height", 0.28, 0.5)
    base = d.main("ceramic", "wooden", "metal", "glass")
    bulge = d.uniform(0.09, 0.14)
    style = d.pick("vase", "column", "balls")
    if style == "vase":
        d.add(
            base,
            lathe(spline([(0.0, 0), (bulge * 0.7, 0), (bulge, height * 0.4), (0.03, height * 0.9), (0.02, height)], 6)),
        )
    elif style == "column":
        d.add(base, lathe([(0, 0), (0.13, 0), (0.13, 0.03), (0.03, 0.06), (0.025, height), (0, height)]))
    else:
        for k in range(3):
            d.add(base, sphere(height / 6).at(y=height * (k + 0.5) / 3))
        d.add(base, cylinder(0.11, 0.02))
    d.add(d.paint("metal", colours=("gold", "silver")), rod((0, height, 0), (0, height + 0.12, 0), 0.012))
    shade = d.paint("fabric", colours=("white", "beige", "yellow", "red", "green", "blue", "pink", "turquoise"))
    low, high = d.uniform(0.18, 0.24), d.uniform(0.09, 0.16)
    d.add(shade, lathe([(low, height + 0.03), (high, height + 0.28)]))
    d.say(f"with a {shade.colour} shade")


def floor_lamp(d: Design) -> None:
    height = d.dimension("height", 1.3, 1.8)
    pole = d.main("metal", "wooden")
    shade = d.paint("fabric", colours=("white", "beige", "yellow", "red", "green", "blue"))
    if d.chance(0.5):
        d.say("on a tripod")
        for angle in np.deg2rad([0, 120, 240]):
            d.add(pole, rod((0.32 * np.sin(angle), 0, 0.32 * np.cos(angle)), (0, height * 0.8, 0), 0.022))
        d.add(pole, rod((0, height * 0.75, 0), (0, height, 0), 0.022))
    else:
        d.say("on a round base")
        d.add(pole, cylinder(0.17, 0.03), rod((0, 0, 0), (0, height, 0), 0.024))
    d.add(shade, lathe([(d.uniform(0.2, 0.28), height - 0.05), (d.uniform(0.12, 0.2), height + 0.27)]))
    d.say(f"with a {shade.colour} shade")


def candle(d: Design) -> None:
    height, radius = d.dimension("height", 0.3, 0.7), d.dimension("thickness", 0.07, 0.12)
    wax = d.main("natural", colours=("white", "red", "beige", "yellow", "green", "blue", "purple", "pink"))
    d.add(wax, lathe([(0, 0), (radius, 0), (radius, height), (radius * 0.8, height - 0.012), (0, height - 0.03)]))
    d.add(d.shadow, rod((0, height - 0.03, 0), (0, height + 0.05, 0), 0.01))
    flame = d.paint("natural", colours=("orange", "yellow"))
    d.add(flame, lathe(spline([(0, 0), (0.035, 0.05), (0.018, 0.12), (0, 0.17)])).at(y=height + 0.03))
    d.say("with a flame")
    if d.chance(0.7):
        d.say("in a holder")
        brass = d.paint("metal", "ceramic", "wooden")
        d.add(
            brass, vessel([(0.14, -0.04), (0.2, -0.01), (0.24, 0.05)], 0.02), cylinder(radius * 1.25, 0.08).at(y=-0.03)
        )
        ear = in_plane(arc(0.07, -130, 130), "xy") + np.array([0.28, 0.03, 0])
        d.add(brass, tube(ear, 0.018))


def clock(d: Design) -> None:
    rim = d.main("wooden", "metal", "plastic")
    face, ink = d.paint("paper", colours=("white", "beige", "yellow", "turquoise")), d.shadow
    radius = 0.3
    if d.chance(0.5):
        d.call("round")
        d.add(rim, torus(radius, 0.035).turned(x=90), cylinder(radius, 0.06).turned(x=90).at(z=-0.04))
    else:
        d.call("square")
        d.add(rim, rounded_box(0.72, 0.72, 0.08, 0.03).at(y=-0.36))
        d.add(rim, torus(radius, 0.015).turned(x=90).at(z=0.04))
    d.add(face, cylinder(radius * 0.98, 0.012).turned(x=90).at(z=0.035))
    for hour in range(12):
        mark = box(0.024, 0.05 if hour % 3 else 0.08, 0.012).at(0, radius * 0.68, 0.05)
        d.add(ink, mark.turned(z=-30.0 * hour))
    for angle, length in ((d.uniform(0, 360), 0.15), (d.uniform(0, 360), 0.22)):
        d.add(ink, box(0.026, length, 0.012).turned(z=angle).at(z=0.058))
    if d.chance(0.5):
        d.say("with two bells and legs")
        bell = d.paint("metal", colours=("gold", "silver"))
        d.add(bell, mirrored(sphere(0.13, 0, 90).turned(z=-30).at(0.19, 0.36)))
        d.add(bell, mirrored(rod((0.14, -0.28, 0), (0.24, -0.48, 0), 0.03)))
    d.say("with a round face")


def display(d: Design) -> None:
    width = d.dimension("width", 0.8, 1.5)
    height = 0.62
    frame = d.main("plastic", "metal", colours=("black", "grey", "white", "silver"))
    screen = d.paint("glass", colours=("blue", "black", "turquoise", "green", "purple"))
    lift = 0.16
    d.add(frame, rounded_box(width, height, 0.06, 0.015).at(y=lift))
    d.add(screen, box(width - 0.07, height - 0.08, 0.02).at(0, lift + 0.045, 0.031))
    style = d.pick("foot", "feet")
    if style == "foot":
        d.say("on a round foot")
        d.add(frame, rod((0, 0.02, -0.04), (0, lift + 0.25, -0.04), 0.035), cylinder(0.18, 0.025).scaled(z=0.75))
    else:
        d.say("on two feet")
        for x in (-width * 0.3, width * 0.3):
            d.add(frame, rod((x, lift, 0), (x, 0.02, 0.13), 0.02), rod((x, lift, 0), (x, 0.02, -0.13), 0.02))
    if screen.colour != "black":
        light = d.paint("plastic", colours=("white", "yellow"))
        for k in range(d.count(2, 4)):
            d.add(
                light,
                box(width * d.uniform(0.2, 0.5), 0.03, 0.003).at(
                    -width * 0.15, lift + height * (0.75 - 0.15 * k), 0.044
                ),
            )
    d.say(f"with a {screen.colour} screen")


CATEGORIES = {
    "lamp": lamp,
    "floor lamp": floor_lamp,
    "candle": candle,
    "clock": clock,
    "display": display,
}

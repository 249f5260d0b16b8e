"""Things to wear, carry and keep."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import tapered_box, trough, vessel
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.surfaces import (
    box,
    cylinder,
    ellipsoid,
    join,
    lathe,
    mirrored,
    patch,
    rod,
    rounded_box,
    sphere,
    torus,
    triangles,
    tube,
)


def bag(d: Design) -> None:
    width, height, depth = d.dimension("width", 0.55, 0.8), d.dimension("height", 0.5, 0.75), 0.26
    cloth = d.main("leather", "fabric", "paper")
    trim = d.either(cloth, "leather", "fabric")
    style = d.pick("handbag", "backpack", "shopping")
    if style == "backpack":
        d.say("with shoulder straps and a front pocket")
        d.add(cloth, rounded_box(width * 0.85, height * 1.25, 0.32, 0.13))
        d.add(trim, rounded_box(width * 0.62, height * 0.5, 0.16, 0.06).at(0, 0.08, 0.17))
        d.add(d.shadow, box(width * 0.5, 0.015, 0.02).at(0, 0.08 + height * 0.4, 0.245))
        d.add(trim, tube(in_plane(arc(0.09, 0, 180)), 0.02).at(0, height * 1.23))
        strap = spline([(height * 1.15, -0.14), (height * 0.9, -0.3), (height * 0.4, -0.3), (0.06, -0.15)], 5)
        d.add(trim, mirrored(tube(in_plane(strap, "yz"), 0.035).at(width * 0.22)))
        return
    d.add(cloth, tapered_box(width, height, depth, *((0.8, 0.45) if style == "handbag" else (1.0, 1.0))))
    loop = spline([(-width * 0.24, 0), (-width * 0.2, 0.22), (0, 0.32), (width * 0.2, 0.22), (width * 0.24, 0)], 5)
    d.say("with two handles")
    for z in (-depth * 0.34, depth * 0.34):
        d.add(trim, tube(in_plane(loop), 0.022).at(0, height - 0.03, z * (0.8 if style == "handbag" else 1.2)))
    if style == "handbag":
        d.kind("hand")
        d.add(trim, rounded_box(width * 0.9, height * 0.4, 0.03, 0.014).turned(x=-7).at(0, height * 0.56, depth * 0.43))
        d.add(
            d.paint("metal", colours=("gold", "silver")),
            rounded_box(0.1, 0.08, 0.03, 0.01).at(0, height * 0.52, depth * 0.5),
        )
    else:
        d.kind("shopping")
        d.add(trim, box(width * 0.5, height * 0.3, 0.01).at(0, height * 0.35, depth / 2 + 0.005))


def hat(d: Design) -> None:
    felt = d.main(
        "fabric", "leather", "natural", colours=("brown", "black", "beige", "red", "blue", "grey", "green", "white")
    )
    band = d.paint("fabric")
    style = d.pick("brimmed", "top", "wizard")
    if style == "wizard":
        d.call("pointed")
        d.add(
            felt,
            lathe(
                spline([(0.62, 0), (0.3, 0.03), (0.24, 0.2), (0.12, 0.62), (0.0, d.dimension("height", 0.8, 1.1))], 5)
            ),
        )
        d.add(band, lathe([(0.305, 0.05), (0.255, 0.2)]))
    elif style == "top":
        d.kind("top")
        height = d.dimension("height", 0.4, 0.7)
        d.add(felt, lathe([(0.5, 0.03), (0.3, 0), (0.27, height * 0.5), (0.31, height), (0, height)]))
        d.add(band, lathe([(0.303, 0.02), (0.285, 0.14)]))
    else:
        brim, height = d.dimension("width", 0.5, 0.75), 0.32
        crown = spline([(0.3, 0), (0.29, 0.12), (0.25, height), (0.12, height + 0.02), (0, height - 0.05)], 4)
        d.add(felt, lathe(crown).scaled(z=1.15))
        radius, angle = np.meshgrid(np.linspace(0.28, brim, 6), np.linspace(0, 2 * np.pi, 37), indexing="ij")
        lift = (radius - 0.28) ** 1.5 * (0.6 + 0.8 * np.sin(angle) ** 2)
        d.add(felt, patch(np.stack([radius * np.sin(angle), lift, radius * 1.12 * np.cos(angle)], axis=-1)))
        d.add(band, lathe([(0.31, 0.01), (0.3, 0.1)]).scaled(z=1.15))
    d.say(f"with a {band.colour} band")


def umbrella(d: Design) -> None:
    radius, panels = d.dimension("width", 0.5, 0.7), 8
    cloth = d.main("fabric")
    second = d.either(cloth, "fabric")
    if second is not cloth:
        d.say(f"with {second.colour} stripes")
    rings = [(np.sin(t) / np.sin(1.1), (np.cos(t) - np.cos(1.1)) / np.sin(1.1)) for t in np.linspace(0, 1.1, 6)]
    ends = np.linspace(0, 2 * np.pi, panels + 1)
    for k in range(panels):
        a, b = (np.array([[r * np.sin(t), y, r * np.cos(t)] for r, y in rings]) * radius for t in ends[k : k + 2])
        faces = [[a[i], a[i + 1], b[i + 1]] for i in range(5)] + [[a[i], b[i + 1], b[i]] for i in range(1, 5)]
        d.add((cloth, second)[k % 2], triangles(np.array(faces)).at(y=0.75))
    metal = d.paint("metal", colours=("silver", "black", "grey"))
    top = 0.75 + rings[0][1] * radius
    d.add(metal, rod((0, 0, 0), (0, top + 0.1, 0), 0.016))
    hook = in_plane(spline([(0, 0.04), (0, -0.1), (0.05, -0.17), (0.11, -0.14), (0.12, -0.08)]), "xy")
    d.add(d.paint("wooden", "plastic"), tube(hook, 0.028))
    d.say("with a curved handle")


def eyeglasses(d: Design) -> None:
    frame = d.main("plastic", "metal")
    lens = d.paint("glass", colours=("black", "turquoise", "blue", "brown", "white"))
    if lens.colour == "black":
        d.say("with dark lenses")
    height = d.dimension("size", 0.15, 0.25)
    if d.chance(0.5):
        d.call("round")
        outline = arc(0.24, 0, 360, 25)[:-1] * [1, height / 0.24 * 0.6 + 0.4]
    else:
        d.call("square")
        corners = [(-0.25, -0.8), (0.0, -1.0), (0.25, -0.8), (0.28, 0.8), (0, 1.0), (-0.28, 0.8)]
        outline = spline(np.array(corners) * [1, height], 4, closed=True)
    rim = tube(in_plane(outline), 0.028, closed=True, sides=8)
    d.add(frame, mirrored(rim.at(0.31)))
    d.add(lens, mirrored(extrude(outline, 0.01).at(0.31)))
    d.add(frame, tube(spline([(-0.08, 0.04, 0), (0, 0.08, 0.02), (0.08, 0.04, 0)]), 0.024))
    arm = spline([(0.56, 0.06, 0), (0.6, 0.06, -0.08), (0.58, 0.06, -0.6), (0.55, -0.1, -0.82)])
    d.add(frame, mirrored(tube(arm, 0.024)))


def book(d: Design) -> None:
    width, height, thick = 0.6, d.dimension("height", 0.75, 0.95), d.dimension("thickness", 0.08, 0.24)
    cover = d.main("paper", "leather")
    pages = d.paint("paper", colours=("white", "beige"))
    lean = d.uniform(20, 90)
    if d.chance(0.4):
        d.call("open")
        bend = np.linspace(0, 1, 9)
        x = np.concatenate([-bend[::-1], bend[1:]]) * width
        rise = 0.16 * np.sin(np.abs(x) / width * np.pi) ** 0.7 + 0.03
        across, along = np.meshgrid(x, np.linspace(-height / 2, height / 2, 5), indexing="ij")
        sheet = patch(np.stack([across, np.repeat(rise[:, None], 5, 1), along], axis=-1))
        tilt = lean * 0.5
        d.add(pages, sheet.turned(x=tilt))
        d.add(cover, box(width * 2.08, 0.03, height * 1.05).at(y=-0.01).turned(x=tilt))
        for side in (-1, 1):
            for k in range(6):
                line = box(width * 0.6, 0.006, 0.03).turned(z=side * -3)
                d.add(d.shadow, line.at(side * width * 0.52, 0.185, (k - 2.5) * height * 0.13).turned(x=tilt))
        return
    d.call("closed")
    block = box(width * 0.94, thick * 0.84, height * 0.94).at(width * 0.0, thick * 0.08)
    boards = [box(width, thick * 0.1, height), box(width, thick * 0.1, height).at(y=thick * 0.9)]
    spine = box(0.02, thick, height).at(-width / 2)
    d.add(pages, block.turned(x=lean))
    d.add(cover, *[board.turned(x=lean) for board in [*boards, spine]])
    label = d.paint("paper", colours=("gold", "white", "yellow", "red"))
    for z, w in ((-0.24, 0.6), (-0.13, 0.4), (0.3, 0.3)):
        d.add(label, box(width * w, 0.006, 0.05).at(0, thick, z * height).turned(x=lean))


def sword(d: Design) -> None:
    steel = d.main("metal", colours=("silver", "grey", "gold", "black"))
    grip = d.paint("leather", "metal", colours=("brown", "black", "red", "gold", "blue"))
    length, width = d.dimension("length", 0.9, 1.3), d.dimension("width", 0.045, 0.08)
    section = np.array([(-width, 0), (0, 0.022), (width, 0), (0, -0.022)])
    base, high = np.insert(section, 1, 0.0, axis=1), np.insert(section, 1, length * 0.85, axis=1)
    tip = np.array([0, length, 0])
    d.add(steel, trough(base, high), trough(high, np.broadcast_to(tip, high.shape)))
    guard = d.paint("metal", colours=("gold", "silver", "black"))
    curve = d.uniform(-0.08, 0.08)
    d.add(guard, tube(spline([(-0.2, curve, 0), (-0.08, 0, 0), (0.08, 0, 0), (0.2, curve, 0)]), 0.03))
    d.add(grip, rod((0, -0.26, 0), (0, 0, 0), 0.035))
    d.add(guard, sphere(0.055).at(y=-0.28))
    d.say(f"with a {guard.colour} guard")


def anchor(d: Design) -> None:
    metal = d.main("metal", colours=("black", "grey", "blue", "gold", "red"))
    radius = d.dimension("width", 0.34, 0.5)
    d.add(metal, rod((0, -0.5, 0), (0, 0.45, 0), 0.055), rod((-0.28, 0.3, 0), (0.28, 0.3, 0), 0.045))
    d.add(metal, mirrored(sphere(0.06).at(0.28, 0.3)), torus(0.1, 0.03).turned(x=90).at(y=0.56))
    d.add(metal, tube(in_plane(arc(radius, 200, 340, 17)) + np.array([0, radius - 0.5, 0]), 0.055))
    tip = arc(radius, 340, 340, 1)[0] + np.array([0, radius - 0.5])
    barb = extrude([(-0.12, -0.05), (0.12, -0.05), (0.03, 0.2)], 0.06).at(tip[0], tip[1])
    d.add(metal, mirrored(barb))
    d.say("with a ring")


def dumbbell(d: Design) -> None:
    iron = d.main("metal", "plastic", colours=("black", "grey", "red", "blue", "pink", "green"))
    bar = d.paint("metal", colours=("silver", "grey"))
    length, radius = d.dimension("length", 0.5, 0.9), d.dimension("size", 0.18, 0.28)
    d.add(bar, rod((-length / 2, 0, 0), (length / 2, 0, 0), 0.04))
    plates = d.count(1, 3)
    sides = 6 if d.chance(0.4) else 24
    for k in range(plates):
        disc = cylinder(radius * (1 - 0.18 * k), 0.1, segments=sides).turned(z=-90).at(length / 2 - 0.12 + 0.1 * k)
        d.add(iron, mirrored(disc))
    d.say("with hexagonal weights" if sides == 6 else "with round weights")


def bell(d: Design) -> None:
    brass = d.main("metal", colours=("gold", "silver", "gold", "brown"))
    height = d.dimension("height", 0.5, 0.75)
    outline = spline([(0, height), (0.16, height * 0.95), (0.23, height * 0.6), (0.27, height * 0.25), (0.4, 0)], 5)
    d.add(brass, lathe(outline[::-1]), torus(0.39, 0.03))
    d.add(d.paint("metal", colours=("black", "gold")), sphere(0.09).at(y=-0.02))
    if d.chance(0.5):
        d.say("with a wooden handle")
        knots = [(0.03, height), (0.07, height + 0.1), (0.04, height + 0.2), (0.08, height + 0.32), (0, height + 0.36)]
        d.add(d.paint("wooden"), lathe(spline(knots, 4)))
    else:
        d.say("with a bow")
        ribbon = d.paint("fabric", colours=("red", "green", "blue"))
        loop = ellipsoid(0.16, 0.1, 0.05).turned(z=20).at(0.15, height + 0.06)
        d.add(ribbon, mirrored(loop), sphere(0.06).at(y=height + 0.04))


def trophy(d: Design) -> None:
    metal = d.main("metal", colours=("gold", "silver", "gold"))
    height = d.dimension("height", 0.4, 0.65)
    d.add(d.paint("wooden", "stone", colours=("brown", "black", "grey")), box(0.36, 0.18, 0.36))
    d.add(metal, box(0.22, 0.08, 0.01).at(0, 0.05, 0.185))
    stem = [(0.14, 0.18), (0.05, 0.24), (0.04, 0.36), (0.09, 0.4)]
    d.add(metal, lathe(spline(stem, 4)))
    d.add(metal, vessel([(0.07, 0), (0.2, height * 0.3), (0.26, height)], 0.02, 5).at(y=0.38))
    ear = spline([(0.2, 0.1), (0.38, 0.2), (0.42, height * 0.8), (0.25, height * 0.85)], 5)
    d.add(metal, mirrored(tube(in_plane(ear), 0.028).at(y=0.38)))
    d.say("with two handles")
    if d.chance(0.4):
        d.say("with a star on top")
        points = np.concatenate(
            [arc(r, a, a, 1) for k in range(5) for r, a in ((0.2, 90 + 72 * k), (0.09, 126 + 72 * k))]
        )
        d.add(metal, join(extrude(points, 0.06).at(y=0.5 + height)))


CATEGORIES = {
    "bag": bag,
    "hat": hat,
    "umbrella": umbrella,
    "eyeglasses": eyeglasses,
    "book": book,
    "sword": sword,
    "anchor": anchor,
    "dumbbell": dumbbell,
    "bell": bell,
    "trophy": trophy,
}

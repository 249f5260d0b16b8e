"""Buildings and things of the garden and the street."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import (
    Surface,
    box,
    cylinder,
    facets,
    join,
    lathe,
    rod,
    rounded_box,
    sphere,
    torus,
    tube,
)


def house(d: Design) -> None:
    width, depth, wall_height = d.dimension("width", 0.8, 1.3), d.uniform(0.8, 1.1), d.dimension("height", 0.5, 1.0)
    wall = d.main("stone", "wooden", colours=("white", "beige", "yellow", "blue", "pink", "red", "grey", "green"))
    roof = d.paint("ceramic", colours=("red", "brown", "grey", "orange", "black", "blue"))
    rise = d.uniform(0.4, 0.6)
    d.add(
        wall,
        box(width, wall_height, depth),
        extrude([(-width / 2, 0), (width / 2, 0), (0, rise)], depth).at(y=wall_height),
    )
    d.add(roof, _gable(width, rise, depth, 0.08).at(y=wall_height))
    d.add(
        d.paint("stone", colours=("red", "grey")),
        box(0.13, 0.4, 0.13).at(width * 0.25, wall_height + rise * 0.35, -depth * 0.2),
    )
    wood = d.paint("wooden")
    d.add(wood, box(0.2, 0.36, 0.03).at(0, 0, depth / 2))
    pane, frame = (
        d.paint("glass", colours=("turquoise", "blue", "yellow")),
        d.paint("wooden", colours=("white", "brown")),
    )
    for y in (0.24, 0.66)[: 1 if wall_height < 0.85 else 2]:
        for x in (-width * 0.3, width * 0.3):
            d.add(
                frame,
                box(0.2, 0.22, 0.02).at(x, y - 0.015, depth / 2),
                box(0.02, 0.22, 0.2).at(width / 2 if x > 0 else -width / 2, y, 0),
            )
            d.add(
                pane,
                box(0.15, 0.17, 0.04).at(x, y + 0.01, depth / 2),
                box(0.04, 0.17, 0.15).at(width / 2 if x > 0 else -width / 2, y + 0.02, 0),
            )
    d.say(f"with a {roof.colour} roof and a chimney")


def _gable(width: float, height: float, depth: float, overhang: float) -> Surface:
    half = width / 2 + overhang
    low = -overhang * height / (width / 2)
    outline = [(-half, low), (0, height), (half, low), (half, low + 0.06), (0, height + 0.08), (-half, low + 0.06)]
    return extrude(outline, depth + 2 * overhang)


def birdhouse(d: Design) -> None:
    wood = d.main("wooden")
    roof = d.paint("wooden")
    height = d.dimension("height", 0.35, 0.55)
    d.add(wood, box(0.4, height, 0.36), extrude([(-0.2, 0), (0.2, 0), (0, 0.2)], 0.36).at(y=height))
    d.add(roof, _gable(0.4, 0.2, 0.36, 0.07).at(y=height))
    d.add(d.shadow, cylinder(0.075, 0.01).turned(x=90).at(0, height * 0.72, 0.18))
    d.add(d.either(wood, "wooden"), torus(0.08, 0.016).turned(x=90).at(0, height * 0.72, 0.185))
    d.add(roof, rod((0, height * 0.35, 0.15), (0, height * 0.35, 0.32), 0.022))
    if d.chance(0.7):
        d.say("on a pole")
        pole = d.uniform(0.5, 0.9)
        d.add(d.paint("wooden", "metal", colours=("brown", "white", "grey")), rod((0, -pole, 0), (0, 0, 0), 0.04))
    d.say("with a round hole")


def tent(d: Design) -> None:
    cloth = d.main("fabric")
    width, height = d.dimension("width", 1.0, 1.5), d.dimension("height", 0.75, 1.1)
    pole = d.paint("wooden", "metal", colours=("brown", "grey"))
    style = d.pick("ridge", "dome", "teepee")
    if style == "ridge":
        _ridge_tent(d, cloth, pole, width / 2, height, d.uniform(0.65, 0.85))
    elif style == "dome":
        d.kind("dome")
        _dome_tent(d, cloth, pole, width * 0.6, height)
    else:
        d.kind("teepee")
        _teepee(d, cloth, pole, width / 2, height)
    d.say("with an open entrance")


def _ridge_tent(d: Design, cloth: Paint, pole: Paint, wide: float, height: float, long: float) -> None:
    back, front = (0, height, -long), (0, height, long)
    flap = d.either(cloth, "fabric")
    for side in (-1, 1):
        foot = side * wide
        d.add(cloth, facets([(foot, 0, -long), back, front, (foot, 0, long)]))
        d.add(flap, facets([(foot, 0, long), front, (foot * 0.45, 0, long + 0.02)]))
        d.add(pole, rod((foot, 0.01, side * long), (foot * 1.3, 0, side * long), 0.012))
    d.add(cloth, facets([(-wide, 0, -long), back, (wide, 0, -long)]))
    d.add(d.shadow, facets([(-wide, 0, -long), (wide, 0, -long), (wide, 0, long), (-wide, 0, long)]))
    d.add(pole, rod((0, 0, long), (0, height + 0.06, long), 0.02))


def _dome_tent(d: Design, cloth: Paint, pole: Paint, wide: float, height: float) -> None:
    d.add(cloth, sphere(1.0, 0, 90).scaled(wide, height, wide))
    for turn in (45, 135):
        d.add(pole, tube(in_plane(arc(1.01, 0, 180, 21)) * [wide, height, 1], 0.022).turned(y=turn))
    door = np.array([(-0.42, 0.02), (0.42, 0.02), (0.3, 0.42), (0, 0.62), (-0.3, 0.42)])
    bulge = np.sqrt((1 - (door**2).sum(1)).clip(0)) * 1.02
    d.add(d.shadow, facets(np.column_stack([door, bulge]) * [wide, height, wide]))


def _teepee(d: Design, cloth: Paint, pole: Paint, wide: float, height: float) -> None:
    d.add(cloth, lathe([(wide, 0), (0.06, height * 1.4)], 10))
    left, right = ((wide * np.sin(a), 0, wide * np.cos(a)) for a in (-0.35, 0.35))
    d.add(d.shadow, facets([left, right, (0, height * 0.8, wide * 0.46)]).scaled(z=1.04).at(z=0.01))
    for angle in 2 * np.pi * np.arange(5) / 5:
        x, z = np.sin(angle), np.cos(angle)
        d.add(pole, rod((wide * 0.96 * x, 0, wide * 0.96 * z), (-0.13 * x, height * 1.62, -0.13 * z), 0.02))


def fence(d: Design) -> None:
    count, height = d.count(6, 11), d.dimension("height", 0.6, 1.0)
    wood = d.main("wooden", "wooden", "metal")
    pointed = d.chance(0.7)
    step = 0.17
    picket = [(-0.055, 0), (0.055, 0), (0.055, height), (0, height + (0.1 if pointed else 0.0)), (-0.055, height)]
    for k in range(count):
        d.add(wood, extrude(picket, 0.03).at((k - (count - 1) / 2) * step, 0, 0.03))
    for y in (0.25, 0.75):
        d.add(wood, box(count * step, 0.09, 0.03).at(0, height * y - 0.04))
    for x in (-count * step / 2, count * step / 2):
        d.add(wood, box(0.09, height * 1.08, 0.09).at(x), sphere(0.06).at(x, height * 1.12))
    d.say("with pointed pickets" if pointed else "with flat pickets")


def mailbox(d: Design) -> None:
    body = d.main("metal", "plastic", colours=("red", "blue", "green", "black", "white", "grey", "yellow"))
    length = d.dimension("length", 0.5, 0.75)
    outline = np.concatenate([[(-0.17, 0), (0.17, 0)], arc(0.17, 0, 180, 13) + np.array([0, 0.18])])
    d.add(body, extrude(outline, length).at(y=0.85))
    d.add(d.either(body, "metal"), extrude(outline * 0.97, 0.02).at(y=0.855, z=length / 2 + 0.01))
    d.add(d.paint("metal", colours=("silver", "black")), box(0.05, 0.07, 0.04).at(0, 1.12, length / 2 + 0.02))
    post = d.paint("wooden", colours=("brown", "white", "black"))
    d.add(post, box(0.1, 0.85, 0.1), box(0.14, 0.04, length * 0.9).at(y=0.82))
    d.add(post, rod((0, 0.5, -0.02), (0, 0.83, length * 0.4), 0.03))
    flag = d.paint("plastic", colours=("red", "orange", "yellow", "blue"))
    raised = d.chance(0.5)
    d.say(f"with a {flag.colour} flag {'up' if raised else 'down'}")
    sign = join(box(0.015, 0.3, 0.03), box(0.015, 0.09, 0.14).at(0, 0.22, 0.06))
    d.add(flag, (sign if raised else sign.turned(x=-90)).at(0.19, 1.0, 0.0))


def barrel(d: Design) -> None:
    wood = d.main("wooden", "wooden", "metal", "plastic")
    hoop = d.paint("metal", colours=("black", "grey", "gold"))
    height, fat = d.dimension("height", 0.8, 1.15), d.uniform(0.38, 0.46)
    outline = spline([(0.32, 0), (fat, height / 2), (0.32, height)], 6)
    d.add(wood, lathe([(0, 0), *outline, (0.29, height), (0.29, height - 0.03), (0, height - 0.03)]))
    for share in (0.07, 0.3, 0.7, 0.93):
        radius = float(np.interp(height * share, outline[:, 1], outline[:, 0])) + 0.004
        d.add(hoop, torus(radius, 0.016).scaled(y=1.8).at(y=height * share))
    for k in range(16):
        stave = outline[:, [0, 1]]
        line = np.stack([np.zeros(len(stave)), stave[:, 1], stave[:, 0]], axis=1)
        d.add(d.shadow, tube(line, 0.006, sides=4).turned(y=22.5 * k))
    d.say("with metal hoops")


def cone(d: Design) -> None:
    body = d.main("plastic", colours=("orange", "orange", "red", "yellow", "green", "blue"))
    stripe = d.paint("plastic", colours=("white", "silver", "yellow"))
    height = d.dimension("height", 0.7, 1.1)
    d.add(body, rounded_box(0.62, 0.06, 0.62, 0.02), lathe([(0.25, 0.05), (0.045, height), (0, height)]))
    bands = d.count(1, 2)
    for k in range(bands):
        low, high = 0.35 + 0.3 * k, 0.5 + 0.3 * k
        radii = [0.25 - 0.205 * (share * height - 0.05) / (height - 0.05) + 0.006 for share in (low, high)]
        d.add(stripe, lathe([(radii[0], low * height), (radii[1], high * height)]))
    d.say(f"with {'a' if bands == 1 else 'two'} {stripe.colour} stripe{'' if bands == 1 else 's'}")


def lighthouse(d: Design) -> None:
    wall = d.main("stone", colours=("white",))
    stripe = d.paint("stone", colours=("red", "blue", "black"))
    height = d.dimension("height", 1.1, 1.7)
    bands = d.count(4, 6)
    for k in range(bands):
        low, high = (height * (k + i) / bands for i in (0, 1))
        radii = [0.3 - 0.12 * y / height for y in (low, high)]
        d.add((wall, stripe)[k % 2], lathe([(radii[0], low), (radii[1], high)]))
    d.say(f"with {stripe.colour} stripes")
    d.add(
        d.shadow,
        cylinder(0.25, 0.03).at(y=height),
        torus(0.25, 0.012).at(y=height + 0.12),
        box(0.12, 0.2, 0.06).at(z=0.28),
    )
    d.add(d.paint("glass", colours=("yellow", "turquoise")), cylinder(0.13, 0.2).at(y=height + 0.03))
    d.add(stripe, lathe([(0.19, height + 0.22), (0, height + 0.4)]))
    d.add(d.paint("stone", colours=("grey", "brown")), lathe([(0.46, -0.08), (0.38, 0.02), (0, 0.03)], 9))


def windmill(d: Design) -> None:
    wall = d.main("stone", "wooden", colours=("white", "red", "beige", "brown", "grey", "blue"))
    cap = d.paint("wooden", colours=("brown", "red", "black", "blue"))
    height = d.dimension("height", 0.9, 1.3)
    d.add(wall, lathe([(0.36, 0), (0.22, height), (0, height)], 12))
    d.add(cap, sphere(0.25, 0, 90).scaled(y=1.1).at(y=height))
    d.add(d.shadow, box(0.15, 0.26, 0.04).at(0, 0, 0.34), box(0.1, 0.12, 0.04).at(0, height * 0.6, 0.265))
    sail, frame = d.paint("fabric", colours=("white", "beige", "red", "yellow")), d.paint("wooden", colours=("brown",))
    turn = d.uniform(0, 90)
    hub = (0.0, height * 1.0, 0.33)
    for k in range(4):
        angle = turn + 90 * k
        d.add(frame, box(0.035, 0.78, 0.03).turned(z=angle).at(*hub))
        d.add(sail, box(0.2, 0.58, 0.012).at(0.11, 0.18).turned(z=angle).at(*hub))
        for y in (0.3, 0.45, 0.6):
            d.add(frame, box(0.2, 0.02, 0.02).at(0.11, y).turned(z=angle).at(*hub))
    d.add(frame, rod((0, hub[1], 0.1), (0, hub[1], 0.38), 0.05))
    d.say(f"with four {sail.colour} sails")


CATEGORIES = {
    "house": house,
    "birdhouse": birdhouse,
    "tent": tent,
    "fence": fence,
    "mailbox": mailbox,
    "barrel": barrel,
    "cone": cone,
    "lighthouse": lighthouse,
    "windmill": windmill,
}

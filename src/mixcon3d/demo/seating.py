"""Things to sit and lie on."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import cushion, legs, pillow_shape, turned_leg
from mixcon3d.demo.outlines import arc, extrude, in_plane, spline
from mixcon3d.demo.surfaces import box, cylinder, join, mirrored, rod, rounded_box, torus, tube


def chair(d: Design) -> None:
    width, depth, seat = d.dimension("width", 0.38, 0.56), d.uniform(0.38, 0.48), d.uniform(0.40, 0.48)
    back = d.dimension("height", 0.36, 0.68)
    frame = d.main("wooden", "metal", "plastic")
    style = d.pick("four legs", "four legs", "pedestal")
    if style == "pedestal":
        d.kind("swivel")
        _star_base(d, seat)
    else:
        legs(d, frame, width, depth, seat, 0.045, d.pick("square", "tapered", "turned"), d.uniform(0.0, 0.04))
        d.say("with four legs")
    seat_paint = d.either(frame, "fabric", "leather")
    d.add(seat_paint, rounded_box(width, 0.05, depth, 0.02).at(y=seat - 0.01))
    _chair_back(d, width, depth, seat, back)
    if d.chance(0.3):
        d.say("with armrests")
        for x in (-width / 2, width / 2):
            d.add(frame, box(0.04, 0.03, depth * 0.9).at(x, seat + 0.22))
            d.add(frame, box(0.04, 0.22, 0.04).at(x, seat, depth * 0.38))


def _star_base(d: Design, seat: float) -> None:
    metal = d.paint("metal", colours=("black", "grey", "silver"))
    d.add(metal, cylinder(0.03, seat - 0.05).at(y=0.05))
    for angle in np.deg2rad(np.arange(5) * 72.0):
        foot = (0.3 * np.sin(angle), 0.05, 0.3 * np.cos(angle))
        d.add(metal, rod((0, 0.1, 0), foot, 0.028, 0.018))
        d.add(metal, cylinder(0.03, 0.05).at(foot[0], 0, foot[2]))


def _chair_back(d: Design, width: float, depth: float, seat: float, back: float) -> None:
    paint = d.main_paint or d.main("wooden")
    z = -depth / 2 + 0.02
    style = d.pick("slats", "ladder", "panel")
    for x in (-1, 1):
        d.add(paint, box(0.04, back, 0.035).at(x * (width / 2 - 0.02), seat, z))
    if style == "slats":
        d.say("with a slatted back")
        for x in np.linspace(-1, 1, d.count(5, 7))[1:-1]:
            d.add(paint, box(0.025, back, 0.02).at(x * (width / 2 - 0.02), seat, z))
        d.add(paint, box(width, 0.07, 0.035).at(0, seat + back - 0.06, z))
    elif style == "ladder":
        for y in np.linspace(0.3, 0.88, d.count(2, 4)):
            d.add(paint, box(width, back * 0.13, 0.025).at(0, seat + back * y, z))
    else:
        d.say("with a solid back")
        d.add(paint, rounded_box(width, back * 0.8, 0.035, 0.016).at(0, seat + back * 0.22, z))


def armchair(d: Design) -> None:
    _upholstered(d, d.dimension("width", 0.75, 0.95), seats=1)


def _upholstered(d: Design, width: float, seats: int) -> None:
    depth, base, back = d.uniform(0.8, 0.95), d.uniform(0.22, 0.3), d.dimension("height", 0.38, 0.62)
    cloth = d.main("fabric", "leather")
    soft = d.either(cloth, cloth.material)
    arm = d.uniform(0.13, 0.2)
    legs(d, d.paint("wooden", "metal", colours=("brown", "black")), width - 0.06, depth - 0.06, 0.1, 0.05, "tapered")
    d.add(cloth, rounded_box(width, base - 0.08, depth, 0.04).at(y=0.08))
    inner = width - 2 * arm
    for i in range(seats):
        x = (i + 0.5) / seats * inner - inner / 2
        d.add(soft, cushion(inner / seats - 0.008, 0.16, depth * 0.72).at(x, base, depth * 0.12))
        d.add(soft, cushion(inner / seats - 0.012, back * 0.85, 0.2).turned(x=-8).at(x, base + 0.12, -depth / 2 + 0.24))
    d.add(cloth, rounded_box(width, base + back - 0.08, 0.18, 0.07).at(0, 0.08, -depth / 2 + 0.09))
    arm_height = base + d.uniform(0.22, 0.32)
    if d.chance(0.4):
        d.say("with rolled armrests")
        roll = join(cylinder(arm * 0.62, depth).turned(x=90).at(0, arm_height, -depth / 2))
        d.add(cloth, mirrored(roll.at(x=(width - arm) / 2)))
    arms = rounded_box(arm, arm_height - 0.08, depth, 0.05)
    d.add(cloth, mirrored(arms.at(x=(width - arm) / 2, y=0.08)))
    if d.chance(0.4):
        d.say("with a throw pillow" if seats > 1 else "with a cushion")
        pad = pillow_shape(0.42, 0.16, 0.42).turned(x=72, z=8)
        d.add(d.paint("fabric"), pad.at(-inner / 2 + 0.24 if seats > 1 else 0.0, base + 0.36, -depth / 2 + 0.42))


def sofa(d: Design) -> None:
    seats = d.count(2, 3)
    d.say(f"with {'two' if seats == 2 else 'three'} seats")
    _upholstered(d, d.dimension("length", 0.68, 0.84) * seats, seats)


def stool(d: Design) -> None:
    height, radius = d.dimension("height", 0.42, 0.8), d.uniform(0.16, 0.21)
    frame = d.main("wooden", "metal", "plastic")
    count = d.count(3, 4)
    d.say(f"with {'three' if count == 3 else 'four'} legs")
    spread = d.uniform(1.05, 1.35)
    for k in range(count):
        angle = 2 * np.pi * (k + 0.5) / count
        top = (radius * 0.72 * np.sin(angle), height, radius * 0.72 * np.cos(angle))
        d.add(frame, rod((top[0] * spread * 1.2, 0, top[2] * spread * 1.2), top, 0.02, 0.024))
    d.add(frame, torus(radius * 0.8 * spread, 0.012).at(y=height * 0.35))
    seat = d.either(frame, "leather", "fabric", "wooden")
    if d.chance(0.35):
        d.add(seat, rounded_box(radius * 2, 0.06, radius * 2, 0.02).at(y=height - 0.02))
    else:
        d.call("round")
        d.add(seat, cylinder(radius, d.uniform(0.04, 0.09)).at(y=height - 0.02))


def bench(d: Design) -> None:
    width, depth, seat = d.dimension("length", 1.1, 1.8), d.uniform(0.36, 0.46), 0.44
    wood = d.main("wooden")
    frame = d.either(wood, "metal", colours=("black", "grey", "green"))
    slats = d.count(3, 5)
    for z in (np.arange(slats) + 0.5) / slats * depth - depth / 2:
        d.add(wood, box(width, 0.035, depth / slats * 0.8).at(0, seat, z))
    for x in (-width * 0.42, width * 0.42):
        d.add(frame, box(0.06, 0.05, depth).at(x, seat - 0.05))
        d.add(frame, box(0.06, seat, 0.06).at(x, 0, depth / 2 - 0.03), box(0.06, seat, 0.06).at(x, 0, 0.03 - depth / 2))
    if d.chance(0.8):
        d.say("with a backrest")
        for y in (0.14, 0.25, 0.36):
            d.add(wood, box(width, 0.08, 0.03).at(0, seat + y, -depth / 2 - 0.02 - y * 0.18))
        for x in (-width * 0.42, width * 0.42):
            d.add(frame, rod((x, seat, -depth / 2), (x, seat + 0.46, -depth / 2 - 0.1), 0.028))
    if d.chance(0.5):
        d.say("with armrests")
        for x in (-width * 0.46, width * 0.46):
            d.add(frame, box(0.06, 0.03, depth).at(x, seat + 0.22), box(0.05, 0.22, 0.05).at(x, seat, depth * 0.42))


def bed(d: Design) -> None:
    width, length = d.dimension("width", 0.9, 1.8), 2.0
    frame = d.main("wooden", "metal", "fabric")
    head, mattress = d.dimension("height", 0.7, 1.25), 0.32
    d.add(frame, box(width + 0.06, 0.14, length).at(y=0.18))
    legs(d, frame, width, length, 0.2, 0.08)
    z = -length / 2 - 0.03
    if frame.material == "metal" or d.chance(0.25):
        d.say("with a barred headboard")
        for x in np.linspace(-width / 2, width / 2, 8):
            d.add(frame, rod((x, 0.15, z), (x, head, z), 0.022))
        d.add(frame, rod((-width / 2, head, z), (width / 2, head, z), 0.035))
    else:
        d.say("with a headboard")
        d.add(frame, rounded_box(width + 0.08, head, 0.08, 0.03).at(z=z))
    d.add(frame, box(width + 0.08, 0.5, 0.06).at(z=length / 2 + 0.02))
    white = d.paint("fabric", colours=("white", "beige"))
    d.add(white, rounded_box(width, 0.2, length - 0.04, 0.06).at(y=mattress))
    blanket = d.paint("fabric")
    d.add(blanket, rounded_box(width + 0.05, 0.22, length * 0.66, 0.06).at(0, mattress + 0.01, length * 0.15))
    count = 1 if width < 1.2 else 2
    for x in (np.arange(count) + 0.5) / count * width - width / 2:
        d.add(white, pillow_shape(width / count * 0.82, 0.2, 0.42).turned(x=12).at(x, mattress + 0.27, -length * 0.36))
    d.say(f"with a {blanket.colour} blanket")


def pillow(d: Design) -> None:
    width, depth = d.dimension("width", 0.5, 0.8), 0.46
    fullness = d.dimension("thickness", 0.18, 0.3)
    cloth = d.main("fabric")
    shape = pillow_shape(width, fullness, depth)
    lean = d.uniform(10, 70)
    d.add(cloth, shape.turned(x=lean))
    if d.chance(0.5):
        trim = d.paint("fabric")
        d.say(f"with {trim.colour} piping")
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * [width / 2, depth / 2]
        pinched = [square[i] * (1 - t) + square[(i + 1) % 4] * t for i in range(4) for t in (0.0, 0.25, 0.5, 0.75)]
        inward = [1.0, 0.965, 0.95, 0.965] * 4
        edge = np.array([p * k for p, k in zip(pinched, inward, strict=True)])
        d.add(trim, tube(in_plane(edge, "xz"), 0.012, closed=True, sides=6).turned(x=lean))


def swing(d: Design) -> None:
    width, height = d.dimension("width", 1.4, 2.4), d.uniform(1.7, 2.1)
    frame = d.main("metal", "wooden")
    for x in (-width / 2, width / 2):
        for z in (-0.55, 0.55):
            d.add(frame, rod((x, 0, z), (x * 0.94, height, 0), 0.045))
        d.add(frame, rod((x * 0.98, height * 0.35, -0.36), (x * 0.98, height * 0.35, 0.36), 0.035))
    d.add(frame, rod((-width / 2, height, 0), (width / 2, height, 0), 0.05))
    seat, rope = d.paint("plastic", "wooden"), d.paint("fabric", colours=("beige", "grey", "black"))
    count = 1 if width < 1.8 else 2
    d.say(f"with {'one seat' if count == 1 else 'two seats'}")
    for x in (np.arange(count) + 0.5) / count * width * 0.8 - width * 0.4:
        z = d.uniform(-0.15, 0.15)
        d.add(seat, box(0.46, 0.05, 0.24).at(x, 0.5, z))
        for side in (-0.2, 0.2):
            d.add(rope, rod((x + side, 0.52, z), (x + side, height, 0), 0.018))


def rocking_chair(d: Design) -> None:
    wood = d.main("wooden")
    width, depth, seat = 0.52, 0.48, 0.42
    back = d.dimension("height", 0.55, 0.85)
    rocker = in_plane(arc(1.0, 242, 300, 13), "zy") + np.array([0, 1.02, -0.02])
    for x in (-width / 2 + 0.03, width / 2 - 0.03):
        d.add(wood, tube(rocker + np.array([x, 0, 0]), 0.026))
        for z in (-depth * 0.42, depth * 0.42):
            d.add(wood, turned_leg(seat - 0.05, 0.055).at(x, 0.05, z))
        d.add(wood, rod((x, seat, -depth / 2), (x, seat + back, -depth / 2 - 0.22), 0.024))
        d.add(wood, box(0.06, 0.025, depth).at(x, seat + 0.23), rod((x, seat, 0.18), (x, seat + 0.23, 0.18), 0.018))
    d.add(d.either(wood, "fabric"), rounded_box(width, 0.05, depth, 0.02).at(y=seat))
    for x in np.linspace(-0.19, 0.19, 6):
        d.add(wood, rod((x, seat, -depth / 2), (x, seat + back, -depth / 2 - 0.22), 0.013))
    crest = spline([(-0.28, 0), (0, 0.05), (0.28, 0), (0.28, 0.1), (0, 0.17), (-0.28, 0.1)], 4, closed=True)
    d.add(wood, extrude(crest, 0.035).turned(x=-14).at(0, seat + back - 0.04, -depth / 2 - 0.21))
    d.say("with curved rockers")


CATEGORIES = {
    "chair": chair,
    "armchair": armchair,
    "sofa": sofa,
    "stool": stool,
    "bench": bench,
    "bed": bed,
    "pillow": pillow,
    "swing": swing,
    "rocking chair": rocking_chair,
}

"""Things that drive."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.fittings import shifted, tapered_box, wheel
from mixcon3d.demo.outlines import extrude, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import (
    Surface,
    box,
    cylinder,
    ellipsoid,
    lathe,
    mirrored,
    rod,
    rounded_box,
    sphere,
    torus,
    tube,
)


def car(d: Design) -> None:
    body = d.main("metal", colours=("red", "blue", "yellow", "white", "black", "green", "silver", "orange"))
    length, width = d.dimension("length", 1.5, 1.95), 0.8
    glass = d.paint("glass", colours=("turquoise", "blue"))
    half, roof = length / 2, d.dimension("height", 0.62, 0.78)
    van = d.chance(0.3)
    nose, tail = (half * 0.5, -half * 0.95) if van else (half * 0.42, -half * 0.62)
    d.kind("estate" if van else "sedan")
    lower = [(-half, 0.16), (half, 0.16), (half, 0.34), (half * 0.92, 0.42), (half * 0.45, 0.45), (-half * 0.95, 0.45)]
    d.add(body, extrude(np.array(lower), width).turned(y=-90))
    cabin = [(tail, 0.44), (nose, 0.44), (nose - 0.24, roof), (tail + 0.1, roof)]
    d.add(body, extrude(np.array(cabin), width * 0.86).turned(y=-90))
    d.add(glass, *_car_windows(nose, tail, roof, width))
    for x in (-1, 1):
        for z in (-half * 0.6, half * 0.6):
            wheel(
                d, d.shadow, d.paint("metal", colours=("silver", "grey")), 0.17, 0.14, x * (width / 2 - 0.04), 0.17, z
            )
    d.add(
        d.paint("glass", colours=("yellow", "white")), mirrored(sphere(0.07).scaled(z=0.5).at(width * 0.34, 0.34, half))
    )
    d.add(d.paint("glass", colours=("red",)), mirrored(box(0.13, 0.06, 0.02).at(width * 0.34, 0.34, -half)))
    chrome = d.paint("metal", colours=("silver", "black"))
    d.add(
        chrome,
        box(width, 0.06, 0.06).at(0, 0.18, half),
        box(width, 0.06, 0.06).at(0, 0.18, -half),
        box(0.3, 0.08, 0.02).at(0, 0.29, half),
    )


def _car_windows(nose: float, tail: float, roof: float, width: float) -> list[Surface]:
    """Panes just outside a cabin that reaches from tail to nose along z and from y = 0.44 up to the roof."""
    middle, low, high = (nose + tail) / 2 - 0.05, 0.46, roof - 0.04
    rear = [(tail + 0.07, low), (middle - 0.02, low), (middle - 0.02, high), (tail + 0.13, high)]
    front = [(middle + 0.02, low), (nose - 0.05, low), (nose - 0.26, high), (middle + 0.02, high)]
    slope = [(nose + 0.004, low), (nose - 0.222, roof - 0.02), (nose - 0.232, roof - 0.02), (nose - 0.006, low)]
    panes = [extrude(rear, width * 0.87 + 0.01), extrude(front, width * 0.87 + 0.01), extrude(slope, width * 0.74)]
    lean = float(np.rad2deg(np.arctan2(0.1, roof - 0.44)))
    back = box(width * 0.7, roof - 0.52, 0.01).turned(x=lean).at(0, 0.48, tail + 0.005)
    return [*[pane.turned(y=-90) for pane in panes], back]


def truck(d: Design) -> None:
    cab = d.main("metal", "plastic", colours=("red", "blue", "yellow", "white", "green", "orange"))
    length, width = d.dimension("length", 1.1, 1.7), 0.66
    glass = d.paint("glass", colours=("turquoise", "blue"))
    front = 0.6
    d.add(d.shadow, box(width * 0.7, 0.1, length + front).at(0, 0.16, (front - length) / 2))
    d.add(cab, tapered_box(width, 0.66, front, 0.96, 0.82).at(0, 0.2, front / 2))
    d.add(
        glass,
        box(width * 0.84, 0.24, 0.01).turned(x=-5).at(0, 0.55, front * 0.955),
        mirrored(box(0.01, 0.22, 0.28).turned(z=1).at(width * 0.488, 0.55, front * 0.5)),
    )
    d.add(d.paint("glass", colours=("yellow", "white")), mirrored(sphere(0.055).at(width * 0.34, 0.32, front)))
    d.add(
        d.paint("metal", colours=("silver", "black")),
        box(width, 0.08, 0.06).at(0, 0.18, front),
        box(0.3, 0.12, 0.02).at(0, 0.3, front),
    )
    _load(d, length, width)
    for z in (front * 0.55, -length * 0.55, -length * 0.86):
        for x in (-1, 1):
            wheel(
                d, d.shadow, d.paint("metal", colours=("silver", "grey")), 0.16, 0.13, x * (width / 2 - 0.04), 0.16, z
            )


def _load(d: Design, length: float, width: float) -> None:
    load = d.paint("metal", "fabric", "wooden")
    middle = -length / 2 - 0.03
    style = d.pick("box", "tipper", "tank")
    if style == "box":
        d.say(f"with a {load.colour} cargo box")
        d.add(load, rounded_box(width * 1.06, 0.8, length, 0.02).at(0, 0.26, middle))
    elif style == "tank":
        d.say(f"with a {load.colour} tank")
        d.add(load, cylinder(0.33, length).turned(x=90).at(0, 0.6, -length - 0.03))
        d.add(d.shadow, cylinder(0.08, 0.08).at(0, 0.9, middle))
    else:
        d.say(f"with an open {load.colour} bed")
        d.add(load, box(width, 0.04, length).at(0, 0.26, middle))
        d.add(load, mirrored(box(0.04, 0.36, length).at(width / 2, 0.26, middle)))
        d.add(load, box(width, 0.36, 0.04).at(0, 0.26, -length), box(width, 0.5, 0.04).at(0, 0.26, -0.05))
        d.add(d.paint("stone"), ellipsoid(width * 0.42, 0.2, length * 0.42).at(0, 0.5, middle))


def _spoked_wheel(d: Design, metal: Paint, radius: float, hub: np.ndarray) -> None:
    """Bicycle wheel turning about the z axis."""
    d.add(d.shadow, torus(radius, 0.028).turned(x=90).at(*hub))
    d.add(
        metal,
        torus(radius * 0.9, 0.012).turned(x=90).at(*hub),
        cylinder(0.04, 0.1).turned(x=90).at(hub[0], hub[1], -0.05),
    )
    for k in range(6):
        tip = radius * 0.92 * np.array([np.cos(k * np.pi / 6), np.sin(k * np.pi / 6), 0])
        d.add(metal, rod(hub - tip, hub + tip, 0.006))


def bicycle(d: Design) -> None:
    frame = d.main("metal", colours=("red", "blue", "green", "black", "yellow", "white", "orange", "turquoise"))
    radius, base = d.dimension("size", 0.3, 0.36), 1.02
    metal = d.paint("metal", colours=("silver", "grey"))
    rear, front = np.array([-base / 2, radius, 0]), np.array([base / 2, radius, 0])
    crank, seat = np.array([-0.08, radius - 0.02, 0]), np.array([-0.2, 0.82, 0])
    head = np.array([0.36, 0.84, 0])
    for hub in (rear, front):
        _spoked_wheel(d, metal, radius, hub)
    step_through = d.chance(0.35)
    top = seat * 0.45 + crank * 0.55 if step_through else seat
    bars = [(crank, seat), (top, head), (crank, head * 0.9 + front * 0.1), (crank, rear), (seat, rear), (head, front)]
    for a, b in bars:
        d.add(frame, rod(a, b, 0.026))
    d.add(metal, rod(head, shifted(head, -0.03, 0.13, 0), 0.02), rod(seat, shifted(seat, -0.02, 0.1, 0), 0.02))
    wide = spline([(-0.1, 0, -0.27), (0.02, 0.02, -0.18), (0.04, 0, 0), (0.02, 0.02, 0.18), (-0.1, 0, 0.27)])
    d.add(d.shadow, tube(wide, 0.022).at(*shifted(head, -0.03, 0.14, 0)))
    saddle = extrude(spline([(0.16, 0.02), (0.16, -0.02), (-0.12, -0.08), (-0.12, 0.08)], 4, closed=True), 0.05)
    d.add(d.paint("leather", colours=("black", "brown")), saddle.turned(x=90).at(*shifted(seat, -0.02, 0.12, 0)))
    d.add(metal, cylinder(0.1, 0.02).turned(x=90).at(*shifted(crank, 0, 0, 0.03)))
    for side in (-1, 1):
        pedal = shifted(crank, side * 0.1, side * -0.13, side * 0.1)
        d.add(d.shadow, rod(shifted(crank, z=side * 0.06), pedal, 0.014), box(0.1, 0.025, 0.08).at(*pedal))
    if d.chance(0.4):
        d.say("with a basket")
        d.add(
            d.paint("wooden", "metal", colours=("brown", "beige", "black")),
            tapered_box(0.24, 0.2, 0.3, 1.25, 1.2).at(*shifted(head, 0.18, -0.06, 0)),
        )
    if step_through:
        d.say("with a low frame")


def train(d: Design) -> None:
    body = d.main("metal", "plastic", "wooden", colours=("red", "blue", "green", "black", "yellow"))
    trim = d.paint("metal", colours=("gold", "red", "black", "yellow", "silver"))
    length = d.dimension("length", 0.8, 1.15)
    d.add(d.shadow, box(0.44, 0.1, length + 0.5).at(0, 0.18, (length - 0.5) / 2))
    d.add(body, cylinder(0.2, length).turned(x=90).at(0, 0.48, 0))
    for share in (0.05, 0.5, 1.0):
        d.add(trim, torus(0.205, 0.022).turned(x=90).at(0, 0.48, length * share))
    d.add(d.shadow, cylinder(0.15, 0.02).turned(x=90).at(0, 0.48, length))
    d.add(body, box(0.5, 0.42, 0.44).at(0, 0.28, -0.22), mirrored(box(0.04, 0.28, 0.06).at(0.23, 0.68, -0.03)))
    d.add(body, mirrored(box(0.04, 0.28, 0.06).at(0.23, 0.68, -0.41)), box(0.5, 0.28, 0.03).at(0, 0.68, -0.43))
    d.add(trim, rounded_box(0.6, 0.06, 0.56, 0.025).at(0, 0.95, -0.22))
    d.add(d.shadow, lathe([(0.06, 0.62), (0.06, 0.86), (0.11, 0.98), (0.07, 0.98)]).at(z=length * 0.82))
    d.add(trim, sphere(0.085).at(0, 0.68, length * 0.42), cylinder(0.085, 0.06).at(0, 0.62, length * 0.42))
    for z in np.linspace(-0.28, length - 0.12, 4):
        for x in (-1, 1):
            wheel(d, d.shadow if trim.colour != "black" else trim, trim, 0.15, 0.06, x * 0.24, 0.15, float(z))
    plough = tapered_box(0.5, 0.2, 0.04, 0.7, 1.0).turned(x=-35).at(0, 0.05, length + 0.16)
    d.add(trim, plough)
    d.add(d.paint("glass", colours=("yellow", "white")), sphere(0.06).at(0, 0.66, length))
    d.say("with a chimney and eight wheels")


def cart(d: Design) -> None:
    metal = d.main("metal", "plastic", colours=("silver", "grey", "red", "blue", "green"))
    length, width = d.dimension("length", 0.7, 1.0), 0.5
    grip = d.paint("plastic", colours=("red", "blue", "green", "orange", "yellow"))
    low, high = (
        np.array([(-a, -b), (a, -b), (a, b), (-a, b)])
        for a, b in ((width * 0.36, length * 0.4), (width * 0.5, length * 0.5))
    )
    levels = [np.insert(low + (high - low) * t, 1, 0.42 + 0.4 * t, axis=1) for t in (0.0, 0.35, 0.7, 1.0)]
    for level in levels:
        d.add(metal, tube(level, 0.014 if level is not levels[-1] else 0.022, closed=True, sides=6))
    for i in range(4):
        k = (i + 1) % 4
        for t in np.linspace(0, 1, 8)[:-1]:
            a, b = (ring[i] * (1 - t) + ring[k] * t for ring in (levels[0], levels[-1]))
            d.add(metal, tube(np.array([a, b]), 0.009, sides=5))
    for t in np.linspace(0.1, 0.9, 6):
        a, b = levels[0][0] * (1 - t) + levels[0][3] * t, levels[0][1] * (1 - t) + levels[0][2] * t
        d.add(metal, rod(a, b, 0.009))
    for x in (-1, 1):
        side = x * width * 0.4
        d.add(metal, rod((side, 0.1, length * 0.45), (side, 0.14, -length * 0.45), 0.022))
        d.add(metal, rod((side, 0.14, -length * 0.45), (x * width * 0.5, 0.96, -length * 0.62), 0.022))
        for z in (-0.42, 0.42):
            wheel(d, d.shadow, metal, 0.075, 0.04, side, 0.075, length * z)
    d.add(grip, rod((-width * 0.54, 0.96, -length * 0.62), (width * 0.54, 0.96, -length * 0.62), 0.034))
    d.kind("shopping")
    d.say(f"with a {grip.colour} handle")


CATEGORIES = {
    "car": car,
    "truck": truck,
    "bicycle": bicycle,
    "train": train,
    "cart": cart,
}

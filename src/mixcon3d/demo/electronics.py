"""Electronic devices."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.outlines import extrude, in_plane, spline
from mixcon3d.demo.surfaces import box, cylinder, mirrored, rounded_box, sphere, torus, tube


def laptop(d: Design) -> None:
    shell = d.main("metal", "plastic", colours=("silver", "grey", "black", "white", "pink", "blue"))
    width, depth = d.dimension("width", 0.85, 1.1), 0.66
    lid = d.uniform(-30, -5)
    keys = d.paint("plastic", colours=("black", "grey", "white"))
    screen = d.paint("glass", colours=("blue", "turquoise", "green", "purple", "black"))
    d.add(shell, rounded_box(width, 0.05, depth, 0.02))
    for row in range(4):
        for k in range(10):
            d.add(keys, box(width * 0.072, 0.02, 0.062).at((k - 4.5) * width * 0.086, 0.046, -0.24 + row * 0.083))
    d.add(d.paint("metal", colours=("grey",)), box(0.28, 0.006, 0.16).at(0, 0.05, 0.2))
    panel = rounded_box(width, 0.64, 0.035, 0.015)
    d.add(shell, panel.turned(x=lid).at(0, 0.04, -depth / 2))
    d.add(screen, box(width * 0.9, 0.55, 0.016).at(0, 0.045, 0.02).turned(x=lid).at(0, 0.04, -depth / 2))
    d.say(f"with a {screen.colour} screen")


def keyboard(d: Design) -> None:
    shell = d.main("plastic", colours=("black", "white", "grey", "red", "blue", "pink"))
    cap = d.paint("plastic", colours=("white", "grey", "black", "beige"))
    special = d.either(cap, "plastic")
    columns = d.count(13, 18)
    width, tilt = columns * 0.09 + 0.06, d.uniform(8, 28)
    if columns > 15:
        d.call("wide")
    d.add(shell, rounded_box(width, 0.07, 0.55, 0.025).turned(x=tilt))
    for row in range(5):
        if row == 4:
            spans = [(0.04, 0.2), (0.25, 0.72), (0.77, 0.96)]
        else:
            spans = [(0.03 + 0.94 * k / columns, 0.03 + 0.94 * (k + 0.82) / columns) for k in range(columns)]
        for k, (start, end) in enumerate(spans):
            paint = special if k in (0, len(spans) - 1) else cap
            key = box((end - start) * width, 0.04, 0.082).at(((start + end) / 2 - 0.5) * width, 0.065, -0.2 + 0.1 * row)
            d.add(paint, key.turned(x=tilt))
    d.say(f"with {cap.colour} keys")


def telephone(d: Design) -> None:
    body = d.main("plastic", colours=("black", "red", "white", "green", "beige", "blue", "yellow"))
    dial = d.paint("plastic", "metal", colours=("white", "gold", "silver", "black"))
    width = d.dimension("width", 0.5, 0.64)
    slope = [(-0.3, 0), (0.3, 0), (0.3, 0.08), (0.1, 0.28), (-0.18, 0.3), (-0.3, 0.06)]
    d.add(body, extrude(np.array(slope), width).turned(y=-90))
    centre = (0.0, 0.2, 0.21)
    d.add(dial, cylinder(0.15, 0.03).turned(x=45).at(*centre))
    for k in range(10):
        angle = 2 * np.pi * k / 12
        hole = cylinder(0.022, 0.012).at(0.105 * np.sin(angle), 0.03, 0.105 * np.cos(angle))
        d.add(body, hole.turned(x=45).at(*centre))
    d.add(body, cylinder(0.045, 0.035).turned(x=45).at(*centre))
    d.add(body, mirrored(box(0.05, 0.1, 0.16).at(width * 0.3, 0.28, -0.05)))
    bar = spline([(-0.36, 0.36), (-0.3, 0.46), (0, 0.49), (0.3, 0.46), (0.36, 0.36)])
    d.add(body, tube(in_plane(bar), 0.05).at(z=-0.05))
    d.add(body, mirrored(cylinder(0.1, 0.08).at(0.36, 0.31, -0.05)))
    d.say("with a round dial")
    coil = np.linspace(0, 1, 80)
    cord = np.stack([-0.36 - 0.12 * np.sin(np.pi * coil), 0.32 - 0.28 * coil, -0.05 + 0.0 * coil], axis=1)
    cord += 0.03 * np.stack([np.cos(coil * 70), 0 * coil, np.sin(coil * 70)], axis=1)
    d.add(d.shadow, tube(cord, 0.014, sides=5))


def camera(d: Design) -> None:
    body = d.main("plastic", "metal", "leather", colours=("black", "grey", "silver", "red", "brown"))
    top = d.either(body, "metal", colours=("silver", "black"))
    width, reach = d.dimension("width", 0.75, 0.95), d.dimension("length", 0.16, 0.4)
    d.add(body, rounded_box(width, 0.42, 0.22, 0.04))
    d.add(top, rounded_box(width, 0.09, 0.23, 0.03).at(y=0.39), box(0.24, 0.12, 0.18).at(0.0, 0.45))
    lens = cylinder(0.18, reach).turned(x=90).at(0, 0.21, 0.1)
    d.add(d.shadow, lens)
    d.add(d.paint("metal", colours=("silver", "grey")), torus(0.175, 0.018).turned(x=90).at(0, 0.21, 0.11 + reach))
    d.add(
        d.paint("glass", colours=("blue", "turquoise")),
        sphere(0.13, 0, 90).scaled(y=0.35).turned(x=90).at(0, 0.21, 0.1 + reach),
    )
    metal = d.paint("metal", colours=("silver", "gold", "red"))
    d.add(metal, cylinder(0.05, 0.05).at(-width * 0.34, 0.48), cylinder(0.07, 0.03).at(width * 0.32, 0.48))
    d.add(d.paint("glass", colours=("white", "yellow")), box(0.15, 0.06, 0.01).at(0, 0.49, 0.092))
    d.say("with a long lens" if reach > 0.28 else "with a lens")


CATEGORIES = {
    "laptop": laptop,
    "keyboard": keyboard,
    "telephone": telephone,
    "camera": camera,
}

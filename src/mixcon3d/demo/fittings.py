"""Parts that several categories share: legs, handles, drawers, cushions, leaves."""

import numpy as np

from mixcon3d.demo.design import Design
from mixcon3d.demo.outlines import in_plane, spline
from mixcon3d.demo.paint import Paint
from mixcon3d.demo.surfaces import (
    Surface,
    box,
    cylinder,
    ellipsoid,
    facets,
    join,
    lathe,
    patch,
    rod,
    rounded_box,
    tube,
)


def legs(
    d: Design,
    paint: Paint,
    width: float,
    depth: float,
    height: float,
    thickness: float,
    style: str = "square",
    splay: float = 0.0,
) -> None:
    """Four legs whose tops lie at the corners of width x depth; `splay` moves the feet outward."""
    for x in (-1, 1):
        for z in (-1, 1):
            top = (x * (width - thickness) / 2, height, z * (depth - thickness) / 2)
            foot = (top[0] + x * splay, 0.0, top[2] + z * splay)
            if style == "square":
                d.add(paint, box(thickness, height, thickness).at(top[0], 0, top[2]))
            elif style == "turned":
                d.add(paint, turned_leg(height, thickness).at(top[0], 0, top[2]))
            else:
                d.add(paint, rod(foot, top, thickness * 0.35, thickness * 0.55))


def turned_leg(height: float, thickness: float) -> Surface:
    """Leg as from a wood lathe, with a bulb and rings."""
    radius = thickness / 2
    knots = [(0.5, 0), (0.8, 0.08), (0.5, 0.14), (0.6, 0.3), (1.0, 0.55), (0.55, 0.7), (1.0, 0.75), (1.0, 1.0)]
    return lathe([(0, 0), *[(radius * r, height * y) for r, y in spline(knots, 3)]], 12)


def handle(
    d: Design, paint: Paint, style: str, size: float, x: float, y: float, z: float, upright: bool = False
) -> None:
    """Knob or bar on a front that faces +z, at the given spot; `size` is the length of a bar."""
    if style == "knob":
        d.add(paint, ellipsoid(size * 0.2, size * 0.2, size * 0.2).at(x, y, z + size * 0.12))
        return
    half = size / 2
    shape = [(-half, 0), (-half * 0.9, size * 0.16), (half * 0.9, size * 0.16), (half, 0)]
    curve = in_plane(np.array(shape), "yz" if upright else "xz")
    d.add(paint, tube(curve, size * 0.055, sides=6).at(x, y, z))


def drawer(
    d: Design, paint: Paint, knob: Paint, style: str, width: float, height: float, x: float, y: float, z: float
) -> None:
    """Drawer front centred at (x, y) on the plane z, with a dark gap about it and its handle."""
    d.add(d.shadow, box(width, height, 0.004).at(x, y - height / 2, z + 0.002))
    d.add(paint, box(width * 0.94, height * 0.88, 0.02).at(x, y - height * 0.44, z + 0.012))
    handle(d, knob, style, min(0.16, width * 0.5), x, y, z + 0.022)


def door_leaf(d: Design, paint: Paint, width: float, height: float, x: float, y: float, z: float) -> None:
    """Cupboard door with a raised frame, its lower edge at y, on the plane z."""
    d.add(d.shadow, box(width, height, 0.004).at(x, y, z + 0.002))
    d.add(paint, box(width * 0.96, height * 0.97, 0.014).at(x, y + height * 0.015, z + 0.009))
    rim = min(width, height) * 0.13
    for side in (-1, 1):
        d.add(
            paint, box(rim, height * 0.97, 0.03).at(x + side * (width * 0.48 - rim / 2), y + height * 0.015, z + 0.014)
        )
        d.add(
            paint,
            box(width * 0.96, rim, 0.03).at(
                x, y + height * 0.5 - rim / 2 + side * (height * 0.485 - rim / 2), z + 0.014
            ),
        )


def cushion(width: float, height: float, depth: float) -> Surface:
    """Soft block, its base at y = 0."""
    return rounded_box(width, height, depth, min(width, height, depth) * 0.42)


def pillow_shape(width: float, height: float, depth: float) -> Surface:
    """Stuffed rectangle lying flat: full in the middle, pinched at its corners, centred at the origin."""
    side = np.linspace(-1, 1, 15)
    u, v = np.meshgrid(side, side, indexing="ij")
    fullness = ((1 - u**4) * (1 - v**4)) ** 0.45
    pinch = 1 - 0.10 * (1 - np.abs(u)) * v**2
    pinch_v = 1 - 0.10 * (1 - np.abs(v)) * u**2
    x, z = u * width / 2 * pinch_v, v * depth / 2 * pinch
    sheets = [patch(np.stack([x, sign * fullness * height / 2, z], axis=-1)) for sign in (-1, 1)]
    return Surface(*(np.concatenate(pair) for pair in zip(*[(s.corners, s.normals) for s in sheets], strict=True)))


def tapered_box(width: float, height: float, depth: float, top_width: float, top_depth: float) -> Surface:
    """Box on y = 0 whose top is smaller (or larger) than its base by the given shares."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    low = np.insert(corners * [width, depth], 1, 0.0, axis=1)
    high = np.insert(corners * [width * top_width, depth * top_depth], 1, height, axis=1)
    return join(facets(low, high), trough(low, high))


def trough(low: np.ndarray, high: np.ndarray) -> Surface:
    """Side walls between two closed rings of as many corners, both (K, 3)."""
    after = [*range(1, len(low)), 0]
    return facets(*[(low[i], low[k], high[k], high[i]) for i, k in enumerate(after)])


def leaf(length: float, width: float, droop: float, lift: float = 0.6) -> Surface:
    """Pointed leaf from the origin along +x that rises by `lift` and bends down by `droop`."""
    along = np.linspace(0, 1, 9)[:, None]
    across = np.linspace(-1, 1, 3)[None, :]
    half = width / 2 * np.sin(np.pi * along**0.7).clip(0) + 0.004
    x = along * length + 0 * across
    y = lift * length * along - droop * length * along**2 + 0.25 * half * np.abs(across)
    return patch(np.stack([x, y, half * across], axis=-1))


def vessel(profile: list[tuple[float, float]], wall: float, per_step: int = 4) -> Surface:
    """Open pot: a smooth outline (radius, y) from the foot to the rim, and back down inside."""
    outside = spline(profile, per_step)
    inside = outside[::-1] + np.array([-wall, 0.0])
    inside[:, 0] = inside[:, 0].clip(wall * 0.5)
    inside[:, 1] = inside[:, 1].clip(profile[0][1] + wall)
    return lathe(np.concatenate([[(0.0, profile[0][1])], outside, inside, [(0.0, profile[0][1] + wall)]]))


def loop_handle(reach: float, height: float, thickness: float) -> Surface:
    """Ear of a cup in the xy plane: starts and ends at x = 0, at y = 0 and y = height."""
    curve = spline(
        [
            (-0.02, 0),
            (reach * 0.7, -0.02 * height),
            (reach, height * 0.5),
            (reach * 0.8, height * 0.95),
            (-0.02, height),
        ]
    )
    return tube(in_plane(curve), thickness, sides=8)


def shifted(point: np.ndarray, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """A point (3,) moved by the given amounts."""
    return point + np.array([x, y, z])


def wheel(d: Design, tyre: Paint, hub: Paint, radius: float, width: float, x: float, y: float, z: float) -> None:
    """Car wheel turning about the x axis."""
    disc = [(0, -0.5), (0.85, -0.5), (1, -0.3), (1, 0.3), (0.85, 0.5), (0, 0.5)]
    d.add(tyre, lathe([(r * radius, t * width) for r, t in disc], 20).turned(z=90).at(x, y, z))
    d.add(hub, cylinder(radius * 0.55, width * 1.06).at(y=-width * 0.53).turned(z=90).at(x, y, z))

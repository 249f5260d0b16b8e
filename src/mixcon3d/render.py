"""Numpy z-buffer splat renderer of coloured point clouds (y up, object inside the unit sphere)."""

import numpy as np
from PIL import Image

SUPERSAMPLING = 2
CAMERA_DISTANCE = 5.0
MARGIN = 4  # fine pixels between the unit sphere and the border of the picture
DEPTH_STEPS = 1 << 20
EXPECTED_HITS = 7.0  # points expected per splat: a pixel then stays empty with probability exp(-7)
CELLS = 24  # the picture is this many cells wide where the density of visible points is measured
FRONT_LAYER = 0.05  # depth behind the nearest point of a cell within which points count as visible
MAX_RADIUS = 8
LIGHT = np.array([0.35, 0.65, 0.75], np.float32) / np.float32(np.sqrt(0.35**2 + 0.65**2 + 0.75**2))
PIT_STEP = np.uint64(int(0.0003 * DEPTH_STEPS) << 32)  # a pit is at least this much deeper than its rim
PIT_NEIGHBOURS = 7  # of eight
NO_POINT = np.iinfo(np.uint64).max


def render_points(
    xyz: np.ndarray,
    rgb: np.ndarray,
    normals: np.ndarray | None = None,
    azimuth_deg: float = 30.0,
    elevation_deg: float = 20.0,
    size_px: int = 96,
    background: tuple[int, int, int] = (255, 255, 255),
) -> np.ndarray:
    """Draw a cloud as seen from outside the unit sphere, looking at the origin.

    xyz (N, 3), rgb (N, 3) floats in [0, 1], normals (N, 3) unit length or None -> (size_px, size_px, 3) uint8.
    Azimuth 0 looks from +z, 90 from +x. The splat radius follows from the density of points in the picture.
    Without normals, shape is shown by shading the depth steps.
    """
    camera = _camera_axes(azimuth_deg, elevation_deg)
    columns, rows, depth = _project(np.asarray(xyz, np.float32), camera, size_px * SUPERSAMPLING)
    return _draw(columns, rows, depth, np.asarray(rgb, np.float32), normals, camera, size_px, background)


def render_views(
    xyz: np.ndarray,
    rgb: np.ndarray,
    normals: np.ndarray | None = None,
    num_views: int = 12,
    size_px: int = 96,
    elevations_deg: tuple[float, ...] = (15.0, 35.0),
    background: tuple[int, int, int] = (255, 255, 255),
) -> np.ndarray:
    """A ring of equally spaced azimuths with alternating elevations -> (num_views, size_px, size_px, 3) uint8."""
    views = [
        render_points(
            xyz,
            rgb,
            normals,
            azimuth_deg=360.0 * i / num_views,
            elevation_deg=elevations_deg[i % len(elevations_deg)],
            size_px=size_px,
            background=background,
        )
        for i in range(num_views)
    ]
    return np.stack(views)


def _camera_axes(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Rows: right, up and towards-the-viewer unit vectors of the camera, (3, 3)."""
    azimuth, elevation = np.deg2rad([azimuth_deg, elevation_deg])
    viewer = np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], np.float32
    )
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)], np.float32)
    return np.stack([right, np.cross(viewer, right), viewer]).astype(np.float32)


def _project(xyz: np.ndarray, camera: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel columns and rows (N,) and depth (N,) in [0, 1] of the points, 0 being nearest to the viewer.

    A cloud that leaves the unit sphere is shrunk to fit the picture.
    """
    across = np.ascontiguousarray(xyz.T)
    reach = float(np.sqrt(np.einsum("in,in->n", across, across).max(initial=1.0)))
    x, y, z = np.einsum("ij,jn->in", camera / np.float32(reach), across)
    focal = np.sqrt(CAMERA_DISTANCE**2 - 1.0)
    scale = np.float32(0.5 * (size - 2 * MARGIN) * focal) / (np.float32(CAMERA_DISTANCE) - z)
    middle = np.float32(0.5 * size)
    return (middle + x * scale).astype(np.int32), (middle - y * scale).astype(np.int32), 0.5 - 0.5 * z


def _draw(
    columns: np.ndarray,
    rows: np.ndarray,
    depth: np.ndarray,
    rgb: np.ndarray,
    normals: np.ndarray | None,
    camera: np.ndarray,
    size_px: int,
    background: tuple[int, int, int],
) -> np.ndarray:
    """Colour the nearest point of every fine pixel and average the fine pixels, (size_px, size_px, 3) uint8."""
    size = size_px * SUPERSAMPLING
    radius = _splat_radius(columns, rows, depth, size)
    winners, depth_image = _nearest(columns, rows, depth, size, radius)
    covered = np.flatnonzero(winners >= 0)
    points = winners.take(covered)
    light = _edge_shading(depth_image, radius).take(covered)
    light *= _depth_fade(depth_image.take(covered)) if normals is None else _lambert(normals.take(points, 0), camera)
    colours = np.minimum(rgb.take(points, 0) * (255 * light)[:, None] + np.float32(0.5), 255).astype(np.uint8)
    planes = np.empty((3, size * size), np.uint8)
    for plane, colour, shade in zip(planes, colours.T, background, strict=True):
        plane.fill(shade)
        plane[covered] = colour
    fine = Image.merge("RGB", [Image.fromarray(plane) for plane in planes.reshape(3, size, size)])
    return np.asarray(fine.reduce(SUPERSAMPLING))


def _disc(radius: int) -> list[tuple[int, int]]:
    reach = range(-radius, radius + 1)
    return [(dy, dx) for dy in reach for dx in reach if dy * dy + dx * dx <= (radius + 0.5) ** 2]


def visible_points(xyz: np.ndarray, azimuth_deg: float, elevation_deg: float, cells: int = 48) -> np.ndarray:
    """Which points (N, 3) no other surface hides from a viewer at this side, (N,) bool."""
    camera = _camera_axes(azimuth_deg, elevation_deg)
    columns, rows, depth = _project(np.asarray(xyz, np.float32), camera, cells)
    return depth < _front_depth(rows * cells + columns, depth, cells) + FRONT_LAYER


def _front_depth(cell_of_point: np.ndarray, depth: np.ndarray, cells: int) -> np.ndarray:
    """Depth of the nearest point in each point's cell of a picture of cells x cells, (N,)."""
    front = np.full(cells * cells, np.inf, np.float32)
    np.minimum.at(front, cell_of_point, depth)
    return front[cell_of_point]


def _splat_radius(columns: np.ndarray, rows: np.ndarray, depth: np.ndarray, size: int) -> int:
    """Smallest radius (fine pixels) whose disc catches EXPECTED_HITS of the visible points."""
    width = -(-size // CELLS)
    cell_of_point = (rows // width) * CELLS + columns // width
    visible = int((depth < _front_depth(cell_of_point, depth, CELLS) + FRONT_LAYER).sum())
    occupied = np.zeros(CELLS * CELLS, bool)
    occupied[cell_of_point] = True
    density = visible / max(1, int(occupied.sum()) * width * width)
    for radius in range(1, MAX_RADIUS):
        if density * len(_disc(radius)) >= EXPECTED_HITS:
            return radius
    return MAX_RADIUS


def _nearest(
    columns: np.ndarray, rows: np.ndarray, depth: np.ndarray, size: int, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """Index of the nearest splat of every pixel, -1 where none, (size, size) int64, and its depth (inf where none).

    Depth and point index share one integer, so that one minimum finds both and equal depths have one winner. Splats
    have the given radius, which closes the holes of a surface; the outline then shrinks back to a radius of one.
    """
    steps = (depth.clip(0, 1) * (DEPTH_STEPS - 1)).astype(np.uint64)
    keys = (steps << np.uint64(32)) | np.arange(len(depth), dtype=np.uint64)
    buffer = np.full(size * size, NO_POINT, np.uint64)
    np.minimum.at(buffer, rows.astype(np.int64) * size + columns, keys)
    padded = np.full((size + 2 * radius, size + 2 * radius), NO_POINT, np.uint64)
    padded[radius:-radius, radius:-radius] = buffer.reshape(size, size)
    grown = _extreme_nearby(padded, _disc(radius), np.minimum)
    outline = grown if radius == 1 else _extreme_nearby(grown, _disc(radius - 1), np.maximum)
    closed = np.where(outline == NO_POINT, NO_POINT, grown)
    closed = _fill_pits(closed[radius:-radius, radius:-radius], radius + 2)
    empty = closed == NO_POINT
    winners = (closed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    winners[empty] = -1
    depth_image = (closed >> np.uint64(32)).astype(np.float32) / np.float32(DEPTH_STEPS)
    depth_image[empty] = np.inf
    return winners, depth_image


def _fill_pits(keys: np.ndarray, reach: int) -> np.ndarray:
    """Cover single pixels (S, S) where a far surface shows between the points of a nearer one all around it."""
    size = len(keys)
    padded = np.full((size + 2 * reach, size + 2 * reach), NO_POINT, np.uint64)
    padded[reach:-reach, reach:-reach] = keys
    ring = [(reach * dy, reach * dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1)]
    nearer_than = np.maximum(keys, PIT_STEP) - PIT_STEP
    nearer = np.zeros(keys.shape, np.uint8)
    for y, x in ring:
        nearer += padded[y : y + size, x : x + size] < nearer_than
    rows, columns = np.nonzero(nearer >= PIT_NEIGHBOURS)
    filled = keys.copy()
    filled[rows, columns] = np.sort([padded[rows + y, columns + x] for y, x in ring], axis=0)[len(ring) // 2]
    return filled


def _extreme_nearby(image: np.ndarray, offsets: list[tuple[int, int]], extreme: np.ufunc) -> np.ndarray:
    """Minimum or maximum of the image (S, S) over each pixel and its neighbours at the given offsets."""
    size = len(image)
    result = image.copy()
    for dy, dx in offsets:
        into = (slice(max(0, dy), size + min(0, dy)), slice(max(0, dx), size + min(0, dx)))
        source = (slice(max(0, -dy), size + min(0, -dy)), slice(max(0, -dx), size + min(0, -dx)))
        extreme(result[into], image[source], out=result[into])
    return result


def _edge_shading(depth_image: np.ndarray, reach: int) -> np.ndarray:
    """Brightness (S, S) that drops where a neighbour is much nearer, so that overlapping parts stand out.

    Pixels of the background get values without meaning.
    """
    offsets = [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
    nearest = _extreme_nearby(depth_image, offsets, np.minimum)
    with np.errstate(invalid="ignore"):
        step = depth_image - nearest
    return np.float32(1) - np.float32(0.45) * (step * np.float32(10) - np.float32(0.3)).clip(0, 1)


def _depth_fade(depth: np.ndarray) -> np.ndarray:
    """Brightness that falls from front to back, for clouds without normals."""
    near, far = (depth.min(), depth.max()) if len(depth) else (0.0, 1.0)
    return 1.0 - 0.35 * (depth - near) / max(float(far - near), 1e-3)


def _lambert(normals: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Brightness (M,) of two-sided surfaces under a light above the viewer's right shoulder."""
    towards_viewer = np.sign(np.einsum("ij,j->i", normals, camera[2]))
    towards_light = np.einsum("ij,j->i", normals, LIGHT @ camera)
    return np.float32(0.42) + np.float32(0.62) * (towards_viewer * towards_light).clip(0, 1)

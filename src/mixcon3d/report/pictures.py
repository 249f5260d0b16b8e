"""Pictures inside the page: objects and figures as data URIs."""

import base64
import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from mixcon3d.data.benchmarks import BenchmarkDataset, LabelledObject
from mixcon3d.data.points import normalize_cloud
from mixcon3d.render import render_points

_OBJECT_PX = 128
_PALETTE_COLORS = 96
_FIGURE_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "mixcon3d",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.edgecolor": "#9aa3ad",
    "axes.labelcolor": "#414a55",
    "xtick.color": "#5b6570",
    "ytick.color": "#5b6570",
}


class ObjectPictures:
    """Data URIs of a benchmark's objects by index: the first stored view, else the cloud; each drawn once."""

    def __init__(self, dataset: BenchmarkDataset) -> None:
        self.dataset = dataset
        self.picture = lru_cache(maxsize=None)(self._picture)

    def _picture(self, index: int) -> str:
        item = self.dataset.read(index)
        image = _view_image(item.views[0]) if item.views else _cloud_image(item, self.dataset.y_up)
        image.thumbnail((_OBJECT_PX, _OBJECT_PX))
        buffer = io.BytesIO()
        image.quantize(_PALETTE_COLORS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return data_uri("image/png", buffer.getvalue())


def data_uri(media_type: str, content: bytes) -> str:
    """Content as an address that needs no other file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def figure_uri(width_in: float, height_in: float, draw: Callable[[Axes], None]) -> str:
    """What `draw` draws into empty axes, as an SVG data URI: the same bytes for the same drawing."""
    buffer = io.BytesIO()
    with rc_context(_FIGURE_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_uri("image/svg+xml", buffer.getvalue())


def _view_image(encoded: bytes) -> Image.Image:
    view = Image.open(io.BytesIO(encoded)).convert("RGBA")
    paper = Image.new("RGBA", view.size, "white")
    paper.alpha_composite(view)
    return paper.convert("RGB")


def _cloud_image(item: LabelledObject, y_up: bool) -> Image.Image:
    xyz = item.xyz if y_up else np.stack([item.xyz[:, 0], item.xyz[:, 2], -item.xyz[:, 1]], axis=1)
    return Image.fromarray(render_points(normalize_cloud(xyz), item.rgb, size_px=_OBJECT_PX))

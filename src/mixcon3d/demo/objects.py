"""One random object of a category: its surface cloud and its words."""

from dataclasses import dataclass

import numpy as np

from mixcon3d.demo.captions import Attributes, attributes_of
from mixcon3d.demo.categories import CATEGORIES
from mixcon3d.demo.cloud import Cloud, sample_parts
from mixcon3d.demo.design import Design
from mixcon3d.render import visible_points

DENSE_POINTS = 32000
SCAN_POINTS = 2048
SCAN_NOISE = 0.008  # of the object's radius
SCAN_TURNS_DEG = (-45.0, 0.0, 45.0)  # together they see three quarters of a round object


@dataclass(frozen=True)
class DemoObject:
    """A dense cloud of the surface in random order, so that its first points are a sparse cloud."""

    cloud: Cloud
    attributes: Attributes


def build_object(category: str, rng: np.random.Generator, num_points: int = DENSE_POINTS) -> DemoObject:
    """Design an object of the category and sample its surface."""
    design = Design(rng)
    CATEGORIES[category](design)
    cloud = sample_parts(design.parts, num_points, rng)
    return DemoObject(cloud.subset(rng.permutation(num_points)), attributes_of(category, design))


def scan(cloud: Cloud, rng: np.random.Generator) -> np.ndarray:
    """What a depth scanner walking part of the way round the object records: (SCAN_POINTS, 3) in the unit sphere."""
    start, elevation = rng.uniform(0, 360), rng.uniform(5, 35)
    seen = np.zeros(len(cloud.xyz), bool)
    for turn in SCAN_TURNS_DEG:
        seen |= visible_points(cloud.xyz, start + turn, elevation)
    kept = rng.choice(np.flatnonzero(seen), SCAN_POINTS, replace=int(seen.sum()) < SCAN_POINTS)
    xyz = cloud.xyz[kept] + rng.normal(0, SCAN_NOISE, (SCAN_POINTS, 3)).astype(np.float32)
    xyz -= (xyz.min(0) + xyz.max(0)) / 2
    return (xyz / np.sqrt((xyz * xyz).sum(1).max())).astype(np.float32)

"""Labelled, coloured household objects made by rules, written in the OpenShape data layout."""

from mixcon3d.demo.categories import CATEGORIES, MODELNET40, SCANOBJECTNN
from mixcon3d.demo.dataset import generate_dataset

__all__ = ["CATEGORIES", "MODELNET40", "SCANOBJECTNN", "generate_dataset"]

"""Where files lie: metadata beside the data or in the working directory, objects under `dataset.folder`."""

import json
import logging
from pathlib import Path, PurePosixPath
from typing import Any

from mixcon3d.errors import DataError

log = logging.getLogger(__name__)

# The folders of the published data set; a split's data_path is cut at the last of these names.
_DATASET_FOLDERS = ("Objaverse", "ShapeNet", "ABO", "3D-FUTURE")


def find_metadata(path: str, folder: str, key: str) -> Path:
    """The file of a metadata key: absolute, else inside `dataset.folder`, else in the working directory.

    Args:
        path: as configured.
        folder: dataset.folder.
        key: the configuration key, for the message.

    Raises:
        DataError: with every path tried.
    """
    candidates = [Path(folder) / path, Path(path)] if not Path(path).is_absolute() else [Path(path)]
    for candidate in candidates:
        if candidate.is_file():
            log.info("%s: %s", key, candidate)
            return candidate
    raise DataError(f"{key}: no such file: {' nor '.join(str(c) for c in candidates)}; set {key} or dataset.folder")


def read_json(path: Path) -> Any:
    """Content of a JSON file; DataError with the place if it is damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a JSON file: {error}") from None


def read_split(path: Path, required: tuple[str, ...]) -> list[dict[str, Any]]:
    """Entries of a split file, each checked to be a dict with the required keys.

    Raises:
        DataError: naming the file, the entry and the missing keys.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise DataError(f"{path}: expected a list of objects, found a {type(entries).__name__}")
    if not entries:
        raise DataError(f"{path}: lists no object")
    for number, entry in enumerate(entries):
        missing = [key for key in required if not (isinstance(entry, dict) and key in entry)]
        if missing:
            raise DataError(f"{path}: entry {number} lacks {', '.join(missing)}")
        wrong = [key for key in required if not isinstance(entry[key], str)]
        if wrong:
            raise DataError(f"{path}: entry {number}: {wrong[0]}={entry[wrong[0]]!r} is not a text")
    return entries


def object_path_candidates(data_path: str, folder: str) -> list[Path]:
    """Where the object of a split entry may lie, in order of preference.

    Published splits say `/mnt/data/objaverse-processed/merged_for_training_final/Objaverse/000-041/x.npy`. The object
    is looked for by the path's tail in `folder`; by the whole path in `folder`, as it was unpacked; by the original
    code's rule (`mnt` replaced by the folder); and a relative path in `folder`.
    """
    parts = PurePosixPath(data_path).parts
    cuts = [i for i, part in enumerate(parts) if part in _DATASET_FOLDERS]
    candidates = [Path(folder, *parts[cuts[-1] :])] if cuts else []
    if not data_path.startswith("/"):
        candidates.append(Path(folder, data_path))
    elif data_path.startswith("/mnt/"):
        candidates += [Path(folder, *parts[2:]), Path(data_path.replace("mnt", folder))]
    return [*candidates, Path(data_path)]


class ObjectLocator:
    """data_path of a split -> path of the object. The layout that fits the first objects is kept for all of them.

    Raises:
        DataError: from the constructor, if none of the first entries is found in any layout; with the paths tried.
    """

    _PROBES = 100

    def __init__(self, data_paths: list[str], folder: str, split: Path) -> None:
        self.folder = folder
        if not Path(folder).is_dir():
            raise DataError(f"dataset.folder={folder}: no such folder")
        for data_path in data_paths[: self._PROBES]:
            for layout, candidate in enumerate(object_path_candidates(data_path, folder)):
                if candidate.is_file():
                    self.layout = layout
                    return
        tried = object_path_candidates(data_paths[0], folder)
        raise DataError(
            f"{split}: {data_paths[0]} is not in dataset.folder={folder}: tried {', '.join(str(c) for c in tried)}"
        )

    def __call__(self, data_path: str) -> Path:
        """The path of one object; whether it exists shows when it is read."""
        candidates = object_path_candidates(data_path, self.folder)
        return candidates[min(self.layout, len(candidates) - 1)]

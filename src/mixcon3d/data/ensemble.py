"""The training data: any split of the OpenShape ensemble (Objaverse, ShapeNet, ABO, 3D-FUTURE)."""

import numpy as np
from torch.utils.data import Dataset

from mixcon3d.config import DatasetConfig
from mixcon3d.data.batch import RawInputs, Sample
from mixcon3d.data.locate import ObjectLocator, find_metadata, read_json, read_split
from mixcon3d.data.pairing import choose_text, choose_views
from mixcon3d.data.points import augment_cloud, draw_augmentation, grey, make_features, prepare_cloud
from mixcon3d.data.record import Record, read_record
from mixcon3d.errors import DataError


class EnsembleDataset(Dataset[Sample]):
    """Items by (epoch, index): all random draws come from a generator seeded by (seed, epoch, index).

    So a sample is the same whatever the number of workers or ranks. An object that cannot be used is replaced by
    another, drawn from the same generator, and named in the sample's `failures`.

    Args:
        config: section `dataset`.
        embed_dim: size of the CLIP features.
        seed: of every draw.

    Raises:
        DataError: if the split, the folder or the filtering file cannot be used.
    """

    # A sample gives up after this many unusable objects in a row: then the data set as a whole is broken.
    _MAX_SUBSTITUTES = 20

    def __init__(self, config: DatasetConfig, embed_dim: int, seed: int) -> None:
        self.config, self.embed_dim, self.seed = config, embed_dim, seed
        split = find_metadata(config.train_split, config.folder, "dataset.train_split")
        entries = read_split(split, ("id", "data_path"))
        if config.train_partial > 0:
            entries = entries[: config.train_partial]
        self.locator = ObjectLocator([e["data_path"] for e in entries], config.folder, split)
        self.uids = [str(e["id"]) for e in entries]
        self.data_paths = [str(e["data_path"]) for e in entries]
        self.flagged = self._read_flags() if config.use_text_filtering else set()

    def _read_flags(self) -> set[str]:
        path = find_metadata(self.config.gpt4_filtering_path, self.config.folder, "dataset.gpt4_filtering_path")
        flags = read_json(path)
        if not isinstance(flags, dict) or not all(isinstance(entry, dict) for entry in flags.values()):
            raise DataError(f'{path}: expected {{id: {{"flag": "Y" or "N"}}}}')
        return {uid for uid, entry in flags.items() if entry.get("flag") == "N"}

    def check_first_object(self) -> None:
        """Finds features of a wrong size, or a data set without any readable object, before training starts.

        Raises:
            DataError: as `make_sample`, if none of the first objects can be used.
        """
        first_error = None
        for index in range(min(len(self), self._MAX_SUBSTITUTES)):
            try:
                self.make_sample(index, np.random.default_rng(0))
                return
            except DataError as error:
                first_error = first_error or error
        raise DataError(
            f"none of the first objects can be used (clip_embed_dim={self.embed_dim}); the first: {first_error}"
        )

    def __len__(self) -> int:
        return len(self.uids)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        failures: list[str] = []
        while len(failures) < self._MAX_SUBSTITUTES:
            try:
                sample = self.make_sample(index, rng)
                sample.failures = failures
                return sample
            except DataError as error:
                failures.append(str(error))
                index = int(rng.integers(len(self)))
        raise DataError(f"{len(failures)} objects in a row could not be used; the last: {failures[-1]}")

    def make_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Reads and transforms one object; DataError if it cannot be used."""
        config = self.config
        online = config.features == "online"
        path = self.locator(self.data_paths[index])
        record = read_record(path, None if online else self.embed_dim)
        num_views = len(record.views) if online else 0 if record.image_feat is None else len(record.image_feat)
        if num_views == 0:
            raise DataError(f"{path}: no {'views' if online else 'image features'}")
        xyz, rgb = prepare_cloud(record.xyz, record.rgb, rng, config.num_points, config.y_up, config.normalize)
        drawn = draw_augmentation(rng, len(xyz), config.augment, config.random_z_rotate)
        xyz, rgb = augment_cloud(xyz, rgb, drawn)
        if rng.random() < config.rgb_random_drop_prob:
            rgb = grey(rgb)
        flagged = record.dataset == "Objaverse" and self.uids[index] in self.flagged
        text = choose_text(record, config, flagged, rng)
        views = choose_views(num_views, config, rng)
        use_thumbnail = record.dataset == "Objaverse" and rng.random() < 0.5
        raw_text = (text.text, text.use_prompts) if text else ("", False)
        raw = RawInputs(*raw_text, [record.views[v] for v in views]) if online else None
        stored_text = text.feature if text and text.feature is not None else np.zeros(self.embed_dim, np.float32)
        return Sample(
            name=self.uids[index],
            xyz=xyz,
            features=make_features(xyz, rgb, config.use_color),
            image_feat=None if online else _view_features(record, views, use_thumbnail),
            text_feat=None if online else stored_text,
            has_text=text is not None,
            fps_start=int(rng.integers(len(xyz))),
            raw=raw,
        )


def _view_features(record: Record, views: np.ndarray, use_thumbnail: bool) -> np.ndarray:
    assert record.image_feat is not None
    features = record.image_feat[views]
    if use_thumbnail and record.thumbnail_feat is not None:
        features[0] = record.thumbnail_feat
    return features

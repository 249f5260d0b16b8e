import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mixcon3d.demo import SCANOBJECTNN, dataset, generate_dataset, jobs

SMALL: dict[str, Any] = {
    "train_per_category": 4,
    "lvis_per_category": 2,
    "modelnet_per_category": 1,
    "scan_per_category": 1,
    "num_points": 300,
    "image_size_px": 24,
}
FEW = ("chair", "mug", "airplane", "scissors")


@pytest.fixture(scope="module", autouse=True)
def few_categories() -> Any:
    """Only the objects of a few categories, to keep the tests fast."""

    def few_jobs(folder: Path, parameters: jobs.Parameters) -> list[jobs.Job]:
        return [job for job in jobs.plan_jobs(folder, parameters) if job.category in FEW]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "plan_jobs", few_jobs)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_dataset(tmp_path_factory.mktemp("demo") / "data", workers=1, **SMALL)


def load_json(folder: Path, name: str) -> Any:
    return json.loads((folder / "meta_data" / name).read_text())


def local_path(folder: Path, entry: dict[str, str]) -> Path:
    return folder / entry["data_path"].split("merged_for_training_final/")[1]


def test_splits_refer_to_all_files(folder: Path) -> None:
    everything = load_json(folder, "split/train_all.json")
    no_lvis, lvis = load_json(folder, "split/train_no_lvis.json"), load_json(folder, "split/lvis.json")
    shapenet = load_json(folder, "split/ablation/train_shapenet_only.json")
    assert len(no_lvis) == 4 * len(FEW)
    assert len(lvis) == 2 * len(FEW)
    assert {e["id"] for e in everything} == {e["id"] for e in no_lvis} | {e["uid"] for e in lvis}
    assert shapenet == [e for e in no_lvis if e["dataset"] == "ShapeNet"]
    assert {local_path(folder, e) for e in everything} == set(folder.glob("[!m]*/**/*.npy"))
    assert {e["category"] for e in lvis} == set(FEW)
    for entry in lvis:
        assert entry["data_path"].startswith("/mnt/data/objaverse-processed/merged_for_training_final/Objaverse/000-00")
        assert entry["category"] not in entry["uid"]


def test_object_files_have_the_openshape_fields(folder: Path) -> None:
    for entry in load_json(folder, "split/train_all.json"):
        record = np.load(local_path(folder, entry), allow_pickle=True).item()
        assert (record["id"], record["dataset"], record["group"]) == (entry["id"], entry["dataset"], entry["group"])
        assert record["dataset"] in ("Objaverse", "ShapeNet", "ABO", "3D-FUTURE")
        assert record["xyz"].shape == record["rgb"].shape == (300, 3)
        assert record["xyz"].dtype == record["rgb"].dtype == np.float16
        assert 0.5 < np.abs(record["xyz"]).max() <= 1
        assert record["rgb"].min() >= 0
        assert record["rgb"].max() <= 1
        assert isinstance(record["text"], list)
        assert isinstance(record["retrieval_text"], list)
        assert isinstance(record["blip_caption"], str)
        assert isinstance(record["msft_caption"], str)
        assert len(record["views"]) == 12
        pictures = [np.asarray(Image.open(io.BytesIO(view))) for view in record["views"]]
        assert {picture.shape for picture in pictures} == {(24, 24, 3)}
        assert all((picture < 250).any() for picture in pictures)


def test_lvis_captions_name_the_category(folder: Path) -> None:
    for entry in load_json(folder, "split/lvis.json"):
        record = np.load(local_path(folder, entry), allow_pickle=True).item()
        assert entry["category"] in record["blip_caption"]
        assert entry["category"] in record["text"][0]


def test_filter_flags_are_given_for_objaverse_alone(folder: Path) -> None:
    flags = load_json(folder, "gpt4_filtering.json")
    objaverse = {e["id"]: e for e in load_json(folder, "split/train_all.json") if e["dataset"] == "Objaverse"}
    assert set(flags) == set(objaverse)
    for uid, flag in flags.items():
        text = np.load(local_path(folder, objaverse[uid]), allow_pickle=True).item()["text"]
        assert flag["flag"] == ("N" if text and not any(name in text[0] for name in FEW) else "Y")


def test_modelnet_is_grey(folder: Path) -> None:
    split = load_json(folder, "modelnet40/test_split.json")
    clouds = np.load(folder / "meta_data/modelnet40/test_pc.npy", allow_pickle=True)
    assert sorted(entry["category"] for entry in split) == ["airplane", "chair"]
    assert clouds.shape == (2,)
    for cloud in clouds:
        assert cloud["xyz"].shape == (300, 3)
        assert cloud["xyz"].dtype == np.float32
        assert cloud["rgb"].dtype == np.uint8
        assert (cloud["rgb"] == 102).all()


def test_scans_are_labelled_in_the_usual_order(folder: Path) -> None:
    scans = np.load(folder / "meta_data/scanobjectnn/xyz_label.npy", allow_pickle=True).item()
    assert scans["xyz"].shape == (1, 2048, 3)
    assert scans["xyz"].dtype == np.float32
    assert scans["label"].dtype == np.int64
    assert list(scans["label"]) == [SCANOBJECTNN.index("chair")] == [4]


def test_summary_knows_every_object(folder: Path) -> None:
    summary = load_json(folder, "demo_objects.json")
    marker = json.loads((folder / "demo.json").read_text())
    assert len(summary) == sum(marker["counts"].values()) == 4 * 4 + 4 * 2 + 2 + 1
    for about in summary.values():
        assert about["category"] in about["caption"]
        assert about["attributes"]["colour"] in about["caption"]


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_contents_depend_on_the_seed_and_not_on_the_workers(tmp_path: Path) -> None:
    sizes = {**SMALL, "train_per_category": 1, "lvis_per_category": 0, "modelnet_per_category": 0}
    one, two, other = (
        digest(generate_dataset(tmp_path / name, seed, workers=workers, **sizes))
        for name, seed, workers in (("one", 0, 1), ("two", 0, 2), ("other", 1, 1))
    )
    assert one == two
    assert set(one) & set(other) <= {name for name in one if "meta_data" in name or name == "demo.json"}
    assert one["meta_data/demo_objects.json"] != other["meta_data/demo_objects.json"]


def test_complete_folder_is_reused_without_work(folder: Path) -> None:
    before = digest(folder)
    calls: list[tuple[int, int]] = []
    generate_dataset(folder, workers=1, on_progress=lambda done, total: calls.append((done, total)), **SMALL)
    assert calls == []
    assert digest(folder) == before


@pytest.mark.parametrize("change", [{"seed": 5}, {"num_points": 100}, {"image_size_px": 32}])
def test_folder_with_other_parameters_is_refused(folder: Path, change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))) as error:
        generate_dataset(folder, workers=1, **{**SMALL, **change})
    assert "\n" not in str(error.value)


def test_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ValueError, match="no demo data set"):
        generate_dataset(tmp_path, workers=1, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 4 * 4 + 4 * 2 + 2 + 1
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_dataset(tmp_path / "data", workers=1, on_progress=stop, **SMALL)
    assert list(tmp_path.iterdir()) == []

"""The demo, as small as it gets: generated objects, a frozen tower with random weights, all three benchmarks."""

import json
import shlex
from pathlib import Path

import pytest

from mixcon3d.cli import main

ROOT = Path(__file__).resolve().parents[1]
TINY = (
    "demo.train_per_category=1 demo.lvis_per_category=1 demo.modelnet_per_category=1 demo.scan_per_category=1 "
    "demo.num_points=400 demo.image_size_px=32 dataset.num_points=200 objaverse_lvis.num_points=200 "
    "modelnet40.num_points=200 scanobjectnn.num_points=200 dataset.num_workers=0 objaverse_lvis.num_workers=0 "
    "modelnet40.num_workers=0 scanobjectnn.num_workers=0 dataset.train_batch_size=16 training.max_epoch=1 "
)


@pytest.fixture
def start(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)

    def run(folder: Path, more: str = "") -> int:
        line = f"--config configs/demo.yaml dataset.folder={folder} --exp_dir {tmp_path}/exp {TINY} {more}"
        return main(shlex.split(line))

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "data"


def test_the_demo_trains_evaluates_and_reports(start, folder, tmp_path, capsys):
    assert start(folder) == 0
    (run,) = (tmp_path / "exp").iterdir()
    results = json.loads((run / "results.json").read_text())
    num_classes = results["objaverse_lvis"]["ema"]["point"]["num_classes"]
    assert num_classes >= 30
    assert results["objaverse_lvis"]["ema"]["joint_mv"]["num_objects"] == num_classes
    assert results["scanobjectnn"]["ema"]["point"]["num_objects"] == 15
    assert results["meta"]["chance_top1"]["objaverse_lvis"] == pytest.approx(100 / num_classes)
    assert "random weights" in results["meta"]["features"]
    assert "random weights" in (run / "report.html").read_text()
    out = capsys.readouterr().out
    assert "Zero-shot classification" in out
    assert "random weights" in out


def test_a_second_run_uses_the_same_objects_and_another_demo_is_refused(start, folder, capsys):
    assert start(folder, "training.report=False") == 0
    marker = (folder / "demo.json").stat().st_mtime_ns
    assert start(folder, "training.report=False benchmarks=[modelnet40]") == 0
    assert (folder / "demo.json").stat().st_mtime_ns == marker
    capsys.readouterr()
    assert start(folder, "demo.seed=1") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: demo data set: ")
    assert "seed" in err


def test_a_folder_with_anything_else_is_left_alone(start, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    assert start(mine) == 2
    assert str(mine) in capsys.readouterr().err
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]

"""The file of nearest objects, from a trained checkpoint to a training with hard negatives."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers import small_config
from mixcon3d import cli, point_knn
from mixcon3d.data.ensemble import EnsembleDataset
from mixcon3d.point_knn import clouds_of, nearest_neighbours
from openshape_files import make_dataset, object_path
from tools.make_point_knn import main as make

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "model.scaling=0 clip_embed_dim=16 dataset.num_points=64 dataset.train_batch_size=4 dataset.num_workers=0 "
    "training.max_epoch=1 training.lr=1e-3 training.log_freq=1 training.report=False benchmarks=[]"
)
NUM_TRAIN = 16


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A data set and a checkpoint with raw and EMA weights that differ."""
    folder, exp_dir = make_dataset(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("exp")
    assert cli.main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {exp_dir} training.ema_warmup=False")) == 0
    return folder, next(exp_dir.glob("*/ckpt/latest.pt"))


def arguments(folder: Path, checkpoint: Path, more: str = "") -> list[str]:
    return shlex.split(f"dataset.folder={folder} {SMALL} --resume {checkpoint} {more}")


def read(path: Path) -> dict:
    return np.load(path, allow_pickle=True).item()


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("knn") / "new" / "knn.npy"
    assert make(arguments(*trained, f"--out {path} --neighbours 5")) == 0
    return path


def test_the_file_names_every_object_and_its_nearest_itself_first(made):
    content = read(made)
    assert content["name"] == list(content["index"]) == [f"object{i}" for i in range(NUM_TRAIN)]
    assert [row[0] for row in content["index"].values()] == list(range(NUM_TRAIN))
    assert all(len(set(row.tolist())) == 6 for row in content["index"].values())
    assert [p.name for p in made.parent.iterdir()] == ["knn.npy"]


def test_nearness_is_the_cosine_of_the_averaged_encoders_embeddings(trained, made):
    folder, checkpoint = trained
    config = small_config(dataset__folder=str(folder), dataset__num_points=64, resume=str(checkpoint))
    clouds = clouds_of(EnsembleDataset(config.dataset, 16, seed=0), config)
    state = torch.load(checkpoint, weights_only=True)["state"]
    neighbours = {}
    for weights in ("ema", "model"):
        model = point_knn.TriModalModel(config.model, config.training, 16).eval()
        model.load_state_dict(state[weights])
        with torch.no_grad():
            points = [model.point_encoder(*(torch.from_numpy(a)[None] for a in item[2:4])) for item in clouds]
        unit = F.normalize(torch.cat(points), dim=-1)
        neighbours[weights] = nearest_neighbours(unit, 5).tolist()
    assert [row.tolist() for row in read(made)["index"].values()] == neighbours["ema"] != neighbours["model"]


@pytest.mark.parametrize("max_similarities", [1, 50, 10**6])
def test_neighbours_found_chunk_by_chunk_are_those_of_a_full_sort(max_similarities):
    unit = F.normalize(torch.randn(23, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    expected = (unit @ unit.T).argsort(dim=1, descending=True)[:, :5]
    np.testing.assert_array_equal(nearest_neighbours(unit, 4, max_similarities), expected)
    assert nearest_neighbours(unit, 100, max_similarities).shape == (23, 23)


def test_an_object_comes_before_its_exact_copies():
    unit = F.normalize(torch.ones(6, 4), dim=-1)
    table = nearest_neighbours(unit, 3)
    assert table[:, 0].tolist() == list(range(6))
    assert all(len(set(row)) == 4 for row in table.tolist())


def test_training_with_the_file_runs_an_epoch_of_groups(trained, made, tmp_path, capsys):
    hard = f"dataset.use_knn_negative_sample=True dataset.negative_sample_num=3 dataset.knn_path={made}"
    folder, _ = trained
    assert cli.main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {tmp_path} {hard}")) == 0
    printed = capsys.readouterr().out
    assert "0 of 16 objects have fewer than 2 neighbours in the split, the mean is 5.0" in printed
    assert "global batch 12, 4 steps per epoch" in printed
    assert "step 4/4" in printed


def test_by_default_the_file_lies_where_training_looks_for_it_and_is_not_overwritten(trained, tmp_path, capsys):
    folder = Path(shutil.copytree(trained[0], tmp_path / "data"))
    out = folder / "meta_data" / "point_feat_knn.npy"
    assert make(arguments(folder, trained[1])) == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert make(arguments(folder, trained[1])) == 2
    assert f"error: {out} already exists, and nothing is overwritten" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert cli.main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {tmp_path} "
                                "dataset.use_knn_negative_sample=True dataset.negative_sample_num=2")) == 0  # fmt: skip


@pytest.mark.parametrize("num_workers", [0, 2])
def test_objects_that_cannot_be_read_are_left_out_with_a_warning(trained, tmp_path, capsys, num_workers):
    folder = Path(shutil.copytree(trained[0], tmp_path / "data"))
    # All of the second batch and one of the third.
    for i in (4, 5, 6, 7, 9):
        object_path(folder, i).write_bytes(b"junk")
    out = tmp_path / "knn.npy"
    assert make(arguments(folder, trained[1], f"--out {out} dataset.num_workers={num_workers}")) == 0
    kept = [f"object{i}" for i in range(NUM_TRAIN) if i not in (4, 5, 6, 7, 9)]
    content = read(out)
    assert content["name"] == list(content["index"]) == kept
    assert sorted(content["index"]["object8"].tolist()) == list(range(11))
    assert content["name"][content["index"]["object8"][0]] == "object8"
    printed = capsys.readouterr().out
    assert printed.count("object left out: ") == 5
    assert "object9.npy" in printed


def test_weights_without_average_are_taken_raw(trained, tmp_path, capsys):
    folder, _ = trained
    assert cli.main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {tmp_path} training.ema=False")) == 0
    checkpoint = next(tmp_path.glob("*/ckpt/latest.pt"))
    assert make(arguments(folder, checkpoint, f"--out {tmp_path}/knn.npy")) == 0
    assert "encoding by the raw weights" in capsys.readouterr().out


REFUSED = {
    "--resume nothing.pt": "--resume nothing.pt: no such checkpoint",
    "--resume {checkpoint} model.scaling=1": "model.scaling=0 (here 1)",
    "": "the neighbours need the weights of a trained model: add --resume CHECKPOINT",
    "--neighbours x": "--neighbours",
    "--neighbours 0": "--neighbours 0 must be at least 1",
    "--resume {checkpoint} dataset.foldr=x": "did you mean `dataset.folder`?",
    "--resume {checkpoint} dataset.train_split=no.json": "dataset.train_split: no such file",
}


@pytest.mark.parametrize("more", REFUSED)
def test_what_does_not_fit_is_one_line_and_writes_nothing(trained, tmp_path, capsys, more):
    folder, checkpoint = trained
    words = shlex.split(more.format(checkpoint=checkpoint))
    assert make([f"dataset.folder={folder}", *SMALL.split(), "--out", str(tmp_path / "x" / "knn.npy"), *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert REFUSED[more] in err
    assert not list(tmp_path.iterdir())


def test_several_processes_are_refused(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert make(arguments(*trained, f"--out {tmp_path}/knn.npy")) == 2
    assert "start it by python, not by torchrun" in capsys.readouterr().err


def test_a_failure_leaves_no_half_file(trained, tmp_path, monkeypatch):
    def fail(*_):
        raise point_knn.DataError("in between")

    monkeypatch.setattr(point_knn, "nearest_neighbours", fail)
    assert make(arguments(*trained, f"--out {tmp_path}/knn.npy")) == 2
    assert not list(tmp_path.iterdir())


def test_the_tool_starts_from_any_folder_and_explains_itself(tmp_path):
    command = [sys.executable, str(ROOT / "src" / "tools" / "make_point_knn.py"), "--help"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert all(word in shown for word in ("--neighbours", "--out", "--resume", "use_knn_negative_sample"))

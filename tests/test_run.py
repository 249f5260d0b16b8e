"""Whole runs through the command line, on a small data set in the OpenShape format."""

import json
import shlex
from pathlib import Path

import pytest
import torch

from mixcon3d.cli import main
from openshape_files import make_dataset, make_object, object_path, write_object

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "model.scaling=0 clip_embed_dim=16 dataset.num_points=64 dataset.train_batch_size=4 dataset.num_workers=0 "
    "objaverse_lvis.num_points=64 objaverse_lvis.num_workers=0 modelnet40.num_points=64 modelnet40.num_workers=0 "
    "scanobjectnn.num_points=64 scanobjectnn.num_workers=0 training.max_epoch=2 training.warmup_epoch=1 "
    "training.lr=1e-3 training.save_freq=1 training.log_freq=1 training.report=False"
)
READOUTS = ["point", "image", "image_mv", "joint", "joint_mv", "point_image"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data"))


def start(folder: Path, exp_dir: Path, more: str = "") -> int:
    return main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {exp_dir} --trial_name t {more}"))


def train(folder: Path, exp_dir: Path, more: str = "") -> Path:
    before = set(exp_dir.glob("t@*"))
    assert start(folder, exp_dir, more) == 0
    (run,) = set(exp_dir.glob("t@*")) - before
    return run


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def metrics(run: Path, key: str) -> list:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if "train/loss" in line]


def weights(path: Path) -> dict:
    return torch.load(path, weights_only=True)["state"]


def assert_same(a, b) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    return train(folder, tmp_path_factory.mktemp("exp"))


def test_a_run_leaves_config_log_revision_metrics_checkpoints_and_results(run):
    names = {str(p.relative_to(run)) for p in run.rglob("*") if "mixcon3d/" not in str(p.relative_to(run))}
    assert names >= {"config.yaml", "log.txt", "metrics.jsonl", "results.json", "code/revision.txt", "code/mixcon3d",
                     "ckpt/latest.pt", "ckpt/epoch_0001.pt", "ckpt/epoch_0002.pt"}  # fmt: skip
    assert metrics(run, "train/step") == list(range(1, 9))
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    terms = {
        f"train/{name}_contras_{kind}"
        for name in ("text", "img", "img_text", "pc_img_to_text")
        for kind in ("loss", "acc")
    }
    scales = {f"train/{name}_logit_scale" for name in ("image", "text", "img_text", "pc_img_to_text")}
    speed = {"train/samples_per_second", "train/data_wait_fraction", "train/peak_memory_gib"}
    health = {"train/grad_norm", "train/skipped_steps", "train/skipped_samples"}
    assert (
        set(first)
        == {"train/loss", "train/lr", "train/epoch", "train/step", "train/has_text"} | terms | scales | speed | health
    )
    assert "global batch 4" in (run / "log.txt").read_text()


def test_results_have_the_documented_shape(run):
    content = results(run)
    assert set(content) == {"objaverse_lvis", "modelnet40", "scanobjectnn", "meta"}
    for weight in ("ema", "raw"):
        assert sorted(content["objaverse_lvis"][weight]) == sorted(READOUTS)
        assert list(content["modelnet40"][weight]) == list(content["scanobjectnn"][weight]) == ["point"]
    scores = content["scanobjectnn"]["ema"]["point"]
    assert (scores["num_objects"], scores["num_classes"], scores["num_empty_classes"]) == (6, 15, 11)
    assert {"top1", "top3", "top5", "class_avg"} <= set(scores)
    assert content["meta"]["chance_top1"]["modelnet40"] == 50


def test_the_saved_config_starts_the_same_run_again(run, tmp_path):
    assert main(["--config", str(run / "config.yaml"), "--exp_dir", str(tmp_path)]) == 0
    (again,) = tmp_path.glob("t@*")
    assert_same(weights(again / "ckpt/latest.pt")["model"], weights(run / "ckpt/latest.pt")["model"])


def test_the_same_seed_gives_the_same_bits_and_another_does_not(folder, run, tmp_path):
    again = train(folder, tmp_path)
    assert_same(weights(again / "ckpt/latest.pt"), weights(run / "ckpt/latest.pt"))
    assert metrics(again, "train/loss") == metrics(run, "train/loss")
    assert results(again) == results(run)
    other = train(folder, tmp_path, "training.seed=1")
    assert metrics(other, "train/loss") != metrics(run, "train/loss")


def test_every_epoch_has_batches_of_its_own(folder, tmp_path):
    # At rate 0 the losses differ by what was drawn alone.
    losses = metrics(train(folder, tmp_path, "training.lr=0 benchmarks=[]"), "train/loss")
    assert len(losses) == len(set(losses)) == 8


def test_no_checkpoint_is_chosen_by_its_scores(run):
    assert not list(run.rglob("*best*"))


def test_evaluation_of_a_checkpoint_gives_the_numbers_of_the_run_twice(folder, run, tmp_path):
    first, second = (train(folder, tmp_path, f"--eval_only --resume {run}/ckpt/latest.pt") for _ in range(2))
    assert results(first) == results(second) == results(run)
    assert not (first / "ckpt").exists()


def test_training_goes_on_from_a_checkpoint_to_the_same_end(folder, run, tmp_path):
    resumed = train(folder, tmp_path, f"--resume {run}/ckpt/epoch_0001.pt")
    assert_same(weights(resumed / "ckpt/latest.pt"), weights(run / "ckpt/latest.pt"))
    # The earlier run's curve up to the checkpoint comes along.
    assert metrics(resumed, "train/loss") == metrics(run, "train/loss")


def test_a_finished_run_that_starts_again_says_so(folder, tmp_path):
    for _ in range(2):
        assert start(folder, tmp_path, "--autoresume benchmarks=[] training.max_epoch=1") == 0
    log = (tmp_path / "t@autoresume" / "log.txt").read_text()
    assert log.count("nothing to train: the checkpoint has 1 epochs, training.max_epoch=1") == 1


def test_latest_and_autoresume_find_their_checkpoint(folder, tmp_path):
    first = train(folder, tmp_path / "a", "training.max_epoch=1")
    train(folder, tmp_path / "a", "--resume latest")
    assert (
        weights(sorted((tmp_path / "a").glob("t@*"), key=lambda p: p.stat().st_mtime)[-1] / "ckpt/latest.pt")[
            "progress"
        ]["epoch"]
        == 2
    )
    assert weights(first / "ckpt/latest.pt")["progress"]["epoch"] == 1
    for epochs in (1, 2):
        assert start(folder, tmp_path / "b", f"--autoresume training.max_epoch={epochs}") == 0
        assert weights(tmp_path / "b/t@autoresume/ckpt/latest.pt")["progress"]["epoch"] == epochs


def test_accumulation_visits_the_same_objects_as_the_large_batch(folder, tmp_path):
    large = train(folder, tmp_path, "dataset.train_batch_size=8 training.max_epoch=1")
    small = train(folder, tmp_path, "dataset.train_batch_size=4 dataset.accum_freq=2 training.max_epoch=1")
    # BatchNorm sees other batches, so the losses agree only roughly.
    assert metrics(small, "train/loss") == pytest.approx(metrics(large, "train/loss"), rel=0.05)
    assert metrics(small, "train/has_text") == metrics(large, "train/has_text")


def test_stored_features_need_no_tower(folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a tower was built")

    monkeypatch.setattr("mixcon3d.run.FrozenTower", refuse)
    assert results(train(folder, tmp_path, "training.max_epoch=1"))["meta"]["features"] == "stored in the data set"


def test_the_loss_falls(folder, tmp_path):
    losses = metrics(
        train(folder, tmp_path, "training.max_epoch=12 dataset.train_batch_size=8 benchmarks=[]"), "train/loss"
    )
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])


def test_debug_is_a_short_run(folder, tmp_path):
    run = train(folder, tmp_path, "--debug dataset.train_batch_size=2")
    assert metrics(run, "train/step") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", ["truncated", "malicious"])
def test_training_survives_bad_files_up_to_the_limit(tmp_path, capsys, kind):
    folder = make_dataset(tmp_path / "data")
    for i in (2, 3):
        path = object_path(folder, i)
        if kind == "truncated":
            path.write_bytes(path.read_bytes()[:300])
        else:
            write_object(path, make_object(i, xyz=shlex.split))
    run = train(folder, tmp_path / "exp", "dataset.max_bad_objects=2")
    log = (run / "log.txt").read_text()
    assert "object2.npy" in log
    assert "object3.npy" in log
    assert "object left out (2 so far)" in log
    assert start(folder, tmp_path / "exp", "dataset.max_bad_objects=1") == 2
    assert "2 objects could not be used, more than dataset.max_bad_objects=1" in capsys.readouterr().err


REFUSED = {
    "dataset.folder=/nothing/here": "/nothing/here",
    "dataset.train_split=meta_data/split/no.json": "dataset.train_split: no such file",
    "scanobjectnn.data_path=no.npy": "scanobjectnn.data_path: no such file",
    "clip_embed_dim=1280": "clip_embed_dim=1280",
    "--resume nothing.pt": "--resume nothing.pt: no such checkpoint",
    "--resume latest": "--resume latest: no ",
    "--resume {junk}": "not a checkpoint that can be read",
    "--resume {flipped}": "does not match its checksum",
    "--resume {checkpoint} training.weight_decay_on=everything": "training.weight_decay_on='matrices' (here",
    "--resume {checkpoint} training.train_joint_head=False": "training.train_joint_head=True (here False)",
    "training.min_lr=1": "training.min_lr=1 is above the peak learning rate",
    "dataset.accum_freq=17": "16 objects, too few for 1 processes x dataset.accum_freq=17",
    "--resume {checkpoint} training.share_proj=True": "training.share_proj=False (here True)",
    "--eval_only --resume {checkpoint} model.scaling=1": "model.scaling=0 (here 1)",
}


@pytest.mark.parametrize("more", REFUSED)
def test_what_does_not_fit_is_one_line_before_anything_is_written(folder, run, tmp_path, capsys, more):
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"PK\x03\x04 not a checkpoint")
    flipped, checkpoint = tmp_path / "flipped.pt", run / "ckpt" / "latest.pt"
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flipped.write_bytes(content)
    assert start(folder, tmp_path / "exp", more.format(junk=junk, flipped=flipped, checkpoint=checkpoint)) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert REFUSED[more] in err
    assert not (tmp_path / "exp").exists()


def test_a_malicious_checkpoint_is_refused(folder, tmp_path, capsys):
    class Touch:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "marker",))

    torch.save({"format": "mixcon3d-checkpoint-1", "config": {}, "state": Touch()}, tmp_path / "x.pt")
    assert start(folder, tmp_path / "exp", f"--resume {tmp_path}/x.pt") == 2
    assert "not a checkpoint that can be read" in capsys.readouterr().err
    assert not (tmp_path / "marker").exists()


def test_a_run_never_writes_into_the_folder_of_another(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("mixcon3d.run_folder.time.strftime", lambda _: "now")
    for _ in range(3):
        assert start(folder, tmp_path, "--trial_name v1.5 training.max_epoch=1 benchmarks=[]") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v1.5@now", "v1.5@now_2", "v1.5@now_3"]


def test_folders_given_by_hand_are_used_and_never_overwritten(folder, tmp_path, capsys):
    given = f"--ckpt_dir {tmp_path}/mine --code_dir {tmp_path}/code training.max_epoch=1 benchmarks=[]"
    run = train(folder, tmp_path / "exp", given)
    assert (tmp_path / "mine" / "latest.pt").is_file()
    assert (tmp_path / "code" / "revision.txt").is_file()
    assert (run / "ckpt").resolve() == (tmp_path / "mine").resolve()
    assert start(folder, tmp_path / "exp", given) == 2
    assert "mine already holds checkpoints; choose another folder" in capsys.readouterr().err
    assert start(folder, tmp_path / "exp", f"--code_dir {tmp_path}/code benchmarks=[]") == 2
    assert "code already exists; choose another folder" in capsys.readouterr().err


def test_a_restart_of_autoresume_keeps_the_config_and_code_of_the_first(folder, tmp_path):
    for epochs in (1, 2):
        assert start(folder, tmp_path, f"--autoresume benchmarks=[] training.max_epoch={epochs}") == 0
    names = {p.name for p in (tmp_path / "t@autoresume").iterdir()}
    assert {"config.yaml", "config_2.yaml", "code", "code_2"} <= names


def test_a_diverged_run_stops_with_one_line(folder, tmp_path, capsys):
    assert start(folder, tmp_path, "training.lr=1e30 training.warmup_epoch=0 training.max_skipped_steps=3") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "3 steps in a row were not finite (training.max_skipped_steps), the last: step 4" in err
    assert "look at the objects of this step: object" in err
    (run,) = tmp_path.iterdir()
    assert not (run / "results.json").exists()


@pytest.mark.parametrize("flag", ["--exp_dir", "--ckpt_dir"])
def test_an_output_folder_that_cannot_be_written_is_told_before_training(folder, tmp_path, capsys, flag):
    (tmp_path / "file").write_text("mine")
    assert start(folder, tmp_path / "exp", f"{flag} {tmp_path}/file/x") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the output folder cannot be written" in err
    assert not list(tmp_path.rglob("metrics.jsonl"))


BROKEN_METADATA = {
    "meta_data/gpt4_filtering.json": '{"a": "N"}',
    "meta_data/split/train_all.json": '[{"id": "a", "data_path": 5}]',
    "meta_data/split/lvis.json": "[]",
}


@pytest.mark.parametrize("name", BROKEN_METADATA)
def test_metadata_of_another_kind_is_one_line(tmp_path, capsys, name):
    folder = make_dataset(tmp_path / "data")
    (folder / name).write_text(BROKEN_METADATA[name])
    assert start(folder, tmp_path / "exp") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert name in err


@pytest.mark.parametrize("content", [{"xyz": 5, "label": [1]}, {"xyz": [], "label": []}, {"xyz": [1], "label": ["a"]}])
def test_a_benchmark_file_of_another_kind_is_one_line(tmp_path, capsys, content):
    folder = make_dataset(tmp_path / "data")
    write_object(folder / "meta_data/scanobjectnn/xyz_label.npy", content)
    assert start(folder, tmp_path / "exp") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "scanobjectnn" in err

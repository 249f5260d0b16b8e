"""Going on from a checkpoint: what differs, and that nothing else does."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from mixcon3d.checkpoints import list_checkpoints
from mixcon3d.cli import main
from mixcon3d.resume import adapt_position
from mixcon3d.state import Layout, Progress
from openshape_files import make_dataset, object_path, write_object
from two_processes import free_port

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = Layout(world_size=2, train_batch_size=8, accum_freq=1, num_objects=100, steps_per_epoch=6)


def adapted(here: dict, same_order: bool = True, position: tuple[int, int, int] = (3, 4, 22)) -> tuple:
    progress = Progress(*position)
    told = adapt_position(progress, LAYOUT, Layout(**{**vars(LAYOUT), **here}), same_order)
    return (progress.epoch, progress.epoch_step, progress.step), " ".join(told)


def test_the_same_layout_says_nothing():
    assert adapted({}) == ((3, 4, 22), "")


def test_other_processes_with_the_same_steps_go_on_but_not_to_the_same_bits():
    position, told = adapted({"world_size": 1, "accum_freq": 2})
    assert position == (3, 4, 22)
    assert "2 processes x 8 x accum_freq 1, this run has 1 processes x 8 x accum_freq 2" in told
    assert "not to the same bits" in told


def test_smaller_steps_go_on_at_the_same_object_and_place_of_the_schedule():
    position, told = adapted({"world_size": 1, "steps_per_epoch": 12})
    assert position == (3, 8, 44)
    assert "a step has 8 objects instead of 16" in told
    assert "the step counter goes from 22 to 44 (12 steps an epoch, 6 there)" in told


def test_larger_steps_see_the_rest_of_a_step_again():
    position, told = adapted({"world_size": 6, "steps_per_epoch": 2})
    assert position == (3, 1, 7)
    assert "16 objects of this epoch are seen again" in told


def test_a_position_at_the_end_of_an_epoch_starts_the_next():
    position, _ = adapted({"world_size": 3, "steps_per_epoch": 4}, position=(3, 6, 24))
    assert position == (4, 0, 16)


@pytest.mark.parametrize(("here", "same_order"), [({"num_objects": 110}, True), ({}, False)])
def test_another_training_set_or_seed_begins_the_epoch_again(here, same_order):
    position, told = adapted(here, same_order)
    assert position == (3, 0, 18)
    assert "the unfinished epoch begins again" in told


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data"), num_train=40)


SMALL = (
    "model.scaling=0 clip_embed_dim=16 dataset.num_points=64 dataset.train_batch_size=4 dataset.num_workers=0 "
    "objaverse_lvis.num_points=64 objaverse_lvis.num_workers=0 benchmarks=[objaverse_lvis] training.max_epoch=2 "
    "training.warmup_epoch=1 training.lr=1e-3 training.log_freq=2 training.eval_freq=1 training.report=False "
    "training.checkpoint_every_steps=3 --trial_name t"
)


def words(folder: Path, exp_dir: Path, more: str = "") -> list[str]:
    return shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {exp_dir} {more}")


def final_state(run: Path) -> dict:
    return torch.load(run / "ckpt" / "latest.pt", weights_only=True)["state"]


def curves(run: Path) -> list[dict]:
    """The lines of metrics.jsonl without what depends on time and memory."""
    free = ("train/samples_per_second", "train/data_wait_fraction", "train/peak_memory_gib")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in free} for line in lines]


def assert_same_end(run: Path, expected: Path) -> None:
    torch.testing.assert_close(final_state(run), final_state(expected), rtol=0, atol=0)
    assert curves(run) == curves(expected)
    assert (run / "results.json").read_bytes() == (expected / "results.json").read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(folder, tmp_path_factory):
    exp_dir = tmp_path_factory.mktemp("whole")
    assert main(words(folder, exp_dir, "training.keep_checkpoints=99")) == 0
    (run,) = exp_dir.glob("t@*")
    return run


@pytest.mark.parametrize("position", ["epoch_0000_step_00000009.pt", "epoch_0001.pt", "epoch_0001_step_00000018.pt"])
def test_a_run_goes_on_from_any_checkpoint_to_the_same_end(folder, uninterrupted, tmp_path, position):
    assert main(words(folder, tmp_path, f"--resume {uninterrupted}/ckpt/{position}")) == 0
    (run,) = tmp_path.glob("t@*")
    assert_same_end(run, uninterrupted)


def start(folder: Path, exp_dir: Path, more: str, num_processes: int = 1) -> subprocess.Popen:
    launcher = [sys.executable]
    if num_processes > 1:
        launcher += ["-m", "torch.distributed.run", f"--nproc_per_node={num_processes}", f"--master_port={free_port()}"]
        more += f" dataset.train_batch_size={4 // num_processes}"
    command = [*launcher, "src/main.py", *words(folder, exp_dir, more)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads() if num_processes == 1 else 1)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def wait_for(condition, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_all(pid: int) -> None:
    """SIGKILL to a process and all it started, torchrun's processes included, which have sessions of their own."""
    family = [pid]
    for member in family:
        with suppress(OSError):
            family += map(int, Path(f"/proc/{member}/task/{member}/children").read_text().split())
    for member in family:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_never_was(folder, tmp_path, num_processes):
    whole = start(folder, tmp_path / "whole", "--autoresume", num_processes)
    assert whole.communicate(timeout=240)[0] is not None
    assert whole.returncode == 0
    run = tmp_path / "killed" / "t@autoresume"
    # Inside an epoch, in a save, and in an evaluation.
    moments = [
        lambda: lines_of(run / "metrics.jsonl") >= 1,
        lambda: any((run / "ckpt").glob("epoch_*.tmp")),
        lambda: "evaluating" in (run / "log.txt").read_text(),
        lambda: lines_of(run / "metrics.jsonl") >= 8,
    ]
    for moment in moments:
        process = start(folder, tmp_path / "killed", "--autoresume", num_processes)
        # A moment may be missed: then the run ends, and the next start finds it at its end.
        while process.poll() is None and not moment():
            time.sleep(0.002)
        kill_all(process.pid)
        process.communicate()
    last = start(folder, tmp_path / "killed", "--autoresume", num_processes)
    output = last.communicate(timeout=240)[0]
    assert last.returncode == 0, output
    assert "going on from" in output
    assert_same_end(run, tmp_path / "whole" / "t@autoresume")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_leaves_with_a_status_of_its_own(folder, uninterrupted, tmp_path, number):
    process = start(folder, tmp_path, "--autoresume training.checkpoint_every_steps=0")
    run = tmp_path / "t@autoresume"
    wait_for(lambda: lines_of(run / "metrics.jsonl") >= 2, process)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 75, output
    assert f"{number.name}: stopped" in output
    assert "Traceback" not in output
    assert "_step_" in os.readlink(run / "ckpt" / "latest.pt")
    assert main(words(folder, tmp_path, "--autoresume training.checkpoint_every_steps=0")) == 0
    assert_same_end(run, uninterrupted)


def test_signals_to_torchrun_save_too(folder, tmp_path):
    process = start(folder, tmp_path, "--autoresume training.checkpoint_every_steps=0", num_processes=2)
    run = tmp_path / "t@autoresume"
    wait_for(lambda: lines_of(run / "metrics.jsonl") >= 2, process)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=90)[0]
    assert output.count("SIGTERM: stopped and saved at step") == 1, output
    assert "_step_" in os.readlink(run / "ckpt" / "latest.pt")


def test_a_damaged_newest_checkpoint_costs_only_the_steps_since_the_one_before(folder, uninterrupted, tmp_path, capsys):
    assert main(words(folder, tmp_path, "--autoresume")) == 0
    run = tmp_path / "t@autoresume"
    newest = run / "ckpt" / "epoch_0002.pt"
    newest.write_bytes(newest.read_bytes()[:5000])
    assert main(words(folder, tmp_path, "--autoresume")) == 0
    assert "going back to" in capsys.readouterr().out
    assert_same_end(run, uninterrupted)
    assert (run / "ckpt" / "epoch_0002.pt.set_aside").stat().st_size == 5000


def test_latest_names_a_damaged_file_and_a_named_file_is_not_replaced(folder, uninterrupted, tmp_path, capsys):
    copy = tmp_path / "t@copy" / "ckpt"
    copy.mkdir(parents=True)
    for path in uninterrupted.glob("ckpt/epoch_*.pt"):
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "epoch_0002.pt").write_bytes(b"")
    assert main(words(folder, tmp_path, f"--eval_only --resume {copy}/epoch_0002.pt")) == 2
    assert "epoch_0002.pt: not a checkpoint that can be read" in capsys.readouterr().err
    assert main(words(folder, tmp_path, "--eval_only --resume latest")) == 0
    assert "going back to" in capsys.readouterr().out


def test_what_differs_from_the_checkpoint_is_told(folder, uninterrupted, tmp_path, capsys):
    changed = "dataset.train_batch_size=2 dataset.accum_freq=2 training.max_epoch=3 training.beta2=0.98"
    assert main(words(folder, tmp_path, f"--resume {uninterrupted} {changed}")) == 0
    out = capsys.readouterr().out
    assert "training.max_epoch=3 (checkpoint: 2)" in out
    assert "training.beta2=0.98 (checkpoint: 0.999)" in out
    assert "the learning rate was " in out
    (run,) = tmp_path.glob("t@*")
    groups = final_state(run)["optimizer"]["param_groups"]
    assert [group["betas"] for group in groups] == [(0.9, 0.98)] * 2
    assert "1 processes x 4 x accum_freq 1, this run has 1 processes x 2 x accum_freq 2" in out


def test_another_optimizer_or_model_is_refused(folder, uninterrupted, tmp_path, capsys):
    assert main(words(folder, tmp_path, f"--resume {uninterrupted} training.share_logit_scale=True")) == 2
    err = capsys.readouterr().err
    assert "training.share_logit_scale=False (here True)" in err
    assert not list(tmp_path.iterdir())


def test_a_plain_rerun_starts_a_new_folder(folder, tmp_path):
    for _ in range(2):
        assert main(words(folder, tmp_path, "training.max_epoch=1 benchmarks=[]")) == 0
    assert len(list(tmp_path.glob("t@*"))) == 2


def test_a_folder_in_which_another_process_trains_is_refused(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mixcon3d.run_folder._LOCK_PATIENCE_S", 0.1)
    other = start(folder, tmp_path, "--autoresume training.max_epoch=1000")
    run = tmp_path / "t@autoresume"
    try:
        wait_for(lambda: lines_of(run / "metrics.jsonl") >= 1, other)
        assert main(words(folder, tmp_path, "--autoresume")) == 2
        assert "another process trains in this folder" in capsys.readouterr().err
    finally:
        kill_all(other.pid)
    assert main(words(folder, tmp_path, "--autoresume training.max_epoch=1 benchmarks=[]")) == 0


def test_processes_of_torchrun_end_with_it(folder, tmp_path):
    process = start(folder, tmp_path, "--autoresume training.max_epoch=1000", num_processes=2)
    run = tmp_path / "t@autoresume"
    wait_for(lambda: lines_of(run / "metrics.jsonl") >= 2, process)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "_step_" in os.readlink(run / "ckpt" / "latest.pt")


def start_like_srun(folder: Path, exp_dir: Path, rank: int, port: int, more: str) -> subprocess.Popen:
    slurm = {"SLURM_JOB_ID": "1", "SLURM_STEP_ID": "0", "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank),
             "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "localhost", "MASTER_PORT": str(port)}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "src/main.py", *words(folder, exp_dir, more)], cwd=ROOT, text=True,
        env={**os.environ, **slurm, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_when_a_process_dies_or_hangs_the_others_end_with_one_clear_line(folder, tmp_path, number):
    port = free_port()
    # Also the time in which both must have started.
    more = "--autoresume training.max_epoch=1000 dist_timeout_s=20 dataset.train_batch_size=2"
    first, second = (start_like_srun(folder, tmp_path, rank, port, more) for rank in (0, 1))
    try:
        wait_for(lambda: lines_of(tmp_path / "t@autoresume" / "metrics.jsonl") >= 2, first)
        second.send_signal(number)
        output = first.communicate(timeout=90)[0]
    finally:
        second.kill()
    assert first.returncode == 2
    (line,) = [line for line in output.splitlines() if line.startswith("error")]
    assert "another of the 2 processes has ended, or did not answer for 20 seconds" in line
    assert "Traceback" not in output


def test_a_checkpoint_of_the_first_version_still_goes_on(folder, uninterrupted, tmp_path):
    content = torch.load(uninterrupted / "ckpt" / "epoch_0001.pt", weights_only=True)
    old = {"format": content["format"], "config": content["config"], "state": content["state"]}
    old["state"] = {key: value for key, value in old["state"].items() if key not in ("scaler", "wandb_id")}
    old["state"]["progress"] = {"epoch": 1, "step": 10}
    # It was a file of its own then.
    (tmp_path / "t@old" / "ckpt").mkdir(parents=True)
    torch.save(old, tmp_path / "t@old" / "ckpt" / "latest.pt")
    assert main(words(folder, tmp_path / "exp", f"--resume {tmp_path}/t@old")) == 0
    (run,) = (tmp_path / "exp").glob("t@*")
    torch.testing.assert_close(final_state(run), final_state(uninterrupted), rtol=0, atol=0)


EVERYTHING = (
    "dataset.train_batch_size=2 dataset.accum_freq=2 dataset.num_workers=2 training.precision=bf16 training.log_freq=3 "
    "training.grad_checkpointing=True training.grad_clip_norm=1 training.keep_checkpoints=99 benchmarks=[] "
    "dataset.use_knn_negative_sample=True dataset.negative_sample_num=2"
)


def test_everything_at_once_goes_on_to_the_same_bits(tmp_path):
    """Accumulation, loader processes, half precision, hard negatives, objects that cannot be read."""
    folder = make_dataset(tmp_path / "data", num_train=40)
    for broken in (3, 17):
        object_path(folder, broken).write_bytes(b"broken")
    names = [f"object{i}" for i in range(40)]
    index = {name: np.array([i, (i + 1) % 40, (i + 2) % 40]) for i, name in enumerate(names)}
    write_object(folder / "meta_data" / "point_feat_knn.npy", {"name": names, "index": index})
    assert main(words(folder, tmp_path / "whole", EVERYTHING)) == 0
    (whole,) = (tmp_path / "whole").glob("t@*")
    position = sorted((whole / "ckpt").glob("*_step_*.pt"))[-2]
    assert main(words(folder, tmp_path / "rest", f"{EVERYTHING} --resume {position}")) == 0
    (rest,) = (tmp_path / "rest").glob("t@*")
    states = final_state(rest), final_state(whole)
    progress = [state.pop("progress") for state in states]
    assert progress[0] == progress[1]
    assert len(progress[0]["bad_objects"]) == 2
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert curves(rest) == curves(whole)


def test_an_epoch_that_begins_again_is_not_evaluated_and_loses_its_lines(folder, uninterrupted, tmp_path):
    position = uninterrupted / "ckpt" / "epoch_0001_step_00000018.pt"
    assert main(words(folder, tmp_path, f"--resume {position} training.seed=1")) == 0
    (run,) = tmp_path.glob("t@*")
    steps = [line["train/step"] for line in curves(run)]
    assert steps == [line["train/step"] for line in curves(uninterrupted)]


def test_a_moved_position_is_saved_before_its_checkpoint_is_set_aside(folder, tmp_path):
    assert main(words(folder, tmp_path, "--autoresume training.max_epoch=1 benchmarks=[]")) == 0
    ckpt = tmp_path / "t@autoresume" / "ckpt"
    for name in ("epoch_0001.pt", "epoch_0000_step_00000009.pt"):
        (ckpt / name).unlink()
    larger = "--autoresume training.max_epoch=1 benchmarks=[] dataset.train_batch_size=8 training.lr=1e30"
    larger += " training.keep_checkpoints=1"
    # It diverges, so that nothing is saved on the way.
    assert main(words(folder, tmp_path, f"{larger} training.max_skipped_steps=1 training.warmup_epoch=0")) == 2
    assert list_checkpoints(ckpt)[0].name == "epoch_0000_step_00000003.pt"
    assert (ckpt / "epoch_0000_step_00000006.pt.set_aside").exists()
    for path in list_checkpoints(ckpt):
        path.rename(path.with_name(path.name + ".set_aside"))
    assert main(words(folder, tmp_path, "--autoresume")) == 2


def test_a_checkpoint_folder_of_another_run_is_refused(folder, tmp_path, capsys):
    shared = f"--autoresume --ckpt_dir {tmp_path}/shared training.max_epoch=1 benchmarks=[]"
    assert main(words(folder, tmp_path, shared)) == 0
    assert main(words(folder, tmp_path, f"{shared} --trial_name other")) == 2
    assert "holds checkpoints of another run, t@autoresume" in capsys.readouterr().err


def test_a_killed_loader_process_is_one_line(folder, tmp_path):
    more = "--autoresume training.max_epoch=1000 dataset.num_workers=1"
    process = start(folder, tmp_path, more)
    wait_for(lambda: lines_of(tmp_path / "t@autoresume" / "metrics.jsonl") >= 2, process)
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 2, output
    assert output.count("error: a loader process was killed") == 1

import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import torch
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from helpers import random_batch
from mixcon3d import distributed
from mixcon3d.accumulation import accumulate_gradients
from mixcon3d.checkpoints import CheckpointObserver
from mixcon3d.config_loading import load_config
from mixcon3d.data.batch import Batch
from mixcon3d.errors import ConfigError
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.objective import Objective
from mixcon3d.run import run
from openshape_files import make_dataset
from two_processes import free_port, in_two_processes

ROOT = Path(__file__).resolve().parents[1]
DIM = 16
TEXTS = {
    "all texts": [True] * 8,
    "uneven": [True, False, True, True, False, False, True, False],
    "none on one rank": [True, True, True, False, False, False, False, False],
    "none at all": [False] * 8,
}


def rows(batch: Batch, index: list[int]) -> Batch:
    values = {f.name: getattr(batch, f.name) for f in fields(Batch)}
    return replace(
        batch, names=[batch.names[i] for i in index], **{k: v[index] for k, v in values.items() if torch.is_tensor(v)}
    )


def loss_and_gradients(preset: str, texts: list[bool], accum_freq: int, local_loss: bool = False):
    """This process's share of the global batch, in float64; BatchNorm in evaluation mode: it is local on CPU."""
    config = load_config(ROOT / "configs" / f"{preset}.yaml", {"model.scaling": 0, "clip_embed_dim": DIM}.items())
    torch.manual_seed(0)
    model = TriModalModel(config.model, config.training, DIM).double()
    wrapped = distributed.wrap_model(model, torch.device("cpu")).eval()
    size = 8 // (distributed.world_size() * accum_freq)
    # As the sampler cuts it: micro-batches first, ranks within them.
    starts = [(m * distributed.world_size() + distributed.rank()) * size for m in range(accum_freq)]
    whole = random_batch(texts, DIM, torch.float64)
    batches = [rows(whole, list(range(s, s + size))) for s in starts]
    for _ in range(2):
        model.zero_grad()
        terms = accumulate_gradients(
            wrapped, model.log_scales(), Objective(config.training), batches, local_loss=local_loss
        )
    return terms, {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


def losses_and_gradients(preset: str):
    """Every case of texts, accumulation and local loss."""
    return {
        (texts, accum_freq, local_loss): loss_and_gradients(preset, TEXTS[texts], accum_freq, local_loss)
        for texts in TEXTS
        for accum_freq in (1, 2)
        for local_loss in (True, False)
    }


@pytest.mark.parametrize("preset", ["train", "released"])
def test_two_processes_have_the_loss_and_gradients_of_one_on_the_whole_batch(tmp_path, preset):
    both = in_two_processes(losses_and_gradients, tmp_path, preset)
    for (texts, accum_freq, local_loss), (terms, gradients) in (item for cases in both for item in cases.items()):
        expected_terms, expected = loss_and_gradients(preset, TEXTS[texts], 1)
        case = f"{texts}, {accum_freq} micro-batches, local loss {local_loss}: "
        torch.testing.assert_close(asdict(terms), asdict(expected_terms), rtol=1e-12, atol=1e-15, msg=case.__add__)
        torch.testing.assert_close(gradients, expected, rtol=1e-9, atol=1e-12, msg=case.__add__)


def reductions_of_a_step() -> float:
    """How often DDP reduces each bucket of gradients for a global batch of three micro-batches."""
    config = load_config(None, {"model.scaling": 0, "clip_embed_dim": DIM}.items())
    model = TriModalModel(config.model, config.training, DIM)
    wrapped = distributed.wrap_model(model, torch.device("cpu"))
    buckets = []

    def count(_state, bucket):
        buckets.append(bucket.index())
        return allreduce_hook(None, bucket)

    wrapped.register_comm_hook(None, count)
    whole = random_batch([True] * 12, DIM)
    start = 6 * distributed.rank()
    batches = [rows(whole, [start + 2 * i, start + 2 * i + 1]) for i in range(3)]
    accumulate_gradients(wrapped, model.log_scales(), Objective(config.training), batches)
    return len(buckets) / len(set(buckets))


def test_gradients_are_reduced_once_for_all_micro_batches(tmp_path):
    assert in_two_processes(reductions_of_a_step, tmp_path) == [1, 1]


def test_conversion_to_synchronised_batch_norm_keeps_names_and_values():
    config = load_config(None, {"model.scaling": 0, "clip_embed_dim": DIM}.items())
    model = TriModalModel(config.model, config.training, DIM)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = list(model.parameters())
    converted = distributed.synchronise_batch_norm(model)
    kinds = {type(module) for module in converted.modules() if "BatchNorm" in type(module).__name__}
    assert kinds == {torch.nn.SyncBatchNorm}
    torch.testing.assert_close(dict(converted.state_dict()), before, rtol=0, atol=0)
    # The optimizer was built from these very tensors.
    assert all(a is b for a, b in zip(converted.parameters(), parameters, strict=True))


def helpers_of_this_rank():
    rank = torch.tensor([[distributed.rank()]])
    return {
        "rows": distributed.gather_rows(rank).flatten().tolist(),
        "objects": distributed.gather_objects(["a"] * (distributed.rank() + 1)),
        "main": distributed.from_main(distributed.rank() + 7),
        "is_main": distributed.is_main(),
        "world": distributed.world_size(),
    }


def test_rank_helpers_with_two_processes_and_with_one(tmp_path):
    first, second = in_two_processes(helpers_of_this_rank, tmp_path)
    both = {"rows": [0, 1], "objects": [["a"], ["a", "a"]], "main": 7, "world": 2}
    assert first == {**both, "is_main": True}
    assert second == {**both, "is_main": False}
    assert helpers_of_this_rank() == {"rows": [0], "objects": [["a"]], "main": 7, "is_main": True, "world": 1}


def test_the_gpu_is_that_of_the_local_rank(monkeypatch):
    chosen = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.set_device", chosen.append)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setenv("RANK", "11")
    monkeypatch.setenv("WORLD_SIZE", "12")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert distributed.choose_device() == torch.device("cuda", 3)
    assert distributed.choose_device(set_device_rank=False) == torch.device("cuda", 0)
    assert chosen == [torch.device("cuda", 3), torch.device("cuda", 0)]
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(ConfigError, match=r"local rank 4 sees only 4 GPU\(s\)"):
        distributed.choose_device()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data"))


def buffers_of_this_rank():
    norm = torch.nn.BatchNorm1d(3)
    norm.running_mean.fill_(10.0 * distributed.rank())
    norm.running_var.copy_(torch.arange(3) + distributed.rank())
    norm.num_batches_tracked.fill_(7)
    distributed.average_buffers(norm)
    return {name: buffer.tolist() for name, buffer in norm.named_buffers()}


def test_running_statistics_become_the_mean_over_the_ranks(tmp_path):
    mean = {"running_mean": [5.0] * 3, "running_var": [0.5, 1.5, 2.5], "num_batches_tracked": 7}
    assert in_two_processes(buffers_of_this_rank, tmp_path) == [mean, mean]
    assert buffers_of_this_rank()["running_var"] == [0.0, 1.0, 2.0]


def digest_after_training(folder: str, exp_dir: str) -> str:
    """Of everything this rank's state holds at the end of a small run."""
    settings = {"model.scaling": 0, "clip_embed_dim": DIM, "training.max_epoch": 2, "training.lr": 1e-3}
    settings |= {"dataset.folder": folder, "dataset.train_batch_size": 2, "exp_dir": exp_dir, "benchmarks": []}
    settings |= {f"dataset.{key}": value for key, value in {"num_points": 64, "num_workers": 0}.items()}
    states = []

    class Spy(CheckpointObserver):
        def on_epoch_end(self, state, is_last):
            states.append(state.state_dict())
            super().on_epoch_end(state, is_last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixcon3d.run.CheckpointObserver", Spy)
        patch.setattr("mixcon3d.run.distributed.process_group", lambda *_: nullcontext())
        run(load_config(None, settings.items()))
    content = io.BytesIO()
    torch.save({name: states[-1][name] for name in ("model", "ema", "optimizer")}, content)
    return hashlib.sha256(content.getvalue()).hexdigest()


def test_both_ranks_end_with_the_same_weights_statistics_and_optimizer(folder, tmp_path):
    first, second = in_two_processes(digest_after_training, tmp_path, str(folder), str(tmp_path / "exp"))
    assert first == second


def torchrun(folder: Path, exp_dir: Path, *more: str) -> subprocess.CompletedProcess:
    small = [f"{key}.num_points=64" for key in ("dataset", "objaverse_lvis", "modelnet40", "scanobjectnn")]
    small += [
        "model.scaling=0",
        "clip_embed_dim=16",
        "dataset.train_batch_size=2",
        "training.max_epoch=2",
        "training.lr=1e-3",
    ]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node=2",
        f"--master_port={free_port()}",
        "src/main.py",
    ]
    command += [f"dataset.folder={folder}", "--exp_dir", str(exp_dir), "--trial_name", "t", *small, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def test_torchrun_trains_and_evaluates_with_two_processes(folder, tmp_path):
    finished = torchrun(folder, tmp_path, "--ngpu", "8", "training.report=False")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("--ngpu 8, but 2 process(es) were started") == 1
    (run,) = tmp_path.glob("t@*")
    results = json.loads((run / "results.json").read_text())
    assert results["objaverse_lvis"]["ema"]["joint_mv"]["num_objects"] == 7
    losses = [
        json.loads(line)["train/loss"]
        for line in (run / "metrics.jsonl").read_text().splitlines()
        if "train/loss" in line
    ]
    assert losses
    assert all(0 < loss < 20 for loss in losses)
    # One process evaluates the same checkpoint to the same numbers, although each of the two saw half of the objects.
    evaluate = [sys.executable, "src/main.py", "--config", str(run / "config.yaml"), "--eval_only",
                "--resume", str(run / "ckpt" / "latest.pt"), "--exp_dir", str(tmp_path / "alone")]  # fmt: skip
    subprocess.run(evaluate, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (alone,) = (tmp_path / "alone").glob("t@*")
    assert json.loads((alone / "results.json").read_text()) == results


def test_a_wrong_key_is_told_once_by_all_processes_together(folder, tmp_path):
    finished = torchrun(folder, tmp_path, "dataset.foldr=x")
    assert finished.returncode != 0
    assert finished.stderr.count("error: command line: `dataset.foldr`") == 1
    assert not list(tmp_path.glob("t@*"))

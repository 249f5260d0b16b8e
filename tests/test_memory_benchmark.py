"""benchmarks/memory.py at tiny sizes: what it measures, what it writes, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import memory_numbers
from memory import parse
from memory_checks import TOLERANCE
from memory_measure import _measure_cpu
from memory_numbers import check, fit_loss, loss_curves, step_curves

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "memory.py"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    # A process of its own: the script forks, which a process that has computed must not.
    command = [sys.executable, str(SCRIPT), "--smoke", "--docs", str(docs)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return docs, done.stdout


def test_numbers_picture_and_page_are_written(smoke):
    docs, output = smoke
    assert (docs / "figs/memory.png").read_bytes().startswith(b"\x89PNG")
    page, numbers = (docs / "memory.md").read_text(), json.loads((docs / "memory.json").read_text())
    assert numbers["checks"]["step"] <= TOLERANCE
    assert numbers["checks"]["loss"] <= TOLERANCE
    for label in (*numbers["step"], *numbers["loss"]):
        assert label in page
        assert label in output
    assert "{" not in page


def test_memory_grows_as_it_should(smoke):
    numbers = json.loads((smoke[0] / "memory.json").read_text())
    plain, checkpointed, accumulated, both = (curve["points"][-1]["peak"] for curve in numbers["step"].values())
    assert both < accumulated < 0.75 * plain
    assert checkpointed < plain
    whole, ranks, fixed = numbers["loss"].values()
    assert whole["exponent"] > ranks["exponent"] > fixed["exponent"]
    assert ranks["points"][-1]["peak"] < 0.5 * whole["points"][-1]["peak"]
    # With one thread the same allocations give the same bytes.
    assert ranks["points"][0] == fixed["points"][0]


def test_the_peak_is_that_of_all_tensors_held_at_once():
    def work() -> torch.Tensor:
        first = torch.ones(1 << 20)
        second = first + 1
        del first
        return torch.cat([second, second])

    assert _measure_cpu(work)["peak"] == 3 * 4 * 2**20


def test_a_step_and_a_loss_that_no_curve_lacks():
    sizes, _ = parse(["--global_batches", "8", "16", "--micro_batch", "4", "--loss_batches", "64", "256"])
    plain, checkpointed, accumulated, both = step_curves(sizes).values()
    assert [case.micro_batch for case in plain] == [8, 16]
    assert [case.micro_batch for case in accumulated] == [4, 4]
    assert not plain[0].grad_checkpointing
    assert checkpointed[0].grad_checkpointing
    assert both[0].grad_checkpointing
    assert [[case.own_rows for case in cases] for cases in loss_curves(sizes).values()] == [[64, 256], [8, 32], [8, 8]]


@pytest.mark.parametrize("difference", [1e-3, float("nan")])
def test_nothing_is_measured_when_gradients_differ(monkeypatch, difference):
    sizes, _ = parse(["--smoke"])
    monkeypatch.setattr(memory_numbers, "in_own_process", lambda *_: difference)
    with pytest.raises(SystemExit, match="gradients of the step differ"):
        check(sizes)


def test_the_fit_finds_how_many_matrices_are_held():
    curve = {"logit_bytes": [10.0, 40.0], "embedding_bytes": [6.0, 12.0], "points": [{"peak": 38}, {"peak": 116}]}
    logits, embeddings, deviation = fit_loss([curve])
    assert (logits, embeddings) == pytest.approx((2.0, 3.0))
    assert deviation == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("words", [["--global_batches", "8", "12"], ["--global_batches", "8"], ["--loss_batches", "9"]])
def test_sizes_that_do_not_divide_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parse(words)
    assert "ascending, each a multiple of" in capsys.readouterr().err

"""Where the metrics of a run go: console, metrics.jsonl, Weights & Biases."""

import importlib.machinery
import json
import os
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from mixcon3d import wandb_sink
from mixcon3d.cli import main, parse_command_line
from mixcon3d.config_loading import load_config
from mixcon3d.errors import ConfigError
from mixcon3d.observers import JsonLinesSink
from mixcon3d.wandb_sink import WandbSink, check_wandb, is_logged_in, wants_wandb
from openshape_files import make_dataset
from wandb_files import recorded

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "model.scaling=0 clip_embed_dim=16 dataset.num_points=64 dataset.train_batch_size=4 dataset.num_workers=0 "
    "objaverse_lvis.num_points=64 objaverse_lvis.num_workers=0 modelnet40.num_points=64 modelnet40.num_workers=0 "
    "scanobjectnn.num_points=64 scanobjectnn.num_workers=0 training.max_epoch=2 training.warmup_epoch=1 "
    "training.lr=1e-3 training.save_freq=1 training.log_freq=1 training.report=False"
)
KEY = "0" * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data"))


def train(folder: Path, exp_dir: Path, more: str = "") -> Path:
    before = set(exp_dir.glob("t@*"))
    assert main(shlex.split(f"dataset.folder={folder} {SMALL} --exp_dir {exp_dir} --trial_name t {more}")) == 0
    (run,) = set(exp_dir.glob("t@*")) - before
    return run


def lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def saved(path: Path) -> dict:
    return torch.load(path, weights_only=True)["state"]


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


@pytest.fixture(scope="module")
def plain(folder, tmp_path_factory):
    """A run without W&B."""
    return train(folder, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def offline(folder, tmp_path_factory):
    more = "training.report_to=console,jsonl,wandb training.wandb_mode=offline"
    return train(folder, tmp_path_factory.mktemp("offline"), more)


def test_an_offline_run_is_recorded_with_the_values_of_metrics_jsonl(offline):
    description, history, definitions = recorded(offline)
    names = set(lines(offline)[0])
    written = [{key: value for key, value in row.items() if not key.startswith("_")} for row in history]
    assert written == lines(offline)
    assert {"train/loss", "train/pc_img_to_text_contras_acc", "train/image_logit_scale", "train/step"} <= names
    assert [row["train/step"] for row in written] == [*range(1, 9), 8]
    assert 0 <= written[-1]["test_lvis_pc_img_mv/top1_acc_pc_img_mv_ema"] <= 100
    assert 0 <= written[-1]["test_modelnet40/overall_acc_sgd"] <= 1
    assert any((d.name or d.glob_name) == "*" and d.step_metric == "train/step" for d in definitions)
    assert (description.project, description.display_name) == ("MixCon3D", "t")
    config = {item.key: json.loads(item.value_json) for item in description.config.update}
    assert (config["training.lr"], config["dataset.text_source"]) == (1e-3, ["text", "caption", "retrieval_text"])


def test_the_log_says_where_an_offline_run_is(offline):
    (place,) = (offline / "wandb").glob("offline-run-*")
    assert f"W&B: recorded offline; `wandb sync {place}` uploads it" in (offline / "log.txt").read_text()


def test_watching_changes_no_weight(plain, offline):
    left, right = saved(plain / "ckpt/latest.pt"), saved(offline / "ckpt/latest.pt")
    assert (left.pop("wandb_id"), right.pop("wandb_id")) == (None, recorded(offline)[0].run_id)
    torch.testing.assert_close(left, right, rtol=0, atol=0)
    assert results(plain) == results(offline)


def test_a_resumed_run_continues_its_curve_and_an_evaluation_does_not(folder, offline, tmp_path):
    more = f"training.report_to=wandb training.wandb_mode=offline --resume {offline}/ckpt/epoch_0001.pt"
    resumed = train(folder, tmp_path, more)
    first, second = recorded(offline), recorded(resumed)
    assert second[0].run_id == first[0].run_id == saved(resumed / "ckpt/latest.pt")["wandb_id"]
    assert [row["train/step"] for row in second[1]] == [5, 6, 7, 8, 8]
    evaluated = recorded(train(folder, tmp_path, more.replace("0001", "0002") + " --eval_only"))
    assert evaluated[0].run_id != first[0].run_id
    assert len(evaluated[1]) == 1
    unwatched = train(folder, tmp_path, f"training.report_to=none --resume {offline}/ckpt/epoch_0001.pt")
    assert saved(unwatched / "ckpt/latest.pt")["wandb_id"] == first[0].run_id


def test_nothing_asked_and_not_logged_in_leaves_wandb_alone(folder, tmp_path):
    code = (
        "import sys; from mixcon3d.cli import main; status = main(sys.argv[1:]); "
        "sys.exit(status or any(name.split('.')[0] == 'wandb' for name in sys.modules))"
    )
    arguments = shlex.split(
        f"dataset.folder={folder} {SMALL} --exp_dir {tmp_path} training.max_epoch=1 benchmarks=none"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    finished = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True)
    assert finished.returncode == 0, finished.stderr
    assert not list(tmp_path.rglob("wandb"))


def stub(**functions) -> types.ModuleType:
    """A module wandb of which some functions are others."""
    module = types.ModuleType("wandb")
    module.__spec__ = importlib.machinery.ModuleSpec("wandb", None, origin="stub")
    run = types.SimpleNamespace(url="", sync_dir="here", define_metric=None, log=None, finish=None)
    for name in ("define_metric", "log", "finish"):
        setattr(run, name, functions.get(name, lambda *_, **__: None))
    module.init = functions.get("init", lambda **_: run)
    module.Settings = module.setup = module.teardown = lambda *_, **__: None
    return module


def fail(error: BaseException):
    def function(*_, **__):
        raise error

    return function


FAILURES = {
    "import": None,
    "init": {"init": fail(RuntimeError("no\nnetwork"))},
    "init exits": {"init": fail(SystemExit(1))},
    "log": {"log": fail(ConnectionResetError("gone"))},
    "finish": {"finish": fail(TimeoutError("late"))},
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_wandb_is_one_warning(folder, plain, tmp_path, monkeypatch, name):
    functions = FAILURES[name]
    broken = stub(**functions) if functions else types.ModuleType("wandb")
    monkeypatch.setitem(sys.modules, "wandb", broken)
    run = train(folder, tmp_path, "training.report_to=jsonl,wandb training.wandb_mode=offline")
    log = (run / "log.txt").read_text()
    assert log.count(" WARNING ") == 1
    assert log.count(" WARNING W&B failed (") == 1
    assert results(run) == results(plain)
    assert [line["train/loss"] for line in lines(run)[:-1]] == [line["train/loss"] for line in lines(plain)[:-1]]


def test_a_call_that_hangs_is_given_up(tmp_path, monkeypatch):
    import threading

    monkeypatch.setattr(wandb_sink, "_LOG_S", 0.1)
    monkeypatch.setattr(wandb_sink, "_FINISH_S", 0.1)
    monkeypatch.setattr(wandb_sink, "_MARGIN_S", 1.0)
    over = threading.Event()
    waits = lambda *_, **__: over.wait(60)  # noqa: E731
    monkeypatch.setitem(sys.modules, "wandb", stub(log=waits, finish=waits))
    messages: list[str] = []
    monkeypatch.setattr(wandb_sink.log, "warning", lambda text, *values: messages.append(text % values))
    with WandbSink("offline", None, "p", "n", {}, tmp_path) as sink:
        for _ in range(3):
            sink.write({"train/step": 1.0})
    over.set()
    assert len(messages) == 1
    assert "no answer within 0 s" in messages[0]


@pytest.mark.parametrize("key", [KEY, "", "nonsense"])
def test_without_server_or_key_it_records_offline_under_the_same_id(tmp_path, monkeypatch, key):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # refuses every connection
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setattr(wandb_sink, "_START_S", 1.0)
    messages: list[str] = []
    monkeypatch.setattr(wandb_sink.log, "log", lambda _, text, *values: messages.append(text % values))
    with WandbSink("online", "abc123", "p", "n", {"a": 1}, tmp_path) as sink:
        assert sink.is_running
        sink.write({"train/step": 3, "train/loss": 0.5, "train/grad_norm": float("inf")})
    description, history, _ = recorded(tmp_path)
    assert (description.run_id, history[0]["train/loss"]) == ("abc123", 0.5)
    (message,) = messages
    assert "recorded offline; `wandb sync " in message
    assert ("not logged in" in message) == (key == "")


def config(**overrides):
    return load_config(None, {f"training.{key}": value for key, value in overrides.items()}.items()).training


@pytest.mark.parametrize(
    ("text", "places"),
    [("wandb", ["wandb"]), ("console,wandb", ["console", "wandb"]), ("[console, jsonl]", ["console", "jsonl"]),
     ("none", []), ("None", []), ("null", []), ("[]", [])],
)  # fmt: skip
def test_spellings_of_a_list_of_words(text, places, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert parse_command_line([f"training.report_to={text}"]).training.report_to == places


@pytest.mark.parametrize("text", ["", "tensorboard", "console,,wandb", "{a: b}"])
def test_other_words_are_refused(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match="training.report_to="):
        parse_command_line([f"training.report_to={text}"])


def test_automatic_where_logged_in(tmp_path, monkeypatch):
    def hosts(*names: str) -> None:
        (tmp_path / "netrc").write_text("".join(f"machine {name}\n  login user\n  password {KEY}\n" for name in names))

    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not is_logged_in()
    hosts("github.com", "api.wandb.ai")
    assert wants_wandb(config())
    assert not wants_wandb(config(report_to=["console", "jsonl"]))
    hosts("api.forge.coreweave.com")
    assert wants_wandb(config())
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.lab.org:8080")
    assert not wants_wandb(config())
    hosts("wandb.lab.org:8080")
    assert wants_wandb(config())
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert not wants_wandb(config())
    assert not wants_wandb(config(report_to=["wandb"]))
    assert wants_wandb(config(report_to=["wandb"], wandb_mode="offline"))


def test_automatic_with_a_key_or_a_server_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wants_wandb(config())
    monkeypatch.delenv("WANDB_API_KEY")
    assert not wants_wandb(config())
    assert wants_wandb(config(wandb_mode="offline"))
    (tmp_path / "settings").write_text("[default]\nbase_url = https://wandb.lab.org\n")
    (tmp_path / "netrc").write_text(f"machine wandb.lab.org login user password {KEY}\n")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wants_wandb(config())
    (tmp_path / "netrc").write_text("machine\n")
    assert not wants_wandb(config())


def test_wandb_that_is_not_installed(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert not wants_wandb(config())
    check_wandb(config())
    assert main(["training.report_to=wandb", "--exp_dir", str(tmp_path / "exp")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "wandb is not installed: pip install wandb" in err
    # wandb leaves a folder of its own name in the working directory.
    monkeypatch.delitem(sys.modules, "wandb")
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    assert not wants_wandb(config())


def test_without_console_and_jsonl_there_are_results_and_a_page(folder, tmp_path, capsys):
    run = train(folder, tmp_path, "training.report_to=none training.report=True")
    assert not (run / "metrics.jsonl").exists()
    assert "metrics.jsonl holds no training steps" in (run / "report.html").read_text()
    out = capsys.readouterr().out
    assert "loss" not in out
    assert "Zero-shot classification" in out


def test_json_lines_stay_json(tmp_path):
    sink = JsonLinesSink(tmp_path / "metrics.jsonl")
    sink.write({"train/step": 1, "train/loss": 2.5, "train/grad_norm": float("nan"), "other": float("-inf")})
    sink.write({"train/step": 2})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    first = {"train/step": 1, "train/loss": 2.5, "train/grad_norm": None, "other": None}
    assert [json.loads(line) for line in text.splitlines()] == [first, {"train/step": 2}]

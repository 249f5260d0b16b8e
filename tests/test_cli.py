import re
import shlex
from pathlib import Path

import pytest

from mixcon3d.cli import main, parse_command_line
from mixcon3d.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]

# The command lines that users of the original know; each must work as it is.
PUBLISHED = [
    "--ngpu 8 dataset.folder=data_path dataset.train_batch_size=256 model.name=PointBERT model.scaling=3 "
    "model.use_dense=True --trial_name MixCon3D --config src/configs/train.yaml",
    "--ngpu 8 dataset.folder=data_path dataset.train_batch_size=128 dataset.accum_freq=2 model.name=PointBERT "
    "model.scaling=3 model.use_dense=True --trial_name MixCon3D --config src/configs/train.yaml",
    "--ngpu 8 dataset.folder=data_path dataset.train_split=meta_data/split/train_no_lvis.json "
    "dataset.train_batch_size=128 dataset.accum_freq=2 model.name=PointBERT model.scaling=3 model.use_dense=True "
    "--trial_name MixCon3D --config src/configs/train.yaml",
    "--ngpu 8 dataset.folder=data_path dataset.train_split=meta_data/split/ablation/train_shapenet_only.json "
    "dataset.train_batch_size=128 dataset.accum_freq=1 model.name=PointBERT model.scaling=3 model.use_dense=True "
    "--trial_name MixCon3D --config src/configs/train.yaml",
]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def parse(line: str):
    return parse_command_line(shlex.split(line))


@pytest.mark.parametrize("line", PUBLISHED)
def test_the_published_command_lines_parse(line):
    config = parse(line)
    assert (config.ngpu, config.trial_name, config.dataset.folder) == (8, "MixCon3D", "data_path")
    assert (config.model.scaling, config.model.name, config.clip_embed_dim) == (3, "PointBERT", 1280)


def readme_command_lines() -> list[str]:
    text = "\n".join((ROOT / name).read_text() for name in ("README.md", "Installation.md", "CONTRIBUTING.md"))
    blocks = "\n".join(re.findall(r"```(?:bash|sh|shell|python)\n(.*?)```", text, flags=re.DOTALL)).replace("\\\n", " ")
    return [line.strip() for line in blocks.splitlines() if "src/main.py" in line and not line.startswith("#")]


@pytest.mark.parametrize("line", readme_command_lines())
def test_every_command_line_of_the_docs_parses(line):
    arguments = line.split("src/main.py", 1)[1]
    assert parse(arguments).trial_name


def test_the_docs_contain_the_published_command_lines():
    lines = [" ".join(line.split("src/main.py", 1)[1].split()) for line in readme_command_lines()]
    assert set(PUBLISHED) <= set(lines)


WRONG = {
    "dataset.folders=x": "`dataset.folders` (value 'x') is not a known key; did you mean `dataset.folder`?",
    "lr=3": "`lr` (value 3) is not a known key; did you mean `training.lr`?",
    "--trial_nam x": "--trial_nam is not a known flag; did you mean `--trial_name`?",
    "foo": "`foo` is neither a flag nor key=value",
    "training=3": "`training` (value 3) is a section, not a key",
    "training.lr=abc": "training.lr='abc' is not a number or null",
    "training.lr=.nan": "training.lr=nan is not a finite number",
    "training.lr=.inf": "training.lr=inf is not a finite number",
    "training.seed=99999999999999999999": "training.seed=99999999999999999999 must be at most",
    "dataset.train_partial=0": "dataset.train_partial=0 leaves no object; -1 is all",
    "benchmarks=[modelnet40,modelnet40]": "names one twice",
    "training.lr=-1": "training.lr=-1.0 must be at least 0",
    "model.scaling=2.5": "model.scaling=2.5 is not a whole number",
    "model.scaling=9": "model.scaling=9 must be at most 6",
    "model.name=DGCNN": "model.name='DGCNN' does not exist here; there is: PointBERT",
    "model.use_dense=False": "model.use_dense=False is not one of: True",
    "training.ema=maybe": "training.ema='maybe' is not True or False",
    "training.img_loss_mode=Avgg": "training.img_loss_mode='Avgg' is not one of: Avg, Max, Avg_proj, Max_proj",
    "training.precision=fp8": "training.precision='fp8' is not one of: fp32, bf16, fp16, supress",
    "dataset.text_source=[text,capton]": "is not one of: text, caption, retrieval_text; did you mean `caption`?",
    "dataset.text_source=[]": "dataset.text_source=[] leaves no text",
    "dataset.text_source=3": "dataset.text_source=3 is not a list of words",
    "dataset.text_source=text,capton": "is not one of: text, caption, retrieval_text; did you mean `caption`?",
    "training.lambda_img_contras=2": "training.lambda_img_contras=2.0 has no effect here; only 1.0 is accepted",
    "model.voxel_size=0.1": "model.voxel_size=0.1 has no effect here; only 0.02 is accepted",
    "dataset.negative_sample_num=0": "dataset.negative_sample_num=0 must be at least 1",
    "--horovod": "--horovod is not supported",
    "--config nope.yaml": "--config nope.yaml: no such file; configs/ holds demo.yaml, real_objects.yaml, ",
    "--eval_only": "--eval_only needs the weights to evaluate: add --resume CHECKPOINT",
    "--resume a --autoresume": "--resume and --autoresume exclude each other",
    "--train --eval_only --resume a": "--train and --eval_only exclude each other",
    "model.out_channel=5": "model.out_channel=5 differs from clip_embed_dim=1280",
    "dataset.use_color=False": "model.in_channel=6; set model.in_channel=3",
    "training.share_proj=True training.use_text_proj=False": "training.use_text_proj=False takes it away",
    "--trial_name a/b": "trial_name='a/b' holds a '/'",
    "--ngpu x": "--ngpu",
    "benchmarks=[modelnet]": "benchmarks='modelnet' is not one of: objaverse_lvis, modelnet40, scanobjectnn",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_word_is_one_line_with_key_value_and_the_right_one(line, capsys):
    assert main(shlex.split(line)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert WRONG[line] in err


def test_flags_win_over_keys_and_keys_over_the_file(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("trial_name: file\ntraining:\n  max_epoch: 3\n  lr: 1e-4\n")
    config = parse(f"--config {path} training.max_epoch=5 trial_name=key --trial_name flag")
    assert (config.training.max_epoch, config.trial_name, config.training.lr) == (5, "flag", 1e-4)


def test_debug_flag_is_the_training_key():
    assert parse("--debug").training.debug is True


def test_without_training_it_is_evaluation_only():
    assert parse("train=False --resume x.pt").eval_only is True


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("training:\n  lr: [1", "not a YAML file"),
        ("- a\n- b\n", "expected `key: value` lines, found a list"),
        ("training: 3\n", "training is a section of keys, not a value (3)"),
        ("training:\n  lrr: 3\n", "`training.lrr` (value 3) is not a known key; did you mean `training.lr`?"),
        ("a: ${b}\n", "`a` (value '${b}') is not a known key"),
        ("trial_name: ${nothing}\n", "nothing"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "my.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        parse(f"--config {path}")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)

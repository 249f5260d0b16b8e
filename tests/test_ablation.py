"""The report of benchmarks/ablation.py, on made-up runs."""

import json
import math
from pathlib import Path

import pytest

from ablation import TRAININGS, main
from ablation_numbers import READOUTS, ROWS

# Top-1 of every training: this, two points more per seed after the first, and these changes.
TOP1 = 50.0
CHANGES = {("image_text", "ema"): 40.0, ("released", "ema"): -46.0}
NO_JOINT_HEAD = {"baseline", "temperatures", "image_text"}
NUM_OBJECTS = {"objaverse_lvis": 114, "modelnet40": 99, "scanobjectnn": 48}


def write_run(exp_dir: Path, training: str, seed: int, finished: bool = True) -> None:
    folder = exp_dir / f"{training}_seed{seed}@autoresume"
    folder.mkdir(parents=True)
    results: dict = {name: {} for name in NUM_OBJECTS}
    for weights in ("ema", "raw"):
        top1 = TOP1 + 2 * seed + CHANGES.get((training, weights), 0)
        for readout in READOUTS:
            if not (readout.name.startswith("joint") and training in NO_JOINT_HEAD):
                scores = {"top1": top1, "num_objects": NUM_OBJECTS[readout.benchmark]}
                results[readout.benchmark].setdefault(weights, {})[readout.name] = scores
    chance = {"objaverse_lvis": 3.1, "modelnet40": 3.6, "scanobjectnn": 6.7}
    results["meta"] = {"chance_top1": chance, "code": "0123456789abcdef", "step": 420}
    (folder / "results.json").write_text(json.dumps(results))
    released = training.startswith("released")
    (folder / "config.yaml").write_text(
        f"model: {{scaling: 0}}\ndataset: {{num_points: 1024, train_batch_size: 64, accum_freq: 1}}\n"
        f"training: {{max_epoch: 60, warmup_epoch: 5, ema: true, ema_decay: 0.9995, ema_warmup: {not released}}}\n"
    )
    if finished:
        (folder / "seconds.json").write_text(str(100.0 + seed))


def write_all(exp_dir: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> Path:
    for training in TRAININGS:
        for seed in seeds:
            write_run(exp_dir, training, seed)
    return exp_dir


def report(exp_dir: Path, docs: Path, *more: str) -> tuple[dict, str]:
    main(["report", "--exp_dir", str(exp_dir), "--docs", str(docs), *more])
    assert (docs / "figs/ablation.png").read_bytes().startswith(b"\x89PNG")
    return json.loads((docs / "ablation.json").read_text()), (docs / "ablation.md").read_text()


def table_row(page: str, table: int, label: str) -> list[str]:
    """Cells of the row of that label in the table of that number."""
    lines = [line for line in page.splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in lines[table].strip("|").split("|")][1:]


def test_every_row_reads_a_training_that_is_run_and_is_compared_with_a_row_before_it():
    assert {row.training for row in ROWS} == set(TRAININGS)
    labels = [row.label for row in ROWS]
    assert len(set(labels)) == len(labels)
    assert all(row.against is None or row.against in labels[:i] for i, row in enumerate(ROWS))


def test_mean_spread_and_sampling_error_stand_side_by_side(tmp_path):
    numbers, page = report(write_all(tmp_path / "exp"), tmp_path / "docs")
    # 50, 52, 54; the root of .52 x .48 / 114, and of 99 and 48 objects; 100, 101, 102 seconds.
    assert table_row(page, 0, "baseline") == [
        "52.0 ± 2.0 (4.7)", "–", "–", "52.0 ± 2.0 (4.7)", "52.0 ± 2.0 (5.0)", "52.0 ± 2.0 (7.2)", "101"
    ]  # fmt: skip
    assert table_row(page, 0, "+ joint")[1:3] == ["52.0 ± 2.0 (4.7)"] * 2
    point = numbers["rows"]["+ image-text"]["top1"]["LVIS `point`"]
    assert point["by_seed"] == {"0": 90.0, "1": 92.0, "2": 94.0}
    assert point["sampling_error"] == pytest.approx(100 * math.sqrt(0.92 * 0.08 / 114))
    assert "Incomplete" not in page
    assert numbers["missing"] == {}


def test_differences_are_taken_seed_by_seed_and_large_ones_stand_out(tmp_path):
    exp_dir = write_all(tmp_path / "exp")
    results = exp_dir / "joint_seed2@autoresume" / "results.json"
    content = json.loads(results.read_text())
    content["modelnet40"]["ema"]["point"]["top1"] -= 3
    results.write_text(json.dumps(content))
    numbers, page = report(exp_dir, tmp_path / "docs")
    assert table_row(page, 0, "+ EMA")[0] == "52.0 ± 2.0 (4.7)"
    differences = [line for line in page.splitlines() if line.startswith("| + ")]
    (image_text,) = (line for line in differences if line.startswith("| + image-text | + EMA |"))
    assert image_text.split("|")[3:6] == [" **+40.0 ± 0.0** ", " – ", " – "]
    (joint,) = (line for line in differences if line.startswith("| + joint | + image-text |"))
    assert joint.split("|")[7] == " **−41.0 ± 1.7** "
    errors = numbers["rows"]["+ joint"]["differences"]["ModelNet40 `point`"]
    assert errors["by_seed"] == {"0": -40.0, "1": -40.0, "2": -43.0}
    assert errors["seed_error"] == pytest.approx(1.0)
    assert errors["combined_error"] == pytest.approx(
        math.sqrt(1 + 1e4 * 0.92 * 0.08 / 99 + 1e4 * 0.51 * 0.49 / 99), rel=1e-6
    )
    assert "- + image-text, LVIS `point`: **+40.0 ± 0.0**" in page
    assert "- + EMA" not in page


def test_an_average_without_warmup_is_said_to_hold_initial_weights(tmp_path):
    _, page = report(write_all(tmp_path / "exp"), tmp_path / "docs")
    # .9995 ** 420 = .811
    assert "420 steps at decay 0.9995 leave 81 % of the" in page


def test_missing_runs_are_named_and_the_others_shown(tmp_path, capsys):
    exp_dir = write_all(tmp_path / "exp", seeds=(0,))
    write_run(exp_dir, "baseline", 1)
    write_run(exp_dir, "joint", 1, finished=False)
    numbers, page = report(exp_dir, tmp_path / "docs", "--seeds", "0", "1")
    assert numbers["missing"] == {name: [1] for name in TRAININGS if name != "baseline"}
    assert "**Incomplete.** Missing: temperatures (seed 1); image_text (seed 1); " in page
    assert "missing: joint, seed 1" in capsys.readouterr().out
    assert table_row(page, 0, "baseline")[0] == "51.0 ± 1.4 (4.7)"
    assert table_row(page, 0, "+ EMA")[0] == "50.0 (4.7)"
    assert "**+" not in page


def test_without_any_run_there_are_only_dashes(tmp_path):
    _, page = report(tmp_path / "nothing", tmp_path / "docs")
    assert set(table_row(page, 0, "baseline")) == {"–"}
    assert "No run has finished." in page

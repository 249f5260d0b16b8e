import json
from pathlib import Path

import numpy as np

from mixcon3d.report.confusion import count_matrix, most_confused
from mixcon3d.report.curves import read_metrics, thin
from mixcon3d.report.objects import NUM_EXAMPLES, choose_examples, spread
from report.stubs import NAMES, eval_line, make_result, train_line


def test_spread_takes_every_class_before_a_second_object_of_one() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    assert spread(range(7), labels, 3) == [0, 4, 6]
    assert spread(range(7), labels, 5) == [0, 4, 6, 1, 5]
    assert spread([5, 6], labels, 5) == [5, 6]
    assert [labels[i] for i in spread(range(7), labels, 2)] == [0, 2]


def test_examples_are_half_right_where_possible() -> None:
    labels = np.arange(100) % 4
    for num_wrong, expected_right in ((50, 12), (4, 20), (95, 5), (0, 24)):
        top1 = np.where(np.arange(100) < num_wrong, (labels + 1) % 4, labels)
        examples = choose_examples(make_result(labels=labels, top1=top1), "ema")
        assert len({e.index for e in examples}) == NUM_EXAMPLES
        assert sum(e.guesses[0].is_right for e in examples) == expected_right


def test_confused_pairs_are_sorted_by_count_then_share() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 3])
    predicted = np.array([1, 1, 0, 0, 2, 2, 2, 0, 3])
    pairs = [(p.true_name, p.predicted_name, p.count, p.total) for p in most_confused(labels, predicted, NAMES, 9)]
    assert pairs == [("lamp", "sofa", 2, 2), ("chair", "lamp", 2, 4), ("sofa", "chair", 1, 2)]
    matrix = count_matrix(labels, predicted, 4)
    assert matrix.tolist() == [[2, 2, 0, 0], [0, 0, 2, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


def test_metrics_of_an_interrupted_run(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    repeated = {**train_line(1), "train/loss": 9.0}
    lines = [json.dumps(line) for line in (train_line(2), train_line(1), repeated, eval_line(2))]
    path.write_text("\n".join([*lines, '{"train/step": 3, "tra']))
    metrics = read_metrics(path)
    assert [(line["train/step"], line["train/loss"]) for line in metrics.train] == [(1, 9.0), (2, 2.5)]
    assert [line["train/step"] for line in metrics.evaluations] == [2]


def test_long_curves_are_thinned_by_means() -> None:
    assert thin(np.arange(1000.0), 4).tolist() == [124.5, 374.5, 624.5, 874.5]
    assert thin(np.arange(3.0), 4).tolist() == [0, 1, 2]

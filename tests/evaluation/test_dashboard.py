import numpy as np
import pytest

from mixcon3d.evaluation.dashboard import dashboard_metrics
from mixcon3d.evaluation.metrics import Scores
from mixcon3d.evaluation.suite import BenchmarkResult
from report.stubs import make_result

LVIS = """
test_lvis_pc/top1_acc_pc test_lvis_pc/top3_acc_pc test_lvis_pc/top5_acc_pc test_lvis_pc/class_acc_pc
test_lvis_img/top1_acc_img test_lvis_img/top3_acc_img test_lvis_img/top5_acc_img test_lvis_img/class_acc_img
test_lvis_merge/top1_acc_merge test_lvis_merge/top3_acc_merge test_lvis_merge/top5_acc_merge
test_lvis_merge/class_acc_merge
test_lvis_pc_img/top1_acc_pc_img test_lvis_pc_img/top3_acc_pc_img test_lvis_pc_img/top5_acc_pc_img
test_lvis_pc_img/class_acc_pc_img
test_lvis_img_mv/top1_acc_img_mv test_lvis_img_mv/top3_acc_img_mv test_lvis_img_mv/top5_acc_img_mv
test_lvis_img_mv/class_acc_img_mv
test_lvis_pc_img_mv/top1_acc_pc_img_mv test_lvis_pc_img_mv/top3_acc_pc_img_mv test_lvis_pc_img_mv/top5_acc_pc_img_mv
test_lvis_pc_img_mv/class_acc_pc_img_mv
"""
OTHERS = """
test_modelnet40/overall_acc test_modelnet40/class_acc test_modelnet40/top3_acc test_modelnet40/top5_acc
test_scanobjectnn/overall_acc test_scanobjectnn/class_acc test_scanobjectnn/top3_acc test_scanobjectnn/top5_acc
"""
READOUTS = ("point", "image", "image_mv", "joint", "joint_mv", "point_image")


def result(readouts: tuple[str, ...]) -> BenchmarkResult:
    """Top-1 10, 11, ... percent by readout, one percent more of the raw weights; top-3 30, class average 7."""
    tables = {
        weights: {readout: Scores(10 + i + more, 30, 50, 7, 9, 9, 0) for i, readout in enumerate(readouts)}
        for weights, more in (("ema", 0), ("raw", 1))
    }
    return BenchmarkResult(make_result().benchmark, tables, {})


@pytest.fixture(scope="module")
def metrics() -> dict[str, float]:
    points = result(("point",))
    return dashboard_metrics({"objaverse_lvis": result(READOUTS), "modelnet40": points, "scanobjectnn": points})


def test_names_are_those_of_existing_dashboards(metrics):
    assert set(metrics) == {name + weights for name in (LVIS + OTHERS).split() for weights in ("_sgd", "_ema")}


def test_readouts_weights_and_scales(metrics):
    suffixes = ("_pc", "_img", "_img_mv", "_pc_img", "_pc_img_mv", "_merge")
    for i, suffix in enumerate(suffixes):
        for weights, more in (("_ema", 0), ("_sgd", 1)):
            values = [metrics[f"test_lvis{suffix}/{word}_acc{suffix}{weights}"] for word in ("top1", "top3", "class")]
            assert values == [10 + i + more, 30, 7]
    for name in ("test_modelnet40", "test_scanobjectnn"):
        values = [metrics[f"{name}/{word}_acc_sgd"] for word in ("overall", "class", "top3", "top5")]
        np.testing.assert_allclose(values, [0.11, 0.07, 30, 50])

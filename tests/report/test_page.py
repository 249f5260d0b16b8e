import base64
import io
import logging
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mixcon3d.data.benchmarks import LabelledObject
from report.stubs import (
    LABELS,
    NAMES,
    POINT_TOP1,
    Elements,
    cards,
    eval_line,
    make_result,
    make_tower,
    page_of,
    section,
    train_line,
    write,
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    modelnet = make_result("modelnet40", NAMES[:3], np.array([0, 1, 2]), np.array([0, 1, 1]))
    lines = [train_line(1), train_line(2), eval_line(2, make_result(), modelnet)]
    return page_of(tmp_path_factory.mktemp("report") / "run", make_result(), modelnet, lines=lines)


def test_page_needs_nothing_from_outside(page: str) -> None:
    elements = Elements(page)
    sources = [attrs["src"] for _, attrs in elements.tags if "src" in attrs]
    assert len(sources) > 10
    assert all(source is not None and source.startswith("data:image/") for source in sources)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in elements.tags}
    assert not re.search(r"https?://|url\(|@import", page)


def test_every_benchmark_with_chance_and_scores(page: str) -> None:
    scores = section(page, "scores")
    bodies = [re.sub(r"<[^>]+>|\s+", " ", body).split() for body in scores.split("<tbody>")[1:]]
    # Name, readout, four EMA scores, four raw scores, chance, objects, classes, empty classes.
    assert bodies[0][:14] == ["Objaverse-LVIS", "point", *["62.5", "100.0", "100.0", "58.3"] * 2, "25.0", "8", "4", "0"]
    assert bodies[1][:10] == ["ModelNet40", "point", *["66.7", "100.0", "100.0", "66.7"] * 2]
    assert bodies[1][10:14] == ["33.3", "3", "3", "0"]


def test_best_readout_is_tinted(page: str) -> None:
    rows = [row for row in section(page, "scores").split("<tr>") if 'class="left">' in row and "%" not in row]
    tinted = [re.search(r'<td class="left">(\w+)</td>', row)[1] for row in rows if "best" in row]  # type: ignore[index]
    assert tinted == ["joint_mv", "joint_mv"]


def test_header_says_what_was_run(page: str) -> None:
    header = Elements(page.split("</header>")[0]).text
    for words in ("MixCon3D", "try", "scaling 0", "training on 7 objects for 3 of", "step 21", "c0ffee", "of the test"):
        assert words in header


def test_names_from_data_are_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>&\""
    result = make_result(class_names=[evil, *NAMES[1:]], uid='"><img src=x onerror=alert(1)>')
    elements = Elements(page_of(tmp_path, result, trial_name="<script>trial</script>"))
    assert "script" not in {tag for tag, _ in elements.tags}
    assert not any("onerror" in attrs for _, attrs in elements.tags)
    assert evil in elements.text
    assert "<script>trial</script>" in elements.text


def test_names_from_data_do_not_break_the_figure(tmp_path: Path) -> None:
    page = page_of(tmp_path, make_result(class_names=["$\\frac$", "a\x07<b>-->", *NAMES[2:]]))
    encoded = re.search(r"svg\+xml;base64,([^\"]+)", section(page, "confusion"))
    assert encoded
    assert ElementTree.fromstring(base64.b64decode(encoded[1])).tag.endswith("svg")


@pytest.mark.parametrize(
    ("tower", "is_random"), [(None, False), (make_tower(), False), (make_tower(is_random=True), True)]
)
def test_random_tower_is_said_plainly(tmp_path: Path, tower: Any, is_random: bool) -> None:
    text = " ".join(Elements(page_of(tmp_path, make_result(), tower=tower)).text.split())
    assert ("The frozen tower is not a pretrained CLIP." in text) == is_random


def test_training_curves_and_zero_shot_curve(page: str, tmp_path: Path) -> None:
    assert section(page, "curves").count("<figure>") == 4
    result = make_result()
    several = page_of(
        tmp_path, result, lines=[train_line(1), eval_line(1, result), train_line(2), eval_line(2, result)]
    )
    assert section(several, "curves").count("<figure>") == 5
    assert "Zero-shot top-1 during training" in section(several, "curves")


def test_evaluation_only_has_no_curves_and_says_so(tmp_path: Path) -> None:
    result = make_result()
    page = page_of(tmp_path, result, lines=[eval_line(2, result)], num_train_objects=None)
    assert "<img" not in section(page, "curves")
    assert "only evaluated a checkpoint" in section(page, "curves")
    assert "evaluation of a checkpoint" in page


def test_same_input_same_bytes(tmp_path: Path) -> None:
    lines = [train_line(1)]
    first, second = (page_of(tmp_path / folder / "run", make_result(), lines=lines) for folder in "ab")
    assert first == second


def test_wrong_predictions_are_marked_wrong(page: str) -> None:
    for i, (uid, card) in enumerate(sorted(cards(page).items())):
        assert uid == f"uid{i}"
        point, joint = re.findall(r'class="guess"><span class="(yes|no)"', card)
        assert point == ("yes" if POINT_TOP1[i] == LABELS[i] else "no")
        assert card.startswith("card right") == (point == "yes")
        assert joint == "yes"
    assert "</span> sofa" in cards(page)["uid1"]
    assert "(true class: no. 3)" in cards(page)["uid1"]


def test_confusion_matrix_of_few_classes_with_pairs_beside(page: str) -> None:
    confusion = section(page, "confusion")
    assert 'src="data:image/svg+xml' in confusion
    assert re.sub(r"<[^>]+>|\s+", " ", confusion.split("<tbody>")[1]).split()[:7] == [
        "chair",
        "sofa",
        "2",
        "of",
        "3",
        "67",
        "%",
    ]


def test_many_classes_give_pairs_instead_of_a_matrix(tmp_path: Path) -> None:
    names = [f"class{i}" for i in range(121)]
    labels = np.arange(121)
    result = make_result(class_names=names, labels=labels, top1=(labels + 1) % 121)
    confusion = section(page_of(tmp_path, result), "confusion")
    assert "<img" not in confusion
    assert confusion.count("<tr>") == 1 + 25


def test_nothing_confused(tmp_path: Path) -> None:
    page = page_of(tmp_path, make_result(top1=LABELS))
    assert "No object was taken for another class." in page
    assert 'class="guess"><span class="no"' not in page


def test_stored_view_is_the_picture(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), (250, 10, 20)).save(buffer, "PNG")
    shown = cards(page_of(tmp_path, make_result(views=[buffer.getvalue()])))["uid0"]
    encoded = re.search(r"base64,([^\"]+)", shown)
    assert encoded
    image = Image.open(io.BytesIO(base64.b64decode(encoded[1]))).convert("RGB")
    assert image.size == (128, 64)
    assert np.abs(np.asarray(image).astype(int) - (250, 10, 20)).max() <= 8


def test_neighbours_of_class_names(page: str) -> None:
    queries = section(page, "neighbours").split('<div class="query">')[1:]
    assert [re.search("“(.*)”", query)[1] for query in queries] == NAMES  # type: ignore[index]
    for query, num_right in zip(queries, np.bincount(LABELS), strict=True):
        hits = re.findall(r'class="hit( right)?"', query)
        assert hits == [" right"] * num_right + [""] * (6 - num_right)
        assert f"{num_right} of 6 right" in query


def test_attribute_queries_need_a_tower(page: str, tmp_path: Path) -> None:
    assert "a red chair" not in page
    queries = section(page_of(tmp_path, make_result(), tower=make_tower()), "neighbours").split('class="query"')
    red = next(query for query in queries if "a red chair" in query)
    assert "3 of 6 right" in red


def test_failure_is_logged_and_keeps_the_old_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(index: int) -> LabelledObject:
        raise OSError(f"object {index} is gone")

    # A run in the same process cuts the project's logger off from the root, where caplog listens.
    monkeypatch.setattr(logging.getLogger("mixcon3d"), "propagate", True)
    (tmp_path / "report.html").write_text("old")
    result = make_result()
    result.benchmark.dataset.read = read
    assert write(tmp_path, result) is None
    assert "is gone" in caplog.text
    assert (tmp_path / "report.html").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "report.html"]

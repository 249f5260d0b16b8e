import logging
import re

import numpy as np
import pytest

from helpers import small_config
from mixcon3d.data.neighbours import NeighbourGroups, build_groups, read_neighbours, write_neighbours
from mixcon3d.errors import DataError
from openshape_files import write_object

IDS = ["a", "b", "c", "d", "e"]
NAME, INDEX = IDS, {"a": np.array([0, 3, 1, 4]), "b": np.array([1, 0]), "d": np.array([3, 2, 0, 1])}


def section(folder, content=None, **settings):
    if content is not None:
        write_object(folder / "meta_data" / "point_feat_knn.npy", content)
    config = small_config(dataset__folder=str(folder), dataset__use_knn_negative_sample=True).dataset
    for key, value in settings.items():
        setattr(config, key, value)
    return config


def table(rows: list[list[int]]) -> np.ndarray:
    filled = np.full((len(rows), max(len(row) for row in rows)), -1, np.int32)
    for i, row in enumerate(rows):
        filled[i, : len(row)] = row
    return filled


def form(rows, seeds, size, seed=0):
    return NeighbourGroups(table(rows), size).form(np.array(seeds), np.random.default_rng(seed)).tolist()


def test_neighbours_are_positions_in_the_split_without_the_object_itself(tmp_path):
    read = read_neighbours(section(tmp_path, {"name": NAME, "index": INDEX}), IDS)
    assert read.dtype == np.int32
    assert read.tolist() == [[3, 1, 4, -1], [0, -1, -1, -1], [-1] * 4, [2, 0, 1, -1], [-1] * 4]


def test_neighbours_outside_the_split_are_passed_over_and_positions_follow_the_split(tmp_path):
    read = read_neighbours(section(tmp_path, {"name": NAME, "index": INDEX}), ["d", "x", "a", "e"])
    assert read.tolist() == [[2, -1, -1, -1], [-1] * 4, [0, 3, -1, -1], [-1] * 4]


def test_an_object_without_itself_in_front_keeps_all_its_neighbours(tmp_path):
    content = {"name": tuple(IDS), "index": {"a": [], "b": [0, 2], "c": np.array([3, 2], np.uint8)}}
    assert read_neighbours(section(tmp_path, content), IDS)[:3].tolist() == [[-1, -1], [0, 2], [3, -1]]


def test_many_objects_are_read_in_parts_as_in_one(tmp_path, monkeypatch):
    config = section(tmp_path, {"name": NAME, "index": INDEX})
    whole = read_neighbours(config, IDS)
    monkeypatch.setattr("mixcon3d.data.neighbours._CHUNK", 2)
    np.testing.assert_array_equal(read_neighbours(config, IDS), whole)


def test_what_is_written_is_what_is_read(tmp_path):
    with (tmp_path / "knn.npy").open("wb") as file:
        write_neighbours(file, IDS[:3], np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0]], np.int32))
    read = read_neighbours(section(tmp_path, knn_path="knn.npy"), IDS[:3])
    assert read[:, :2].tolist() == [[2, 1], [0, 2], [1, 0]]
    content = np.load(tmp_path / "knn.npy", allow_pickle=True).item()
    assert content["name"] == IDS[:3]
    assert content["index"]["b"].tolist() == [1, 0, 2]


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(DataError, match="dataset.knn_path: no such file: .*python src/tools/make_point_knn.py"):
        read_neighbours(section(tmp_path), IDS)


EXPECTED = 'expected a pickled dict {"name": [id], "index": {id: array, itself first}}'
WRONG = {
    "an array": (np.zeros(3), EXPECTED),
    "no index": ({"name": IDS}, EXPECTED),
    "an index by position": ({"name": IDS, "index": [[0]]}, EXPECTED),
    "a name for all": ({"name": "abc", "index": INDEX}, EXPECTED),
    "a position too high": ({"name": IDS, "index": {**INDEX, "b": [1, 5]}}, "index['b'] holds 5, but name has 5"),
    "a negative position": ({"name": IDS, "index": {"a": [-1]}}, "index['a'] holds -1, but name has 5 entries"),
    "fractions": ({"name": IDS, "index": {"a": [0.0, 1.0]}}, "index holds float64"),
    "ids for positions": ({"name": IDS, "index": {"a": ["b"]}}, "is an array of positions in name"),
    "one number": ({"name": IDS, "index": {"a": 1}}, "is an array of positions in name"),
    "a matrix": ({"name": IDS, "index": {"a": np.zeros((2, 2), int)}}, "is an array of positions in name"),
    "other objects": ({"name": ["x", "y"], "index": {"x": [0, 1]}}, "no neighbours of the 5 objects of meta_data"),
    "only itself": ({"name": IDS, "index": {"a": [0]}}, "holds no neighbours of the 5 objects"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_not_as_documented_is_one_line_with_its_path(tmp_path, kind):
    content, message = WRONG[kind]
    with pytest.raises(DataError, match=re.escape(message)) as error:
        read_neighbours(section(tmp_path, content), IDS)
    assert "point_feat_knn.npy" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_names_code_is_refused(tmp_path):
    with pytest.raises(DataError, match="refused the global"):
        read_neighbours(section(tmp_path, {"name": IDS, "index": re.compile}), IDS)


def test_a_seed_stands_before_its_nearest_neighbours():
    rows = [[1, 2, 3], [0, 2, 3], [3], [2], [5, 6, 7], [4], [4], [4]]
    assert form(rows, [0, 4], 3) == [[0, 1, 2], [4, 5, 6]]


def test_what_is_in_the_batch_already_is_passed_over():
    # 3 is a seed itself, 1 the neighbour of an earlier seed.
    rows = [[1, 3, 2], [], [], [1, 0, 4], [], []]
    assert form(rows, [0, 3], 2) == [[0, 1], [3, 4]]
    assert form(rows, [0, 3], 3)[0] == [0, 1, 2]


def test_a_neighbour_named_twice_comes_once():
    assert form([[1, 1, 2], [], [], []], [0], 3) == [[0, 1, 2]]


def test_groups_are_filled_by_others_at_random_after_all_seeds_have_their_neighbours():
    rows = [[], [8], [], [], [], [], [], [], [], []]
    draws = [form(rows, [0, 1], 3, seed) for seed in range(20)]
    assert draws[0] == form(rows, [0, 1], 3, seed=0)
    assert all((group[0], other[:2]) == (0, [1, 8]) for group, other in draws)
    assert all(len({*group, *other}) == 6 for group, other in draws)
    filled = {i for group, other in draws for i in [*group[1:], other[2]]}
    assert filled == {2, 3, 4, 5, 6, 7, 9}


def test_a_batch_can_be_the_whole_data_set():
    ((*first,), (*second,)) = form([[1], [0], [], []], [2, 0], 2)
    assert (second, first) == ([0, 1], [2, 3])


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({"use_knn_negative_sample": True, "negative_sample_num": 1}, "so the batches are plain"),
        ({"use_knn_negative_sample": False, "negative_sample_num": 4}, "negative_sample_num=4 without"),
        ({"use_knn_negative_sample": False, "negative_sample_num": 1}, ""),
    ],
)
def test_without_groups_of_several_no_file_is_needed_and_one_warning_says_so(
    tmp_path, caplog, monkeypatch, settings, warning
):
    monkeypatch.setattr(logging.getLogger("mixcon3d"), "propagate", True)
    assert build_groups(section(tmp_path, **settings), IDS) is None
    warnings = {record.getMessage() for record in caplog.records}
    assert len(warnings) == bool(warning)
    assert all(warning in message for message in warnings)

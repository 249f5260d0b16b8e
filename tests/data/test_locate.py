import pytest

from mixcon3d.data.locate import ObjectLocator, find_metadata, read_split
from mixcon3d.errors import DataError
from openshape_files import write_json

PUBLISHED = "/mnt/data/objaverse-processed/merged_for_training_final/Objaverse/000-041/x.npy"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("stored", "data_path"),
    [
        ("Objaverse/000-041/x.npy", PUBLISHED),
        ("data/objaverse-processed/merged_for_training_final/Objaverse/000-041/x.npy", PUBLISHED),
        ("ABO/y.npy", "/mnt/data/objaverse-processed/merged_for_training_final/ABO/y.npy"),
        ("3D-FUTURE/z.npy", "/mnt/elsewhere/3D-FUTURE/z.npy"),
        ("mine/w.npy", "mine/w.npy"),
    ],
)
def test_objects_are_found_by_the_tail_of_their_path_or_as_unpacked(tmp_path, stored, data_path):
    path = touch(tmp_path / stored)
    assert ObjectLocator([data_path], str(tmp_path), tmp_path / "split.json")(data_path) == path


def test_the_rule_of_the_original_code_works_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # It replaced the letters `mnt` by the folder, which users therefore gave without the leading slash.
    folder = str(tmp_path).lstrip("/")
    path = touch(tmp_path / "data" / "objaverse-processed" / "x.npy")
    (tmp_path / folder).mkdir(parents=True)
    assert (
        ObjectLocator(["/mnt/data/objaverse-processed/x.npy"], folder, path)("/mnt/data/objaverse-processed/x.npy")
        == path
    )


def test_one_missing_object_does_not_change_the_layout(tmp_path):
    touch(tmp_path / "Objaverse" / "000-041" / "x.npy")
    missing = PUBLISHED.replace("x.npy", "gone.npy")
    assert (
        ObjectLocator([missing, PUBLISHED], str(tmp_path), tmp_path)(missing) == tmp_path / "Objaverse/000-041/gone.npy"
    )


def test_a_wrong_folder_is_told_with_both_paths(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        ObjectLocator([PUBLISHED], str(tmp_path / "nothing"), tmp_path)
    with pytest.raises(DataError) as error:
        ObjectLocator([PUBLISHED], str(tmp_path), tmp_path / "split.json")
    assert PUBLISHED in str(error.value)
    assert str(tmp_path / "Objaverse/000-041/x.npy") in str(error.value)


def test_metadata_is_looked_for_beside_the_data_and_then_here(tmp_path, monkeypatch):
    here, data = tmp_path / "here", tmp_path / "data"
    monkeypatch.chdir(touch(here / "meta_data" / "a.json").parents[1])
    assert find_metadata("meta_data/a.json", str(data), "key").resolve() == here / "meta_data" / "a.json"
    beside = touch(data / "meta_data" / "a.json")
    assert find_metadata("meta_data/a.json", str(data), "key") == beside
    with pytest.raises(DataError, match=r"dataset.train_split: no such file: .*data/b.json nor b.json"):
        find_metadata("b.json", str(data), "dataset.train_split")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "lists no object"),
        ({"a": 1}, "found a dict"),
        ([{"id": 1}], "entry 0 lacks data_path"),
        ([3], "entry 0 lacks id, data_path"),
    ],
)
def test_a_wrong_split_is_told_by_file_and_entry(tmp_path, content, message):
    path = write_json(tmp_path / "split.json", content)
    with pytest.raises(DataError, match=message):
        read_split(path, ("id", "data_path"))


def test_a_damaged_split_is_told_with_the_place(tmp_path):
    path = tmp_path / "split.json"
    path.write_text('[{"id": 1},')
    with pytest.raises(DataError, match=r"split.json: not a JSON file: .*line 1"):
        read_split(path, ("id",))

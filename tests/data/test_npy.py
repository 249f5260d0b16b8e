import os
import pickle
import subprocess

import numpy as np
import pytest

from mixcon3d.data.npy import read_npy
from mixcon3d.errors import DataError


class Malicious:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def test_a_dict_of_arrays_and_plain_values_is_read(tmp_path):
    content = {
        "array": np.arange(6, dtype=np.float16).reshape(2, 3),
        "object array": np.array(["a", None], dtype=object),
        "scalar": np.float64(3.5),
        "dtype": np.dtype("int8"),
        "text": "ä",
        "bytes": b"\x00\xff",
        "nested": [{"x": (1, 2.5, True, {1, 2})}],
    }
    np.save(tmp_path / "x.npy", content, allow_pickle=True)
    read = read_npy(tmp_path / "x.npy")
    np.testing.assert_array_equal(read.pop("array"), content.pop("array"))
    assert read.pop("object array").tolist() == content.pop("object array").tolist()
    assert read == content


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_pickle_protocol_is_read(tmp_path, protocol):
    header = np.lib.format.header_data_from_array_1_0(np.array({}, dtype=object))
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(np.array({"x": np.arange(3.0)}, dtype=object), file, protocol=protocol)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy")["x"], [0, 1, 2])


def test_files_written_by_numpy_1_are_read(tmp_path):
    header = np.lib.format.header_data_from_array_1_0(np.array({}, dtype=object))
    content = pickle.dumps(np.array({"x": np.arange(3.0)}, dtype=object), protocol=2)
    assert b"numpy._core" in content
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(content.replace(b"numpy._core", b"numpy.core"))
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy")["x"], [0, 1, 2])


def test_an_array_without_objects_is_read(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3))
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), np.eye(3))


@pytest.mark.parametrize(
    ("function", "arguments", "refused"),
    [
        (os.system, ("touch {marker}",), "posix.system"),
        (subprocess.check_call, (["touch", "{marker}"],), "subprocess.check_call"),
        (eval, ("open('{marker}', 'w')",), "builtins.eval"),
        (np.load, ("{marker}",), "numpy.load"),
    ],
)
def test_a_malicious_file_is_refused_by_name_and_runs_nothing(tmp_path, function, arguments, refused):
    marker = str(tmp_path / "marker")
    filled = [
        [w.format(marker=marker) for w in a] if isinstance(a, list) else a.format(marker=marker) for a in arguments
    ]
    np.save(tmp_path / "x.npy", {"xyz": Malicious(function, *filled)}, allow_pickle=True)
    with pytest.raises(DataError, match=refused) as error:
        read_npy(tmp_path / "x.npy")
    assert str(tmp_path / "x.npy") in str(error.value)
    assert not (tmp_path / "marker").exists()


def test_a_codec_other_than_latin1_is_refused(tmp_path):
    import _codecs

    np.save(tmp_path / "x.npy", {"x": Malicious(_codecs.encode, "a", "rot13")}, allow_pickle=True)
    with pytest.raises(DataError, match="refused the encoding 'rot13'"):
        read_npy(tmp_path / "x.npy")


@pytest.mark.parametrize("length", [0, 3, 60, 200, -1])
def test_a_truncated_file_is_one_line_with_its_path(tmp_path, length):
    path = tmp_path / "x.npy"
    np.save(path, {"xyz": np.zeros((50, 3))}, allow_pickle=True)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="x.npy: ") as error:
        read_npy(path)
    assert "\n" not in str(error.value)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_npy(tmp_path / "x.npy")
    (tmp_path / "y.npy").write_text("<html>404</html>")
    with pytest.raises(DataError, match="y.npy: "):
        read_npy(tmp_path / "y.npy")

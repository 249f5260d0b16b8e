"""Reading .npy files of unknown origin: arrays, numbers, texts and builtin containers, never code."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from mixcon3d.errors import DataError


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """What `_codecs.encode` does in pickles of protocol 2, which store bytes as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused the encoding {encoding!r}")
    return text.encode("latin1")


_ARRAY_GLOBALS = {
    "multiarray": {"_reconstruct": multiarray._reconstruct, "scalar": multiarray.scalar},
    "numeric": {"_frombuffer": numeric._frombuffer},  # type: ignore[attr-defined]
}
_BUILTINS = (set, frozenset, bytearray, complex, slice, range)
# The globals that pickles of numpy arrays, scalars and builtin containers name: under numpy 1 and 2, Python 2 and 3.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1_bytes,
    **{
        (f"numpy.{core}.{module}", name): value
        for core in ("core", "_core")
        for module, values in _ARRAY_GLOBALS.items()
        for name, value in values.items()
    },
    **{(module, c.__name__): c for module in ("builtins", "__builtin__") for c in _BUILTINS},
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"refused the global `{module}.{name}`: only arrays and plain values are read"
            ) from None


def read_npy(path: Path) -> Any:
    """Content of a .npy file: an array, or the object that a pickled 0-d object array holds.

    Raises:
        DataError: if the file is missing, truncated, no .npy file, or names any global but those of numpy arrays; the
            message holds the path and the reason.
    """
    try:
        return _parse_npy(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    # A damaged pickle can raise nearly anything; all of it means that the file cannot be used.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: {reason}") from None


def _parse_npy(content: bytes) -> Any:
    if not content:
        raise ValueError("the file is empty")
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(
        version
    )
    if read_header is None:
        raise ValueError(f"unknown .npy version {version}")
    _, _, dtype = read_header(stream)
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    array = _RestrictedUnpickler(stream).load()
    if not isinstance(array, np.ndarray):
        raise ValueError(f"the pickle holds a {type(array).__name__}, not an array")
    return array.item() if array.shape == () else array

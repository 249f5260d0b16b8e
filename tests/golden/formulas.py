"""Regenerates every input of the golden files with numpy alone (exact: integer hashing, no sin/cos, no RNG state)."""

import numpy as np


def u01(stream, n):
    """n numbers in [0,1), multiples of 2**-24 (exact in float32). stream: int >= 0. splitmix64 finaliser."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream) * np.uint64(
            0xD1B54A32D192ED03
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def pm1(stream, shape, dtype=np.float32):
    """uniform in [-1,1): 2u-1, row-major"""
    return (2 * u01(stream, int(np.prod(shape))) - 1).reshape(shape).astype(dtype)


def fill_value(key, shape, k):
    """the value of parameter/buffer `key` whose place in sorted(state_dict) is k (from 0)"""
    n = int(np.prod(shape)) if len(shape) else 1
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    u = u01(k, n)
    if key.endswith("running_var"):
        v = 0.5 + u
    elif key.endswith("running_mean"):
        v = 0.1 * (2 * u - 1)
    elif key.endswith("cls_token"):
        v = 2 * u - 1
    elif key.endswith("logit_scale"):
        v = np.full(n, np.log(14.28))
    elif len(shape) >= 2:  # Linear / Conv weights: variance 1/fan_in
        v = (2 * u - 1) * np.sqrt(3.0 / np.prod(shape[1:]))
    elif key.endswith(".bias"):
        v = 0.1 * (2 * u - 1)
    elif "mlp_bns" in key:  # BatchNorm gamma: about one in five is negative
        v = 1.5 * u - 0.3
    else:  # LayerNorm gamma
        v = 0.8 + 0.4 * u
    return v.reshape(shape).astype(np.float32)


def fill_all(shapes):
    """shapes: dict key -> shape; returns dict key -> array"""
    return {key: fill_value(key, tuple(shapes[key]), k) for k, key in enumerate(sorted(shapes))}


def clouds(n=2048):
    """two clouds (2,n,3) float32 and colours (2,n,3) float32; see README"""
    e = np.array([0.8, 0.5, 0.3])
    a = (2 * u01(2091, n * 3).reshape(n, 3) - 1) * e  # cloud 0: surface of a box
    axis = np.floor(3 * u01(2092, n)).astype(int)
    side = np.where(u01(2093, n) < 0.5, -1.0, 1.0)
    a[np.arange(n), axis] = side * e[axis]
    b = 2 * u01(2094, n * 3).reshape(n, 3) - 1  # cloud 1: dense core, sparse halo, repeats of point 0
    b *= np.where(np.arange(n)[:, None] < n // 2, 0.25, 1.0)
    b[n // 2 : n // 2 + n // 8] = b[0]  # what point dropout does
    rgb = u01(2095, 2 * n * 3).reshape(2, n, 3)
    return np.stack([a, b]).astype(np.float32), rgb.astype(np.float32)

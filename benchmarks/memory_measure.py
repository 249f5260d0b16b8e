"""Peak memory of one piece of work, in a process of its own."""

import ctypes
import gc
import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile

from memory_workloads import LossCase, StepCase, prepare_loss, prepare_step
from mixcon3d.torchvision_mend import mend_torchvision

Result = TypeVar("Result")

# glibc's names in malloc.h. Blocks from this size on are mapped one by one and go back to the system when they are
# freed; by default glibc keeps and cuts up what was freed, and the resident set is that of its past.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _THRESHOLD_BYTES = -1, -3, 1 << 16


def in_own_process(threads: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """The function's result from a fresh process, so that no point inherits the memory of those before it."""
    # Forked, for the imports, also those that the package leaves for later; nothing here computes before that.
    mend_torchvision()
    import timm.utils  # noqa: F401

    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(_run, threads, function, arguments).result()


def _run(threads: int, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    torch.set_num_threads(threads)
    with suppress(OSError, AttributeError):
        allocator = ctypes.CDLL("libc.so.6")
        allocator.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
        allocator.mallopt(_M_TRIM_THRESHOLD, _THRESHOLD_BYTES)
    return function(*arguments)


def measure(case: StepCase | LossCase) -> dict[str, int | None]:
    """Bytes that the work held at its peak beyond what was there before it.

    Returns:
        peak: of torch's allocator; resident: by how much the process's resident set rose, None on a GPU.
    """
    work = prepare_step(case) if isinstance(case, StepCase) else prepare_loss(case)
    gc.collect()
    return _measure_gpu(work) if torch.device(case.device).type == "cuda" else _measure_cpu(work)


def _measure_gpu(work: Callable[[], object]) -> dict[str, int | None]:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = work()  # noqa: F841  # it is part of the peak
    torch.cuda.synchronize()
    return {"peak": torch.cuda.max_memory_allocated() - before, "resident": None}


def _measure_cpu(work: Callable[[], object]) -> dict[str, int | None]:
    with _recording():
        pass  # so that the profiler's own memory is there before
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = _resident_bytes()
    with _recording() as recorded:
        result = work()  # noqa: F841
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    events = _flat(recorded.profiler.kineto_results.experimental_event_tree())
    # Every allocation and release of a tensor's storage on the CPU, with the sum that is held then.
    held = [event.extra_fields.total_allocated for event in events if event.tag == _EventType.Allocation]
    return {"peak": max(held), "resident": highest - before}


@contextmanager
def _recording() -> Iterator[profile]:
    """Records allocations; without the lines that the profiler's library sends to the terminal at each start."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
            yield recorded
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _flat(events: Any) -> Iterator[Any]:
    for event in events:
        yield event
        yield from _flat(event.children)


def _resident_bytes() -> int:
    """The resident set now; it becomes the high-water mark too where the system allows that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()

"""SIGTERM and SIGUSR1: what batch systems send before they kill a job."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mixcon3d.errors import StoppedBySignal

# Of a run that a signal ended and that can go on: sysexits' EX_TEMPFAIL, "try again".
EXIT_STATUS = 75
_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
_STOPPED = "stopped; --resume or --autoresume goes on from the last checkpoint"


class StopSignal:
    """Within a `with` block, SIGTERM and SIGUSR1 raise StoppedBySignal, or are only noted while `deferred`."""

    def __init__(self) -> None:
        self.name: str | None = None
        self._is_deferred = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        # Python lets only the main thread set handlers.
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            # Batch systems repeat their signals: a second one must not replace the exit status of the first.
            signal.signal(number, signal.SIG_IGN if self.requested else handler)

    @property
    def requested(self) -> bool:
        """True once a signal came."""
        return self.name is not None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Signals are noted in `name`; the caller asks for `requested` where it can stop, or stops at the end."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        if self.name:
            raise StoppedBySignal(f"{self.name}: {_STOPPED}")

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        if not self._is_deferred:
            raise StoppedBySignal(f"{self.name}: {_STOPPED}")


def outlive_stop_signals() -> None:
    """For loader processes: a batch system signals them too, but only the process that started them may end them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.Thread(target=_end_with_sigterm_of_parent, daemon=True).start()


def _end_with_sigterm_of_parent() -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)


def ignore_stop_signals() -> None:
    """For the last moments of a process whose exit status is settled."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)

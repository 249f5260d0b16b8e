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
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """True once a signal came."""
        return self.name is not None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Signals are noted in `name`; the caller asks for `requested` where it can stop."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        if not self._is_deferred:
            raise StoppedBySignal(f"{self.name}: stopped; --resume or --autoresume goes on from the last checkpoint")


def outlive_stop_signals() -> None:
    """For loader processes: a batch system signals them too, but only the process that started them may end them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.Thread(target=_end_with_sigterm_of_parent, daemon=True).start()


def _end_with_sigterm_of_parent() -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)

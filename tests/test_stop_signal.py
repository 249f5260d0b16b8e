import os
import signal

import pytest

from mixcon3d.errors import StoppedBySignal
from mixcon3d.stop_signal import StopSignal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_block_at_once(number):
    went_on = False
    with pytest.raises(StoppedBySignal, match=number.name), StopSignal():  # noqa: PT012
        os.kill(os.getpid(), number)
        went_on = True
    assert not went_on


def test_a_deferred_signal_is_noted():
    with StopSignal() as stop:
        with stop.deferred():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert stop.requested
            assert stop.name == "SIGUSR1"
        with pytest.raises(StoppedBySignal):
            os.kill(os.getpid(), signal.SIGTERM)


def test_afterwards_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mixcon3d.errors import StoppedBySignal
from mixcon3d.stop_signal import StopSignal


@pytest.fixture(autouse=True)
def _handlers_of_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_block_at_once(number):
    went_on = False
    with pytest.raises(StoppedBySignal, match=number.name), StopSignal():  # noqa: PT012
        os.kill(os.getpid(), number)
        went_on = True
    assert not went_on


def test_a_deferred_signal_is_noted_and_ends_the_block_at_its_end():
    noted = []
    with StopSignal() as stop, pytest.raises(StoppedBySignal, match="SIGUSR1"), stop.deferred():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGUSR1)
        noted.append(stop.name)
    assert noted == ["SIGUSR1"]


def test_a_second_signal_does_not_end_a_process_that_is_leaving():
    with pytest.raises(StoppedBySignal), StopSignal():
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_afterwards_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


LOADER = """
import subprocess, sys
from mixcon3d.data.loaders import build_loader

loader = build_loader(list(range(8)), 1, list, batch_size=1)
batches = iter(loader)
print(next(batches))
(worker,) = [w.pid for w in batches._workers]
for name in ("TERM", "USR1"):
    subprocess.run(["kill", f"-{name}", str(worker)], check=True)
print(list(batches)[-1])
if "--unfinished" in sys.argv:
    batches = iter(loader)
    raise SystemExit(3)
"""


@pytest.mark.parametrize("arguments", [[], ["--unfinished"]])
def test_loader_processes_outlive_the_signals_and_end_with_their_parent(arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src")}
    command = [sys.executable, "-c", LOADER, *arguments]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert finished.stdout.split() == ["[0]", "[7]"], finished.stderr
    assert finished.returncode == (3 if arguments else 0)

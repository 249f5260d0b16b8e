"""Metrics in Weights & Biases. Whatever fails there is told in one warning; the run goes on.

wandb is imported only when something is sent or recorded.
"""

import configparser
import importlib.util
import logging
import netrc
import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mixcon3d.config import TrainingConfig
from mixcon3d.errors import ConfigError

log = logging.getLogger(__name__)

_Mode = Literal["online", "offline"]
_OFFLINE = ("offline", "dryrun")
# W&B's servers moved from the one to the other; entries of the first in netrc are still used for both.
_OLD_HOST, _HOST = "api.wandb.ai", "api.forge.coreweave.com"
# What a dead network may cost at the start and at the end. Calls of wandb keep to the limits by themselves, except when
# its helper process hangs: then the thread that waits is left behind after the margin.
_START_S, _LOG_S, _FINISH_S, _MARGIN_S = 30.0, 10.0, 30.0, 30.0


def wants_wandb(training: TrainingConfig) -> bool:
    """True if the run is to be sent to W&B or recorded for it."""
    if _is_asked_for(training):
        return training.wandb_mode is not None or os.environ.get("WANDB_MODE") != "disabled"
    is_off = "auto" not in training.report_to or os.environ.get("WANDB_MODE") == "disabled"
    return not is_off and is_logged_in() and _is_installed()


def check_wandb(training: TrainingConfig) -> None:
    """Raises ConfigError if wandb is asked for by name but cannot be imported."""
    if _is_asked_for(training) and wants_wandb(training) and not _is_installed():
        raise ConfigError(
            f"training.report_to={training.report_to} asks for W&B, but wandb is not installed: "
            "pip install wandb, or leave it out with training.report_to=console,jsonl"
        )


def is_logged_in() -> bool:
    """True if wandb would find credentials on this machine: in the environment, or in netrc for its server."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(_base_url()).netloc or _HOST
    homes = [os.path.expanduser(name) for name in ("~/.netrc", "~/_netrc")]
    path = os.environ.get("NETRC") or next(filter(os.path.exists, homes), homes[0])
    try:
        known = netrc.netrc(os.path.expanduser(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return False
    return host in known or (host == _HOST and _OLD_HOST in known)


def _is_asked_for(training: TrainingConfig) -> bool:
    """By name, or by a mode where W&B may be used."""
    return "wandb" in training.report_to or ("auto" in training.report_to and training.wandb_mode is not None)


def _is_installed() -> bool:
    try:
        spec = importlib.util.find_spec("wandb")
    except ValueError:  # a module that was made by hand
        return True
    # A folder named wandb, such as its older runs leave, is a package too, but without a file.
    return spec is not None and spec.origin is not None


def _base_url() -> str:
    if url := os.environ.get("WANDB_BASE_URL"):
        return url
    settings = configparser.ConfigParser(interpolation=None)
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    with suppress(configparser.Error, OSError, UnicodeDecodeError):
        settings.read(Path(os.path.expanduser(folder)) / "settings")
    return settings.get("default", "base_url", fallback="")


class WandbError(Exception):
    """A call of wandb that failed or took too long."""


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """call(), for at most so many seconds.

    Raises:
        WandbError: instead of whatever it raises, exits included, or when the time is over.
    """
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((call(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, name="wandb call", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise WandbError(f"no answer within {seconds:.0f} s")
    value, error = outcome[0]
    if error is not None:
        reason = " ".join(str(error).split())[:200]
        raise WandbError(f"{type(error).__name__}: {reason}" if reason else type(error).__name__)
    return value


class WandbSink:
    """A run in W&B for the time of a `with` block; nothing where it cannot be started.

    Args:
        mode: online or offline; None: as WANDB_MODE says, else online. Without credentials or network: offline.
        run_id: of the run to continue; None: of a new one. WANDB_RUN_ID overrides it.
        project, name, config: of the run.
        folder: in which wandb keeps its files.
    """

    def __init__(
        self, mode: str | None, run_id: str | None, project: str, name: str, config: dict[str, Any], folder: Path
    ) -> None:
        self.is_offline = (mode or os.environ.get("WANDB_MODE")) in _OFFLINE
        self.run_id = os.environ.get("WANDB_RUN_ID") or run_id or uuid.uuid4().hex[:12]
        self.project, self.name, self.config, self.folder = project, name, config, folder
        self._run: Any = None
        self._url = self._place = ""
        self._has_failed = False

    @property
    def is_running(self) -> bool:
        """True if there is a run to write to."""
        return self._run is not None

    def __enter__(self) -> "WandbSink":
        # On a network that swallows its packets, wandb's reports of its own errors hold the process back for 20 s at
        # its end.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        problem = ""
        try:
            if not self.is_offline:
                problem = self._go_online()
            if problem or self.is_offline:
                self._start("offline")
                level = logging.WARNING if problem else logging.INFO
                log.log(level, "W&B%s: recorded offline; `wandb sync %s` uploads it", problem, self._place)
        except WandbError as error:
            self._fail(str(error))
        return self

    def write(self, metrics: dict[str, float]) -> None:
        """Sends or records the metrics; returns at once."""
        if self.is_running and not self._has_failed:
            # Without `step=`: wandb refuses a step that it had, such as those a restart repeats.
            self._try(_LOG_S, lambda: self._run.log(dict(metrics)))

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        if self.is_running:
            exit_code = 0 if error_type is None else 1
            self._try(_FINISH_S + _MARGIN_S, lambda: self._finish(exit_code))
            self._run = None
            _kill_helper()

    def _go_online(self) -> str:
        """Starts a run that is sent, or says why not."""
        # wandb would ask for a key on the terminal, and wait for it.
        if not is_logged_in():
            return " (this machine is not logged in to it: `wandb login`)"
        try:
            self._start("online")
        except WandbError as error:
            return f" ({error})"
        log.info("W&B: %s", self._url)
        return ""

    def _start(self, mode: _Mode) -> None:
        try:
            self._run, self._url, self._place = _within(_START_S + _MARGIN_S, lambda: self._init(mode))
        except WandbError:
            # Its helper process would take the same id a second time for a mistake.
            with suppress(WandbError):
                _within(_MARGIN_S, _tear_down)
            _kill_helper()
            raise

    def _init(self, mode: _Mode) -> tuple[Any, str, str]:
        import wandb

        settings = wandb.Settings(
            silent=True, console="off", reinit="create_new", stop_on_fatal_error=False,
            init_timeout=_START_S, finish_timeout=_FINISH_S, finish_timeout_raises=True,
        )  # fmt: skip
        wandb.setup(settings)  # what it says before there is a run follows these settings, not those of init
        run = wandb.init(
            project=self.project, name=self.name, config=self.config, dir=str(self.folder), id=self.run_id,
            resume="allow" if mode == "online" else None, mode=mode, settings=settings,
        )  # fmt: skip
        run.define_metric("*", step_metric="train/step")
        return run, str(run.url), str(run.sync_dir)

    def _finish(self, exit_code: int) -> None:
        try:
            self._run.finish(exit_code=exit_code)
        finally:
            _tear_down()

    def _try(self, seconds: float, call: Callable[[], Any]) -> None:
        try:
            _within(seconds, call)
        except WandbError as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            rest = f"; `wandb sync --include-online {self._place}` uploads what it has" if self._place else ""
            log.warning("W&B failed (%s), which does not touch the run%s", reason, rest)


def _tear_down() -> None:
    """Ends wandb's helper process."""
    import wandb

    wandb.teardown()


def _kill_helper() -> None:
    """Ends it if it still runs, because it hangs: wandb would wait for it without end when Python exits."""
    # Not part of wandb's interface, hence any error; usually there is nothing left to kill.
    with suppress(Exception):
        from wandb.sdk import wandb_setup

        setup: Any = wandb_setup._singleton
        setup._connection._proc._process.kill()

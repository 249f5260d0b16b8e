"""The output folder of a run: its name, the resolved config, the code, the log."""

import fcntl
import itertools
import logging
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from omegaconf import OmegaConf

from mixcon3d.config import Config
from mixcon3d.config_loading import PROJECT_ROOT
from mixcon3d.errors import CheckpointError

log = logging.getLogger(__name__)

LATEST = "latest.pt"
# How long a run waits for the one before it, which may be saving after a signal, to leave their folder.
_LOCK_PATIENCE_S = 60.0


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's output."""

    root: Path
    checkpoints: Path

    @property
    def log(self) -> Path:
        """The log, the same lines as on the terminal."""
        return self.root / "log.txt"

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.root / "metrics.jsonl"

    @property
    def results(self) -> Path:
        """Scores of the latest evaluation."""
        return self.root / "results.json"

    @property
    def report(self) -> Path:
        """The page of pictures."""
        return self.root / "report.html"


def create_run_folder(config: Config) -> RunFolder:
    """A new folder <exp_dir>/<trial_name>@<time>, or the one of autoresume, with config.yaml and the code in it.

    Raises:
        CheckpointError: if --ckpt_dir or --code_dir already hold what this run would overwrite.
    """
    _refuse_used_folders(config)
    try:
        if config.autoresume and not config.eval_only:
            root = autoresume_root(config)
            root.mkdir(parents=True, exist_ok=True)
        else:
            root = _new_root(config)
        folder = RunFolder(root, Path(config.ckpt_dir) if config.ckpt_dir else root / "ckpt")
        if not config.eval_only:
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            if not (root / "ckpt").exists():
                # So that --resume latest finds them.
                (root / "ckpt").symlink_to(folder.checkpoints.resolve())
        # A restart of autoresume leaves the files of the first start as they are, and adds its own.
        OmegaConf.save(OmegaConf.structured(config), _unused(root / "config", ".yaml"))
        _save_code(_unused(Path(config.code_dir) if config.code_dir else root / "code"))
    except OSError as error:
        raise CheckpointError(f"the output folder cannot be written: {error}; set --exp_dir or --ckpt_dir") from None
    return folder


def _refuse_used_folders(config: Config) -> None:
    if config.autoresume:
        return
    if config.ckpt_dir and not config.eval_only and any(Path(config.ckpt_dir).glob("*.pt")):
        raise CheckpointError(f"--ckpt_dir {config.ckpt_dir} already holds checkpoints; choose another folder")
    if config.code_dir and Path(config.code_dir).exists():
        raise CheckpointError(f"--code_dir {config.code_dir} already exists; choose another folder")


def _unused(stem: Path, suffix: str = "") -> Path:
    """<stem><suffix>, or the first of <stem>_2<suffix>, <stem>_3<suffix>, ... that does not exist."""
    numbered = (
        f"{stem.name}{number}{suffix}" for number in itertools.chain([""], (f"_{i}" for i in itertools.count(2)))
    )
    return next(path for name in numbered if not (path := stem.with_name(name)).exists())


class FolderLock:
    """Keeps a folder of checkpoints for this process until the `with` block or the process ends, however it ends."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def acquire(self, folder: Path) -> None:
        """Waits for another process that holds it, which may be saving after a signal. Once is enough.

        Raises:
            CheckpointError: if that process does not leave.
        """
        if self._file:
            return
        self._file = (folder / ".lock").open("a")
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while not self._try():
            if time.monotonic() > deadline:
                raise CheckpointError(
                    f"{folder}: another process trains in this folder; end it, or give this run another --trial_name"
                )
            time.sleep(0.5)

    def _try(self) -> bool:
        assert self._file
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.warning("%s: this file system has no locks (%s); start no second run here", self._file.name, error)
        return True


def autoresume_root(config: Config) -> Path:
    """The folder of a run that the same command starts and continues."""
    return Path(config.exp_dir) / f"{config.trial_name}@autoresume"


def _new_root(config: Config) -> Path:
    stem = Path(config.exp_dir) / f"{config.trial_name}@{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    while True:
        root = _unused(stem)
        try:
            root.mkdir(parents=True)
            return root
        except FileExistsError:
            # Another run took the name in between; anything else in the way is not a folder.
            if not root.is_dir():
                raise


def code_revision() -> str:
    """The commit of the code, with `+changes` if its files differ from it; `unknown` outside a git checkout."""
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(PROJECT_ROOT), *words], capture_output=True, text=True, check=True).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "src"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.strip() + ("+changes" if changes else "")


def _save_code(target: Path) -> None:
    source = Path(__file__).resolve().parent
    shutil.copytree(source, target / "mixcon3d", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "revision.txt").write_text(code_revision() + "\n")


def add_log_file(path: Path) -> None:
    """Sends the project's log lines to a file too."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mixcon3d").addHandler(handler)

"""The command line of `src/main.py`: flags and `key=value` -> Config."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mixcon3d.config import Config
from mixcon3d.config_loading import config_fields, find_config, load_config, parse_override, suggest
from mixcon3d.errors import ConfigError, DataError, StoppedBySignal, UserError
from mixcon3d.launch import read_launch
from mixcon3d.models.registry import check_model_name
from mixcon3d.stop_signal import EXIT_STATUS
from mixcon3d.wandb_sink import check_wandb

_TIME_TO_SPEAK_S = 10.0
_USAGE = "main.py [--config FILE] [section.key=value ...] [flags]"


_TEXT_FLAGS = {
    "--trial_name": "name of the run",
    "--exp_dir": "folder of all runs [exp]",
    "--ckpt_dir": "folder of the checkpoints",
    "--code_dir": "folder of the copy of the code",
    "--resume": "checkpoint to go on from: a path, or `latest`",
    "--dist-backend": "nccl or gloo",
    "--dist-url": "rendezvous of torch.distributed [env://]",
}
_SWITCHES = {
    "--autoresume": "go on in the folder <trial_name>@autoresume",
    "--eval_only": "evaluate the checkpoint of --resume and stop",
    "--train": "train (the default)",
    "--debug": "smoke run of a few steps",
    "--no-set-device-rank": "use GPU 0 instead of the local rank's",
    "--horovod": "not supported; use torchrun",
}


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are ConfigErrors, instead of the usage and an exit."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"command line: {message}")


def _build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="main.py",
        usage=_USAGE,
        allow_abbrev=False,
        description="Train MixCon3D or evaluate it zero-shot. Precedence: YAML file < key=value < flag.",
        epilog="Every key, with its meaning and default, is in configs/train.yaml.",
    )
    parser.add_argument("--config", default="configs/train.yaml", metavar="FILE", help="YAML file [configs/train.yaml]")
    for flag, meaning in _TEXT_FLAGS.items():
        parser.add_argument(flag, metavar="TEXT", help=meaning)
    for flag, meaning in _SWITCHES.items():
        parser.add_argument(flag, action="store_true", default=None, help=meaning)
    parser.add_argument("--ngpu", type=int, metavar="N", help="only compared with the number of processes")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, see configs/train.yaml")
    return parser


# Flags whose key is not simply the flag's own name.
_KEY_OF_FLAG = {"debug": "training.debug"}


def parse_command_line(argv: Sequence[str]) -> Config:
    """Flags and overrides -> a checked Config. Nothing is built or written.

    Raises:
        ConfigError: one line that names the wrong flag, key or value and the nearest right one.
    """
    parser = _build_parser()
    flags, unknown = parser.parse_known_intermixed_args(argv)
    known_flags = [s for action in parser._actions for s in action.option_strings]
    for word in unknown:
        if word.startswith("-"):
            name = word.split("=")[0]
            raise ConfigError(f"command line: {name} is not a known flag{suggest(name, known_flags)}")
    for word in flags.overrides + unknown:
        if "=" not in word:
            keys = [key for key, _ in config_fields()]
            raise ConfigError(f"command line: `{word}` is neither a flag nor key=value{suggest(word, keys)}")
    if flags.horovod:
        raise ConfigError("command line: --horovod is not supported; start several processes with torchrun")
    given = {k: v for k, v in vars(flags).items() if v is not None and k not in ("config", "overrides")}
    if flags.train and flags.eval_only:
        raise ConfigError("command line: --train and --eval_only exclude each other")
    pairs: list[tuple[str, Any]] = [parse_override(word) for word in flags.overrides]
    pairs += [(_KEY_OF_FLAG.get(name, name), value) for name, value in given.items()]
    config = load_config(find_config(flags.config), pairs)
    check_config(config)
    return config


def check_config(config: Config) -> None:
    """Checks that concern several keys at once.

    Raises:
        ConfigError: with both values.
    """
    check_model_name(config.model.name)
    check_wandb(config.training)
    if config.train is False:
        config.eval_only = True
    if config.training.debug:
        config.training.max_epoch = 1
    if config.eval_only and not (config.resume or config.autoresume):
        raise ConfigError("--eval_only needs the weights to evaluate: add --resume CHECKPOINT")
    if config.eval_only and not config.benchmarks:
        raise ConfigError("--eval_only with benchmarks=[] leaves nothing to do")
    if config.resume and config.autoresume:
        raise ConfigError("--resume and --autoresume exclude each other: autoresume finds its checkpoint itself")
    _check_model(config)
    if config.dataset.train_partial == 0:
        raise ConfigError("dataset.train_partial=0 leaves no object; -1 is all")
    if len(set(config.benchmarks)) < len(config.benchmarks):
        raise ConfigError(f"benchmarks={config.benchmarks} names one twice")
    if not config.dataset.text_source:
        raise ConfigError("dataset.text_source=[] leaves no text; name at least one of text, caption, retrieval_text")
    for name in ("trial_name", "exp_dir"):
        if not getattr(config, name):
            raise ConfigError(f"{name} is empty")
    if os.sep in config.trial_name:
        raise ConfigError(f"trial_name={config.trial_name!r} holds a {os.sep!r}; use --exp_dir for the folder")


def _check_model(config: Config) -> None:
    if config.model.out_channel != config.clip_embed_dim:
        raise ConfigError(
            f"model.out_channel={config.model.out_channel} differs from clip_embed_dim={config.clip_embed_dim}; "
            "leave model.out_channel out"
        )
    wanted = 6 if config.dataset.use_color else 3
    if config.model.in_channel != wanted:
        raise ConfigError(
            f"dataset.use_color={config.dataset.use_color} gives points {wanted} channels, but "
            f"model.in_channel={config.model.in_channel}; set model.in_channel={wanted}"
        )
    if config.objaverse_lvis.use_color != config.dataset.use_color:
        raise ConfigError(
            f"objaverse_lvis.use_color={config.objaverse_lvis.use_color} differs from "
            f"dataset.use_color={config.dataset.use_color}; the encoder has one number of channels"
        )
    if config.training.share_proj and config.training.use_image_proj and not config.training.use_text_proj:
        raise ConfigError(
            "training.share_proj=True gives images the projection of the texts, but training.use_text_proj=False takes "
            "it away; set training.use_image_proj=False too, or training.use_text_proj=True"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn a user's error into one line and exit status 2."""
    try:
        config = parse_command_line(sys.argv[1:] if argv is None else argv)
    except ConfigError as error:
        # Every process finds the same fault in the same words.
        _report(error.on_all_ranks())
        return 2
    # Only now: what it imports takes seconds.
    from mixcon3d.run import run

    return exit_status(lambda: run(config))


def exit_status(action: Callable[[], object]) -> int:
    """Does it; a user's error becomes one line and exit status 2, a stop by a signal one line and status 75."""
    try:
        action()
    except UserError as error:
        _report(error)
        return 2
    except StoppedBySignal as stopped:
        if read_launch().rank == 0:
            print(stopped, file=sys.stderr)
        return EXIT_STATUS
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        # torch raises it wherever the process is when one of its loader processes dies.
        if "DataLoader worker" not in str(error):
            raise
        from mixcon3d.data.loaders import LOADER_WAS_KILLED

        _report(DataError(LOADER_WAS_KILLED))
        return 2
    except KeyboardInterrupt:
        print("stopped by the keyboard", file=sys.stderr)
        return 130
    return 0


def _report(error: UserError) -> None:
    rank = read_launch().rank
    if rank and error.is_on_all_ranks:
        # torchrun ends all processes as soon as one has ended; the first one, which speaks for all, needs its time.
        time.sleep(_TIME_TO_SPEAK_S)
        return
    print(f"error{f' (process {rank})' if rank else ''}: {error}", file=sys.stderr)

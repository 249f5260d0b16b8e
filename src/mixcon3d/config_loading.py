"""YAML file + `key=value` + flags -> Config. Errors are one line: the key, the value and the nearest right one."""

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mixcon3d.config import Config
from mixcon3d.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def config_fields(cls: type = Config, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field]]:
    """(dotted key, field) of every setting, sections flattened, in declaration order."""
    hints = typing.get_type_hints(cls)
    for declared in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[declared.name]):
            yield from config_fields(hints[declared.name], f"{prefix}{declared.name}.")
        else:
            yield prefix + declared.name, declared


_FIELDS = dict(config_fields())
_SECTIONS = {key.split(".")[0] for key in _FIELDS if "." in key}


def suggest(word: str, known: Iterable[str]) -> str:
    """'; did you mean `x`?' for the nearest known word, or an empty string."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not near:
        leaf = word.rsplit(".", 1)[-1]
        leaves = {key.rsplit(".", 1)[-1]: key for key in known}
        near = [leaves[leaf_near] for leaf_near in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.7)]
    return f"; did you mean `{near[0]}`?" if near else ""


def find_config(path: str) -> Path:
    """The YAML file at `path`, relative to the working directory or else to the project."""
    for candidate in (Path(path), PROJECT_ROOT / path):
        if candidate.is_file():
            return candidate
    there = sorted(p.name for p in (PROJECT_ROOT / "configs").glob("*.yaml"))
    raise ConfigError(f"--config {path}: no such file; configs/ holds {', '.join(there)}")


def read_yaml(path: Path) -> list[tuple[str, Any]]:
    """(dotted key, value) pairs of a YAML file."""
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, found a {type(content).__name__}")
    return list(_flatten(content, str(path)))


def _flatten(content: dict, source: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        full_key = f"{prefix}{key}"
        if full_key in _SECTIONS:
            if value is not None and not isinstance(value, dict):
                raise ConfigError(f"{source}: {full_key} is a section of keys, not a value ({value!r})")
            yield from _flatten(value or {}, source, f"{full_key}.")
        else:
            yield full_key, value


def parse_override(argument: str) -> tuple[str, Any]:
    """One `key=value` of the command line; the value is read as YAML."""
    key, _, text = argument.partition("=")
    try:
        value = OmegaConf.to_container(OmegaConf.from_dotlist([f"v={text}"]), resolve=False)["v"]  # type: ignore[index,call-overload]
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{argument}: the value cannot be read: {' '.join(str(error).split())}") from None
    return key, text if value is None and text.lower() not in ("null", "none", "~") else value


def load_config(yaml_path: Path | None, overrides: Iterable[tuple[str, Any]] = ()) -> Config:
    """The defaults, changed by a YAML file and then by (key, value) pairs in order, each checked by itself.

    Raises:
        ConfigError: for an unknown key, a wrong type, a value outside the choices or bounds, or a refused key.
    """
    settings = OmegaConf.structured(Config)
    sources: dict[str, str] = {}
    pairs = [(str(yaml_path), key, value) for key, value in (read_yaml(yaml_path) if yaml_path else ())]
    pairs += [("command line", key, value) for key, value in overrides]
    for source, key, value in pairs:
        if key not in _FIELDS:
            what = "is a section, not a key" if key in _SECTIONS else "is not a known key"
            raise ConfigError(f"{source}: `{key}` (value {value!r}) {what}{suggest(key, _FIELDS)}")
        try:
            if isinstance(value, str) and not value.startswith("${") and _is_number(key):
                value = _number(value)
            elif _type_name(key) == "a list of words":
                value = _words(value)
            OmegaConf.update(settings, key, value)
            sources[key] = source
        except (OmegaConfBaseException, ValueError):
            raise ConfigError(f"{source}: {key}={value!r} is not {_type_name(key)}") from None
    try:
        config = OmegaConf.to_object(settings)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{yaml_path}: {' '.join(str(error).split())}") from None
    assert isinstance(config, Config)
    for key, declared in _FIELDS.items():
        _check_value(key, get_value(config, key), declared, sources.get(key, "defaults"))
    config.training.img_loss_mode = config.training.img_loss_mode.replace("avg_proj", "Avg_proj")
    return config


def get_value(config: Config, key: str) -> Any:
    """The value at a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _is_number(key: str) -> bool:
    return _type_name(key).startswith(("a number", "a whole number"))


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _words(value: Any) -> Any:
    """`a,b` -> [a, b]; `none` -> []. A list stays as it is."""
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        return []
    if isinstance(value, str) and not value.startswith("${"):
        return [word.strip() for word in value.split(",")]
    return value


def _type_name(key: str) -> str:
    names = {
        "int": "a whole number",
        "float": "a number",
        "bool": "True or False",
        "str": "a word",
        "list[str]": "a list of words",
    }
    section, _, leaf = key.rpartition(".")
    cls = typing.get_type_hints(Config)[section] if section else Config
    hint = typing.get_type_hints(cls)[leaf]
    optional = type(None) in typing.get_args(hint)
    if optional:
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    name = names[hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)]
    return name + (" or null" if optional else "")


def _check_value(key: str, value: Any, declared: dataclasses.Field, source: str) -> None:
    meta = declared.metadata
    if meta["inert"] and value != declared.default:
        raise ConfigError(f"{source}: {key}={value!r} has no effect here; only {declared.default!r} is accepted")
    items = value if isinstance(value, list) else [value]
    if value is None:
        return
    for item in items:
        if meta["choices"] and item not in meta["choices"]:
            near = suggest(str(item), [str(c) for c in meta["choices"]])
            allowed = ", ".join(str(c) for c in meta["choices"])
            raise ConfigError(f"{source}: {key}={item!r} is not one of: {allowed}{near}")
        if isinstance(item, float) and not math.isfinite(item):
            raise ConfigError(f"{source}: {key}={item!r} is not a finite number")
        for bound, wrong, word in (
            (meta["low"], lambda v, b: v < b, "at least"),
            (meta["high"], lambda v, b: v > b, "at most"),
        ):
            if bound is not None and wrong(item, bound):
                raise ConfigError(f"{source}: {key}={item!r} must be {word} {bound}")

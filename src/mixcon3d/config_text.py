"""Writes `configs/train.yaml` from `config.py`: `python -m mixcon3d.config_text > configs/train.yaml`."""

import dataclasses
import json
import typing
from typing import Any

from mixcon3d.config import Config

_HEADER = """\
# The paper's recipe, and the defaults of every key: other files of this folder name only what they change.
# Written by `python -m mixcon3d.config_text` from src/mixcon3d/config.py; edit that file, not this one.
"""


def render_yaml() -> str:
    """All settings at their defaults as YAML, each key behind a comment of its meaning and unit."""
    return _HEADER + "\n".join(_render_section(Config, ""))


def _render_section(cls: type, indent: str) -> list[str]:
    lines = []
    hints = typing.get_type_hints(cls)
    for declared in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[declared.name]):
            section = typing.cast(type, hints[declared.name])
            lines += ["", f"# {section.__doc__}", f"{declared.name}:", *_render_section(section, "  ")]
            continue
        choices = declared.metadata["choices"]
        suffix = f" ({' | '.join(str(c) for c in choices)})" if choices else ""
        lines += [f"{indent}# {declared.metadata['meaning']}{suffix}", f"{indent}{declared.name}: {_scalar(declared)}"]
    return lines if indent else [*lines, ""]


def _scalar(declared: dataclasses.Field) -> str:
    factory = declared.default_factory
    value: Any = declared.default if factory is dataclasses.MISSING else factory()
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and not value.startswith("${"):
        return json.dumps(value) if not value or ":" in value else value
    return str(value)


if __name__ == "__main__":
    print(render_yaml(), end="")

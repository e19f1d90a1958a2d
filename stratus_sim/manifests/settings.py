"""The settings in a configuration file: names with values, whatever the file's format.

A commented-out address is not in use, so comments are dropped; JSON and YAML are walked, so that a host and a
port in one mapping belong together; any other format is read line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_COMMENT = re.compile(r"^\s*(?:#|//|;|--\s).*$|\s#.*$", re.MULTILINE)
_PROPERTY = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(?:=|:\s)\s*(.+?)\s*")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, what it is called (empty for a line of free text), and the values it stands beside."""

    name: str
    value: str
    siblings: Mapping[str, str] = field(default_factory=dict)


def read_settings(text: str) -> list[Setting]:
    """All settings of a configuration file, in order."""
    tree = _tree(text)
    return list(_walk("", tree, {}) if isinstance(tree, dict | list) else _lines(text))


def argument_settings(words: list[str]) -> list[Setting]:
    """The flags of a command line: `--name=value`, `--name value`, and words without a flag."""
    settings = []
    for previous, word in zip(["", *words], words, strict=False):
        flag, equals, value = word.partition("=")
        if flag.startswith("-") and equals:
            settings.append(Setting(flag.lstrip("-"), value))
        else:
            is_value = previous.startswith("-") and "=" not in previous and not word.startswith("-")
            settings.append(Setting(previous.lstrip("-") if is_value else "", _COMMENT.sub("", word)))
    return settings


def _tree(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.load(text, _LOADER)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _walk(name: str, tree: Any, siblings: Mapping[str, str]) -> Iterator[Setting]:
    if isinstance(tree, dict):
        scalars = {str(key): _scalar(value) for key, value in tree.items() if not isinstance(value, dict | list)}
        for key, value in tree.items():
            yield from _walk(str(key), value, scalars)
    elif isinstance(tree, list):
        for value in tree:
            yield from _walk(name, value, siblings)
    else:
        yield Setting(name, _scalar(tree), siblings)


def _scalar(value: Any) -> str:
    return "" if value is None else str(value)


def _lines(text: str) -> Iterator[Setting]:
    lines = [line for line in _COMMENT.sub("", text).splitlines() if line.strip()]
    properties = [match.groups() for match in map(_PROPERTY.fullmatch, lines) if match]
    siblings = {name: _unquoted(value) for name, value in properties}
    for line in lines:
        match = _PROPERTY.fullmatch(line)
        yield Setting(match[1], _unquoted(match[2]), siblings) if match else Setting("", line)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value

"""YAML and JSON files as Kubernetes reads them: plain dicts, lists and scalars that JSON can express.

kubectl turns YAML into JSON with go-yaml v2 (kubernetes-sigs/yaml, goyaml.v2/resolve.go), which differs
from PyYAML: `y` and `n` are booleans, `=` is a string, `017` is octal, `22:22` is a string (no base 60),
`1e3` is a number, timestamps stay strings, and a whole float (`1.0`) is an integer once it is JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stratus_sim.errors import UserError

_MAX_NODES = 2_000_000
_MAX_DEPTH = 200
_TAG = "tag:yaml.org,2002:"
_NULLS = r"~|null|Null|NULL|"
_TRUE = r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON"
_FALSE = r"n|N|no|No|NO|false|False|FALSE|off|Off|OFF"
_INT = r"[-+]?(?:0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|0|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_HELM = re.compile(r"\{\{-?\s*(?:.*\.(?:Values|Release|Chart|Capabilities)\b|include\b|template\b|define\b)")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file and the line its content starts on."""

    file: Path
    line: int
    value: Any

    @property
    def where(self) -> str:
        """`file:line`, to lead an error message with."""
        return f"{self.file}:{self.line}"


_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc, valid-type]
    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _int(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-").lower()
    if re.fullmatch(r"0[0-7]+", digits):
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _float(loader: Any, node: yaml.ScalarNode) -> float | int:
    number = float(str(loader.construct_scalar(node)).replace("_", ""))
    return int(number) if number.is_integer() else number


def _bool(loader: Any, node: yaml.ScalarNode) -> bool:
    return re.fullmatch(_TRUE, str(loader.construct_scalar(node))) is not None


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _name, _pattern, _construct in (
    ("merge", "<<", None),
    ("null", _NULLS, None),
    ("bool", f"{_TRUE}|{_FALSE}", _bool),
    ("int", _INT, _int),
    ("float", _FLOAT, _float),
    ("timestamp", r"\b\B", _text),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})$"), None)
    if _construct is not None:
        _Loader.add_constructor(_TAG + _name, _construct)


def read_documents(file: Path) -> list[Document]:
    """All documents of a YAML or JSON file that are not empty, in order.

    Raises UserError for a file that cannot be read, is not YAML (`file:line`), or is a Helm template.
    """
    text = _read_text(file)
    try:
        documents = _json(file, text) if file.suffix == ".json" else _yaml(file, text)
    except yaml.YAMLError as error:
        raise _not_yaml(file, text, error) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read as YAML: {error}") from None
    return [document for document in documents if document.value is not None]


def is_template(value: Any) -> bool:
    """Whether any string below is a Helm expression that nobody rendered."""
    if isinstance(value, dict):
        return any(is_template(child) for child in value.values())
    if isinstance(value, list):
        return any(is_template(child) for child in value)
    return isinstance(value, str) and "{{" in value and _HELM.search(value) is not None


def template_error(where: object) -> UserError:
    """The error for a Helm template that reached the reader unrendered."""
    return UserError(f"{where}: this is a Helm template; render it first: helm template CHART > app.yaml")


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: is not UTF-8 text (byte {error.start}); expected YAML or JSON") from None


def _json(file: Path, text: str) -> list[Document]:
    try:
        return [Document(file, 1, json.loads(text))] if text.strip() else []
    except json.JSONDecodeError as error:
        raise UserError(f"{file}:{error.lineno}: is not JSON: {error.msg}") from None


def _yaml(file: Path, text: str) -> list[Document]:
    loader = _Loader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            value = _plain(loader.construct_document(node), [_MAX_NODES], 0)
            documents.append(Document(file, node.start_mark.line + 1, value))
    finally:
        loader.dispose()
    return documents


def _plain(value: Any, budget: list[int], depth: int) -> Any:
    """The value as JSON has it. Anchors that refer to each other can make a small file endless."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        raise ValueError("it is nested too deep, or its aliases expand without end")
    if isinstance(value, dict):
        return {_key(key): _plain(child, budget, depth + 1) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child, budget, depth + 1) for child in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a {type(value).__name__} has no place in a manifest")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def _not_yaml(file: Path, text: str, error: yaml.YAMLError) -> UserError:
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else str(file)
    if "{{" in text:
        return template_error(where)
    problem = getattr(error, "problem", None) or str(error)
    return UserError(f"{where}: is not YAML: {problem}")

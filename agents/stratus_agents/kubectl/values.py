"""Numbers, JSON and manifests in a line: whatever a model writes becomes plain, bounded data, or is refused."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import yaml

from stratus_agents.kubectl.line import Refused

MAX_DIGITS = 9
MAX_MANIFEST = 20_000
MAX_DEPTH = 40
"""Nothing Kubernetes serves is nested deeper; what is costs everybody who walks it."""
_INT64 = 2**63


def is_text(value: str) -> bool:
    """Whether it can be written down: JSON lets half of a surrogate pair through, UTF-8 does not."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def number(text: str, where: str) -> int:
    """Raises Refused when the text is no whole number of at most MAX_DIGITS digits."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise Refused(f"{where}={text[:20]}: expected a number >= 0, of at most {MAX_DIGITS} digits")
    return int(text)


def json_value(text: str, where: str) -> Any:
    """The JSON in a flag. Raises Refused when it is none, or not what an API server could store."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where}: not JSON ({error}): quote it with single quotes") from None
    return _plain(found, where)


def manifest(text: str) -> dict[str, Any]:
    """The one object in a text of YAML. Raises Refused when there is none, or more, or what no API server stores."""
    if len(text) > MAX_MANIFEST:
        raise Refused(f"the manifest has {len(text)} characters: expected at most {MAX_MANIFEST}")
    try:
        # a few aliases of aliases are a few characters, and more objects than there is memory
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise Refused("the manifest uses YAML aliases: write their values out")
        found = [document for document in yaml.safe_load_all(text) if document]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(f"the manifest is not YAML: {str(error).splitlines()[0]}") from None
    if len(found) != 1 or not isinstance(found[0], dict):
        raise Refused("the manifest must hold exactly one object")
    return dict(_plain(found[0], "the manifest"))


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """The value in JSON's types; dates, which only YAML has, as text."""
    if depth > MAX_DEPTH:
        raise Refused(f"{where}: nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return {_plain(str(k), where): _plain(item, where, depth + 1) for k, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, where, depth + 1) for item in value]
    if isinstance(value, int | float) and not (isfinite(value) and abs(value) < _INT64):
        raise Refused(f"{where}: a number is out of range")
    if isinstance(value, str) and not is_text(value):
        raise Refused(f"{where}: half of a surrogate pair is no character")
    return value if value is None or isinstance(value, str | int | float) else str(value)

"""How names of objects, keys and values of labels, and keys of annotations look; told in the words of the API server.

Source: kubernetes.io/docs/concepts/overview/working-with-objects ("Object Names and IDs", "Labels and Selectors",
"Annotations"), and k8s.io/apimachinery/pkg/util/validation 1.33, as which each function answers: what is wrong with a
text, nothing where all is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Check = Callable[[str], tuple[str, ...]]

_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_CHARACTERS = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_LOWER = "must consist of lower case alphanumeric characters"
_ENDS = "and must start and end with an alphanumeric character"
_LONGEST, _LONGEST_NAME, _LONGEST_CRON_JOB = 63, 253, 52


@lru_cache(maxsize=4096)
def qualified(text: str) -> tuple[str, ...]:
    """A label's key: a name, or a subdomain and a name with a slash between."""
    prefix, slash, name = text.rpartition("/")
    told = f"must consist of {_CHARACTERS}{_example(_PART, 'MyName', 'my.name', '123-abc')}"
    if "/" in prefix:
        return (f"a qualified name {told} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    found = [f"prefix part {one}" for one in (subdomain(prefix) if prefix else ["must be non-empty"])] if slash else []
    if not name or len(name) > _LONGEST:
        found.append(f"name part {_too_long(_LONGEST) if name else 'must be non-empty'}")
    return (*found, *(() if re.fullmatch(_PART, name) else (f"name part {told}",)))


@lru_cache(maxsize=4096)
def label_value(text: str) -> tuple[str, ...]:
    told = f"a valid label must be an empty string or consist of {_CHARACTERS}"
    return _looks(text, f"({_PART})?", _LONGEST, told + _example(f"({_PART})?", "MyValue", "my_value", "12345"))


def subdomain(text: str) -> tuple[str, ...]:
    told = f"a lowercase RFC 1123 subdomain {_LOWER}, '-' or '.', {_ENDS}{_example(_SUBDOMAIN, 'example.com')}"
    return _looks(text, _SUBDOMAIN, _LONGEST_NAME, told)


def label(text: str) -> tuple[str, ...]:
    told = f"a lowercase RFC 1123 label {_LOWER} or '-', {_ENDS}{_example(_LABEL, 'my-name', '123-abc')}"
    return _looks(text, _LABEL, _LONGEST, "must not contain dots" if re.fullmatch(_SUBDOMAIN, text) else told)


def label_1035(text: str) -> tuple[str, ...]:
    ends = "start with an alphabetic character, and end with an alphanumeric character"
    told = f"a DNS-1035 label {_LOWER} or '-', {ends}{_example(_LABEL_1035, 'my-name', 'abc-123')}"
    return _looks(text, _LABEL_1035, _LONGEST, told)


def path_segment(text: str) -> tuple[str, ...]:
    if text in (".", ".."):
        return (f"may not be '{text}'",)
    return tuple(f"may not contain '{one}'" for one in "/%" if one in text)


def cron_job(text: str) -> tuple[str, ...]:
    """The controller adds eleven characters to name a Job."""
    return (*subdomain(text), *((_too_long(_LONGEST_CRON_JOB),) if len(text) > _LONGEST_CRON_JOB else ()))


_BY_KIND: Mapping[str, Check] = {
    "Namespace": label, "Service": label_1035, "CronJob": cron_job,
    **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), path_segment),
}  # fmt: skip


def expect_name(kind: str, name: str) -> None:
    """Raises ValueError for a name that an object of a kind cannot have."""
    _expect("metadata.name", name, _BY_KIND.get(kind, subdomain))


def expect_labels(field: str, labels: Mapping[str, str] | None) -> None:
    """Raises ValueError for labels nobody may have; `field` is where they stand."""
    for key, value in (labels or {}).items():
        if qualified(key) or label_value(value):
            _expect(field, key, qualified)
            _expect(field, value, label_value)


def expect_annotations(annotations: Mapping[str, str] | None) -> None:
    """Raises ValueError for annotations nobody may have: letters in their keys may be of either case."""
    for key in annotations or ():
        if qualified(key) and qualified(key.lower()):
            _expect("annotations", key, lambda text: qualified(text.lower()))


def expect_key(key: str) -> None:
    """Raises ValueError where a selector asks for a label that cannot be."""
    _expect("key", key, qualified)


def _expect(field: str, text: str, check: Check) -> None:
    problems = check(text)
    if problems:
        raise ValueError(f"{field}: Invalid value: {json.dumps(text, ensure_ascii=False)}: {problems[0]}")


def _looks(text: str, pattern: str, longest: int, told: str) -> tuple[str, ...]:
    long = (_too_long(longest),) if len(text) > longest else ()
    return long if re.fullmatch(pattern, text) else (*long, told)


def _too_long(longest: int) -> str:
    return f"must be no more than {longest} characters"


def _example(pattern: str, *examples: str) -> str:
    listed = " or ".join(f"'{one}', " for one in examples)
    return f" (e.g. {listed}regex used for validation is '{pattern}')"

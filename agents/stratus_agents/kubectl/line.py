"""One `kubectl` line as a verb, words and flags. There is no shell: what one would interpret is refused.

Source: kubectl reference, https://kubernetes.io/docs/reference/kubectl/generated/.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.objects import ObjectKey

MAX_LINE = 8_000
SEPARATOR = "\n"
"""Between literals of several flags; no line holds it."""
_JOINED = {"from-literal": SEPARATOR, "selector": ",", "limits": ",", "requests": ","}
_OPERATORS = frozenset(";|&<>()")

_VALUED = {
    "-n": "namespace", "--namespace": "namespace", "-o": "output", "--output": "output", "-l": "selector",
    "--selector": "selector", "--tail": "tail", "-c": "container", "--container": "container",
    "--containers": "container", "-p": "patch", "--patch": "patch", "--type": "type", "--replicas": "replicas",
    "--to-revision": "to-revision", "--limits": "limits", "--requests": "requests", "-f": "filename",
    "--filename": "filename", "--from-literal": "from-literal", "--port": "port", "--target-port": "target-port",
    "--name": "name", "--min": "min", "--max": "max", "--cpu-percent": "cpu-percent",
    "--types": "types", "--field-selector": "field-selector",
}  # fmt: skip
_BOOLEAN = {
    "-A": "all-namespaces", "--all-namespaces": "all-namespaces", "--ignore-daemonsets": "ignore-daemonsets",
    "--overwrite": "overwrite", "--previous": "previous",
}  # fmt: skip
_SUBCOMMANDS = {
    "set": ("image", "env", "resources"),
    "rollout": ("undo", "restart", "pause", "resume", "status", "history"),
}


class Refused(Exception):
    """A line nobody carries out. The message says why, and what can be written instead."""


@dataclass(frozen=True)
class Command:
    """`verb` joins a sub-command with a dash (`rollout-undo`). `namespace` is None for every namespace.

    `flags` are by long name. Of a flag that is repeated the last counts, but literals and lists are joined.
    """

    verb: str
    words: tuple[str, ...]
    flags: Mapping[str, str]
    namespace: str | None

    def expect(self, *allowed: str) -> None:
        """Raises Refused when a flag is set that this verb does not know here."""
        for name in self.flags:
            if name not in (*allowed, "namespace", "all-namespaces"):
                known = ", ".join(("namespace", *allowed))
                raise Refused(f"kubectl {self.verb}: flag {name} is not supported here; known: {known}")

    def targets(self) -> tuple[list[str], tuple[str, ...]]:
        """(`kind/name` of every object named, words left over), from `kind/name ...` or `kind name ...`.

        Raises:
            Refused: nothing is named.
        """
        if not self.words:
            raise Refused(f"kubectl {self.verb}: expected KIND/NAME, as in deployment/web")
        if "/" in self.words[0]:
            named = [word for word in self.words if "/" in word and "=" not in word.partition("/")[0]]
            return named[:1], tuple(word for word in self.words if word not in named[:1])
        if len(self.words) < 2:
            raise Refused(f"kubectl {self.verb}: expected a name after {self.words[0]!r}")
        return [f"{self.words[0]}/{self.words[1]}"], self.words[2:]

    def act(self, arguments: Mapping[str, Any]) -> Action:
        """The action of this verb on the one object the line names. Raises Refused when it does not name one."""
        targets, rest = self.targets()
        if rest:
            raise Refused(f"kubectl {self.verb}: one object per line; {rest[0]!r} is too much")
        return Action(self.verb, targets[0], arguments, self.home)

    def pairs(self, words: Iterable[str]) -> dict[str, str | None]:
        """`NAME=VALUE` words as a mapping; `NAME-` is a name without a value. Raises Refused for anything else."""
        found: dict[str, str | None] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if not name.rstrip("-") or not (equals or word.endswith("-")):
                raise Refused(f"kubectl {self.verb}: {word!r}: expected NAME=VALUE, or NAME- to remove it")
            found[name if equals else word[:-1]] = value if equals else None
        if not found:
            raise Refused(f"kubectl {self.verb}: expected at least one NAME=VALUE")
        return found

    @property
    def home(self) -> str:
        """The one namespace the line is about."""
        return self.namespace or "default"


def parse(line: str, home: str) -> Command:
    """A line with or without the word `kubectl` in front; `home` is the namespace when it names none.

    Raises:
        Refused: a shell would interpret it, or it is no kubectl line.
    """
    words = _words(line)
    if words[:1] == ["kubectl"]:
        words = words[1:]
    if not words:
        raise Refused("an empty line: expected something like `kubectl get pods -n NAMESPACE`")
    plain, flags = _split(words)
    if not plain:
        raise Refused("kubectl: expected a verb first, as in `kubectl get pods`")
    verb, rest = plain[0], plain[1:]
    if verb in _SUBCOMMANDS:
        if not rest or rest[0] not in _SUBCOMMANDS[verb]:
            raise Refused(f"kubectl {verb}: expected one of {', '.join(_SUBCOMMANDS[verb])}")
        verb, rest = f"{verb}-{rest[0]}", rest[1:]
    everywhere = "all-namespaces" in flags
    return Command(verb, tuple(rest), MappingProxyType(flags), None if everywhere else flags.get("namespace", home))


def key_of(target: str, namespace: str) -> ObjectKey:
    """The object `kind/name` names, short names and plurals included.

    Raises:
        Refused: it is not `kind/name`.
    """
    kind, _, name = target.partition("/")
    try:
        return Action("get", f"{kind.partition('.')[0]}/{name}", namespace=namespace).key
    except InvalidAction as error:
        raise Refused(str(error)) from None


def _words(line: str) -> list[str]:
    if len(line) > MAX_LINE:
        raise Refused(f"the line has {len(line)} characters: expected at most {MAX_LINE}")
    found = _interpreted(line)
    if found:
        raise Refused(f"there is no shell: {found!r} is not interpreted; write one plain kubectl line per call")
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Refused(f"the line cannot be split into words ({error}): check the quotes") from None


def _interpreted(line: str) -> str:
    """The first thing in the line that a shell would act on, empty when there is none."""
    quote = ""
    for here, after in zip(line, line[1:] + " ", strict=False):
        if here in "\n\r":
            return here
        if here in "'\"" and quote in ("", here):
            quote = "" if quote else here
        elif quote != "'" and (here == "`" or (here == "$" and (after in "({_" or after.isalnum()))):
            return here + after if here == "$" else here
        elif not quote and here in _OPERATORS:
            return here
    return ""


def _split(words: list[str]) -> tuple[list[str], dict[str, str]]:
    plain: list[str] = []
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in ("-", "--") or not word.startswith("-"):
            plain.append(word)
            continue
        name, equals, value = _flag(word)
        if name in _BOOLEAN:
            flags[_BOOLEAN[name]] = "true"
        elif name in _VALUED:
            long, value = _VALUED[name], value if equals else _argument(name, rest)
            before = flags.get(long) if long in _JOINED else None
            flags[long] = value if before is None else before + _JOINED[long] + value
        else:
            raise Refused(f"flag {name} is not supported here; known: {', '.join((*_VALUED, *_BOOLEAN))}")
    return plain, flags


def _argument(flag: str, rest: Iterator[str]) -> str:
    found = next(rest, None)
    if found is None:
        raise Refused(f"flag {flag} needs an argument")
    return found


def _flag(word: str) -> tuple[str, str, str]:
    """(name, "=" when a value is attached, value); `-nweb` and `-n=web` are `-n web`."""
    if not word.startswith("--") and len(word) > 2:
        return word[:2], "=", word[2:].removeprefix("=")
    name, equals, value = word.partition("=")
    return name, equals, value

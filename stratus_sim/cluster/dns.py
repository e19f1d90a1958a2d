"""Cluster DNS: whether names of Services resolve, from the Corefile in ConfigMap kube-system/coredns.

Follows coredns.io/manual/toc ("Server Blocks", plug-ins `kubernetes`, `template`, `forward`). A cluster without that
ConfigMap resolves every name, unless it has the Service kube-system/kube-dns and nobody is behind it. A changed
Corefile holds at once, as after the `reload` plug-in has seen it; one that cannot be read answers nothing, as after a
restart. Other plug-ins are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import endpoint_slices
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

COREDNS = ObjectKey("ConfigMap", "kube-system", "coredns")
SERVICE = ObjectKey("Service", "kube-system", "kube-dns")
NO_SUCH_HOST, MISBEHAVING, UNANSWERED = "no such host", "server misbehaving", "i/o timeout"
"""What a client says (Go's resolver): the name does not exist; the server failed or refused; nobody answers."""
_TOKEN = re.compile(r'"[^"\n]*"|[{}]|\n|#[^\n]*|[^\s{}"]+')


class Directive(NamedTuple):
    """A line of a Corefile with the block behind it: a server with its zones, or a plug-in with its arguments."""

    words: tuple[str, ...]
    block: tuple[Directive, ...] = ()


def resolver(world: World) -> Callable[[str], str] | None:
    """What looking up a name ends in, empty where it resolves; None where every name resolves.

    Names are of Services and complete, as `a.shop.svc.cluster.local`.
    """
    if _deserted(world):
        return lambda _name: UNANSWERED
    found = world.store.get(COREDNS)
    if found is None:
        return None
    text = str((found.manifest.get("data") or {}).get("Corefile", ""))
    return lambda name: lookup(text, name)


def _deserted(world: World) -> bool:
    """Whether the cluster says who answers look-ups, and none of them is there."""
    return world.store.get(SERVICE) is not None and not endpoint_slices.ready(world, SERVICE)


@lru_cache(maxsize=4096)
def lookup(corefile: str, name: str) -> str:
    """The error a look-up ends in, empty where the name resolves."""
    try:
        servers = parse(corefile)
    except ValueError:
        return MISBEHAVING
    zoned = [(zone, server) for server in servers for zone in map(_zone, server.words) if _within(name, zone)]
    if not zoned:
        return MISBEHAVING
    return _answer(max(zoned, key=lambda pair: len(pair[0]))[1], name)


def parse(corefile: str) -> tuple[Directive, ...]:
    """The server blocks of a Corefile. Raises ValueError where braces do not match."""
    tokens = [token for token in _TOKEN.findall(corefile) if not token.startswith("#")]
    lines = iter([*tokens, "\n", "}"])
    found = tuple(_directives(lines))
    if next(lines, None) is not None:
        raise ValueError("Corefile: a closing brace too many")
    return found


def _directives(tokens: Iterator[str]) -> Iterator[Directive]:
    words: list[str] = []
    for token in tokens:
        if token == "{":
            yield Directive(tuple(words), tuple(_directives(tokens)))
            words = []
        elif token in ("}", "\n"):
            if words:
                yield Directive(tuple(words))
            words = []
            if token == "}":
                return
        else:
            words.append(token.strip('"'))
    raise ValueError("Corefile: a closing brace is missing")


def _answer(server: Directive, name: str) -> str:
    """Plug-ins answer in CoreDNS's own order, whatever the order of lines: template, kubernetes, forward."""
    for template in _plugins(server, "template"):
        if _applies(template, name):
            rcode = next((d.words[1] for d in template.block if d.words[:1] == ("rcode",) and d.words[1:]), "NOERROR")
            return NO_SUCH_HOST if rcode.upper() in ("NXDOMAIN", "NOERROR") else MISBEHAVING
    zones = [zone for plugin in _plugins(server, "kubernetes") for zone in plugin.words[1:] or server.words]
    if any(_within(name, _zone(zone)) for zone in zones):
        return ""
    return NO_SUCH_HOST if _plugins(server, "forward") else MISBEHAVING


def _plugins(server: Directive, name: str) -> list[Directive]:
    return [found for found in server.block if found.words[:1] == (name,)]


def _applies(template: Directive, name: str) -> bool:
    """`template CLASS TYPE [ZONE...]` with optional `match` patterns; it answers for addresses only."""
    if len(template.words) < 3 or template.words[2].upper() not in ("ANY", "A"):
        return False
    zones, patterns = template.words[3:], [d.words[1:] for d in template.block if d.words[:1] == ("match",)]
    zoned = not zones or any(_within(name, _zone(zone)) for zone in zones)
    return zoned and (not patterns or any(re.search(p, f"{name}.") for words in patterns for p in words))


def _zone(text: str) -> str:
    """The zone of `dns://cluster.local.:53`, without dots around it; empty for the root."""
    return text.rpartition("//")[2].partition(":")[0].strip(".").lower()


def _within(name: str, zone: str) -> bool:
    return not zone or name == zone or name.endswith(f".{zone}")

"""Network addresses in text: where they stand, what they name, and which Service that is.

Services are named `namespace/name` throughout. A host resolves as cluster DNS does
(https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/): `name`, `name.namespace`,
`name.namespace.svc`, `name.namespace.svc.cluster.local`, and the same behind a pod's name for a StatefulSet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

Address = tuple[str, int | None]
"""Host as written (lower case) and port; None when the text states none."""

_LABEL = r"[A-Za-z0-9](?:[-A-Za-z0-9_]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*\.?"
# A single slash before the host is a path (an image, a file); two are a URL.
_START = r"(?<![\w.$%{}-])(?<!(?<!/)/)"
_HOST_PORT = re.compile(rf"{_START}({_HOST}):(\d{{1,5}})(?![\w@-]|\.\d)")
_QUALIFIED = re.compile(rf"{_START}({_LABEL}(?:\.{_LABEL})+\.svc(?:\.cluster\.local)?)\.?(?![\w:-]|\.\w)")
_URL = re.compile(r"([A-Za-z][\w+.-]*)://([^/\s\"'?#<>]*)")
_KEYED_HOST = re.compile(
    r"(?i)(?:^|[;\s,&?])(?:host|hostname|server|data source|addr|address)\s*=\s*(?:tcp:)?"
    rf"({_HOST})(?:[,:](\d{{1,5}}))?(?=$|[;\s,&])"
)
_KEYED_PORT = re.compile(r"(?i)(?:^|[;\s,&?])port\s*=\s*(\d{1,5})")
_PIECE = re.compile(rf"({_HOST})(?::(\d{{1,5}}))?")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SCHEME_PORTS = {
    **{"http": 80, "https": 443, "nats": 4222, "memcached": 11211, "mongodb": 27017},
    **{"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306},
    **{"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671},
}
_ADDRESS_WORDS = frozenset(
    {"host", "hosts", "hostname", "addr", "addrs", "address", "addresses", "url", "urls", "uri", "uris"}
    | {"endpoint", "endpoints", "server", "servers", "service", "broker", "brokers", "upstream", "backend"}
    | {"target", "targets", "dsn", "peer", "peers"}
)
_IMAGE_WORDS = frozenset({"image", "tag", "version"})


def parse_address(
    text: str, services: Collection[str], namespace: str = "default", name: str = ""
) -> list[tuple[str, int | None]]:
    """The Services a text names and the port it states, in order, each once.

    `services` are keys `namespace/name`; `namespace` is the reader's, for hosts without one. `name` is what
    the text is called (a variable, a flag, a JSON key): only a text called like an address (`QUOTE_ADDR`,
    `--db-host`) may be a bare host; any text may hold `host:port`, a URL or a full service name.
    Returns (service key, port or None). Pure.
    """
    found = []
    for host, port in addresses(text, name):
        key = resolve_host(host, namespace, services)
        if key is not None:
            found.append((key, port))
    return _stated(found)


def addresses_of(value: str, name: str = "", siblings: Mapping[str, str] | None = None) -> list[Address]:
    """Every host and port in a value known to hold addresses, whether or not anybody answers there.

    `name` and `siblings` are the variable's name and its environment: a port may stand beside the host
    (`DB_HOST`, `DB_PORT`). Empty when the value is no address at all, such as a mistyped one.
    """
    beside = sibling_port(name, siblings or {})
    found = addresses(value) or _bare(value)
    return [(host, beside if port is None else port) for host, port in found]


def addresses(text: str, name: str = "") -> list[Address]:
    """Everything in a text that has the form of an address, in order, each host once per port."""
    words = name_words(name)
    if words and words[-1] in _IMAGE_WORDS:
        return []
    found = [*_urls(text), *_keyed(text), *_host_ports(text), *_qualified(text)]
    return _stated(found) or (_bare(text) if names_address(name) else [])


def names_address(name: str) -> bool:
    """Whether a variable, flag or key is called like something that holds an address."""
    words = name_words(name)
    return bool(words) and (words[-1] in _ADDRESS_WORDS or words[-2:] == ["host", "name"])


def name_words(name: str) -> list[str]:
    """`ProfileMongoAddress`, `PROFILE_MONGO_ADDRESS`, `--profile-mongo-address` → the same words."""
    return [word.lower() for word in _WORD.findall(name)]


def sibling_port(name: str, siblings: Mapping[str, str]) -> int | None:
    """The port in the variable beside a host's: `DB_HOST` → `DB_PORT`, `addr` → `port`."""
    wanted = [*name_words(name)[:-1], "port"]
    for other in sorted(siblings):
        if name_words(other) == wanted and siblings[other].isdecimal():
            return _port(siblings[other])
    return None


def resolve_host(host: str, namespace: str, services: Collection[str]) -> str | None:
    """The Service (`namespace/name`) a host stands for, seen from a pod in `namespace`; None if none."""
    labels = host.lower().rstrip(".").removesuffix(".cluster.local").removesuffix(".svc").split(".")
    for start in range(min(2, len(labels))):
        rest = labels[start:]
        if len(rest) > 2 or (start and not re.search(r"-\d+$", labels[0])):
            continue
        key = f"{rest[1] if len(rest) == 2 else namespace}/{rest[0]}"
        if key in services:
            return key
    return None


def _urls(text: str) -> Iterator[Address]:
    for scheme, authority in _URL.findall(text):
        for piece in authority.rpartition("@")[2].split(","):
            match = _PIECE.fullmatch(piece)
            if match:
                yield (
                    match[1].lower(),
                    _port(match[2]) or _SCHEME_PORTS.get(scheme.rpartition(":")[2].lower()),
                )


def _keyed(text: str) -> Iterator[Address]:
    port = _KEYED_PORT.search(text)
    for host, own in _KEYED_HOST.findall(text):
        yield host.lower(), _port(own or (port[1] if port else None))


def _host_ports(text: str) -> Iterator[Address]:
    for host, port in _HOST_PORT.findall(text):
        if _port(port) is not None:
            yield host.lower(), _port(port)


def _qualified(text: str) -> Iterator[Address]:
    for host in _QUALIFIED.findall(text):
        yield host.lower(), None


def _bare(text: str) -> list[Address]:
    pieces = [piece.strip() for piece in text.split(",")]
    if not all(re.fullmatch(_HOST, piece) for piece in pieces):
        return []
    return [(piece.lower(), None) for piece in pieces if not piece.isdecimal()]


def _port(text: str | None) -> int | None:
    return int(text) if text and 0 < int(text) < 65536 else None


def _stated(found: list[Address]) -> list[Address]:
    """Each address once; one without a port says nothing where the same host stands with one."""
    with_port = {host for host, port in found if port is not None}
    return [a for a in dict.fromkeys(found) if a[1] is not None or a[0] not in with_port]

"""Who a server lets in: clients by the login their environment gives them, against its accounts and its TLS mode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from stratus_sim.application.behaviours.complaints import Problem, complaint
from stratus_sim.application.behaviours.credentials import Login, login
from stratus_sim.application.behaviours.images import main
from stratus_sim.application.behaviours.registry import Caller
from stratus_sim.cluster.objects import Resource
from stratus_sim.manifests.calls import Call

_TLS_BY_DEFAULT = frozenset({"postgres", "mysql", "mariadb"})
"""Engines whose drivers use TLS when the server offers it."""
_TLS_ONLY = re.compile(
    r"(?i)--(?:tls|ssl)Mode[= ]require(?:TLS|SSL)|--require[_-]secure[_-]transport(?:[= ](?:ON|1|TRUE))?(?=\s|$)"
)
NOBODY = Login("", "")


class Door(NamedTuple):
    """What a server asks of its clients: `accounts` are passwords by user, None when it asks for none.

    Users in `revoked` may log in and nothing more. A caller in `met` is known to use what its environment shows; any
    other that shows no login is taken to have one built in.
    """

    engine: str
    accounts: Mapping[str, str] | None
    tls_only: bool = False
    met: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


def words(pod: Resource, container: str) -> str:
    """The command line of a container."""
    found = main(pod.manifest, container)
    return " ".join(map(str, (*(found.get("command") or ()), *(found.get("args") or ()))))


def demands_tls(command_line: str) -> bool:
    """Whether a server is started with TLS as a must."""
    return _TLS_ONLY.search(command_line) is not None


def shown(call: Call, pod: Resource) -> Login | None:
    """The login a pod uses for a call, as far as its environment shows one."""
    return login(pod.status.env.get(call.container, {}), call)


def told(engine: str, problem: Problem, call: Call, pod: Resource) -> str:
    """What a pod prints whose call a server turns away."""
    host = f"{call.target}:{call.port}" if call.port else call.target
    return complaint(engine, problem, shown(call, pod) or NOBODY, pod.status.ip, host)


def refusals(door: Door, callers: tuple[Caller, ...]) -> dict[str, Mapping[str, float]]:
    """By caller that is not let in with all its pods: what they print, each line with the share of pods."""
    if door.accounts is None and not door.tls_only:
        return {}
    found = {caller.call.source_key: _refused(door, caller) for caller in callers}
    return {name: lines for name, lines in found.items() if lines}


def _refused(door: Door, caller: Caller) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for pod in caller.pods:
        used = shown(caller.call, pod)
        problem = _problem(door, used, known=caller.call.source_key in door.met)
        if problem is not None:
            text = told(door.engine, problem, caller.call, pod)
            found[text] = found.get(text, 0.0) + 1 / len(caller.pods)
    return found


def _problem(door: Door, used: Login | None, *, known: bool) -> Problem | None:
    encrypted = used.encrypted if used is not None else None
    if encrypted is None:
        encrypted = door.engine in _TLS_BY_DEFAULT
    if door.tls_only and not encrypted:
        return "plain"
    if door.accounts is None or not (used or known):
        return None
    if used is None or not used.password:
        return "anonymous"
    if door.accounts.get(used.user) != used.password:
        return "login"
    return "forbidden" if used.user in door.revoked else None

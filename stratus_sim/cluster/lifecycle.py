"""Commands run inside containers: hooks, exec probes, and how long a graceful termination takes.

Follows kubernetes.io/docs/concepts/containers/container-lifecycle-hooks and .../workloads/pods/pod-lifecycle
("Termination of Pods"). A hook that asks by HTTP is taken to be answered at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.process import Exit
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.pod_shapes import Container, Hook

if TYPE_CHECKING:
    from stratus_sim.world import World

GRACE_S = 30
TERMINATED, KILLED = 143, 137
"""Exit codes of a process ended by SIGTERM and by SIGKILL."""
_LAST_CHANCE_US = 2 * SECOND_US
"""What the kubelet adds once for a process whose preStop hook has used up the grace period."""
_CONDITIONAL = re.compile(r"\|\||&&|\bif\b|\bwhile\b|\buntil\b|\bcase\b|(?:^|\s)\[\[?\s|\btest\b")
_DEAF = re.compile(r"""\btrap\s+(?:''|""|:)\s+(?:\S+\s+)*?(?:SIG)?(?:TERM|15)\b""")

_SHELL = re.compile(r"(?:^|/)(?:ba|da|a|z)?sh$")
_LAST_WORD = re.compile(r"(?:^|[;\n])\s*(?:\S*/)?(?:exit\s+\d+|true|false|sleep\s+\d+(?:\.\d+)?s?)\s*;?\s*$")
_GOES_ON = re.compile(r"\b(?:while|for|until|exec|trap|wait)\b|&")

When = Literal["post_start", "pre_stop"]


def command_exit(world: World, container: Container, command: Sequence[str]) -> Exit:
    """How a command ends inside a container; one that depends on what it finds there is taken to end well."""
    if _CONDITIONAL.search(" ".join(command)):
        return Exit(0, None)
    return world.processes.exit(msgspec.structs.replace(container, command=[*command], args=None))


def evidently_ends(container: Container) -> bool:
    """Whether the command of a container that is meant to stay says that it will not.

    >>> [evidently_ends(Container("c", command=["sh", "-c", c])) for c in ("echo no; exit 3", "sleep 9; exec serve")]
    [True, False]
    """
    if not container.command:
        return False
    words = [*container.command, *(container.args or ())]
    script = words[words.index("-c") + 1 :] if _SHELL.search(words[0]) and "-c" in words else words
    text = " ".join(script[:1] if script is not words else words)
    return bool(_LAST_WORD.search(text)) and not (_GOES_ON.search(text) or _CONDITIONAL.search(text))


def hook(world: World, container: Container, when: When) -> Exit | None:
    """How a hook of a container ends; None where it has none."""
    found = getattr(container.lifecycle, when) if container.lifecycle is not None else None
    return None if found is None else _run(world, container, found)


def _run(world: World, container: Container, found: Hook) -> Exit:
    if found.sleep is not None:
        return Exit(0, found.sleep.seconds * SECOND_US)
    if found.exec is not None:
        return command_exit(world, container, found.exec.command or ())
    return Exit()


class Stop(NamedTuple):
    """How a container ends when told to: after so many microseconds, with this exit code; whether its hook failed."""

    after_us: int
    code: int
    hook_failed: bool


def stop(world: World, container: Container, own_us: int, grace_us: int) -> Stop:
    """First the hook, then SIGTERM, on which a process takes `own_us`; SIGKILL where the grace period ends."""
    found = hook(world, container, "pre_stop")
    hook_us, failed = (found.after_us or 0, bool(found.code)) if found is not None else (0, False)
    words = (*(container.command or ()), *(container.args or ()))
    deaf = words and _DEAF.search(" ".join(words))
    if grace_us and hook_us >= grace_us:
        return Stop(grace_us + (_LAST_CHANCE_US if deaf else min(own_us, _LAST_CHANCE_US)), KILLED, failed)
    if deaf or hook_us + own_us > grace_us:
        return Stop(grace_us, KILLED, failed)
    return Stop(hook_us + own_us, TERMINATED, failed)


def grace_us(pod: Resource) -> int:
    """How long a pod has to end, in microseconds; a period of 0 kills at once."""
    grace = pod.spec.termination_grace_period_seconds
    return (GRACE_S if grace is None else int(grace)) * SECOND_US


def reaction_us(world: World, pod: Resource) -> int:
    """How long the processes of a pod take to end on SIGTERM, this time."""
    return world.draw(str(pod.key), "terminate", 200_000, 2_000_000)


def termination(
    world: World, pod: Resource, running: Sequence[Container], grace_s: int | None = None
) -> tuple[int, bool]:
    """How long a pod takes to end once told, in microseconds, and whether a preStop hook fails.

    `grace_s` stands in for its own grace period.

    Its containers end together, then its sidecars, the one that started last first; `running` are those to be stopped.
    """
    whole_us = grace_us(pod) if grace_s is None else grace_s * SECOND_US
    own_us = reaction_us(world, pod)
    sides = [c for c in running if c.restart_policy == "Always"]
    stops = [stop(world, container, own_us, whole_us) for container in running if container not in sides]
    end_us = max((found.after_us for found in stops), default=min(own_us, whole_us))
    for container in sides[::-1]:
        stops.append(stop(world, container, own_us, max(0, whole_us - end_us)))
        end_us += stops[-1].after_us
    return end_us, any(found.hook_failed for found in stops)

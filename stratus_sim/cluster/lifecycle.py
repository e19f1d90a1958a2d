"""Commands run inside containers: hooks, exec probes, and how long a graceful termination takes.

Follows kubernetes.io/docs/concepts/containers/container-lifecycle-hooks and .../workloads/pods/pod-lifecycle
("Termination of Pods"). A hook that asks by HTTP is taken to be answered at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.process import Exit
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.pod_shapes import Container, Hook

if TYPE_CHECKING:
    from stratus_sim.world import World

GRACE_S = 30
_LAST_CHANCE_US = 2 * SECOND_US
"""What the kubelet adds once for a process whose preStop hook has used up the grace period."""
_CONDITIONAL = re.compile(r"\|\||&&|\bif\b|\bwhile\b|\buntil\b|\bcase\b|(?:^|\s)\[\[?\s|\btest\b")
_DEAF = re.compile(r"""\btrap\s+(?:''|""|:)\s+(?:\S+\s+)*?(?:SIG)?(?:TERM|15)\b""")

When = Literal["post_start", "pre_stop"]


def command_exit(world: World, container: Container, command: Sequence[str]) -> Exit:
    """How a command ends inside a container; one that depends on what it finds there is taken to end well."""
    if _CONDITIONAL.search(" ".join(command)):
        return Exit(0, None)
    return world.processes.exit(msgspec.structs.replace(container, command=[*command], args=None))


def hooked(pod: Resource, when: When) -> bool:
    """Whether a container of a pod has such a hook."""
    return any(c.lifecycle is not None and getattr(c.lifecycle, when) is not None for c in pod.spec.containers)


def run(world: World, pod: Resource, when: When) -> Exit:
    """The end of the longest of a pod's hooks; its code is not 0 when one of them fails."""
    found = [_run(world, c, getattr(c.lifecycle, when)) for c in pod.spec.containers if c.lifecycle is not None]
    return Exit(max((end.code for end in found), default=0), max((end.after_us or 0 for end in found), default=0))


def _run(world: World, container: Container, hook: Hook | None) -> Exit:
    if hook is None:
        return Exit()
    if hook.sleep is not None:
        return Exit(0, hook.sleep.seconds * SECOND_US)
    if hook.exec is not None:
        return command_exit(world, container, hook.exec.command or ())
    return Exit()


def termination_us(world: World, pod: Resource) -> tuple[int, bool]:
    """How long a pod takes to end once told, and whether a preStop hook fails.

    First the hook, then SIGTERM, SIGKILL where the grace period ends; a period of 0 kills at once.
    """
    grace = pod.spec.termination_grace_period_seconds
    grace_us = (GRACE_S if grace is None else grace) * SECOND_US
    own_us = world.draw(str(pod.key), "terminate", 200_000, 2_000_000)
    if any(_DEAF.search(" ".join((*(c.command or ()), *(c.args or ())))) for c in pod.spec.containers):
        own_us = grace_us
    hook = run(world, pod, "pre_stop") if hooked(pod, "pre_stop") else Exit()
    hook_us = hook.after_us or 0
    if grace_us and hook_us >= grace_us:
        return grace_us + min(own_us, _LAST_CHANCE_US), bool(hook.code)
    return min(grace_us, hook_us + own_us), bool(hook.code)

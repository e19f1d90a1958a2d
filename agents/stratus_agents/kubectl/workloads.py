"""Writes to workloads and nodes: size, containers, roll-outs, what kubectl makes for a workload, scheduling."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus_agents.kubectl.line import Command, Refused
from stratus_agents.kubectl.values import number
from stratus_sim.cluster.actions import Action


def _scale(command: Command, _manifest: str) -> Action:
    command.expect("replicas")
    return command.act({"replicas": _number(command, "replicas")})


def _number(command: Command, flag: str) -> int:
    return number(command.flags.get(flag, ""), f"kubectl {command.verb}: --{flag}")


def _set_image(command: Command, _manifest: str) -> Action:
    command.expect()
    targets, rest = command.targets()
    container, _, image = rest[0].partition("=") if len(rest) == 1 else ("", "", "")
    if not container or not image:
        raise Refused("kubectl set image: expected deployment/NAME CONTAINER=IMAGE, one container per line")
    return Action("set-image", targets[0], {"container": container, "image": image}, command.home)


def _set_env(command: Command, _manifest: str) -> Action:
    command.expect("container")
    targets, rest = command.targets()
    return Action("set-env", targets[0], {**_container(command), "env": command.pairs(rest)}, command.home)


def _set_resources(command: Command, _manifest: str) -> Action:
    command.expect("limits", "requests", "container")
    sides = {side: _amounts(command.flags[side]) for side in ("limits", "requests") if side in command.flags}
    if not sides:
        raise Refused("kubectl set resources: expected --limits=cpu=AMOUNT,memory=AMOUNT or --requests=...")
    return command.act({**_container(command), **sides})


def _amounts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise Refused(f"{text!r}: expected cpu=AMOUNT,memory=AMOUNT")
    return {name: value for name, _, value in pairs}


def _container(command: Command) -> dict[str, str]:
    return {"container": command.flags["container"]} if "container" in command.flags else {}


def _undo(command: Command, _manifest: str) -> Action:
    command.expect("to-revision")
    revision = _number(command, "to-revision") if "to-revision" in command.flags else 0
    return command.act({"revision": revision} if revision else {})


def _expose(command: Command, _manifest: str) -> Action:
    command.expect("port", "target-port", "name")
    inner = command.flags.get("target-port")
    target = {} if inner is None else {"target_port": int(inner) if inner.isascii() and inner.isdecimal() else inner}
    return command.act({"port": _number(command, "port"), **target, **_name(command)})


def _autoscale(command: Command, _manifest: str) -> Action:
    command.expect("max", "min", "cpu-percent", "name")
    optional = {
        flag.replace("-", "_"): _number(command, flag) for flag in ("min", "cpu-percent") if flag in command.flags
    }
    return command.act({"max": _number(command, "max"), **optional, **_name(command)})


def _name(command: Command) -> dict[str, str]:
    return {"name": command.flags["name"]} if "name" in command.flags else {}


def _plain(command: Command, _manifest: str) -> Action:
    command.expect()
    return command.act({})


def _node(command: Command, _manifest: str) -> Action:
    command.expect("ignore-daemonsets")
    if len(command.words) != 1:
        raise Refused(f"kubectl {command.verb}: expected the name of one node")
    return Action(command.verb, f"node/{command.words[0].rpartition('/')[2]}", {}, command.home)


def _taint(command: Command, _manifest: str) -> Action:
    command.expect()
    targets, taints = command.targets()
    if not taints:
        raise Refused("kubectl taint: expected node NAME KEY=VALUE:EFFECT, or KEY:EFFECT- to remove it")
    return Action("taint", targets[0], {"taints": list(taints)}, command.home)


ACTIONS: Mapping[str, Callable[[Command, str], Action]] = {
    "scale": _scale,
    "set-image": _set_image,
    "set-env": _set_env,
    "set-resources": _set_resources,
    "rollout-undo": _undo,
    "rollout-restart": _plain,
    "rollout-pause": _plain,
    "rollout-resume": _plain,
    "expose": _expose,
    "autoscale": _autoscale,
    "cordon": _node,
    "uncordon": _node,
    "drain": _node,
    "taint": _taint,
}
"""By verb: what a line and the manifest beside it stand for."""

"""Random writes that look valid: the fuzzer among the policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from stratus_agents.policies.hypotheses import write
from stratus_agents.policies.scene import Json, name, namespace, template_containers
from stratus_sim.cluster import root_ca
from stratus_sim.cluster.actions import Action
from stratus_sim.kernel.streams import draw_bits, uniform
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Step, Submit, Wait

_T = TypeVar("_T")
_DELETABLE = ("Pod", "Deployment", "Service", "ConfigMap", "Secret", "ReplicaSet", "PersistentVolumeClaim", "Namespace")
_MOST_ACTIONS = 4
_LONGEST_WAIT_S = 60


class Dice:
    """A stream of numbers that depends on nothing but its seed."""

    def __init__(self, seed: int) -> None:
        self._seed, self._drawn = seed, 0

    def number(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        self._drawn += 1
        return uniform(draw_bits(self._seed, "policy", "random", self._drawn), low, high)

    def pick(self, things: Sequence[_T]) -> _T:
        return things[self.number(0, len(things) - 1)]


class Random:
    """Up to four random writes per look, at most three looks per attempt."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)

    def act(self, observation: Observation) -> Answer:
        dice = self._dice
        drawn = [_DRAWS[dice.pick(VERBS)](dice, observation) for _ in range(dice.number(0, _MOST_ACTIONS))]
        steps: list[Step] = [action for action in drawn if action is not None]
        last = Submit("had enough") if dice.number(0, 2) == 0 else Wait(dice.number(1, _LONGEST_WAIT_S))
        return [*steps, last]


_Draw = Callable[[Dice, Observation], Action | None]


def _one(dice: Dice, observation: Observation, kind: str) -> Json | None:
    found = [body for body in observation.list(kind) if name(body) != root_ca.NAME]
    return dice.pick(found) if found else None


def _on(kind: str, make: Callable[[Dice, Json], Action]) -> _Draw:
    """A draw that first picks an object of `kind`; None where there is none."""

    def draw(dice: Dice, observation: Observation) -> Action | None:
        body = _one(dice, observation, kind)
        return make(dice, body) if body is not None else None

    return draw


def _scale(dice: Dice, deployment: Json) -> Action:
    return write("scale", deployment, replicas=dice.number(0, 4))


def _set_image(dice: Dice, deployment: Json) -> Action:
    container = dice.pick(template_containers(deployment))
    repository = str(container.get("image", "")).rpartition(":")[0] or "busybox"
    image = dice.pick([container.get("image", "busybox"), f"{repository}:latest", f"{repository}:v{dice.number(1, 9)}"])
    return write("set-image", deployment, container=container["name"], image=image)


def _set_env(dice: Dice, deployment: Json) -> Action:
    container = dice.pick(template_containers(deployment))
    names = [variable["name"] for variable in container.get("env") or ()] or ["LOG_LEVEL"]
    value = dice.pick([None, "", "debug", f"localhost:{dice.number(1, 65535)}"])
    return write("set-env", deployment, container=container["name"], env={dice.pick(names): value})


def _set_resources(dice: Dice, deployment: Json) -> Action:
    container = dice.pick(template_containers(deployment))
    memory_mib, limit_millicores, millicores = 2 ** dice.number(2, 12), dice.number(1, 40) * 50, dice.number(1, 40) * 25
    limits = {"memory": f"{memory_mib}Mi", "cpu": f"{limit_millicores}m"}
    requests = {"memory": "4Mi", "cpu": f"{min(millicores, limit_millicores)}m"}
    return write("set-resources", deployment, container=container["name"], limits=limits, requests=requests)


def _patch_service(dice: Dice, service: Json) -> Action:
    ports = service["spec"].get("ports") or [{"port": 80}]
    changed = [{**port, "targetPort": dice.number(1, 65535)} for port in ports]
    return write("patch", service, patch={"spec": dice.pick([{"ports": changed}, {"selector": {"app": "other"}}])})


def _patch_deployment(dice: Dice, deployment: Json) -> Action:
    selector = dice.pick([None, {"disktype": "ssd"}])
    return write("patch", deployment, patch={"spec": {"template": {"spec": {"nodeSelector": selector}}}})


def _patch(dice: Dice, observation: Observation) -> Action | None:
    kind, make = dice.pick([("Service", _patch_service), ("Deployment", _patch_deployment)])
    return _on(kind, make)(dice, observation)


def _apply(dice: Dice, config_map: Json) -> Action:
    """The ConfigMap with one entry less."""
    data = dict(config_map.get("data") or {})
    if data:
        del data[dice.pick(sorted(data))]
    return _as_manifest("apply", {**config_map, "data": data})


def _create(dice: Dice, observation: Observation) -> Action | None:
    home = dice.pick(observation.namespaces) if observation.namespaces else "default"
    metadata = {"name": f"scratch-{dice.number(1, 99)}", "namespace": home}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"note": "hello"}}
    return _as_manifest("create", manifest)


def _as_manifest(verb: str, body: Json) -> Action:
    target = f"{body['kind'].lower()}/{name(body)}"
    return Action(verb, target, {"manifest": _without_server_fields(body)}, namespace(body))


def _without_server_fields(body: Json) -> Json:
    """What a user would keep in a file: no status, no fields the API server owns."""
    metadata = {k: v for k, v in body["metadata"].items() if k in ("name", "namespace", "labels")}
    return {**{k: v for k, v in body.items() if k != "status"}, "metadata": metadata}


def _delete(dice: Dice, observation: Observation) -> Action | None:
    return _on(dice.pick(_DELETABLE), lambda _, body: write("delete", body))(dice, observation)


def _rollout_undo(dice: Dice, observation: Observation) -> Action | None:
    deployment = _one(dice, observation, "Deployment")
    if deployment is None:
        return None
    history = observation.history(name(deployment), namespace(deployment))
    revisions = [entry["revision"] for entry in history] or [1]
    return write("rollout-undo", deployment, revision=dice.pick(revisions))


_DRAWS: Mapping[str, _Draw] = {
    "scale": _on("Deployment", _scale),
    "set-image": _on("Deployment", _set_image),
    "set-env": _on("Deployment", _set_env),
    "set-resources": _on("Deployment", _set_resources),
    "patch": _patch,
    "apply": _on("ConfigMap", _apply),
    "create": _create,
    "delete": _delete,
    "rollout-undo": _rollout_undo,
    "rollout-restart": _on("Deployment", lambda _, body: write("rollout-restart", body)),
    "cordon": _on("Node", lambda _, body: write("cordon", body)),
    "uncordon": _on("Node", lambda _, body: write("uncordon", body)),
}
VERBS = tuple(_DRAWS)
"""Every verb a policy can use, in the order the dice number them."""

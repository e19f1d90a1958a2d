"""What controllers found out: the status half of API objects. Times are microseconds since the world began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Phase = Literal["Pending", "Running", "Failed"]


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """A pod as its kubelet reports it. The containers of a pod share one fate here: `reason` is the worst of them.

    `reason` is the waiting or termination reason kubectl would show (ErrImagePull, CrashLoopBackOff, ...), empty
    when nothing is wrong. `env` is the environment the process was started with. `since_us` is when `ready` last
    changed, `waiting_since_us` when `reason` first stood.
    """

    phase: Phase = "Pending"
    node: str = ""
    ip: str = ""
    ready: bool = False
    since_us: int = 0
    reason: str = ""
    message: str = ""
    restarts: int = 0
    last_termination: str = ""
    env: Mapping[str, Mapping[str, str]] = {}


class ReplicaStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a ReplicaSet or StatefulSet; `revision` is the rollout a ReplicaSet belongs to."""

    replicas: int = 0
    ready: int = 0
    revision: int = 0


class DeploymentStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a Deployment; `current` is the ReplicaSet of the template at generation `observed`."""

    observed: int = 0
    current: str = ""
    revision: int = 0
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    since_us: int = 0


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """`heartbeat` is whether its kubelet reports; `ready` is what the control plane believes, 40 s later.

    `millicores` and `memory_mib` are what the pods bound to it have requested, `capacity_*` what it can give;
    `images` is what it has pulled.
    """

    heartbeat: bool = True
    ready: bool = True
    since_us: int = 0
    millicores: int = 0
    memory_mib: int = 0
    capacity_millicores: int = 0
    capacity_mib: int = 0
    images: frozenset[str] = frozenset()


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """A ready pod behind a Service; `ports` maps the Service's port to the port it is sent to."""

    pod: str
    node: str
    ports: Mapping[int, int]


class EndpointsStatus(msgspec.Struct, frozen=True, gc=False):
    """The ready endpoints of a Service, in order of pod name."""

    endpoints: tuple[Endpoint, ...] = ()


Status = PodStatus | ReplicaStatus | DeploymentStatus | NodeStatus | EndpointsStatus | None

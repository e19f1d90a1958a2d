"""What controllers found out: the status half of API objects. Times are microseconds since the world began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from immutables import Map

from stratus_sim.cluster.job_status import CronJobStatus, JobStatus
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.scale_status import AutoscalerStatus
from stratus_sim.cluster.volumes_status import ClaimStatus, VolumeStatus
from stratus_sim.kernel.timers import Timer

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]
ENDED: tuple[Phase, ...] = ("Succeeded", "Failed")
"""Phases in which nothing of a pod runs any more."""


State = Literal["waiting", "running", "terminated"]


class Streak(msgspec.Struct, frozen=True, gc=False):
    """Answers alike in a row to one kind of probe: from the one at `since_us` on it says `told`, "" for well.

    One that is `held` has had its effect: nobody asks until the container is another.
    """

    kind: Literal["startup", "readiness", "liveness"]
    since_us: int
    told: str = ""
    held: bool = False


class ContainerStatus(msgspec.Struct, frozen=True, gc=False):
    """One container as its kubelet reports it.

    `reason` is why it waits or has ended, as kubectl shows it (ErrImagePull, CrashLoopBackOff, ...), empty when nothing
    is wrong. `started_us` is when it last started, 0 before, `previous_us` the start before that; `restarts` counts the
    starts after the first.
    `last_termination`, `code` and `ended_us` are reason, exit code and time of its latest end. `failures` are ends in
    a row its back-off counts, `attempts` what failed in a row before it could run: attaching, then pulls. `streaks` are
    the latest answers to probes that do not simply succeed.
    """

    state: State = "waiting"
    ready: bool = False
    reason: str = ""
    message: str = ""
    restarts: int = 0
    last_termination: str = ""
    code: int = 0
    started_us: int = 0
    previous_us: int = 0
    ended_us: int = 0
    failures: int = 0
    attempts: int = 0
    streaks: tuple[Streak, ...] = ()


class PodStatus(ContainerStatus, frozen=True, gc=False):
    """A pod as its kubelet reports it.

    Of a pod with one container the fields of `ContainerStatus` are this one's. Where there are several, or init
    containers, each has its own in `containers`, in the order they start, and these fields sum them up: `restarts`
    of all, the rest of the first in trouble. `env` is the environment each process was started with, by name;
    `bound_us` is when it got its node, `since_us` when `ready` last changed. `initialized` counts the init containers
    that have ended well or, as sidecars, started. `disruption` is why it is ended though nothing is wrong with it (see
    `cluster.disruption`).
    """

    phase: Phase = "Pending"
    node: str = ""
    ip: str = ""
    bound_us: int = 0
    since_us: int = 0
    initialized: int = 0
    env: Mapping[str, Mapping[str, str]] = {}
    containers: tuple[ContainerStatus, ...] = ()
    disruption: str = ""


class ReplicaStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a ReplicaSet; `revision` is the rollout it belongs to, `available` are ready for `minReadySeconds`."""

    replicas: int = 0
    ready: int = 0
    revision: int = 0
    available: int = 0


class DeploymentStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a Deployment; `current` names the ReplicaSet of the template at generation `observed`.

    `sized_for` is the number of replicas its sets were last scaled for. `progress` is the reason of the condition
    Progressing, `progress_us` when something last moved, `deadline` the timer that looks whether nothing did. While
    fewer are ready than asked for, `short_us` is since when.
    """

    observed: int = 0
    current: str = ""
    revision: int = 0
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    since_us: int = 0
    available: int = 0
    sized_for: int | None = None
    short_us: int = 0
    progress: str = ""
    progress_us: int = 0
    deadline: Timer | None = None


class StatefulSetStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a StatefulSet: pods that are there, ready, available, of the `current` and of the `update` revision.

    `current` and `update` name ControllerRevisions: what the set comes from and what it is rolled out to.
    """

    replicas: int = 0
    ready: int = 0
    available: int = 0
    current_replicas: int = 0
    updated: int = 0
    current: str = ""
    update: str = ""
    observed: int = 0


class Place(msgspec.Struct, frozen=True, gc=False):
    """What one node means to a DaemonSet: is a pod wanted there, and how do those that are there fare."""

    wanted: bool = False
    scheduled: bool = False
    misscheduled: bool = False
    ready: bool = False
    available: bool = False
    updated: bool = False
    surging: bool = False
    pods: tuple[str, ...] = ()


class DaemonSetStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a DaemonSet over its `places` by node; `misscheduled` are nodes with a pod that should not be there.

    `update` names the newest ControllerRevision, `queue` the nodes that wait for it, of which `taken` had their turn.
    """

    wanted: int = 0
    scheduled: int = 0
    misscheduled: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    surging: int = 0
    observed: int = 0
    update: str = ""
    queue: tuple[str, ...] = ()
    taken: int = 0
    places: Map[str, Place] = Map()


class Strain(msgspec.Struct, frozen=True, gc=False):
    """What a machine suffers that no object says: others take a share of its CPUs (`stolen_permille`), its network
    holds every request up (`delay_us`), or lets none through (`cut`) though its kubelet still reports."""

    stolen_permille: int = 0
    delay_us: int = 0
    cut: bool = False

    @property
    def left_permille(self) -> int:
        """The share of its CPUs that is left to its pods."""
        return 1000 - self.stolen_permille


CALM = Strain()


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """`heartbeat` is whether its kubelet reports; `ready` is what the control plane believes, 50 s later.

    `silent_us` is when it last fell silent, `since_us` when `ready` last changed.

    `millicores` and `memory_mib` are what the pods bound to it have requested, `capacity_*` what it can give, `weight`
    what they count as when nodes are compared (`specs.weighed`);
    `images` is what it has pulled. `pressure` says of what it is short, Memory or Disk, and when that was last seen;
    `tainted` since when it has which taints that send pods away. `evicting_us` is since when one that is lost has the
    taint that sends its pods away too, None while it has not (see `cluster.zones`).
    """

    heartbeat: bool = True
    silent_us: int = 0
    ready: bool = True
    since_us: int = 0
    millicores: int = 0
    memory_mib: int = 0
    capacity_millicores: int = 0
    capacity_mib: int = 0
    weight: tuple[int, int] = (0, 0)
    images: frozenset[str] = frozenset()
    pressure: Map[str, int] = Map()
    tainted: Map[str, int] = Map()
    strain: Strain = CALM
    evicting_us: int | None = None


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """A pod behind a Service; `ports` maps the Service's port to the port it is sent to.

    Conditions as discovery.k8s.io/v1 has them: a `serving` pod is ready, a `terminating` one on its way out; `ready`
    are those that serve and stay, or all where the Service publishes addresses that are not ready.
    """

    pod: str
    node: str
    ports: Mapping[int, int]
    ready: bool = True
    serving: bool = True
    terminating: bool = False


class EndpointsStatus(msgspec.Struct, frozen=True, gc=False):
    """The endpoints of an EndpointSlice, ready or not, in order of pod name; the first slice of a Service names the
    `others` there are."""

    endpoints: tuple[Endpoint, ...] = ()
    others: tuple[ObjectKey, ...] = ()

    @property
    def ready(self) -> tuple[Endpoint, ...]:
        """Those that requests are sent to."""
        return tuple([endpoint for endpoint in self.endpoints if endpoint.ready])


Status = (
    PodStatus
    | ReplicaStatus
    | DeploymentStatus
    | StatefulSetStatus
    | DaemonSetStatus
    | JobStatus
    | CronJobStatus
    | AutoscalerStatus
    | NodeStatus
    | EndpointsStatus
    | ClaimStatus
    | VolumeStatus
    | None
)
